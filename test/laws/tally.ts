// A tiny machine to try the laws on: counters in a typed array, updated in place, with a digest kept as the state changes. Also the
// shortest complete example of what a machine is: docs/LIBRARY.md points here.
import fc from "fast-check"
import { defineOps, fold, type Machine } from "../../src/machine/index.ts"
import type { Registration } from "./purity.ts"

export interface Tally {
  readonly counts: Uint32Array
  digest: number
}

export type TallyEvent =
  | { readonly _tag: "Counted"; readonly index: number }
  | { readonly _tag: "Cleared"; readonly index: number }

export const tallyEffects = defineOps({
  /** A counter reached a multiple of four. */
  Announce: [1, "index", "count"],
  /** There is no such counter: data, not an exception. */
  Ignored: [2, "index"]
})

export const createTally = (size: number): Tally => ({ counts: new Uint32Array(size), digest: 0 })

export const tally: Machine<Tally, TallyEvent> = {
  name: "tally",
  step: (state, event, out) => {
    const { index } = event
    if (index < 0 || index >= state.counts.length) {
      out.put(tallyEffects.code.Ignored, index)
      return state
    }
    const before = state.counts[index]!
    const count = event._tag === "Counted" ? before + 1 : 0
    state.counts[index] = count
    // A sum of the hashes of the entries: one entry's change costs one subtraction and one addition.
    state.digest = (state.digest - entryHash(index, before) + entryHash(index, count)) >>> 0
    if (count > 0 && count % 4 === 0) out.put(tallyEffects.code.Announce, index, count)
    return state
  },
  clone: (state) => ({ counts: state.counts.slice(), digest: state.digest }),
  digest: (state) => state.digest
}

export const tallyRegistration: Registration<Tally, TallyEvent> = {
  machine: tally,
  initial: fc.integer({ min: 0, max: 4 }).map((size) => () => createTally(size)),
  event: fc.record({
    _tag: fc.constantFrom("Counted", "Counted", "Counted", "Cleared"),
    index: fc.integer({ min: -1, max: 4 })
  })
}

const entryHash = (index: number, count: number): number => (count === 0 ? 0 : fold(index + 1, count))
