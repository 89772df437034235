// Replay: the same inputs give the same digests, and the first checkpoint that says otherwise ends it (ADR-0004).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import type { Batch, EventRecord } from "../../src/eventlog/index.ts"
import { fold, hashJson, type Machine, OpBuffer } from "../../src/machine/index.ts"
import { routerEffects, span } from "../../src/router/effects.ts"
import { EFFECT_DIGEST_START, foldOps, releaseEffects, replay } from "../../src/router/replay.ts"
import { arbitraryBatches } from "../../src/testing/eventlog.ts"

const { code } = routerEffects

interface Tally {
  readonly seen: number
  readonly hash: number
}

/** Folds whatever it is given, and arms a timer for each record, with an error that can be switched on. */
const tally = (faultAt?: { readonly seq: number; readonly kind: "state" | "effects" }): Machine<Tally, Batch> => ({
  name: "tally",
  step: (state, batch, out) => {
    const faulty = faultAt?.seq === batch.seq ? faultAt.kind : ""
    for (const record of batch.records) {
      if (record._tag !== "Checkpoint")
        out.put(code.ArmTimer, batch.seq, record._tag.length + (faulty === "effects" ? 1 : 0))
    }
    const inputs = batch.records.filter((record) => record._tag !== "Checkpoint")
    return {
      seen: state.seen + inputs.length,
      hash: fold(state.hash, hashJson(inputs) + (faulty === "state" ? 1 : 0))
    }
  },
  clone: (state) => state,
  digest: (state) => fold(state.hash, state.seen)
})

const START: Tally = { seen: 0, hash: 0 }
const digestOf = (digest: number, out: OpBuffer): number =>
  foldOps(digest, out, () => {
    throw new Error("no blocks here")
  })

/** Runs the machine as the daemon does: every batch begins with the digests of all before it. */
const recordRun = (inputs: ReadonlyArray<Batch>): Array<Batch> => {
  const machine = tally()
  const out = new OpBuffer()
  let state = START
  let effectDigest = EFFECT_DIGEST_START
  return inputs.map((input) => {
    const checkpoint: EventRecord = { _tag: "Checkpoint", stateDigest: machine.digest(state), effectDigest }
    const batch = { ...input, records: [checkpoint, ...input.records.filter((one) => one._tag !== "Checkpoint")] }
    out.clear()
    state = machine.step(state, batch, out)
    effectDigest = digestOf(effectDigest, out)
    return batch
  })
}

const RUN = recordRun(
  [0, 1, 2, 3, 4].map((seq) => ({ seq, at: 1000 * seq, records: [{ _tag: "Timer", timer: seq }] as const }))
)

describe("replay", () => {
  it("verifies every checkpoint of any run", () => {
    fc.assert(
      fc.property(arbitraryBatches(), (inputs) => {
        const run = recordRun(inputs)
        const replayed = replay(tally(), START, run, { digestOf })
        expect(replayed.divergence).toBeUndefined()
        expect(replayed.checkpoints).toBe(run.length)
        expect(replayed.lastSeq).toBe(run.length - 1)
      }),
      { numRuns: 50 }
    )
  })

  it.each(["state", "effects"] as const)("stops at the first checkpoint after a difference in %s", (kind) => {
    const replayed = replay(tally({ seq: 2, kind }), START, RUN, { digestOf })
    expect(replayed.divergence).toMatchObject({ seq: 3, kind, agreedAt: 2 })
    expect(replayed.divergence!.actual).not.toBe(replayed.divergence!.expected)
    expect(replayed).toMatchObject({ batches: 3, lastSeq: 2, checkpoints: 3 })
  })

  it("stops after the batch or the time it is asked to", () => {
    expect(replay(tally(), START, RUN, { digestOf, until: { seq: 2 } }).lastSeq).toBe(2)
    expect(replay(tally(), START, RUN, { digestOf, until: { at: 1500 } }).lastSeq).toBe(1)
  })

  it("replays nothing from a log without batches", () => {
    expect(replay(tally(), START, [], { digestOf })).toMatchObject({ batches: 0, lastSeq: -1, state: START })
  })
})

describe("effect digest", () => {
  const send = (skipped: number, bytes: ReadonlyArray<number>, at = 0): number => {
    const pool = new BlockPool(32, "sent")
    for (let index = 0; index < skipped; index++) pool.acquire()
    const block = pool.acquire()
    pool.bytes(block).set(bytes, at)
    const out = new OpBuffer()
    out.put(code.Send, 7, block, span(at, at + bytes.length))
    const digest = foldOps(EFFECT_DIGEST_START, out, (lease) => pool.bytes(lease))
    releaseEffects(out, (lease) => pool.release(lease))
    expect(pool.stats().leased).toBe(skipped)
    return digest
  }

  it("depends on the bytes sent and not on where they lay", () => {
    expect(send(0, [1, 2, 3])).toBe(send(4, [1, 2, 3], 9))
    expect(send(0, [1, 2, 3])).not.toBe(send(0, [1, 2, 4]))
    expect(send(0, [1, 2, 3])).not.toBe(send(0, [1, 2, 3, 0]))
  })

  it("covers kernel requests by their bytes and their last sequence number", () => {
    const ask = (op: number, byte: number, seq: number): number => {
      const pool = new BlockPool(32, "asked")
      const block = pool.acquire()
      pool.bytes(block)[3] = byte
      const out = new OpBuffer()
      out.put(op, block, 4, seq)
      return foldOps(EFFECT_DIGEST_START, out, (lease) => pool.bytes(lease))
    }
    const digests = [
      ask(code.KernelSend, 1, 1),
      ask(code.KernelSend, 2, 1),
      ask(code.KernelSend, 1, 2),
      ask(code.KernelDump, 1, 1)
    ]
    expect(new Set(digests).size).toBe(4)
    expect(ask(code.KernelSend, 1, 1)).toBe(digests[0])
  })

  it("depends on the order of effects", () => {
    const one = new OpBuffer()
    one.put(code.CancelTimer, 1)
    one.put(code.CancelTimer, 2)
    const other = new OpBuffer()
    other.put(code.CancelTimer, 2)
    other.put(code.CancelTimer, 1)
    const none = (): Uint8Array => new Uint8Array(0)
    expect(foldOps(0, one, none)).not.toBe(foldOps(0, other, none))
  })

  it("is the same whether a run is cut into one step or several", () => {
    const none = (): Uint8Array => new Uint8Array(0)
    const whole = new OpBuffer()
    const first = new OpBuffer()
    const second = new OpBuffer()
    for (const [timer, part] of [
      [1, first],
      [2, second]
    ] as const) {
      whole.put(code.ArmTimer, timer, 5)
      part.put(code.ArmTimer, timer, 5)
    }
    expect(foldOps(foldOps(0, first, none), second, none)).toBe(foldOps(0, whole, none))
  })
})
