// Entries of one address family, as columns indexed by prefix number: path-list, links among the children of that path-list, flags.
// 13 bytes, five where nothing is walked. Nearly all entries have one source, BGP, and need nothing else; the few with more have a record beside the columns.
import { assert } from "../machine/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import { ChildLists, type ReleaseListener } from "./children.ts"
import { grown } from "./columns.ts"
import { Walks } from "./walks.ts"

/** Who wants the entry; the highest is used. What people said goes before what was learned, and what is there before both. */
export const SourceRank = { None: 0, FanOut: 1, Bgp: 2, Static: 3, Api: 4, Connected: 5 } as const
export type SourceRank = (typeof SourceRank)[keyof typeof SourceRank]
export const SOURCE_NAMES: ReadonlyArray<string> = ["none", "fan-out", "bgp", "static", "api", "connected"]

export const EntryFlag = {
  /** The lowest three bits hold the SourceRank. */
  Rank: 7,
  /** Sources are in a record. */
  Record: 8,
  /** A next hop resolves through this entry. */
  Watched: 16
} as const

/** Somebody who wants the entry. */
export interface Source {
  readonly rank: SourceRank
  /** Among sources of one rank the lowest is used, then the first that came. */
  readonly distance: number
  /** What it costs to go there, for who resolves through the entry. */
  readonly metric: number
  readonly pathList: number
}

/** Sources of an entry that has others than one of the many (BGP, a hub), best first. */
export interface SourceRecord {
  readonly sources: Array<Source>
}

/** Whether entries that have no other source need no record. */
export const isPlain = (rank: number): boolean => rank === SourceRank.Bgp || rank === SourceRank.FanOut

export class EntryTable {
  readonly prefixes: PrefixTable
  /** 0: the prefix is no entry. */
  pathList: Uint32Array
  flags: Uint8Array
  readonly children: ChildLists
  readonly walks: Walks
  private readonly records = new Map<PrefixId, SourceRecord>()

  /**
   * `listener` hears of path-lists that neither an entry nor a walk of this family holds any more. Where `walked` is false, nobody walks
   * over entries, and they stand in no lists: five bytes each.
   */
  constructor(
    prefixes: PrefixTable,
    capacity: number,
    walked: boolean,
    listener?: ReleaseListener,
    synchronousMax?: number
  ) {
    this.prefixes = prefixes
    this.pathList = new Uint32Array(capacity)
    this.flags = new Uint8Array(capacity)
    this.children = new ChildLists(capacity, 64, 1, listener, walked)
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
    const rank = this.rankOf(prefix) as SourceRank
    const pathList = this.pathList[prefix]
    const record: SourceRecord = { sources: pathList === 0 ? [] : [{ rank, distance: 0, metric: 0, pathList }] }
    this.records.set(prefix, record)
    this.flags[prefix] |= EntryFlag.Record
    this.prefixes.retain(prefix)
    return record
  }

  /** Forgets a record that says no more than the columns do. Returns whether it did. */
  dropRecordIfPlain(prefix: PrefixId): boolean {
    const { sources } = this.record(prefix)
    if (sources.length > 1 || (sources.length === 1 && !isPlain(sources[0].rank))) return false
    this.records.delete(prefix)
    this.flags[prefix] &= ~EntryFlag.Record
    this.prefixes.release(prefix)
    return true
  }

  /** What the best source of the entry says that going there costs. */
  costOf(prefix: PrefixId): number {
    return (this.flags[prefix] & EntryFlag.Record) === 0 ? 0 : (this.record(prefix).sources[0]?.metric ?? 0)
  }

  /** All who want the entry, best first. */
  sourcesOf(prefix: PrefixId): ReadonlyArray<Source> {
    const record = this.records.get(prefix)
    if (record !== undefined) return record.sources
    const pathList = this.pathList[prefix]
    return pathList === 0 ? [] : [{ rank: this.rankOf(prefix) as SourceRank, distance: 0, metric: 0, pathList }]
  }
}
