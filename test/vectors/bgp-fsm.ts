// Checks a row of the bgp-fsm vectors (RFC 4271 §8.2.2, one row per state, event and guard) against reduceConnection. A row is met
// when the machine does what its amendment says where it has one, and what its actions and next state say otherwise: the same
// visible actions in the same order and no others, the same state, in every situation that the row covers.
import {
  CONNECTION_EVENTS,
  CONNECTION_STATES,
  type ConnectionState,
  isArmed,
  reduceConnection,
  TimerKind
} from "../../src/session/index.ts"
import { AMENDMENTS, type Amendment } from "./bgp-fsm-amendments.ts"
import { type Demand, demandOf, observed } from "./bgp-fsm-marks.ts"
import { isRunning, type Setup, setupsFor } from "./bgp-fsm-setups.ts"
import type { Outcome } from "./kinds.ts"

interface Row {
  readonly state: ConnectionState
  readonly event: number
  readonly guard: string
  readonly actions: ReadonlyArray<string>
  readonly next: ConnectionState
  readonly mod: string
}

interface Expectation {
  readonly actions: ReadonlyArray<string>
  readonly next: ConnectionState
  readonly fault: Amendment["fault"]
}

export const checkBgpFsm = (value: unknown): Outcome => {
  const row = value as Row
  const name = `${row?.state}/E${row?.event}${row?.guard ? ` [${row.guard}]` : ""}`
  if (!isRow(value))
    return { name, problems: ["not a row of this kind: state, event, guard, actions, next or mod is amiss"] }
  const setups = setupsFor(row.state, row.event, row.guard)
  if (typeof setups === "string") return { name, problems: [setups] }
  if (setups.length === 0) return { name, problems: ["no situation meets this row's guard"] }
  const amendment = row.mod === "" ? undefined : AMENDMENTS.find((one) => applies(one, row))
  if (row.mod !== "" && amendment === undefined) {
    return { name, problems: [`no expectation is written for this amendment: ${row.mod}`] }
  }
  const problems = [...contradictions(row, amendment), ...setups.flatMap((setup) => checkSetup(row, amendment, setup))]
  return { name, problems: [...new Set(problems)].slice(0, PROBLEMS_SHOWN_MAX) }
}

const isRow = (value: unknown): value is Row => {
  const row = value as Row
  return (
    typeof value === "object" &&
    value !== null &&
    CONNECTION_STATES.includes(row.state) &&
    CONNECTION_STATES.includes(row.next) &&
    CONNECTION_EVENTS.some(({ number }) => number === row.event) &&
    typeof row.guard === "string" &&
    typeof row.mod === "string" &&
    Array.isArray(row.actions) &&
    row.actions.every((action) => typeof action === "string")
  )
}

const applies = (amendment: Amendment, row: Row): boolean =>
  [amendment.state].flat().includes(row.state) &&
  amendment.event.includes(row.event) &&
  (amendment.guard === undefined || amendment.guard === row.guard) &&
  amendment.mod === row.mod

/** An amendment replaces what it knows: a row that says something else is not the row that it amends. */
const contradictions = (row: Row, amendment: Amendment | undefined): ReadonlyArray<string> => {
  if (amendment === undefined) return []
  const { insteadOf, insert, nextInsteadOf } = amendment
  return [
    ...(insteadOf !== undefined && insteadOf.join() !== row.actions.join()
      ? [`the amendment is for the actions ${insteadOf.join(" · ")}, the row has ${row.actions.join(" · ")}`]
      : []),
    ...(insert !== undefined && !row.actions.includes(insert.after) ? [`the row has no ${insert.after}`] : []),
    ...(nextInsteadOf !== undefined && nextInsteadOf !== row.next
      ? [`the amendment is for the next state ${nextInsteadOf}, the row has ${row.next}`]
      : [])
  ]
}

const checkSetup = (row: Row, amendment: Amendment | undefined, setup: Setup): ReadonlyArray<string> => {
  const { actions, next, fault } = expectationOf(row, amendment, setup)
  const gone = new Set(firedBy(setup))
  const demands = actions.map((token) => demandOf(token, setup, gone))
  const unknown = actions.filter((_, index) => demands[index] === undefined)
  if (unknown.length > 0) return unknown.map((token) => `the action "${token}" is not known here`)
  const [after, effects] = reduceConnection(freeze(setup.connection), freeze(setup.event))
  const marks = observed(effects)
  const problems = [
    ...(after.state === next ? [] : [`goes to ${after.state}, not to ${next}`]),
    ...compare(marks, demands as ReadonlyArray<Demand>),
    ...(demands as ReadonlyArray<Demand>).flatMap((demand) => demand.state?.(after) ?? []),
    ...(actions.some((token) => token.startsWith("CRC")) ||
    after.connectRetryCount === setup.connection.connectRetryCount
      ? []
      : ["CRC changes"]),
    ...timersAgree(setup, marks, (timer) => isArmed(after, timer)),
    ...exactFault(fault, marks)
  ]
  return problems.map((problem) => `${problem} (${situation(setup)})`)
}

const expectationOf = (row: Row, amendment: Amendment | undefined, setup: Setup): Expectation => {
  const { connection } = setup
  const literal = { actions: row.actions, next: row.next, fault: undefined }
  const amended =
    amendment === undefined ||
    (amendment.onlyPassive === true && !connection.settings.passive) ||
    (amendment.onlyGracefulRestart === true && connection.negotiated?.gracefulRestart === undefined)
      ? literal
      : {
          actions: amendment.actions ?? inserted(row.actions, amendment),
          next: (amendment.next as ConnectionState | undefined) ?? row.next,
          fault: amendment.fault
        }
  return collided(row, amended, setup)
}

const inserted = (actions: ReadonlyArray<string>, { insert }: Amendment): ReadonlyArray<string> =>
  insert === undefined
    ? actions
    : actions.flatMap((token) => (token === insert.after ? [token, insert.token] : [token]))

/** Where a row has the collision check, or an OPEN that reveals a lost collision, losing it ends the connection with a Cease. */
const collided = (row: Row, expectation: Expectation, { connection, event }: Setup): Expectation => {
  const isLost = "lost" in event && event.lost
  if (!isLost || row.guard.includes("lose")) return expectation
  const silent = connection.state === "Connect" || connection.state === "Active"
  if (expectation.actions.includes("6.8 collision check")) {
    const end = ["CRT0", "DOT0", "REL", "DROP", "CRC+1", "DAMP?"]
    return silent
      ? { actions: end, next: "Idle", fault: undefined }
      : { actions: ["TX N(6)", ...end], next: "Idle", fault: [6, 7] }
  }
  if (
    connection.state === "OpenConfirm" ||
    (connection.state === "Established" && connection.settings.collisionDetectEstablished)
  ) {
    const actions = expectation.actions.map((token) => (token === "TX N(5)" ? "TX N(6)" : token))
    return { ...expectation, actions, fault: [6, 7] }
  }
  return expectation
}

/** The marks in the order of the demands and nothing else; those of one inner list in any order. */
const compare = (marks: ReadonlyArray<string>, demands: ReadonlyArray<Demand>): ReadonlyArray<string> => {
  const wanted = demands.flatMap((demand) => demand.marks ?? [])
  let at = 0
  for (const group of wanted) {
    const found = marks.slice(at, at + group.length)
    if ([...found].sort().join() !== [...group].sort().join())
      return [`does ${show(marks)}, wanted ${show(wanted.flat())}`]
    at += group.length
  }
  return at === marks.length ? [] : [`does ${show(marks)}, wanted ${show(wanted.flat())}`]
}

const show = (marks: ReadonlyArray<string>): string => (marks.length === 0 ? "nothing" : marks.join(" · "))

/** The timers that the connection says are running are those that its effects leave running. */
const timersAgree = (
  setup: Setup,
  marks: ReadonlyArray<string>,
  armed: (timer: TimerKind) => boolean
): ReadonlyArray<string> =>
  Object.entries({ CRT: 0, HT: 1, KA: 2, DOT: 3, IHT: 4, SHT: 5 } as const).flatMap(([name, timer]) => {
    const last = marks.findLast((mark) => mark.startsWith(`${name}!`) || mark === `${name}0`)
    const before = isRunning(setup.connection, timer) && !firedBy(setup).includes(timer)
    const running = last === undefined ? before : last !== `${name}0`
    return running === armed(timer)
      ? []
      : [`${name} ${running ? "runs" : "does not run"}, but the state says otherwise`]
  })

const exactFault = (fault: Amendment["fault"], marks: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (fault === undefined) return []
  const [code, subcode, ...data] = fault
  const wanted = `TX N(${code}/${subcode}${data.map((byte) => ` ${byte}`).join("")})`
  return marks.includes(wanted) ? [] : [`does ${show(marks)}, wanted ${wanted}`]
}

/** A timer that fires does not run any more. */
const firedBy = ({ event }: Setup): ReadonlyArray<TimerKind> => {
  switch (event._tag) {
    case "ConnectRetryExpired":
      return [TimerKind.ConnectRetry]
    case "HoldExpired":
      return [TimerKind.Hold]
    case "KeepaliveExpired":
      return [TimerKind.Keepalive]
    case "DelayOpenExpired":
      return [TimerKind.DelayOpen]
    case "IdleHoldExpired":
      return [TimerKind.IdleHold]
    case "SendHoldExpired":
      return [TimerKind.SendHold]
    default:
      return []
  }
}

const situation = ({ connection, event }: Setup): string => {
  const { dampPeerOscillations, passive, delayOpenS, sendNotificationWithoutOpen } = connection.settings
  const words = [
    dampPeerOscillations ? "damping" : "",
    passive ? "passive" : "",
    delayOpenS > 0 ? "DelayOpen" : "",
    sendNotificationWithoutOpen === true ? "early NOTIFICATION" : "",
    isRunning(connection, TimerKind.DelayOpen) ? "delaying" : "",
    connection.negotiated === undefined ? "" : `hold ${connection.negotiated.holdTimeS}`,
    "lost" in event && event.lost ? "collision lost" : ""
  ].filter((word) => word !== "")
  return words.length === 0 ? "plain" : words.join(", ")
}

/** Nothing that the reducer is given may be written to. Bytes cannot be frozen; their holders are. */
const freeze = <Value>(value: Value): Value => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}

const PROBLEMS_SHOWN_MAX = 4
