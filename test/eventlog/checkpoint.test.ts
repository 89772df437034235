// Checkpoints are due by count, so that two runs with the same input have them at the same places (ADR-0004).
import { expect, it } from "vitest"
import { type Batch, CheckpointCounter, type EventRecord } from "../../src/eventlog/index.ts"

const TICK: EventRecord = { _tag: "Timer", timer: 0 }
const CHECKPOINT: EventRecord = { _tag: "Checkpoint", stateDigest: 0, effectDigest: 0 }

/** Runs batches of the given sizes as the daemon does and returns where checkpoints came. */
const checkpointsOf = (counter: CheckpointCounter, sizes: ReadonlyArray<number>): Array<number> => {
  const at: Array<number> = []
  sizes.forEach((size, seq) => {
    const ticks = Array.from({ length: size }, () => TICK)
    const due = counter.isDue
    if (due) at.push(seq)
    const batch: Batch = { seq, at: 0, records: due ? [CHECKPOINT, ...ticks] : ticks }
    counter.note(batch)
  })
  return at
}

it("is due after so many batches", () => {
  const counter = new CheckpointCounter({ everyBatches: 3, everyRecords: 1000 })
  expect(checkpointsOf(counter, Array(10).fill(1))).toEqual([3, 6, 9])
})

it("is due after so many records", () => {
  const counter = new CheckpointCounter({ everyBatches: 1000, everyRecords: 10 })
  expect(checkpointsOf(counter, [4, 4, 4, 4, 20, 1, 1])).toEqual([3, 5])
})
