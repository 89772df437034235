// Follower mode: the routes that a hub's fan-out tells, in our own forwarding graph. Next hops are resolved here, with our links and our
// routes; the hub's choice stands behind BGP's and everything local. What cannot be read is counted and left out. While no hub answers,
// everything stays as it is: the client's machine (fanout/follow.ts) withdraws nothing before it has the next hub's whole table.
import { FollowedNews } from "../eventlog/index.ts"
import { decodeRouteValue, type RouteValue, readChanges, readKey } from "../fanout/index.ts"
import { fold, type Micros } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { type Address, formatAddress, parseAddress, parsePrefix } from "../wire/index.ts"
import type { Forwarding } from "./forwarding.ts"

interface Route {
  readonly family: 0 | 1
  readonly prefix: PrefixId
  readonly hops: NextHops
}

/** Next hops in use, interned once for all routes that have them. */
interface NextHops {
  readonly key: string
  readonly set: number
  routes: number
}

export type FollowedStage = "never" | "in-sync" | "out-of-sync" | "stale"

export class FollowedRoutes {
  stage: FollowedStage = "never"
  /** Of the hub that was followed last. */
  hub = ""
  /** When the table was last known to be a hub's; 0: never. */
  syncedAt: Micros = 0
  /** Keys and values that say nothing that can be forwarded by. */
  unreadable = 0
  /** By key. */
  private readonly routes = new Map<string, Route>()
  private readonly nextHops = new Map<string, NextHops>()

  get count(): number {
    return this.routes.size
  }

  /** Whether a hub has told its whole table since the start. */
  get wasInSync(): boolean {
    return this.stage !== "never"
  }

  take(forwarding: Forwarding, news: FollowedNews, bytes: Uint8Array, at: Micros): void {
    switch (news) {
      case FollowedNews.Changed:
        if (!readChanges(bytes, (key, value) => this.change(forwarding, key, value))) this.unreadable++
        return
      case FollowedNews.InSync:
        this.stage = "in-sync"
        this.syncedAt = at
        this.hub = textOf(bytes)
        return
      case FollowedNews.OutOfSync:
        if (this.stage !== "in-sync") return
        this.stage = "out-of-sync"
        this.syncedAt = at
        return
      case FollowedNews.Stale:
        if (this.wasInSync) this.stage = "stale"
        return
    }
  }

  digest(): number {
    return fold(fold(this.count, STAGES.indexOf(this.stage)), this.unreadable)
  }

  private change(forwarding: Forwarding, key: string, value: Uint8Array | null): void {
    const named = readKey(key)
    if (named?.kind !== "route" || named.table !== TABLE) {
      if (named === undefined) this.unreadable++
      return
    }
    const known = this.routes.get(key)
    const hops = value === null ? undefined : this.hold(forwarding, value)
    if (hops === undefined) {
      if (value !== null) this.unreadable++
      if (known === undefined) return
      forwarding.fib.clearFanOut(known.family, known.prefix)
      this.routes.delete(key)
    } else {
      const family = named.family === "ipv4-unicast" ? 0 : 1
      // Only now: interning next hops settles the graph, and a prefix that nobody holds does not live through that.
      const parsed = parsePrefix(named.prefix)!
      const prefix = known?.prefix ?? forwarding.fib.entries[family].prefixes.intern(parsed.words, 0, parsed.length)
      forwarding.fib.setFanOut(family, prefix, hops.set)
      this.routes.set(key, { family, prefix, hops })
    }
    if (known !== undefined) this.release(forwarding, known.hops)
  }

  /** The next hops of a value, held for one more route; undefined: there are none, or it is no route. */
  private hold(forwarding: Forwarding, value: Uint8Array): NextHops | undefined {
    const route = decodeRouteValue(value)
    if (route === undefined) return undefined
    const hops = hopsOf(route)
    if (hops.length === 0) return undefined
    const key = hops.map(({ address, weight }) => `${formatAddress(address)} ${weight}`).join(",")
    const known = this.nextHops.get(key)
    if (known !== undefined) {
      known.routes++
      return known
    }
    const set = forwarding.internNextHops(
      hops.map(({ address }) => address),
      hops.map(({ weight }) => weight)
    )
    const made: NextHops = { key, set, routes: 1 }
    this.nextHops.set(key, made)
    return made
  }

  private release(forwarding: Forwarding, hops: NextHops): void {
    if (--hops.routes > 0) return
    this.nextHops.delete(hops.key)
    forwarding.releaseNextHops(hops.set)
  }
}

interface Hop {
  readonly address: Address
  readonly weight: number
}

/** A route of the hub's own leads to the hub, by its router id: each follower knows the way there by itself. */
const hopsOf = ({ nextHops, hub }: RouteValue): ReadonlyArray<Hop> => {
  const hops = nextHops.length === 0 ? [{ address: hub, weight: 1 }] : nextHops
  return hops.flatMap(({ address, weight }) => {
    const parsed = parseAddress(address)
    return parsed === undefined ? [] : [{ address: parsed, weight }]
  })
}

const textOf = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** The one that a hub publishes. */
const TABLE = "main"
const STAGES: ReadonlyArray<FollowedStage> = ["never", "in-sync", "out-of-sync", "stale"]
