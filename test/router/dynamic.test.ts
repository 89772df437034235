// Peers made by whoever connects from a range, and configuration that changes under running sessions.
import { describe, expect, it } from "vitest"
import type { PeerConfig, RouterConfig } from "../../src/router/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith, peerRow, routesOf } from "./far-side.ts"

const A = "10.0.0.2"
const template = (rest: Partial<PeerConfig> = {}): PeerConfig => peerConfig("", 65002, rest)

const ranges: RouterConfig = configOf([peerConfig(A, 65009)], {
  dynamic: [
    { range: "10.0.0.0/16", limit: 2, peer: template() },
    { range: "10.0.7.0/24", limit: 1, peer: template({ asn: 65007, name: "seven" }) }
  ]
})

const reconfigure = (driver: Driver, config: RouterConfig): void =>
  driver.command({ command: "configure", config, seed: 1 })

describe("dynamic neighbours", () => {
  it("are made by the longest range that covers them, and speak as it says", () => {
    const driver = new Driver(ranges)
    establishWith(driver, "10.0.1.1", 65002)
    establishWith(driver, "10.0.7.1", 65007)
    expect(peerRow(driver, "10.0.1.1")).toMatchObject({ state: "Established", asn: 65002 })
    expect(peerRow(driver, "10.0.7.1")).toMatchObject({ state: "Established", asn: 65007, name: "seven" })
  })

  it("leave a configured address to its own peer, and refuse what no range covers", () => {
    const driver = new Driver(ranges)
    establishWith(driver, A, 65009)
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", asn: 65009 })
    const stranger = driver.accept("192.0.2.1")
    expect(driver.closed.has(stranger)).toBe(true)
  })

  it("are counted against the limit before they say anything", () => {
    const driver = new Driver(ranges)
    driver.accept("10.0.1.1")
    driver.accept("10.0.1.2")
    const third = driver.accept("10.0.1.3")
    expect(driver.closed.has(third)).toBe(true)
    expect(driver.notices.at(-1)).toMatch("10.0.0.0/16 is full")
    expect(peerRow(driver, "10.0.1.3")).toEqual({})
  })

  it("are gone with their connection, and so are their routes and their timers", () => {
    const driver = new Driver(ranges)
    const timers = driver.timers.size
    const b = establishWith(driver, A, 65009)
    const conn = establishWith(driver, "10.0.1.1", 65002)
    driver.hear(conn, announcement([65002], ["10.1.0.0/16"]))
    driver.messages(b)
    driver.closeFrom(conn)
    driver.settle()
    expect(peerRow(driver, "10.0.1.1")).toEqual({})
    expect(advertised(driver, A)).toEqual([])
    driver.closeFrom(b)
    driver.pass(2_000)
    expect(driver.timers.size).toBe(timers)
  })

  it("give their number to another once their routes are gone, and nothing of one sticks to the other", () => {
    const driver = new Driver(ranges)
    const conn = establishWith(driver, "10.0.1.1", 65002)
    driver.hear(conn, announcement([65002], ["10.1.0.0/16"]))
    driver.closeFrom(conn)
    const early = establishWith(driver, "10.0.1.2", 65002)
    driver.settle()
    expect(routesOf(driver, "10.0.1.2")).toEqual([])
    driver.closeFrom(early)
    driver.settle()
    for (let round = 0; round < 20; round++) {
      const next = establishWith(driver, `10.0.2.${round + 1}`, 65002)
      driver.hear(next, announcement([65002], ["10.1.0.0/16", `10.${round}.0.0/16`]))
      expect(routesOf(driver, `10.0.2.${round + 1}`).length).toBe(round === 1 ? 1 : 2)
      driver.closeFrom(next)
      driver.settle()
    }
    expect(driver.state.peers.length).toBeLessThanOrEqual(4)
    expect(driver.state.rib.adjIn.paths.count).toBe(0)
  })

  it("stay while their routes are kept over a restart, and come back under the same number", () => {
    const graceful = { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } }
    const driver = new Driver(configOf([], { dynamic: [{ range: "10.0.0.0/16", limit: 1, peer: template(graceful) }] }))
    const families = [{ afi: 1, safi: 1, forwarding: true }]
    const restart = { _tag: "GracefulRestart", restarting: true, notification: false, timeS: 60, families } as const
    const conn = establishWith(driver, "10.0.1.1", 65002, [restart])
    driver.hear(conn, announcement([65002], ["10.1.0.0/16"]))
    driver.closeFrom(conn)
    driver.settle()
    expect(routesOf(driver, "10.0.1.1")).toEqual(["10.1.0.0/16 stale best"])
    establishWith(driver, "10.0.1.1", 65002, [restart])
    expect(peerRow(driver, "10.0.1.1")).toMatchObject({ state: "Established", restarting: true })
    expect(driver.state.peers.length).toBe(2)
    driver.closeFrom([...driver.state.connections.keys()][0])
    driver.pass(61_000)
    driver.settle()
    expect(peerRow(driver, "10.0.1.1")).toEqual({})
  })

  it("go when their range goes, and stay when only another one changes", () => {
    const driver = new Driver(ranges)
    establishWith(driver, "10.0.1.1", 65002)
    establishWith(driver, "10.0.7.1", 65007)
    reconfigure(driver, { ...ranges, dynamic: ranges.dynamic!.slice(0, 1) })
    expect(peerRow(driver, "10.0.1.1")).toMatchObject({ state: "Established" })
    expect(peerRow(driver, "10.0.7.1")).toEqual({})
  })
})

describe("a configuration that changes", () => {
  const stateAfter = (rest: Partial<PeerConfig>): unknown => {
    const driver = new Driver(configOf([peerConfig(A, 65002)]))
    establishWith(driver, A, 65002)
    reconfigure(driver, configOf([peerConfig(A, 65002, rest)]))
    return peerRow(driver, A)["state"]
  }

  it.each([
    [{ name: "other" }],
    [{ maxPrefixes: 5, prefixWarningPercent: 80, prefixRestart: 10 }],
    [{ connectRetry: 7, idleHold: 9, delayOpen: 2, damping: false }]
  ])("by %o leaves the session alone", (rest) => {
    expect(stateAfter(rest)).toBe("Established")
  })

  it.each([
    [{ holdTime: 30 }],
    [{ families: ["ipv4-unicast", "ipv6-unicast"] }],
    [{ localAs: 64999 }],
    [{ enabled: false }]
  ] satisfies ReadonlyArray<readonly [Partial<PeerConfig>]>)("by %o needs a new one", (rest) => {
    expect(stateAfter(rest)).not.toBe("Established")
  })

  it("applies a new limit to what comes from then on", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002)]))
    const conn = establishWith(driver, A, 65002)
    reconfigure(driver, configOf([peerConfig(A, 65002, { maxPrefixes: 1 })]))
    driver.hear(conn, announcement([65002], ["10.1.0.0/16", "10.2.0.0/16"]))
    expect(peerRow(driver, A)).toMatchObject({ state: "Idle" })
  })
})

describe("a prefix limit", () => {
  it("warns once each time its threshold is crossed", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { maxPrefixes: 4, prefixWarningPercent: 75 })]))
    const conn = establishWith(driver, A, 65002)
    const warnings = (): number => driver.notices.filter((notice) => notice.includes("over 75 %")).length
    driver.hear(conn, announcement([65002], ["10.1.0.0/16", "10.2.0.0/16"]))
    expect(warnings()).toBe(0)
    driver.hear(conn, announcement([65002], ["10.3.0.0/16"]), announcement([65002], ["10.4.0.0/16"]))
    expect(warnings()).toBe(1)
    const withdrawal = Uint8Array.from([...Array<number>(16).fill(255), 0, 29, 2, 0, 6, 16, 10, 3, 16, 10, 4, 0, 0])
    driver.hear(conn, withdrawal, announcement([65002], ["10.3.0.0/16"]))
    expect(warnings()).toBe(2)
    driver.hear(conn, announcement([65002], ["10.4.0.0/16", "10.5.0.0/16"]))
    expect(peerRow(driver, A)).toMatchObject({ state: "Idle" })
  })
})
