// The peer machine: what an operator wants, which connections there are, when to try again. It owns the connection machine of RFC
// 4271 §8.2.1 and, while a collision is open, a second one for the other connection; it decides nothing that their table decides.
// Timers that do not run and connections that it does not own are recognised here, so that the table never sees a late event.
import { assert } from "../machine/index.ts"
import { CeaseSubcode, ErrorCode, type Fault } from "../wire/index.ts"
import type { PeerEffect, PeerEvent } from "./alphabet.ts"
import { type Connection, createConnection, hasTcp, isArmed, reduceConnection, timerOwner } from "./connection.ts"
import type { ConnectionEvent } from "./connection-alphabet.ts"
import { hardened, reasonOf } from "./consequences.ts"
import { notifications } from "./faults.ts"
import { heard, isUndecided } from "./heard.ts"
import { connectionOf, feed, ignore, isDialling, isFallen, type Peer, type Work } from "./peer.ts"
import { armTimer, depart, isSilence, planRetry, record, remember } from "./retry.ts"
import { type ConnId, isPassive, openWaitS, TimerKind } from "./settings.ts"

/** Total; touches neither argument. */
export const reducePeer = (peer: Peer, event: PeerEvent): readonly [Peer, ReadonlyArray<PeerEffect>] => {
  const work: Work = { peer, idleHoldMs: undefined, queue: [], effects: [] }
  accept(work, event)
  for (let items = 0; work.queue.length > 0; items++) {
    assert(items < WORK_ITEMS_MAX, "one event keeps a peer busy without end")
    drive(work, work.queue.shift()!)
  }
  depart(work, peer, event)
  planRetry(work)
  return [work.peer, work.effects]
}

/** Translates what happened to the peer into events of its connections. */
const accept = (work: Work, event: PeerEvent): void => {
  const { peer } = work
  switch (event._tag) {
    case "Enabled":
      if (peer.administrative === "Removed") ignore(work, event)
      else enable(work)
      break
    case "Disabled":
      if (peer.administrative === "Removed") ignore(work, event)
      else stop(work, "Disabled", notifications.administrativeShutdown(event.communication))
      break
    case "Removed":
      stop(
        work,
        "Removed",
        event.replaced === true ? notifications.otherConfigurationChange() : notifications.peerDeconfigured()
      )
      break
    case "ResetRequested":
      if (peer.administrative !== "Enabled") ignore(work, event)
      else {
        stop(work, "Enabled", notifications.administrativeReset(event.communication ?? ""), event.graceful !== true)
      }
      break
    case "BfdDown":
      pathLost(work, event)
      break
    case "Accepted":
      // A number names one connection: a second report of the same says nothing new, and one of our dials is nobody's.
      if (connectionOf(peer, event.conn) !== undefined || isOfDials(peer, event.conn)) ignore(work, event)
      else incoming(work, event.conn)
      break
    case "Dialled":
      if (isDialling(peer, event.conn)) feed(work, event.conn, { _tag: "TcpAcknowledged", conn: event.conn })
      else work.effects.push({ _tag: "Close", conn: event.conn, abort: true })
      break
    case "DialFailed":
      if (isDialling(peer, event.conn)) feed(work, event.conn, { _tag: "TcpFailed", cause: event.cause })
      else ignore(work, event)
      break
    case "Closed":
      if (connectionOf(peer, event.conn) === undefined) ignore(work, event)
      else feed(work, event.conn, { _tag: "TcpFailed", cause: event.cause })
      break
    case "TimerFired":
      fired(work, event)
      break
    default:
      heard(work, event)
  }
}

/** It is in the range that the peer's dials are numbered in. */
const isOfDials = ({ main }: Peer, conn: ConnId): boolean => (conn ^ main.nextConn) >>> 16 === 0

const enable = (work: Work): void => {
  work.peer = forgiven(work.peer, "Enabled")
  feed(work, 0, { _tag: isPassive(work.peer.settings) ? "ManuallyStartedPassive" : "ManuallyStarted" })
}

/** `hard`: where the peer would keep our routes over a Cease, it is told not to (RFC 8538 §3.1). */
const stop = (work: Work, administrative: Peer["administrative"], reason: Fault, hard = true): void => {
  work.peer = forgiven(work.peer, administrative)
  const { main, second } = work.peer
  const say = ({ negotiated }: Connection): Fault => (hard ? hardened(negotiated, reason) : reason)
  if (second !== undefined) feed(work, second.conn, { _tag: "ManuallyStopped", fault: say(second) })
  feed(work, 0, { _tag: "ManuallyStopped", fault: say(main) })
}

/**
 * RFC 9384: an AutomaticStop with 6/10, where there is a session. The path is gone for what is forwarded too, so a peer that would keep our
 * routes over a Cease is told not to, and its own are not kept (RFC 5882 §4.3, RFC 8538 §3.1).
 */
const pathLost = (work: Work, event: PeerEvent): void => {
  const { main, second, settings } = work.peer
  const session = [main, second].find((connection) => connection?.state === "Established")
  if (session === undefined || settings.allowAutomaticStop === false) {
    ignore(work, event)
    return
  }
  const fault = hardened(session.negotiated, notifications.bfdDown())
  // A newcomer beside the session came over the same path.
  for (const connection of [second, main]) {
    if (connection !== undefined) feed(work, connection.conn, { _tag: "AutomaticallyStopped", fault })
  }
}

/** An operator's word begins everything anew. */
const forgiven = (peer: Peer, administrative: Peer["administrative"]): Peer => ({
  ...peer,
  administrative,
  failedDials: 0,
  refusals: 0,
  suspended: false,
  main: { ...peer.main, withheld: [] }
})

/**
 * The peer connected to us. While we only wait, its connection is taken; beside a dial or a connection it is followed. A dial is not given
 * up for it: were both ends to do that at the same moment, both connections would be gone. One that it began before and on which it has
 * said nothing is given up: a speaker has one connection of its own, and somebody else must not hold its place by silence (ADR-0025).
 */
const incoming = (work: Work, conn: ConnId): void => {
  const { main, second } = work.peer
  const silent = [second, main].find((connection) => connection !== undefined && isSilent(connection))
  if (silent !== undefined) {
    feed(work, silent.conn, { _tag: "TcpConfirmed", conn, supersedes: true })
  } else if (second !== undefined) {
    work.effects.push({ _tag: "SendNotification", conn, fault: notifications.connectionRejected() })
    work.effects.push({ _tag: "Close", conn, abort: false })
  } else if ((main.state === "Connect" || main.state === "Active") && (main.conn !== 0 || willDial(main))) {
    track(work, conn)
  } else {
    feed(work, 0, { _tag: "TcpConfirmed", conn })
  }
}

/** Between two dials. The next one comes in its time, unless the peer has said its OPEN by then: silence must not keep us from it. */
const willDial = (connection: Connection): boolean =>
  connection.state === "Active" &&
  connection.conn === 0 &&
  !isPassive(connection.settings) &&
  isArmed(connection, TimerKind.ConnectRetry)

/** The peer began it, and has not said its OPEN. */
const isSilent = (connection: Connection): boolean =>
  connection.initiator === "remote" && hasTcp(connection) && connection.negotiated === undefined

/**
 * Gives the connection a machine of its own, born in Active and at once fed the socket. Beside a session that is up it waits for the peer's
 * OPEN before it sends ours: a peer that is not so far yet would close the session for it.
 */
const track = (work: Work, conn: ConnId): void => {
  const { main } = work.peer
  const { connectRetryCount, withheld } = main
  const waits = main.state === "Established"
  const settings = waits
    ? { ...work.peer.settings, delayOpenS: openWaitS("remote", work.peer.settings) }
    : work.peer.settings
  const born = { ...createConnection(settings, main.nextConn), connectRetryCount, withheld }
  work.peer = { ...work.peer, second: { ...born, state: "Active", conn } }
  feed(work, conn, { _tag: "TcpConfirmed", conn })
}

const fired = (work: Work, event: Extract<PeerEvent, { readonly _tag: "TimerFired" }>): void => {
  const { conn, timer } = event
  const connection = conn === 0 ? work.peer.main : connectionOf(work.peer, conn)
  if (connection === undefined || timerOwner(timer, conn) !== conn || !isArmed(connection, timer)) {
    ignore(work, event)
    return
  }
  feed(work, conn, { _tag: EXPIRED[timer] })
  // Without damping the table has no use for this timer: it is the wait before an automatic start and no more.
  const { settings } = work.peer
  if (timer === TimerKind.IdleHold && !settings.dampPeerOscillations) {
    feed(work, 0, { _tag: isPassive(settings) ? "AutomaticallyStartedPassive" : "AutomaticallyStarted" })
  }
}

/** One event of one connection: reduces it, performs what concerns the peer, passes the rest on. */
const drive = (work: Work, item: Work["queue"][number]): void => {
  const before = item.conn === 0 ? work.peer.main : connectionOf(work.peer, item.conn)
  if (before === undefined) return
  const isSecond = before === work.peer.second
  const [reduced, effects] = reduceConnection(before, item.event)
  const next = remember(before, reduced, item.event)
  const other = isSecond ? work.peer.main : work.peer.second
  const dialsOn = !isSecond && other !== undefined && isSilent(other) && willDial(next)
  const isLeft =
    other !== undefined && isFallen(next) && !dialsOn && !fallsWith(other, { before, next, event: item.event })
  const survivor = isLeft ? other : undefined
  place(work, { isSecond, next, survivor })
  if (survivor === undefined) record(work, before, next, item.event)
  else if (survivor.conn === 0) work.peer = { ...work.peer, lastError: reasonOf(item.event) }
  for (const effect of effects) {
    if (effect._tag === "Raise") feed(work, 0, effect.event)
    else if (effect._tag === "Track") track(work, effect.conn)
    else if (effect._tag === "ArmTimer") {
      // A connection that falls beside one that lives leaves the peer's own timers alone.
      if (survivor === undefined || effect.conn !== 0) armTimer(work, effect)
    } else if (effect._tag !== "AllowRequest" && effect._tag !== "RefuseRequest") work.effects.push(effect)
  }
  if (survivor !== undefined && isArmed(before, TimerKind.ConnectRetry) && isArmed(next, TimerKind.ConnectRetry)) {
    work.effects.push({ _tag: "CancelTimer", conn: 0, timer: TimerKind.ConnectRetry })
  }
  if (next.state === "Established" && before.state !== "Established" && other !== undefined) {
    if (!isUndecided(work.peer, next, other)) feed(work, other.conn, { _tag: "CollisionLost" })
  }
}

/** Puts a reduced connection where it belongs now: in its place, or nowhere when it fell beside one that lives. */
const place = (
  work: Work,
  { isSecond, next, survivor }: { isSecond: boolean; next: Connection; survivor: Connection | undefined }
): void => {
  const { main, settings } = work.peer
  // Dials are numbered by the peer's own machine, whichever connection takes its place.
  const nextConn = isSecond ? main.nextConn : next.nextConn
  if (survivor !== undefined) {
    work.peer = { ...work.peer, main: { ...survivor, settings, nextConn }, second: undefined }
    if (survivor.settings.delayOpenS !== settings.delayOpenS) endDelay(work, survivor)
  } else if (!isSecond) work.peer = { ...work.peer, main: next }
  else if (!isFallen(next)) {
    work.peer = { ...work.peer, second: next }
    // The peer has spoken: there is nothing left to dial for.
    if (next.negotiated !== undefined && willDial(main)) {
      giveUpDial(work, main)
      work.peer = { ...work.peer, main: { ...next, nextConn }, second: undefined }
    }
  } else {
    giveUpDial(work, main)
    work.peer = { ...work.peer, main: { ...next, settings, nextConn }, second: undefined }
  }
}

/** What waited beside a session waits for nothing any more. */
const endDelay = (work: Work, { conn, armed }: Connection): void => {
  if ((armed & (1 << TimerKind.DelayOpen)) === 0) return
  work.effects.push({ _tag: "CancelTimer", conn, timer: TimerKind.DelayOpen })
  feed(work, conn, { _tag: "DelayOpenExpired" })
}

/**
 * A failure on the connection that the peer began is a failure of the peer: a dial that has not been answered, or is to come, ends with it,
 * or the wait before the next try would not begin. That the peer prefers the dial is no failure, nor that somebody kept silent.
 */
const fallsWith = (
  other: Connection,
  { before, next, event }: { before: Connection; next: Connection; event: ConnectionEvent }
): boolean =>
  next.state === "Idle" &&
  !hasTcp(other) &&
  !(event._tag === "NotificationReceived" && isCollision(event.fault)) &&
  !isSilence(before, event)

const isCollision = ({ code, subcode }: Fault): boolean =>
  code === ErrorCode.Cease && subcode === CeaseSubcode.ConnectionCollision

const giveUpDial = (work: Work, dial: Connection): void => {
  if (isArmed(dial, TimerKind.ConnectRetry)) {
    work.effects.push({ _tag: "CancelTimer", conn: 0, timer: TimerKind.ConnectRetry })
  }
  if (dial.conn !== 0) work.effects.push({ _tag: "Close", conn: dial.conn, abort: true })
}

/** One event of the peer makes at most a handful of events of its connections. */
const WORK_ITEMS_MAX = 16

const EXPIRED = {
  [TimerKind.ConnectRetry]: "ConnectRetryExpired",
  [TimerKind.Hold]: "HoldExpired",
  [TimerKind.Keepalive]: "KeepaliveExpired",
  [TimerKind.DelayOpen]: "DelayOpenExpired",
  [TimerKind.IdleHold]: "IdleHoldExpired",
  [TimerKind.SendHold]: "SendHoldExpired"
} as const
