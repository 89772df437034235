// The peer machine: what an operator wants, which connections there are, when to try again. It owns the connection machine of RFC
// 4271 §8.2.1 and, while a collision is open, a second one for the other connection; it decides nothing that their table decides.
// Timers that do not run and connections that it does not own are recognised here, so that the table never sees a late event.
import { assert, jitter, type Seed } from "../machine/index.ts"
import { afiOf, CeaseSubcode, ErrorCode, type Fault, isFault, MessageType, OpenSubcode, safiOf } from "../wire/index.ts"
import type { PeerEffect, PeerEvent } from "./alphabet.ts"
import { floorMs, idleHoldMs, isJittered, redialMs } from "./back-off.ts"
import { resolveCollision } from "./collision.ts"
import { type Connection, createConnection, hasTcp, isArmed, reduceConnection, timerOwner } from "./connection.ts"
import { CONNECTION_STATES, type ConnectionEvent, type ConnectionState } from "./connection-alphabet.ts"
import { reasonOf } from "./consequences.ts"
import { cease, ceaseSaying, fault, prefixLimit } from "./faults.ts"
import { buildOpen, type Negotiated, negotiate } from "./negotiation.ts"
import { type ConnId, type PeerSettings, TimerKind } from "./settings.ts"

export interface Peer {
  readonly settings: PeerSettings
  /** What the operator wants. Only another word of the operator changes it. */
  readonly administrative: "Enabled" | "Disabled" | "Removed"
  /** The peer's own machine: there from the start, in Idle while nothing is wanted or tried. */
  readonly main: Connection
  /** A second connection, until an OPEN decides which of the two stays. */
  readonly second: Connection | undefined
  /** Dials in a row that brought no OPEN: how long to wait for the next. */
  readonly failedDials: number
  readonly seed: Seed
  /** Why the last connection or attempt ended; empty: none has. */
  readonly lastError: string
}

/** `firstConn` begins a range of 65536 numbers for this peer's dials; the range's first number itself is not used. */
export const createPeer = (
  settings: PeerSettings,
  options: { readonly firstConn: ConnId; readonly seed: Seed }
): Peer => ({
  settings,
  administrative: "Disabled",
  main: createConnection(settings, (options.firstConn & 0xffff) === 0 ? options.firstConn + 1 : options.firstConn),
  second: undefined,
  failedDials: 0,
  seed: options.seed,
  lastError: ""
})

/** Total; touches neither argument. */
export const reducePeer = (peer: Peer, event: PeerEvent): readonly [Peer, ReadonlyArray<PeerEffect>] => {
  const work: Work = { peer, queue: [], effects: [] }
  accept(work, event)
  for (let items = 0; work.queue.length > 0; items++) {
    assert(items < WORK_ITEMS_MAX, "one event keeps a peer busy without end")
    drive(work, work.queue.shift()!)
  }
  planRetry(work)
  return [work.peer, work.effects]
}

/** The state of the connection that is furthest on: what a person means by the peer's state. */
export const peerStateName = (peer: Peer): ConnectionState => foremost(peer).state

/** The connection that is furthest on. */
export const foremost = (peer: Peer): Connection =>
  peer.second !== undefined && rank(peer.second) > rank(peer.main) ? peer.second : peer.main

/** The connection with this number, if it is the peer's. */
export const connectionOf = (peer: Peer, conn: ConnId): Connection | undefined => {
  if (conn === 0) return undefined
  if (peer.main.conn === conn) return peer.main
  return peer.second?.conn === conn ? peer.second : undefined
}

/** What the Established connection agreed on, if there is one. */
export const negotiatedOf = (peer: Peer): Negotiated | undefined =>
  peerStateName(peer) === "Established" ? foremost(peer).negotiated : undefined

/** One event being worked off. `conn` 0 addresses the main machine. */
interface Work {
  peer: Peer
  readonly queue: Array<{ readonly conn: ConnId; readonly event: ConnectionEvent }>
  readonly effects: Array<PeerEffect>
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
      stop(work, "Disabled", ceaseSaying(CeaseSubcode.AdministrativeShutdown, event.communication))
      break
    case "Removed":
      stop(work, "Removed", cease(CeaseSubcode.PeerDeconfigured))
      break
    case "ResetRequested":
      if (peer.administrative === "Enabled") stop(work, "Enabled", cease(CeaseSubcode.AdministrativeReset))
      else ignore(work, event)
      break
    case "Accepted":
      // A number names one connection: a second report of the same says nothing new.
      if (connectionOf(peer, event.conn) !== undefined) ignore(work, event)
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

/** What a connection says once TCP is up. */
type Heard = Exclude<
  PeerEvent,
  {
    readonly _tag:
      | "Enabled"
      | "Disabled"
      | "Removed"
      | "ResetRequested"
      | "Accepted"
      | "Dialled"
      | "DialFailed"
      | "Closed"
      | "TimerFired"
  }
>

/** From any other connection it is late. */
const heard = (work: Work, event: Heard): void => {
  const connection = connectionOf(work.peer, event.conn)
  if (connection === undefined || !hasTcp(connection)) ignore(work, event)
  else translate(work, connection, event)
}

const translate = (work: Work, connection: Connection, event: Heard): void => {
  const { conn } = event
  switch (event._tag) {
    case "OpenReceived":
      feed(work, conn, judgeOpen(work, connection, event))
      break
    case "KeepaliveReceived":
      feed(work, conn, { _tag: "KeepaliveReceived" })
      break
    case "UpdateReceived":
      feed(work, conn, { _tag: "UpdateReceived", messageType: MessageType.Update })
      break
    case "NotificationReceived":
      feed(work, conn, {
        _tag: saysVersion(event.fault) ? "VersionRefused" : "NotificationReceived",
        fault: event.fault
      })
      break
    // The RFC's machine has no event for ROUTE-REFRESH: out of place it is one more unexpected message.
    case "RefreshReceived":
      if (connection.state === "Established") work.effects.push({ ...event, _tag: "ProcessRefresh" })
      else feed(work, conn, { _tag: "UpdateReceived", messageType: MessageType.RouteRefresh })
      break
    case "Malformed":
      feed(work, conn, translateMalformed(event))
      break
    case "PrefixLimitExceeded": {
      const { family, limit } = event
      if (work.peer.settings.allowAutomaticStop === false) ignore(work, event)
      else feed(work, conn, { _tag: "AutomaticallyStopped", fault: prefixLimit(afiOf(family), safiOf(family), limit) })
    }
  }
}

const saysVersion = ({ code, subcode }: Fault): boolean => code === ErrorCode.Open && subcode === OpenSubcode.Version

const translateMalformed = (event: Extract<PeerEvent, { readonly _tag: "Malformed" }>): ConnectionEvent => {
  // RFC 4271 §6.4: a bad NOTIFICATION is never answered.
  if (event.messageType === MessageType.Notification) return { _tag: "NotificationReceived", fault: event.fault }
  if (event.fault.code === ErrorCode.Header) return { _tag: "HeaderMalformed", fault: event.fault }
  if (event.fault.code === ErrorCode.Open) return { _tag: "OpenMalformed", fault: event.fault }
  return { _tag: "UpdateMalformed", fault: event.fault, messageType: event.messageType }
}

/** Negotiates, resolves a collision that the OPEN reveals (RFC 4271 §6.8), and says what the OPEN means to its connection. */
const judgeOpen = (
  work: Work,
  connection: Connection,
  event: Extract<PeerEvent, { readonly _tag: "OpenReceived" }>
): ConnectionEvent => {
  const { settings } = work.peer
  // Past OpenSent a second OPEN is an error whatever it says.
  if (connection.negotiated !== undefined) {
    return { _tag: "OpenReceived", negotiated: connection.negotiated, lost: false }
  }
  const negotiated = negotiate(settings, buildOpen(settings), event.open)
  if (isFault(negotiated)) return { _tag: "OpenMalformed", fault: negotiated }
  const tag = isArmed(connection, TimerKind.DelayOpen) ? "DelayedOpenReceived" : "OpenReceived"
  const other = work.peer.main === connection ? work.peer.second : work.peer.main
  if (other === undefined) return { _tag: tag, negotiated, lost: false }
  const detect = settings.collisionDetectEstablished === true
  switch (resolveCollision(connection, other, { ...settings, ...negotiated }, detect)) {
    case "duplicate":
      return { _tag: "OpenMalformed", fault: fault(ErrorCode.Open, OpenSubcode.BadIdentifier) }
    case "keep-other":
      return { _tag: tag, negotiated, lost: true }
    case "keep-new":
      feed(work, other.conn, { _tag: "CollisionLost" })
      return { _tag: tag, negotiated, lost: false }
    case "none":
      return { _tag: tag, negotiated, lost: false }
  }
}

const enable = (work: Work): void => {
  work.peer = { ...work.peer, administrative: "Enabled", failedDials: 0 }
  feed(work, 0, { _tag: work.peer.settings.passive ? "ManuallyStartedPassive" : "ManuallyStarted" })
}

const stop = (work: Work, administrative: Peer["administrative"], reason: Fault): void => {
  work.peer = { ...work.peer, administrative, failedDials: 0 }
  if (work.peer.second !== undefined) feed(work, work.peer.second.conn, { _tag: "ManuallyStopped", fault: reason })
  feed(work, 0, { _tag: "ManuallyStopped", fault: reason })
}

/** The peer connected to us. While we only dial or wait, its connection is taken; beside one that is up, it is followed. */
const incoming = (work: Work, conn: ConnId): void => {
  const { main, second } = work.peer
  if (second !== undefined) {
    work.effects.push({ _tag: "SendNotification", conn, fault: cease(CeaseSubcode.ConnectionRejected) })
    work.effects.push({ _tag: "Close", conn, abort: false })
  } else if ((main.state === "Connect" || main.state === "Active") && hasTcp(main)) {
    track(work, conn)
  } else {
    feed(work, 0, { _tag: "TcpConfirmed", conn })
  }
}

/** Gives the connection a machine of its own, born in Active and at once fed the socket. */
const track = (work: Work, conn: ConnId): void => {
  const { settings, main } = work.peer
  const born = { ...createConnection(settings, main.nextConn), connectRetryCount: main.connectRetryCount }
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
  const { dampPeerOscillations, passive } = work.peer.settings
  if (timer === TimerKind.IdleHold && !dampPeerOscillations) {
    feed(work, 0, { _tag: passive ? "AutomaticallyStartedPassive" : "AutomaticallyStarted" })
  }
}

const feed = (work: Work, conn: ConnId, event: ConnectionEvent): void => {
  work.queue.push({ conn, event })
}

const ignore = (work: Work, event: PeerEvent): void => {
  work.effects.push({ _tag: "Ignored", conn: "conn" in event ? event.conn : 0, event: event._tag })
}

/** One event of one connection: reduces it, performs what concerns the peer, passes the rest on. */
const drive = (work: Work, item: Work["queue"][number]): void => {
  const before = item.conn === 0 ? work.peer.main : connectionOf(work.peer, item.conn)
  if (before === undefined) return
  const isSecond = before === work.peer.second
  const [reduced, effects] = reduceConnection(before, item.event)
  const next = forgive(reduced, item.event)
  const other = isSecond ? work.peer.main : work.peer.second
  const survivor = other !== undefined && isFallen(next) ? other : undefined
  if (survivor !== undefined) work.peer = { ...work.peer, main: survivor, second: undefined }
  else {
    work.peer = isSecond ? { ...work.peer, second: next } : { ...work.peer, main: next }
    record(work, before, next, item.event)
  }
  for (const effect of effects) {
    if (effect._tag === "Raise") feed(work, 0, effect.event)
    else if (effect._tag === "Track") track(work, effect.conn)
    else if (effect._tag === "ArmTimer") {
      // A connection that falls beside one that lives leaves the peer's own timers alone.
      if (survivor === undefined || effect.conn !== 0) armTimer(work, effect)
    } else if (effect._tag !== "AllowRequest" && effect._tag !== "RefuseRequest") work.effects.push(effect)
  }
  if (next.state === "Established" && before.state !== "Established" && other !== undefined) {
    feed(work, other.conn, { _tag: "CollisionLost" })
  }
}

/** What the peer remembers of a step: errors, and whether trying has got any further. */
const record = (work: Work, before: Connection, next: Connection, event: ConnectionEvent): void => {
  const { peer } = work
  if (next.state === "OpenConfirm") work.peer = { ...peer, failedDials: 0 }
  if (event._tag === "ManuallyStopped" || before.conn === 0 || before.conn === next.conn) return
  if (event._tag === "ConnectRetryExpired") work.peer = { ...peer, lastError: "connection attempt timed out" }
  if (!isFallen(next)) return
  const failedDials = next.state === "Active" ? peer.failedDials + 1 : peer.failedDials
  work.peer = { ...peer, failedDials, lastError: reasonOf(event) }
}

/** Each keepalive interval that a session lives through makes up for one failure, so that old troubles do not slow a retry for ever. */
const forgive = (connection: Connection, event: ConnectionEvent): Connection =>
  connection.state === "Established" && event._tag === "KeepaliveExpired" && connection.connectRetryCount > 0
    ? { ...connection, connectRetryCount: connection.connectRetryCount - 1 }
    : connection

const armTimer = (work: Work, effect: Extract<PeerEffect, { readonly _tag: "ArmTimer" }>): void => {
  const { peer } = work
  const { connectRetryS, idleHoldS } = peer.settings
  const failed = effect.timer === TimerKind.ConnectRetry && peer.main.conn === 0 && peer.failedDials > 0
  const nominalMs = failed ? redialMs(connectRetryS, idleHoldS, peer.failedDials) : effect.milliseconds
  if (!isJittered(effect.timer)) {
    work.effects.push(effect)
    return
  }
  const [seed, jitteredMs] = jitter(peer.seed, nominalMs)
  work.peer = { ...peer, seed }
  work.effects.push({ ...effect, milliseconds: Math.max(jitteredMs, floorMs(effect.timer)) })
}

/** Whoever is wanted and idle tries again after a while, unless damping has set the wait already (AllowAutomaticStart). */
const planRetry = (work: Work): void => {
  const { main, settings, administrative } = work.peer
  if (administrative !== "Enabled" || main.state !== "Idle" || settings.allowAutomaticStart === false) return
  if (isArmed(main, TimerKind.IdleHold)) return
  work.peer = { ...work.peer, main: { ...main, armed: main.armed | (1 << TimerKind.IdleHold) } }
  armTimer(work, {
    _tag: "ArmTimer",
    conn: 0,
    timer: TimerKind.IdleHold,
    milliseconds: idleHoldMs(settings.idleHoldS, 1)
  })
}

const isDialling = (peer: Peer, conn: ConnId): boolean => {
  const connection = connectionOf(peer, conn)
  return connection !== undefined && !hasTcp(connection)
}

/** Nothing is left of it: no socket, no dial. */
const isFallen = (connection: Connection): boolean =>
  connection.state === "Idle" || (connection.state === "Active" && connection.conn === 0)

const rank = (connection: Connection): number => CONNECTION_STATES.indexOf(connection.state)

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
