// Which peers meet in a live session: the one that the fuzzer plays, and the one that is told what the router made of it. Between them
// the variants cover each kind of peer, 2- and 4-octet AS numbers, path identifiers, extended messages and both families.
import type { PeerConfig, PeerType, RouterConfig } from "../../src/router/index.ts"
import { type Capability, encodeOpen, type UpdateContext } from "../../src/wire/index.ts"

export const LOCAL_AS = 64500

export interface Role {
  readonly type: PeerType
  readonly as4: boolean
  readonly addPath: boolean
  readonly extended: boolean
  readonly ipv6Transport: boolean
  /** IPv6 next hops of IPv4 routes (RFC 8950). */
  readonly extendedNextHop: boolean
  /** Its routes outlive its connection for a while (RFC 4724). */
  readonly graceful: boolean
}

export interface Setting {
  readonly name: string
  readonly talker: Role
  readonly listener: Role
}

type Trait = "as2" | "add-path" | "extended" | "ipv6" | "next-hop" | "graceful"

const role = (type: PeerType, ...traits: ReadonlyArray<Trait>): Role => ({
  type,
  as4: !traits.includes("as2"),
  addPath: traits.includes("add-path"),
  extended: traits.includes("extended"),
  ipv6Transport: traits.includes("ipv6"),
  extendedNextHop: traits.includes("next-hop"),
  graceful: traits.includes("graceful")
})

export const SETTINGS: ReadonlyArray<Setting> = [
  { name: "external to external", talker: role("external"), listener: role("external") },
  { name: "external to internal", talker: role("external"), listener: role("internal") },
  { name: "old speaker to external", talker: role("external", "as2"), listener: role("external") },
  { name: "external to old speaker", talker: role("external"), listener: role("external", "as2") },
  { name: "internal to external, over IPv6", talker: role("internal", "ipv6"), listener: role("external", "ipv6") },
  { name: "client to client", talker: role("route-reflector-client"), listener: role("route-reflector-client") },
  { name: "IPv6 next hops", talker: role("external", "next-hop"), listener: role("external", "next-hop", "ipv6") },
  { name: "IPv6 next hops in", talker: role("internal", "next-hop"), listener: role("route-reflector-client") },
  { name: "graceful restart", talker: role("external", "graceful"), listener: role("internal") },
  { name: "route server", talker: role("route-server-client"), listener: role("route-server-client", "as2") },
  { name: "path identifiers", talker: role("external", "add-path"), listener: role("internal", "as2") },
  { name: "extended messages in", talker: role("external", "extended", "ipv6"), listener: role("external", "ipv6") },
  {
    name: "extended everywhere",
    talker: role("internal", "extended", "add-path"),
    listener: role("route-reflector-client", "extended")
  }
]

export interface Party {
  readonly role: Role
  readonly asn: number
  readonly address: string
  readonly remote: string
  readonly local: string
  readonly id: number
}

export const partyOf = (one: Role, number: 7 | 8): Party => {
  const internal = one.type === "internal" || one.type === "route-reflector-client"
  const address = one.ipv6Transport ? `2001:db8::${number}` : `192.0.2.${number}`
  return {
    role: one,
    asn: internal ? LOCAL_AS : LOCAL_AS + number,
    address,
    remote: one.ipv6Transport ? `[${address}]:40000` : `${address}:40000`,
    local: one.ipv6Transport ? "[2001:db8::1]:179" : "192.0.2.1:179",
    id: 0xc000_0200 + number
  }
}

export const configOf = (parties: ReadonlyArray<Party>): RouterConfig => ({
  router: { asn: LOCAL_AS, id: "192.0.2.1" },
  listen: [],
  peers: parties.map(peerOf),
  static: [],
  originate: []
})

const peerOf = ({ role: { type, addPath, extended, extendedNextHop, graceful }, asn, address }: Party): PeerConfig => ({
  address,
  port: 179,
  asn,
  type,
  name: "",
  localAddress: "",
  passive: true,
  enabled: true,
  families: ["ipv4-unicast", "ipv6-unicast"],
  holdTime: 9,
  connectRetry: 5,
  idleHold: 1,
  addPath: { receive: addPath, send: 0 },
  extendedMessage: extended,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0,
  extendedNextHop,
  ...(graceful && { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } })
})

/** Without a hold time: virtual hours pass while a peer waits to be let in again. */
export const openOf = ({ role: { as4, addPath, extended, extendedNextHop, graceful }, asn, id }: Party): Uint8Array => {
  const families = [
    { afi: 1, safi: 1 },
    { afi: 2, safi: 1 }
  ]
  const capabilities: Array<Capability> = families.map((family) => ({ _tag: "Multiprotocol", ...family }))
  capabilities.push({ _tag: "RouteRefresh" })
  if (as4) capabilities.push({ _tag: "FourOctetAs", asn })
  if (addPath) capabilities.push({ _tag: "AddPath", families: families.map((family) => ({ ...family, mode: 2 })) })
  if (extended) capabilities.push({ _tag: "ExtendedMessage" })
  if (extendedNextHop) capabilities.push({ _tag: "ExtendedNextHop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] })
  if (graceful) {
    const kept = families.map((family) => ({ ...family, forwarding: true }))
    capabilities.push({ _tag: "GracefulRestart", restarting: false, notification: true, timeS: 60, families: kept })
  }
  return encodeOpen({ version: 4, asn, holdTime: 0, id, capabilities })
}

/** What an UPDATE of this party is read with. */
export const contextOf = ({ type, as4, addPath, extended }: Role): UpdateContext => ({
  as4,
  addPath: [addPath, addPath],
  external: type === "external" || type === "route-server-client",
  extended
})
