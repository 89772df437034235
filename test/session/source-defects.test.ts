// Defects of the Go implementation whose machine this room learned from, as scenarios that must go right here: those of its sessions. What
// concerns routes is tested where routes are.
import { describe, expect, it } from "vitest"
import {
  buildOpen,
  IDLE_HOLD_MAX_S,
  idleHoldMs,
  type PeerEvent,
  peerStateName,
  TimerKind
} from "../../src/session/index.ts"
import { encodeUpdate, SegmentType, scanUpdate, UpdateView, Verdict } from "../../src/wire/index.ts"
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
  SETTINGS,
  said
} from "./scene.ts"

const UPDATE: PeerEvent = { _tag: "UpdateReceived", conn: ACCEPTED }

describe("where the source's sessions go wrong, this one", () => {
  it("hands UPDATEs on one by one, in the order of their arrival (there: a goroutine for each)", () => {
    const [peer] = run(established())
    for (const [, effects] of [run([UPDATE], peer), run([UPDATE, UPDATE], peer)]) {
      expect(effects.filter(({ _tag }) => _tag === "ProcessUpdate")).toEqual([
        { _tag: "ProcessUpdate", conn: ACCEPTED }
      ])
    }
  })

  it("promises End-of-RIB and answers route refreshes (there: neither)", () => {
    const tags = buildOpen(SETTINGS).capabilities.map(({ _tag }) => _tag)
    expect(tags).toEqual(expect.arrayContaining(["RouteRefresh", "EnhancedRouteRefresh", "GracefulRestart"]))
    const refresh: PeerEvent = { _tag: "RefreshReceived", conn: ACCEPTED, afi: 1, safi: 1, subtype: 0 }
    expect(pick(run([...established(), refresh])[1], "ProcessRefresh")).toMatchObject({ afi: 1, safi: 1, subtype: 0 })
  })

  it("reads AGGREGATOR in the length of the session's AS numbers (there: always 6 octets), rightly flagged (there: refused)", () => {
    for (const as4 of [true, false]) {
      const narrow = {
        ...openOf(),
        capabilities: openOf().capabilities.filter(({ _tag }) => as4 || _tag !== "FourOctetAs")
      }
      const { negotiated } = run([ENABLED, accepted(), opened(narrow)], { passive: true })[0].main
      expect(negotiated!.as4).toBe(as4)
      const context = { as4, addPath: [false, false], external: true, extended: false } as const
      const aggregator = { asn: 64501, address: 0x0a000001 }
      const attributes = {
        origin: 0,
        asPath: [{ type: SegmentType.Sequence, members: [64501] }],
        nextHop: { family: 4, words: [0x0a000002] },
        aggregator
      } as const
      const nlri = [{ family: 4, words: [0x0a000000], length: 8 }] as const
      const bytes = encodeUpdate({ withdrawn: [], attributes, nlri }, context)
      const view = new UpdateView()
      expect(scanUpdate(view, bytes, 0, bytes.length, context)).toBe(Verdict.Keep)
      expect(view.valueLength[7]).toBe(as4 ? 8 : 6)
      expect(scanUpdate(view, bytes, 0, bytes.length, { ...context, as4: !as4 })).not.toBe(Verdict.Keep)
    }
  })

  it("waits in OpenSent for the large hold time (there: for the configured one) [RFC 4271 §8.2.2]", () => {
    const [, effects] = run([ENABLED, accepted()], { holdTimeS: 9 })
    expect(pick(effects, "ArmTimer")).toMatchObject({ timer: TimerKind.Hold, milliseconds: 240_000 })
  })

  it("says what was wrong by a subcode (there: 0) [RFC 4486, RFC 6608]", () => {
    expect(said(run([...established(), { _tag: "Disabled", communication: "" }])[1])).toBe("6/2")
    expect(said(run([ENABLED, accepted(), UPDATE])[1])).toBe("5/1 2")
  })

  it("takes a refused version for a disagreement, not for a failure (there: one more failure) [RFC 4271 §8.2.2]", () => {
    const passive = { passive: true }
    expect(run([ENABLED, accepted(), notified(faultOf(2, 1, 0, 4))], passive)[0].main.connectRetryCount).toBe(0)
    expect(run([ENABLED, accepted(), notified(faultOf(2, 2))], passive)[0].main.connectRetryCount).toBe(1)
  })

  it("answers no NOTIFICATION with a NOTIFICATION (there: in OpenSent) [RFC 4271 §6.4]", () => {
    for (const events of [[ENABLED, accepted()], [ENABLED, accepted(), opened()], established()]) {
      expect(said(run([...events, notified(faultOf(6, 4))])[1])).toBe("")
    }
  })

  it("answers what does not belong in OpenConfirm with code 5 (there: a Cease) [RFC 6608]", () => {
    expect(said(run([ENABLED, accepted(), opened(), UPDATE])[1])).toBe("5/2 2")
  })

  it("does not overlook an OPEN in Established (there: ignored) [RFC 6608]", () => {
    expect(said(run([...established(), opened()])[1])).toBe("5/3 1")
  })

  it("keeps the negotiated hold time on its way into Established (there: the configured one returns)", () => {
    const [, effects] = run(established(openOf({ holdTimeS: 9 })))
    expect(pick(effects, "ArmTimer")).toMatchObject({ timer: TimerKind.Hold, milliseconds: 9000 })
  })

  it("stays stopped (there: an automatic start follows every stop)", () => {
    const [peer, effects] = run([
      ...established(),
      { _tag: "Disabled", communication: "" },
      closed(),
      fired(TimerKind.IdleHold)
    ])
    expect([peerStateName(peer), peer.main.armed]).toEqual(["Idle", 0])
    expect(effects).toEqual([{ _tag: "Ignored", conn: 0, event: "TimerFired" }])
  })

  it("waits after every number of failures (there: 0 after the third, and then for ever)", () => {
    const waits = Array.from({ length: 20 }, (_, failures) => idleHoldMs(5, failures))
    expect(waits.every((waitMs, at) => waitMs > 0 && waitMs >= (waits[at - 1] ?? 0))).toBe(true)
    expect(waits.at(-1)).toBe(IDLE_HOLD_MAX_S * 1000)
  })

  it("gives an accepted connection one owner (there: every machine of the peer)", () => {
    const [peer] = run([ENABLED, accepted()])
    expect([peer.main.conn, peer.second?.conn].filter((conn) => conn === ACCEPTED)).toEqual([ACCEPTED])
  })

  it("closes one of two connections whatever happens (there: none, where the loser has no socket yet)", () => {
    const [peer, effects] = run([ENABLED, accepted(), opened(), kept()])
    expect(peer.second).toBeUndefined()
    expect(effects.filter(({ _tag }) => _tag === "Close").length).toBe(1)
  })

  it("survives any number of collisions (there: the third blocks the manager)", () => {
    let [peer] = run(established())
    for (let count = 1; count <= 20; count++) {
      const conn = ACCEPTED + count
      const [after, effects] = run([accepted(conn), opened(openOf(), conn)], peer)
      expect(said(effects)).toBe("6/7")
      peer = after
    }
    expect([peerStateName(peer), peer.main.conn, peer.second]).toEqual(["Established", ACCEPTED, undefined])
  })

  it("refuses hold times of one and two seconds (there: they are not applied) [RFC 4271 §6.2]", () => {
    for (const holdTime of [1, 2]) {
      expect(said(run([ENABLED, accepted(), opened({ ...openOf(), holdTime })])[1])).toBe("2/6")
    }
  })
})
