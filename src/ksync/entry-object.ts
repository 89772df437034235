// A table of synchronised entries as the source has it (KSyncObject and KSyncEntry): ordered keys, reference counts, placeholders for what
// is referred to and not created, an index per entry, waiters, stale entries, deletion of everything. What an entry is and how it reaches
// the other side is lent by `EntryMethods`. KernelSync (kernel-sync.ts) runs the same machine on columns and batches for the kernel's
// objects; this form is for whoever synchronises something else, and what the captured scenarios are replayed on.
//
// One step of one entry may free, delete or release others on the spot: references are counted, and a count that falls to the table's own
// frees a placeholder or lets a deferred delete go. What the source aborts on is refused and counted.
import { assert } from "../machine/index.ts"
import { IndexTable } from "./index-table.ts"
import { Act, ENTRY_STATE_NAMES, EntryEvent, EntryState, FlagChange, Guard, isUsable } from "./states.ts"
import { type Policy, type Transition, transition } from "./transition.ts"

/** What a kind of entry can do. `true`: done at once; `false`: an acknowledgement will come. */
export interface EntryMethods<Key, Data> {
  /** Orders keys; 0: the same one. */
  readonly compare: (a: Key, b: Key) => number
  readonly add: (entry: SyncEntry<Key, Data>) => boolean
  readonly change: (entry: SyncEntry<Key, Data>) => boolean
  readonly remove: (entry: SyncEntry<Key, Data>) => boolean
  /** The first dependency that is not met. */
  readonly unresolved: (entry: SyncEntry<Key, Data>) => SyncEntry<Key, Data> | undefined
  /** Whether whoever refers to it may rely on its data. */
  readonly isDataResolved: (entry: SyncEntry<Key, Data>) => boolean
  /** Whether a delete that was never sent as an add may be left out (AllowDeleteStateComp). */
  readonly compressesDeletes: (entry: SyncEntry<Key, Data>) => boolean
  /** It is gone: give back the references that its data holds. */
  readonly freed: (entry: SyncEntry<Key, Data>) => void
  /** The table is empty. May be told several times for one event that frees several entries. */
  readonly emptied: () => void
}

export interface PastTransition {
  readonly from: EntryState
  readonly to: EntryState
  readonly event: EntryEvent
}

/** One entry. Only its object writes to it, except for `data`. */
export class SyncEntry<Key, Data> {
  key: Key
  data: Data
  state: EntryState = EntryState.Init
  /** An add was sent. The source never clears it. */
  seen = false
  stale = false
  deleteAddPending = false
  /** The table's own, one for each holder, one for each side of a wait. */
  references = 1
  /** Undefined: it has none (yet). */
  index: number | undefined
  waitsOn: SyncEntry<Key, Data> | undefined
  readonly waiters: Set<SyncEntry<Key, Data>> = new Set()
  /** The last five transitions, the newest last. */
  readonly history: Array<PastTransition> = []

  constructor(key: Key, data: Data) {
    this.key = key
    this.data = data
  }

  /** DEL_ACK_WAIT, DEL_DEFER_DEL_ACK, DEL_DEFER_SYNC, DEL_DEFER_REF; not RENEW_WAIT. */
  get isDeleted(): boolean {
    return this.state >= EntryState.DeleteDeferSync && this.state <= EntryState.DeleteAckWait
  }
}

export interface EntryObjectOptions {
  readonly policy: Policy
  /** Indices to give out; undefined: entries have none. */
  readonly indices: number | undefined
}

const HISTORY = 5

export class EntryObject<Key, Data> {
  readonly methods: EntryMethods<Key, Data>
  readonly policy: Policy
  protected isDeleteScheduled = false
  /** What made no sense and was refused; the source aborts. */
  readonly violations: Array<string> = []
  private readonly entries: Array<SyncEntry<Key, Data>> = []
  private readonly indices: IndexTable | undefined
  private deleteFrom: SyncEntry<Key, Data> | undefined
  private readonly staleEntries = new Set<SyncEntry<Key, Data>>()

  constructor(methods: EntryMethods<Key, Data>, options: EntryObjectOptions) {
    this.methods = methods
    this.policy = options.policy
    this.indices = options.indices === undefined ? undefined : new IndexTable(options.indices)
  }

  get size(): number {
    return this.entries.length
  }

  /** In the order of their keys. */
  values(): ReadonlyArray<SyncEntry<Key, Data>> {
    return this.entries
  }

  find(key: Key): SyncEntry<Key, Data> | undefined {
    const at = this.positionOf(key)
    const found = this.entries[at]
    return found !== undefined && this.methods.compare(found.key, key) === 0 ? found : undefined
  }

  /** Wanted from now on. What exists must be a placeholder, stale, or on its way out. `data` is for a new entry only. */
  create(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found?.stale === true) this.claim(found)
    else if (found !== undefined && found.state !== EntryState.Temp && !found.isDeleted) {
      return this.refuse(`create of an entry in ${ENTRY_STATE_NAMES[found.state]}`)
    }
    const entry = found ?? this.allocate(key, data)
    if (entry !== undefined) this.notify(entry, EntryEvent.AddChangeRequest)
    return entry
  }

  /** Without asking whether it exists: what does is changed. The source loses the index that it took for the one it does not need (W11). */
  createUnseen(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found !== undefined && this.policy === "source") this.indices?.take()
    const entry = found ?? this.allocate(key, data)
    if (entry !== undefined) this.notify(entry, EntryEvent.AddChangeRequest)
    return entry
  }

  /** As it is, or a placeholder. The caller takes the reference (`hold`). */
  referenceTo(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found !== undefined) return found
    const entry = this.allocate(key, data)
    if (entry !== undefined) entry.state = EntryState.Temp
    return entry
  }

  change(entry: SyncEntry<Key, Data>): void {
    this.notify(entry, EntryEvent.AddChangeRequest)
  }

  delete(entry: SyncEntry<Key, Data>): void {
    if (entry.stale) this.claim(entry)
    this.notify(entry, EntryEvent.DeleteRequest)
  }

  /** Something found on the other side that nobody has asked for yet: kept until somebody does, or `sweep` takes it. */
  createStale(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found !== undefined) {
      if (found.state !== EntryState.Temp && !found.isDeleted) return undefined
      this.detach(found)
    }
    const entry = found ?? this.allocate(key, data)
    if (entry === undefined) return undefined
    if (!entry.stale) {
      entry.stale = true
      this.staleEntries.add(entry)
      this.hold(entry)
    }
    this.notify(entry, EntryEvent.AddChangeRequest)
    return entry
  }

  /** Deletes at most `count` stale entries, the oldest first (the source: in the order of addresses). True: some are left. */
  sweep(count: number): boolean {
    for (const entry of [...this.staleEntries].slice(0, count)) this.delete(entry)
    return this.staleEntries.size > 0
  }

  /** The object manager's delete. Nothing can be created afterwards. True: some of them wait for a further slice. */
  deleteAll(sliceCount: number): boolean {
    if (!this.isDeleteScheduled && this.entries.length === 0) this.methods.emptied()
    this.isDeleteScheduled = true
    let current: SyncEntry<Key, Data> | undefined = this.deleteFrom ?? this.entries[0]
    if (current !== undefined) this.hold(current)
    for (let visited = 0; current !== undefined; visited++) {
      if (visited === sliceCount) {
        this.deleteNextFrom(current)
        return true
      }
      const next = this.after(current)
      if (next !== undefined) this.hold(next)
      if (!current.isDeleted) this.delete(current)
      this.release(current)
      current = next
    }
    this.deleteNextFrom(undefined)
    return false
  }

  /** The place between two slices is a reference that is held: its entry goes when the place moves on. */
  private deleteNextFrom(entry: SyncEntry<Key, Data> | undefined): void {
    const before = this.deleteFrom
    this.deleteFrom = entry
    if (before !== undefined) this.release(before)
  }

  /** Moves an entry to another key; an entry that has it already takes the old one. */
  changeKey(entry: SyncEntry<Key, Data>, key: Key): void {
    const other = this.find(key)
    const before = entry.key
    this.take(entry)
    if (other !== undefined) this.take(other)
    entry.key = key
    this.put(entry)
    if (other === undefined) return
    other.key = before
    this.put(other)
  }

  hold(entry: SyncEntry<Key, Data>): void {
    entry.references++
  }

  release(entry: SyncEntry<Key, Data>): void {
    entry.references--
    if (entry.references !== 1) return
    if (entry.state === EntryState.Temp || entry.state === EntryState.DeleteDeferRef) {
      this.notify(entry, EntryEvent.ReferenceReleased)
    }
  }

  /** Whether a referrer may be sent. */
  isResolved(entry: SyncEntry<Key, Data>): boolean {
    return (
      isUsable(entry.state) &&
      (this.indices === undefined || entry.index !== undefined) &&
      this.methods.isDataResolved(entry)
    )
  }

  /** One event of one entry, and all that follows from it. */
  notify(entry: SyncEntry<Key, Data>, event: EntryEvent): void {
    const from = entry.state
    const guards = this.guardsOf(entry)
    if (entry.stale && runsDeleteAdd(entry, event)) {
      this.refuse("delete-then-add of a stale entry")
      return
    }
    const planned = transition(this.policy, from, event, guards)
    if ((planned.acts & Act.Violation) !== 0) {
      this.refuse(`event ${event} in ${ENTRY_STATE_NAMES[from]}`)
      return
    }
    if ((planned.acts & Act.Unlink) !== 0) this.unlink(entry)
    const done = this.send(entry, event, from, guards, planned)
    if ((done.acts & Act.WaitOn) !== 0) this.link(entry)
    applyFlags(entry, done.flags)
    entry.state = done.state
    entry.history.push({ from, to: done.state, event })
    if (entry.history.length > HISTORY) entry.history.shift()
    if ((done.acts & Act.Wake) !== 0 && this.isResolved(entry)) this.wake(entry)
    if ((done.acts & Act.Cleanup) !== 0) this.detach(entry)
    if ((done.acts & Act.Free) !== 0) this.free(entry)
    if (this.entries.length === 0) this.methods.emptied()
  }

  /** Whoever stands behind an entry has nothing to do with it any more. For tables that are driven by another one. */
  protected detach(_entry: SyncEntry<Key, Data>): void {}

  protected refuse(what: string): undefined {
    this.violations.push(what)
    return undefined
  }

  /** Asks for what the transition sends. Which of its two outcomes holds depends on whether that is done at once. */
  private send(
    entry: SyncEntry<Key, Data>,
    event: EntryEvent,
    from: EntryState,
    guards: number,
    planned: Transition
  ): Transition {
    if ((planned.acts & (Act.SendDelete | Act.SendAdd | Act.SendChange)) === 0) return planned
    const atOnce = transition(this.policy, from, event, guards | Guard.Synchronous)
    if ((planned.acts & Act.SendDelete) === 0) {
      const isAdd = (planned.acts & Act.SendAdd) !== 0
      if (isAdd) entry.seen = true
      return (isAdd ? this.methods.add(entry) : this.methods.change(entry)) ? atOnce : planned
    }
    if (!this.methods.remove(entry)) return planned
    if ((atOnce.acts & Act.SendAdd) === 0) return atOnce
    entry.seen = true
    return this.methods.add(entry) ? atOnce : { ...atOnce, state: EntryState.SyncWait }
  }

  private guardsOf(entry: SyncEntry<Key, Data>): number {
    // A waiting entry holds a reference on itself, which it gives back before anything else happens.
    const own = entry.waitsOn === undefined ? 1 : 2
    return (
      (this.methods.unresolved(entry) === undefined ? 0 : Guard.Unresolved) |
      (entry.seen ? Guard.Seen : 0) |
      (entry.deleteAddPending ? Guard.DeleteAddPending : 0) |
      (entry.references > own ? Guard.Referenced : 0) |
      (this.methods.compressesDeletes(entry) ? 0 : Guard.Uncompressed)
    )
  }

  private link(entry: SyncEntry<Key, Data>): void {
    const dependency = this.methods.unresolved(entry)
    assert(dependency !== undefined && entry.waitsOn === undefined, "an entry waits for one dependency that is not met")
    entry.waitsOn = dependency
    dependency.waiters.add(entry)
    this.hold(entry)
    this.hold(dependency)
  }

  private unlink(entry: SyncEntry<Key, Data>): void {
    const dependency = entry.waitsOn
    if (dependency === undefined) return
    entry.waitsOn = undefined
    dependency.waiters.delete(entry)
    this.release(entry)
    this.release(dependency)
  }

  /** First all stop waiting, then all look again, in the order in which they came. */
  private wake(entry: SyncEntry<Key, Data>): void {
    const waiters = [...entry.waiters]
    for (const waiter of waiters) this.unlink(waiter)
    for (const waiter of waiters) this.notify(waiter, EntryEvent.ReEvaluate)
  }

  private allocate(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    if (this.isDeleteScheduled) return this.refuse("an entry in an object that is being deleted")
    const index = this.indices?.take()
    if (this.indices !== undefined && index === undefined) return this.refuse("no index is left")
    // Its data may refer to entries that do not exist yet and get their indices after it.
    const entry = new SyncEntry<Key, Data>(key, undefined as Data)
    entry.index = index
    this.put(entry)
    entry.data = data()
    return entry
  }

  private free(entry: SyncEntry<Key, Data>): void {
    this.take(entry)
    entry.references--
    if (entry.index !== undefined) this.indices?.give(entry.index)
    this.methods.freed(entry)
  }

  /** Somebody wants it, or nobody ever will: it is stale no more. */
  protected claim(entry: SyncEntry<Key, Data>): void {
    entry.stale = false
    this.staleEntries.delete(entry)
    this.release(entry)
  }

  private after(entry: SyncEntry<Key, Data>): SyncEntry<Key, Data> | undefined {
    return this.entries[this.positionOf(entry.key) + 1]
  }

  private put(entry: SyncEntry<Key, Data>): void {
    this.entries.splice(this.positionOf(entry.key), 0, entry)
  }

  private take(entry: SyncEntry<Key, Data>): void {
    this.entries.splice(this.positionOf(entry.key), 1)
  }

  /** Of the first entry whose key is not below `key`. */
  private positionOf(key: Key): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.methods.compare(this.entries[middle].key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Whether the event, or an acknowledgement that it waited for, makes it delete and add. */
const runsDeleteAdd = (
  { state, deleteAddPending }: { readonly state: EntryState; readonly deleteAddPending: boolean },
  event: EntryEvent
): boolean =>
  event === EntryEvent.DeleteAddRequest
    ? state >= EntryState.AddDefer && (state <= EntryState.InSync || state === EntryState.DeleteDeferRef)
    : deleteAddPending &&
      (event === EntryEvent.AddAck || event === EntryEvent.ChangeAck || event === EntryEvent.DeleteAck)

const applyFlags = (entry: { seen: boolean; deleteAddPending: boolean }, flags: number): void => {
  if ((flags & FlagChange.SetSeen) !== 0) entry.seen = true
  if ((flags & FlagChange.ClearSeen) !== 0) entry.seen = false
  if ((flags & FlagChange.SetPending) !== 0) entry.deleteAddPending = true
  if ((flags & FlagChange.ClearPending) !== 0) entry.deleteAddPending = false
}
