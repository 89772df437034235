// Arbitraries for what a router is fed: records and whole runs of batches. Bytes are any bytes: whether they mean something is for the
// rooms that read them; runs that make sense come from the virtual world.
import fc from "fast-check"
import {
  type Batch,
  ConnectionChange,
  type EventRecord,
  FollowedNews,
  KernelChannel,
  type LogHeader
} from "../eventlog/index.ts"

const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
/** Any text, halves of surrogate pairs included: a log must not alter what it is given. */
const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })

export const arbitraryRecord: fc.Arbitrary<EventRecord> = fc.oneof(
  fc.record({ _tag: fc.constant("Bytes"), conn: u32, bytes: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({
    _tag: fc.constant("Connection"),
    conn: u32,
    change: fc.constantFrom(...Object.values(ConnectionChange)),
    remote: text,
    local: text,
    cause: text
  }),
  fc.record({ _tag: fc.constant("Timer"), timer: u32 }),
  fc.record({
    _tag: fc.constant("Kernel"),
    channel: fc.constantFrom(...Object.values(KernelChannel)),
    bytes: fc.uint8Array({ maxLength: 300 })
  }),
  fc.record({
    _tag: fc.constant("Followed"),
    news: fc.constantFrom(...Object.values(FollowedNews)),
    bytes: fc.uint8Array({ maxLength: 300 })
  }),
  fc.record({ _tag: fc.constant("Command"), json: fc.oneof(fc.json(), text) }),
  fc.record({ _tag: fc.constant("Quantum"), nodes: u32 }),
  fc.record({ _tag: fc.constant("Checkpoint"), stateDigest: u32, effectDigest: u32 })
) as fc.Arbitrary<EventRecord>

/** A run from its beginning: sequence numbers without gaps, time that never goes back. */
export const arbitraryBatches = (maxBatches = 8): fc.Arbitrary<ReadonlyArray<Batch>> =>
  fc
    .tuple(
      fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
      fc.array(fc.tuple(fc.nat({ max: 10_000_000 }), fc.array(arbitraryRecord, { maxLength: 6 })), {
        maxLength: maxBatches
      })
    )
    .map(([startedAt, steps]) => {
      let at = startedAt
      return steps.map(([elapsed, records], seq) => {
        at += elapsed
        return { seq, at, records }
      })
    })

export const arbitraryHeader: fc.Arbitrary<Omit<LogHeader, "formatVersion">> = fc.record({
  programVersion: text,
  startedAt: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  seed: u32
})
