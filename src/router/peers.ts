// Peers come and go: from the configuration, and from ranges of addresses when somebody connects. A number that a peer had is given to
// another one only when the RIB holds nothing under it any more; its dials go on being numbered where the last owner's ended, so that a
// late word about one of those is recognised.
import { assert, draw, type OpBuffer, PEERS_MAX } from "../machine/index.ts"
import { byFamily } from "../rib/index.ts"
import { createPeer, type PeerRole, type PeerSettings } from "../session/index.ts"
import { FAMILY_NAMES, parseAddress } from "../wire/index.ts"
import { localAsOf } from "./agreement.ts"
import type { PeerConfig, RouterConfig } from "./config.ts"
import { preservesForwarding } from "./deferral.ts"
import type { RouterPeer } from "./peer.ts"
import { restartAbandoned } from "./restart.ts"
import { deliver } from "./sessions.ts"
import type { RouterState } from "./state.ts"

/** Each peer numbers the connections it dials in a range of its own. */
const CONNECTIONS_PER_PEER_BITS = 18

/** Adds a peer, in Idle; `range` is that of a dynamic one. `undefined`: there are as many as there may be. */
export const addPeer = (state: RouterState, config: PeerConfig, range: string | undefined): RouterPeer | undefined => {
  const index = unusedNumber(state)
  if (index >= PEERS_MAX) return undefined
  const address = parseAddress(config.address.replace(/%.*/, ""))
  assert(address !== undefined, "a peer's address is none")
  const settings = settingsOf(state, config, range !== undefined)
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  const firstConn = state.nextConns[index] ?? (index << CONNECTIONS_PER_PEER_BITS) | 1
  const peer: RouterPeer = {
    index,
    address,
    range,
    config,
    settings,
    machine: createPeer(settings, { firstConn, seed: bits }),
    established: 0,
    since: state.now,
    lastError: "",
    lastNotification: undefined,
    lastConnectError: undefined,
    messages: { in: 0, out: 0 },
    findings: { discarded: 0, treatedAsWithdraw: 0, last: "" },
    agreed: undefined,
    endOfRib: byFamily(() => false),
    retention: byFamily(() => undefined),
    refreshing: byFamily(() => false),
    warned: byFamily(() => false)
  }
  state.peers[index] = peer
  state.byAddress.set(config.address, index)
  rankPeers(state)
  return peer
}

/** What a range says of one of its peers. */
export const dynamicConfig = (template: PeerConfig, address: string): PeerConfig => ({
  ...template,
  address,
  passive: true,
  enabled: true
})

/** A dynamic peer whose routes are kept over its restart is back: it begins again under the same number. */
export const revivePeer = (state: RouterState, peer: RouterPeer): void => {
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  peer.settings = settingsOf(state, peer.config, true)
  peer.machine = createPeer(peer.settings, { firstConn: peer.machine.main.nextConn, seed: bits })
}

/** `replaced`: another peer with its address follows at once. */
export const removePeer = (state: RouterState, peer: RouterPeer, out: OpBuffer, replaced = false): void => {
  deliver(state, peer, { _tag: "Removed", replaced }, out)
  restartAbandoned(state, peer, out)
  state.nextConns[peer.index] = peer.machine.main.nextConn
  state.byAddress.delete(peer.config.address)
  state.peers[peer.index] = undefined
}

const unusedNumber = (state: RouterState): number => {
  for (let index = 1; index < state.peers.length; index++) {
    if (state.peers[index] === undefined && state.rib.isForgotten(index)) return index
  }
  return state.peers.length
}

/** The places of the peers' addresses among all of them: the last resort of the decision process (RFC 4271 §9.1.2.2 g). */
const rankPeers = (state: RouterState): void => {
  const { rank } = state.rib.adjIn.peers
  const peers = state.peers.filter((peer) => peer !== undefined).sort(compareAddresses)
  peers.forEach((peer, place) => {
    rank[peer.index] = place
  })
}

const compareAddresses = (one: RouterPeer, other: RouterPeer): number => {
  if (one.address.family !== other.address.family) return one.address.family - other.address.family
  const differing = one.address.words.findIndex((word, index) => word !== other.address.words[index])
  return differing === -1 ? 0 : one.address.words[differing] - other.address.words[differing]
}

/** Who connects and is a router says its OPEN at once; 240 s, as RFC 4271 §8.2.2 suggests, is long for somebody who is none. */
const OPEN_WAIT_S = 60

/** Of peers with any AS number some may be in our confederation, and hear of another one from us. */
const insideOf = ({ router, confederation }: RouterConfig, peer: PeerConfig): PeerSettings["inside"] =>
  confederation === undefined || peer.asn !== 0 || peer.type !== "external" || peer.localAs !== undefined
    ? undefined
    : { localAs: router.asn, members: [router.asn, ...confederation.members] }

export const settingsOf = (state: RouterState, peer: PeerConfig, dynamic: boolean): PeerSettings => {
  const config = state.config!
  const { gracefulRestart: restart, role, prefixRestart } = peer
  const localAs = localAsOf(config, peer)
  // Of those that any AS number will do for, a plain one may turn out to be internal; a client of a route server, or one that sees us under
  // another AS number, may not.
  const isExternal = peer.type === "route-server-client" || localAs !== config.router.asn
  const inside = insideOf(config, peer)
  return {
    localAs,
    ...(peer.asn === 0 && isExternal ? { excludedAs: localAs } : {}),
    // Its OPEN may be refused before ours is out, and it should hear why.
    ...(inside === undefined ? {} : { inside, sendNotificationWithoutOpen: true }),
    localId: parseAddress(config.router.id)!.words[0],
    remoteAs: peer.asn,
    passive: peer.passive,
    holdTimeS: peer.holdTime,
    connectRetryS: peer.connectRetry,
    idleHoldS: peer.idleHold,
    // As what we speak is known when the peer has spoken.
    delayOpenS: peer.delayOpen ?? (inside === undefined ? 0 : OPEN_WAIT_S),
    openWaitS: peer.openWait ?? OPEN_WAIT_S,
    dampPeerOscillations: peer.damping ?? true,
    families: peer.families.map((name) => FAMILY_NAMES.indexOf(name)),
    addPathReceive: peer.addPath.receive,
    addPathSend: peer.addPath.send > 0,
    extendedMessage: peer.extendedMessage,
    hostname: config.hostname ?? "",
    ...(config.softwareVersion === undefined ? {} : { softwareVersion: config.softwareVersion }),
    ...(restart === undefined ? {} : gracefulRestartOf(state, config, restart)),
    ...(peer.fourOctetAs === false ? { fourOctetAs: false } : {}),
    ...(peer.enhancedRefresh === false ? { enhancedRouteRefresh: false } : {}),
    ...(peer.extendedNextHop === true ? { extendedNextHop: true } : {}),
    ...(role === undefined || role === "" ? {} : { role: role as PeerRole }),
    ...(peer.roleStrict === true ? { roleStrict: true } : {}),
    ...(prefixRestart === undefined ? {} : { prefixRestartS: prefixRestart }),
    ...(dynamic ? { dynamic: true } : {})
  }
}

const gracefulRestartOf = (
  state: RouterState,
  config: RouterConfig,
  restart: NonNullable<PeerConfig["gracefulRestart"]>
): Pick<PeerSettings, "gracefulRestart" | "longLivedTimeS"> => ({
  gracefulRestart: {
    helper: restart.helper,
    restartTimeS: restart.restartTime,
    forwardingPreserved: preservesForwarding(config),
    restarting: state.restarting
  },
  longLivedTimeS: restart.longLivedTime
})
