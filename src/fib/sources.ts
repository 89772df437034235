// Who wants which entry. Of an entry's sources one is used, and the next takes over when it goes; what they want is never mixed. Nearly
// all entries have one source, one of the many, and that is in the columns; the few with more have a record beside them.
import { assert, foldSigned } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { EntryFlag, type EntryTable, type Source, SourceRank } from "./entries.ts"
import type { PathList, PathLists } from "./path-lists.ts"
import type { Resolution } from "./resolution.ts"

/** Told of what a settlement found; the kernel side listens. */
export interface FibListener {
  /** The entry now has another path-list, or none. */
  entryChanged(family: 0 | 1, prefix: PrefixId): void
}

export class Sources {
  /** Of all entries, signed: see `digest`. Kept from the first time that anybody asks. */
  private sum = 0
  private isSummed = false
  /** Path-lists that may have nobody any more. */
  readonly unused: Set<PathList> = new Set()
  private readonly entries: readonly [EntryTable, EntryTable]
  private readonly pathLists: PathLists
  /** Absent where next hops are not resolved: then no entry means anything to them. */
  private readonly resolution: Resolution | undefined
  private readonly listener: FibListener

  constructor(
    entries: readonly [EntryTable, EntryTable],
    pathLists: PathLists,
    resolution: Resolution | undefined,
    listener: FibListener
  ) {
    this.entries = entries
    this.pathLists = pathLists
    this.resolution = resolution
    this.listener = listener
  }

  /** Sum of a hash per entry. */
  get digest(): number {
    if (!this.isSummed) {
      this.isSummed = true
      for (const entries of this.entries) {
        for (let prefix = 0; prefix < entries.prefixes.bound; prefix++) {
          if (entries.isSourced(prefix)) this.count(entries, prefix, 1)
        }
      }
    }
    return this.sum >>> 0
  }

  private count({ prefixes, pathList }: EntryTable, prefix: PrefixId, sign: 1 | -1): void {
    if (!this.isSummed) return
    const hash = foldSigned(prefixes.hashOf(prefix), this.pathLists.lists[pathList[prefix]]!.hash)
    this.sum = (this.sum + Math.imul(hash, sign)) | 0
  }

  /** One of the many wants the entry. Hot: nothing but columns is touched unless the entry has other sources or resolves something. */
  set(rank: SourceRank, family: 0 | 1, prefix: PrefixId, pathList: number): void {
    const entries = this.entries[family]
    if (prefix >= entries.pathList.length) entries.fit()
    const flags = entries.flags[prefix]
    if ((flags & EntryFlag.Record) === 0) {
      const before = flags & EntryFlag.Rank
      if (before === rank || before === SourceRank.None) {
        if (entries.pathList[prefix] !== pathList) this.assign(family, prefix, pathList, rank)
        return
      }
    }
    this.setRecorded(family, prefix, { rank, distance: 0, metric: 0, pathList })
  }

  clear(rank: SourceRank, family: 0 | 1, prefix: PrefixId): void {
    const entries = this.entries[family]
    if (prefix >= entries.pathList.length) entries.fit()
    const flags = entries.flags[prefix]
    if ((flags & EntryFlag.Record) === 0) {
      if ((flags & EntryFlag.Rank) === rank) this.assign(family, prefix, 0, SourceRank.None)
      return
    }
    const { sources } = entries.record(prefix)
    const at = sources.findIndex((source) => source.rank === rank)
    if (at !== -1) this.removeAt(family, prefix, at)
  }

  /** A source that may be one of several of its rank. It holds its path-list. */
  add(family: 0 | 1, prefix: PrefixId, source: Source): void {
    const entries = this.entries[family]
    entries.fit()
    const { sources } = this.makeRecord(family, prefix)
    sources.push(source)
    sources.sort((a, b) => this.compare(a, b))
    this.pathLists.get(source.pathList).holders++
    this.evaluate(family, prefix)
  }

  remove(family: 0 | 1, prefix: PrefixId, { rank, distance, pathList }: Source): void {
    const entries = this.entries[family]
    if ((entries.flags[prefix] & EntryFlag.Record) === 0) {
      assert(
        entries.rankOf(prefix) === rank && entries.pathList[prefix] === pathList,
        "a source that is not there goes"
      )
      this.assign(family, prefix, 0, SourceRank.None)
      return
    }
    const { sources } = entries.record(prefix)
    const at = sources.findIndex(
      (source) => source.rank === rank && source.distance === distance && source.pathList === pathList
    )
    assert(at !== -1, "removal of a source that is not there")
    this.removeAt(family, prefix, at)
  }

  /** The list is in use by nobody, as far as the one who says so knows. */
  noteUnused(list: PathList): void {
    if (list.holders === 0) this.unused.add(list)
  }

  letGo(list: PathList): void {
    assert(list.holders > 0, "release of a path-list that nobody holds")
    list.holders--
    this.noteUnused(list)
  }

  private setRecorded(family: 0 | 1, prefix: PrefixId, source: Source): void {
    const { sources } = this.makeRecord(family, prefix)
    const at = sources.findIndex(({ rank }) => rank === source.rank)
    if (at === -1) {
      this.add(family, prefix, source)
      return
    }
    const before = sources[at].pathList
    if (before === source.pathList) return
    this.pathLists.get(source.pathList).holders++
    sources[at] = source
    this.evaluate(family, prefix)
    this.letGo(this.pathLists.get(before))
  }

  private removeAt(family: 0 | 1, prefix: PrefixId, at: number): void {
    const [{ pathList }] = this.entries[family].record(prefix).sources.splice(at, 1)
    this.evaluate(family, prefix)
    this.letGo(this.pathLists.get(pathList))
  }

  /** By rank, then distance; of what is connected our own address before a subnet, then by interface. */
  private compare(a: Source, b: Source): number {
    if (a.rank !== b.rank) return b.rank - a.rank
    if (a.distance !== b.distance || a.rank !== SourceRank.Connected) return a.distance - b.distance
    const one = this.pathLists.get(a.pathList)
    const other = this.pathLists.get(b.pathList)
    if (one.kind !== other.kind) return one.kind === "local" ? -1 : 1
    return one.ifindex - other.ifindex
  }

  /** Gives an entry with a record the path-list of its best source. */
  private evaluate(family: 0 | 1, prefix: PrefixId): void {
    const entries = this.entries[family]
    const { sources } = entries.record(prefix)
    const { pathList, rank } = sources[0] ?? NOBODY
    if (entries.pathList[prefix] !== pathList || entries.rankOf(prefix) !== rank) {
      this.assign(family, prefix, pathList, rank)
    }
    if (!entries.dropRecordIfPlain(prefix)) return
    // From now on the entry itself holds it, as a child.
    for (const source of sources) this.letGo(this.pathLists.get(source.pathList))
  }

  /** A record holds the path-lists of its sources: while another source is better, no entry does. */
  private makeRecord(family: 0 | 1, prefix: PrefixId): { readonly sources: Array<Source> } {
    const entries = this.entries[family]
    const known = (entries.flags[prefix] & EntryFlag.Record) !== 0
    const record = entries.makeRecord(prefix)
    if (!known) for (const { pathList } of record.sources) this.pathLists.get(pathList).holders++
    return record
  }

  /** Moves an entry to another path-list, or to none. */
  private assign(family: 0 | 1, prefix: PrefixId, pathList: number, rank: number): void {
    const entries = this.entries[family]
    const { children, prefixes } = entries
    const before = entries.pathList[prefix]
    if (before !== 0) {
      this.count(entries, prefix, -1)
      children.removeChild(before, prefix)
    } else prefixes.retain(prefix)
    entries.pathList[prefix] = pathList
    entries.setRank(prefix, rank)
    if (pathList !== 0) {
      children.fitLists(this.pathLists.lists.length)
      children.addChild(pathList, prefix)
      this.count(entries, prefix, 1)
    }
    this.resolution?.entryMoved(family, prefix, before === 0 || pathList === 0)
    this.listener.entryChanged(family, prefix)
    if (pathList === 0) prefixes.release(prefix)
  }
}

const NOBODY: { readonly pathList: number; readonly rank: SourceRank } = { pathList: 0, rank: SourceRank.None }
