// The connection machine of RFC 4271 §8.2.2: performs what transition.ts says. A textbook reducer over plain data; no chance, no
// clock. The peer machine in session.ts owns one or two of these and decides what a connection cannot know: whether to try again.
import type { Open } from "../wire/index.ts"
import { buildOpen } from "./announcement.ts"
import { idleHoldMs } from "./back-off.ts"
import type { ConnectionEffect, ConnectionEvent, ConnectionState } from "./connection-alphabet.ts"
import { answerTo, reasonOf, retainsRoutes } from "./consequences.ts"
import { notifications } from "./faults.ts"
import type { Negotiated } from "./negotiation.ts"
import { type ConnId, isPassive, openWaitS, type PeerSettings, SEND_HOLD_MIN_S, TimerKind } from "./settings.ts"
import { type Action, type Guards, transition } from "./transition.ts"

export interface Connection {
  readonly settings: PeerSettings
  readonly state: ConnectionState
  /** The TCP connection, or the dial that is to become one; 0: none. */
  readonly conn: ConnId
  /** Who began it: what RFC 4271 §6.8 asks. */
  readonly initiator: "local" | "remote"
  /** ConnectRetryCounter: failures since an operator's start or stop. */
  readonly connectRetryCount: number
  /** Which timers run: bit n for TimerKind n. */
  readonly armed: number
  readonly negotiated: Negotiated | undefined
  /** The number of the next dial. */
  readonly nextConn: ConnId
  /** Keys of the capabilities that the peer refused: its OPENs go without them. */
  readonly withheld: ReadonlyArray<string>
  /** The OPEN that was sent on this connection, which is what the peer's is held against. */
  readonly announced: Open | undefined
}

export const createConnection = (settings: PeerSettings, nextConn: ConnId): Connection => ({
  settings,
  state: "Idle",
  conn: 0,
  initiator: "local",
  connectRetryCount: 0,
  armed: 0,
  negotiated: undefined,
  nextConn,
  withheld: [],
  announced: undefined
})

export const isArmed = (connection: Connection, timer: TimerKind): boolean => (connection.armed & (1 << timer)) !== 0

/** TCP is up, not only asked for. */
export const hasTcp = (connection: Connection): boolean =>
  connection.conn !== 0 &&
  (isArmed(connection, TimerKind.DelayOpen) || (connection.state !== "Connect" && connection.state !== "Active"))

/** LISTEN: an incoming connection of this peer is welcome. Idle refuses. */
export const accepts = (connection: Connection): boolean => connection.state !== "Idle"

/** The connection that a timer belongs to: 0 for the two that run without one. */
export const timerOwner = (timer: TimerKind, conn: ConnId): ConnId =>
  timer === TimerKind.ConnectRetry || timer === TimerKind.IdleHold ? 0 : conn

/** RFC 4271 §8.2.2: six states × 29 events, total. Touches neither argument. */
export const reduceConnection = (
  connection: Connection,
  event: ConnectionEvent
): readonly [Connection, ReadonlyArray<ConnectionEffect>] => {
  const { next, actions } = transition(connection.state, event._tag, guardsOf(connection, event))
  const draft = draftOf(connection, event)
  for (const action of actions) PERFORM[action](draft, connection, event)
  const { effects, hadTcp: _, ...after } = draft
  const { settings, withheld } = connection
  return [{ ...after, settings, withheld, state: next }, effects]
}

export const guardsOf = (connection: Connection, event: ConnectionEvent): Guards => ({
  delayOpen: connection.settings.delayOpenS > 0,
  delayOpenRunning: isArmed(connection, TimerKind.DelayOpen),
  idleHoldRunning: isArmed(connection, TimerKind.IdleHold),
  damp: connection.settings.dampPeerOscillations && connection.settings.allowAutomaticStart !== false,
  passive: isPassive(connection.settings),
  earlyNotification: connection.settings.sendNotificationWithoutOpen === true,
  collisionDetectEstablished: connection.settings.collisionDetectEstablished === true,
  lost: "lost" in event && event.lost,
  supersedes: event._tag === "TcpConfirmed" && event.supersedes === true,
  gracefulRestart: connection.negotiated?.gracefulRestart !== undefined
})

/** A connection being rebuilt by the actions of one transition. */
interface Draft {
  conn: ConnId
  initiator: "local" | "remote"
  connectRetryCount: number
  armed: number
  negotiated: Negotiated | undefined
  nextConn: ConnId
  announced: Open | undefined
  hadTcp: boolean
  readonly effects: Array<ConnectionEffect>
}

const draftOf = (connection: Connection, event: ConnectionEvent): Draft => {
  const fired = EXPIRIES[event._tag]
  return {
    // What failed is gone already: there is nothing to close.
    conn: event._tag === "TcpFailed" ? 0 : connection.conn,
    initiator: connection.initiator,
    connectRetryCount: connection.connectRetryCount,
    // A timer that fired does not run.
    armed: fired === undefined ? connection.armed : connection.armed & ~(1 << fired),
    negotiated: connection.negotiated,
    nextConn: connection.nextConn,
    announced: connection.announced,
    hadTcp: event._tag !== "TcpFailed" && hasTcp(connection),
    effects: []
  }
}

type Perform = (draft: Draft, before: Connection, event: ConnectionEvent) => void

/** What each action of the table does to the connection and asks of the world. */
const PERFORM: { readonly [Name in Action]: Perform } = {
  Initialise: (draft, before) => {
    draft.negotiated = undefined
    cancel(draft, TimerKind.IdleHold, before)
  },
  Adopt: (draft, before, event) => adopt(draft, before, event),
  Supersede: (draft, _, event) => supersede(draft, newcomer(event)),
  Agree: (draft, _, event) => {
    if ("negotiated" in event) draft.negotiated = event.negotiated
  },
  // Who may connect follows from the state: see `accepts`.
  Listen: () => {},
  Dial: (draft, before) => dial(draft, before),
  // What a peer does not read need not be waited for, nor is there anything to flush before TCP is up.
  Drop: (draft, _, event) => drop(draft, event._tag === "SendHoldExpired" || !draft.hadTcp),
  Release: (draft, before) => {
    for (const timer of SESSION_TIMERS) cancel(draft, timer, before)
    draft.negotiated = undefined
  },
  ForgetRoutes: (draft, before, event) => forgetRoutes(draft, before, event),
  ResetCount: (draft) => {
    draft.connectRetryCount = 0
  },
  CountFailure: (draft) => {
    draft.connectRetryCount++
  },
  Damp: (draft, before, event) => {
    const waitMs = idleHoldMs(before.settings.idleHoldS, draft.connectRetryCount)
    if (guardsOf(before, event).damp) arm(draft, TimerKind.IdleHold, waitMs)
  },
  StartConnectRetry: (draft, before) => arm(draft, TimerKind.ConnectRetry, before.settings.connectRetryS * 1000),
  StopConnectRetry: (draft, before) => cancel(draft, TimerKind.ConnectRetry, before),
  StartDelayOpen: (draft, before) => arm(draft, TimerKind.DelayOpen, before.settings.delayOpenS * 1000),
  StopDelayOpen: (draft, before) => cancel(draft, TimerKind.DelayOpen, before),
  StopIdleHold: (draft, before) => cancel(draft, TimerKind.IdleHold, before),
  StartLargeHold: (draft, before) => arm(draft, TimerKind.Hold, openWaitS(draft.initiator, before.settings) * 1000),
  StartHold: (draft, before) => armIf(draft, TimerKind.Hold, (draft.negotiated?.holdTimeS ?? 0) * 1000, before),
  StopHold: (draft, before) => cancel(draft, TimerKind.Hold, before),
  StartKeepalive: (draft, before) =>
    armIf(draft, TimerKind.Keepalive, (draft.negotiated?.keepaliveS ?? 0) * 1000, before),
  StartSendHold: (draft, before) => armIf(draft, TimerKind.SendHold, sendHoldMs(draft.negotiated), before),
  SendOpen: (draft, before) => {
    const open = buildOpen(before.settings, before.withheld)
    draft.announced = open
    tell(draft, { _tag: "SendOpen", conn: draft.conn, open })
  },
  SendKeepalive: (draft) => tell(draft, { _tag: "SendKeepalive", conn: draft.conn }),
  SendNotification: (draft, before, event) => {
    if (draft.hadTcp) tell(draft, { _tag: "SendNotification", conn: draft.conn, fault: answerTo(before, event) })
  },
  ProcessUpdate: (draft) => tell(draft, { _tag: "ProcessUpdate", conn: draft.conn }),
  RaiseUp: (draft) => {
    const { conn, negotiated } = draft
    if (negotiated !== undefined) tell(draft, { _tag: "SessionUp", conn, negotiated })
  },
  RaiseStart: (draft, before) => {
    const start = isPassive(before.settings) ? "AutomaticallyStartedDampedPassive" : "AutomaticallyStartedDamped"
    tell(draft, { _tag: "Raise", event: { _tag: start } })
  },
  RaiseAgain: (draft, _, event) => tell(draft, { _tag: "Raise", event }),
  Track: (draft, _, event) => tell(draft, { _tag: "Track", conn: newcomer(event) }),
  AllowRequest: (draft, _, event) => tell(draft, { _tag: "AllowRequest", conn: newcomer(event) }),
  RefuseRequest: (draft, _, event) => tell(draft, { _tag: "RefuseRequest", conn: newcomer(event) }),
  CloseStray: (draft, _, event) => tell(draft, { _tag: "Close", conn: newcomer(event), abort: false })
}

const tell = (draft: Draft, effect: ConnectionEffect): void => {
  draft.effects.push(effect)
}

/** The connection that an event of TCP brings. */
const newcomer = (event: ConnectionEvent): ConnId => ("conn" in event ? event.conn : 0)

/** A new socket becomes this machine's own. A dial under way, or an older socket, is given up for it. */
const adopt = (draft: Draft, before: Connection, event: ConnectionEvent): void => {
  if (event._tag !== "TcpAcknowledged" && event._tag !== "TcpConfirmed") return
  if (draft.conn !== event.conn) {
    cancel(draft, TimerKind.DelayOpen, before)
    drop(draft, true)
  }
  draft.conn = event.conn
  draft.hadTcp = true
  draft.initiator = event._tag === "TcpAcknowledged" ? "local" : "remote"
}

/** The peer is told that this connection is not wanted (RFC 4486 §4), should it still be there. */
const supersede = (draft: Draft, by: ConnId): void => {
  if (!draft.hadTcp) return
  const { conn } = draft
  tell(draft, { _tag: "SendNotification", conn, fault: notifications.connectionRejected() })
  drop(draft, false)
  tell(draft, { _tag: "Superseded", conn, by })
}

const dial = (draft: Draft, before: Connection): void => {
  cancel(draft, TimerKind.DelayOpen, before)
  drop(draft, true)
  draft.conn = draft.nextConn
  draft.initiator = "local"
  draft.nextConn = after(draft.nextConn)
  draft.effects.push({ _tag: "Dial", conn: draft.conn })
}

const drop = (draft: Draft, abort: boolean): void => {
  if (draft.conn !== 0) draft.effects.push({ _tag: "Close", conn: draft.conn, abort })
  draft.conn = 0
  draft.announced = undefined
}

const forgetRoutes = (draft: Draft, before: Connection, event: ConnectionEvent): void => {
  const received = event._tag === "NotificationReceived" || event._tag === "VersionRefused" ? event.fault : undefined
  const fault =
    received ?? (draft.effects.some(({ _tag }) => _tag === "SendNotification") ? answerTo(before, event) : undefined)
  draft.effects.push({
    _tag: "SessionDown",
    conn: before.conn,
    reason: reasonOf(event),
    retain: retainsRoutes(before, event),
    ...(fault === undefined ? {} : { fault })
  })
}

const arm = (draft: Draft, timer: TimerKind, milliseconds: number): void => {
  draft.armed |= 1 << timer
  draft.effects.push({ _tag: "ArmTimer", conn: timerOwner(timer, draft.conn), timer, milliseconds })
}

/** A time of 0 means that the session does without this timer. */
const armIf = (draft: Draft, timer: TimerKind, milliseconds: number, before: Connection): void => {
  if (milliseconds > 0) arm(draft, timer, milliseconds)
  else cancel(draft, timer, before)
}

const cancel = (draft: Draft, timer: TimerKind, before: Connection): void => {
  if ((draft.armed & (1 << timer)) === 0) return
  draft.armed &= ~(1 << timer)
  draft.effects.push({ _tag: "CancelTimer", conn: timerOwner(timer, before.conn), timer })
}

/** RFC 9687 §4.4: longer than the hold time, and not at all without one. */
const sendHoldMs = (negotiated: Negotiated | undefined): number =>
  negotiated === undefined || negotiated.holdTimeS === 0
    ? 0
    : Math.max(SEND_HOLD_MIN_S, 2 * negotiated.holdTimeS) * 1000

/** The next number in the peer's range of 65536, whose first is never used: for the first peer it would be 0. */
const after = (conn: ConnId): ConnId => ((conn & 0xffff) === 0xffff ? conn - 0xfffe : conn + 1)

/** What runs only while there is a connection. */
const SESSION_TIMERS = [TimerKind.Hold, TimerKind.Keepalive, TimerKind.DelayOpen, TimerKind.SendHold] as const

const EXPIRIES: { readonly [Tag in ConnectionEvent["_tag"]]?: TimerKind } = {
  ConnectRetryExpired: TimerKind.ConnectRetry,
  HoldExpired: TimerKind.Hold,
  KeepaliveExpired: TimerKind.Keepalive,
  DelayOpenExpired: TimerKind.DelayOpen,
  IdleHoldExpired: TimerKind.IdleHold,
  SendHoldExpired: TimerKind.SendHold
}
