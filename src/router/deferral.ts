// Our own restart (RFC 4724 §4.1). With routes left in the kernel from the run before, peers that keep ours are not told anything until
// we know what to tell: until every peer that restarts gracefully with us has told its table, or a timer says that it is enough. Routes
// are decided and forwarded meanwhile; only the export waits. What the kernel has left over goes by forwarding's own rule.

import type { OpBuffer } from "../machine/index.ts"
import { SELF } from "../rib/index.ts"
import { replaceSettings } from "../session/index.ts"
import type { Family } from "../wire/index.ts"
import type { PeerConfig, RouterConfig } from "./config.ts"
import type { RouterPeer } from "./peer.ts"
import type { RouterState } from "./state.ts"

/** Kind of the router's own timer; forwarding's are below it. */
export const SELECTION_DEFERRAL = 16
const DEFERRAL_S_MIN = 120

/** Forwarding goes on while we are away. */
export const preservesForwarding = (config: RouterConfig): boolean => config.kernel?.onExit === "keep"

const restartTimeOf = (peer: PeerConfig): number => peer.gracefulRestart?.restartTime ?? 0

/** At the first configuration: whether it is a restart that our peers may help us over. */
export const beginRestart = (state: RouterState, config: RouterConfig, out: OpBuffer): void => {
  const times = config.peers.filter(({ enabled }) => enabled).map(restartTimeOf)
  if (!preservesForwarding(config) || !times.some((timeS) => timeS > 0)) return
  state.restarting = true
  state.rib.hold()
  const milliseconds = Math.max(DEFERRAL_S_MIN, ...times) * 1000
  state.timers.arm({ peer: SELF, conn: 0, kind: SELECTION_DEFERRAL }, milliseconds, out)
}

/** After a batch: whether everybody who is waited for has told. */
export const advanceRestart = (state: RouterState, out: OpBuffer): void => {
  if (state.restarting && state.peers.every((peer) => peer === undefined || !isAwaited(state, peer)))
    endRestart(state, out)
}

/** RFC 4724 §4.1: a peer that sends no End-of-RIB, or has just restarted itself, is not waited for. */
const isAwaited = (state: RouterState, peer: RouterPeer): boolean => {
  if (!peer.config.enabled || restartTimeOf(peer.config) === 0 || peer.range !== undefined) return false
  const { session } = state.connections.get(peer.established) ?? {}
  if (session === undefined) return true
  const { capabilities, families, sendsEndOfRib } = session.negotiated
  const hasRestarted = capabilities.some((capability) => capability._tag === "GracefulRestart" && capability.restarting)
  return sendsEndOfRib && !hasRestarted && !families.every((family) => peer.endOfRib[family as Family])
}

export const endRestart = (state: RouterState, out: OpBuffer): void => {
  if (!state.restarting) return
  state.restarting = false
  state.timers.cancel({ peer: SELF, conn: 0, kind: SELECTION_DEFERRAL }, out)
  state.rib.release()
  for (const peer of state.peers) {
    const restart = peer?.settings.gracefulRestart
    if (peer === undefined || restart === undefined) continue
    peer.settings = { ...peer.settings, gracefulRestart: { ...restart, restarting: false } }
    peer.machine = replaceSettings(peer.machine, peer.settings)
  }
  state.notice({ kind: "restarted", level: "info", message: "the restart is over: peers are told our routes" }, out)
}
