// Where next hops lead. One with a link of its own leads to a neighbour there for good; the others watch the entry that covers their
// address: they are children of that entry's node, of the path-list that it leads to, and of the neighbour that they end at, and are
// looked at again when any of those says so. An entry that is watched keeps its number, also while nobody wants it (it is incomplete).
import type { PrefixId } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"
import { CoveredIndex } from "./covered.ts"
import { EntryFlag, type EntryTable } from "./entries.ts"
import { type Graph, type NodeHandle, NodeType } from "./graph.ts"
import type { Neighbours } from "./neighbours.ts"
import type { NextHop, PathList, PathLists } from "./path-lists.ts"
import { addressKey } from "./paths.ts"
import { WalkFlag, WalkReason } from "./walk-policy.ts"

export class Resolution {
  /** To be looked at when the graph is settled, each once. */
  readonly dirty: Set<NextHop> = new Set()
  /** Path-lists whose next hops changed. */
  readonly dirtyLists: Set<PathList> = new Set()
  /** A next hop goes another way: there may be a loop, or none any more. */
  edgesChanged = false
  private readonly graph: Graph
  private readonly entries: readonly [EntryTable, EntryTable]
  private readonly pathLists: PathLists
  private readonly neighbours: Neighbours
  private readonly covered = [new CoveredIndex(), new CoveredIndex()] as const
  /** Nodes of entries that something resolves through, by family + 2 · prefix. */
  private readonly watched = new Map<number, NodeHandle>()
  /** Addresses that a session says are down. */
  private readonly sessionsDown = new Set<string>()

  constructor(graph: Graph, entries: readonly [EntryTable, EntryTable], pathLists: PathLists, neighbours: Neighbours) {
    this.graph = graph
    this.entries = entries
    this.pathLists = pathLists
    this.neighbours = neighbours
  }

  /** A next hop that somebody wants to send through, from now on. */
  begin(nextHop: NextHop): void {
    const { address, family, ifindex } = nextHop
    if (ifindex !== 0) {
      nextHop.isHost = true
      this.setNeighbour(nextHop, ifindex)
    } else {
      this.covered[family].add(nextHop)
      nextHop.isDown = this.sessionsDown.has(addressKey(address!))
    }
    this.dirty.add(nextHop)
  }

  /** Nobody wants to send through it any more. */
  end(nextHop: NextHop): void {
    this.dirty.delete(nextHop)
    this.setCover(nextHop, -1)
    this.setVia(nextHop, undefined)
    this.setNeighbour(nextHop, 0)
    if (nextHop.ifindex === 0) this.covered[nextHop.family].remove(nextHop)
    this.pathLists.removeNextHop(nextHop)
  }

  /** An entry appeared, went, or leads elsewhere. Hot: nearly never is there anything to do. */
  entryMoved(family: 0 | 1, prefix: PrefixId, appearedOrWent: boolean): void {
    const { prefixes, flags } = this.entries[family]
    if (appearedOrWent) {
      const at = prefix * prefixes.wordsPerPrefix
      this.covered[family].collect(prefixes.words, at, prefixes.lengths[prefix], this.dirty)
    }
    if ((flags[prefix] & EntryFlag.Watched) === 0) return
    this.graph.walk(this.watched.get(prefix * 2 + family)!, WalkReason.Evaluate, (child) => this.markNextHop(child))
  }

  /** All that a link carries hears of it before anything else happens: neighbours, then what leads to them. */
  linkMoved(ifindex: number, reason: number): void {
    const link = this.neighbours.linkOf(ifindex)
    if (link === undefined) return
    const flags = WalkFlag.ForceSynchronous
    const onward = (child: NodeHandle, _reason: number, { depth }: { readonly depth: number }): void =>
      this.graph.walk(child, reason, (nextHop) => this.markNextHop(nextHop), flags, depth)
    this.graph.walk(link, reason, onward, flags)
  }

  /** What named the link keeps the name of something that is gone: also a link of that name or number is another one. */
  linkRemoved(ifindex: number): void {
    for (const nextHop of this.pathLists.nextHops) {
      if (nextHop === undefined || nextHop.ifindex !== ifindex) continue
      nextHop.isGone = true
      this.dirty.add(nextHop)
      this.pathLists.disown(nextHop)
    }
    this.linkMoved(ifindex, WalkReason.InterfaceDelete)
  }

  /** One neighbour is up or down, as a session over one hop knows (RFC 5881). A link that is down stays down. */
  neighbourState(address: Address, ifindex: number, isUp: boolean): void {
    const neighbour = this.neighbours.setState(address, ifindex, isUp)
    if (neighbour === undefined) return
    const reason = isUp ? WalkReason.AdjacencyUpdate : WalkReason.AdjacencyDown
    this.graph.walk(neighbour.node, reason, (child) => this.markNextHop(child), WalkFlag.ForceSynchronous)
  }

  /** An address is up or down, as a session over several hops knows (RFC 5883): nobody recurses through one that is down. */
  sessionState(address: Address, isUp: boolean): void {
    const key = addressKey(address)
    if (this.sessionsDown.has(key) !== isUp) return
    if (isUp) this.sessionsDown.delete(key)
    else this.sessionsDown.add(key)
    for (const nextHop of this.pathLists.nextHops) {
      if (nextHop === undefined || nextHop.ifindex !== 0 || nextHop.key !== key) continue
      nextHop.isDown = !isUp
      this.markUsers(nextHop)
    }
  }

  /** Looks again where it leads. */
  resolve(nextHop: NextHop): void {
    if (!this.graph.exists(nextHop.node)) return
    const wasHost = nextHop.isHost
    const { cost, neighbour, adjacency, via } = nextHop
    if (nextHop.ifindex === 0) this.lookUp(nextHop)
    const there = nextHop.neighbour
    const isOpen = there !== undefined && !nextHop.isGone && this.neighbours.isUsable(there)
    nextHop.adjacency = isOpen ? there.adjacency : undefined
    if (via !== nextHop.via) this.edgesChanged = true
    const isSame =
      via === nextHop.via &&
      adjacency?.key === nextHop.adjacency?.key &&
      neighbour === there &&
      wasHost === nextHop.isHost
    if (!isSame || cost !== nextHop.cost) this.markUsers(nextHop)
  }

  /** Whoever sends through the next hop is to be computed again. */
  markUsers(nextHop: NextHop): void {
    this.graph.walk(nextHop.node, WalkReason.Evaluate, (child) => this.markList(child))
  }

  /** Whoever leads on through the path-list. */
  markBeyond(list: PathList): void {
    this.graph.walk(list.node, WalkReason.Evaluate, (child) =>
      this.markUsers(this.pathLists.nextHopOf(this.graph.valueOf(child)))
    )
  }

  /** Nothing resolves through the entry any more. */
  entryReleased(value: number): void {
    const family = (value & 1) as 0 | 1
    const prefix = value >>> 1
    this.graph.destroy(this.watched.get(value)!)
    this.watched.delete(value)
    this.entries[family].flags[prefix] &= ~EntryFlag.Watched
    this.entries[family].prefixes.release(prefix)
  }

  private lookUp(nextHop: NextHop): void {
    const { family, address } = nextHop
    const entries = this.entries[family]
    const { words } = address!
    const cover = entries.prefixes.longestMatch(words, 0, (prefix) => entries.isSourced(prefix))
    this.setCover(nextHop, cover)
    nextHop.cost = cover === -1 ? 0 : entries.costOf(cover)
    const list = cover === -1 ? undefined : this.pathLists.get(entries.pathList[cover])
    const ifindex = list === undefined ? 0 : linkOf(list)
    this.setNeighbour(nextHop, ifindex)
    // A neighbour on a link of ours is as good as a route to its address.
    nextHop.isHost = ifindex !== 0 || (cover !== -1 && entries.prefixes.lengths[cover] === words.length * 32)
    this.setVia(nextHop, list?.kind === "recursive" && ifindex === 0 ? list : undefined)
  }

  private setCover(nextHop: NextHop, cover: PrefixId | -1): void {
    if (cover === nextHop.cover) return
    const before = nextHop.coverEdge
    nextHop.cover = cover
    nextHop.coverEdge = cover === -1 ? -1 : this.graph.link(this.watch(nextHop.family, cover), nextHop.node)
    if (before !== -1) this.graph.unlink(before)
  }

  private setVia(nextHop: NextHop, via: PathList | undefined): void {
    if (via === nextHop.via) return
    const before = nextHop.viaEdge
    nextHop.via = via
    nextHop.viaEdge = via === undefined ? -1 : this.graph.link(via.node, nextHop.node)
    if (before !== -1) this.graph.unlink(before)
  }

  /** 0: none. */
  private setNeighbour(nextHop: NextHop, ifindex: number): void {
    if (ifindex === (nextHop.neighbour?.adjacency.ifindex ?? 0)) return
    const before = nextHop.neighbourEdge
    const { address, family } = nextHop
    const neighbour = ifindex === 0 ? undefined : this.neighbours.intern(address, family === 0 ? 4 : 6, ifindex)
    nextHop.neighbour = neighbour
    nextHop.neighbourEdge = neighbour === undefined ? -1 : this.graph.link(neighbour.node, nextHop.node)
    if (before !== -1) this.graph.unlink(before)
  }

  /** While something resolves through an entry its number must not go to another prefix. */
  private watch(family: 0 | 1, prefix: PrefixId): NodeHandle {
    const key = prefix * 2 + family
    const known = this.watched.get(key)
    if (known !== undefined) return known
    const node = this.graph.create(NodeType.Entry, key)
    this.watched.set(key, node)
    this.entries[family].flags[prefix] |= EntryFlag.Watched
    this.entries[family].prefixes.retain(prefix)
    return node
  }

  private markNextHop(child: NodeHandle): void {
    this.dirty.add(this.pathLists.nextHopOf(this.graph.valueOf(child)))
  }

  private markList(child: NodeHandle): void {
    this.dirtyLists.add(this.pathLists.get(this.graph.valueOf(child)))
  }
}

/** The link that everything behind an entry is on; 0 where it leads on through next hops, through several links, or nowhere. */
const linkOf = (list: PathList): number => {
  if (list.kind === "attached") return list.ifindex
  if (list.kind !== "recursive" || list.paths.length !== 1) return 0
  const { nextHop } = list.paths[0]
  return nextHop.address === undefined && !nextHop.isGone ? nextHop.ifindex : 0
}
