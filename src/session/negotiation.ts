// What two OPENs agree on. The result belongs to the connection, never to the peer: a peer may say different things on two
// connections. Our side stands in announcement.ts; the peer's OPEN is judged as RFC 4271 §6.2, 5492, 6286, 6793, 7607 and 9234 ask.
import {
  AddPathMode,
  AS_TRANS,
  afiOf,
  asnOf,
  type Capability,
  Family,
  type Fault,
  familyOf,
  type Open,
  safiOf
} from "../wire/index.ts"
import { VERSION } from "./announcement.ts"
import { notifications } from "./faults.ts"
import { agreeOnRole, type RoleAgreement } from "./role.ts"
import type { PeerSettings } from "./settings.ts"

/** What the peer asks of us for the time in which it restarts. */
export interface GracefulRestart {
  readonly timeS: number
  /** The R bit: it has just restarted. */
  readonly restarting: boolean
  /** Families whose routes it wants kept. */
  readonly families: ReadonlyArray<number>
  /** Those among them with the F bit: it went on forwarding. What is stale of the others goes at once (RFC 4724 §4.2). */
  readonly forwarding: ReadonlyArray<number>
  /** As `gracefulNotification`: its routes outlive a NOTIFICATION too. */
  readonly notification: boolean
}

/** A family whose stale routes the peer wants kept beyond the restart time, as a last resort (RFC 9494). */
export interface LongLivedFamily {
  readonly family: number
  readonly timeS: number
  readonly forwarding: boolean
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
  readonly addPathReceive: ReadonlyArray<boolean>
  readonly addPathSend: ReadonlyArray<boolean>
  readonly extendedMessage: boolean
  readonly routeRefresh: boolean
  readonly enhancedRouteRefresh: boolean
  /** IPv4 prefixes may have IPv6 next hops, in both directions (RFC 8950). */
  readonly extendedNextHop?: boolean
  /** The peer ends its tables with End-of-RIB, graceful restart or not (RFC 4724 §2). */
  readonly sendsEndOfRib: boolean
  /** Both set the N bit: a NOTIFICATION ends no routes on either side, unless it is a Hard Reset (RFC 8538 §2). */
  readonly gracefulNotification: boolean
  /** Set where the peer announced it and the configuration lets us help. */
  readonly gracefulRestart: GracefulRestart | undefined
  /** Set where both announced it and the configuration lets us help. */
  readonly longLived?: { readonly families: ReadonlyArray<LongLivedFamily> }
  /** Set where we have a role (RFC 9234). */
  readonly role?: RoleAgreement
  /** What the peer says about itself, for people. */
  readonly hostname?: string
  readonly softwareVersion?: string
  /** The peer's, as received. */
  readonly capabilities: ReadonlyArray<Capability>
}

/** What the two OPENs agree on, or the NOTIFICATION that refuses the peer's. */
export const negotiate = (settings: PeerSettings, own: Open, remote: Open): Negotiated | Fault => {
  if (remote.version !== VERSION) return notifications.unsupportedVersion()
  const remoteAs = remoteAsOf(remote)
  const isExpected = settings.remoteAs === 0 ? remoteAs !== settings.excludedAs : remoteAs === settings.remoteAs
  if (remoteAs === undefined || !isExpected || isMisled(settings, remoteAs)) {
    return notifications.badPeerAs()
  }
  const external = remoteAs !== settings.localAs
  // RFC 6286 §2.2: an identifier is unique within its AS only.
  if (remote.id === 0 || (!external && remote.id === own.id)) return notifications.badIdentifier()
  if (remote.holdTime !== 0 && remote.holdTime < HOLD_TIME_MIN_S) return notifications.unacceptableHoldTime()
  const theirs = announcedFamilies(remote)
  // Without any multiprotocol capability our OPEN would stand for IPv4 unicast, configured or not.
  const families = announcedFamilies(own).filter(
    (family) => theirs.includes(family) && settings.families.includes(family)
  )
  if (families.length === 0) return unsupported(settings)
  const role = agreeOnRole(settings, external, announcedRoles(remote))
  if (role === "mismatch") return notifications.roleMismatch()
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
    extendedNextHop: families.includes(Family.Ipv4Unicast) && viaIpv6(own) && viaIpv6(remote),
    sendsEndOfRib: find(remote, "GracefulRestart") !== undefined,
    gracefulNotification: [own, remote].every((open) => find(open, "GracefulRestart")?.notification === true),
    gracefulRestart: gracefulRestart(settings, families, own, remote),
    ...longLived(settings, families, own, remote),
    ...(role === undefined ? {} : { role }),
    ...aboutItself(remote),
    capabilities: remote.capabilities
  }
}

/** It is in our confederation, and we have told it that we are the whole of it. */
const isMisled = ({ inside, localAs }: PeerSettings, remoteAs: number): boolean =>
  inside !== undefined && inside.localAs !== localAs && inside.members.includes(remoteAs)

/** The settings by which an OPEN is answered that comes before ours: to members of our confederation we are one too (RFC 5065 §4). */
export const settingsFor = (settings: PeerSettings, remote: Open): PeerSettings => {
  const { inside } = settings
  return inside?.members.includes(asnOf(remote)) === true ? { ...settings, localAs: inside.localAs } : settings
}

const HOLD_TIME_MIN_S = 3

type CapabilityOf<Tag extends Capability["_tag"]> = Extract<Capability, { readonly _tag: Tag }>

/** Of one that stands twice the last counts (RFC 4724 §3, RFC 9494 §4.1). */
const find = <Tag extends Capability["_tag"]>(open: Open, tag: Tag): CapabilityOf<Tag> | undefined =>
  open.capabilities.findLast((capability): capability is CapabilityOf<Tag> => capability._tag === tag)

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

/** RFC 5492 §5: we cannot do without one of our families. */
const unsupported = (settings: PeerSettings): Fault =>
  notifications.unsupportedCapability(
    settings.families.map((family) => ({ _tag: "Multiprotocol", afi: afiOf(family), safi: safiOf(family) }))
  )

const announcedRoles = (open: Open): ReadonlyArray<number> =>
  open.capabilities.flatMap((capability) => (capability._tag === "Role" ? [capability.role] : []))

const viaIpv6 = (open: Open): boolean =>
  open.capabilities.some(
    (capability) =>
      capability._tag === "ExtendedNextHop" &&
      capability.families.some(({ afi, safi, nextHopAfi }) => afi === 1 && safi === 1 && nextHopAfi === 2)
  )

const addPath = (
  families: ReadonlyArray<number>,
  own: Open,
  ownBit: number,
  remote: Open,
  remoteBit: number
): ReadonlyArray<boolean> => {
  const agreed = (family: number): boolean =>
    families.includes(family) && hasMode(own, family, ownBit) && hasMode(remote, family, remoteBit)
  // As long as the last family agreed on, and for the two that are routed in any case.
  return Array.from({ length: Math.max(1, ...families) + 1 }, (_, family) => agreed(family))
}

/** Modes other than 1, 2 and 3 are ignored (RFC 7911 §4); of a family that stands twice the last counts. */
const hasMode = (open: Open, family: number, bit: number): boolean => {
  const mode = open.capabilities
    .flatMap((capability) => (capability._tag === "AddPath" ? capability.families : []))
    .findLast(({ afi, safi }) => familyOf(afi, safi) === family)?.mode
  return mode !== undefined && mode <= 3 && (mode & bit) !== 0
}

const helps = (settings: PeerSettings): boolean =>
  settings.gracefulRestart?.helper ?? settings.gracefulRestartHelper === true

const gracefulRestart = (
  settings: PeerSettings,
  families: ReadonlyArray<number>,
  own: Open,
  remote: Open
): GracefulRestart | undefined => {
  const ours = find(own, "GracefulRestart")
  const theirs = find(remote, "GracefulRestart")
  if (!helps(settings) || ours === undefined || theirs === undefined) return undefined
  const kept = theirs.families.flatMap(({ afi, safi, forwarding }) => {
    const family = familyOf(afi, safi)
    return families.includes(family) ? [{ family, forwarding }] : []
  })
  if (kept.length === 0) return undefined
  return {
    timeS: theirs.timeS,
    restarting: theirs.restarting,
    families: kept.map(({ family }) => family),
    forwarding: kept.filter(({ forwarding }) => forwarding).map(({ family }) => family),
    notification: ours.notification && theirs.notification
  }
}

/** RFC 9494 §4.1: means nothing without graceful restart, and nothing for families that are not spoken. */
const longLived = (
  settings: PeerSettings,
  agreed: ReadonlyArray<number>,
  own: Open,
  remote: Open
): Pick<Negotiated, "longLived"> => {
  const theirs = find(remote, "LongLivedGracefulRestart")
  if (!helps(settings) || theirs === undefined || find(own, "LongLivedGracefulRestart") === undefined) return {}
  if (find(remote, "GracefulRestart") === undefined || find(own, "GracefulRestart") === undefined) return {}
  const families = theirs.families.flatMap(({ afi, safi, forwarding, timeS }) => {
    const family = familyOf(afi, safi)
    return agreed.includes(family) ? [{ family, timeS, forwarding }] : []
  })
  return families.length === 0 ? {} : { longLived: { families } }
}

const aboutItself = (remote: Open): Pick<Negotiated, "hostname" | "softwareVersion"> => {
  const name = find(remote, "Fqdn")
  const hostname = [name?.host ?? "", name?.domain ?? ""].filter((part) => part !== "").join(".")
  const softwareVersion = find(remote, "SoftwareVersion")?.version ?? ""
  return { ...(hostname === "" ? {} : { hostname }), ...(softwareVersion === "" ? {} : { softwareVersion }) }
}
