// The entries of one table in the order of their keys, and the indices that they have.
import type { IndexTable } from "./index-table.ts"
import { type EntryMethods, type EntryOwner, SyncEntry } from "./sync-entry.ts"

const VIOLATIONS_KEPT = 64

export class EntryTable<Key, Data> {
  readonly methods: EntryMethods<Key, Data>
  protected isDeleteScheduled = false
  /** What made no sense and was refused, the last of it; the source aborts. */
  readonly violations: Array<string> = []
  violationCount = 0
  protected readonly entries: Array<SyncEntry<Key, Data>> = []
  protected readonly indices: IndexTable | undefined

  constructor(methods: EntryMethods<Key, Data>, indices: IndexTable | undefined) {
    this.methods = methods
    this.indices = indices
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

  protected refuse(what: string): undefined {
    this.violationCount++
    this.violations.push(what)
    if (this.violations.length > VIOLATIONS_KEPT) this.violations.shift()
    return undefined
  }

  protected allocate(key: Key, data: () => Data, owner: EntryOwner): SyncEntry<Key, Data> | undefined {
    if (this.isDeleteScheduled) return this.refuse("an entry in an object that is being deleted")
    const index = this.indices?.take()
    if (this.indices !== undefined && index === undefined) return this.refuse("no index is left")
    // Its data may refer to entries that do not exist yet and get their indices after it.
    const entry = new SyncEntry<Key, Data>(key, undefined as Data, owner)
    entry.index = index
    this.put(entry)
    entry.data = data()
    return entry
  }

  protected after(entry: SyncEntry<Key, Data>): SyncEntry<Key, Data> | undefined {
    return this.entries[this.positionOf(entry.key) + 1]
  }

  protected put(entry: SyncEntry<Key, Data>): void {
    this.entries.splice(this.positionOf(entry.key), 0, entry)
  }

  protected take(entry: SyncEntry<Key, Data>): void {
    this.entries.splice(this.positionOf(entry.key), 1)
  }

  /** Of the first entry whose key is not below `key`. */
  protected positionOf(key: Key): number {
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
