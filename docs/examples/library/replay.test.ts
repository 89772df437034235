// Replays a run of the whole router from its log, without a socket: the digests of state and effects agree at every checkpoint, and a log
// that was recorded by other behaviour is noticed at the checkpoint after it.
import assert from "node:assert/strict"
import { test } from "node:test"
import { eventlog, OpBuffer, router } from "backwalk"
import { arbitraryRecord } from "backwalk/testing"
import fc from "fast-check"

const SEED = 7
const MINUTE_MICROS = 60_000_000

const config: router.RouterConfig = {
  router: { asn: 65000, id: "192.0.2.1" },
  listen: [],
  peers: [],
  static: [],
  originate: [{ prefix: "198.51.100.0/24", communities: ["65000:1"] }]
}

/** What the daemon's interpreter does for the core: digests the effects, then gives the blocks back. */
const options: router.ReplayOptions<router.RouterState> = {
  digestOf: (digest, out, state) => router.foldOps(digest, out, (lease) => state.pool.bytes(lease)),
  settle: (out, state) => router.releaseEffects(out, (lease) => state.pool.release(lease))
}

/** Records a run as the daemon does: each batch is in the log before the router sees it, and begins with a checkpoint. */
const recordRun = (inputs: ReadonlyArray<ReadonlyArray<eventlog.EventRecord>>): ReadonlyArray<Uint8Array> => {
  const state = router.createRouter(SEED)
  const out = new OpBuffer()
  let effectDigest = 0
  const batches = inputs.map((records, seq) => {
    const checkpoint: eventlog.EventRecord = {
      _tag: "Checkpoint",
      stateDigest: router.router.digest(state),
      effectDigest
    }
    const batch: eventlog.Batch = { seq, at: seq * MINUTE_MICROS, records: [checkpoint, ...records] }
    const bytes = eventlog.encodeBatch(batch)
    out.clear()
    router.router.step(state, batch, out)
    effectDigest = options.digestOf(effectDigest, out, state)
    options.settle?.(out, state, batch)
    return bytes
  })
  return [eventlog.encodeHeader({ programVersion: "example", startedAt: 0, seed: SEED }), ...batches]
}

const command = (value: object): eventlog.EventRecord => ({ _tag: "Command", json: JSON.stringify(value) })

const log = recordRun([
  [command({ command: "configure", config, seed: SEED })],
  [command({ command: "announce", route: { prefix: "203.0.113.0/24", communities: [] } })],
  [command({ command: "withdraw", prefix: "198.51.100.0/24" })],
  []
])

test("a replay of a log agrees at every checkpoint", () => {
  const replayed = router.replay(router.router, router.createRouter(SEED), eventlog.readLog(log), options)
  assert.equal(replayed.divergence, undefined)
  assert.deepEqual([replayed.batches, replayed.checkpoints], [4, 4])
})

test("a log that another behaviour recorded diverges, and the replay says where", () => {
  const batches = [...eventlog.readLog(log)]
  const forged = batches.filter(({ seq }) => seq !== 1)
  const { divergence } = router.replay(router.router, router.createRouter(SEED), forged, options)
  assert.deepEqual([divergence?.kind, divergence?.seq, divergence?.agreedAt], ["state", 2, 0])
})

test("a log that was cut off in the middle of a batch is read up to it", () => {
  const whole = Uint8Array.from(log.flatMap((bytes) => [...bytes]))
  const reader = new eventlog.LogReader()
  const batches = [...eventlog.readLog([whole.subarray(0, whole.length - 3)], reader)]
  assert.equal(batches.length, 3)
  assert.equal(reader.finish()._tag, "Torn")
})

test("whatever records a log holds, they are read back as they were", () => {
  fc.assert(
    fc.property(fc.array(arbitraryRecord, { maxLength: 5 }), (records) => {
      const batch: eventlog.Batch = { seq: 0, at: 0, records }
      const header = eventlog.encodeHeader({ programVersion: "example", startedAt: 0, seed: 1 })
      const read = [...eventlog.readLog([header, eventlog.encodeBatch(batch)])]
      assert.deepEqual(read.map(eventlog.batchToJson), [eventlog.batchToJson(batch)])
    })
  )
})
