// How sessions end and what follows: which routes are kept as stale, what a Cease says, how long a peer waits, and when it is over for good.
import { describe, expect, it } from "vitest"
import {
  hardReset,
  idleHoldMs,
  notifications,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  peerStateName,
  TimerKind
} from "../../src/session/index.ts"
import {
  ACCEPTED,
  accepted,
  closed,
  ENABLED,
  established,
  faultOf,
  fired,
  kept,
  notified,
  opened,
  openOf,
  pick,
  run,
  said
} from "./scene.ts"

const RESTART = { helper: true, restartTimeS: 120, forwardingPreserved: true, restarting: false }
const HELPER = { gracefulRestart: RESTART }
/** A peer that restarts gracefully, and one of before RFC 8538. */
const RESTARTING = openOf(HELPER)
const OLD_RESTARTING = {
  ...RESTARTING,
  capabilities: RESTARTING.capabilities.map((capability) =>
    capability._tag === "GracefulRestart" ? { ...capability, notification: false } : capability
  )
}

const ENDS: ReadonlyArray<readonly [name: string, event: PeerEvent, old: boolean, graceful: boolean]> = [
  ["the connection fails [RFC 4724 §4.2]", closed(), true, true],
  ["the peer reads nothing [RFC 9687 §4.4]", fired(TimerKind.SendHold, ACCEPTED), true, true],
  ["the hold timer expires [RFC 8538 §4]", fired(TimerKind.Hold, ACCEPTED), false, true],
  ["a NOTIFICATION comes [RFC 8538 §4]", notified(faultOf(6, 4)), false, true],
  ["a NOTIFICATION of an error comes [RFC 8538 §4]", notified(faultOf(3, 1)), false, true],
  ["a Hard Reset comes [RFC 8538 §3.1]", notified(hardReset(faultOf(6, 2))), false, false],
  ["an UPDATE asks for a reset [RFC 8538 §4]", malformed(faultOf(3, 1), 2), false, true],
  ["a header is bad [RFC 8538 §4]", malformed(faultOf(1, 2, 0, 18), 2), false, true],
  ["the operator disables the peer", { _tag: "Disabled", communication: "" }, false, false],
  ["the peer leaves the configuration", { _tag: "Removed" }, false, false],
  ["the operator resets it", { _tag: "ResetRequested" }, false, false],
  ["the operator resets it gracefully", { _tag: "ResetRequested", graceful: true }, false, true],
  ["there are too many prefixes", { _tag: "PrefixLimitExceeded", conn: ACCEPTED, family: 0, limit: 9 }, false, false]
]

function malformed(fault: ReturnType<typeof faultOf>, messageType: number): PeerEvent {
  return { _tag: "Malformed", conn: ACCEPTED, fault, messageType }
}

const retains = (events: ReadonlyArray<PeerEvent>): boolean | undefined =>
  pick(run(events, HELPER)[1], "SessionDown")?.retain

describe("the routes of a peer that restarts gracefully", () => {
  it.each(ENDS)("are kept, or not, when %s", (_, event, old, graceful) => {
    expect(retains([...established(OLD_RESTARTING), event])).toBe(old)
    expect(retains([...established(RESTARTING), event])).toBe(graceful)
  })

  it.each(ENDS)("go at any rate, where it announced no family, when %s", (_, event) => {
    expect(retains([...established(openOf()), event])).toBe(false)
  })

  it("are kept when it is back on a new connection, and the old one is closed without a word [RFC 4724 §5]", () => {
    const [peer, effects] = run([...established(RESTARTING), accepted(ACCEPTED + 1)], HELPER)
    expect(pick(effects, "SessionDown")).toMatchObject({
      conn: ACCEPTED,
      retain: true,
      reason: "the peer restarts gracefully"
    })
    expect(said(effects)).toBe("")
    expect(effects).toContainEqual({ _tag: "Close", conn: ACCEPTED, abort: false })
    expect(pick(effects, "SendOpen")?.conn).toBe(ACCEPTED + 1)
    expect([peerStateName(peer), peer.second]).toEqual(["OpenSent", undefined])
  })
})

describe("a Cease", () => {
  const ceases = (event: PeerEvent, open = openOf()) => said(run([...established(open), event], HELPER)[1])

  it("of the operator is wrapped into a Hard Reset where the N bit was exchanged [RFC 8538 §3.1]", () => {
    expect(ceases({ _tag: "Disabled", communication: "" }, RESTARTING)).toBe("6/9 6 2")
    expect(ceases({ _tag: "Disabled", communication: "a" }, RESTARTING)).toBe("6/9 6 2 1 97")
    expect(ceases({ _tag: "Removed" }, RESTARTING)).toBe("6/9 6 3")
    expect(ceases({ _tag: "ResetRequested" }, RESTARTING)).toBe("6/9 6 4")
    expect(ceases({ _tag: "ResetRequested", graceful: true }, RESTARTING)).toBe("6/4")
  })

  it("is plain to everybody else", () => {
    expect(ceases({ _tag: "Disabled", communication: "" }, OLD_RESTARTING)).toBe("6/2")
    expect(ceases({ _tag: "Removed" })).toBe("6/3")
    expect(ceases({ _tag: "ResetRequested" })).toBe("6/4")
  })

  it("is wrapped also where only the peer keeps routes", () => {
    const keeper = { gracefulRestart: { ...RESTART, helper: false } }
    const [, effects] = run([...established(RESTARTING), { _tag: "Removed" }], keeper)
    expect(said(effects)).toBe("6/9 6 3")
  })
})

describe("too many prefixes", () => {
  const exceeded: PeerEvent = { _tag: "PrefixLimitExceeded", conn: ACCEPTED, family: 1, limit: 1000 }
  const waits = (effects: ReadonlyArray<PeerEffect>) =>
    effects.flatMap((effect) =>
      effect._tag === "ArmTimer" && effect.timer === TimerKind.IdleHold ? [effect.milliseconds] : []
    )

  it("end the session with 6/1, family and limit [RFC 4486 §4]", () => {
    expect(said(run([...established(), exceeded])[1])).toBe("6/1 0 2 1 0 0 3 232")
  })

  it.each([true, false])(
    "are followed by exactly the wait that is configured (damping: %s)",
    (dampPeerOscillations) => {
      const [peer, effects] = run([...established(), exceeded], { prefixRestartS: 900, dampPeerOscillations })
      expect(waits(effects)).toEqual([900_000])
      expect(peerStateName(run([fired(TimerKind.IdleHold)], peer)[0])).toBe("Connect")
    }
  )

  it.each([true, false])("stop the peer until the operator enables it, where that wait is 0 (damping: %s)", (damp) => {
    const [peer, effects] = run([...established(), exceeded], { prefixRestartS: 0, dampPeerOscillations: damp })
    expect([peerStateName(peer), peer.suspended, peer.main.armed]).toEqual(["Idle", true, 0])
    expect(waits(effects)).toEqual([])
    expect(run([accepted(ACCEPTED + 1)], peer)[1]).toEqual([{ _tag: "Close", conn: ACCEPTED + 1, abort: false }])
    expect(peerStateName(run([ENABLED], peer)[0])).toBe("Connect")
    expect(waits(run([{ _tag: "ResetRequested" }], peer)[1]).length).toBe(1)
  })

  it("are followed by the wait after any failure, where none is configured", () => {
    expect(waits(run([...established(), exceeded])[1])[0]).toBeLessThanOrEqual(5000)
  })

  it("end what is beside the session too", () => {
    const [peer, effects] = run([...established(), accepted(ACCEPTED + 1), exceeded], { prefixRestartS: 0 })
    expect([peerStateName(peer), peer.second]).toEqual(["Idle", undefined])
    expect(effects.filter(({ _tag }) => _tag === "Close").length).toBe(2)
  })

  it("are let be where the daemon must not stop a peer by itself [RFC 4271 §8.1.1]", () => {
    const [peer, effects] = run([...established(), exceeded], { allowAutomaticStop: false, prefixRestartS: 0 })
    expect([peerStateName(peer), peer.suspended]).toEqual(["Established", false])
    expect(effects).toEqual([{ _tag: "Ignored", conn: ACCEPTED, event: "PrefixLimitExceeded" }])
  })
})

describe("a peer that says that it does not want us [RFC 4486 §4]", () => {
  /** The wait before the next try after so many refusals, without the damping of the configuration. */
  const waitAfter = (fault: ReturnType<typeof faultOf>, times: number): number => {
    let peer: Peer = run([ENABLED], { dampPeerOscillations: false })[0]
    let waitMs = 0
    for (let count = 0; count < times; count++) {
      const [after, effects] = run([accepted(ACCEPTED + count), notified(fault, ACCEPTED + count)], peer)
      const idle = effects.find((effect) => effect._tag === "ArmTimer" && effect.timer === TimerKind.IdleHold)
      waitMs = idle?._tag === "ArmTimer" ? idle.milliseconds : 0
      peer = run([fired(TimerKind.IdleHold)], after)[0]
    }
    return waitMs
  }

  it.each([
    notifications.administrativeShutdown(""),
    notifications.peerDeconfigured(),
    notifications.connectionRejected(),
    notifications.outOfResources(),
    hardReset(notifications.administrativeShutdown(""))
  ])("is asked again later each time, whatever the configuration says of damping: $code/$subcode", (fault) => {
    const waits = [1, 2, 3, 4].map((times) => waitAfter(fault, times))
    waits.forEach((waitMs, index) => {
      expect(waitMs).toBeGreaterThanOrEqual(idleHoldMs(5, index + 1) * 0.75 - 1)
      expect(waitMs).toBeLessThanOrEqual(idleHoldMs(5, index + 1))
    })
    expect(waitAfter(fault, 20)).toBeLessThanOrEqual(300_000)
  })

  it("is not damped for what is no refusal", () => {
    expect(waitAfter(notifications.administrativeReset(""), 4)).toBeLessThanOrEqual(5000)
    expect(waitAfter(notifications.unacceptableHoldTime(), 4)).toBeLessThanOrEqual(5000)
  })

  it("is forgiven with the operator's word, and little by little while a session lives", () => {
    const [refused] = run([ENABLED, accepted(), notified(faultOf(6, 5))])
    expect(refused.refusals).toBe(1)
    expect(run([ENABLED], refused)[0].refusals).toBe(0)
    const up = [fired(TimerKind.IdleHold), accepted(), opened(), kept()]
    expect(run(up, refused)[0].refusals).toBe(1)
    expect(run([...up, fired(TimerKind.Keepalive, ACCEPTED)], refused)[0].refusals).toBe(0)
  })
})

describe("a dynamic peer", () => {
  const DYNAMIC = { dynamic: true, remoteAs: 0 }
  const up = [ENABLED, accepted(), opened(), kept()]

  it("never dials", () => {
    expect(peerStateName(run([ENABLED], DYNAMIC)[0])).toBe("Active")
    expect(pick(run([ENABLED], DYNAMIC)[1], "Dial")).toBeUndefined()
    expect(peerStateName(run(up, DYNAMIC)[0])).toBe("Established")
  })

  it.each<readonly [string, ReadonlyArray<PeerEvent>]>([
    ["its session ends", [...up, closed()]],
    ["its hold timer expires", [...up, fired(TimerKind.Hold, ACCEPTED)]],
    ["its OPEN is refused", [ENABLED, accepted(), opened(openOf({ families: [1] }))]],
    ["it hangs up before its OPEN", [ENABLED, accepted(), closed()]],
    ["the operator disables it", [...up, { _tag: "Disabled", communication: "" }]],
    ["its range leaves the configuration", [...up, { _tag: "Removed" }]],
    ["too many prefixes end it", [...up, { _tag: "PrefixLimitExceeded", conn: ACCEPTED, family: 0, limit: 1 }]],
    ["its connection never came", [ENABLED, fired(TimerKind.ConnectRetry)]]
  ])("is gone when %s, and leaves nothing behind", (_, events) => {
    const [peer, effects] = run(events, DYNAMIC)
    expect(effects.at(-1)?._tag).toBe("Gone")
    expect([peerStateName(peer), peer.main.conn, peer.main.armed, peer.second]).toEqual(["Idle", 0, 0, undefined])
    for (const late of [ENABLED, closed(), fired(TimerKind.IdleHold)]) {
      expect(pick(run([late], peer)[1], "Gone")).toBeUndefined()
    }
    expect(run([ENABLED], peer)[1]).toEqual([{ _tag: "Ignored", conn: 0, event: "Enabled" }])
  })

  it("lives on with the connection that wins a collision", () => {
    const [peer, effects] = run([...up, accepted(ACCEPTED + 1), opened(openOf(), ACCEPTED + 1)], DYNAMIC)
    expect(peerStateName(peer)).toBe("Established")
    expect(pick(effects, "Gone")).toBeUndefined()
  })

  it("is not gone because of something late", () => {
    const [, effects] = run([ENABLED, closed()], DYNAMIC)
    expect(effects).toEqual([{ _tag: "Ignored", conn: ACCEPTED, event: "Closed" }])
  })
})

describe("a retry", () => {
  it("is jittered between three quarters and the whole of its wait [RFC 4271 §10]", () => {
    const waits = Array.from({ length: 50 }, (_, seed) => {
      const [, effects] = run([ENABLED], { ...run([])[0], seed })
      const retry = pick(effects, "ArmTimer")!
      expect(retry.timer).toBe(TimerKind.ConnectRetry)
      return retry.milliseconds
    })
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(90_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(120_000)
    expect(new Set(waits).size).toBeGreaterThan(40)
  })

  it("does not come by itself where the configuration forbids it [RFC 4271 §8.1.1]", () => {
    const [peer, effects] = run([...established(), closed()], { allowAutomaticStart: false })
    expect([peerStateName(peer), peer.main.armed]).toEqual(["Idle", 0])
    expect(pick(effects, "ArmTimer")).toBeUndefined()
  })
})
