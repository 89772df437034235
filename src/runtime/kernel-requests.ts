// The request socket: batches out, all that the kernel answers to them in. What was handed over while a write was under way goes out in
// one write with what was handed over beside it, so that the thread that is in the kernel for us finds work when it comes back and not
// after our next step. The kernel works in order and inside the write, so all replies are there when it returns (ADR-0056).
import * as fs from "node:fs"
import { Effect } from "effect"
import { KERNEL_BATCH_MESSAGES_MAX } from "../machine/index.ts"
import { eachMessage, NetlinkType } from "../netlink/index.ts"
import { bufferBytes, enlargeSendBuffer, isFailure, readNow } from "./kernel-socket.ts"

/** Batches in one write: 10 ms of the kernel's time. */
const BATCHES_PER_WRITE_MAX = 16
/** What the kernel charges to the receive buffer for a reply that repeats no more than the header (measured on 6.18: 832). */
const REPLY_CHARGE_BYTES = 1024
/** So many bytes in one write, where the system lets us have the buffer. */
const WRITE_BYTES_MAX = 512 * 1024
/** What the kernel keeps of the send buffer for itself is far less. */
const SEND_BUFFER_SPARE_BYTES = 1024
const REPLY_BYTES = 64 * 1024

interface Batch {
  readonly bytes: Uint8Array
  readonly lastSeq: number
  /** All replies to it; nothing: they are lost. */
  readonly answered: (replies: Uint8Array | undefined) => void
}

export class RequestSocket {
  private readonly fd: number
  private readonly batchesPerWrite: number
  private readonly bytesPerWrite: number
  private readonly waiting: Array<Batch> = []
  private isWriting = false
  /** What a write left behind unread is not the answer to the next one. */
  private isDirty = false
  private buffer = new Uint8Array(REPLY_BYTES)

  constructor(fd: number) {
    this.fd = fd
    // Every message of a write may be refused: so many replies must fit. A write of one batch is taken as it comes.
    const batches = Math.floor(bufferBytes(fd).receive / (KERNEL_BATCH_MESSAGES_MAX * REPLY_CHARGE_BYTES))
    this.batchesPerWrite = Math.max(1, Math.min(batches, BATCHES_PER_WRITE_MAX))
    enlargeSendBuffer(fd, WRITE_BYTES_MAX + SEND_BUFFER_SPARE_BYTES)
    this.bytesPerWrite = Math.min(bufferBytes(fd).send - SEND_BUFFER_SPARE_BYTES, WRITE_BYTES_MAX)
  }

  /**
   * Sends a batch behind those that were handed over before it. Resolves with all replies up to that to `lastSeq`, or with nothing if
   * they are lost. Not interruptible: the bytes and the descriptor are in use until the thread pool is done with them.
   */
  send(bytes: Uint8Array, lastSeq: number): Effect.Effect<Uint8Array | undefined> {
    return Effect.uninterruptible(
      Effect.callback<Uint8Array | undefined>((resume) => {
        const answered = (replies: Uint8Array | undefined): void => resume(Effect.succeed(replies))
        this.waiting.push({ bytes, lastSeq, answered })
        if (this.isWriting) return
        // All that this step of the router asks for goes out together.
        this.isWriting = true
        setImmediate(() => this.write())
      })
    )
  }

  private write(): void {
    const batches = this.take()
    this.isWriting = batches.length > 0
    if (!this.isWriting) return
    if (this.isDirty) this.drain()
    const pieces = batches.map(({ bytes }) => bytes)
    fs.writev(this.fd, pieces, null, (cause) => {
      const replies = cause === null ? this.readReplies(batches) : []
      // The next write first: what comes of the replies can wait.
      this.write()
      for (let index = 0; index < batches.length; index++) batches[index].answered(replies[index])
    })
  }

  private take(): Array<Batch> {
    let count = 0
    let byteCount = 0
    while (count < this.waiting.length && count < this.batchesPerWrite) {
      byteCount += this.waiting[count].bytes.length
      if (count > 0 && byteCount > this.bytesPerWrite) break
      count++
    }
    return this.waiting.splice(0, count)
  }

  /** The replies to each batch of a write. When the socket overran nobody knows which are missing: then all of them are. */
  private readReplies(batches: ReadonlyArray<Batch>): ReadonlyArray<Uint8Array | undefined> {
    const replies: Array<Uint8Array | undefined> = []
    let from = 0
    let length = 0
    while (replies.length < batches.length) {
      if (this.buffer.length - length < REPLY_BYTES / 2) this.enlarge()
      const count = readNow(this.fd, this.buffer, length)
      if (isFailure(count)) {
        this.isDirty = true
        return count.code === "EAGAIN" ? replies : []
      }
      const answered = lastAnswered(this.buffer.subarray(length, length + count), batches)
      length += count
      if (answered === -1) continue
      // Those before it have no last reply, and will get none.
      while (replies.length < answered) replies.push(undefined)
      if (replies.length > answered) continue
      replies.push(this.buffer.slice(from, length))
      from = length
    }
    return replies
  }

  private enlarge(): void {
    const larger = new Uint8Array(this.buffer.length * 2)
    larger.set(this.buffer)
    this.buffer = larger
  }

  private drain(): void {
    for (;;) {
      const count = readNow(this.fd, this.buffer, 0)
      if (!isFailure(count) || count.code === "ENOBUFS") continue
      this.isDirty = false
      return
    }
  }
}

/** Which batch is answered completely by this datagram: its last message is; -1: none. */
const lastAnswered = (bytes: Uint8Array, batches: ReadonlyArray<Batch>): number => {
  let answered = -1
  eachMessage(bytes, (type, _flags, seq) => {
    if (type === NetlinkType.Error) answered = batches.findIndex(({ lastSeq }) => lastSeq === seq)
  })
  return answered
}
