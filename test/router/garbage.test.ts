// Whatever a peer sends, the router answers with data: nothing throws, a fault costs its session at most, and memory stays bounded.
// RFC 4271 §6, RFC 7606
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { arbitraryMessageBytes, arbitraryMutation } from "../../src/testing/wire.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const
const BOTH = [0, 1] as const

/** Two sessions: garbage comes on the first, and nothing of it may hurt the second. */
class Target {
  readonly driver: Driver
  readonly bystander: ConnId
  private conn: ConnId
  private readonly kind: Parameters<typeof peerConfig>[2]
  sessions = 1

  constructor(addPath: boolean) {
    this.kind = { families: FAMILIES, extendedMessage: true, addPath: { receive: addPath, send: 0 } }
    this.driver = new Driver(configOf([peerConfig(A, 65002, this.kind), peerConfig(B, 65003)]))
    this.bystander = this.driver.establish(B, { asn: 65003 })
    this.conn = this.open()
  }

  hear(bytes: Uint8Array): void {
    const { driver } = this
    driver.hear(this.conn, bytes)
    driver.drain()
    if (!driver.closed.has(this.conn)) return
    driver.finishCloses()
    driver.settle()
    // Back in time before the idle hold makes the test long.
    driver.command({ command: "peer", address: A, action: "disable" })
    driver.command({ command: "peer", address: A, action: "enable" })
    this.conn = this.open()
    this.sessions++
  }

  end(): void {
    this.driver.closeFrom(this.conn, "ECONNRESET")
    this.driver.settle()
  }

  private open(): ConnId {
    const addPathSend = this.kind!.addPath!.receive
    return this.driver.establish(A, { asn: 65002, families: BOTH, extendedMessage: true, addPathSend })
  }
}

const check = (target: Target): void => {
  const { driver, bystander } = target
  expect(driver.closed.has(bystander)).toBe(false)
  expect(driver.messages(bystander).length).toBeGreaterThan(0)
  target.end()
  const { tables, store, adjIn } = driver.state.rib
  expect([tables[0].prefixes.count, tables[1].prefixes.count, adjIn.paths.count, store.count]).toEqual([0, 0, 0, 0])
  expect(driver.state.pool.describeLeaks()).toBe("")
  expect(driver.state.connections.size).toBe(1)
}

describe("the router against garbage", () => {
  it.each([false, true])("takes 12,000 damaged messages without throwing (path identifiers: %s)", (addPath) => {
    const target = new Target(addPath)
    const damaged = fc.tuple(arbitraryMessageBytes, arbitraryMutation).map(([bytes, mutate]) => mutate(bytes))
    let heard = 0
    for (const bytes of fc.sample(fc.oneof({ arbitrary: damaged, weight: 9 }, arbitraryMessageBytes), {
      numRuns: 12_000,
      seed: 7
    })) {
      target.hear(bytes)
      heard++
    }
    expect(heard).toBe(12_000)
    // Neither did everything end a session, nor nothing.
    expect(target.sessions).toBeGreaterThan(100)
    expect(target.sessions).toBeLessThan(11_000)
    check(target)
  })

  it("takes any bytes without throwing", () => {
    const target = new Target(false)
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 200 }), { numRuns: 2000, seed: 7 }))
      target.hear(bytes)
    check(target)
  })

  it("takes bodies that are bytes by chance, behind a header that is right", () => {
    const target = new Target(false)
    const message = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 120 })).map(([type, body]) => {
      const length = 19 + body.length
      return Uint8Array.from([...Array<number>(16).fill(255), length >> 8, length & 255, type, ...body])
    })
    for (const bytes of fc.sample(message, { numRuns: 4000, seed: 7 })) target.hear(bytes)
    check(target)
  })

  it("holds path identifiers of one prefix against the limit too [RFC 7911 §3, RFC 4486 §4]", () => {
    const driver = new Driver(
      configOf([peerConfig(A, 65002, { addPath: { receive: true, send: 0 }, maxPrefixes: 500 })])
    )
    const conn = driver.establish(A, { asn: 65002, addPathSend: true })
    const attributes = [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 253, 234, 0x40, 3, 4, 10, 0, 0, 2]
    const nlri = Array.from({ length: 550 }, (_, index) => [0, 0, index >> 8, index & 255, 16, 10, 1]).flat()
    const length = 23 + attributes.length + nlri.length
    const header = [...Array<number>(16).fill(255), length >> 8, length & 255, 2, 0, 0, 0, attributes.length]
    expect(length).toBeLessThanOrEqual(4096)
    driver.hear(conn, Uint8Array.from([...header, ...attributes, ...nlri]))
    expect(driver.closed.has(conn)).toBe(true)
    driver.finishCloses()
    driver.settle()
    expect(driver.state.rib.adjIn.paths.count).toBe(0)
  })
})
