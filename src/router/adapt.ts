// A peer whose configuration changed. What its OPEN said, or the socket was made with, only a new session can change; everything else takes
// effect under the session that is up: at once, where it decides what routes are worth and how they are told, or when it is next asked for.
import type { OpBuffer } from "../machine/index.ts"
import { needsReset, replaceSettings } from "../session/index.ts"
import { exportParameters, factsOf, intakeOf, originOf } from "./agreement.ts"
import type { PeerConfig, RouterConfig } from "./config.ts"
import type { RouterPeer } from "./peer.ts"
import { settingsOf } from "./peers.ts"
import { isRestarting } from "./restart.ts"
import { deliver } from "./sessions.ts"
import type { RouterState } from "./state.ts"

/** `before` is the router's configuration until now. False: nothing was done, and the peer needs another session. */
export const adapt = (
  state: RouterState,
  peer: RouterPeer,
  before: RouterConfig,
  after: PeerConfig,
  out: OpBuffer
): boolean => {
  const { config: old } = peer
  const settings = settingsOf(state, after, peer.range !== undefined)
  if (JSON.stringify(socketOf(old)) !== JSON.stringify(socketOf(after)) || needsReset(peer.settings, settings))
    return false
  if (settings.roleStrict === true && negotiatedOf(state, peer)?.role?.announced === false) return false
  const wasExported = JSON.stringify(worthOf(state, peer, before))
  peer.config = after
  peer.settings = settings
  peer.machine = replaceSettings(peer.machine, settings)
  if (JSON.stringify(worthOf(state, peer, state.config!)) !== wasExported) agreeAnew(state, peer)
  if (old.enabled !== after.enabled) {
    deliver(state, peer, after.enabled ? { _tag: "Enabled" } : { _tag: "Disabled", communication: "" }, out)
  } else if (old.passive && !after.passive && after.enabled && peer.established === 0) {
    // It waits for the peer, and nothing would have it dial.
    deliver(state, peer, { _tag: "ResetRequested" }, out)
  }
  return true
}

/** What its sockets were made with: TCP cannot be told another address, key or way under way. */
const socketOf = (peer: PeerConfig): ReadonlyArray<unknown> => {
  const { localAddress, password, ttlSecurity, multihop, interface: name } = peer
  return [localAddress, password, ttlSecurity, multihop, name ?? ""]
}

const negotiatedOf = (state: RouterState, peer: RouterPeer) =>
  state.connections.get(peer.established)?.session?.negotiated

/** All that the configuration says of the routes of a session: how they are judged, and how they are told; without one, of those that stay. */
const worthOf = (state: RouterState, peer: RouterPeer, config: RouterConfig): unknown => {
  const conn = state.connections.get(peer.established)
  if (conn?.session === undefined) {
    return isRestarting(peer) && peer.agreed !== undefined ? factsOf(config, peer, peer.agreed, 0) : undefined
  }
  const { negotiated, memberships } = conn.session
  return [
    factsOf(config, peer, negotiated, 0),
    originOf(config, peer, negotiated),
    memberships.map(({ exportClass: { parameters } }) =>
      exportParameters(config, peer, conn.local, negotiated, parameters.family)
    )
  ]
}

/** The routes are decided on and told again as they now are, in slices; the peer hears the difference. */
const agreeAnew = (state: RouterState, peer: RouterPeer): void => {
  const { rib, config } = state
  const { peers } = rib.adjIn
  if (peer.agreed !== undefined) {
    peers.set(peer.index, factsOf(config!, peer, peer.agreed, peers.rank[peer.index]))
    rib.decideAgain()
  }
  const conn = state.connections.get(peer.established)
  if (conn?.session === undefined) return
  const { negotiated, context, memberships } = conn.session
  const { firstAs: _, ...lasting } = context
  conn.session = {
    ...conn.session,
    context: { ...lasting, ...originOf(config!, peer, negotiated) },
    intake: intakeOf(config!, peer, negotiated),
    memberships: memberships.map((membership) => {
      const { family } = membership.exportClass.parameters
      return rib.move(membership, exportParameters(config!, peer, conn.local, negotiated, family))
    })
  }
}
