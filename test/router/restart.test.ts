// A peer restarts, and we help: its routes stay while it is away, and go when it does not say them again. RFC 4724, RFC 8538, RFC 9494
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import {
  type Capability,
  encodeEndOfRib,
  encodeNotification,
  encodeRouteRefresh,
  RefreshSubtype
} from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith, peerRow, routesOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
/** Longer than the wait in Idle, shorter than the restart time. */
const AWAY_MS = 20_000
const HELPING: Partial<PeerConfig> = { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 600 } }

const restarting = (forwarding = true, notification = false): Capability => ({
  _tag: "GracefulRestart",
  restarting: forwarding,
  notification,
  timeS: 60,
  families: [{ afi: 1, safi: 1, forwarding }]
})

const longLived = (timeS: number): Capability => ({
  _tag: "LongLivedGracefulRestart",
  families: [{ afi: 1, safi: 1, forwarding: true, timeS }]
})

const both = (...capabilities: ReadonlyArray<Capability>): { readonly driver: Driver; readonly a: ConnId } => {
  const driver = new Driver(configOf([peerConfig(A, 65002, HELPING), peerConfig(B, 65003)]))
  const a = establishWith(driver, A, 65002, capabilities)
  establishWith(driver, B, 65003)
  driver.hear(a, announcement([65002], ["10.1.0.0/16", "10.2.0.0/16"]), encodeEndOfRib(0))
  return { driver, a }
}

const prefixesTold = (driver: Driver, peer: string): ReadonlyArray<unknown> =>
  advertised(driver, peer).map(({ prefix }) => prefix)

describe("a peer that restarts gracefully", () => {
  it("keeps its routes in use while it is away, and nobody else hears of it [RFC 4724 §4.2]", () => {
    const { driver, a } = both(restarting())
    driver.closeFrom(a)
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 stale best", "10.2.0.0/16 stale best"])
    expect(prefixesTold(driver, B)).toEqual(["10.1.0.0/16", "10.2.0.0/16"])
    expect(peerRow(driver, A)).toMatchObject({ restarting: true, prefixes: { received: 2 } })
  })

  it("loses at its End-of-RIB what it has not told again [RFC 4724 §4.2]", () => {
    const { driver, a } = both(restarting())
    driver.closeFrom(a)
    driver.pass(AWAY_MS)
    const again = establishWith(driver, A, 65002, [restarting()])
    driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best", "10.2.0.0/16 stale best"])
    driver.hear(again, encodeEndOfRib(0))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best"])
    expect(prefixesTold(driver, B)).toEqual(["10.1.0.0/16"])
    expect(peerRow(driver, A)).toMatchObject({ restarting: false })
  })

  it("keeps over a second restart what it told since the first, also what a refresh had not repeated yet [RFC 4724 §4.2]", () => {
    const { driver, a } = both(restarting(), { _tag: "EnhancedRouteRefresh" })
    driver.closeFrom(a)
    driver.pass(AWAY_MS)
    const again = establishWith(driver, A, 65002, [restarting(), { _tag: "EnhancedRouteRefresh" }])
    driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
    driver.hear(again, encodeRouteRefresh({ afi: 1, safi: 1, subtype: RefreshSubtype.Begin }))
    driver.closeFrom(again)
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 stale best"])
  })

  it("loses everything if it is not back in its restart time [RFC 4724 §4.2]", () => {
    const { driver, a } = both(restarting())
    driver.closeFrom(a)
    driver.pass(59_000)
    expect(routesOf(driver, A).length).toBe(2)
    driver.pass(2_000)
    driver.settle()
    expect(routesOf(driver, A)).toEqual([])
    expect(peerRow(driver, A)).toMatchObject({ restarting: false })
  })

  it("loses everything at once if it did not go on forwarding [RFC 4724 §4.2]", () => {
    const { driver, a } = both(restarting())
    driver.closeFrom(a)
    driver.pass(AWAY_MS)
    establishWith(driver, A, 65002, [restarting(false)])
    driver.settle()
    expect(routesOf(driver, A)).toEqual([])
  })

  it("loses everything if it never says End-of-RIB, long-lived or not", () => {
    const { driver, a } = both(restarting(), longLived(6000))
    driver.closeFrom(a)
    driver.pass(AWAY_MS)
    const again = establishWith(driver, A, 65002, [restarting(), longLived(6000)])
    for (let second = 0; second < 361; second += 30) {
      driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
      driver.pass(30_000)
    }
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best"])
  })

  it("loses at a second restart what it has not told since the first [RFC 4724 §4.2]", () => {
    const { driver, a } = both(restarting())
    driver.closeFrom(a)
    driver.pass(AWAY_MS)
    const again = establishWith(driver, A, 65002, [restarting()])
    driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
    driver.closeFrom(again)
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 stale best"])
  })

  it("loses everything when the operator disables it, even while it is away", () => {
    const { driver, a } = both(restarting())
    driver.closeFrom(a)
    driver.command({ command: "peer", address: A, action: "disable" })
    driver.settle()
    expect(routesOf(driver, A)).toEqual([])
  })

  it.each([
    [true, 2],
    [false, 0]
  ])("after a NOTIFICATION of its own, N bit %s, keeps %i routes [RFC 8538 §4]", (notification, kept) => {
    const { driver, a } = both(restarting(true, notification))
    driver.hear(a, encodeNotification({ code: 6, subcode: 4, data: new Uint8Array(0) }))
    driver.settle()
    expect(routesOf(driver, A).length).toBe(kept)
  })
})

describe("a peer that restarts and refreshes", () => {
  const marks = (subtype: number): Uint8Array => encodeRouteRefresh({ afi: 1, safi: 1, subtype })
  const SAID = [restarting(), longLived(6000), { _tag: "EnhancedRouteRefresh" }] as const

  const back = (): { readonly driver: Driver; readonly again: ConnId } => {
    const { driver, a } = both(...SAID)
    driver.closeFrom(a)
    driver.pass(AWAY_MS)
    return { driver, again: establishWith(driver, A, 65002, SAID) }
  }

  it("has until the end of its refresh, even past End-of-RIB [RFC 7313 §4]", () => {
    const { driver, again } = back()
    driver.hear(again, marks(RefreshSubtype.Begin), encodeEndOfRib(0), announcement([65002], ["10.1.0.0/16"]))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best", "10.2.0.0/16 stale best"])
    driver.hear(again, marks(RefreshSubtype.End))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best"])
  })

  it("loses nothing by the end of a refresh that it did not begin", () => {
    const { driver, again } = back()
    driver.hear(again, marks(RefreshSubtype.End))
    driver.settle()
    expect(routesOf(driver, A).length).toBe(2)
  })

  it("is not held to a refresh that its session did not outlive", () => {
    const { driver, a } = both(...SAID)
    driver.hear(a, marks(RefreshSubtype.Begin))
    driver.closeFrom(a)
    driver.pass(400_000)
    driver.settle()
    expect(routesOf(driver, A).length).toBe(2)
    const again = establishWith(driver, A, 65002, SAID)
    driver.hear(again, encodeEndOfRib(0))
    driver.settle()
    expect(routesOf(driver, A)).toEqual([])
  })
})

describe("a peer that stays away for long", () => {
  const B_KNOWS = [longLived(1)]

  it("is a last resort, which only peers that know of it hear about [RFC 9494 §4.2, §4.3]", () => {
    const { driver, a } = both(restarting(), longLived(600))
    driver.closeFrom(a)
    driver.pass(61_000)
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 stale best", "10.2.0.0/16 stale best"])
    expect(prefixesTold(driver, B)).toEqual([])
    driver.pass(600_000)
    driver.settle()
    expect(routesOf(driver, A)).toEqual([])
  })

  it("is told on with LLGR_STALE to those who know [RFC 9494 §4.3]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, HELPING), peerConfig(B, 65003, HELPING)]))
    const a = establishWith(driver, A, 65002, [restarting(), longLived(600)])
    establishWith(driver, B, 65003, B_KNOWS)
    driver.hear(
      a,
      announcement([65002], ["10.1.0.0/16"]),
      announcement([65002], ["10.2.0.0/16"], { communities: [0xffff0007] })
    )
    driver.closeFrom(a)
    driver.pass(61_000)
    driver.settle()
    expect(advertised(driver, B)).toMatchObject([{ prefix: "10.1.0.0/16", communities: ["65535:6"] }])
  })

  it("is heard until End-of-RIB when it is back, and its long-lived time runs on [RFC 9494 §4.2]", () => {
    const { driver, a } = both(restarting(), longLived(100))
    driver.closeFrom(a)
    driver.pass(61_000)
    driver.settle()
    const again = establishWith(driver, A, 65002, [restarting(), longLived(100)])
    driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best", "10.2.0.0/16 stale best"])
    driver.pass(60_000)
    driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
    driver.pass(45_000)
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best"])
  })

  it("begins anew with its restart time when it goes again", () => {
    const { driver, a } = both(restarting(), longLived(100))
    driver.closeFrom(a)
    driver.pass(65_000)
    const again = establishWith(driver, A, 65002, [restarting(), longLived(100)])
    driver.pass(60_000)
    driver.hear(again, announcement([65002], ["10.1.0.0/16"]))
    driver.closeFrom(again)
    // The long-lived time of the first absence would be over by now.
    driver.pass(50_000)
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 stale best"])
  })
})
