// The configuration as the router takes it: plain JSON data with every default filled in and every group merged. The file format and
// its errors belong to `config`; whoever drives the router (a test, the simulator, a replay) writes this directly.

import type { GroupShape } from "../ksync/index.ts"
import type { DecisionOptions } from "../rib/index.ts"
import type { FamilyName } from "../wire/index.ts"

/** More paths of a prefix than there can be. */
export const ADD_PATH_ALL = 0xffff

export type { FamilyName }

export type PeerType = "external" | "internal" | "route-reflector-client" | "route-server-client"

export interface PeerConfig {
  /** Canonical text, with `%scope` for link-local ones. The peer's key. */
  readonly address: string
  readonly port: number
  readonly asn: number
  readonly type: PeerType
  readonly name: string
  /** Source address for dialling; empty: the system chooses. */
  readonly localAddress: string
  readonly passive: boolean
  readonly enabled: boolean
  readonly families: ReadonlyArray<FamilyName>
  /** Seconds; 0 or at least 3. */
  readonly holdTime: number
  /** Seconds. */
  readonly connectRetry: number
  /** Seconds before the first retry after a failure; grows, with jitter. */
  readonly idleHold: number
  /** Paths of a prefix that are taken, and told: `send` is how many, ADD_PATH_ALL for all (RFC 7911). */
  readonly addPath: { readonly receive: boolean; readonly send: number }
  readonly extendedMessage: boolean
  /** Empty: no TCP MD5. Never shown. */
  readonly password: string
  readonly ttlSecurity: boolean
  /** TTL; 0: the default for the type (1 for external, 255 otherwise). */
  readonly multihop: number
  /** `true`: accept and announce everything. `false`: for external peers nothing passes without a policy (RFC 8212). */
  readonly policyOpen: boolean
  /** For each family; 0: no limit. */
  readonly maxPrefixes: number
  /** Percent of the limit at which to warn; absent or 0: never. */
  readonly prefixWarningPercent?: number
  /** Seconds in Idle after too many prefixes; 0: until it is enabled again; absent: as after any failure. */
  readonly prefixRestart?: number
  /** RFC 4724, RFC 8538, RFC 9494; absent: none of it. */
  readonly gracefulRestart?: {
    /** Keep the peer's routes over its restart. */
    readonly helper: boolean
    /** Seconds that the peer is to wait for us; 0: it need not. */
    readonly restartTime: number
    /** Seconds for which it may keep our routes after that, as a last resort; 0: none. */
    readonly longLivedTime: number
  }
  /** What we are to the peer (RFC 9234): provider, rs, rs-client, customer, peer. Absent or empty: nothing is said. */
  readonly role?: string
  /** Our AS number towards an external peer, if not the router's. */
  readonly localAs?: number
  /** Replace the peer's AS number in AS_PATH by ours. */
  readonly asOverride?: boolean
  /** Every AS_PATH from an external peer must begin with its AS number (RFC 4271 §6.3); absent: no. */
  readonly enforceFirstAs?: boolean
  /** How often our own AS number may stand in an AS_PATH from the peer; absent: never. */
  readonly allowOwnAs?: number
  /** Its routes are preferred to those of peers with less; absent: 0. */
  readonly weight?: number
  /** Ours towards this client (RFC 4456 §7); absent: the router's. */
  readonly clusterId?: string
  /** To a peer inside: our own address stands for the next hops of routes from other ASes; absent: no. */
  readonly nextHopSelf?: boolean
  /** Our next hop for routes of this address's family; absent: our own address on the session, for routes of its family. */
  readonly nextHop?: string
  /** IPv4 routes with IPv6 next hops (RFC 8950); absent: no. */
  readonly extendedNextHop?: boolean
  /** Offer AS numbers of four octets (RFC 6793); absent: yes. */
  readonly fourOctetAs?: boolean
  /** Offer enhanced route refresh (RFC 7313); absent: yes. */
  readonly enhancedRefresh?: boolean
  /** A family whose routes cannot be read is not listened to any more, instead of ending the session (RFC 7606 §2); absent: no. */
  readonly disableFamily?: boolean
  /** Refuse a peer that does not say its role; absent: no. */
  readonly roleStrict?: boolean
  /** Seconds to wait for the peer's OPEN before ours is sent; absent or 0: none. */
  readonly delayOpen?: number
  /** Seconds for the peer's OPEN on a connection that the peer began; absent: 60 (ADR-0025). */
  readonly openWait?: number
  /** DampPeerOscillations; absent: yes. */
  readonly damping?: boolean
  /** The interface that its connections come and go by; absent: any. */
  readonly interface?: string
}

/** Peers that are made when somebody from a range of addresses connects, and are gone with their last connection. */
export interface DynamicPeers {
  readonly range: string
  /** Peers of this range at a time, whether or not they have said anything yet. */
  readonly limit: number
  /** What they are like; the address is the connection's. */
  readonly peer: PeerConfig
}

export interface StaticRoute {
  readonly prefix: string
  /** Addresses; with `%link` behind it one is a neighbour on that link. */
  readonly via: ReadonlyArray<string>
  /** Instead of next hops: packets go nowhere, without a word or with an ICMP message. */
  readonly discard?: "blackhole" | "unreachable" | "prohibit"
  /** Of those for one prefix that lead anywhere the lowest is used. */
  readonly distance: number
}

export interface OriginatedRoute {
  readonly prefix: string
  /** `65000:1` each. */
  readonly communities: ReadonlyArray<string>
}

export interface KernelConfig {
  /** Table number; 254 is `main`. */
  readonly table: number
  readonly metric: number
  readonly onExit: "keep" | "remove"
  /** The built-in model instead of the real kernel. */
  readonly model: boolean
  /** Routes of one group that are looked at at once when it changes; more wait for their turn. Absent: 63. */
  readonly walkAtOnce?: number
  /** Steps that walks over routes may make in one batch, so that downloads get their turn. Absent: 4096. */
  readonly walkQuantum?: number
  /** What is in reserve on another link carries a very small share, so that a carrier that is lost cannot empty the group. Absent: no. */
  readonly standby?: boolean
  /** The next hop of each prefix's second-best path is kept ready. Absent: no. */
  readonly reserve?: boolean
  /** Groups are resilient, and so. Absent: they spread flows by hash alone. */
  readonly groups?: GroupShape
  /** Rules of policy routing that we keep in the kernel. Absent: none. */
  readonly rules?: ReadonlyArray<KernelRule>
}

export interface KernelRule {
  readonly family: 4 | 6
  readonly priority: number
  /** Table that is looked in; 254 is `main`. */
  readonly table: number
  /** Prefixes in canonical text. */
  readonly from?: string
  readonly to?: string
  /** The link that the packet came in by. */
  readonly iif?: string
  readonly mark?: number
  readonly markMask?: number
}

export interface Confederation {
  /** By what the world knows us all. */
  readonly identifier: number
  /** AS numbers of the other members that we have peers in. */
  readonly members: ReadonlyArray<number>
}

export interface RouterConfig {
  readonly router: { readonly asn: number; readonly id: string }
  /** `address:port` or `[address]:port`. */
  readonly listen: ReadonlyArray<string>
  /** Absent: no kernel; every next hop but our own address counts as reachable. */
  readonly kernel?: KernelConfig
  readonly peers: ReadonlyArray<PeerConfig>
  /** The longest range that covers an address counts. */
  readonly dynamic?: ReadonlyArray<DynamicPeers>
  readonly static: ReadonlyArray<StaticRoute>
  readonly originate: ReadonlyArray<OriginatedRoute>
  /** Ours as a reflector (RFC 4456 §7); absent: the router's id. */
  readonly clusterId?: string
  /** Where `router.asn` is one of the members of a confederation (RFC 5065). */
  readonly confederation?: Confederation
  /** LOCAL_PREF of routes that have none; absent: 100. */
  readonly localPreference?: number
  /** What decides beyond RFC 4271; absent: nothing. */
  readonly bestPath?: DecisionOptions
  /** Routes come from hubs too: leftovers in the kernel wait for the first whole table of one. */
  readonly follows?: boolean
  /** What we call ourselves to peers; absent: nothing is said. */
  readonly hostname?: string
  /** What we tell peers about our program; absent: nothing is said. */
  readonly softwareVersion?: string
  /** Best paths are written down for followers as they change (see publish.ts); absent: they are not. */
  readonly publish?: true
}

export interface PeerCommand {
  readonly command: "peer"
  readonly address: string
  readonly action: "enable" | "disable" | "reset" | "refresh" | "bfd-down"
  /** With `disable` and `reset`: what the peer is told (RFC 9003), at most 255 bytes of UTF-8. */
  readonly message?: string
  /** With `reset`: only where both sides keep the routes meanwhile (RFC 8538); nothing happens where they do not. */
  readonly soft?: boolean
}

/** What a `Command` record holds, as JSON. */
export type Command =
  | { readonly command: "configure"; readonly config: RouterConfig; readonly seed: number }
  | PeerCommand
  | { readonly command: "announce"; readonly route: OriginatedRoute }
  | { readonly command: "withdraw"; readonly prefix: string }
  /** The kernel is read again, and what differs is put right. */
  | { readonly command: "resync" }
  /** Cease to all peers, kernel routes as `kernel.onExit` says; done when no connection is left. */
  | { readonly command: "shutdown" }
