// Our OPEN: what the settings have us announce, less what this peer refused. A speaker that cannot bear a capability says so with 2/4 or
// 2/7 and is asked again without it (RFC 5492 §3); what is withheld only grows, so the asking ends.

import { hashJson } from "../machine/index.ts"
import {
  AddPathMode,
  AS_TRANS,
  afiOf,
  type Capability,
  CapabilityCode,
  codeOfCapability,
  ErrorCode,
  Family,
  type Fault,
  namedCapabilities,
  type Open,
  OpenSubcode,
  safiOf
} from "../wire/index.ts"
import { roleValueOf } from "./role.ts"
import type { PeerSettings } from "./settings.ts"

export const VERSION = 4

/** Our OPEN without the capabilities whose keys are `withheld`. */
export const buildOpen = (settings: PeerSettings, withheld: ReadonlyArray<string> = []): Open => ({
  version: VERSION,
  asn: settings.localAs > AS_TWO_OCTETS_MAX ? AS_TRANS : settings.localAs,
  holdTime: settings.holdTimeS,
  id: settings.localId,
  capabilities: capabilitiesOf(settings).filter((capability) => !withheld.includes(capabilityKey(capability)))
})

/** One text per thing that can be refused: each family of the multiprotocol capability by itself, all others by their code. */
export const capabilityKey = (capability: Capability): string =>
  capability._tag === "Multiprotocol"
    ? `${CapabilityCode.Multiprotocol}/${capability.afi}/${capability.safi}`
    : String(codeOfCapability(capability))

/**
 * What to withhold after a NOTIFICATION: everything after 2/4, what is named after 2/7, everything when nothing of ours is named. Empty:
 * nothing is refused. Once there is nothing left to leave out the next try says everything again, at the pace of the back-off.
 */
export const withheldAfter = (
  settings: PeerSettings,
  withheld: ReadonlyArray<string>,
  fault: Fault
): ReadonlyArray<string> => {
  if (fault.code !== ErrorCode.Open) return withheld
  const announced = buildOpen(settings, withheld).capabilities.map(capabilityKey)
  if (fault.subcode === OpenSubcode.OptionalParameter) return announced.length === 0 ? [] : [...withheld, ...announced]
  if (fault.subcode !== OpenSubcode.Capability) return withheld
  const named = namedCapabilities(fault.data).map(capabilityKey)
  const refused = announced.filter((key) => named.includes(key))
  // A list of what is missing from our OPEN is no refusal of what stands in it (RFC 5492 §5).
  if (named.length > 0) return refused.length === 0 ? withheld : [...withheld, ...refused]
  return announced.length === 0 ? [] : [...withheld, ...announced]
}

/**
 * These settings say something else to the peer, or expect another one: only a new session can tell it. `roleStrict` refuses what was agreed
 * on only where that is without the peer's role, which the caller sees.
 */
export const needsReset = (before: PeerSettings, after: PeerSettings): boolean =>
  before.remoteAs !== after.remoteAs || hashJson(openForSession(before)) !== hashJson(openForSession(after))

/** Whether we have just restarted says nothing about the session that is up. */
const openForSession = (settings: PeerSettings): Open => {
  const { gracefulRestart: restart } = settings
  return buildOpen(
    restart === undefined ? settings : { ...settings, gracefulRestart: { ...restart, restarting: false } }
  )
}

const capabilitiesOf = (settings: PeerSettings): ReadonlyArray<Capability> => {
  const { families, softwareVersion = "" } = settings
  const wire = families.map((family) => ({ afi: afiOf(family), safi: safiOf(family) }))
  const capabilities: Array<Capability> = wire.map((family) => ({ _tag: "Multiprotocol", ...family }))
  capabilities.push({ _tag: "RouteRefresh" })
  if (settings.extendedNextHop === true && families.includes(Family.Ipv4Unicast)) capabilities.push(VIA_IPV6)
  if (settings.extendedMessage) capabilities.push({ _tag: "ExtendedMessage" })
  if (settings.role !== undefined && settings.remoteAs !== settings.localAs) {
    capabilities.push({ _tag: "Role", role: roleValueOf(settings.role) })
  }
  capabilities.push(gracefulRestart(settings, wire))
  if (settings.fourOctetAs !== false) capabilities.push({ _tag: "FourOctetAs", asn: settings.localAs })
  if (settings.addPathReceive || settings.addPathSend) {
    const mode = (settings.addPathReceive ? AddPathMode.Receive : 0) | (settings.addPathSend ? AddPathMode.Send : 0)
    capabilities.push({ _tag: "AddPath", families: wire.map((family) => ({ ...family, mode })) })
  }
  if (settings.enhancedRouteRefresh !== false) capabilities.push({ _tag: "EnhancedRouteRefresh" })
  const longLived = longLivedGracefulRestart(settings, wire)
  if (longLived !== undefined) capabilities.push(longLived)
  if (settings.hostname !== "") capabilities.push({ _tag: "Fqdn", host: settings.hostname, domain: "" })
  if (softwareVersion !== "") capabilities.push({ _tag: "SoftwareVersion", version: softwareVersion })
  return capabilities
}

type WireFamilies = ReadonlyArray<{ readonly afi: number; readonly safi: number }>

/**
 * Always announced, because it promises End-of-RIB. Without a time after which peers would give us up there are no families: then nobody
 * need keep anything for us (RFC 4724 §3).
 */
const gracefulRestart = (settings: PeerSettings, families: WireFamilies): Capability => {
  const { gracefulRestart: restart, longLivedTimeS = 0 } = settings
  const timeS = Math.min(restart?.restartTimeS ?? 0, RESTART_TIME_MAX_S)
  const forwarding = restart?.forwardingPreserved === true
  return {
    _tag: "GracefulRestart",
    restarting: restart?.restarting === true,
    notification: restart !== undefined || settings.gracefulRestartHelper === true,
    timeS,
    families: timeS > 0 || longLivedTimeS > 0 ? families.map((family) => ({ ...family, forwarding })) : []
  }
}

const longLivedGracefulRestart = (settings: PeerSettings, families: WireFamilies): Capability | undefined => {
  const timeS = Math.min(settings.longLivedTimeS ?? 0, LONG_LIVED_TIME_MAX_S)
  const forwarding = settings.gracefulRestart?.forwardingPreserved === true
  return timeS === 0
    ? undefined
    : { _tag: "LongLivedGracefulRestart", families: families.map((family) => ({ ...family, forwarding, timeS })) }
}

const AS_TWO_OCTETS_MAX = 0xffff
/** RFC 4724 §3 gives it 12 bits, RFC 9494 §3 gives it 24. */
const RESTART_TIME_MAX_S = 4095
const LONG_LIVED_TIME_MAX_S = 0xff_ffff
const VIA_IPV6: Capability = { _tag: "ExtendedNextHop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] }
