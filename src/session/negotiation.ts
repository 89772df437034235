// What two OPENs agree on. The result belongs to the connection, never to the peer: a peer may say different things on two
// connections. We announce only what this program does, and judge the peer's OPEN as RFC 4271 §6.2, 5492, 6286, 6793 and 7607 ask.
import {
  AddPathMode,
  AS_TRANS,
  afiOf,
  asnOf,
  type Capability,
  CapabilityCode,
  ErrorCode,
  type Fault,
  familyOf,
  type Open,
  OpenSubcode,
  safiOf
} from "../wire/index.ts"
import { fault } from "./faults.ts"
import type { PeerSettings } from "./settings.ts"

export interface GracefulRestart {
  readonly timeS: number
  /** Families whose forwarding state the peer keeps over a restart. */
  readonly families: ReadonlyArray<number>
  /** Both sides set the N bit: a NOTIFICATION does not end the routes either (RFC 8538). */
  readonly notification: boolean
}

export interface Negotiated {
  /** AS numbers are four octets in this session's AS_PATHs. */
  readonly as4: boolean
  /** 0: neither hold timer nor keepalives. */
  readonly holdTimeS: number
  readonly keepaliveS: number
  readonly remoteAs: number
  readonly remoteId: number
  readonly external: boolean
  readonly families: ReadonlyArray<number>
  /** By family index: path identifiers in what we receive, and in what we send. */
  readonly addPathReceive: readonly [boolean, boolean]
  readonly addPathSend: readonly [boolean, boolean]
  readonly extendedMessage: boolean
  readonly routeRefresh: boolean
  readonly enhancedRouteRefresh: boolean
  /** Set where the peer announced it and the configuration lets us help. */
  readonly gracefulRestart: GracefulRestart | undefined
  /** The peer's, as received. */
  readonly capabilities: ReadonlyArray<Capability>
}

/** Our OPEN. Graceful restart is announced without families and with time 0: we send End-of-RIB and keep nothing over a restart. */
export const buildOpen = (settings: PeerSettings): Open => {
  const capabilities: Array<Capability> = settings.families.map((family) => ({
    _tag: "Multiprotocol",
    afi: afiOf(family),
    safi: safiOf(family)
  }))
  capabilities.push({ _tag: "RouteRefresh" })
  if (settings.extendedMessage) capabilities.push({ _tag: "ExtendedMessage" })
  capabilities.push({
    _tag: "GracefulRestart",
    restarting: false,
    notification: settings.gracefulRestartHelper === true,
    timeS: 0,
    families: []
  })
  capabilities.push({ _tag: "FourOctetAs", asn: settings.localAs })
  if (settings.addPathReceive || settings.addPathSend) {
    const mode = (settings.addPathReceive ? AddPathMode.Receive : 0) | (settings.addPathSend ? AddPathMode.Send : 0)
    capabilities.push({
      _tag: "AddPath",
      families: settings.families.map((family) => ({ afi: afiOf(family), safi: safiOf(family), mode }))
    })
  }
  if (settings.hostname !== "") capabilities.push({ _tag: "Fqdn", host: settings.hostname, domain: "" })
  return {
    version: VERSION,
    asn: settings.localAs > AS_TWO_OCTETS_MAX ? AS_TRANS : settings.localAs,
    holdTime: settings.holdTimeS,
    id: settings.localId,
    capabilities
  }
}

/** What the two OPENs agree on, or the NOTIFICATION that refuses the peer's. */
export const negotiate = (settings: PeerSettings, own: Open, remote: Open): Negotiated | Fault => {
  if (remote.version !== VERSION) return fault(ErrorCode.Open, OpenSubcode.Version, [0, VERSION])
  const remoteAs = remoteAsOf(remote)
  if (remoteAs === undefined || (settings.remoteAs !== 0 && remoteAs !== settings.remoteAs)) {
    return fault(ErrorCode.Open, OpenSubcode.BadPeerAs)
  }
  const external = remoteAs !== settings.localAs
  // RFC 6286 §2.2: an identifier is unique within its AS only.
  if (remote.id === 0 || (!external && remote.id === own.id)) return fault(ErrorCode.Open, OpenSubcode.BadIdentifier)
  if (remote.holdTime !== 0 && remote.holdTime < HOLD_TIME_MIN_S) return fault(ErrorCode.Open, OpenSubcode.HoldTime)
  const theirs = announcedFamilies(remote)
  const families = announcedFamilies(own).filter((family) => theirs.includes(family))
  if (families.length === 0) return unsupported(own)
  const holdTimeS = Math.min(own.holdTime, remote.holdTime)
  return {
    as4: find(own, "FourOctetAs") !== undefined && find(remote, "FourOctetAs") !== undefined,
    holdTimeS,
    keepaliveS: Math.floor(holdTimeS / 3),
    remoteAs,
    remoteId: remote.id,
    external,
    families,
    addPathReceive: addPath(families, own, AddPathMode.Receive, remote, AddPathMode.Send),
    addPathSend: addPath(families, own, AddPathMode.Send, remote, AddPathMode.Receive),
    extendedMessage: both(own, remote, "ExtendedMessage"),
    routeRefresh: both(own, remote, "RouteRefresh"),
    enhancedRouteRefresh: both(own, remote, "EnhancedRouteRefresh"),
    gracefulRestart: gracefulRestart(settings, own, remote),
    capabilities: remote.capabilities
  }
}

const VERSION = 4
const AS_TWO_OCTETS_MAX = 0xffff
const HOLD_TIME_MIN_S = 3

type CapabilityOf<Tag extends Capability["_tag"]> = Extract<Capability, { readonly _tag: Tag }>

const find = <Tag extends Capability["_tag"]>(open: Open, tag: Tag): CapabilityOf<Tag> | undefined =>
  open.capabilities.find((capability): capability is CapabilityOf<Tag> => capability._tag === tag)

const both = (own: Open, remote: Open, tag: Capability["_tag"]): boolean =>
  find(own, tag) !== undefined && find(remote, tag) !== undefined

/** The peer's AS, unless it is none: 0 (RFC 7607), AS_TRANS as a real one, or two numbers that contradict (RFC 6793 §4.2.1). */
const remoteAsOf = (open: Open): number | undefined => {
  const asn = asnOf(open)
  if (asn === 0 || asn === AS_TRANS) return undefined
  return open.asn === asn || open.asn === AS_TRANS ? asn : undefined
}

/** An OPEN without multiprotocol capabilities speaks IPv4 unicast, as in RFC 4271. */
const announcedFamilies = (open: Open): ReadonlyArray<number> => {
  const announced = open.capabilities.filter((capability) => capability._tag === "Multiprotocol")
  if (announced.length === 0) return [familyOf(1, 1)]
  return [...new Set(announced.map(({ afi, safi }) => familyOf(afi, safi)).filter((family) => family >= 0))]
}

/** RFC 5492 §5: the capabilities that we cannot do without, as they would stand in an OPEN. */
const unsupported = (own: Open): Fault =>
  fault(
    ErrorCode.Open,
    OpenSubcode.Capability,
    announcedFamilies(own).flatMap((family) => [
      CapabilityCode.Multiprotocol,
      4,
      afiOf(family) >> 8,
      afiOf(family) & 255,
      0,
      safiOf(family)
    ])
  )

const addPath = (
  families: ReadonlyArray<number>,
  own: Open,
  ownBit: number,
  remote: Open,
  remoteBit: number
): readonly [boolean, boolean] => {
  const agreed = (family: number): boolean =>
    families.includes(family) && hasMode(own, family, ownBit) && hasMode(remote, family, remoteBit)
  return [agreed(0), agreed(1)]
}

/** Modes other than 1, 2 and 3 are ignored (RFC 7911 §4); of a family that stands twice the last counts. */
const hasMode = (open: Open, family: number, bit: number): boolean => {
  const mode = open.capabilities
    .flatMap((capability) => (capability._tag === "AddPath" ? capability.families : []))
    .findLast(({ afi, safi }) => familyOf(afi, safi) === family)?.mode
  return mode !== undefined && mode <= 3 && (mode & bit) !== 0
}

const gracefulRestart = (settings: PeerSettings, own: Open, remote: Open): GracefulRestart | undefined => {
  const ours = find(own, "GracefulRestart")
  const theirs = find(remote, "GracefulRestart")
  if (settings.gracefulRestartHelper !== true || ours === undefined || theirs === undefined) return undefined
  const families = theirs.families.map(({ afi, safi }) => familyOf(afi, safi)).filter((family) => family >= 0)
  if (families.length === 0) return undefined
  return { timeS: theirs.timeS, families, notification: ours.notification && theirs.notification }
}
