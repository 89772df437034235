// The shared part of the graph, as tables. A next hop is what somebody wants to send through: an address, looked up or on a named link,
// or a link; a path-list is a set of weighted paths through next hops, shared by everyone who wants the same set. Both are interned by
// content, there are few of them, and so they are plain objects; the millions of entries name path-lists by number.
import { assert, hashText } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"
import type { Edge } from "./edges.ts"
import { ChildClass, type Graph, type NodeHandle, NodeType } from "./graph.ts"
import type { Neighbour } from "./neighbours.ts"
import { type CanonicalPath, canonicalPaths, type PathSpec, pathsKey, type SpecialKind } from "./paths.ts"

/** Where packets leave: a gateway, or the link itself where `words` is empty. What the kernel is told as one nexthop. */
export interface Adjacency {
  /** `family address ifindex labels`, for maps and for a canonical order. */
  readonly key: string
  readonly family: 4 | 6
  readonly words: ReadonlyArray<number>
  readonly ifindex: number
  /** Pushed on the way out, the outermost first. */
  readonly labels: ReadonlyArray<number>
}

/** A neighbour and its share of the traffic. */
export interface Leaf {
  readonly adjacency: Adjacency
  readonly weight: number
}

export interface NextHop {
  readonly id: number
  readonly key: string
  readonly node: NodeHandle
  /** Undefined: the link itself. */
  readonly address: Address | undefined
  readonly family: 0 | 1
  /** The link that it is on for good; 0: the entry that covers the address says. */
  readonly ifindex: number
  /** The entry that covers the address by longest match; -1 where none does. */
  cover: PrefixId | -1
  coverEdge: Edge | -1
  /** The cover is a route to just this address. */
  isHost: boolean
  /** Where the cover leads: a neighbour, or on through another path-list, or nowhere. */
  neighbour: Neighbour | undefined
  neighbourEdge: Edge | -1
  /** Of the neighbour, if packets can go there now. */
  adjacency: Adjacency | undefined
  via: PathList | undefined
  viaEdge: Edge | -1
  /** A session with it says that it is down: nobody recurses through it. */
  isDown: boolean
  /** What the source of the covering entry says that it costs. */
  cost: number
  /** Its link was removed. It does not come back, not even with a link of that name: whoever wants it names it again. */
  isGone: boolean
}

export interface Path {
  readonly nextHop: NextHop
  readonly weight: number
  readonly preference: number
  readonly constraint: number
  readonly labels: ReadonlyArray<number>
  /** From the next hop to this path's list. */
  readonly edge: Edge
}

export interface PathList {
  readonly id: number
  readonly key: string
  /** Signed: read for each entry that moves, it must not be allocated each time (`mixSigned`). */
  readonly hash: number
  readonly node: NodeHandle
  /** `recursive`: it has paths. `attached`: the prefix is on that link. `local`: it is our own address. Else packets are discarded. */
  readonly kind: "recursive" | "attached" | "local" | "drop" | "unreachable" | "prohibit"
  paths: ReadonlyArray<Path>
  readonly ifindex: number
  /** Those who interned it and have not released it, and sources that hold it without being the best of their entry. */
  holders: number
  /** Paths that lead back to this path-list. They are not used; the others are (reference: the loop heals when it is broken). */
  looped: ReadonlyArray<boolean>
  /** What it comes down to, in canonical order; empty where there is no way out. */
  leaves: ReadonlyArray<Leaf>
  /** What it would come down to if those failed: of the next preference that is usable. */
  reserve: ReadonlyArray<Leaf>
  /** What the kernel is to have: the leaves, and where that is wanted one in reserve beside them. */
  installed: ReadonlyArray<Leaf>
  /** Whoever asked for it says that the first preference leads nowhere, before the graph can know. */
  exitFailed: boolean
  /** Preference of the paths in use. */
  preference: number
  /** Steps of recursion to the nearest usable next hop, and what those cost. */
  metric: number
}

/** Whether traffic can leave through it. */
export const isUsable = (list: PathList): boolean => list.kind === "attached" || list.leaves.length > 0

export class PathLists {
  /** By id; 0 is never used, so that a zero in a column means "none". */
  readonly lists: Array<PathList | undefined> = [undefined]
  readonly nextHops: Array<NextHop | undefined> = []
  private readonly graph: Graph
  private readonly byKey = new Map<string, PathList>()
  private readonly nextHopByKey = new Map<string, NextHop>()
  private readonly freeLists: Array<number> = []
  private readonly freeNextHops: Array<number> = []

  constructor(graph: Graph) {
    this.graph = graph
  }

  get(id: number): PathList {
    const list = this.lists[id]
    assert(list !== undefined, "path-list that does not exist")
    return list
  }

  /** The path-list with these paths; `made` is told of next hops and lists that are new. `family` is that of paths without an address. */
  intern(specs: ReadonlyArray<PathSpec>, family: 0 | 1, made: Made): PathList {
    const wanted = canonicalPaths(specs, family)
    const key = pathsKey(wanted)
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const best = wanted.reduce((least, { preference }) => Math.min(least, preference), Number.POSITIVE_INFINITY)
    const list = this.add(key, "recursive", 0)
    list.paths = wanted.map((path) => {
      const nextHop = this.internNextHop(path, family, made)
      const childClass = path.preference === best ? ChildClass.Used : ChildClass.Reserve
      const { weight, preference, constraint, labels } = path
      return {
        nextHop,
        weight,
        preference,
        constraint,
        labels,
        edge: this.graph.link(nextHop.node, list.node, childClass)
      }
    })
    list.looped = list.paths.map(() => false)
    made.list(list)
    return list
  }

  internLink(kind: "attached" | "local", ifindex: number): PathList {
    const key = `${kind} ${ifindex}`
    return this.byKey.get(key) ?? this.add(key, kind, ifindex)
  }

  internSpecial(kind: SpecialKind): PathList {
    return this.byKey.get(kind) ?? this.add(kind, kind === "receive" ? "local" : kind, 0)
  }

  /** Forgets a path-list that nobody uses. Next hops that nobody uses any more are released by that. */
  remove(list: PathList): void {
    if (this.byKey.get(list.key) === list) this.byKey.delete(list.key)
    this.lists[list.id] = undefined
    this.freeLists.push(list.id)
    for (const { edge } of list.paths) this.graph.unlink(edge)
    this.graph.destroy(list.node)
  }

  removeNextHop(nextHop: NextHop): void {
    if (this.nextHopByKey.get(nextHop.key) === nextHop) this.nextHopByKey.delete(nextHop.key)
    this.nextHops[nextHop.id] = undefined
    this.freeNextHops.push(nextHop.id)
    this.graph.destroy(nextHop.node)
  }

  /** From now on whoever asks for it, or for a list with it, gets a new one. */
  disown(nextHop: NextHop): void {
    if (this.nextHopByKey.get(nextHop.key) === nextHop) this.nextHopByKey.delete(nextHop.key)
    for (const list of this.usersOf(nextHop)) if (this.byKey.get(list.key) === list) this.byKey.delete(list.key)
  }

  usersOf(nextHop: NextHop): ReadonlyArray<PathList> {
    return this.graph.childrenOf(nextHop.node).map((child) => this.get(this.graph.valueOf(child)))
  }

  nextHopOf(value: number): NextHop {
    const nextHop = this.nextHops[value]
    assert(nextHop !== undefined, "next hop that does not exist")
    return nextHop
  }

  private add(key: string, kind: PathList["kind"], ifindex: number): PathList {
    const id = this.freeLists.pop() ?? this.lists.length
    const list: PathList = {
      id,
      key,
      hash: hashText(key) | 0,
      node: this.graph.create(NodeType.PathList, id),
      kind,
      paths: [],
      ifindex,
      holders: 0,
      looped: [],
      leaves: [],
      reserve: [],
      installed: [],
      exitFailed: false,
      preference: 0,
      metric: 0
    }
    this.lists[id] = list
    this.byKey.set(key, list)
    return list
  }

  private internNextHop({ nextHop: key, spec }: CanonicalPath, family: 0 | 1, made: Made): NextHop {
    const known = this.nextHopByKey.get(key)
    if (known !== undefined) return known
    const id = this.freeNextHops.pop() ?? this.nextHops.length
    const { address, ifindex = 0 } = spec
    const nextHop: NextHop = {
      id,
      key,
      node: this.graph.create(NodeType.NextHop, id),
      address,
      family: address === undefined ? family : address.family === 4 ? 0 : 1,
      ifindex,
      cover: -1,
      coverEdge: -1,
      isHost: false,
      neighbour: undefined,
      neighbourEdge: -1,
      adjacency: undefined,
      via: undefined,
      viaEdge: -1,
      isDown: false,
      cost: 0,
      isGone: false
    }
    this.nextHops[id] = nextHop
    this.nextHopByKey.set(key, nextHop)
    made.nextHop(nextHop)
    return nextHop
  }
}

export interface Made {
  readonly nextHop: (nextHop: NextHop) => void
  readonly list: (list: PathList) => void
}
