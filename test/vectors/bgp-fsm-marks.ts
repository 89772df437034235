// The row's action tokens and the machine's effects in one notation, so that they can be compared in order. A mark is what can be seen
// from outside: `CRT!`, `DROP`, `TX N(6/7)`. Tokens that change only the machine's own state are checks on that state.
import { type Connection, type ConnectionEffect, idleHoldMs, TimerKind } from "../../src/session/index.ts"
import { isRunning, OWN_CONN, type Setup } from "./bgp-fsm-setups.ts"

const TIMERS: Readonly<Record<string, TimerKind>> = {
  CRT: TimerKind.ConnectRetry,
  HT: TimerKind.Hold,
  KA: TimerKind.Keepalive,
  DOT: TimerKind.DelayOpen,
  IHT: TimerKind.IdleHold,
  SHT: TimerKind.SendHold
}

const timerName = (timer: TimerKind): string => Object.keys(TIMERS).find((name) => TIMERS[name] === timer)!

/** What the machine did, as marks. */
export const observed = (effects: ReadonlyArray<ConnectionEffect>): ReadonlyArray<string> =>
  effects.map((effect) => {
    switch (effect._tag) {
      case "Dial":
        return "DIAL"
      case "Close":
        return effect.conn === OWN_CONN ? "DROP" : "close the stray socket"
      case "SendOpen":
        return "TX OPEN"
      case "SendKeepalive":
        return "TX KA"
      case "SendNotification":
        return `TX N(${effect.fault.code}/${effect.fault.subcode}${[...effect.fault.data].map((byte) => ` ${byte}`).join("")})`
      case "ArmTimer":
        return `${timerName(effect.timer)}!${effect.milliseconds}`
      case "CancelTimer":
        return `${timerName(effect.timer)}0`
      case "SessionUp":
        return "session up"
      case "SessionDown":
        return effect.retain ? "RIB stale" : "RIB-"
      case "Raise":
        return `raise ${effect.event._tag}`
      case "Track":
        return "track"
      case "AllowRequest":
        return "process SYN"
      case "RefuseRequest":
        return "refuse SYN"
      case "ProcessUpdate":
        return "process UPDATE"
      default:
        return effect._tag
    }
  })

/** What a token asks for: marks in order (those of one inner list in any order), and checks on the connection that comes out. */
export interface Demand {
  readonly marks?: ReadonlyArray<ReadonlyArray<string>>
  readonly state?: (after: Connection) => string | undefined
}

/** `gone`: timers that earlier tokens of the row have stopped already, so that REL does not stop them again. */
export const demandOf = (token: string, setup: Setup, gone: Set<TimerKind>): Demand | undefined => {
  const { connection } = setup
  const simple = /^(CRT|DOT|HT|KA|IHT)0(?: if running)?$/.exec(token)
  if (simple !== null) return { marks: stops(setup, gone, TIMERS[simple[1]!]!) }
  if (token.startsWith("TX N"))
    return { marks: [[notification(token, setup)].flat()].filter(([mark]) => mark !== undefined) as string[][] }
  const agreed = "negotiated" in setup.event ? setup.event.negotiated : connection.negotiated
  const holdS = agreed?.holdTimeS ?? 0
  const hold = holdS > 0 ? [[`HT!${holdS * 1000}`]] : []
  const keepalive = holdS > 0 ? [[`KA!${(holdS / 3) * 1000}`]] : []
  switch (token) {
    case "INIT":
      return {
        marks: stops(setup, gone, TimerKind.IdleHold),
        state: (after) => (after.negotiated === undefined ? undefined : "INIT leaves something negotiated")
      }
    case "INIT2":
      return {
        marks: givenUp(setup),
        state: (after) =>
          after.conn === (newConn(setup) ?? connection.conn) && after.conn !== 0
            ? undefined
            : "INIT2 without its connection"
      }
    case "LISTEN":
      return { state: (after) => (after.state === "Idle" ? "LISTEN in Idle" : undefined) }
    case "DIAL":
      return {
        marks: [["DIAL"]],
        state: (after) => (after.conn === connection.nextConn ? undefined : "DIAL under a wrong number")
      }
    case "CRT!":
      return { marks: [[`CRT!${connection.settings.connectRetryS * 1000}`]] }
    case "DOT!=DelayOpenTime":
      return {
        marks: [...givenUp(setup), [`DOT!${connection.settings.delayOpenS * 1000}`]],
        state: ownsNew(setup)
      }
    case "HT=240s":
      return { marks: [["HT!240000"]] }
    case "HT!":
    case "HT! if negotiated hold>0":
      return { marks: hold }
    case "KA!":
    case "KA! unless negotiated hold=0":
      return { marks: keepalive }
    case "SHT! if negotiated hold>0":
      return { marks: holdS > 0 ? [[`SHT!${Math.max(480, 2 * holdS) * 1000}`]] : [] }
    case "if negotiated hold>0: KA!, HT=neg else KA0, HT0":
      return { marks: holdS > 0 ? [...keepalive, ...hold] : stops(setup, gone, TimerKind.Keepalive, TimerKind.Hold) }
    case "set iBGP/eBGP":
      return { state: (after) => (after.negotiated === agreed ? undefined : "what was negotiated is not kept") }
    // The check itself is the peer machine's; its verdict comes with the event, see `expectationOf`.
    case "6.8 collision check":
      return {}
    case "REL":
    case "REL incl. DOT0":
      return {
        marks: [
          stops(setup, gone, TimerKind.Hold, TimerKind.Keepalive, TimerKind.DelayOpen, TimerKind.SendHold).flat()
        ],
        state: (after) => (after.negotiated === undefined ? undefined : "REL leaves something negotiated")
      }
    case "DROP":
      return {
        // What failed is gone: there is nothing left to close.
        marks: connection.conn !== 0 && setup.event._tag !== "TcpFailed" ? [["DROP"]] : [],
        state: (after) => (after.conn === connection.conn && after.conn !== 0 ? "DROP keeps the connection" : undefined)
      }
    case "RIB-":
      return { marks: [[staleAfterAnswer(setup) ? "RIB stale" : "RIB-"]] }
    case "RIB- (stale)":
      return { marks: [["RIB stale"]] }
    case "RIB- (stale with graceful restart)":
      return { marks: [[connection.negotiated?.gracefulRestart === undefined ? "RIB-" : "RIB stale"]] }
    case "RIB- (stale with the N bit)":
      return { marks: [[staleAfterNotification(setup) ? "RIB stale" : "RIB-"]] }
    case "CRC=0":
      return { state: (after) => (after.connectRetryCount === 0 ? undefined : "CRC is not 0") }
    case "CRC+1":
      return {
        state: (after) =>
          after.connectRetryCount === connection.connectRetryCount + 1 ? undefined : "CRC is not one more"
      }
    case "DAMP?":
      return {
        marks: connection.settings.dampPeerOscillations
          ? [[`IHT!${idleHoldMs(connection.settings.idleHoldS, connection.connectRetryCount + 1)}`]]
          : []
      }
    case "raise E6 (or E7 when PassiveTcpEstablishment)":
      return {
        marks: [
          [connection.settings.passive ? "raise AutomaticallyStartedDampedPassive" : "raise AutomaticallyStartedDamped"]
        ]
      }
    case "raise the event again":
      return { marks: [[`raise ${setup.event._tag}`]] }
    case "log":
      return {}
    case "track 2nd connection":
    case "track 2nd connection until its OPEN (6.8)":
    case "track 2nd connection until it sends OPEN":
      return { marks: [["track"]] }
    case "TX OPEN":
    case "TX KA":
    case "process SYN":
    case "refuse SYN":
    case "process UPDATE":
    case "session up":
    case "close the stray socket":
      return { marks: [[token]] }
    default:
      return undefined
  }
}

const newConn = ({ event }: Setup): number | undefined => ("conn" in event ? event.conn : undefined)

/** A dial under way gives way to a connection that is up: nobody else would close it. */
const givenUp = (setup: Setup): ReadonlyArray<ReadonlyArray<string>> => {
  const { conn } = setup.connection
  const incoming = newConn(setup)
  return conn !== 0 && incoming !== undefined && incoming !== conn ? [["DROP"]] : []
}

const ownsNew = (setup: Setup) => (after: Connection) =>
  after.conn === newConn(setup) ? undefined : "the new connection is not taken"

/** The timers among these that run and have not been stopped: each is one mark. */
const stops = (
  setup: Setup,
  gone: Set<TimerKind>,
  ...kinds: ReadonlyArray<TimerKind>
): ReadonlyArray<ReadonlyArray<string>> =>
  kinds
    .filter((kind) => {
      const stopping = isRunning(setup.connection, kind) && !gone.has(kind)
      gone.add(kind)
      return stopping
    })
    .map((kind) => [`${timerName(kind)}0`])

const staleAfterNotification = ({ connection, event }: Setup): boolean => {
  if (connection.negotiated?.gracefulRestart?.notification !== true) return false
  return !("fault" in event) || event.fault.code !== 6 || event.fault.subcode !== 9
}

/** RFC 8538 §4 binds the sender of a NOTIFICATION as well, unless it is one that goes out as a Hard Reset. */
const staleAfterAnswer = (setup: Setup): boolean => {
  const { event } = setup
  return staleAfterNotification(setup) && !("fault" in event && wrapped(setup, event.fault).subcode === 9)
}

/** `TX N(5)`, `TX N(1/x or 2/x)` and their conditions: the NOTIFICATION where the row asks for one, written out. */
const notification = (token: string, setup: Setup): string | undefined => {
  const { connection, event } = setup
  const early = connection.settings.sendNotificationWithoutOpen === true && isRunning(connection, TimerKind.DelayOpen)
  if (token.includes("if SendNOTIFICATIONwithoutOPEN") || token.includes("if DelayOpenTimer running")) {
    if (!early) return undefined
  }
  const code = /^TX N\((\d)\)/.exec(token)?.[1]
  if (code === "5") return `TX N(5/${FSM_SUBCODES[connection.state] ?? 0}${dataOf(setup)})`
  if (code === "6" && !("fault" in event)) return "TX N(6/7)"
  if (code === "4" || code === "8") return `TX N(${code}/0)`
  if (!("fault" in event)) return undefined
  const { code: major, subcode, data } = wrapped(setup, event.fault)
  return `TX N(${major}/${subcode}${[...data].map((byte) => ` ${byte}`).join("")})`
}

const FSM_SUBCODES: Readonly<Record<string, number>> = { OpenSent: 1, OpenConfirm: 2, Established: 3 }

/** RFC 6608: the type of the message that does not belong. */
const dataOf = ({ event }: Setup): string => {
  if ("messageType" in event) return ` ${event.messageType}`
  if (event._tag === "KeepaliveReceived") return " 4"
  return event._tag === "OpenReceived" || event._tag === "DelayedOpenReceived" ? " 1" : ""
}

/** RFC 8538: a hard Cease is wrapped once both sides set the N bit; a reset by the operator stays graceful. */
const wrapped = ({ connection }: Setup, said: { code: number; subcode: number; data: Uint8Array }) =>
  connection.negotiated?.gracefulRestart?.notification === true && said.code === 6 && said.subcode <= 3
    ? { code: 6, subcode: 9, data: Uint8Array.of(6, said.subcode, ...said.data) }
    : said
