// The forwarding graph: entry → path-list → next hop → (entry that covers it) → … → neighbour on an interface. Entries are columns
// indexed by the RIB's prefix numbers and cost 13 bytes; everything shared is interned and few. What changed is collected and
// settled once per batch: covers first, then loops, then leaves, so that any number of changes costs one recomputation.
import { assert, fold } from "../machine/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"
import type { ReleaseListener } from "./children.ts"
import { CoveredIndex } from "./covered.ts"
import { EntryFlag, EntryTable, SourceRank, type SourceRecord } from "./entries.ts"
import { flatten, metricOf, sameLeaves } from "./flatten.ts"
import { type ConnectedListener, Interfaces } from "./interfaces.ts"
import { findLoops } from "./loops.ts"
import { isUsable, type NextHop, type PathList, PathLists } from "./path-lists.ts"

/** Told of what a settlement found; the kernel side listens. */
export interface FibListener {
  /** The entry now has another path-list, or none. */
  entryChanged(family: 0 | 1, prefix: PrefixId): void
}

export interface FibOptions {
  readonly tables: readonly [PrefixTable, PrefixTable]
  /** Room to start with, in entries per family. */
  readonly capacity: number
  /** False: nothing is known of links and addresses, and every next hop counts as reachable. */
  readonly resolves: boolean
  /** Entries of one path-list that are told at once of its change. */
  readonly walkSynchronousMax?: number
}

export interface Reachability {
  readonly reachable: boolean
  readonly metric: number
}

export class Fib implements ConnectedListener, ReleaseListener {
  readonly pathLists: PathLists = new PathLists()
  readonly interfaces: Interfaces
  readonly entries: readonly [EntryTable, EntryTable]
  /** Path-lists whose leaves changed in the last settlements and were not taken yet. */
  readonly changed: Set<PathList> = new Set()
  /** Path-lists whose reachability or metric changed and were not taken yet. */
  private readonly reported = new Set<PathList>()
  private readonly covered = [new CoveredIndex(), new CoveredIndex()] as const
  /** Next hops by the entry that covers them, as family + 2 · prefix. Only entries that resolve something are here. */
  private readonly watchers = new Map<number, Set<NextHop>>()
  private readonly dirtyNextHops = new Set<NextHop>()
  private readonly dirtyLists = new Set<PathList>()
  private readonly unused = new Set<PathList>()
  private edgesChanged = false
  private readonly resolves: boolean
  private readonly listener: FibListener
  /** Sum of a hash per entry; kept as entries change. */
  private entryDigest = 0
  settlements = 0

  constructor(options: FibOptions, listener: FibListener) {
    this.resolves = options.resolves
    this.listener = listener
    const { tables, capacity, walkSynchronousMax: atOnce } = options
    const ipv4 = new EntryTable(tables[0], capacity, this, atOnce)
    this.entries = [ipv4, new EntryTable(tables[1], Math.min(capacity, 1024), this, atOnce)]
    this.interfaces = new Interfaces(this)
  }

  /** The path-list of a set of next hops, held once more until `releaseNextHops`. Its reachability is known at once. */
  internNextHops(addresses: ReadonlyArray<Address>, weights: ReadonlyArray<number> = []): number {
    assert(addresses.length > 0, "a path-list has a next hop")
    const list = this.internRecursive(addresses, weights)
    list.holders++
    this.settle()
    return list.id
  }

  releaseNextHops(id: number): void {
    const list = this.pathLists.get(id)
    assert(list.holders > 0, "release of next hops that nobody holds")
    list.holders--
    this.noteUnused(list)
  }

  /** BGP's choice for a prefix. Hot: nothing but columns is touched unless the entry has other sources or resolves something. */
  setBgp(family: 0 | 1, prefix: PrefixId, pathList: number): void {
    const entries = this.entries[family]
    entries.fit()
    const flags = entries.flags[prefix]
    if ((flags & EntryFlag.Record) !== 0) {
      this.setRecordedBgp(family, prefix, pathList)
      return
    }
    if (entries.pathList[prefix] !== pathList) this.assign(family, prefix, pathList, SourceRank.Bgp)
  }

  clearBgp(family: 0 | 1, prefix: PrefixId): void {
    const entries = this.entries[family]
    entries.fit()
    if ((entries.flags[prefix] & EntryFlag.Record) !== 0) this.setRecordedBgp(family, prefix, 0)
    else if (entries.pathList[prefix] !== 0) this.assign(family, prefix, 0, SourceRank.None)
  }

  /** Adds a static source. The lowest distance is used, then the first added. */
  addStatic(family: 0 | 1, prefix: PrefixId, via: ReadonlyArray<Address>, distance: number): void {
    const list = this.internRecursive(via, [])
    list.holders++
    this.entries[family].fit()
    const record = this.makeRecord(family, prefix)
    record.statics.push({ distance, pathList: list.id })
    record.statics.sort((a, b) => a.distance - b.distance)
    this.evaluate(family, prefix)
  }

  removeStatic(family: 0 | 1, prefix: PrefixId, via: ReadonlyArray<Address>, distance: number): void {
    const list = this.internRecursive(via, [])
    const record = this.entries[family].record(prefix)
    const at = record.statics.findIndex((source) => source.distance === distance && source.pathList === list.id)
    assert(at !== -1, "removal of a static route that is not there")
    record.statics.splice(at, 1)
    this.evaluate(family, prefix)
    list.holders--
    this.noteUnused(list)
  }

  reachability(id: number): Reachability {
    if (!this.resolves) return { reachable: true, metric: 0 }
    const list = this.pathLists.get(id)
    return { reachable: isUsable(list), metric: list.metric }
  }

  /** Brings covers, loops and leaves up to date. */
  settle(): void {
    if (!this.resolves) this.dirtyNextHops.clear()
    if (this.dirtyNextHops.size > 0 || this.dirtyLists.size > 0) this.settlements++
    for (const nextHop of this.dirtyNextHops) this.coverAgain(nextHop)
    this.dirtyNextHops.clear()
    if (this.edgesChanged) this.findLoops()
    // A set takes what is added while it is walked; a path-list that is visited is taken out first, so it may come again.
    for (const list of this.dirtyLists) {
      this.dirtyLists.delete(list)
      this.recompute(list)
    }
    for (const list of this.unused) this.removeUnused(list)
  }

  /** Hands out path-lists whose reachability or metric changed, each once. */
  drainReported(visit: (pathList: number) => void): void {
    this.settle()
    const lists = [...this.reported]
    this.reported.clear()
    for (const list of lists) if (this.pathLists.lists[list.id] === list) visit(list.id)
  }

  /** Changed path-lists that still exist, each once. */
  takeChanged(): ReadonlyArray<PathList> {
    const lists = [...this.changed]
    this.changed.clear()
    return lists
  }

  digest(): number {
    let digest = this.entryDigest
    for (const list of this.pathLists.lists) {
      if (list === undefined || list.leaves.length === 0) continue
      let hash = list.hash
      for (const leaf of list.leaves) hash = fold(fold(hash, leaf.adjacency.ifindex), leaf.weight)
      digest = (digest + hash) >>> 0
    }
    return digest
  }

  get pending(): boolean {
    return this.dirtyNextHops.size > 0 || this.dirtyLists.size > 0 || this.unused.size > 0
  }

  // Sources of an entry

  connectedChanged(
    kind: "attached" | "local",
    address: Address,
    length: number,
    ifindex: number,
    present: boolean
  ): void {
    const family = address.family === 4 ? 0 : 1
    const entries = this.entries[family]
    const list = this.pathLists.internLink(kind, ifindex)
    if (present) {
      const prefix = entries.prefixes.intern(address.words, 0, length)
      entries.fit()
      const record = this.makeRecord(family, prefix)
      record.connected.push(list.id)
      record.connected.sort((a, b) => this.compareConnected(a, b))
      list.holders++
      this.evaluate(family, prefix)
      return
    }
    const prefix = entries.prefixes.find(address.words, 0, length)
    const connected = prefix === -1 ? [] : entries.record(prefix).connected
    const at = connected.indexOf(list.id)
    assert(at !== -1, "removal of a connected prefix that is not there")
    connected.splice(at, 1)
    this.evaluate(family, prefix)
    list.holders--
    this.noteUnused(list)
  }

  /** Our own address before a subnet, then by interface. */
  private compareConnected(a: number, b: number): number {
    const one = this.pathLists.get(a)
    const other = this.pathLists.get(b)
    if (one.kind !== other.kind) return one.kind === "local" ? -1 : 1
    return one.ifindex - other.ifindex
  }

  /** Gives an entry with several sources the path-list of its best one: connected, then static by distance, then BGP. */
  private evaluate(family: 0 | 1, prefix: PrefixId): void {
    const entries = this.entries[family]
    const { connected, statics, bgp } = entries.record(prefix)
    const [pathList, rank] =
      connected.length > 0
        ? [connected[0], SourceRank.Connected]
        : statics.length > 0
          ? [statics[0].pathList, SourceRank.Static]
          : [bgp, bgp === 0 ? SourceRank.None : SourceRank.Bgp]
    if (entries.pathList[prefix] !== pathList || entries.rankOf(prefix) !== rank) {
      this.assign(family, prefix, pathList, rank)
    }
    if (connected.length > 0 || statics.length > 0) return
    if (bgp !== 0) this.pathLists.get(bgp).holders--
    entries.dropRecordIfPlain(prefix)
  }

  /** A record holds the path-list that BGP wants: while another source is better, no entry does. */
  private makeRecord(family: 0 | 1, prefix: PrefixId): SourceRecord {
    const entries = this.entries[family]
    const known = (entries.flags[prefix] & EntryFlag.Record) !== 0
    const record = entries.makeRecord(prefix)
    if (!known && record.bgp !== 0) this.pathLists.get(record.bgp).holders++
    return record
  }

  private setRecordedBgp(family: 0 | 1, prefix: PrefixId, pathList: number): void {
    const record = this.entries[family].record(prefix)
    const before = record.bgp
    if (before === pathList) return
    if (pathList !== 0) this.pathLists.get(pathList).holders++
    record.bgp = pathList
    this.evaluate(family, prefix)
    if (before !== 0) this.releaseNextHops(before)
  }

  /** Moves an entry to another path-list, or to none. */
  private assign(family: 0 | 1, prefix: PrefixId, pathList: number, rank: number): void {
    const entries = this.entries[family]
    const { children, prefixes } = entries
    const lists = this.pathLists.lists
    const before = entries.pathList[prefix]
    const identity = prefixes.hashOf(prefix)
    if (before !== 0) {
      children.removeChild(before, prefix)
      this.entryDigest = (this.entryDigest - fold(identity, lists[before]!.hash)) >>> 0
    } else prefixes.retain(prefix)
    entries.pathList[prefix] = pathList
    entries.setRank(prefix, rank)
    if (pathList !== 0) {
      children.fitLists(lists.length)
      children.addChild(pathList, prefix)
      this.entryDigest = (this.entryDigest + fold(identity, lists[pathList]!.hash)) >>> 0
    }
    if (before === 0 || pathList === 0) {
      const at = prefix * prefixes.wordsPerPrefix
      this.covered[family].collect(prefixes.words, at, prefixes.lengths[prefix], this.dirtyNextHops)
    }
    if ((entries.flags[prefix] & EntryFlag.Watched) !== 0) {
      for (const nextHop of this.watchers.get(prefix * 2 + family) ?? []) this.dirtyNextHops.add(nextHop)
    }
    this.listener.entryChanged(family, prefix)
    if (pathList === 0) prefixes.release(prefix)
  }

  private coverAgain(nextHop: NextHop): void {
    if (nextHop.users.size === 0) return
    const entries = this.entries[nextHop.family]
    const { family, address } = nextHop
    const cover = entries.prefixes.longestMatch(address.words, 0, (prefix) => entries.isSourced(prefix))
    if (cover !== nextHop.cover) {
      this.unwatch(nextHop)
      nextHop.cover = cover
      if (cover !== -1) this.watch(nextHop, cover)
    }
    const list = cover === -1 ? undefined : this.pathLists.get(entries.pathList[cover])
    const via = list?.kind === "recursive" ? list : undefined
    const ifindex = list?.kind === "attached" ? list.ifindex : 0
    if (via !== nextHop.via) {
      nextHop.via?.viaBy.delete(nextHop)
      via?.viaBy.add(nextHop)
      nextHop.via = via
      this.edgesChanged = true
      this.markUsers(nextHop)
    }
    if (ifindex !== (nextHop.adjacency?.ifindex ?? 0)) {
      const { words } = address
      nextHop.adjacency =
        ifindex === 0 ? undefined : { key: `${nextHop.key} ${ifindex}`, family: family === 0 ? 4 : 6, words, ifindex }
      this.markUsers(nextHop)
    }
  }

  private markUsers(nextHop: NextHop): void {
    for (const list of nextHop.users) this.dirtyLists.add(list)
  }

  private findLoops(): void {
    this.edgesChanged = false
    const lists = this.pathLists.lists.filter((list) => list !== undefined)
    for (const [list, looped] of findLoops(lists)) {
      if (looped.every((flag, index) => flag === list.looped[index])) continue
      list.looped = looped
      this.dirtyLists.add(list)
    }
  }

  private recompute(list: PathList): void {
    if (list.kind !== "recursive") return
    const leaves = flatten(list)
    const metric = leaves.length === 0 ? 0 : metricOf(list)
    const moved = !sameLeaves(leaves, list.leaves)
    if (!moved && metric === list.metric) return
    if (metric !== list.metric || (leaves.length === 0) !== (list.leaves.length === 0)) this.reported.add(list)
    if (moved) this.changed.add(list)
    list.leaves = leaves
    list.metric = metric
    for (const nextHop of list.viaBy) this.markUsers(nextHop)
  }

  private watch(nextHop: NextHop, cover: PrefixId): void {
    const entries = this.entries[nextHop.family]
    const key = cover * 2 + nextHop.family
    const watching = this.watchers.get(key)
    if (watching !== undefined) {
      watching.add(nextHop)
      return
    }
    this.watchers.set(key, new Set([nextHop]))
    entries.flags[cover] |= EntryFlag.Watched
    // While something resolves through the entry its number must not go to another prefix.
    entries.prefixes.retain(cover)
  }

  private unwatch(nextHop: NextHop): void {
    if (nextHop.cover === -1) return
    const entries = this.entries[nextHop.family]
    const key = nextHop.cover * 2 + nextHop.family
    const watching = this.watchers.get(key)
    assert(watching?.delete(nextHop) === true, "a next hop watches its cover")
    if (watching.size > 0) return
    this.watchers.delete(key)
    entries.flags[nextHop.cover] &= ~EntryFlag.Watched
    entries.prefixes.release(nextHop.cover)
  }

  private internRecursive(addresses: ReadonlyArray<Address>, weights: ReadonlyArray<number>): PathList {
    return this.pathLists.internRecursive(addresses, weights, {
      nextHop: (nextHop) => {
        this.covered[nextHop.family].add(nextHop)
        this.dirtyNextHops.add(nextHop)
      },
      list: (list) => {
        this.dirtyLists.add(list)
        // A new path-list over a next hop that goes on through others may close a loop.
        if (list.paths.some(({ nextHop }) => nextHop.via !== undefined)) this.edgesChanged = true
      }
    })
  }

  /** The last entry of a family left a path-list, or the last walk. */
  listReleased(list: number): void {
    this.noteUnused(this.pathLists.get(list))
  }

  private noteUnused(list: PathList): void {
    if (list.holders === 0) this.unused.add(list)
  }

  private removeUnused(list: PathList): void {
    this.unused.delete(list)
    if (list.holders > 0 || list.viaBy.size > 0) return
    // Where only a walk's marker is left, the list is released once more when the walk ends.
    if (this.entries.some((entries) => entries.children.isHeld(list.id))) return
    this.dirtyLists.delete(list)
    this.reported.delete(list)
    list.leaves = []
    this.changed.add(list)
    for (const nextHop of this.pathLists.remove(list)) {
      this.unwatch(nextHop)
      nextHop.via?.viaBy.delete(nextHop)
      this.covered[nextHop.family].remove(nextHop)
      this.dirtyNextHops.delete(nextHop)
    }
  }
}
