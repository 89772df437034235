// A table of synchronised entries that follows another table (KSyncDBObject). Several rows may want the same key: the first is the one that is
// synchronised, the others are parked in the order in which they came, and the next takes over when it goes. A row that is deleted stays
// known until the other side has acknowledged.
import type { EntryObjectOptions } from "./entry-machine.ts"
import { EntryObject } from "./entry-object.ts"
import { EntryEvent } from "./states.ts"
import type { EntryMethods, SyncEntry } from "./sync-entry.ts"

/** What the table says about a row that changed. DeleteAdd: it wants another key. */
export type Filtered = "accept" | "ignore" | "delete" | "delete-add"

export interface DrivenMethods<Row, Key, Data> extends EntryMethods<Key, Data> {
  readonly isDeleted: (row: Row) => boolean
  readonly keyOf: (row: Row) => Key
  readonly dataOf: (row: Row) => Data
  readonly filter: (row: Row, entry: SyncEntry<Key, Data> | undefined) => Filtered
  /** Takes over what the row says; true if that differs from what the entry had. */
  readonly sync: (entry: SyncEntry<Key, Data>, row: Row) => boolean
}

interface Rows<Row> {
  active: Row | undefined
  readonly parked: Array<Row>
}

export class DrivenObject<Row, Key, Data> extends EntryObject<Key, Data> {
  private readonly driven: DrivenMethods<Row, Key, Data>
  /** Which entry a row stands behind, whether as the active one or parked. */
  private readonly entryOf = new Map<Row, SyncEntry<Key, Data>>()
  private readonly rowsOf = new Map<SyncEntry<Key, Data>, Rows<Row>>()

  constructor(methods: DrivenMethods<Row, Key, Data>, options: EntryObjectOptions) {
    super(methods, options)
    this.driven = methods
  }

  activeRow(entry: SyncEntry<Key, Data>): Row | undefined {
    return this.rowsOf.get(entry)?.active
  }

  parkedRows(entry: SyncEntry<Key, Data>): ReadonlyArray<Row> {
    return this.rowsOf.get(entry)?.parked ?? []
  }

  /** Whether the row must be kept although it is deleted. */
  isKnown(row: Row): boolean {
    return this.entryOf.has(row)
  }

  /** A row was added, changed or deleted. */
  rowChanged(row: Row): void {
    if (this.isDeleteScheduled) return
    const before = this.entryOf.get(row)
    const filtered = this.driven.isDeleted(row) ? "delete" : this.driven.filter(row, before)
    if (filtered === "delete" || filtered === "delete-add") {
      if (before !== undefined) this.leave(row, before, filtered === "delete-add")
      if (filtered === "delete") return
    }
    if (filtered === "ignore") return
    const known = this.entryOf.get(row)
    if (known === undefined) this.join(row)
    else if (this.activeRow(known) === row) this.update(known, row, known.isDeleted)
  }

  protected override detach(entry: SyncEntry<Key, Data>): void {
    const rows = this.rowsOf.get(entry)
    if (rows === undefined) return
    if (rows.active !== undefined) this.entryOf.delete(rows.active)
    rows.active = undefined
    if (this.isDeleteScheduled) for (const parked of rows.parked.splice(0)) this.entryOf.delete(parked)
    if (rows.parked.length === 0) this.rowsOf.delete(entry)
  }

  /** The row does not want this entry any more. */
  private leave(row: Row, entry: SyncEntry<Key, Data>, isMoving: boolean): void {
    const rows = this.rowsOf.get(entry)!
    if (rows.parked.length > 0) {
      this.entryOf.delete(row)
      if (rows.active !== row) {
        rows.parked.splice(rows.parked.indexOf(row), 1)
        return
      }
      const promoted = rows.parked.shift()!
      rows.active = promoted
      if (this.driven.sync(entry, promoted)) this.notify(entry, EntryEvent.AddChangeRequest)
      return
    }
    if (isMoving) this.detach(entry)
    // A second deletion of the same row finds the entry on its way out.
    if (!entry.isDeleted) this.delete(entry)
  }

  private join(row: Row): void {
    const entry = this.entryFor(row)
    if (entry === undefined) return
    const rows = this.rowsOf.get(entry) ?? { active: undefined, parked: [] }
    this.rowsOf.set(entry, rows)
    this.entryOf.set(row, entry)
    if (rows.active !== undefined && !this.driven.isDeleted(rows.active)) {
      rows.parked.push(row)
      return
    }
    if (rows.active !== undefined) this.entryOf.delete(rows.active)
    rows.active = row
    this.update(entry, row, true)
  }

  private entryFor(row: Row): SyncEntry<Key, Data> | undefined {
    const entry = this.referenceTo(this.driven.keyOf(row), () => this.driven.dataOf(row))
    if (entry?.stale === true) this.claim(entry)
    return entry
  }

  private update(entry: SyncEntry<Key, Data>, row: Row, isNeeded: boolean): void {
    // Always asked: it takes the row's content over.
    const differs = this.driven.sync(entry, row)
    if (differs || isNeeded) this.notify(entry, EntryEvent.AddChangeRequest)
  }
}
