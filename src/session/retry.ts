// When a peer tries again, and with what: what it remembers of each step, the wait before the next try, and the end of a peer that was
// only there for its connection. RFC 4271 §8.1.1 leaves the law open; RFC 4486 §4 asks for damping after a peer said that it does not want us.
import { jitter } from "../machine/index.ts"
import { CeaseSubcode, ErrorCode, type Fault } from "../wire/index.ts"
import type { PeerEffect, PeerEvent } from "./alphabet.ts"
import { withheldAfter } from "./announcement.ts"
import { floorMs, idleHoldMs, isJittered, redialMs } from "./back-off.ts"
import { type Connection, isArmed, timerOwner } from "./connection.ts"
import type { ConnectionEvent } from "./connection-alphabet.ts"
import { reasonOf } from "./consequences.ts"
import { isFallen, type Peer, type Work } from "./peer.ts"
import { TimerKind } from "./settings.ts"

/** What the connection itself remembers for its next try. */
export const remember = (before: Connection, next: Connection, event: ConnectionEvent): Connection => {
  // Each keepalive interval that a session lives through makes up for one failure, so that old troubles do not slow a retry for ever.
  if (next.state === "Established" && event._tag === "KeepaliveExpired" && next.connectRetryCount > 0) {
    return { ...next, connectRetryCount: next.connectRetryCount - 1 }
  }
  // A session came up without them: the next one may have them again, if the peer was mended meanwhile.
  if (before.state === "Established" && next.state !== "Established") return { ...next, withheld: [] }
  if (isSilence(before, event)) return { ...next, connectRetryCount: before.connectRetryCount }
  if (event._tag !== "NotificationReceived" || before.state === "Established") return next
  return { ...next, withheld: withheldAfter(before.settings, before.withheld, event.fault) }
}

/** The time for an OPEN is over on a connection that the peer began: it may be anybody's, and is no failure of the peer (ADR-0025). */
export const isSilence = (before: Connection, event: ConnectionEvent): boolean =>
  event._tag === "HoldExpired" && before.initiator === "remote" && before.negotiated === undefined

/** What the peer remembers of a step: errors, refusals, and whether trying has got any further. */
export const record = (work: Work, before: Connection, next: Connection, event: ConnectionEvent): void => {
  const { peer } = work
  if (next.state === "OpenConfirm") work.peer = { ...peer, failedDials: 0 }
  if (next.state === "Established" && event._tag === "KeepaliveExpired" && peer.refusals > 0) {
    work.peer = { ...peer, refusals: peer.refusals - 1 }
  }
  if (event._tag === "NotificationReceived" && isRefusal(event.fault)) {
    work.peer = { ...peer, refusals: peer.refusals + 1 }
  }
  if (event._tag === "ManuallyStopped" || before.conn === 0 || before.conn === next.conn) return
  if (event._tag === "ConnectRetryExpired") work.peer = { ...work.peer, lastError: "connection attempt timed out" }
  if (!isFallen(next)) return
  const failedDials = next.state === "Active" ? peer.failedDials + 1 : peer.failedDials
  work.peer = { ...work.peer, failedDials, lastError: reasonOf(event) }
}

/** RFC 4486 §4: the peer does not want the session for now. Inside a Hard Reset it says the same (RFC 8538 §3.1). */
const isRefusal = ({ code, subcode, data }: Fault): boolean => {
  if (code !== ErrorCode.Cease) return false
  if (subcode === CeaseSubcode.HardReset)
    return data.length >= 2 && data[0] === ErrorCode.Cease && REFUSALS.has(data[1])
  return REFUSALS.has(subcode)
}

const REFUSALS: ReadonlySet<number> = new Set([
  CeaseSubcode.AdministrativeShutdown,
  CeaseSubcode.PeerDeconfigured,
  CeaseSubcode.ConnectionRejected,
  CeaseSubcode.OutOfResources
])

/** Passes a timer on, with jitter where the RFC wants it and the wait that the peer's failures make of it. */
export const armTimer = (work: Work, effect: Extract<PeerEffect, { readonly _tag: "ArmTimer" }>): void => {
  const { peer } = work
  if (effect.timer === TimerKind.IdleHold && peer.suspended) {
    work.peer = { ...peer, main: disarmed(peer.main, TimerKind.IdleHold) }
    return
  }
  // The operator chose this wait to the second.
  if (effect.timer === TimerKind.IdleHold && work.idleHoldMs !== undefined) {
    work.effects.push({ ...effect, milliseconds: work.idleHoldMs })
    return
  }
  if (!isJittered(effect.timer)) {
    work.effects.push(effect)
    return
  }
  const [seed, jitteredMs] = jitter(peer.seed, nominalMs(peer, effect))
  work.peer = { ...peer, seed }
  work.effects.push({ ...effect, milliseconds: Math.max(jitteredMs, floorMs(effect.timer)) })
}

const nominalMs = (peer: Peer, effect: Extract<PeerEffect, { readonly _tag: "ArmTimer" }>): number => {
  const { connectRetryS, idleHoldS } = peer.settings
  if (effect.timer === TimerKind.IdleHold) {
    return Math.max(effect.milliseconds, peer.refusals === 0 ? 0 : idleHoldMs(idleHoldS, peer.refusals))
  }
  const failed = effect.timer === TimerKind.ConnectRetry && peer.main.conn === 0 && peer.failedDials > 0
  return failed ? redialMs(connectRetryS, idleHoldS, peer.failedDials) : effect.milliseconds
}

/** Whoever is wanted and idle tries again after a while, unless damping has set the wait already (AllowAutomaticStart). */
export const planRetry = (work: Work): void => {
  const { main, settings, administrative, suspended } = work.peer
  if (administrative !== "Enabled" || main.state !== "Idle" || settings.allowAutomaticStart === false) return
  if (suspended || isArmed(main, TimerKind.IdleHold)) return
  work.peer = { ...work.peer, main: { ...main, armed: main.armed | (1 << TimerKind.IdleHold) } }
  armTimer(work, {
    _tag: "ArmTimer",
    conn: 0,
    timer: TimerKind.IdleHold,
    milliseconds: idleHoldMs(settings.idleHoldS, 1)
  })
}

/** A dynamic peer ends with its last connection, or when none came for a whole ConnectRetry. Whatever it still waited for is cancelled. */
export const depart = (work: Work, before: Peer, event: PeerEvent): void => {
  const { settings, main, second } = work.peer
  if (settings.dynamic !== true || before.administrative !== "Enabled") return
  if (main.conn !== 0 || second !== undefined) return
  if (before.main.conn === 0 && main.state !== "Idle" && event._tag !== "TimerFired") return
  for (const timer of Object.values(TimerKind)) {
    if (isArmed(main, timer)) work.effects.push({ _tag: "CancelTimer", conn: timerOwner(timer, main.conn), timer })
  }
  work.peer = { ...work.peer, administrative: "Removed", main: { ...main, state: "Idle", armed: 0 } }
  work.effects.push({ _tag: "Gone", conn: before.main.conn })
}

const disarmed = (connection: Connection, timer: TimerKind): Connection => ({
  ...connection,
  armed: connection.armed & ~(1 << timer)
})
