// One TCP connection as the transport holds it. It turns what Node says into records and promises an order: what connected it, then
// bytes, then one Closed, then nothing. No error ever escapes: an error is the reason that Closed gives.
import type { Socket } from "node:net"
import { ConnectionChange, type ConnId, type EventRecord } from "../eventlog/index.ts"
import { formatEndpoint } from "./endpoint.ts"
import type { Chunk, ReceiveBuffers } from "./receive-buffers.ts"

/** After our last word: how long the peer has to read it and to close its side (RFC 4271 §8.2.1 leaves it to us). */
export const LINGER_MS = 2000

/** What a connection needs of the transport that holds it. */
export interface ConnectionHome {
  readonly offer: (record: EventRecord) => void
  /** Whether the inbox takes more bytes. */
  readonly hasRoom: () => boolean
  /** Received bytes that one connection may have waiting there. */
  readonly shareBytes: () => number
  /** It is not read until `resume` says that it is. */
  readonly paused: (connection: Connection) => void
  /** Nothing more will come from this connection. */
  readonly gone: (connection: Connection) => void
}

type ReceivedBytes = Chunk | { readonly bytes: Uint8Array; readonly keeper: undefined }

export class Connection {
  readonly id: ConnId
  private readonly socket: Socket
  private readonly home: ConnectionHome
  private isConnected: boolean
  private closing = false
  private cause = ""
  private linger: NodeJS.Timeout | undefined
  /** Received bytes offered and not yet taken. */
  private waitingBytes = 0
  private isCorked = false
  private sends = 0
  private written = 0
  /** Report Drained once so many sends are written; 0: nobody asked. */
  private drainAfter = 0

  /** Where the socket reads to, where it can be told; else what it read is a block of Node's own, which nobody uses again. */
  private readonly buffers: ReceiveBuffers | undefined

  constructor(
    id: ConnId,
    socket: Socket,
    home: ConnectionHome,
    isConnected: boolean,
    buffers: ReceiveBuffers | undefined = undefined
  ) {
    this.id = id
    this.buffers = buffers
    this.socket = socket
    this.home = home
    this.isConnected = isConnected
    socket.setNoDelay(true)
    if (!isConnected) socket.once("connect", () => this.connected())
    // With a reader there is nothing to hear, but without a listener the stream would not end.
    socket.on("data", (bytes: Uint8Array) => this.received({ bytes, keeper: undefined }))
    socket.once("end", () => this.ended())
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.cause ||= error.code ?? error.message
    })
    socket.once("close", () => this.closed())
  }

  get remote(): string {
    return formatEndpoint(this.socket.remoteAddress, this.socket.remotePort)
  }

  get local(): string {
    return formatEndpoint(this.socket.localAddress, this.socket.localPort)
  }

  /** Corked until `flush`: the sends of one batch are one write. */
  send(bytes: Uint8Array, onWritten: () => void): void {
    if (!this.isCorked) {
      this.isCorked = true
      this.socket.cork()
    }
    this.sends++
    this.socket.write(bytes, () => {
      this.written++
      onWritten()
      this.reportDrained()
    })
  }

  flush(): void {
    if (!this.isCorked) return
    this.isCorked = false
    this.socket.uncork()
  }

  wantDrained(): void {
    this.drainAfter = Math.max(1, this.sends)
    this.reportDrained()
  }

  /** Gives up at once, or says its last word and waits for the peer to have read it, but not for ever. */
  close(abort: boolean): void {
    if (this.closing) return
    this.closing = true
    this.cause ||= "closed by us"
    if (abort || !this.isConnected) {
      this.socket.destroy()
      return
    }
    this.flush()
    this.socket.end()
    // Reading on and dropping what comes: closing with unread data would send a reset, and that may overtake our last word.
    this.socket.resume()
    this.limit()
  }

  /** The connection and all its memory, now. Nothing is reported. */
  destroy(): void {
    this.socket.destroy()
  }

  /** A chunk of so many bytes has become part of a batch. */
  taken(byteCount: number): void {
    this.waitingBytes -= byteCount
  }

  /** Reads on when its share of the inbox allows. Returns whether it does. */
  resume(): boolean {
    if (this.waitingBytes >= this.home.shareBytes() / 2) return false
    this.socket.resume()
    return true
  }

  private connected(): void {
    this.isConnected = true
    if (!this.closing) this.report(ConnectionChange.Dialled, "")
  }

  /** So many bytes were read into the buffers. */
  read(byteCount: number): void {
    // What comes after our last word is read into the same place again.
    if (this.buffers !== undefined && !this.closing) this.received(this.buffers.took(byteCount))
  }

  private received({ bytes, keeper }: ReceivedBytes): void {
    if (this.closing) return
    this.waitingBytes += bytes.length
    this.home.offer(
      keeper === undefined ? { _tag: "Bytes", conn: this.id, bytes } : { _tag: "Bytes", conn: this.id, bytes, keeper }
    )
    if (this.waitingBytes < this.home.shareBytes() && this.home.hasRoom()) return
    this.socket.pause()
    this.home.paused(this)
  }

  /** The OPENs are exchanged: messages are of this length at most. */
  expect(messageBytesMax: number): void {
    this.buffers?.expect(messageBytesMax)
  }

  /** The peer says no more. Node ends our side too, once what we have sent is written; a peer that does not read it is cut off. */
  private ended(): void {
    this.cause ||= "closed by the peer"
    this.limit()
  }

  private limit(): void {
    this.linger ??= setTimeout(() => this.socket.destroy(), LINGER_MS)
  }

  private closed(): void {
    clearTimeout(this.linger)
    this.home.gone(this)
    const change = this.isConnected || this.closing ? ConnectionChange.Closed : ConnectionChange.DialFailed
    this.report(change, this.cause || "closed")
  }

  private reportDrained(): void {
    if (this.drainAfter === 0 || this.written < Math.min(this.drainAfter, this.sends) || this.socket.destroyed) return
    this.drainAfter = 0
    this.report(ConnectionChange.Drained, "")
  }

  private report(change: ConnectionChange, cause: string): void {
    const isNews = change === ConnectionChange.Dialled
    const remote = isNews ? this.remote : ""
    const local = isNews ? this.local : ""
    this.home.offer({ _tag: "Connection", conn: this.id, change, remote, local, cause })
  }
}
