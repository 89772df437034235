// Connections from the peer's own address on which nothing is said: they hold no place against the peer (ADR-0025). By examples, and in
// every order in which two speakers and an intruder who shares an address with one of them can meet.
import { describe, expect, it } from "vitest"
import {
  foremost,
  isArmed,
  type PeerEvent,
  type PeerSettings,
  peerStateName,
  TimerKind
} from "../../src/session/index.ts"
import { ACCEPTED, accepted, closed, ENABLED, fired, kept, opened, openOf, pick, run, SETTINGS, said } from "./scene.ts"
import { give, openLinks, outcomes, type Speakers, speakers } from "./two-speakers.ts"

const [OLD, NEW] = [ACCEPTED, ACCEPTED + 1]
const PASSIVE = { passive: true }

describe("when the peer connects again before it has said anything", () => {
  it("the older connection is closed with 6/5, and the newer one hears our OPEN [RFC 4486 §4]", () => {
    const [peer, effects] = run([ENABLED, accepted(OLD), accepted(NEW)], PASSIVE)
    expect(effects.map((effect) => [effect._tag, "conn" in effect ? effect.conn : 0])).toEqual([
      ["CancelTimer", OLD],
      ["SendNotification", OLD],
      ["Close", OLD],
      ["Superseded", OLD],
      ["SendOpen", NEW],
      ["ArmTimer", NEW]
    ])
    expect(said(effects)).toBe("6/5")
    expect([peer.main.conn, peer.main.state, peer.second]).toEqual([NEW, "OpenSent", undefined])
  })

  it("that is no failure: neither the back-off grows nor is anything held against the peer", () => {
    const [before] = run([ENABLED, accepted(OLD)], PASSIVE)
    const [after] = run([accepted(NEW), accepted(NEW + 1)], before)
    expect(after.main.connectRetryCount).toBe(before.main.connectRetryCount)
    expect([after.refusals, after.failedDials, after.lastError]).toEqual([0, 0, ""])
  })

  it("a session comes up on the newer one", () => {
    const [peer] = run([ENABLED, accepted(OLD), accepted(NEW), opened(openOf(), NEW), kept(NEW)], PASSIVE)
    expect([peerStateName(peer), peer.main.conn]).toEqual(["Established", NEW])
  })

  it("what the older one still says is late", () => {
    const [peer, effects] = run([ENABLED, accepted(OLD), accepted(NEW), opened(openOf(), OLD)], PASSIVE)
    expect([effects, peer.main.state]).toEqual([[{ _tag: "Ignored", conn: OLD, event: "OpenReceived" }], "OpenSent"])
  })

  it("and our OPEN waits for the peer's, the wait begins again on the newer one [RFC 4271 §8.1.1]", () => {
    const settings = { ...PASSIVE, delayOpenS: 7 }
    const [peer, effects] = run([ENABLED, accepted(OLD), accepted(NEW)], settings)
    expect(pick(effects, "SendOpen")).toBeUndefined()
    expect(pick(effects, "ArmTimer")).toMatchObject({ conn: NEW, timer: TimerKind.DelayOpen, milliseconds: 7000 })
    const [later] = run([fired(TimerKind.DelayOpen, NEW), accepted(NEW + 1)], peer)
    expect([later.main.conn, later.main.state, isArmed(later.main, TimerKind.DelayOpen)]).toEqual([
      NEW + 1,
      "Active",
      true
    ])
  })

  it("beside our dial only the one that the peer began goes", () => {
    const [peer, effects] = run([ENABLED, accepted(OLD), accepted(NEW)])
    expect(pick(effects, "Superseded")).toEqual({ _tag: "Superseded", conn: OLD, by: NEW })
    expect([peer.main.initiator, peer.main.state, peer.second?.conn]).toEqual(["local", "Connect", NEW])
  })

  it("beside a session the one that waits goes, and the session stays", () => {
    const [peer, effects] = run([
      ENABLED,
      accepted(1 + NEW),
      opened(openOf(), 1 + NEW),
      kept(1 + NEW),
      accepted(OLD),
      accepted(NEW)
    ])
    expect(pick(effects, "Superseded")).toEqual({ _tag: "Superseded", conn: OLD, by: NEW })
    expect([peerStateName(peer), peer.second?.conn]).toEqual(["Established", NEW])
  })
})

describe("beside a silent connection", () => {
  /** Our dial failed; then somebody connects. */
  const [visited] = (() => {
    const [dialling] = run([ENABLED])
    return run([{ _tag: "DialFailed", conn: dialling.main.conn, cause: "ECONNREFUSED" }, accepted(OLD)], dialling)
  })()

  it("the next dial comes in its time", () => {
    expect([visited.main.state, visited.main.conn, visited.second?.state]).toEqual(["Active", 0, "OpenSent"])
    const [peer, effects] = run([fired(TimerKind.ConnectRetry)], visited)
    expect(pick(effects, "Dial")?.conn).toBe(peer.main.conn)
    const [{ main }] = run([{ _tag: "DialFailed", conn: peer.main.conn, cause: "ECONNREFUSED" }], peer)
    expect([main.state, isArmed(main, TimerKind.ConnectRetry)]).toEqual(["Active", true])
  })

  it("the dial becomes the session; the silent one, which would win by its initiator, stays undecided until it speaks [RFC 4271 §6.8]", () => {
    const [{ main }] = run([fired(TimerKind.ConnectRetry)], visited)
    const { conn } = main
    const events = [
      fired(TimerKind.ConnectRetry),
      { _tag: "Dialled", conn } as const,
      opened(openOf(), conn),
      kept(conn)
    ]
    const [up] = run(events, visited)
    expect([up.main.state, up.main.conn, up.second?.state]).toEqual(["Established", conn, "OpenSent"])
  })

  it("there is nothing to dial for once the peer has said its OPEN on it", () => {
    const [peer, effects] = run([opened(openOf(), OLD)], visited)
    expect(pick(effects, "CancelTimer")).toMatchObject({ conn: 0, timer: TimerKind.ConnectRetry })
    expect([peer.main.conn, peer.main.state, peer.second]).toEqual([OLD, "OpenConfirm", undefined])
  })

  it("a failure of what the peer said is a failure of the peer, and the wait before the next try begins", () => {
    const [peer] = run([opened(openOf({ localAs: 64999 }), OLD)], visited)
    expect([peer.main.state, isArmed(peer.main, TimerKind.IdleHold), peer.main.connectRetryCount]).toEqual([
      "Idle",
      true,
      1
    ])
  })

  it("its end changes nothing", () => {
    for (const end of [fired(TimerKind.Hold, OLD), closed(OLD)]) {
      const [{ main, second }] = run([end], visited)
      expect([main.state, isArmed(main, TimerKind.ConnectRetry), second]).toEqual(["Active", true, undefined])
    }
  })
})

it("a connection that comes under the number of a dial is none: the dial to come would be taken for it (ADR-0009)", () => {
  const [dialling] = run([ENABLED])
  const [peer, effects] = run([accepted(dialling.main.conn + 1)], dialling)
  expect(effects).toEqual([{ _tag: "Ignored", conn: dialling.main.conn + 1, event: "Accepted" }])
  expect(peer).toEqual(dialling)
})

describe("where both connections have spoken", () => {
  it("a third is refused with 6/5 [RFC 4486 §4]", () => {
    // The dial is up and the peer's connection, which would win by its initiator, is not decided yet.
    const lower = { localId: 1 }
    const [connecting] = run([ENABLED, accepted(OLD)], lower)
    const { conn } = connecting.main
    const [both] = run(
      [{ _tag: "Dialled", conn }, opened(openOf(), conn), kept(conn), opened(openOf(), OLD)],
      connecting
    )
    expect([both.main.state, both.second?.state]).toEqual(["Established", "OpenConfirm"])
    const [, effects] = run([accepted(NEW)], both)
    expect(effects.map(({ _tag }) => _tag)).toEqual(["SendNotification", "Close"])
    expect(said(effects)).toBe("6/5")
  })
})

describe("the wait for the peer's OPEN", () => {
  const waitMs = (changes: Partial<PeerSettings>, events: ReadonlyArray<PeerEvent>): number | undefined =>
    pick(run(events, changes)[1], "ArmTimer")?.milliseconds

  it("is what is configured on a connection that the peer began", () => {
    expect(waitMs({ ...PASSIVE, openWaitS: 60 }, [ENABLED, accepted()])).toBe(60_000)
  })

  it("is the large hold time without a configuration, and always where we dialled [RFC 4271 §8.2.2]", () => {
    expect(waitMs(PASSIVE, [ENABLED, accepted()])).toBe(240_000)
    const [peer] = run([ENABLED], { openWaitS: 60 })
    const [, effects] = run([{ _tag: "Dialled", conn: peer.main.conn }], peer)
    expect(pick(effects, "ArmTimer")?.milliseconds).toBe(240_000)
  })

  it("makes no later retry slower when it ends in silence: that is nobody's failure", () => {
    const silence = [accepted(), fired(TimerKind.Hold, ACCEPTED), fired(TimerKind.IdleHold)]
    const [peer] = run([ENABLED, ...silence, ...silence, ...silence], PASSIVE)
    expect([peer.main.state, peer.main.connectRetryCount, peer.lastError]).toEqual(["Active", 0, "hold timer expired"])
  })

  it("ends with 4/0 [RFC 4271 §6.5]", () => {
    const [, effects] = run([ENABLED, accepted(), fired(TimerKind.Hold, ACCEPTED)], { ...PASSIVE, openWaitS: 60 })
    expect(said(effects)).toBe("4/0")
  })
})

describe("two speakers, and an intruder who connects twice and says nothing, in every order", () => {
  const BASE: PeerSettings = { ...SETTINGS, remoteAs: 0 }
  const INTRUSIONS: ReadonlyArray<PeerEvent> = [accepted(0x9000_0001), accepted(0x9000_0002)]
  const cases = [
    ["both dial, ours has the lower identifier", { localId: 5 }, { localId: 9 }],
    ["both dial, ours has the higher identifier", { localId: 9 }, { localId: 5 }],
    ["ours only listens", { localId: 5, passive: true }, { localId: 9 }],
    ["the other only listens", { localId: 5 }, { localId: 9, passive: true }]
  ] as const

  /** Exactly one connection is open between them, and both have their session on it. */
  const isUp = (world: Speakers): boolean => {
    const [link, ...more] = openLinks(world)
    return (
      more.length === 0 &&
      world.peers.every((peer, end) => peerStateName(peer) === "Established" && foremost(peer).conn === link?.ends[end])
    )
  }

  /** What waits for its next try tries again. */
  const retried = (world: Speakers): Speakers =>
    ([0, 1] as const).reduce((after, end) => {
      const { main } = after.peers[end]
      const timer = [TimerKind.IdleHold, TimerKind.ConnectRetry].find((kind) => isArmed(main, kind))
      return timer === undefined || main.conn !== 0 ? after : give(after, end, fired(timer))
    }, world)

  it.each(cases)("have their session at once or with the next try: %s [RFC 4271 §6.8]", (_, one, other) => {
    const both = speakers([
      { ...BASE, ...one },
      { ...BASE, ...other, localAs: 64501 }
    ])
    const world = give(both, 0, ENABLED)
    const { atRest } = outcomes({ ...world, operators: [INTRUSIONS, [ENABLED]] })
    expect(atRest.some(isUp)).toBe(true)
    for (const end of atRest.filter((rest) => !isUp(rest))) {
      expect(
        outcomes(retried(end))
          .atRest.filter((rest) => !isUp(rest))
          .map((rest) => rest.peers.map(peerStateName))
      ).toEqual([])
    }
  })
})
