// The shared part of the graph. A next hop is an address that somebody wants to send through; a path-list is a weighted set of next
// hops, shared by everyone who wants the same set; an adjacency is a neighbour on an interface. All three are interned by content,
// there are few of them, and so they are plain objects; the millions of entries name path-lists by number.
import { assert, hashText } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"

export interface Adjacency {
  /** `family address ifindex`, for maps and for a canonical order. */
  readonly key: string
  readonly family: 4 | 6
  readonly words: ReadonlyArray<number>
  readonly ifindex: number
}

/** A neighbour and its share of the traffic. */
export interface Leaf {
  readonly adjacency: Adjacency
  readonly weight: number
}

export interface NextHop {
  readonly id: number
  readonly key: string
  readonly address: Address
  readonly family: 0 | 1
  /** The entry that covers the address by longest match; -1 where none does. */
  cover: PrefixId | -1
  /** Where the cover leads: a neighbour, or on through another path-list, or nowhere. */
  adjacency: Adjacency | undefined
  via: PathList | undefined
  readonly users: Set<PathList>
}

export interface Path {
  readonly nextHop: NextHop
  readonly weight: number
}

export interface PathList {
  readonly id: number
  readonly key: string
  readonly hash: number
  /** `attached`: the prefix is on that link. `local`: it is our own address. */
  readonly kind: "recursive" | "attached" | "local"
  readonly paths: ReadonlyArray<Path>
  readonly ifindex: number
  /** Those who interned it and have not released it, and sources that hold it without being the best of their entry. */
  holders: number
  /** Next hops whose cover forwards through this path-list. */
  readonly viaBy: Set<NextHop>
  /** Paths that lead back to this path-list. They are not used; the others are (reference: the loop heals when it is broken). */
  looped: ReadonlyArray<boolean>
  /** What it comes down to, in canonical order; empty where there is no way out. */
  leaves: ReadonlyArray<Leaf>
  /** Steps of recursion to the nearest usable next hop. */
  metric: number
}

/** Whether traffic can leave through it. */
export const isUsable = (list: PathList): boolean => list.kind === "attached" || list.leaves.length > 0

export class PathLists {
  /** By id; 0 is never used, so that a zero in a column means "none". */
  readonly lists: Array<PathList | undefined> = [undefined]
  readonly nextHops: Array<NextHop | undefined> = []
  private readonly byKey = new Map<string, PathList>()
  private readonly nextHopByKey = new Map<string, NextHop>()
  private readonly freeLists: Array<number> = []
  private readonly freeNextHops: Array<number> = []

  get(id: number): PathList {
    const list = this.lists[id]
    assert(list !== undefined, "path-list that does not exist")
    return list
  }

  /** The path-list with this set of next hops; `made` is told of next hops and lists that are new. */
  internRecursive(addresses: ReadonlyArray<Address>, weights: ReadonlyArray<number>, made: Made): PathList {
    const wanted = new Map<string, { readonly address: Address; weight: number }>()
    addresses.forEach((address, index) => {
      const key = addressKey(address)
      const weight = Math.max(1, weights[index] ?? 1)
      const same = wanted.get(key)
      if (same === undefined) wanted.set(key, { address, weight })
      else same.weight += weight
    })
    const sorted = [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))
    const key = sorted.map(([nextHop, { weight }]) => `${nextHop}*${weight}`).join(" ")
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const paths = sorted.map(([nextHop, { address, weight }]) => ({
      nextHop: this.internNextHop(nextHop, address, made),
      weight
    }))
    const list = this.add(key, "recursive", paths, 0)
    for (const path of paths) path.nextHop.users.add(list)
    made.list(list)
    return list
  }

  internLink(kind: "attached" | "local", ifindex: number): PathList {
    const key = `${kind} ${ifindex}`
    return this.byKey.get(key) ?? this.add(key, kind, [], ifindex)
  }

  /** Forgets a path-list that nobody uses; returns the next hops that nobody uses any more. */
  remove(list: PathList): ReadonlyArray<NextHop> {
    this.byKey.delete(list.key)
    this.lists[list.id] = undefined
    this.freeLists.push(list.id)
    const orphans: Array<NextHop> = []
    for (const { nextHop } of list.paths) {
      nextHop.users.delete(list)
      if (nextHop.users.size > 0) continue
      orphans.push(nextHop)
      this.nextHopByKey.delete(nextHop.key)
      this.nextHops[nextHop.id] = undefined
      this.freeNextHops.push(nextHop.id)
    }
    return orphans
  }

  private add(key: string, kind: PathList["kind"], paths: ReadonlyArray<Path>, ifindex: number): PathList {
    const id = this.freeLists.pop() ?? this.lists.length
    const list: PathList = {
      id,
      key,
      hash: hashText(key),
      kind,
      paths,
      ifindex,
      holders: 0,
      viaBy: new Set(),
      looped: paths.map(() => false),
      leaves: [],
      metric: 0
    }
    this.lists[id] = list
    this.byKey.set(key, list)
    return list
  }

  private internNextHop(key: string, address: Address, made: Made): NextHop {
    const known = this.nextHopByKey.get(key)
    if (known !== undefined) return known
    const id = this.freeNextHops.pop() ?? this.nextHops.length
    const nextHop: NextHop = {
      id,
      key,
      address,
      family: address.family === 4 ? 0 : 1,
      cover: -1,
      adjacency: undefined,
      via: undefined,
      users: new Set()
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

/** `4:c0000201`: the same text for the same address, in an order that does not depend on who came first. */
export const addressKey = (address: Address): string =>
  `${address.family}:${address.words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("")}`
