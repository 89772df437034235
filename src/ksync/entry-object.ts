// A table of synchronised entries as the source has it (KSyncObject): ordered keys, reference counts, placeholders for what is referred
// to and not created, an index per entry, waiters, stale entries, deletion of everything. What an entry is and how it reaches the other
// side is lent by `EntryMethods`. KernelSync (kernel-sync.ts) runs the same machine on columns and batches for the kernel's objects; this
// form is for whoever synchronises something else, and what the captured scenarios are replayed on.
import { DONE, EntryMachine, FAILED } from "./entry-machine.ts"
import { ENTRY_STATE_NAMES, EntryEvent, EntryState } from "./states.ts"
import type { SyncEntry } from "./sync-entry.ts"

export class EntryObject<Key, Data> extends EntryMachine<Key, Data> {
  private deleteFrom: SyncEntry<Key, Data> | undefined
  private readonly staleEntries = new Set<SyncEntry<Key, Data>>()

  /** Wanted from now on. What exists must be a placeholder, stale, or on its way out. `data` is for a new entry only. */
  create(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found?.stale === true) this.claim(found)
    else if (found !== undefined && found.state !== EntryState.Temp && !found.isDeleted) {
      return this.refuse(`create of an entry in ${ENTRY_STATE_NAMES[found.state]}`)
    }
    const entry = found ?? this.allocate(key, data, this)
    if (entry !== undefined) this.notify(entry, EntryEvent.AddChangeRequest)
    return entry
  }

  /** Without asking whether it exists: what does is changed. The source loses the index that it took for the one it does not need (W11). */
  createUnseen(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found !== undefined && this.policy === "source") this.indices?.take()
    const entry = found ?? this.allocate(key, data, this)
    if (entry !== undefined) this.notify(entry, EntryEvent.AddChangeRequest)
    return entry
  }

  /** As it is, or a placeholder. The caller takes the reference (`hold`). */
  referenceTo(key: Key, data: () => Data): SyncEntry<Key, Data> | undefined {
    const found = this.find(key)
    if (found !== undefined) return found
    const entry = this.allocate(key, data, this)
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
    const entry = found ?? this.allocate(key, data, this)
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

  /** The index that the other side chose, with or before its answer. */
  giveIndex(entry: SyncEntry<Key, Data>, index: number): void {
    entry.index = index
    this.look(entry)
  }

  /** What `isDataResolved` says of the entry may be something else now. The source hears of that at the next answer only. */
  look(entry: SyncEntry<Key, Data>): void {
    if (this.policy === "source") return
    this.dependencies.look(entry)
    this.dependencies.drain()
  }

  // Answers, preset `corrected`

  /** The operation is done, or failed for the reason given. False: nobody waits for that token, and nothing happens. */
  answered(entry: SyncEntry<Key, Data>, token: number, failure?: string): boolean {
    const { underWay } = entry
    if (underWay === undefined || underWay.token !== token) {
      this.lateAnswers++
      return false
    }
    entry.failure = failure
    this.notify(entry, (failure === undefined ? DONE : FAILED)[underWay.operation])
    return true
  }

  /** The other side dropped it without being asked. */
  lost(entry: SyncEntry<Key, Data>): void {
    this.notify(entry, EntryEvent.Lost)
  }

  /** Tries again what failed. True: there was something. */
  retry(): boolean {
    const entries = [...this.failed].sort((a, b) => a.rank - b.rank)
    this.failed.clear()
    for (const entry of entries) {
      if (entry.isWaiting) this.notify(entry, EntryEvent.ReEvaluate)
      else {
        this.dependencies.letGo(entry)
        this.dependencies.drain()
      }
    }
    return entries.length > 0
  }

  /** Somebody wants it, or nobody ever will: it is stale no more. */
  protected claim(entry: SyncEntry<Key, Data>): void {
    entry.stale = false
    this.staleEntries.delete(entry)
    this.release(entry)
  }
}
