// A kernel object's life as a reducer in the textbook sense: (entry, event) → (entry, effects), arguments left alone. The hot path
// runs the table on columns instead; a test holds the two equal, cell by cell.
import { Act, type EntryEvent, EntryState, FlagChange, Guard } from "./states.ts"
import { type Policy, transition } from "./transition.ts"

export interface Entry {
  readonly state: EntryState
  /** Sent before: the kernel may hold it. */
  readonly seen: boolean
  readonly deleteAddPending: boolean
}

export interface EntryInput {
  readonly event: EntryEvent
  readonly unresolved: boolean
  readonly referenced: boolean
  readonly synchronous: boolean
  readonly uncompressed: boolean
}

export type EntryEffect = { readonly _tag: keyof typeof Act }

export const newEntry: Entry = { state: EntryState.Init, seen: false, deleteAddPending: false }

export const reduceEntry = (
  policy: Policy,
  entry: Entry,
  input: EntryInput
): readonly [Entry, ReadonlyArray<EntryEffect>] => {
  const { state, acts, flags } = transition(policy, entry.state, input.event, guardsOf(entry, input))
  const flag = (set: number, clear: number, before: boolean): boolean =>
    (flags & set) !== 0 || (before && (flags & clear) === 0)
  const next = {
    state,
    seen: flag(FlagChange.SetSeen, FlagChange.ClearSeen, entry.seen),
    deleteAddPending: flag(FlagChange.SetPending, FlagChange.ClearPending, entry.deleteAddPending)
  }
  const tags = (Object.keys(Act) as Array<keyof typeof Act>).filter((tag) => (acts & Act[tag]) !== 0)
  return [next, tags.map((_tag) => ({ _tag }))]
}

export const guardsOf = (entry: Entry, input: EntryInput): number =>
  (input.unresolved ? Guard.Unresolved : 0) |
  (entry.seen ? Guard.Seen : 0) |
  (entry.deleteAddPending ? Guard.DeleteAddPending : 0) |
  (input.referenced ? Guard.Referenced : 0) |
  (input.synchronous ? Guard.Synchronous : 0) |
  (input.uncompressed ? Guard.Uncompressed : 0)
