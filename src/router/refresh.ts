// Telling a table again, in both directions (RFC 2918), and the marks that say where it begins and ends (RFC 7313): between them what the
// peer has not repeated is stale and in use, after them it is gone. A peer that never ends is ended by a timer.
import type { OpBuffer } from "../machine/index.ts"
import { type Family, familyOf, RefreshSubtype } from "../wire/index.ts"
import type { RouterPeer } from "./peer.ts"
import { PeerTimer } from "./restart.ts"
import type { RouterState } from "./state.ts"

/** RFC 7313 §4 wants a bound and leaves it to us. */
const REFRESH_S = 360

/** A ROUTE-REFRESH of any kind, on an Established session. */
export const refreshReceived = (
  state: RouterState,
  peer: RouterPeer,
  message: { readonly afi: number; readonly safi: number; readonly subtype: number },
  out: OpBuffer
): void => {
  const { session } = state.connections.get(peer.established) ?? {}
  const family = familyOf(message.afi, message.safi)
  // What was not negotiated is ignored (RFC 2918 §4, RFC 7313 §5).
  if (session === undefined || family < 0 || !session.negotiated.families.includes(family)) return
  if (message.subtype === RefreshSubtype.Request) repeatTable(state, peer, family)
  if (!session.negotiated.enhancedRouteRefresh) return
  if (message.subtype === RefreshSubtype.Begin) refreshBegan(state, peer, family as Family, out)
  else if (message.subtype === RefreshSubtype.End && peer.refreshing[family as Family]) {
    refreshEnded(state, peer, family as Family, out)
  }
}

/** The adj-out of a family goes out again, as it is now. */
export const repeatTable = (state: RouterState, peer: RouterPeer, family: number): void => {
  const { session } = state.connections.get(peer.established) ?? {}
  for (const { exportClass, member } of session?.memberships ?? []) {
    if (exportClass.parameters.family !== family) continue
    exportClass.repeat(member, session!.negotiated.enhancedRouteRefresh)
  }
}

const refreshBegan = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  state.rib.refreshBegan(peer.index, family)
  peer.refreshing[family] = true
  state.timers.arm({ peer: peer.index, conn: 0, kind: PeerTimer.Refresh + family }, REFRESH_S * 1000, out)
}

/** The peer says that it has told everything, or had time enough. */
export const refreshEnded = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  refreshForgotten(state, peer, family, out)
  state.rib.expire(peer.index, family)
}

/** The session is over, and its refresh with it. */
export const refreshForgotten = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  peer.refreshing[family] = false
  state.timers.cancel({ peer: peer.index, conn: 0, kind: PeerTimer.Refresh + family }, out)
}
