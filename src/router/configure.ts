// Configuration as differences: what a new one does not change is left alone, and a session is reset only when its own settings differ.
import { draw, type OpBuffer } from "../machine/index.ts"
import { SELF } from "../rib/index.ts"
import { createPeer, type PeerSettings } from "../session/index.ts"
import { type Attributes, encodeAttributes, type Family, parseAddress, parsePrefix } from "../wire/index.ts"
import type { OriginatedRoute, PeerConfig, RouterConfig } from "./config.ts"
import { routerEffects } from "./effects.ts"
import type { RouterPeer } from "./peer.ts"
import { deliver, rankOf } from "./sessions.ts"
import type { RouterState } from "./state.ts"

export const configure = (state: RouterState, config: RouterConfig, out: OpBuffer): void => {
  const before = state.config
  const first = !state.isConfigured
  if (first) {
    state.configureOnce(config)
    state.startedAt = state.now
    config.listen.forEach((_, index) => {
      out.put(routerEffects.code.Listen, index)
    })
  } else if (before !== undefined && needsRestart(before, config)) {
    state.notice(
      {
        kind: "configuration-refused",
        level: "warning",
        message: "a new router.asn, router.id, kernel or listen needs a restart; the configuration stays as it was"
      },
      out
    )
    return
  }
  state.config = config
  if (first) state.forwarding.start(out)
  state.forwarding.setStatic(config.static)
  replaceOriginated(state, before?.originate ?? [], config.originate)
  replacePeers(state, before?.peers ?? [], config.peers, out)
  state.notice(
    { kind: "configured", level: "info", message: `configuration applied: ${config.peers.length} peers` },
    out
  )
}

const needsRestart = (before: RouterConfig, after: RouterConfig): boolean =>
  JSON.stringify([before.router, before.kernel, before.listen]) !==
  JSON.stringify([after.router, after.kernel, after.listen])

const replacePeers = (
  state: RouterState,
  before: ReadonlyArray<PeerConfig>,
  after: ReadonlyArray<PeerConfig>,
  out: OpBuffer
): void => {
  const wanted = new Map(after.map((peer) => [peer.address, peer]))
  const known = new Map(before.map((peer) => [peer.address, JSON.stringify(peer)]))
  for (const { address } of before) if (!wanted.has(address)) removePeer(state, address, out)
  for (const peer of after) {
    if (known.get(peer.address) === JSON.stringify(peer)) continue
    if (known.has(peer.address)) removePeer(state, peer.address, out)
    addPeer(state, peer, out)
  }
  const { rank } = state.rib.adjIn.peers
  for (const peer of state.peers) if (peer !== undefined) rank[peer.index] = rankOf(state, peer)
}

const removePeer = (state: RouterState, address: string, out: OpBuffer): void => {
  const index = state.byAddress.get(address)
  if (index === undefined) return
  deliver(state, state.peerAt(index), { _tag: "Removed" }, out)
  state.byAddress.delete(address)
  state.peers[index] = undefined
}

const addPeer = (state: RouterState, config: PeerConfig, out: OpBuffer): void => {
  const address = parseAddress(config.address.replace(/%.*/, ""))!
  const index = state.peers.length
  const settings = settingsOf(state.config!, config)
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  const peer: RouterPeer = {
    index,
    address,
    config,
    settings,
    machine: createPeer(settings, { firstConn: (index << CONNECTIONS_PER_PEER_BITS) | 1, seed: bits }),
    established: 0,
    since: state.now,
    lastError: "",
    messages: { in: 0, out: 0 },
    findings: { discarded: 0, treatedAsWithdraw: 0, last: "" },
    endOfRib: [false, false]
  }
  state.peers.push(peer)
  state.byAddress.set(config.address, index)
  if (config.enabled) deliver(state, peer, { _tag: "Enabled" }, out)
}

/** Each peer numbers the connections it dials in a range of its own. */
const CONNECTIONS_PER_PEER_BITS = 18

const settingsOf = (config: RouterConfig, peer: PeerConfig): PeerSettings => ({
  localAs: config.router.asn,
  localId: parseAddress(config.router.id)!.words[0],
  remoteAs: peer.asn,
  passive: peer.passive,
  holdTimeS: peer.holdTime,
  connectRetryS: peer.connectRetry,
  idleHoldS: peer.idleHold,
  delayOpenS: 0,
  dampPeerOscillations: true,
  families: peer.families.map((name): Family => (name === "ipv4-unicast" ? 0 : 1)),
  addPathReceive: peer.addPath.receive,
  addPathSend: false,
  extendedMessage: peer.extendedMessage,
  hostname: ""
})

const replaceOriginated = (
  state: RouterState,
  before: ReadonlyArray<OriginatedRoute>,
  after: ReadonlyArray<OriginatedRoute>
): void => {
  const kept = new Set(after.map((route) => route.prefix))
  for (const { prefix } of before) if (!kept.has(prefix)) withdraw(state, prefix)
  for (const route of after) announce(state, route)
}

/** Announces a route of our own; a later announcement of the prefix replaces it. False: that is no prefix. */
export const announce = (state: RouterState, route: OriginatedRoute): boolean => {
  const prefix = parsePrefix(route.prefix)
  if (prefix === undefined) return false
  state.originated.set(route.prefix, route)
  const { adjIn, store, tables } = state.rib
  const table = tables[prefix.family === 4 ? 0 : 1]
  const bytes = encodeAttributes(originAttributes(route), true)
  const nextHop = prefix.family === 4 ? 0 : 16
  const whole = new Uint8Array(bytes.length + nextHop)
  whole.set(bytes)
  const set = store.intern(whole, 0, whole.length, nextHop)
  adjIn.learn(SELF, table, table.prefixes.intern(prefix.words, 0, prefix.length), 0, set)
  store.discardUnused(set)
  return true
}

/** Withdraws a route of our own. False: there is none. */
export const withdraw = (state: RouterState, text: string): boolean => {
  const prefix = parsePrefix(text)
  if (prefix === undefined || !state.originated.delete(text)) return false
  const table = state.rib.tables[prefix.family === 4 ? 0 : 1]
  const id = table.prefixes.find(prefix.words, 0, prefix.length)
  if (id !== -1) state.rib.adjIn.forget(SELF, table, id, 0)
  return true
}

const originAttributes = (route: OriginatedRoute): Attributes => ({
  origin: 0,
  asPath: [],
  nextHop: { family: 4, words: [0] },
  // An attribute without a single community would be a fault [RFC 7606 §7.8].
  ...(route.communities.length === 0 ? {} : { communities: route.communities.map(communityOf) })
})

const communityOf = (text: string): number => {
  const [high, low] = text.split(":").map(Number)
  return ((high << 16) | low) >>> 0
}
