// Prints docs/machines/session.md from the session room: states, events, diagram and table by evaluating the transition function for
// every input there is, departures from the RFC from the data that the vectors are checked with, laws from the property tests.
import {
  CONNECTION_ACTIONS,
  CONNECTION_EVENTS,
  CONNECTION_STATES,
  type ConnectionEventTag,
  type ConnectionGuards,
  type ConnectionState,
  type ConnectionTransition,
  connectionTransition,
  IDLE_HOLD_MAX_S,
  LARGE_HOLD_S,
  SEND_HOLD_MIN_S,
  TIMER_NAMES
} from "../src/session/index.ts"
import { LAWS } from "../test/session/laws.ts"
import { AMENDMENTS } from "../test/vectors/bgp-fsm-amendments.ts"

export const sessionPage = (): string =>
  [
    "# The session machine",
    "",
    "<!-- Printed by `npm run docs` from src/session. Do not edit. -->",
    "",
    INTRODUCTION,
    "",
    "## States",
    "",
    ...table(
      ["state", "means", "timers that may run"],
      CONNECTION_STATES.map((state) => [state, ...STATE_MEANINGS[state]])
    ),
    "",
    "## Diagram",
    "",
    "Numbers are events. What leads from a state to itself is left out; the table has it.",
    "",
    ...diagram(),
    "",
    "## Events",
    "",
    ...table(
      ["E", "here", "RFC 4271 §8.1, RFC 9687"],
      CONNECTION_EVENTS.map(({ number, tag, rfcName }) => [String(number), `\`${tag}\``, rfcName])
    ),
    "",
    "## Actions",
    "",
    `Timers: ${TIMER_NAMES.map((name, at) => `${TIMER_SIGNS[at]} ${name}`).join(", ")}. \`X!\` starts one, \`X0\` stops it. CRC is the ConnectRetryCounter.`,
    "",
    ...table(
      ["sign", "here", "does"],
      Object.entries(CONNECTION_ACTIONS).map(([name, sign]) => [
        `\`${sign}\``,
        name,
        ACTION_MEANINGS[name as keyof typeof CONNECTION_ACTIONS]
      ])
    ),
    "",
    "## Table",
    "",
    "Evaluated from `src/session/transition.ts` for every state, event and guard. Actions stand in the order in which they happen.",
    ...CONNECTION_STATES.flatMap(stateTable),
    "",
    "## Where this is not the letter of RFC 4271",
    "",
    "Each is a cell of the table, tested by `test/session/vectors.test.ts`. An empty last but one column: as the RFC's, made precise.",
    "",
    ...departures(),
    "",
    "## Laws",
    "",
    "Properties that `test/session/laws.test.ts` checks over random settings and events:",
    "",
    ...LAWS.map(({ law }) => `* ${law}`),
    ""
  ].join("\n")

const INTRODUCTION = `One peer is two reducers over plain data. \`reduceConnection\` is the machine of RFC 4271 §8.2.2: six states × 29 events, total, with every
optional attribute; the table below is all that it decides. \`reducePeer\` is above it: what the operator wants, which connections there
are (the peer's own, and a second one while a collision is open), collision (§6.8, by initiator), and when to try again. It recognises
late timers and events of connections that are gone, so that the table never meets them.

What the two OPENs agreed on belongs to the connection, never to the peer. Chance is a seed in the peer's state; time is a timer that fires.

* Between our OPEN and the peer's the hold time is ${LARGE_HOLD_S} s, on a connection that the peer began \`openWaitS\`. The send hold time is twice the hold time, at least ${SEND_HOLD_MIN_S} s.
* A retry waits for \`idleHoldS\`, doubled with each failure up to ${IDLE_HOLD_MAX_S} s, times 0.75 to 1. Each keepalive interval that a session
  lives through takes one failure back. Redials after an attempt that came to nothing grow the same way, up to \`connectRetryS\`.
* An incoming connection beside a dial or a connection gets a machine of its own. A dial is not given up for it before the session is
  there: were both ends to do that at the same moment, neither connection would remain. When the OPENs of both have arrived the connection
  begun by the speaker with the higher identifier stays (then the higher AS, RFC 6286); the other is closed with Cease 6/7.
* A connection on which the peer has not said its OPEN is closed with Cease 6/5 when the peer connects again (ADR-0025): silence holds no
  place. Where both connections have spoken a third one is refused with Cease 6/5.
* A connection that comes while a session is Established waits for the peer's OPEN before it sends ours, and loses with 6/7, unless
  CollisionDetectEstablishedState is set or the peer restarts gracefully. Where our OPEN was out before the session came up, and by its
  initiator that connection wins, neither is closed until the peer has spoken: only the peer knows how far it was. With these rules one
  session remains in every order of arrival; \`test/session/collision-orders.test.ts\` walks them all.
* A failure on a connection that the peer began ends our dial with it, so that the wait before the next try begins.
* A loser of a collision starts no idle hold: the peer has the other connection.
* Too many prefixes end the session with 6/1; the peer stays in Idle for \`prefixRestartS\`, and for good where that is 0.
* After Ceases 6/2, 6/3, 6/5 and 6/8 the wait grows even without DampPeerOscillations (RFC 4486 §4). After 2/4 and 2/7 the next OPEN leaves
  out what was refused (RFC 5492); with nothing left to leave out, and after a session, it is whole again.
* Routes are kept as stale when the connection fails (RFC 4724), and where both set the N bit after any NOTIFICATION, sent or received, but
  a Hard Reset (RFC 8538). There an operator's stop, and a reset that is not called graceful, go out as Hard Resets.
* A dynamic peer never dials and is \`Gone\` with its last connection.
* A SendHold timer is started with every message; whoever performs the effect leaves a running one alone while earlier bytes still wait.`

const STATE_MEANINGS: Readonly<Record<ConnectionState, readonly [string, string]>> = {
  Idle: ["nothing is wanted, or a wait before the next try; connections are refused", "IdleHold"],
  Connect: ["dialling, or TCP is up and our OPEN is delayed", "ConnectRetry, DelayOpen"],
  Active: ["waiting for the peer or the next dial, or TCP is up and our OPEN is delayed", "ConnectRetry, DelayOpen"],
  OpenSent: ["TCP is up, our OPEN is sent", "Hold"],
  OpenConfirm: ["both OPENs are there, negotiated", "Hold, Keepalive"],
  Established: ["routes are exchanged", "Hold, Keepalive, SendHold"]
}

const TIMER_SIGNS = ["CRT", "HT", "KA", "DOT", "IHT", "SHT"]

const ACTION_MEANINGS: Readonly<Record<keyof typeof CONNECTION_ACTIONS, string>> = {
  Initialise: "a fresh start: nothing negotiated, no idle hold",
  Adopt: "the new TCP connection becomes this machine's; a dial under way is given up",
  Supersede: "a newer connection of the peer came: the one on which it has said nothing gets Cease 6/5 and is closed",
  Agree: "takes what the two OPENs agreed on",
  Listen: "incoming connections are welcome: in every state but Idle",
  Dial: "connects, under the next number of the peer's range",
  Drop: "closes the connection, or gives up the dial",
  Release: "stops every timer of the connection and forgets what was negotiated",
  ForgetRoutes: "session down: the peer's routes go, or become stale where it restarts gracefully",
  ResetCount: "",
  CountFailure: "",
  Damp: "with DampPeerOscillations: starts IdleHold, longer with each failure",
  StartConnectRetry: "",
  StopConnectRetry: "",
  StartDelayOpen: "",
  StopDelayOpen: "",
  StopIdleHold: "",
  StartLargeHold: "starts Hold with the large value",
  StartHold: "starts Hold with what was negotiated; stops it where that is 0",
  StopHold: "",
  StartKeepalive: "a third of the hold time; stops it where that is 0",
  StartSendHold: "RFC 9687; not where the hold time is 0",
  SendOpen: "",
  SendKeepalive: "",
  SendNotification: "the NOTIFICATION that belongs to the event (`consequences.ts`), once TCP is up",
  ProcessUpdate: "the UPDATE may be believed",
  RaiseUp: "tells the tables; they are sent, then End-of-RIB",
  RaiseStart: "E7 for a passive peer",
  RaiseAgain: "feeds the new connection to the machine in its new state",
  Track: "the peer machine follows it with a second connection machine",
  AllowRequest: "",
  RefuseRequest: "",
  CloseStray: ""
}

const GUARD_NAMES: Readonly<Record<keyof ConnectionGuards, string>> = {
  delayOpen: "DelayOpen",
  delayOpenRunning: "DelayOpen timer running",
  idleHoldRunning: "IdleHold timer running",
  damp: "DampPeerOscillations",
  passive: "passive",
  earlyNotification: "SendNOTIFICATIONwithoutOPEN",
  collisionDetectEstablished: "CollisionDetectEstablishedState",
  lost: "collision lost",
  supersedes: "supersedes a silent one",
  gracefulRestart: "graceful restart agreed"
}

const GUARDS = Object.keys(GUARD_NAMES) as ReadonlyArray<keyof ConnectionGuards>

/** Every assignment of the guards, or of some of them with the others false. */
const assignments = (free: ReadonlyArray<keyof ConnectionGuards> = GUARDS): ReadonlyArray<ConnectionGuards> =>
  Array.from({ length: 2 ** free.length }, (_, bits) =>
    Object.fromEntries(
      GUARDS.map((guard) => [guard, free.includes(guard) && ((bits >> free.indexOf(guard)) & 1) === 1])
    )
  ) as unknown as ReadonlyArray<ConnectionGuards>

interface Outcome {
  readonly guard: string
  readonly transition: ConnectionTransition
}

/** What a cell does, once for each outcome, with the shortest condition that tells it from the others. */
const outcomes = (state: ConnectionState, event: ConnectionEventTag): ReadonlyArray<Outcome> => {
  const key = (guards: ConnectionGuards) => JSON.stringify(connectionTransition(state, event, guards))
  const relevant = GUARDS.filter((guard) =>
    assignments().some((guards) => key(guards) !== key({ ...guards, [guard]: !guards[guard] }))
  )
  const groups = Object.entries(Object.groupBy(assignments(relevant), key))
  return groups.map(([outcome, group]) => ({
    guard: condition(relevant, group!),
    transition: JSON.parse(outcome) as ConnectionTransition
  }))
}

const condition = (relevant: ReadonlyArray<keyof ConnectionGuards>, group: ReadonlyArray<ConnectionGuards>): string => {
  const fixed = relevant.filter((guard) => group.every((guards) => guards[guard] === group[0]![guard]))
  // The group is a conjunction exactly when the guards that vary take every combination.
  if (group.length !== 2 ** (relevant.length - fixed.length)) return "otherwise"
  return fixed.map((guard) => `${group[0]![guard] ? "" : "not "}${GUARD_NAMES[guard]}`).join(" and ")
}

const stateTable = (state: ConnectionState): ReadonlyArray<string> => [
  "",
  `### ${state}`,
  "",
  ...table(
    ["E", "event", "when", "actions", "next"],
    CONNECTION_EVENTS.flatMap(({ number, tag }) =>
      outcomes(state, tag).map(({ guard, transition: { actions, next } }) => [
        String(number),
        tag,
        guard,
        actions.length === 0 ? "–" : actions.map((action) => CONNECTION_ACTIONS[action]).join(" · "),
        next === state ? "" : `**${next}**`
      ])
    )
  )
]

const diagram = (): ReadonlyArray<string> => {
  const edges = new Map<string, Set<number>>()
  for (const state of CONNECTION_STATES) {
    for (const { number, tag } of CONNECTION_EVENTS) {
      for (const { transition } of outcomes(state, tag)) {
        if (transition.next === state) continue
        const edge = `${state} --> ${transition.next}`
        edges.set(edge, (edges.get(edge) ?? new Set()).add(number))
      }
    }
  }
  const lines = [...edges].map(([edge, numbers]) => `  ${edge}: ${[...numbers].join(", ")}`)
  return ["```mermaid", "stateDiagram-v2", "  [*] --> Idle", ...lines, "```"]
}

const departures = (): ReadonlyArray<string> =>
  table(
    ["cell", "the RFC", "here", "why"],
    AMENDMENTS.map(({ state, event, guard, mod, actions, insteadOf, insert, next, nextInsteadOf, fault }) => [
      `${[state].flat().join(", ")} / E${event.join(", E")}${guard === undefined ? "" : `, ${guard}`}`,
      [insteadOf?.join(" · ") ?? "", nextInsteadOf === undefined ? "" : `**${nextInsteadOf}**`].join(" ").trim(),
      [
        actions === undefined ? "" : actions.join(" · ") || "–",
        insert === undefined ? "" : `${insert.token} after ${insert.after}`,
        next === undefined ? "" : `**${next}**`,
        fault === undefined
          ? ""
          : `N = ${fault.slice(0, 2).join("/")}${fault.length > 2 ? `, data ${fault.slice(2).join(" ")}` : ""}`
      ]
        .filter((part) => part !== "")
        .join(" "),
      mod
    ])
  )

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => [
  `| ${head.join(" | ")} |`,
  `|${head.map(() => "--|").join("")}`,
  ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
]
