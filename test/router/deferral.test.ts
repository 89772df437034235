// Our own restart, with routes left in the kernel: nobody is told anything before we know what to tell. RFC 4724 §4.1
import { describe, expect, it } from "vitest"
import type { PeerConfig, RouterConfig } from "../../src/router/index.ts"
import { buildOpen } from "../../src/session/index.ts"
import { type Capability, encodeEndOfRib, MessageType } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { announcement, establishWith } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const GRACEFUL: Partial<PeerConfig> = { gracefulRestart: { helper: true, restartTime: 90, longLivedTime: 0 } }
const kernel = (onExit: "keep" | "remove"): Partial<RouterConfig> => ({
  kernel: { table: 254, metric: 20, onExit, model: true }
})
const END: Capability = { _tag: "GracefulRestart", restarting: false, notification: false, timeS: 0, families: [] }

const configured = (onExit: "keep" | "remove" = "keep"): Driver =>
  new Driver(configOf([peerConfig(A, 65002, GRACEFUL), peerConfig(B, 65003)], kernel(onExit)))

const updates = (driver: Driver, conn: number): number =>
  driver.messages(conn).filter((message) => message[18] === MessageType.Update).length

const saysRestarting = (driver: Driver): unknown => {
  const open = buildOpen(driver.state.peerAt(1).settings)
  const restart = open.capabilities.find((capability) => capability._tag === "GracefulRestart")
  return restart?._tag === "GracefulRestart" ? restart.restarting : undefined
}

describe("a router that finds its routes in the kernel", () => {
  it("tells nobody anything, not even that it is done, until its peers have told their tables", () => {
    const driver = configured()
    driver.command({ command: "announce", route: { prefix: "10.9.0.0/16", communities: [] } })
    const b = establishWith(driver, B, 65003)
    const a = establishWith(driver, A, 65002, [END])
    driver.hear(a, announcement([65002], ["10.1.0.0/16"]))
    driver.settle()
    expect([updates(driver, a), updates(driver, b)]).toEqual([0, 0])
    driver.hear(a, encodeEndOfRib(0))
    driver.settle()
    // The route of our own, and End-of-RIB. The peer's own route waits for a kernel that resolves its next hop.
    expect([updates(driver, a), updates(driver, b)]).toEqual([2, 2])
  })

  it("asks for no quanta while there is nothing but export to do", () => {
    const driver = configured()
    driver.command({ command: "announce", route: { prefix: "10.9.0.0/16", communities: [] } })
    establishWith(driver, B, 65003)
    driver.settle()
    expect(driver.quantumNodes).toBe(0)
  })

  it("says so in its OPEN as long as that lasts, and not afterwards [RFC 4724 §3]", () => {
    const driver = configured()
    expect(saysRestarting(driver)).toBe(true)
    const a = establishWith(driver, A, 65002, [END])
    driver.hear(a, encodeEndOfRib(0))
    expect(saysRestarting(driver)).toBe(false)
  })

  it("waits no longer than it can be asked to", () => {
    const driver = configured()
    driver.command({ command: "announce", route: { prefix: "10.9.0.0/16", communities: [] } })
    driver.pass(121_000)
    const b = establishWith(driver, B, 65003)
    expect(driver.state.rib.isHolding).toBe(false)
    driver.command({ command: "withdraw", prefix: "10.9.0.0/16" })
    expect(updates(driver, b)).toBe(1)
  })

  it.each([
    ["has restarted itself", { ...END, restarting: true }],
    ["sends no End-of-RIB", { _tag: "EnhancedRouteRefresh" }]
  ] satisfies ReadonlyArray<readonly [string, Capability]>)("does not wait for a peer that %s", (_, capability) => {
    const driver = configured()
    establishWith(driver, A, 65002, [capability])
    expect(driver.state.restarting).toBe(false)
  })

  it("does nothing of it when the kernel is emptied at exit", () => {
    expect(configured("remove").state.restarting).toBe(false)
  })
})
