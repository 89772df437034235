// Situations in which a bgp-fsm row must hold: connections in the row's state that meet its guard, and the row's event with what it
// carries. A row is tried in every one of them, so that what a row leaves open (damping, hold time 0, a dial under way) is covered too.
import {
  CONNECTION_EVENTS,
  type Connection,
  type ConnectionEvent,
  type ConnectionState,
  createConnection,
  type Negotiated,
  type PeerSettings,
  TimerKind
} from "../../src/session/index.ts"

export interface Setup {
  readonly connection: Connection
  readonly event: ConnectionEvent
}

/** The number under which dials, accepted connections and newcomers go in every situation. */
export const OWN_CONN = 0x1_0001
export const NEW_CONN = 0x8000_0001
/** Failures before the event: neither 0 nor 1, so that a reset and a count are told apart. */
export const COUNT_BEFORE = 3

export const setupsFor = (state: ConnectionState, event: number, guard: string): ReadonlyArray<Setup> | string => {
  const tag = CONNECTION_EVENTS.find(({ number }) => number === event)?.tag
  if (tag === undefined) return `there is no event ${event}`
  const admits = GUARDS[guard]
  if (admits === undefined) return `no situation is known for the guard "${guard}"`
  return settingsVariants.flatMap((settings) =>
    connectionsIn(state, settings).flatMap((connection) =>
      fits(event, connection)
        ? eventsOf(tag, connection)
            .filter((made) => admits({ connection, event: made }))
            .map((made) => ({ connection, event: made }))
        : []
    )
  )
}

export const isRunning = (connection: Connection, timer: TimerKind): boolean => (connection.armed & (1 << timer)) !== 0

const lost = ({ event }: Setup): boolean => "lost" in event && event.lost

const detects = ({ connection }: Setup): boolean => connection.settings.collisionDetectEstablished === true

const delays = ({ connection }: Setup): boolean => isRunning(connection, TimerKind.DelayOpen)

const GUARDS: Readonly<Record<string, (setup: Setup) => boolean>> = {
  "": () => true,
  "IdleHoldTimer stopped": ({ connection }) => !isRunning(connection, TimerKind.IdleHold),
  "IdleHoldTimer running": ({ connection }) => isRunning(connection, TimerKind.IdleHold),
  DampPeerOscillations: ({ connection }) => connection.settings.dampPeerOscillations,
  "not DampPeerOscillations": ({ connection }) => !connection.settings.dampPeerOscillations,
  DelayOpen: ({ connection }) => connection.settings.delayOpenS > 0,
  "not DelayOpen": ({ connection }) => connection.settings.delayOpenS === 0,
  "DelayOpenTimer running": delays,
  "DelayOpenTimer not running": (setup) => !delays(setup),
  "6.8 says this connection loses": lost,
  "6.8 says this connection survives": (setup) => !lost(setup),
  "CollisionDetectEstablishedState and this one loses": (setup) => detects(setup) && lost(setup),
  CollisionDetectEstablishedState: detects,
  "not CollisionDetectEstablishedState": (setup) => !detects(setup),
  otherwise: (setup) => !(detects(setup) && lost(setup)),
  PassiveTcpEstablishment: ({ connection }) => connection.settings.passive,
  "not PassiveTcpEstablishment": ({ connection }) => !connection.settings.passive,
  SendNOTIFICATIONwithoutOPEN: ({ connection }) => connection.settings.sendNotificationWithoutOpen === true,
  "not SendNOTIFICATIONwithoutOPEN": ({ connection }) => connection.settings.sendNotificationWithoutOpen !== true
}

const BASE: PeerSettings = {
  localAs: 64500,
  localId: 0xc0000201,
  remoteAs: 64501,
  passive: false,
  holdTimeS: 90,
  connectRetryS: 120,
  idleHoldS: 5,
  delayOpenS: 0,
  dampPeerOscillations: true,
  families: [0],
  addPathReceive: false,
  addPathSend: false,
  extendedMessage: false,
  hostname: ""
}

const settingsVariants: ReadonlyArray<PeerSettings> = [true, false].flatMap((dampPeerOscillations) =>
  [true, false].flatMap((passive) =>
    [0, 7].flatMap((delayOpenS) =>
      [true, false].flatMap((sendNotificationWithoutOpen) =>
        [true, false].map((collisionDetectEstablished) => ({
          ...BASE,
          dampPeerOscillations,
          passive,
          delayOpenS,
          sendNotificationWithoutOpen,
          collisionDetectEstablished
        }))
      )
    )
  )
)

const negotiated = (holdTimeS: number, gracefulRestart: Negotiated["gracefulRestart"] = undefined): Negotiated => ({
  as4: true,
  holdTimeS,
  keepaliveS: holdTimeS / 3,
  remoteAs: 64501,
  remoteId: 0xc0000202,
  external: true,
  families: [0],
  addPathReceive: [false, false],
  addPathSend: [false, false],
  extendedMessage: false,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  sendsEndOfRib: gracefulRestart !== undefined,
  gracefulNotification: gracefulRestart?.notification === true,
  gracefulRestart,
  capabilities: []
})

/** With and without hold time; with a peer that restarts gracefully, and one that does so after a NOTIFICATION too (RFC 8538). */
const NEGOTIATED: ReadonlyArray<Negotiated> = [
  negotiated(30),
  negotiated(0),
  negotiated(30, { timeS: 120, restarting: false, families: [0], forwarding: [0], notification: false }),
  negotiated(30, { timeS: 120, restarting: false, families: [0], forwarding: [], notification: true })
]

const timers = (...kinds: ReadonlyArray<TimerKind>): number =>
  kinds.reduce((bits: number, kind) => bits | (1 << kind), 0)

/** Every connection that can be in the state under these settings. */
const connectionsIn = (state: ConnectionState, settings: PeerSettings): ReadonlyArray<Connection> => {
  const base: Connection = { ...createConnection(settings, OWN_CONN + 1), state, connectRetryCount: COUNT_BEFORE }
  const held = { ...base, conn: OWN_CONN }
  const waiting = { ...base, armed: timers(TimerKind.ConnectRetry) }
  const delaying = settings.delayOpenS > 0 ? [{ ...held, armed: timers(TimerKind.DelayOpen) }] : []
  switch (state) {
    case "Idle":
      return [base, { ...base, armed: timers(TimerKind.IdleHold) }]
    case "Connect":
      return [{ ...held, armed: waiting.armed }, ...delaying]
    case "Active":
      return [waiting, ...delaying]
    case "OpenSent":
      return [{ ...held, armed: timers(TimerKind.Hold) }]
    case "OpenConfirm":
    case "Established":
      return NEGOTIATED.map((agreed) => ({ ...held, negotiated: agreed, armed: sessionTimers(state, agreed) }))
  }
}

const sessionTimers = (state: ConnectionState, agreed: Negotiated): number => {
  if (agreed.holdTimeS === 0) return 0
  return state === "Established"
    ? timers(TimerKind.Hold, TimerKind.Keepalive, TimerKind.SendHold)
    : timers(TimerKind.Hold, TimerKind.Keepalive)
}

/** Some events cannot meet every connection of a state: what is delayed must run, what retries must wait, what fails must exist. */
const fits = (event: number, connection: Connection): boolean => {
  if (connection.state !== "Connect" && connection.state !== "Active") return true
  const delaying = isRunning(connection, TimerKind.DelayOpen)
  switch (event) {
    case EVENT_DELAY_OPEN_EXPIRED:
    case EVENT_DELAYED_OPEN:
      return delaying
    case EVENT_CONNECT_RETRY_EXPIRED:
    case EVENT_OUTGOING_UP:
    case EVENT_INCOMING_UP:
    case EVENT_OPEN:
      return !delaying
    case EVENT_TCP_FAILED:
      return connection.conn !== 0
    default:
      return true
  }
}

const fault = (code: number, subcode: number, ...data: ReadonlyArray<number>) => ({
  code,
  subcode,
  data: Uint8Array.from(data)
})

/** The event with everything that it may carry and that makes a difference. */
const eventsOf = (
  tag: ConnectionEvent["_tag"],
  { negotiated: agreed, conn }: Connection
): ReadonlyArray<ConnectionEvent> => {
  switch (tag) {
    case "ManuallyStopped":
      return [fault(6, 2, 2, 104, 105), fault(6, 3), fault(6, 4)].map((reason) => ({ _tag: tag, fault: reason }))
    case "AutomaticallyStopped":
      return [fault(6, 1, 0, 1, 1, 0, 0, 0, 9), fault(6, 6), fault(6, 8), fault(6, 10)].map((reason) => ({
        _tag: tag,
        fault: reason
      }))
    case "ConnectionRequested":
    case "StrangerRequested":
    case "TcpConfirmed":
      return [{ _tag: tag, conn: NEW_CONN }]
    // In Connect our own dial succeeds; elsewhere it is a connection that this machine has not asked for.
    case "TcpAcknowledged":
      return [
        { _tag: tag, conn: conn === 0 ? NEW_CONN : conn },
        { _tag: tag, conn: NEW_CONN }
      ]
    case "TcpFailed":
      return [{ _tag: tag, cause: "ECONNRESET" }]
    case "OpenReceived":
    case "DelayedOpenReceived":
      return (agreed === undefined ? NEGOTIATED : [agreed]).flatMap((said) =>
        [false, true].map((isLost) => ({ _tag: tag, negotiated: said, lost: isLost }))
      )
    case "HeaderMalformed":
      return [{ _tag: tag, fault: fault(1, 2, 0, 18) }]
    case "OpenMalformed":
      return [{ _tag: tag, fault: fault(2, 6) }]
    case "VersionRefused":
      return [{ _tag: tag, fault: fault(2, 1, 0, 4) }]
    case "NotificationReceived":
      return [fault(6, 4), fault(6, 9, 6, 2), fault(3, 1)].map((said) => ({ _tag: tag, fault: said }))
    case "UpdateReceived":
      return [{ _tag: tag, messageType: 2 }]
    case "UpdateMalformed":
      return [{ _tag: tag, fault: fault(3, 10), messageType: 2 }]
    default:
      return [{ _tag: tag } as ConnectionEvent]
  }
}

const EVENT_CONNECT_RETRY_EXPIRED = 9
const EVENT_DELAY_OPEN_EXPIRED = 12
const EVENT_OUTGOING_UP = 16
const EVENT_INCOMING_UP = 17
const EVENT_TCP_FAILED = 18
const EVENT_OPEN = 19
const EVENT_DELAYED_OPEN = 20
