// Which peers meet in a live session: the one that the fuzzer plays, and the one that is told what the router made of it. Between them
// the variants cover each kind of peer, 2- and 4-octet AS numbers, path identifiers, extended messages, both families, marked refreshes,
// roles, another AS number of ours, and peers that are made when they connect.
import type { PeerConfig, PeerType, RouterConfig } from "../../src/router/index.ts"
import type { PeerRole } from "../../src/session/index.ts"
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
  /** It marks where a refresh begins and ends (RFC 7313). */
  readonly marks: boolean
  /** What we are to it (RFC 9234). */
  readonly ours: PeerRole | undefined
  /** We have another AS number towards it. */
  readonly localAs: boolean
  /** A family whose routes cannot be read is given up instead of the session (RFC 7606 §2). */
  readonly disables: boolean
  /** It is made by a range with any AS number when it connects. */
  readonly dynamic: boolean
}

export interface Setting {
  readonly name: string
  readonly talker: Role
  readonly listener: Role
}

type Trait =
  | "as2"
  | "add-path"
  | "extended"
  | "ipv6"
  | "next-hop"
  | "graceful"
  | "marks"
  | "local-as"
  | "dynamic"
  | "disables"
  | PeerRole

/** What each role's holder meets (RFC 9234 §4.2), and its value on the wire. */
const COUNTERPARTS: Readonly<Record<PeerRole, PeerRole>> = {
  provider: "customer",
  customer: "provider",
  rs: "rs-client",
  "rs-client": "rs",
  peer: "peer"
}
const PEER_ROLES: ReadonlyArray<PeerRole> = ["provider", "rs", "rs-client", "customer", "peer"]

/** Our AS number towards a peer that has a local AS. */
export const LOCAL_AS_ELSEWHERE = 64_900

const role = (type: PeerType, ...traits: ReadonlyArray<Trait>): Role => ({
  type,
  as4: !traits.includes("as2"),
  addPath: traits.includes("add-path"),
  extended: traits.includes("extended"),
  ipv6Transport: traits.includes("ipv6"),
  extendedNextHop: traits.includes("next-hop"),
  graceful: traits.includes("graceful"),
  marks: traits.includes("marks"),
  ours: PEER_ROLES.find((one) => traits.includes(one)),
  localAs: traits.includes("local-as"),
  disables: traits.includes("disables"),
  dynamic: traits.includes("dynamic")
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
  { name: "marked refreshes", talker: role("external", "marks"), listener: role("internal", "marks") },
  {
    name: "marked refreshes with path identifiers",
    talker: role("internal", "marks", "add-path"),
    listener: role("external", "marks")
  },
  { name: "customer to provider", talker: role("external", "provider"), listener: role("external", "customer") },
  { name: "customer to customer", talker: role("external", "provider"), listener: role("external", "provider") },
  { name: "provider to customer", talker: role("external", "customer"), listener: role("external", "provider", "as2") },
  {
    name: "provider to peer",
    talker: role("external", "customer", "ipv6"),
    listener: role("external", "peer", "ipv6")
  },
  { name: "peer to peer", talker: role("external", "peer", "marks"), listener: role("external", "peer") },
  {
    name: "roles of a route server",
    talker: role("route-server-client", "rs"),
    listener: role("route-server-client", "rs")
  },
  { name: "client of a route server", talker: role("external", "rs-client"), listener: role("external", "provider") },
  { name: "another AS number in", talker: role("external", "local-as"), listener: role("external", "as2") },
  { name: "another AS number out", talker: role("internal"), listener: role("external", "local-as") },
  {
    name: "another AS number on both sides",
    talker: role("external", "local-as", "as2"),
    listener: role("external", "local-as", "as2")
  },
  { name: "families given up", talker: role("external", "disables"), listener: role("internal") },
  {
    name: "families given up, with marks and path identifiers",
    talker: role("internal", "disables", "marks", "add-path"),
    listener: role("external", "ipv6")
  },
  { name: "made when it connects", talker: role("external", "dynamic"), listener: role("external") },
  {
    name: "made when it connects, with a role and marks",
    talker: role("external", "dynamic", "provider", "marks"),
    listener: role("internal")
  },
  {
    name: "internal, made when it connects",
    talker: role("internal", "dynamic", "ipv6"),
    listener: role("external", "ipv6")
  },
  {
    name: "made when it connects, and remembered",
    talker: role("external", "dynamic", "graceful", "marks"),
    listener: role("external")
  },
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
  peers: parties.filter(({ role: { dynamic } }) => !dynamic).map(peerOf),
  dynamic: parties
    .filter(({ role: { dynamic } }) => dynamic)
    .map((party) => ({
      range: `${party.address}/${party.role.ipv6Transport ? 128 : 32}`,
      limit: 1,
      peer: rangeOf(party)
    })),
  static: [],
  originate: []
})

/** Any AS number will do: what the peer is follows from its OPEN. */
const rangeOf = (party: Party): PeerConfig => ({ ...peerOf(party), asn: 0, type: "external" })

const peerOf = ({ role, asn, address }: Party): PeerConfig => {
  const { type, addPath, extended, extendedNextHop, graceful, ours, localAs, disables } = role
  return {
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
    ...(ours && { role: ours }),
    ...(disables && { disableFamily: true }),
    ...(localAs && { localAs: LOCAL_AS_ELSEWHERE }),
    ...(graceful && { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } })
  }
}

/** Without a hold time: virtual hours pass while a peer waits to be let in again. */
export const openOf = ({ role, asn, id }: Party): Uint8Array => {
  const { as4, addPath, extended, extendedNextHop, graceful, marks, ours } = role
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
  if (marks) capabilities.push({ _tag: "EnhancedRouteRefresh" })
  if (ours !== undefined) capabilities.push({ _tag: "Role", role: PEER_ROLES.indexOf(COUNTERPARTS[ours]) })
  if (graceful) {
    const kept = families.map((family) => ({ ...family, forwarding: true }))
    capabilities.push({ _tag: "GracefulRestart", restarting: false, notification: true, timeS: 60, families: kept })
  }
  return encodeOpen({ version: 4, asn, holdTime: 0, id, capabilities })
}

/** What an UPDATE of this party is read with. */
export const contextOf = ({ type, as4, addPath, extended, disables }: Role): UpdateContext => ({
  as4,
  addPath: [addPath, addPath],
  external: type === "external" || type === "route-server-client",
  extended,
  disables
})
