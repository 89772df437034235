// Configuration as differences: what a new one does not change is left alone, and a session is reset only when its own settings differ.
import type { OpBuffer } from "../machine/index.ts"
import { SELF } from "../rib/index.ts"
import { replaceSettings } from "../session/index.ts"
import { type Attributes, encodeAttributes, parsePrefix } from "../wire/index.ts"
import { adapt } from "./adapt.ts"
import { clusterIdsOf } from "./agreement.ts"
import type { DynamicPeers, OriginatedRoute, PeerConfig, RouterConfig } from "./config.ts"
import { beginRestart } from "./deferral.ts"
import { routerEffects } from "./effects.ts"
import { addPeer, dynamicConfig, removePeer } from "./peers.ts"
import { deliver } from "./sessions.ts"
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
        message:
          "a new router.asn, router.id, cluster-id, confederation, local-preference, kernel (but for its rules and groups) or listen needs a restart; the configuration stays as it was"
      },
      out
    )
    return
  }
  state.config = config
  replaceDecision(state, before, config)
  if (before !== undefined && before.publish !== config.publish) state.rib.decideAgain()
  if (first) {
    state.forwarding.start(out)
    beginRestart(state, config, out)
  }
  if (!first && config.kernel !== undefined) state.forwarding.setKernel(config.kernel)
  state.forwarding.setStatic(config.static)
  replaceOriginated(state, before?.originate ?? [], config.originate)
  replaceRanges(state, before, config.dynamic ?? [], out)
  if (before !== undefined) rename(state, before, config)
  replacePeers(state, before, config.peers, out)
  state.notice(
    { kind: "configured", level: "info", message: `configuration applied: ${config.peers.length} peers` },
    out
  )
}

/** The router is not made for another AS number, identifier, kernel or listener under way. */
export const needsRestart = (before: RouterConfig, after: RouterConfig): boolean =>
  JSON.stringify(madeWith(before)) !== JSON.stringify(madeWith(after))

const madeWith = ({
  router,
  kernel,
  listen,
  confederation,
  clusterId,
  localPreference
}: RouterConfig): ReadonlyArray<unknown> => [
  router,
  // Rules and the kind of groups are kept up with.
  kernel === undefined ? kernel : { ...kernel, rules: undefined, groups: undefined },
  listen,
  confederation ?? null,
  clusterId ?? null,
  localPreference ?? null
]

/** Another decision process, or other cluster ids: everything is decided again, in slices. */
const replaceDecision = (state: RouterState, before: RouterConfig | undefined, config: RouterConfig): void => {
  const decided = ({ bestPath }: RouterConfig): string => JSON.stringify(bestPath ?? {})
  const clusters = clusterIdsOf(config)
  if (before === undefined) {
    state.rib.decision.configure(config.bestPath ?? {})
    return
  }
  const isRenamed = JSON.stringify(clusterIdsOf(before)) !== JSON.stringify(clusters)
  if (isRenamed) state.rib.store.identify({ clusterIds: clusters })
  if (decided(before) === decided(config) && !isRenamed) return
  state.rib.decision.configure(config.bestPath ?? {})
  state.rib.decideAgain()
}

const replacePeers = (
  state: RouterState,
  routerBefore: RouterConfig | undefined,
  after: ReadonlyArray<PeerConfig>,
  out: OpBuffer
): void => {
  const before = routerBefore?.peers ?? []
  const wanted = new Map(after.map((peer) => [peer.address, peer]))
  const known = new Map(before.map((peer) => [peer.address, peer]))
  for (const { address } of before) if (!wanted.has(address)) removeAddress(state, address, false, out)
  for (const config of after) {
    const old = known.get(config.address)
    const peer = state.peers[state.byAddress.get(config.address) ?? 0]
    if (old !== undefined && JSON.stringify(old) === JSON.stringify(config)) continue
    const isKnown = routerBefore !== undefined && old !== undefined && peer !== undefined && peer.range === undefined
    if (isKnown && adapt(state, peer, routerBefore, config, out)) continue
    // Also a dynamic peer makes room for a configured one.
    removeAddress(state, config.address, true, out)
    const added = addPeer(state, config, undefined)
    if (added === undefined) {
      const message = `${config.address} is not a peer: there are as many as there may be`
      state.notice({ kind: "configuration-refused", level: "error", message }, out)
    } else if (config.enabled) deliver(state, added, { _tag: "Enabled" }, out)
  }
}

/** No session is worth less than our name: its peer hears it with the next one. */
const rename = (state: RouterState, before: RouterConfig, config: RouterConfig): void => {
  const { hostname = "", softwareVersion = "" } = config
  if ((before.hostname ?? "") === hostname && (before.softwareVersion ?? "") === softwareVersion) return
  for (const peer of state.peers) {
    if (peer === undefined) continue
    peer.settings = { ...peer.settings, hostname, softwareVersion }
    peer.machine = replaceSettings(peer.machine, peer.settings)
  }
}

const removeAddress = (state: RouterState, address: string, replaced: boolean, out: OpBuffer): void => {
  const peer = state.peers[state.byAddress.get(address) ?? 0]
  if (peer !== undefined) removePeer(state, peer, out, replaced)
}

/** Peers whose range is gone, or makes peers now that need another session, go. The others are left alone, or follow their range. */
const replaceRanges = (
  state: RouterState,
  before: RouterConfig | undefined,
  after: ReadonlyArray<DynamicPeers>,
  out: OpBuffer
): void => {
  const wanted = new Map(after.map(({ range, peer }) => [range, peer]))
  const known = new Map((before?.dynamic ?? []).map(({ range, peer }) => [range, JSON.stringify(peer)]))
  for (const peer of state.peers) {
    if (peer?.range === undefined || before === undefined) continue
    const template = wanted.get(peer.range)
    if (template !== undefined && known.get(peer.range) === JSON.stringify(template)) continue
    const config = template === undefined ? undefined : dynamicConfig(template, peer.config.address)
    if (config === undefined || !adapt(state, peer, before, config, out)) removePeer(state, peer, out)
  }
}

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
