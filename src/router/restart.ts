// Helping a peer over its restart (RFC 4724 §4.2, RFC 8538, RFC 9494 §4.2). When its session ends in a way that allows it, the paths of
// the families that it asked for stay in use as stale: for its restart time, then as least preferred for its long-lived time, and once
// it is back until its End-of-RIB says that what it has not told again is gone. An older generation of stale paths never outlives a
// second restart.
import type { OpBuffer } from "../machine/index.ts"
import type { Negotiated } from "../session/index.ts"
import { FAMILIES_ALL, FAMILY_NAMES, type Family, parseAddress } from "../wire/index.ts"
import type { RouterPeer } from "./peer.ts"
import type { RouterState } from "./state.ts"

/** Timers of a peer beside those of its session machine, whose kinds are below 16. The last two are one for each family. */
export const PeerTimer = { Restart: 16, LongLived: 32, Refresh: 64 } as const

/** How the paths of a family outlive their session. */
export interface Retention {
  readonly stage: "restarting" | "long-lived"
  /** Seconds after the restart time (RFC 9494); 0: none. */
  readonly longLivedS: number
}

/** RFC 4724 §4.2 wants a bound for the wait for End-of-RIB and leaves it to us. */
const STALE_PATHS_S = 360

/** The session is over. `retain`: it ended in a way after which stale paths may stay. */
export const sessionLost = (
  state: RouterState,
  peer: RouterPeer,
  negotiated: Negotiated,
  retain: boolean,
  out: OpBuffer
): void => {
  cancelTimers(state, peer, out)
  const { families, gracefulRestart: restart, longLived } = negotiated
  const longLivedOf = (family: Family): number => longLived?.families.find((one) => one.family === family)?.timeS ?? 0
  const waits = (family: Family): boolean =>
    restart !== undefined && restart.timeS > 0 && restart.families.includes(family)
  const keeps = (family: Family): boolean =>
    retain && restart !== undefined && families.includes(family) && (waits(family) || longLivedOf(family) > 0)
  // Consecutive restarts: what was stale already goes at once. What only a refresh had not repeated yet is as good as the rest.
  for (const family of FAMILIES_ALL) if (peer.retention[family] !== undefined) state.rib.expireStale(peer.index, family)
  state.rib.endSession(peer.index, FAMILIES_ALL.map(keeps))
  if (!FAMILIES_ALL.some(keeps)) exitFailed(state, peer)
  for (const family of FAMILIES_ALL) {
    peer.retention[family] = keeps(family) ? { stage: "restarting", longLivedS: longLivedOf(family) } : undefined
    if (keeps(family) && !waits(family)) outliveRestart(state, peer, family, out)
  }
  if (!isRestarting(peer)) return
  const timeS = restart?.timeS ?? 0
  if (timeS > 0) state.timers.arm({ peer: peer.index, conn: 0, kind: PeerTimer.Restart }, timeS * 1000, out)
  say(state, peer, `restarts gracefully: its routes stay for ${timeS} s`, out)
}

/** Who was an exit is none any more; what was decided on is decided again in slices, traffic need not wait for that. */
const exitFailed = (state: RouterState, peer: RouterPeer): void => {
  const address = parseAddress(peer.config.address)
  if (address !== undefined) state.sharedNextHops.exitFailed(state.forwarding, address, state.rib.store)
}

/** The peer is back: what it did not go on forwarding is given up (RFC 4724 §4.2), the rest waits for End-of-RIB. */
export const sessionResumed = (state: RouterState, peer: RouterPeer, negotiated: Negotiated, out: OpBuffer): void => {
  for (const family of FAMILIES_ALL) {
    const retention = peer.retention[family]
    if (retention === undefined) continue
    const restart = negotiated.gracefulRestart?.forwarding.includes(family) === true
    const longLived = negotiated.longLived?.families.some((one) => one.family === family && one.forwarding) === true
    const forwarded = restart || (retention.stage === "long-lived" && longLived)
    if (!forwarded || !negotiated.families.includes(family)) giveUp(state, peer, family, out)
  }
  const owner = { peer: peer.index, conn: 0, kind: PeerTimer.Restart }
  // The long-lived time runs on until End-of-RIB (RFC 9494 §4.2); the restart time has done its work.
  if (peer.retention.some((retention) => retention?.stage === "restarting")) {
    state.timers.arm(owner, STALE_PATHS_S * 1000, out)
  } else state.timers.cancel(owner, out)
}

/** End-of-RIB: what the peer has not told again by now is gone. */
export const familySynchronised = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  if (peer.retention[family] === undefined) return
  // Within a refresh the peer is still telling; the mark at its end does the same.
  if (peer.refreshing[family]) forget(state, peer, family, out)
  else giveUp(state, peer, family, out)
  if (!isRestarting(peer)) say(state, peer, "has told its routes again after a restart", out)
}

/** The operator ended it: nothing is waited for any more. */
export const restartAbandoned = (state: RouterState, peer: RouterPeer, out: OpBuffer): void => {
  for (const family of FAMILIES_ALL) if (peer.retention[family] !== undefined) giveUp(state, peer, family, out)
}

export const restartTimerFired = (state: RouterState, peer: RouterPeer, kind: number, out: OpBuffer): void => {
  if (kind !== PeerTimer.Restart) {
    const family = (kind - PeerTimer.LongLived) as Family
    say(state, peer, `is away for too long: its stale ${FAMILY_NAMES[family]} routes go`, out)
    giveUp(state, peer, family, out)
    return
  }
  for (const family of FAMILIES_ALL) {
    if (peer.retention[family]?.stage !== "restarting") continue
    if (peer.established !== 0) giveUp(state, peer, family, out)
    else outliveRestart(state, peer, family, out)
  }
}

/** Whether stale paths of the peer are in use. */
export const isRestarting = (peer: RouterPeer): boolean => peer.retention.some((retention) => retention !== undefined)

/** The restart time is over, or there was none. */
const outliveRestart = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  const { longLivedS } = peer.retention[family]!
  if (longLivedS === 0) {
    giveUp(state, peer, family, out)
    return
  }
  peer.retention[family] = { stage: "long-lived", longLivedS }
  state.rib.age(peer.index, family)
  state.timers.arm({ peer: peer.index, conn: 0, kind: PeerTimer.LongLived + family }, longLivedS * 1000, out)
  say(state, peer, `stays away: its ${FAMILY_NAMES[family]} routes stay for ${longLivedS} s as a last resort`, out)
}

const giveUp = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  forget(state, peer, family, out)
  state.rib.expire(peer.index, family)
}

const forget = (state: RouterState, peer: RouterPeer, family: Family, out: OpBuffer): void => {
  peer.retention[family] = undefined
  state.timers.cancel({ peer: peer.index, conn: 0, kind: PeerTimer.LongLived + family }, out)
  if (!isRestarting(peer)) state.timers.cancel({ peer: peer.index, conn: 0, kind: PeerTimer.Restart }, out)
}

const cancelTimers = (state: RouterState, peer: RouterPeer, out: OpBuffer): void => {
  state.timers.cancel({ peer: peer.index, conn: 0, kind: PeerTimer.Restart }, out)
  for (const family of FAMILIES_ALL) {
    state.timers.cancel({ peer: peer.index, conn: 0, kind: PeerTimer.LongLived + family }, out)
  }
}

const say = (state: RouterState, peer: RouterPeer, what: string, out: OpBuffer): void => {
  const { address } = peer.config
  state.notice({ kind: "peer-restart", level: "info", peer: address, message: `${address} ${what}` }, out)
}
