// Those who connect and mean no good, or nothing: each is bounded, counted and named, and others have their sessions meanwhile.
import { openSync } from "node:fs"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { query } from "../../src/router/index.ts"
import { follow } from "../../src/runtime/kernel.ts"
import { keepalive } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "../router/driver.ts"
import { establishWith, peerRow } from "../router/far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const MANY = 1000
const bench = (): Driver => new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003)]))

describe("strangers", () => {
  it("are refused and counted, every one, and named a hundred times at most", () => {
    const driver = bench()
    const before = driver.notices.length
    const conns = Array.from({ length: MANY }, () => driver.accept("192.0.2.66"))
    expect(conns.every((conn) => driver.closed.has(conn))).toBe(true)
    expect(driver.state.counters.refusedUnknownPeer).toBe(MANY)
    expect(driver.notices.length - before).toBe(100)
    expect(driver.notices.at(-1)).toBe("connection from 192.0.2.66:40000 refused: no such peer")
    expect(driver.state.connections.size).toBe(0)
  })

  it("take nothing from a session that is up, nor from a peer that comes later", () => {
    const driver = bench()
    establishWith(driver, A, 65002)
    for (let count = 0; count < MANY; count++) driver.accept("192.0.2.66")
    expect(peerRow(driver, A)).toMatchObject({ state: "Established" })
    establishWith(driver, B, 65003)
    expect(peerRow(driver, B)).toMatchObject({ state: "Established" })
  })
})

describe("a peer's address that connects a thousand times and says nothing", () => {
  it("holds one, the newest; the others are closed, counted and named, and other peers left alone (ADR-0025)", () => {
    const driver = bench()
    establishWith(driver, B, 65003)
    const conns = Array.from({ length: MANY }, () => driver.accept(A))
    expect(conns.filter((conn) => !driver.closed.has(conn))).toEqual([conns.at(-1)])
    expect(query(driver.state, "health")).toMatchObject({
      refused: { superseded: MANY - 1, byPeer: 0, openTimeout: 0 }
    })
    expect(driver.notices.filter((notice) => notice.includes("the peer has connected again"))).toHaveLength(100)
    expect(driver.notices.at(-1)).toBe(
      `connection from ${A}:40000 closed: it has sent no OPEN, and the peer has connected again from ${A}:40000`
    )
    expect(peerRow(driver, B)).toMatchObject({ state: "Established" })
  })

  it("does not keep the peer out: who connects and speaks has its session, whoever was silent before", () => {
    const driver = bench()
    for (let count = 0; count < MANY; count++) driver.accept(A)
    establishWith(driver, A, 65002)
    expect(peerRow(driver, A)).toMatchObject({ state: "Established" })
  })

  it("takes nothing from the session that is up", () => {
    const driver = bench()
    const conn = establishWith(driver, A, 65002)
    for (let count = 0; count < MANY; count++) driver.accept(A)
    driver.hear(conn, keepalive())
    expect(driver.closed.has(conn)).toBe(false)
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", lastError: "" })
  })

  it("loses its place when its OPEN does not come in time, counted and named (RFC 4271 §8.2.2)", () => {
    const driver = bench()
    const silent = driver.accept(A)
    driver.pass(59_000)
    expect(driver.closed.has(silent)).toBe(false)
    driver.pass(2_000)
    expect(driver.closed.has(silent)).toBe(true)
    expect(query(driver.state, "health")).toMatchObject({ refused: { superseded: 0, openTimeout: 1 } })
    expect(driver.notices).toContain(`connection from ${A}:40000 closed: it has sent no OPEN in time`)
    driver.pass(30_000)
    establishWith(driver, A, 65002)
    expect(peerRow(driver, A)).toMatchObject({ state: "Established" })
  })

  it("has as long as the peer's open-wait says", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { openWait: 5 })]))
    const silent = driver.accept(A)
    driver.pass(5_000)
    expect(driver.closed.has(silent)).toBe(true)
  })
})

describe("a peer that says its OPEN one byte every ten seconds", () => {
  it("is not given more than the wait for an OPEN (RFC 4271 §8.2.2)", () => {
    const driver = bench()
    const slow = driver.accept(A)
    for (let second = 0; second < 70 && !driver.closed.has(slow); second += 10) {
      driver.hear(slow, new Uint8Array([0xff]))
      driver.pass(10_000)
    }
    expect(driver.closed.has(slow)).toBe(true)
  })
})

describe("the reader of kernel notifications", () => {
  it("fails with a sentence when it cannot read on, instead of dying unheard", async () => {
    // A directory opens and cannot be read: EISDIR, as good as any other end.
    const failure = await Effect.runPromise(Effect.flip(follow(openSync(".", "r"), () => Effect.void)))
    expect(failure._tag).toBe("KernelUnavailable")
    expect(failure.message).toMatch(/notifications failed \(EISDIR\)/)
  })
})
