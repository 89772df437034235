// A peer as users see it: what it is configured to be, what the two OPENs agreed on, what it has told and been told, and how it fares.
import { isoTime } from "../machine/index.ts"
import { byFamily } from "../rib/index.ts"
import { type Negotiated, peerStateName } from "../session/index.ts"
import { capabilityNames, FAMILY_NAMES, formatWords } from "../wire/index.ts"
import { typeOf } from "./agreement.ts"
import { lastConnectErrorJson, lastErrorText, lastNotificationJson } from "./last-words.ts"
import type { RouterPeer } from "./peer.ts"
import { isRestarting } from "./restart.ts"
import type { RouterState } from "./state.ts"

export const peerRows = (state: RouterState): ReadonlyArray<Record<string, unknown>> => {
  const peers = state.peers.filter((peer) => peer !== undefined)
  const stale = stalePaths(state, peers)
  return peers.map((peer) => peerRow(state, peer, stale))
}

const peerRow = (state: RouterState, peer: RouterPeer, stale: StalePaths): Record<string, unknown> => {
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
    endOfRib: peer.endOfRib,
    restarting: isRestarting(peer),
    prefixes: {
      received,
      accepted: config.policyOpen || type !== "external" ? received : 0,
      advertised: advertisedTo(state, peer),
      stale: stale[0][peer.index] + stale[1][peer.index]
    },
    stale: { "ipv4-unicast": stale[0][peer.index], "ipv6-unicast": stale[1][peer.index] },
    messages: { ...peer.messages },
    findings: { ...peer.findings },
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

type StalePaths = ReadonlyArray<Uint32Array>

/** By family and peer: paths kept in use over a restart or a refresh. Counted only where somebody has some, in one pass over the table. */
const stalePaths = (state: RouterState, peers: ReadonlyArray<RouterPeer>): StalePaths => {
  const counts: StalePaths = byFamily(() => new Uint32Array(state.peers.length))
  if (!state.isConfigured) return counts
  const { adjIn, tables } = state.rib
  for (const { heads, prefixes } of tables) {
    const { family } = prefixes
    if (!peers.some(({ retention, refreshing }) => retention[family] !== undefined || refreshing[family])) continue
    for (let id = 0; id < prefixes.bound; id++) {
      for (let path = heads[id] ?? 0; path !== 0; path = adjIn.paths.next[path]) {
        if (adjIn.isStale(family, path)) counts[family][adjIn.paths.peer[path]]++
      }
    }
  }
  return counts
}
