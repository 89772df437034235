// The capabilities beyond the basic ones: what our OPEN says of them, what two OPENs agree on, and what is tried when a peer refuses one.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  buildOpen,
  capabilityKey,
  foremost,
  type Negotiated,
  needsReset,
  negotiate,
  type Peer,
  type PeerRole,
  type PeerSettings,
  replaceSettings,
  TimerKind,
  withheldAfter
} from "../../src/session/index.ts"
import { arbitraryPeerSettings } from "../../src/testing/peer-events.ts"
import { arbitraryFault } from "../../src/testing/wire.ts"
import { type Capability, isFault, type Open } from "../../src/wire/index.ts"
import {
  ACCEPTED,
  accepted,
  ENABLED,
  faultOf,
  fired,
  kept,
  notified,
  opened,
  openOf,
  peerOf,
  pick,
  run,
  SETTINGS
} from "./scene.ts"

const find = <Tag extends Capability["_tag"]>(open: Open, tag: Tag) =>
  open.capabilities.find((capability): capability is Extract<Capability, { _tag: Tag }> => capability._tag === tag)

const ours = (changes: Partial<PeerSettings>): PeerSettings => ({ ...SETTINGS, families: [0, 1], ...changes })
const theirs = (changes: Partial<PeerSettings>): Open => openOf({ families: [0, 1], ...changes })

const agreed = (local: Partial<PeerSettings>, remote: Open): Negotiated => {
  const result = negotiate(ours(local), buildOpen(ours(local)), remote)
  if (isFault(result)) throw new Error(`refused with ${result.code}/${result.subcode}`)
  return result
}

const RESTART = { helper: true, restartTimeS: 120, forwardingPreserved: true, restarting: false }

describe("graceful restart", () => {
  it("is announced with time, families and forwarding, and the R bit after a restart [RFC 4724 §3]", () => {
    expect(find(buildOpen(ours({ gracefulRestart: { ...RESTART, restarting: true } })), "GracefulRestart")).toEqual({
      _tag: "GracefulRestart",
      restarting: true,
      notification: true,
      timeS: 120,
      families: [
        { afi: 1, safi: 1, forwarding: true },
        { afi: 2, safi: 1, forwarding: true }
      ]
    })
    const lost = buildOpen(ours({ gracefulRestart: { ...RESTART, forwardingPreserved: false } }))
    expect(find(lost, "GracefulRestart")?.families.map(({ forwarding }) => forwarding)).toEqual([false, false])
  })

  it("of a helper that keeps nothing itself names no families [RFC 4724 §3]", () => {
    const helper = buildOpen(ours({ gracefulRestart: { ...RESTART, restartTimeS: 0 } }))
    expect(find(helper, "GracefulRestart")).toMatchObject({ timeS: 0, families: [], notification: true })
  })

  it("never asks for more than its twelve bits hold", () => {
    const open = buildOpen(ours({ gracefulRestart: { ...RESTART, restartTimeS: 100_000 } }))
    expect(find(open, "GracefulRestart")?.timeS).toBe(4095)
  })

  it("keeps the families that are spoken, and tells those that went on forwarding [RFC 4724 §4.2]", () => {
    const remote = theirs({ families: [0], gracefulRestart: { ...RESTART, restarting: true } })
    const { gracefulRestart } = agreed({ gracefulRestart: RESTART }, remote)
    expect(gracefulRestart).toEqual({
      timeS: 120,
      restarting: true,
      families: [0],
      forwarding: [0],
      notification: true
    })
    const dark = theirs({ gracefulRestart: { ...RESTART, forwardingPreserved: false } })
    expect(agreed({ gracefulRestart: RESTART }, dark).gracefulRestart).toMatchObject({
      families: [0, 1],
      forwarding: []
    })
  })

  it("is nothing where we do not help, and yet the peer's End-of-RIB is waited for [RFC 4724 §2]", () => {
    const local = { gracefulRestart: { ...RESTART, helper: false } }
    const remote = theirs({ gracefulRestart: RESTART })
    expect(agreed(local, remote)).toMatchObject({ gracefulRestart: undefined, sendsEndOfRib: true })
    const silent = { ...remote, capabilities: remote.capabilities.filter(({ _tag }) => _tag !== "GracefulRestart") }
    expect(agreed(local, silent).sendsEndOfRib).toBe(false)
  })

  it("outlives a NOTIFICATION where both set the N bit, whoever helps whom [RFC 8538 §2]", () => {
    const local = { gracefulRestart: { ...RESTART, helper: false } }
    expect(agreed(local, theirs({ gracefulRestart: RESTART })).gracefulNotification).toBe(true)
    expect(agreed(local, theirs({})).gracefulNotification).toBe(false)
    expect(agreed({}, theirs({ gracefulRestart: RESTART })).gracefulNotification).toBe(false)
  })

  it("that stands twice is the last of the two [RFC 4724 §3]", () => {
    const remote = theirs({ gracefulRestart: RESTART })
    const twice = {
      ...remote,
      capabilities: [...remote.capabilities, { ...find(remote, "GracefulRestart")!, timeS: 7 }]
    }
    expect(agreed({ gracefulRestart: RESTART }, twice).gracefulRestart?.timeS).toBe(7)
  })

  it("for long is kept with the peer's times, for families that both speak [RFC 9494 §4]", () => {
    const local = { gracefulRestart: RESTART, longLivedTimeS: 60 }
    const remote = theirs({ families: [1], gracefulRestart: RESTART, longLivedTimeS: 3600 })
    expect(agreed(local, remote).longLived).toEqual({ families: [{ family: 1, timeS: 3600, forwarding: true }] })
    expect(agreed({ gracefulRestart: RESTART }, remote)).not.toHaveProperty("longLived")
    const alone = { ...remote, capabilities: remote.capabilities.filter(({ _tag }) => _tag !== "GracefulRestart") }
    expect(agreed(local, alone)).not.toHaveProperty("longLived")
  })
})

describe("what else is agreed on", () => {
  it("is enhanced route refresh, announced unless it is switched off [RFC 7313 §3.1]", () => {
    expect(agreed({}, theirs({})).enhancedRouteRefresh).toBe(true)
    expect(agreed({ enhancedRouteRefresh: false }, theirs({})).enhancedRouteRefresh).toBe(false)
    expect(agreed({}, theirs({ enhancedRouteRefresh: false })).enhancedRouteRefresh).toBe(false)
  })

  it("is IPv6 next hops for IPv4, where both say so and IPv4 is spoken [RFC 8950 §4]", () => {
    expect(agreed({ extendedNextHop: true }, theirs({ extendedNextHop: true })).extendedNextHop).toBe(true)
    expect(agreed({ extendedNextHop: true }, theirs({})).extendedNextHop).toBe(false)
    expect(agreed({}, theirs({ extendedNextHop: true })).extendedNextHop).toBe(false)
    const sixOnly = theirs({ families: [1], extendedNextHop: true })
    expect(agreed({ extendedNextHop: true }, sixOnly).extendedNextHop).toBe(false)
  })

  it("is nothing of what the peer says about itself, but it is shown", () => {
    expect(agreed({}, theirs({ hostname: "edge7", softwareVersion: "FRRouting/10.1" }))).toMatchObject({
      hostname: "edge7",
      softwareVersion: "FRRouting/10.1"
    })
    expect(agreed({}, theirs({}))).not.toHaveProperty("hostname")
  })
})

describe("roles [RFC 9234 §4.2]", () => {
  const ROLES: ReadonlyArray<PeerRole> = ["provider", "rs", "rs-client", "customer", "peer"]
  const PAIRS = new Set(["provider+customer", "customer+provider", "rs+rs-client", "rs-client+rs", "peer+peer"])
  const refusal = (local: Partial<PeerSettings>, remote: Open): string => {
    const result = negotiate(ours(local), buildOpen(ours(local)), remote)
    return isFault(result) ? `${result.code}/${result.subcode}` : ""
  }

  it.each(ROLES.flatMap((own) => ROLES.map((remote) => [own, remote] as const)))("%s and %s", (own, remote) => {
    const allowed = PAIRS.has(`${own}+${remote}`)
    expect(refusal({ role: own }, theirs({ role: remote }))).toBe(allowed ? "" : "2/11")
  })

  it("agree by their numbers", () => {
    expect(agreed({ role: "rs" }, theirs({ role: "rs-client" })).role).toEqual({ own: 1, remote: 2, announced: true })
  })

  it("take a peer that says nothing for the counterpart, unless strict", () => {
    expect(agreed({ role: "customer" }, theirs({})).role).toEqual({ own: 3, remote: 0, announced: false })
    expect(refusal({ role: "customer", roleStrict: true }, theirs({}))).toBe("2/11")
  })

  it("that are said twice must be the same", () => {
    const remote = theirs({ role: "provider" })
    const saying = (role: number) => ({
      ...remote,
      capabilities: [...remote.capabilities, { _tag: "Role", role } as const]
    })
    expect(refusal({ role: "customer" }, saying(0))).toBe("")
    expect(refusal({ role: "customer" }, saying(1))).toBe("2/11")
  })

  it("of a number that nobody defined match nothing", () => {
    const remote = theirs({})
    const strange = { ...remote, capabilities: [...remote.capabilities, { _tag: "Role", role: 9 } as const] }
    expect(ROLES.map((role) => refusal({ role }, strange))).toEqual(ROLES.map(() => "2/11"))
  })

  it("are neither said to nor heard from an internal peer", () => {
    const inside = { remoteAs: 64500, role: "customer", roleStrict: true } as const
    expect(find(buildOpen(ours(inside)), "Role")).toBeUndefined()
    expect(agreed(inside, theirs({ localAs: 64500, remoteAs: 0, role: "peer" }))).not.toHaveProperty("role")
  })
})

describe("a capability that the peer refuses", () => {
  const announced = (peer: Peer): ReadonlyArray<string> => {
    const [, effects] = run([fired(TimerKind.IdleHold), accepted(ACCEPTED + 1)], peer)
    return pick(effects, "SendOpen")!.open.capabilities.map(capabilityKey)
  }
  const refusedWith = (fault: ReturnType<typeof faultOf>, changes: Partial<PeerSettings> = {}) =>
    run([ENABLED, accepted(), notified(fault)], { families: [0, 1], ...changes })[0]

  it("by name is left out of the next OPEN [RFC 5492 §5]", () => {
    expect(announced(refusedWith(faultOf(2, 7, 70, 0)))).toEqual(["1/1/1", "1/2/1", "2", "64", "65"])
    expect(announced(refusedWith(faultOf(2, 7, 1, 4, 0, 2, 0, 1)))).not.toContain("1/2/1")
  })

  it("with the whole parameter brings an OPEN without any [RFC 5492 §3]", () => {
    expect(announced(refusedWith(faultOf(2, 4)))).toEqual([])
    expect(announced(refusedWith(faultOf(2, 7)))).toEqual([])
  })

  it("is not meant by a list of what our OPEN lacks", () => {
    expect(announced(refusedWith(faultOf(2, 7, 1, 4, 0, 25, 0, 65)))).toContain("1/1/1")
  })

  it("is announced again after a session, after an operator's word, and when leaving everything out did not help", () => {
    const without = refusedWith(faultOf(2, 4))
    const again = [fired(TimerKind.IdleHold), accepted()]
    const plain = openOf()
    const [lived] = run([...again, opened(plain), kept(), { _tag: "Closed", conn: ACCEPTED, cause: "" }], without)
    expect(announced(lived)).toContain("2")
    expect(announced(run([...again, notified(faultOf(2, 4))], without)[0])).toContain("2")
    expect(run([ENABLED], without)[0].main.withheld).toEqual([])
  })

  it("does not turn up in what is agreed on: only what was sent counts", () => {
    const peer = run(
      [fired(TimerKind.IdleHold), accepted(), opened(openOf({ families: [0, 1] }))],
      refusedWith(faultOf(2, 4))
    )[0]
    expect(foremost(peer).negotiated).toMatchObject({ families: [0], as4: false, routeRefresh: false })
    const changed = replaceSettings(run([ENABLED, accepted()])[0], { ...SETTINGS, extendedMessage: true })
    const [open] = run([opened(openOf({ extendedMessage: true }))], changed)
    expect(foremost(open).negotiated?.extendedMessage).toBe(false)
  })

  it("never makes us speak a family that is not configured", () => {
    const [, effects] = run(
      [fired(TimerKind.IdleHold), accepted(), opened(openOf({ families: [0] }))],
      refusedWith(faultOf(2, 4), { families: [1] })
    )
    expect(pick(effects, "SendNotification")?.fault).toMatchObject({ code: 2, subcode: 7 })
  })

  it("ends the asking: what is withheld grows, and begins again only when there is nothing left to leave out", () => {
    fc.assert(
      fc.property(arbitraryPeerSettings, fc.array(arbitraryFault, { maxLength: 8 }), (settings, faults) => {
        let withheld: ReadonlyArray<string> = []
        for (const fault of [...faults, faultOf(2, 4)]) {
          const next = withheldAfter(settings, withheld, fault)
          if (next.length < withheld.length) expect(buildOpen(settings, withheld).capabilities).toEqual([])
          else expect(next.slice(0, withheld.length)).toEqual(withheld)
          withheld = next
        }
        expect(new Set(withheld).size).toBe(withheld.length)
      })
    )
  })
})

describe("a change of the configuration", () => {
  it("asks for a reset only where the OPEN or its judgement changes", () => {
    const before = ours({ gracefulRestart: RESTART })
    expect(needsReset(before, { ...before, idleHoldS: 60, connectRetryS: 10, prefixRestartS: 30 })).toBe(false)
    expect(needsReset(before, { ...before, gracefulRestart: { ...RESTART, restarting: true } })).toBe(false)
    expect(needsReset(before, { ...before, holdTimeS: 30 })).toBe(true)
    expect(needsReset(before, { ...before, families: [0] })).toBe(true)
    expect(needsReset(before, { ...before, remoteAs: 64502 })).toBe(true)
  })

  it("leaves a session as it is", () => {
    const [before] = run([ENABLED, accepted(), opened(), kept()], peerOf())
    const after = replaceSettings(before, { ...SETTINGS, holdTimeS: 9 })
    expect(after.main.negotiated).toBe(before.main.negotiated)
    expect(after.main.state).toBe("Established")
  })
})
