// Timers by slot, with Node's clock under control.
import { Effect, Queue } from "effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { EventRecord } from "../../src/eventlog/index.ts"
import { Inbox } from "../../src/runtime/inbox.ts"
import { Timers, type TimersService } from "../../src/runtime/timers.ts"

/** A slot's handle under a generation. */
const handle = (slot: number, generation: number): number => ((generation << 20) | slot) >>> 0

/** What fired while `body` ran, with time under its control. */
const fired = async (body: (timers: TimersService) => void): Promise<ReadonlyArray<number>> => {
  const records = await Effect.runPromise(
    Effect.gen(function* () {
      const inbox = yield* Inbox
      body(yield* Timers)
      inbox.end()
      return (yield* Queue.collect(inbox.queue)) as ReadonlyArray<EventRecord>
    }).pipe(Effect.provide(Timers.layer), Effect.provide(Inbox.layer))
  )
  return records.map((record) => (record._tag === "Timer" ? record.timer : -1))
}

describe("timers", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }))
  afterEach(() => void vi.useRealTimers())

  it("fire once, under the handle that they were armed with", async () => {
    const timer = handle(3, 9)
    const result = await fired((timers) => {
      timers.arm(timer, 1000)
      vi.advanceTimersByTime(999)
      expect(timers.count()).toBe(1)
      vi.advanceTimersByTime(5000)
    })
    expect(result).toEqual([timer])
  })

  it("are replaced when their slot is armed again", async () => {
    const result = await fired((timers) => {
      timers.arm(handle(3, 1), 1000)
      timers.arm(handle(3, 2), 2000)
      vi.advanceTimersByTime(10_000)
    })
    expect(result).toEqual([handle(3, 2)])
  })

  it("do not fire when cancelled, and leave other slots alone", async () => {
    const result = await fired((timers) => {
      timers.arm(handle(1, 0), 1000)
      timers.arm(handle(2, 0), 1000)
      timers.cancel(handle(1, 0))
      vi.advanceTimersByTime(10_000)
    })
    expect(result).toEqual([handle(2, 0)])
  })

  it("wait longer than the system's longest wait when asked to", async () => {
    const days30 = 30 * 86_400_000
    const result = await fired((timers) => {
      timers.arm(handle(1, 0), days30)
      vi.advanceTimersByTime(days30 - 1000)
      expect(timers.count()).toBe(1)
      vi.advanceTimersByTime(2000)
    })
    expect(result).toEqual([handle(1, 0)])
  })
})
