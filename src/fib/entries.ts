// Entries of one address family, as columns indexed by prefix number: path-list, links among the children of that path-list, flags.
// 13 bytes. Nearly all entries have one source, BGP, and need nothing else; the few with more have a record beside the columns.
import { assert } from "../machine/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import { ChildLists, type ReleaseListener } from "./children.ts"
import { grown } from "./columns.ts"
import { Walks } from "./walks.ts"

/** Who wants the entry; the highest is used. */
export const SourceRank = { None: 0, Bgp: 1, Static: 2, Connected: 3 } as const
export const SOURCE_NAMES: ReadonlyArray<string> = ["none", "bgp", "static", "connected"]

export const EntryFlag = {
  /** The lowest two bits hold the SourceRank. */
  Rank: 3,
  /** Sources are in a record. */
  Record: 4,
  /** A next hop resolves through this entry. */
  Watched: 8
} as const

/** Sources of an entry that has others than BGP. */
export interface SourceRecord {
  /** Path-lists of kind `local` or `attached`, best first. */
  readonly connected: Array<number>
  /** By distance. */
  readonly statics: Array<{ readonly distance: number; readonly pathList: number }>
  bgp: number
}

export class EntryTable {
  readonly prefixes: PrefixTable
  /** 0: the prefix is no entry. */
  pathList: Uint32Array
  flags: Uint8Array
  readonly children: ChildLists
  readonly walks: Walks
  private readonly records = new Map<PrefixId, SourceRecord>()

  /** `listener` hears of path-lists that neither an entry nor a walk of this family holds any more. */
  constructor(prefixes: PrefixTable, capacity: number, listener?: ReleaseListener, synchronousMax?: number) {
    this.prefixes = prefixes
    this.pathList = new Uint32Array(capacity)
    this.flags = new Uint8Array(capacity)
    this.children = new ChildLists(capacity, 64, 1, listener)
    this.walks = new Walks(this.children, { synchronousMax })
  }

  /** Room for every prefix there is. */
  fit(): void {
    const capacity = this.prefixes.capacity
    if (this.pathList.length >= capacity) return
    this.pathList = grown(this.pathList, capacity)
    this.flags = grown(this.flags, capacity)
    this.children.fit(capacity)
  }

  /** Whether somebody wants the entry: what longest match accepts. */
  isSourced(prefix: PrefixId): boolean {
    return this.pathList[prefix] > 0
  }

  rankOf(prefix: PrefixId): number {
    return this.flags[prefix] & EntryFlag.Rank
  }

  setRank(prefix: PrefixId, rank: number): void {
    this.flags[prefix] = (this.flags[prefix] & ~EntryFlag.Rank) | rank
  }

  record(prefix: PrefixId): SourceRecord {
    const record = this.records.get(prefix)
    assert(record !== undefined, "an entry with several sources has a record")
    return record
  }

  /** The record, made from what the columns say if there is none. It holds the prefix. */
  makeRecord(prefix: PrefixId): SourceRecord {
    const known = this.records.get(prefix)
    if (known !== undefined) return known
    const record: SourceRecord = { connected: [], statics: [], bgp: this.pathList[prefix] }
    this.records.set(prefix, record)
    this.flags[prefix] |= EntryFlag.Record
    this.prefixes.retain(prefix)
    return record
  }

  /** Forgets a record that says no more than the columns do. */
  dropRecordIfPlain(prefix: PrefixId): void {
    const record = this.record(prefix)
    if (record.connected.length > 0 || record.statics.length > 0) return
    this.records.delete(prefix)
    this.flags[prefix] &= ~EntryFlag.Record
    this.prefixes.release(prefix)
  }

  recordOrNone(prefix: PrefixId): SourceRecord | undefined {
    return this.records.get(prefix)
  }
}
