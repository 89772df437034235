// The laws of the session machines, each a sentence with the property that checks it; docs/machines/session.md lists the sentences.
// Properties throw when broken and know nothing of the test runner, so that the generator can read this file.
import assert from "node:assert/strict"
import fc from "fast-check"
import {
  CONNECTION_STATES,
  type Connection,
  type ConnectionState,
  connectionOf,
  createConnection,
  hasTcp,
  IDLE_HOLD_MAX_S,
  idleHoldMs,
  isArmed,
  isPassive,
  type PeerEffect,
  peerStateName,
  redialMs,
  reduceConnection,
  TimerKind
} from "../../src/session/index.ts"
import { arbitraryConnectionEvent, arbitraryPeerSettings, FIRST_CONN } from "../../src/testing/peer-events.ts"
import { freeze } from "../support/freeze.ts"
import { SETTINGS } from "./scene.ts"
import { outcomes, speakers, verdictOf } from "./two-speakers.ts"
import { consistentWalk, runningTimers, type Step, stepsOf, type Walk, wildWalk } from "./walk.ts"

export interface Law {
  readonly law: string
  readonly check: () => void
}

/** A law about each step of a walk. */
const always = (law: string, walks: fc.Arbitrary<Walk>, holds: (step: Step) => void): Law => ({
  law,
  check: () =>
    fc.assert(
      fc.property(walks, (walk) => stepsOf(walk).forEach(holds)),
      { numRuns: RUNS }
    )
})

/** A law about a walk as a whole. */
const throughout = (law: string, walks: fc.Arbitrary<Walk>, holds: (steps: ReadonlyArray<Step>) => void): Law => ({
  law,
  check: () =>
    fc.assert(
      fc.property(walks, (walk) => holds(stepsOf(walk))),
      { numRuns: RUNS }
    )
})

const RUNS = 300

/** RFC 4271 §8.2.2: which timers a state can have running. */
const TIMERS_OF: Readonly<Record<ConnectionState, ReadonlyArray<TimerKind>>> = {
  Idle: [TimerKind.IdleHold],
  Connect: [TimerKind.ConnectRetry, TimerKind.DelayOpen],
  Active: [TimerKind.ConnectRetry, TimerKind.DelayOpen],
  OpenSent: [TimerKind.Hold],
  OpenConfirm: [TimerKind.Hold, TimerKind.Keepalive],
  Established: [TimerKind.Hold, TimerKind.Keepalive, TimerKind.SendHold]
}

const connectionsOf = ({ after }: Step): ReadonlyArray<Connection> =>
  after.second === undefined ? [after.main] : [after.main, after.second]

const effectsOf = <Tag extends PeerEffect["_tag"]>(
  step: Step,
  tag: Tag
): ReadonlyArray<Extract<PeerEffect, { _tag: Tag }>> =>
  step.effects.filter((effect): effect is Extract<PeerEffect, { _tag: Tag }> => effect._tag === tag)

const connectionMachine: Law = {
  law: "the connection machine is total: whatever the event, one of six states comes out and nothing put in is touched",
  check: () =>
    fc.assert(
      fc.property(arbitraryPeerSettings, fc.array(arbitraryConnectionEvent, { maxLength: 40 }), (settings, events) => {
        let connection = freeze(createConnection(settings, FIRST_CONN + 1))
        for (const event of events) {
          connection = freeze(reduceConnection(connection, freeze(event))[0])
          assert.ok(CONNECTION_STATES.includes(connection.state))
        }
      }),
      { numRuns: RUNS }
    )
}

const backOff: Law = {
  law: "the wait before a retry grows with each failure, never shrinks, never passes its limit and is never 0",
  check: () =>
    fc.assert(
      fc.property(fc.nat(3600), fc.nat(3600), fc.nat(2 ** 31), (idleHoldS, connectRetryS, failures) => {
        const waitMs = idleHoldMs(idleHoldS, failures)
        const redial = redialMs(connectRetryS, idleHoldS, failures)
        assert.ok(waitMs > 0 && redial > 0)
        assert.ok(waitMs <= Math.max(idleHoldS, IDLE_HOLD_MAX_S) * 1000)
        assert.ok(redial <= Math.max(connectRetryS, 1) * 1000)
        assert.ok(idleHoldMs(idleHoldS, failures + 1) >= waitMs)
        assert.ok(redialMs(connectRetryS, idleHoldS, failures + 1) >= redial)
      })
    )
}

const oneSession: Law = {
  law: "of two speakers that dial each other, in every order in which things can arrive, one session remains and both ends agree which",
  check: () => {
    for (const [localId, remoteId] of [
      [9, 5],
      [5, 9],
      [7, 7]
    ] as const) {
      const peer = { ...SETTINGS, remoteAs: 0 }
      const world = speakers([
        { ...peer, localId },
        { ...peer, localId: remoteId, localAs: 64501 }
      ])
      for (const end of outcomes(world).atRest) assert.match(verdictOf(end), /^one begun by/)
    }
  }
}

export const LAWS: ReadonlyArray<Law> = [
  connectionMachine,
  always(
    "the peer machine is total, and touches neither the state nor the event that it is given",
    wildWalk,
    (step) => {
      assert.ok(CONNECTION_STATES.includes(peerStateName(step.after)))
    }
  ),
  always("no UPDATE is processed outside Established", wildWalk, (step) => {
    for (const { conn } of effectsOf(step, "ProcessUpdate")) {
      assert.equal(connectionOf(step.before, conn)?.state, "Established")
    }
  }),
  throughout(
    "the connections that are open are exactly the peer's own: every way to Idle closes what there was",
    consistentWalk,
    (steps) => {
      const open = new Set<number>()
      for (const step of steps) {
        if (step.event._tag === "Accepted") open.add(step.event.conn)
        if (step.event._tag === "Closed") open.delete(step.event.conn)
        for (const effect of step.effects) {
          if (effect._tag === "Dial") open.add(effect.conn)
          if (effect._tag === "Close") assert.ok(open.delete(effect.conn), "closes what is open")
        }
        const owned = connectionsOf(step).map(({ conn }) => conn)
        assert.deepEqual([...open].sort(), owned.filter((conn) => conn !== 0).sort())
      }
    }
  ),
  throughout(
    "the timers that run are exactly those that the state says: none outlives its connection",
    consistentWalk,
    (steps) => {
      const running = new Set<string>()
      for (const step of steps) {
        if (step.event._tag === "TimerFired") running.delete(`${step.event.conn}/${step.event.timer}`)
        for (const effect of step.effects) {
          if (effect._tag === "ArmTimer") running.add(`${effect.conn}/${effect.timer}`)
          if (effect._tag === "CancelTimer")
            assert.ok(running.delete(`${effect.conn}/${effect.timer}`), "cancels what runs")
        }
        const claimed = runningTimers(step.after).map(({ conn, timer }) => `${conn}/${timer}`)
        assert.deepEqual([...running].sort(), claimed.sort())
      }
    }
  ),
  always("a timer runs only in the states that know it", wildWalk, (step) => {
    for (const connection of connectionsOf(step)) {
      for (const timer of Object.values(TimerKind)) {
        if (isArmed(connection, timer)) assert.ok(TIMERS_OF[connection.state].includes(timer))
      }
    }
  }),
  always(
    "in Idle nothing is owned: no connection, nothing announced or agreed on, no timer but IdleHold",
    wildWalk,
    (step) => {
      for (const { state, conn, negotiated, announced, armed } of connectionsOf(step)) {
        if (state === "Idle") {
          assert.deepEqual(
            [conn, negotiated, announced, armed & ~(1 << TimerKind.IdleHold)],
            [0, undefined, undefined, 0]
          )
        }
      }
    }
  ),
  always(
    "no effect arms a timer, sends or dials for a connection that the peer does not own afterwards",
    wildWalk,
    (step) => {
      for (const effect of step.effects) {
        if (effect._tag !== "ArmTimer" && effect._tag !== "SendOpen" && effect._tag !== "SendKeepalive") continue
        const closed = step.effects.some((other) => other._tag === "Close" && other.conn === effect.conn)
        assert.ok(effect.conn === 0 || closed || connectionOf(step.after, effect.conn) !== undefined)
      }
    }
  ),
  throughout("a dynamic peer never dials, and is gone once: nothing comes of it afterwards", wildWalk, (steps) => {
    let gone = false
    for (const step of steps) {
      if (step.after.settings.dynamic !== true) assert.deepEqual(effectsOf(step, "Gone"), [])
      else assert.deepEqual(effectsOf(step, "Dial"), [])
      if (gone) assert.ok(step.effects.every(({ _tag }) => _tag === "Ignored" || _tag === "Close"))
      const [last, ...more] = effectsOf(step, "Gone")
      assert.deepEqual(more, [])
      if (last !== undefined) assert.equal(step.effects.at(-1), last)
      gone ||= last !== undefined
    }
  }),
  always("routes are kept as stale only for a peer that asked for it", wildWalk, (step) => {
    for (const { conn, retain } of effectsOf(step, "SessionDown")) {
      if (retain) assert.ok((connectionOf(step.before, conn)?.negotiated?.gracefulRestart?.families.length ?? 0) > 0)
    }
  }),
  always(
    "at most one connection is the peer's own and silent: one that says nothing keeps no other out",
    wildWalk,
    (step) => {
      const silent = connectionsOf(step).filter(
        (connection) => connection.initiator === "remote" && hasTcp(connection) && connection.negotiated === undefined
      )
      assert.ok(silent.length <= 1)
    }
  ),
  oneSession,
  always("a NOTIFICATION is the last thing sent on a connection, and its close follows", wildWalk, (step) => {
    for (const { conn } of effectsOf(step, "SendNotification")) {
      const of = step.effects.filter((effect) => "conn" in effect && effect.conn === conn).map(({ _tag }) => _tag)
      const behind = of.slice(of.indexOf("SendNotification") + 1)
      assert.ok(behind.includes("Close"))
      assert.ok(!behind.some((tag) => tag.startsWith("Send")))
    }
  }),
  always("nothing is sent before TCP is up", consistentWalk, (step) => {
    for (const effect of step.effects) {
      if (!effect._tag.startsWith("Send") || effect._tag === "SendNotification" || !("conn" in effect)) continue
      const { event } = step
      const arrived = (event._tag === "Dialled" || event._tag === "Accepted") && event.conn === effect.conn
      const before = connectionOf(step.before, effect.conn)
      assert.ok(arrived || (before !== undefined && hasTcp(before)))
    }
  }),
  throughout(
    "sessions go up and down in turn, and the one that goes down is the one that was up",
    wildWalk,
    (steps) => {
      let up = 0
      for (const effect of steps.flatMap(({ effects }) => effects)) {
        if (effect._tag === "SessionUp") {
          assert.equal(up, 0)
          up = effect.conn
        }
        if (effect._tag === "SessionDown") {
          assert.equal(effect.conn, up)
          up = 0
        }
      }
      const last = steps.at(-1)
      if (last !== undefined) assert.equal(up !== 0, peerStateName(last.after) === "Established")
    }
  ),
  throughout(
    "what an operator stopped stays stopped: it neither dials nor speaks until it is enabled",
    wildWalk,
    (steps) => {
      for (const step of steps) {
        if (step.after.administrative === "Enabled") continue
        assert.equal(peerStateName(step.after), "Idle")
        assert.deepEqual(runningTimers(step.after), [])
        assert.deepEqual(effectsOf(step, "Dial"), [])
        assert.deepEqual(effectsOf(step, "SendOpen"), [])
      }
    }
  ),
  always(
    "a peer that is wanted never hangs: some timer runs, or there is nothing to do but to wait for the peer",
    wildWalk,
    (step) => {
      const { after } = step
      if (after.administrative !== "Enabled") return
      const { settings, main } = after
      const waits =
        (main.state === "Idle" && (settings.allowAutomaticStart === false || after.suspended)) ||
        (main.state === "Active" && isPassive(settings)) ||
        main.negotiated?.holdTimeS === 0
      assert.ok(waits || runningTimers(after).length > 0)
    }
  ),
  always(
    "a retry is never sooner than three quarters of the first wait, nor later than the limit, unless its wait was configured",
    wildWalk,
    (step) => {
      const { idleHoldS, prefixRestartS = 0 } = step.after.settings
      for (const { timer, milliseconds } of effectsOf(step, "ArmTimer")) {
        if (timer !== TimerKind.IdleHold) continue
        if (step.event._tag === "PrefixLimitExceeded" && milliseconds === prefixRestartS * 1000) continue
        assert.ok(milliseconds >= Math.floor(idleHoldMs(idleHoldS, 1) * 0.75))
        assert.ok(milliseconds <= Math.max(idleHoldS, IDLE_HOLD_MAX_S) * 1000)
      }
    }
  ),
  always("what keeps a session alive starts its hold timer with the time that was negotiated", wildWalk, (step) => {
    const { event, before } = step
    if (event._tag !== "UpdateReceived" && event._tag !== "KeepaliveReceived") return
    const connection = connectionOf(before, event.conn)
    if (connection?.state !== "Established" || connection.negotiated?.holdTimeS === 0) return
    const milliseconds = connection.negotiated!.holdTimeS * 1000
    const { conn } = event
    assert.deepEqual(effectsOf(step, "ArmTimer"), [{ _tag: "ArmTimer", conn, timer: TimerKind.Hold, milliseconds }])
  }),
  backOff
]
