// One entry of a table of synchronised entries (the source's KSyncEntry), and what its kind must be able to do. What it stands on and who
// stands on it is kept here as well; dependencies.ts keeps that true.
import { EntryEvent, EntryState } from "./states.ts"

/** What a kind of entry can do. `add`, `change` and `remove` give `true`: done at once; `false`: an answer to `token` will come. */
export interface EntryMethods<Key, Data> {
  /** Orders keys; 0: the same one. */
  readonly compare: (a: Key, b: Key) => number
  readonly add: (entry: SyncEntry<Key, Data>, token: number) => boolean
  /** Must also do where nothing is there yet if the entry `isDoubtful`. */
  readonly change: (entry: SyncEntry<Key, Data>, token: number) => boolean
  readonly remove: (entry: SyncEntry<Key, Data>, token: number) => boolean
  /** All that its content stands on, of this table or another one that shares its `Dependencies`. Placeholders are made by `referenceTo`. */
  readonly dependsOn: (entry: SyncEntry<Key, Data>) => ReadonlyArray<AnyEntry>
  /** Whether whoever refers to it may rely on its data. */
  readonly isDataResolved: (entry: SyncEntry<Key, Data>) => boolean
  /** Whether a delete that was never sent as an add may be left out (AllowDeleteStateComp). */
  readonly compressesDeletes: (entry: SyncEntry<Key, Data>) => boolean
  /** It is gone: give back the references that its data holds. */
  readonly freed: (entry: SyncEntry<Key, Data>) => void
  /** The table is empty. In the preset `source` told several times for one event that frees several entries. */
  readonly emptied: () => void
  /** Whether the dependency must have been acknowledged; else, and where this is absent, it is enough that it was sent. */
  readonly awaitsAnswer?: (entry: SyncEntry<Key, Data>, dependency: AnyEntry) => boolean
  /** Whether the entry stays where it is when the dependency goes by itself; absent: it goes along. */
  readonly outlives?: (entry: SyncEntry<Key, Data>, dependency: AnyEntry) => boolean
}

export interface PastTransition {
  readonly from: EntryState
  readonly to: EntryState
  readonly event: EntryEvent
}

/** What an entry's table is asked by others that depend on the entry. */
export interface EntryOwner {
  isResolved(entry: AnyEntry): boolean
  awaitsAnswer(entry: AnyEntry, dependency: AnyEntry): boolean
  outlives(entry: AnyEntry, dependency: AnyEntry): boolean
  /** Any event, in the preset of the table. */
  notify(entry: AnyEntry, event: EntryEvent): void
  /** One event, and nothing of what follows from it for others. */
  step(entry: AnyEntry, event: EntryEvent): void
  /** It may have been lost: it is put again, in a form that does where it is there and where it is not. */
  doubt(entry: AnyEntry): void
  hold(entry: AnyEntry): void
  release(entry: AnyEntry): void
  /** All that followed from an event is done. */
  settled(): void
}

export type AnyEntry = SyncEntry<unknown, unknown>

export interface UnderWay {
  readonly token: number
  readonly operation: "add" | "change" | "delete"
}

const NONE: ReadonlyArray<AnyEntry> = []
const HISTORY = 5

/** One entry. Only its object writes to it, except for `data`. */
export class SyncEntry<Key, Data> {
  key: Key
  data: Data
  readonly owner: EntryOwner
  state: EntryState = EntryState.Init
  /** An add was sent. The source never clears it. */
  seen = false
  stale = false
  deleteAddPending = false
  /** The table's own, one for each holder; in the preset `source` one for each side of a wait. */
  references = 1
  /** Undefined: it has none (yet). */
  index: number | undefined
  /** The last five transitions, the newest last. */
  readonly history: Array<PastTransition> = []

  /** Preset `source`: the one dependency that it waits for, and who waits for it. */
  waitsOn: AnyEntry | undefined
  readonly waiters: Set<AnyEntry> = new Set()

  // Preset `corrected`

  /** What its content stands on, as it was declared last. */
  dependencies: ReadonlyArray<AnyEntry> = NONE
  /** Those of them that are not met: it waits until there are none. */
  readonly unmet: Set<AnyEntry> = new Set()
  /** Who declared it. */
  readonly dependents: Set<AnyEntry> = new Set()
  /** What the content on the other side stands on, and what is under way. */
  standsOn: ReadonlyArray<AnyEntry> = NONE
  sentOn: ReadonlyArray<AnyEntry> = NONE
  /** Who stands on it on the other side, or is being told to. It goes after them. */
  readonly standers: Set<AnyEntry> = new Set()
  /** How far above what depends on nothing. */
  rank = 0
  /** The operation under way: an answer with another token is none. */
  underWay: UnderWay | undefined
  /** It may have been lost: nobody knows whether it is there before another operation is acknowledged. */
  isDoubtful = false
  /** What it stands on went, and it was not told yet. */
  isLosing = false
  /** Whether others could rely on it when they last looked, and whether it was acknowledged. */
  wasResolved = false
  wasConfirmed = false
  isGone = false
  /** Why the last operation failed. */
  failure: string | undefined

  constructor(key: Key, data: Data, owner: EntryOwner) {
    this.key = key
    this.data = data
    this.owner = owner
  }

  /** DEL_ACK_WAIT, DEL_DEFER_DEL_ACK, DEL_DEFER_SYNC, DEL_DEFER_REF; not RENEW_WAIT. */
  get isDeleted(): boolean {
    return this.state >= EntryState.DeleteDeferSync && this.state <= EntryState.DeleteAckWait
  }

  get isWaiting(): boolean {
    return this.state === EntryState.AddDefer || this.state === EntryState.ChangeDefer
  }

  move(to: EntryState, event: EntryEvent): void {
    this.history.push({ from: this.state, to, event })
    if (this.history.length > HISTORY) this.history.shift()
    this.state = to
  }
}

/** Whether the other side has something of it, as far as anybody knows: until a delete is acknowledged, too. */
export const isThere = (state: EntryState): boolean => state >= EntryState.ChangeDefer && state <= EntryState.RenewWait

/** A delete is under way. */
export const isGoing = (state: EntryState): boolean =>
  state >= EntryState.DeleteDeferDeleteAck && state <= EntryState.RenewWait

export const isAddOrChangeAnswer = (event: EntryEvent): boolean =>
  event === EntryEvent.AddAck || event === EntryEvent.ChangeAck
