// The forwarding graph: entry → path-list → next hop → (entry that covers it) → … → neighbour on an interface. Entries are columns
// indexed by the RIB's prefix numbers and cost 13 bytes, five without a kernel; everything shared is interned and few. What changed is
// collected and settled once per batch: covers first, then loops, then leaves, so that any number of changes costs one recomputation.
import { assert, fold } from "../machine/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"
import type { ReleaseListener } from "./children.ts"
import { EntryTable, type Source, SourceRank } from "./entries.ts"
import { outcomeOf, sameLeaves, withStandby } from "./flatten.ts"
import { Graph, type NodeListener, NodeType } from "./graph.ts"
import { type ConnectedListener, Interfaces } from "./interfaces.ts"
import { findLoops } from "./loops.ts"
import { Neighbours } from "./neighbours.ts"
import { isUsable, type PathList, PathLists } from "./path-lists.ts"
import type { PathSpec, SpecialKind } from "./paths.ts"
import { Resolution } from "./resolution.ts"
import { type FibListener, Sources } from "./sources.ts"
import { WalkReason } from "./walk-policy.ts"

export interface FibOptions {
  readonly tables: readonly [PrefixTable, PrefixTable]
  /** Room to start with, in entries per family. */
  readonly capacity: number
  /** False: nothing is known of links and addresses, every next hop counts as reachable, and entries are not walked. */
  readonly resolves: boolean
  /** Entries of one path-list that are told at once of its change. */
  readonly walkSynchronousMax?: number
  /** A reserve on another link stands in the kernel beside what is used. */
  readonly standby?: boolean
}

export interface Reachability {
  readonly reachable: boolean
  readonly metric: number
}

export class Fib implements ConnectedListener, ReleaseListener, NodeListener {
  readonly graph: Graph = new Graph(this)
  readonly pathLists: PathLists = new PathLists(this.graph)
  readonly interfaces: Interfaces = new Interfaces(this)
  readonly neighbours: Neighbours = new Neighbours(this.graph, this.interfaces)
  readonly entries: readonly [EntryTable, EntryTable]
  readonly sources: Sources
  /** Path-lists whose leaves changed in the last settlements and were not taken yet. */
  readonly changed: Set<PathList> = new Set()
  /** Path-lists whose reachability or metric changed and were not taken yet. */
  private readonly reported = new Set<PathList>()
  private readonly resolution: Resolution
  private readonly resolves: boolean
  private readonly standby: boolean
  settlements = 0

  constructor(options: FibOptions, listener: FibListener) {
    this.resolves = options.resolves
    this.standby = options.standby === true
    const { tables, capacity, walkSynchronousMax: atOnce } = options
    const ipv4 = new EntryTable(tables[0], capacity, this.resolves, this, atOnce)
    this.entries = [ipv4, new EntryTable(tables[1], Math.min(capacity, 1024), this.resolves, this, atOnce)]
    this.resolution = new Resolution(this.graph, this.entries, this.pathLists, this.neighbours)
    const resolution = this.resolves ? this.resolution : undefined
    this.sources = new Sources(this.entries, this.pathLists, resolution, listener)
  }

  /** The path-list of a set of next hops, held once more until `releasePaths`. Its reachability is known at once. */
  internNextHops(addresses: ReadonlyArray<Address>, weights: ReadonlyArray<number> = []): number {
    return this.internPaths(addresses.map((address, index) => ({ address, weight: weights[index] ?? 1 })))
  }

  /** As `internNextHops`, of paths of any kind. `family` is that of the entries, for paths that name no address. */
  internPaths(paths: ReadonlyArray<PathSpec>, family: 0 | 1 = 0): number {
    assert(paths.length > 0, "a path-list has a path")
    const list = this.pathLists.intern(paths, family, {
      nextHop: (nextHop) => this.resolution.begin(nextHop),
      list: (made) => {
        this.resolution.dirtyLists.add(made)
        // A new path-list over a next hop that goes on through others may close a loop.
        if (made.paths.some(({ nextHop }) => nextHop.via !== undefined)) this.resolution.edgesChanged = true
      }
    })
    list.holders++
    this.settle()
    return list.id
  }

  /** The path-list that says that packets are ours, or go nowhere; held as the others are. */
  internSpecial(kind: SpecialKind): number {
    const list = this.pathLists.internSpecial(kind)
    list.holders++
    return list.id
  }

  releasePaths(id: number): void {
    this.sources.letGo(this.pathLists.get(id))
  }

  /** BGP's choice for a prefix. */
  setBgp(family: 0 | 1, prefix: PrefixId, pathList: number): void {
    this.sources.set(SourceRank.Bgp, family, prefix, pathList)
  }

  clearBgp(family: 0 | 1, prefix: PrefixId): void {
    this.sources.clear(SourceRank.Bgp, family, prefix)
  }

  /** What a hub says about a prefix. */
  setFanOut(family: 0 | 1, prefix: PrefixId, pathList: number): void {
    this.sources.set(SourceRank.FanOut, family, prefix, pathList)
  }

  clearFanOut(family: 0 | 1, prefix: PrefixId): void {
    this.sources.clear(SourceRank.FanOut, family, prefix)
  }

  /** What somebody said by hand or in a configuration. The source holds its path-list by itself. */
  addSource(family: 0 | 1, prefix: PrefixId, source: Source): void {
    this.sources.add(family, prefix, source)
  }

  removeSource(family: 0 | 1, prefix: PrefixId, source: Source): void {
    this.sources.remove(family, prefix, source)
  }

  reachability(id: number): Reachability {
    if (!this.resolves) return { reachable: true, metric: 0 }
    const list = this.pathLists.get(id)
    return { reachable: isUsable(list), metric: list.metric }
  }

  /** A session over one hop knows that the neighbour is there, or is not (RFC 5881). */
  neighbourState(address: Address, ifindex: number, isUp: boolean): void {
    this.resolution.neighbourState(address, ifindex, isUp)
  }

  /** A session over several hops knows whether the address answers (RFC 5883). One that is not known any more counts as up. */
  sessionState(address: Address, isUp: boolean): void {
    this.resolution.sessionState(address, isUp)
  }

  /** Whoever interned the list knows that its first preference leads nowhere, or does again: the reserve takes over at once. */
  exitState(id: number, isUp: boolean): void {
    const list = this.pathLists.get(id)
    if (list.exitFailed === !isUp) return
    list.exitFailed = !isUp
    this.resolution.dirtyLists.add(list)
  }

  /** Brings covers, loops and leaves up to date. */
  settle(): void {
    const { dirty, dirtyLists } = this.resolution
    if (!this.resolves) dirty.clear()
    if (dirty.size > 0 || dirtyLists.size > 0) this.settlements++
    for (const nextHop of dirty) this.resolution.resolve(nextHop)
    dirty.clear()
    if (this.resolution.edgesChanged) this.findLoops()
    // A set takes what is added while it is walked; a path-list that is visited is taken out first, so it may come again.
    for (const list of dirtyLists) {
      dirtyLists.delete(list)
      this.recompute(list)
    }
    for (const list of this.sources.unused) this.removeUnused(list)
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
    let digest = this.sources.digest
    for (const list of this.pathLists.lists) {
      if (list === undefined || list.leaves.length === 0) continue
      let hash = list.hash
      for (const leaf of list.leaves) hash = fold(fold(hash, leaf.adjacency.ifindex), leaf.weight)
      digest = (digest + hash) >>> 0
    }
    return digest
  }

  get pending(): boolean {
    const { dirty, dirtyLists } = this.resolution
    return dirty.size > 0 || dirtyLists.size > 0 || this.sources.unused.size > 0
  }

  // What the links say

  connectedChanged(
    kind: "attached" | "local",
    address: Address,
    length: number,
    ifindex: number,
    present: boolean
  ): void {
    const family = address.family === 4 ? 0 : 1
    const { prefixes } = this.entries[family]
    const pathList = this.pathLists.internLink(kind, ifindex).id
    const source = { rank: SourceRank.Connected, distance: 0, metric: 0, pathList }
    if (present) {
      this.sources.add(family, prefixes.intern(address.words, 0, length), source)
      return
    }
    const prefix = prefixes.find(address.words, 0, length)
    assert(prefix !== -1, "removal of a connected prefix that is not there")
    this.sources.remove(family, prefix, source)
  }

  linkChanged(ifindex: number, up: boolean): void {
    this.resolution.linkMoved(ifindex, up ? WalkReason.InterfaceUp : WalkReason.InterfaceDown)
  }

  linkRemoved(ifindex: number): void {
    this.resolution.linkRemoved(ifindex)
  }

  // What nobody holds any more

  /** The last entry of a family left a path-list, or the last walk. */
  listReleased(list: number): void {
    this.sources.noteUnused(this.pathLists.get(list))
  }

  nodeReleased(type: NodeType, value: number): void {
    switch (type) {
      case NodeType.Entry:
        this.resolution.entryReleased(value)
        return
      case NodeType.PathList:
        this.sources.noteUnused(this.pathLists.get(value))
        return
      case NodeType.NextHop:
        this.resolution.end(this.pathLists.nextHopOf(value))
        return
      case NodeType.Neighbour:
        this.neighbours.remove(value)
        return
      case NodeType.Link:
        this.neighbours.removeLink(value)
        return
    }
  }

  private removeUnused(list: PathList): void {
    this.sources.unused.delete(list)
    if (list.holders > 0 || this.graph.isHeld(list.node)) return
    // Where only a walk's marker is left, the list is released once more when the walk ends.
    if (this.entries.some((entries) => entries.children.isHeld(list.id))) return
    this.resolution.dirtyLists.delete(list)
    this.reported.delete(list)
    list.leaves = []
    list.reserve = []
    list.installed = []
    this.changed.add(list)
    this.pathLists.remove(list)
  }

  private findLoops(): void {
    this.resolution.edgesChanged = false
    const lists = this.pathLists.lists.filter((list) => list !== undefined)
    for (const [list, looped] of findLoops(lists)) {
      if (looped.every((flag, index) => flag === list.looped[index])) continue
      list.looped = looped
      this.resolution.dirtyLists.add(list)
    }
  }

  private recompute(list: PathList): void {
    if (list.kind !== "recursive") return
    const { leaves, reserve, preference, metric } = outcomeOf(list)
    const moved = !sameLeaves(leaves, list.leaves)
    const reserved = !sameLeaves(reserve, list.reserve)
    list.preference = preference
    list.reserve = reserve
    list.installed = this.standby ? withStandby(leaves, reserve) : leaves
    if (moved || reserved) this.changed.add(list)
    if (!moved && !reserved && metric === list.metric) return
    if (metric !== list.metric || (leaves.length === 0) !== (list.leaves.length === 0)) this.reported.add(list)
    list.leaves = leaves
    list.metric = metric
    this.resolution.markBeyond(list)
  }
}
