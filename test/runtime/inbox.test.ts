// The inbox and the cutting of what waits into batches, without sockets.
import { Effect, Fiber, Queue } from "effect"
import { describe, expect, it } from "vitest"
import type { EventRecord } from "../../src/eventlog/index.ts"
import { BATCH_BYTES_MAX, INBOX_EVENTS_MAX } from "../../src/machine/index.ts"
import { type BoundedInbox, cutIntoBatches, INBOX_BYTES_MAX, Inbox } from "../../src/runtime/inbox.ts"
import { LARGE_BLOCK_BYTES } from "../../src/runtime/receive-buffers.ts"

const timer = (number: number): EventRecord => ({ _tag: "Timer", timer: number })
const bytes = (length: number): EventRecord => ({ _tag: "Bytes", conn: 1, bytes: new Uint8Array(length) })

const withInbox = <A>(body: (inbox: BoundedInbox) => Effect.Effect<A>): Promise<A> =>
  Effect.runPromise(Effect.flatMap(Inbox, body).pipe(Effect.provide(Inbox.layer)))

const drain = (inbox: BoundedInbox): Effect.Effect<ReadonlyArray<EventRecord>> =>
  Effect.orDie(Queue.takeAll(inbox.queue)) as Effect.Effect<ReadonlyArray<EventRecord>>

describe("the inbox", () => {
  it("gives records in the order in which they were offered", async () => {
    const records = await withInbox((inbox) => {
      for (let number = 0; number < 5; number++) inbox.offerNow(timer(number))
      return drain(inbox)
    })
    expect(records).toEqual([0, 1, 2, 3, 4].map(timer))
  })

  it("has no room while too many bytes wait, and has it again when they became a batch", async () => {
    await withInbox((inbox) =>
      Effect.sync(() => {
        const flood = bytes(INBOX_BYTES_MAX)
        inbox.offerNow(flood)
        expect(inbox.hasRoom).toBe(false)
        inbox.taken([flood])
        expect(inbox.hasRoom).toBe(true)
      })
    )
  })

  it("lets sources that can wait in one after the other, in their order, when there is room again", async () => {
    const taken = await withInbox((inbox) =>
      Effect.gen(function* () {
        const first = Array.from({ length: INBOX_EVENTS_MAX }, (_, number) => timer(number))
        for (const record of first) inbox.offerNow(record)
        const waiting = yield* Effect.forkChild(
          Effect.forEach([timer(-1), timer(-2)], (record) => inbox.offer(record)),
          { startImmediately: true }
        )
        expect(Queue.sizeUnsafe(inbox.queue)).toBe(INBOX_EVENTS_MAX)
        const before = yield* drain(inbox)
        inbox.taken(before)
        yield* Fiber.join(waiting)
        return yield* drain(inbox)
      })
    )
    expect(taken).toEqual([timer(-1), timer(-2)])
  })

  it("never makes a source wait that cannot, however full it is", async () => {
    await withInbox((inbox) =>
      Effect.sync(() => {
        inbox.offerNow(bytes(INBOX_BYTES_MAX))
        inbox.offerNow(timer(1))
        expect(Queue.sizeUnsafe(inbox.queue)).toBe(2)
      })
    )
  })

  it("forgets a source that gave up waiting", async () => {
    const left = await withInbox((inbox) =>
      Effect.gen(function* () {
        const flood = bytes(INBOX_BYTES_MAX)
        inbox.offerNow(flood)
        const waiting = yield* Effect.forkChild(inbox.offer(timer(7)), { startImmediately: true })
        yield* Fiber.interrupt(waiting)
        inbox.taken(yield* drain(inbox))
        return Queue.sizeUnsafe(inbox.queue)
      })
    )
    expect(left).toBe(0)
  })
})

describe("received bytes", () => {
  const from = (conn: number): EventRecord => ({ _tag: "Bytes", conn, bytes: new Uint8Array(10) })

  it("of one connection may fill a batch, of several each its part of one, and never less than a read", () =>
    withInbox((inbox) =>
      Effect.sync(() => {
        const shares = [inbox.shareBytes]
        for (const conn of [1, 2, 3, 4, 5, 6, 7, 8]) {
          inbox.offerNow(from(conn))
          inbox.offerNow(from(conn))
          shares.push(inbox.shareBytes)
        }
        const batch = BATCH_BYTES_MAX
        expect(shares.slice(0, 5)).toEqual([batch, batch, batch / 2, batch / 3, batch / 4])
        expect(shares.at(-1)).toBe(LARGE_BLOCK_BYTES)
        inbox.taken([1, 2, 3, 4, 5, 6, 7, 8].map(from))
        expect(inbox.shareBytes).toBe(LARGE_BLOCK_BYTES)
        inbox.taken([2, 3, 4, 5, 6, 7, 8].map(from))
        expect(inbox.shareBytes).toBe(batch)
      })
    ))
})

describe("batches", () => {
  it("keep all records in order, none empty, none above the bound unless one record alone is", () => {
    const half = BATCH_BYTES_MAX / 2
    const records = [timer(1), bytes(half), bytes(half), bytes(half), bytes(BATCH_BYTES_MAX * 2), timer(2)]
    const batches = cutIntoBatches(records)
    expect(batches.flat()).toEqual(records)
    expect(batches.map((batch) => batch.length)).toEqual([3, 1, 1, 1])
  })

  it("are one when little waits", () => {
    expect(cutIntoBatches([timer(1), timer(2)])).toEqual([[timer(1), timer(2)]])
  })
})
