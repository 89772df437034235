// What the configuration asks of TCP for each peer: MD5 (RFC 2385), GTSM (RFC 5082), TTL, traffic class, interface, user timeout. Plain
// values, no socket: tcp-socket.ts sets them, tcp-policy.ts looks them up for whoever is dialled or connects (ADR-0023).
import { Redacted } from "effect"
import type { PeerConfig, PeerType } from "../router/index.ts"
import { type Address, formatAddress, formatPrefix, type Prefix, parseAddress, parsePrefix } from "../wire/index.ts"

/** 0, "" or `undefined`: whatever the system does by itself. */
export interface TcpOptions {
  readonly password: Redacted.Redacted<string> | undefined
  /** Of the packets that we send. */
  readonly ttl: number
  /** Packets that arrive with less are dropped. */
  readonly minimumTtl: number
  /** The name or number of the interface that packets come and go by. */
  readonly interface: string
  /** The whole octet: DSCP and two bits of ECN. */
  readonly trafficClass: number
  /** How long what we sent may stay unacknowledged. */
  readonly userTimeoutMs: number
}

export const NO_OPTIONS: TcpOptions = {
  password: undefined,
  ttl: 0,
  minimumTtl: 0,
  interface: "",
  trafficClass: 0,
  userTimeoutMs: 0
}

/** The part of a peer's configuration that is about TCP. `address` is an address, or a range for peers that come by themselves. */
export interface TcpPeer extends Pick<PeerConfig, "address" | "password" | "ttlSecurity" | "multihop" | "holdTime"> {
  readonly type: PeerType
  readonly interface?: string
}

/** CS6, "network control": what routers say to each other (RFC 2474 §4.2.2, RFC 4271 appendix E). */
export const NETWORK_CONTROL = 0xc0

export const tcpOptionsOf = (peer: TcpPeer): TcpOptions => ({
  password: peer.password === "" ? undefined : Redacted.make(peer.password, { label: "TCP MD5 password" }),
  ttl: peer.ttlSecurity ? TTL_MAX : peer.multihop || ttlOf(peer.type),
  minimumTtl: peer.ttlSecurity ? TTL_MAX + 1 - Math.max(1, peer.multihop) : 0,
  interface: peer.interface ?? "",
  trafficClass: NETWORK_CONTROL,
  userTimeoutMs: peer.holdTime === 0 ? 0 : Math.max(SEND_HOLD_LEAST_S, 2 * peer.holdTime) * 1000
})

/** Peers of our own AS may be anywhere in it, others are neighbours unless `multihop` says how far they are. */
const ttlOf = (type: PeerType): number => (type === "internal" || type === "route-reflector-client" ? TTL_MAX : 1)

const TTL_MAX = 255

/** RFC 9687 §4: the least send hold time. A shorter user timeout would end a session that the send hold timer keeps. */
const SEND_HOLD_LEAST_S = 480

/** What must be so or there is no connection: without it we would talk to somebody else, or in the clear. The rest are wishes. */
export const demands = (options: TcpOptions): ReadonlyArray<string> => [
  ...(options.password === undefined ? [] : ["password"]),
  ...(options.minimumTtl === 0 ? [] : ["ttl-security"]),
  ...(options.interface === "" ? [] : ["interface"])
]

/** The kernel takes no longer key (TCP_MD5SIG_MAXKEYLEN). */
export const PASSWORD_BYTES_MAX = 80

/** One peer or range: what goes for the addresses in it. */
export interface PeerRule {
  /** The address itself is a prefix of full length. */
  readonly prefix: Prefix
  /** Canonical text, without scope: what a key is known by. */
  readonly key: string
  /** Of a link-local address: the name or number of its interface. */
  readonly scope: string
  readonly options: TcpOptions
}

/** `undefined` for what is neither an address nor a prefix. */
export const ruleOf = (peer: TcpPeer): PeerRule | undefined => {
  const { host, scope } = splitScope(peer.address)
  const address = parseAddress(host)
  const prefix = address === undefined ? parsePrefix(host) : { ...address, length: bitsOf(address) }
  if (prefix === undefined) return undefined
  return { prefix, key: formatPrefix(prefix), scope, options: tcpOptionsOf(peer) }
}

export const splitScope = (text: string): { readonly host: string; readonly scope: string } => {
  const at = text.indexOf("%")
  return at < 0 ? { host: text, scope: "" } : { host: text.slice(0, at), scope: text.slice(at + 1) }
}

/** Rules by address: the peer's own, else that of the longest range. */
export class PeerRules {
  private readonly peers = new Map<string, PeerRule>()
  private readonly ranges: ReadonlyArray<PeerRule>

  constructor(rules: ReadonlyArray<PeerRule>) {
    for (const rule of rules) {
      if (rule.prefix.length === bitsOf(rule.prefix)) this.peers.set(peerKey(rule.prefix, rule.scope), rule)
    }
    this.ranges = rules
      .filter((rule) => rule.prefix.length < bitsOf(rule.prefix))
      .sort((one, other) => other.prefix.length - one.prefix.length)
  }

  find(text: string): PeerRule | undefined {
    const { host, scope } = splitScope(text)
    const address = parseAddress(host)
    if (address === undefined) return undefined
    return (
      this.peers.get(peerKey(address, scope)) ??
      this.peers.get(peerKey(address, "")) ??
      this.ranges.find(({ prefix }) => contains(prefix, address))
    )
  }
}

const peerKey = (address: Address, scope: string): string =>
  scope === "" ? formatAddress(address) : `${formatAddress(address)}%${scope}`

const bitsOf = ({ family }: Address): number => (family === 4 ? 32 : 128)

const contains = (prefix: Prefix, address: Address): boolean =>
  prefix.family === address.family &&
  prefix.words.every((word, index) => {
    const bits = Math.min(32, Math.max(0, prefix.length - index * 32))
    return bits === 0 || (word ^ address.words[index]) >>> (32 - bits) === 0
  })
