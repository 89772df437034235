// What a hub tells about: routes, its peers and itself, each under a key with JSON behind it. A prefix is written `10.0.0.0-8`, as Typha's
// datastore writes its pools, because a slash separates the parts of a key; other names are escaped as there (`%25`, `%2f`).

import { formatPrefixWords, parseAddress, parsePrefix } from "../wire/index.ts"
import { bytesOf } from "./kept-bytes.ts"
import { decodeText } from "./text.ts"

export const KEY_PREFIX = "/backwalk/v1/"

export interface RouteKey {
  readonly table: string
  readonly family: "ipv4-unicast" | "ipv6-unicast"
  /** Canonical. */
  readonly prefix: string
}

export interface RouteNextHop {
  readonly address: string
  /** 1 to 65536; its share of the traffic. */
  readonly weight: number
}

/** A route as followers get it. Next hops are resolved by each follower for itself; a route of the hub's own has none. */
export interface RouteValue {
  readonly nextHops: ReadonlyArray<RouteNextHop>
  /** The router id of the hub that chose it. */
  readonly hub: string
  readonly origin?: string
  readonly asPath?: string
  readonly localPref?: number
  readonly med?: number
  readonly communities?: ReadonlyArray<string>
}

export type ReadKey =
  | ({ readonly kind: "route" } & RouteKey)
  /** A hub's peer, and the hub itself, by router id. */
  | { readonly kind: "peer"; readonly hub: string; readonly address: string }
  | { readonly kind: "hub"; readonly hub: string }

export const routeKey = (table: string, family: RouteKey["family"], prefix: string): string =>
  `${KEY_PREFIX}route/${escapePart(table)}/${family}/${prefix.replace("/", "-")}`

export const peerKey = (hub: string, address: string): string =>
  `${KEY_PREFIX}peer/${escapePart(hub)}/${escapePart(address)}`

export const hubKey = (hub: string): string => `${KEY_PREFIX}hub/${escapePart(hub)}`

/** `undefined`: not a key of ours, or not one that this version knows. */
export const readKey = (key: string): ReadKey | undefined => {
  if (!key.startsWith(KEY_PREFIX)) return undefined
  const [kind, ...parts] = key.slice(KEY_PREFIX.length).split("/")
  if (kind === "route" && parts.length === 3) return readRouteKey(parts[0], parts[1], parts[2])
  if (kind === "peer" && parts.length === 2) {
    return { kind, hub: unescapePart(parts[0]), address: unescapePart(parts[1]) }
  }
  return kind === "hub" && parts.length === 1 ? { kind, hub: unescapePart(parts[0]) } : undefined
}

const readRouteKey = (table: string, family: string, written: string): ReadKey | undefined => {
  const prefix = parsePrefix(written.replace("-", "/"))
  if (prefix === undefined || table === "") return undefined
  if (family !== (prefix.family === 4 ? "ipv4-unicast" : "ipv6-unicast")) return undefined
  // One prefix has one key: another way to write it would be a second route.
  const text = formatPrefixWords(prefix.family, prefix.words, 0, prefix.length)
  return text.replace("/", "-") === written
    ? { kind: "route", table: unescapePart(table), family, prefix: text }
    : undefined
}

export const encodeRouteValue = (value: RouteValue): Uint8Array => bytesOf(JSON.stringify(value))

/** `undefined`: what stands there is no route. What a later version adds is passed over. */
export const decodeRouteValue = (bytes: Uint8Array): RouteValue | undefined => {
  const value = parseObject(decodeText(bytes, 0, bytes.length))
  if (value === undefined || typeof value["hub"] !== "string" || !Array.isArray(value["nextHops"])) return undefined
  return value["nextHops"].every(isNextHop) ? (value as unknown as RouteValue) : undefined
}

const isNextHop = (hop: unknown): boolean => {
  if (typeof hop !== "object" || hop === null) return false
  const { address, weight } = hop as { readonly address?: unknown; readonly weight?: unknown }
  if (typeof address !== "string" || parseAddress(address) === undefined) return false
  return Number.isInteger(weight) && (weight as number) >= 1 && (weight as number) <= WEIGHT_MAX
}

/** What one next hop of a group may weigh in Linux. */
const WEIGHT_MAX = 65_536

const parseObject = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

const escapePart = (part: string): string => part.replaceAll("%", "%25").replaceAll("/", "%2f")
const unescapePart = (part: string): string => part.replaceAll("%2f", "/").replaceAll("%25", "%")
