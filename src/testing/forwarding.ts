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

/** Few lists, children and reasons, so that walks meet and merge. */
export const arbitraryWalksEvent: fc.Arbitrary<WalksEvent> = fc.oneof(
  { arbitrary: started(), weight: 3 },
  { arbitrary: child("ChildAdded"), weight: 3 },
  { arbitrary: child("ChildRemoved"), weight: 1 },
  { arbitrary: fc.record({ _tag: fc.constant("Granted" as const), nodes: fc.integer({ min: 0, max: 3 }) }), weight: 3 }
)

function started(): fc.Arbitrary<WalksEvent> {
  return fc.record({ _tag: fc.constant("Started" as const), list: fc.nat(2), reason: fc.integer({ min: 1, max: 4 }) })
}

function child(_tag: "ChildAdded" | "ChildRemoved"): fc.Arbitrary<WalksEvent> {
  return fc.record({ _tag: fc.constant(_tag), list: fc.nat(2), child: fc.nat(5) })
}
