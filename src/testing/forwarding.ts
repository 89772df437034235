// Arbitraries for the machines of the forwarding side: a kernel object's entry (`ksync`) and the walks over child lists (`fib`).
import fc from "fast-check"
import type { WalksEvent } from "../fib/index.ts"
import { type Entry, EntryEvent, type EntryInput, EntryState } from "../ksync/index.ts"

/** Every state with every flag, reachable or not: transitions are total. */
export const arbitraryEntry: fc.Arbitrary<Entry> = fc.record({
  state: fc.constantFrom(...Object.values(EntryState)),
  seen: fc.boolean(),
  deleteAddPending: fc.boolean()
})

export const arbitraryEntryInput: fc.Arbitrary<EntryInput> = fc.record({
  event: fc.constantFrom(...Object.values(EntryEvent)),
  unresolved: fc.boolean(),
  referenced: fc.boolean(),
  synchronous: fc.boolean(),
  uncompressed: fc.boolean()
})

/** Few lists, children and reasons, so that walks meet and merge; grants are small, so that they are suspended. */
export const arbitraryWalksEvent: fc.Arbitrary<WalksEvent> = fc.oneof(
  { arbitrary: started(), weight: 3 },
  {
    arbitrary: fc.record({
      _tag: fc.constant("ChildAdded" as const),
      list: fc.nat(2),
      child: fc.nat(5),
      place: fc.constantFrom("Front" as const, "Front" as const, "Back" as const),
      class: fc.constantFrom(0, 0, 1, 2)
    }),
    weight: 3
  },
  {
    arbitrary: fc.record({ _tag: fc.constant("ChildRemoved" as const), list: fc.nat(2), child: fc.nat(5) }),
    weight: 1
  },
  {
    arbitrary: fc.record({ _tag: fc.constantFrom("Held" as const, "LetGo" as const), list: fc.nat(2) }),
    weight: 1
  },
  { arbitrary: fc.record({ _tag: fc.constant("Granted" as const), nodes: fc.integer({ min: 0, max: 3 }) }), weight: 3 },
  { arbitrary: fc.constant({ _tag: "Visited" as const }), weight: 4 }
)

function started(): fc.Arbitrary<WalksEvent> {
  return fc.record({
    _tag: fc.constant("Started" as const),
    mode: fc.constantFrom("Synchronous" as const, "Waiting" as const, "Waiting" as const),
    list: fc.nat(2),
    reason: fc.integer({ min: 1, max: 4 }),
    flags: fc.constantFrom(0, 0, 0, 1),
    depth: fc.constantFrom(0, 0, 0, 1, 31, 32),
    data: fc.constantFrom(0, 0, 0, 1),
    priority: fc.nat(1)
  })
}
