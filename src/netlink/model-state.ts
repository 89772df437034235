// What the model kernel holds: the objects of one network namespace, in plain maps. Routes are kept per family and table in a map from
// prefix to the short list of routes that share it, so that a hundred thousand of them are cheap (ADR-0020).
import { fold, hashJson, hashText, mix } from "../machine/index.ts"
import { ModelOutput } from "./model-output.ts"
import { RouteTable } from "./numbers.ts"
import type { Nexthop } from "./object.ts"
import type { Rule } from "./rule.ts"

export interface ModelLink {
  readonly index: number
  readonly name: string
  readonly kind: string
  readonly mtu: number
  /** Administratively. */
  readonly up: boolean
  readonly carrier: boolean
  readonly loopback: boolean
}

export interface ModelAddress {
  readonly family: 4 | 6
  readonly ifindex: number
  readonly words: ReadonlyArray<number>
  readonly length: number
}

export interface ModelNeighbour {
  readonly family: 4 | 6
  readonly ifindex: number
  readonly words: ReadonlyArray<number>
  readonly linkLayerAddress: ReadonlyArray<number>
  /** NUD_* bits; 0x80 is permanent. */
  readonly state: number
}

export interface ModelRoute {
  readonly family: 4 | 6
  readonly words: ReadonlyArray<number>
  readonly length: number
  readonly table: number
  readonly protocol: number
  readonly type: number
  readonly scope: number
  readonly metric: number
  readonly typeOfService: number
  readonly nexthopId: number
  readonly ifindex: number
  readonly gateway: ReadonlyArray<number> | undefined
}

export interface ModelRule extends Rule {
  readonly family: 4 | 6
  readonly mark: number
  readonly markMask: number
}

export type PrefixKey = number | string
/** The routes of one prefix, by metric. */
export type ModelTable = Map<PrefixKey, Array<ModelRoute>>

/** One network namespace. Owned by whoever made it; only the machine's step changes it. */
export class ModelKernel {
  readonly links: Map<number, ModelLink> = new Map()
  addresses: Array<ModelAddress> = []
  neighbours: Array<ModelNeighbour> = []
  readonly nexthops: Map<number, Nexthop> = new Map()
  /** Routes that name a nexthop, by its id: IPv4 and IPv6. */
  readonly users: Map<number, [number, number]> = new Map()
  readonly tables: { readonly 4: Map<number, ModelTable>; readonly 6: Map<number, ModelTable> } = {
    4: new Map([RouteTable.Main, RouteTable.Local].map((table) => [table, new Map()])),
    6: new Map([RouteTable.Main, RouteTable.Local].map((table) => [table, new Map()]))
  }
  /** In the order in which they are asked. */
  readonly rules: { readonly 4: Array<ModelRule>; readonly 6: Array<ModelRule> } = { 4: [], 6: [] }
  /** Whether nexthops may push MPLS labels: the kernel that was measured lacks mpls_iptunnel. */
  pushesLabels = false
  routeCount = 0
  /** Sum of the hashes of all routes. */
  routesDigest = 0
  nextLinkIndex = 1
  /** Changes that are still to fail, and with what. */
  faultsLeft = 0
  faultErrno = 0
  /** Notifications that are still to be lost. */
  lossesLeft = 0
  /** Bytes that the last step produced; its effects say what they are. */
  readonly output: ModelOutput = new ModelOutput()

  clone(): ModelKernel {
    const copy = new ModelKernel()
    for (const [index, link] of this.links) copy.links.set(index, link)
    copy.addresses = this.addresses.slice()
    copy.neighbours = this.neighbours.slice()
    for (const [id, nexthop] of this.nexthops) copy.nexthops.set(id, nexthop)
    for (const [id, [four, six]] of this.users) copy.users.set(id, [four, six])
    for (const family of [4, 6] as const) {
      for (const [number, table] of this.tables[family]) {
        copy.tables[family].set(number, new Map(Array.from(table, ([key, routes]) => [key, routes.slice()])))
      }
    }
    for (const family of [4, 6] as const) copy.rules[family].push(...this.rules[family])
    copy.pushesLabels = this.pushesLabels
    copy.routeCount = this.routeCount
    copy.routesDigest = this.routesDigest
    copy.nextLinkIndex = this.nextLinkIndex
    copy.faultsLeft = this.faultsLeft
    copy.faultErrno = this.faultErrno
    copy.lossesLeft = this.lossesLeft
    return copy
  }

  digest(): number {
    let sum = this.routesDigest
    for (const link of this.links.values()) sum += hashJson(link)
    for (const address of this.addresses) sum += hashJson(address)
    for (const neighbour of this.neighbours) sum += hashJson(neighbour)
    for (const nexthop of this.nexthops.values()) sum += hashJson(nexthop)
    for (const family of [4, 6] as const) {
      for (const table of this.tables[family].keys()) sum += mix(table * 16 + family)
    }
    // Their order counts.
    sum += hashJson([this.rules[4], this.rules[6], this.pushesLabels])
    const counters = [this.nextLinkIndex, this.faultsLeft, this.faultErrno, this.lossesLeft]
    return counters.reduce(fold, sum >>> 0)
  }

  /** The table, made when it is new: the kernel does so for any request to add a route. */
  tableFor(family: 4 | 6, number: number): ModelTable {
    const tables = this.tables[family]
    const table = tables.get(number) ?? new Map()
    tables.set(number, table)
    return table
  }

  /** Accounts for a route that was put into its table. */
  routeAdded(route: ModelRoute): void {
    this.routeCount++
    this.routesDigest = (this.routesDigest + hashRoute(route)) >>> 0
    this.countUse(route, 1)
  }

  routeRemoved(route: ModelRoute): void {
    this.routeCount--
    this.routesDigest = (this.routesDigest - hashRoute(route)) >>> 0
    this.countUse(route, -1)
  }

  private countUse(route: ModelRoute, by: number): void {
    if (route.nexthopId === 0) return
    const counts = this.users.get(route.nexthopId) ?? [0, 0]
    counts[route.family === 4 ? 0 : 1] += by
    if (counts[0] === 0 && counts[1] === 0) this.users.delete(route.nexthopId)
    else this.users.set(route.nexthopId, counts)
  }

  /** Removes every route that `doomed` says; `told` hears of each. */
  removeRoutes(doomed: (route: ModelRoute) => boolean, told: (route: ModelRoute) => void): void {
    for (const family of [4, 6] as const) {
      for (const table of this.tables[family].values()) {
        for (const [key, routes] of table) {
          const kept = routes.filter((route) => !doomed(route))
          if (kept.length === routes.length) continue
          for (const route of routes) {
            if (kept.includes(route)) continue
            this.routeRemoved(route)
            told(route)
          }
          if (kept.length === 0) table.delete(key)
          else table.set(key, kept)
        }
      }
    }
  }

  /** Whether the kernel accepts nexthops on the link. */
  usable(ifindex: number): boolean {
    const link = this.links.get(ifindex)
    return link?.up === true && link.carrier
  }
}

export const prefixKey = (family: 4 | 6, words: ReadonlyArray<number>, length: number): PrefixKey =>
  family === 4 ? words[0] * 64 + length : `${words[0]},${words[1]},${words[2]},${words[3]},${length}`

/** Every route of a prefix counts, and so does their order, because the first one forwards; metrics keep most of it. */
const hashRoute = (route: ModelRoute): number => {
  let hash = fold(hashText("route"), route.family * 256 + route.length)
  for (const word of route.words) hash = fold(hash, word)
  hash = fold(hash, route.table)
  hash = fold(hash, (route.protocol << 24) | (route.type << 16) | (route.scope << 8) | route.typeOfService)
  hash = fold(hash, route.metric)
  hash = fold(hash, route.nexthopId)
  hash = fold(hash, route.ifindex)
  for (const word of route.gateway ?? []) hash = fold(hash, word)
  return hash
}

/** Whether the first `length` bits agree. */
export const covers = (prefix: ReadonlyArray<number>, length: number, words: ReadonlyArray<number>): boolean => {
  for (let index = 0; index * 32 < length; index++) {
    const bits = Math.min(32, length - index * 32)
    const mask = bits === 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits)
    if (((prefix[index] ^ words[index]) & mask) !== 0) return false
  }
  return true
}

/** The address with the bits past `length` cleared. */
export const masked = (words: ReadonlyArray<number>, length: number): ReadonlyArray<number> =>
  words.map((word, index) => {
    const bits = Math.max(0, Math.min(32, length - index * 32))
    return bits === 0 ? 0 : (word & ~(bits === 32 ? 0 : 0xffff_ffff >>> bits)) >>> 0
  })

export const sameWords = (a: ReadonlyArray<number> | undefined, b: ReadonlyArray<number> | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.length === b.length && a.every((word, index) => word === b[index]))
