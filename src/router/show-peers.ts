// A peer as users see it: what it is configured to be, what the two OPENs agreed on, what it has told and been told, and how it fares.
import { isoTime } from "../machine/index.ts"
import { LeftOver } from "../rib/index.ts"
import { type Negotiated, peerStateName } from "../session/index.ts"
import { capabilityNames, FAMILIES_ALL, FAMILY_NAMES, formatWords, isRouted } from "../wire/index.ts"
import { typeOf } from "./agreement.ts"
import { lastConnectErrorJson, lastErrorText, lastNotificationJson } from "./last-words.ts"
import type { RouterPeer } from "./peer.ts"
import { isRestarting } from "./restart.ts"
import type { RouterState } from "./state.ts"

export const peerRows = (state: RouterState): ReadonlyArray<Record<string, unknown>> =>
  state.peers.filter((peer) => peer !== undefined).map((peer) => peerRow(state, peer))

const peerRow = (state: RouterState, peer: RouterPeer): Record<string, unknown> => {
  const stale = staleOf(state, peer)
  const { config } = peer
  const negotiated = state.connections.get(peer.established)?.session?.negotiated
  const type = typeOf(config, negotiated)
  const received = receivedFrom(state, peer)
  return {
    address: config.address,
    port: config.port,
    asn: config.asn === 0 ? (negotiated?.remoteAs ?? 0) : config.asn,
    name: config.name,
    type,
    state: peerStateName(peer.machine),
    enabled: peer.machine.administrative === "Enabled",
    since: isoTime(peer.since),
    families: familyNames(negotiated?.families ?? []),
    capabilities: negotiated === undefined ? [] : capabilityNames(negotiated.capabilities),
    holdTime: negotiated?.holdTimeS ?? null,
    negotiated: negotiated === undefined ? null : negotiatedJson(negotiated),
    hostname: negotiated?.hostname ?? null,
    softwareVersion: negotiated?.softwareVersion ?? null,
    dynamic: peer.range !== undefined,
    range: peer.range ?? null,
    md5: config.password !== "",
    ttlSecurity: config.ttlSecurity,
    endOfRib: familyNames(FAMILIES_ALL.filter((family) => peer.endOfRib[family])),
    restarting: isRestarting(peer),
    prefixes: {
      received,
      accepted: config.policyOpen || type !== "external" ? received : 0,
      advertised: advertisedTo(state, peer),
      stale: stale.reduce((sum, count) => sum + count, 0)
    },
    stale: staleByName(stale),
    messages: { ...peer.messages },
    findings: { ...peer.findings },
    disabledFamilies: disabledOf(state, peer),
    lastError: lastErrorText(peer),
    lastNotification: lastNotificationJson(peer.lastNotification),
    lastConnectError: lastConnectErrorJson(peer.lastConnectError)
  }
}

/** What the two OPENs agree on, as one value. */
const negotiatedJson = (negotiated: Negotiated): Record<string, unknown> => {
  const { gracefulRestart: restart, longLived, role } = negotiated
  return {
    remoteAs: negotiated.remoteAs,
    remoteId: formatWords(4, [negotiated.remoteId], 0),
    as4: negotiated.as4,
    holdTime: negotiated.holdTimeS,
    keepalive: negotiated.keepaliveS,
    families: familyNames(negotiated.families),
    addPath: { receive: familiesWith(negotiated.addPathReceive), send: familiesWith(negotiated.addPathSend) },
    extendedMessage: negotiated.extendedMessage,
    extendedNextHop: negotiated.extendedNextHop === true,
    routeRefresh: negotiated.routeRefresh,
    enhancedRouteRefresh: negotiated.enhancedRouteRefresh,
    endOfRib: negotiated.sendsEndOfRib,
    gracefulRestart:
      restart === undefined
        ? null
        : {
            time: restart.timeS,
            restarting: restart.restarting,
            notification: restart.notification,
            families: familyNames(restart.families),
            forwarding: familyNames(restart.forwarding)
          },
    longLived:
      longLived === undefined
        ? null
        : longLived.families.map(({ family, timeS, forwarding }) => ({
            family: FAMILY_NAMES[family],
            time: timeS,
            forwarding
          })),
    role:
      role === undefined
        ? null
        : { own: ROLE_NAMES[role.own], remote: ROLE_NAMES[role.remote], announced: role.announced }
  }
}

/** By the values of RFC 9234 §4.1, in the words of the configuration. */
const ROLE_NAMES: ReadonlyArray<string> = ["provider", "rs", "rs-client", "customer", "peer"]

const familyNames = (families: ReadonlyArray<number>): ReadonlyArray<string> =>
  families.map((family) => FAMILY_NAMES[family])

const familiesWith = (flags: ReadonlyArray<boolean>): ReadonlyArray<string> =>
  FAMILY_NAMES.filter((_, family) => flags[family])

const receivedFrom = (state: RouterState, peer: RouterPeer): number =>
  state.isConfigured ? state.rib.adjIn.peers.received.reduce((sum, family) => sum + family[peer.index], 0) : 0

const advertisedTo = (state: RouterState, peer: RouterPeer): number => {
  const memberships = state.connections.get(peer.established)?.session?.memberships ?? []
  const sent = memberships.reduce((sum, { exportClass, member }) => sum + exportClass.toldCount(member), 0)
  return Math.max(0, sent)
}

const disabledOf = (state: RouterState, peer: RouterPeer): ReadonlyArray<string> => {
  const { disabled = 0 } = state.connections.get(peer.established)?.session ?? {}
  return familyNames(FAMILIES_ALL.filter((family) => ((disabled >>> family) & 1) === 1))
}

const staleByName = (stale: ReadonlyArray<number>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    FAMILIES_ALL.filter((family) => isRouted(family) || stale[family] > 0).map((family) => [
      FAMILY_NAMES[family],
      stale[family]
    ])
  )

/** By family: paths kept in use over a restart or a refresh, which the peer has not told again. */
const staleOf = (state: RouterState, { index }: RouterPeer): ReadonlyArray<number> => {
  if (!state.isConfigured) return FAMILIES_ALL.map(() => 0)
  const { received, told, leftOver } = state.rib.adjIn.peers
  return FAMILIES_ALL.map((family) =>
    leftOver[family][index] === LeftOver.Kept ? received[family][index] - told[family][index] : 0
  )
}
