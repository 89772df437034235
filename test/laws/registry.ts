// Every machine of the program, with states to begin with and events to meet. A machine or a reducer that a room exports and that is
// not named here is found by test/tidy.test.ts.
import fc from "fast-check"
import { noWalks, reduceWalks } from "../../src/fib/index.ts"
import { reduceEntry } from "../../src/ksync/index.ts"
import { createModelKernel, modelKernel } from "../../src/netlink/index.ts"
import { arbitraryEntry, arbitraryEntryInput, arbitraryWalksEvent } from "../../src/testing/forwarding.ts"
import { arbitraryKernelEvent } from "../../src/testing/kernel-events.ts"
import { type Registered, register, registerReducer } from "./purity.ts"
import { tallyRegistration } from "./tally.ts"

export const registry: ReadonlyArray<Registered> = [
  register(tallyRegistration),
  register({
    machine: modelKernel,
    initial: fc.boolean().map((compatMode) => () => createModelKernel({ compatMode })),
    event: arbitraryKernelEvent
  }),
  registerReducer({
    name: "kernel entry, corrected",
    reduce: (entry, input) => reduceEntry("corrected", entry, input),
    initial: arbitraryEntry,
    event: arbitraryEntryInput
  }),
  registerReducer({
    name: "kernel entry, as the source",
    reduce: (entry, input) => reduceEntry("source", entry, input),
    initial: arbitraryEntry,
    event: arbitraryEntryInput
  }),
  registerReducer({ name: "walks", reduce: reduceWalks, initial: fc.constant(noWalks), event: arbitraryWalksEvent })
]
