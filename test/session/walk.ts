// A peer in a world that behaves: connections that exist, timers that run. Random events alone seldom bring a session up, so a walk
// mixes them with steps that look at the peer and do what comes next, fail what there is, or fire a timer that runs.
import fc from "fast-check"
import {
  buildOpen,
  createPeer,
  foremost,
  isArmed,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  reducePeer,
  TimerKind
} from "../../src/session/index.ts"
import { arbitraryPeerEvent, arbitraryPeerSettings, FIRST_CONN } from "../../src/testing/peer-events.ts"
import { freeze } from "../support/freeze.ts"

/** What a step of a walk does, given the peer as it is. `pick` chooses where there is a choice. */
type Move =
  | { readonly move: "advance" | "fail" | "fire" | "second" | "refuse" | "operate" | "flood"; readonly pick: number }
  | { readonly move: "anything"; readonly event: PeerEvent }

export interface Step {
  readonly before: Peer
  readonly event: PeerEvent
  readonly after: Peer
  readonly effects: ReadonlyArray<PeerEffect>
}

const pick = fc.nat(1_000_000)
const purposeful: fc.Arbitrary<Move> = fc.oneof(
  { arbitrary: fc.record({ move: fc.constant("advance" as const), pick }), weight: 10 },
  fc.record({ move: fc.constantFrom("fail" as const, "second" as const, "refuse" as const, "operate" as const), pick }),
  { arbitrary: fc.record({ move: fc.constant("flood" as const), pick }), weight: 1 },
  { arbitrary: fc.record({ move: fc.constant("fire" as const), pick }), weight: 3 }
)
const anything = fc.record({ move: fc.constant("anything" as const), event: arbitraryPeerEvent })

export interface Walk {
  readonly settings: PeerSettings
  readonly seed: number
  readonly moves: ReadonlyArray<Move>
}

const walkOf = (move: fc.Arbitrary<Move>): fc.Arbitrary<Walk> =>
  fc.record({ settings: arbitraryPeerSettings, seed: fc.nat(), moves: fc.array(move, { maxLength: 60 }) })

/** Only what a world that behaves would report. */
export const consistentWalk = walkOf(purposeful)
/** The same, and late, doubled and impossible events among it. */
export const wildWalk = walkOf(fc.oneof(purposeful, anything))

/** The steps of a walk, states and events frozen. */
export const stepsOf = (walk: Walk): ReadonlyArray<Step> => {
  let peer = freeze(createPeer(walk.settings, { firstConn: FIRST_CONN, seed: walk.seed }))
  let accepted = ACCEPTED_CONN
  const steps: Array<Step> = []
  for (const move of walk.moves) {
    const event = freeze(move.move === "anything" ? move.event : eventOf(peer, move, () => accepted++))
    const [after, effects] = reducePeer(peer, event)
    steps.push({ before: peer, event, after: freeze(after), effects: freeze(effects) })
    peer = after
  }
  return steps
}

const eventOf = (
  peer: Peer,
  { move, pick: choice }: Exclude<Move, { move: "anything" }>,
  accept: () => number
): PeerEvent => {
  const { main, second } = peer
  switch (move) {
    case "advance":
      return advance(peer, choice, accept)
    case "fail":
      return { _tag: "Closed", conn: main.conn, cause: "ECONNRESET" }
    case "fire":
      return fire(peer, choice)
    case "second":
      if (second === undefined || choice % 3 === 0) return { _tag: "Accepted", conn: accept() }
      return choice % 3 === 1
        ? { _tag: "OpenReceived", conn: second.conn, open: agreeableOpen(peer, choice) }
        : { _tag: "Closed", conn: second.conn, cause: "" }
    case "refuse": {
      const conn = second !== undefined && choice % 2 === 0 ? second.conn : main.conn
      const fault = { code: 1 + (choice % 6), subcode: 1 + (choice % 4), data: new Uint8Array(0) }
      return choice % 3 === 0
        ? { _tag: "NotificationReceived", conn, fault }
        : { _tag: "Malformed", conn, fault, messageType: 1 + (choice % 5) }
    }
    case "operate":
      return OPERATIONS[choice % OPERATIONS.length]!
    case "flood":
      return { _tag: "PrefixLimitExceeded", conn: foremost(peer).conn, family: 0, limit: choice }
  }
}

const OPERATIONS: ReadonlyArray<PeerEvent> = [
  { _tag: "Enabled" },
  { _tag: "ResetRequested" },
  { _tag: "ResetRequested", graceful: true },
  { _tag: "Disabled", communication: "maintenance" },
  { _tag: "Enabled" }
]

/** What brings the session nearer. */
const advance = (peer: Peer, choice: number, accept: () => number): PeerEvent => {
  const { main } = peer
  const { conn } = main
  switch (main.state) {
    case "Idle":
      return isArmed(main, TimerKind.IdleHold)
        ? { _tag: "TimerFired", conn: 0, timer: TimerKind.IdleHold }
        : { _tag: "Enabled" }
    case "Connect":
    case "Active":
      if (isArmed(main, TimerKind.DelayOpen)) return { _tag: "OpenReceived", conn, open: agreeableOpen(peer, choice) }
      return main.state === "Connect" && choice % 2 === 0
        ? { _tag: "Dialled", conn }
        : { _tag: "Accepted", conn: accept() }
    case "OpenSent":
      return { _tag: "OpenReceived", conn, open: agreeableOpen(peer, choice) }
    case "OpenConfirm":
      return { _tag: "KeepaliveReceived", conn }
    case "Established":
      return { _tag: choice % 2 === 0 ? "UpdateReceived" : "KeepaliveReceived", conn }
  }
}

const fire = (peer: Peer, choice: number): PeerEvent => {
  const running = runningTimers(peer)
  const timer = running[choice % Math.max(running.length, 1)]
  return timer === undefined ? { _tag: "Enabled" } : { _tag: "TimerFired", ...timer }
}

/** The timers that the peer's state says are running, with their owners. */
export const runningTimers = (peer: Peer): ReadonlyArray<{ readonly conn: number; readonly timer: TimerKind }> =>
  [peer.main, peer.second].flatMap((connection) =>
    connection === undefined
      ? []
      : Object.values(TimerKind)
          .filter((timer) => isArmed(connection, timer))
          .map((timer) => ({
            conn: timer === TimerKind.ConnectRetry || timer === TimerKind.IdleHold ? 0 : connection.conn,
            timer
          }))
  )

/** An OPEN as another of our kind would send it, so that negotiation succeeds. */
export const agreeableOpen = ({ settings }: Peer, choice: number) =>
  buildOpen({
    ...settings,
    ...(settings.role === undefined ? {} : { role: COUNTERPARTS[settings.role] }),
    localAs: settings.remoteAs === 0 ? 64999 : settings.remoteAs,
    remoteAs: settings.localAs,
    localId: choice % 2 === 0 ? 1 : 0xffff_ffff,
    holdTimeS: [0, 9, 90][choice % 3]!
  })

const COUNTERPARTS = {
  provider: "customer",
  rs: "rs-client",
  "rs-client": "rs",
  customer: "provider",
  peer: "peer"
} as const

/** The first number of accepted connections, apart from those that random events name. */
const ACCEPTED_CONN = 0x9000_0000
