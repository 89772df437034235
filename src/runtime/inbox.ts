// The one door into the router (ADR-0011). Sources that can wait (the kernel's readers, operators) wait here for room; sockets are
// paused by the transport when there is none; what cannot wait and comes at most once for something that exists (a connection's
// change, a timer, a quantum) is always let in, so that a flood of bytes never holds up another connection's end.
import { type Cause, Context, Effect, Layer, Queue } from "effect"
import type { ConnId, EventRecord } from "../eventlog/index.ts"
import { BATCH_BYTES_MAX, INBOX_EVENTS_MAX } from "../machine/index.ts"
import { LARGE_BLOCK_BYTES } from "./receive-buffers.ts"

/** Received bytes that may wait: sixteen batches, a fraction of a second of work. */
export const INBOX_BYTES_MAX: number = 16 * BATCH_BYTES_MAX

interface Waiter {
  readonly record: EventRecord
  readonly admitted: () => void
}

export class Inbox extends Context.Service<Inbox, BoundedInbox>()("backwalk/runtime/Inbox") {
  static readonly layer: Layer.Layer<Inbox> = Layer.effect(
    Inbox,
    Effect.map(Queue.unbounded<EventRecord, Cause.Done>(), (queue) => new BoundedInbox(queue))
  )
}

export class BoundedInbox {
  /** What the daemon's stream reads. Bounded by what may be offered, see above. */
  readonly queue: Queue.Queue<EventRecord, Cause.Done>
  private waitingRecords = 0
  private waitingBytes = 0
  /** Of each connection: records of bytes that wait. */
  private readonly byConnection: Map<ConnId, number> = new Map()
  private readonly waiters: Array<Waiter> = []

  constructor(queue: Queue.Queue<EventRecord, Cause.Done>) {
    this.queue = queue
  }

  get hasRoom(): boolean {
    return this.waitingRecords < INBOX_EVENTS_MAX && this.waitingBytes < INBOX_BYTES_MAX
  }

  /**
   * Received bytes that one connection may have waiting: a batch if it is the only one, else its part of a batch, but a whole read. Peers often
   * say something about the same prefixes, and what comes in one batch is decided on and told once; and memory that is used again soon is
   * still in the cache.
   */
  get shareBytes(): number {
    return Math.max(BATCH_BYTES_MAX / Math.max(1, this.byConnection.size), LARGE_BLOCK_BYTES)
  }

  /** For sources that cannot wait. Whoever offers bytes looks at `hasRoom` afterwards and stops reading when there is none. */
  offerNow(record: EventRecord): void {
    this.waitingRecords++
    this.waitingBytes += bytesOf(record)
    if (record._tag === "Bytes") this.byConnection.set(record.conn, (this.byConnection.get(record.conn) ?? 0) + 1)
    Queue.offerUnsafe(this.queue, record)
  }

  /** For sources that can wait: resolves when the record is in. Those that wait are let in in the order in which they came. */
  readonly offer = (record: EventRecord): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.hasRoom && this.waiters.length === 0) {
        this.offerNow(record)
        return Effect.void
      }
      return this.awaitRoom(record)
    })

  private awaitRoom(record: EventRecord): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const waiter: Waiter = { record, admitted: () => resume(Effect.void) }
      this.waiters.push(waiter)
      return Effect.sync(() => {
        const at = this.waiters.indexOf(waiter)
        if (at !== -1) this.waiters.splice(at, 1)
      })
    })
  }

  /** Nothing more is let in; what waits is still taken. */
  end(): void {
    Queue.endUnsafe(this.queue)
  }

  /** These records have become a batch: their room is free again. */
  taken(records: ReadonlyArray<EventRecord>): void {
    this.waitingRecords -= records.length
    for (const record of records) {
      this.waitingBytes -= bytesOf(record)
      if (record._tag === "Bytes") this.took(record.conn)
    }
    while (this.hasRoom) {
      const waiter = this.waiters.shift()
      if (waiter === undefined) return
      this.offerNow(waiter.record)
      waiter.admitted()
    }
  }

  private took(conn: ConnId): void {
    const left = (this.byConnection.get(conn) ?? 0) - 1
    if (left > 0) this.byConnection.set(conn, left)
    else this.byConnection.delete(conn)
  }
}

/** What waits, cut into batches that a step gets through in a few milliseconds. Order is kept, and no batch is empty. */
export const cutIntoBatches = (
  records: ReadonlyArray<EventRecord>,
  bytesMax: number = BATCH_BYTES_MAX
): Array<ReadonlyArray<EventRecord>> => {
  const batches: Array<ReadonlyArray<EventRecord>> = []
  let from = 0
  let bytes = 0
  for (let at = 0; at < records.length; at++) {
    const more = bytesOf(records[at])
    if (at > from && (bytes + more > bytesMax || at - from === BATCH_RECORDS_MAX)) {
      batches.push(records.slice(from, at))
      from = at
      bytes = 0
    }
    bytes += more
  }
  if (from < records.length) batches.push(from === 0 ? records : records.slice(from))
  return batches
}

const BATCH_RECORDS_MAX = 1024

const bytesOf = (record: EventRecord): number =>
  record._tag === "Bytes" || record._tag === "Kernel" ? record.bytes.length : 0
