// The hold timer. In Established a message only notes when it came, and the timer compares when it fires; that must come to the same
// as the textbook, where each message starts the timer again. RFC 4271 §6.5, §8.2.2; ADR-0009 for late expiries
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  createPeer,
  type Peer,
  type PeerEffect,
  peerStateName,
  reducePeer,
  TimerKind
} from "../../src/session/index.ts"
import { encodeEndOfRib, keepalive } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"

const A = "10.0.0.2"
const HOLD_S = 9
/** What the router gives bytes that wait behind a busy loop. */
const GRACE_MS = 200

const established = (): { readonly driver: Driver; readonly conn: number } => {
  const driver = new Driver(configOf([peerConfig(A, 65002, { holdTime: HOLD_S })]))
  return { driver, conn: driver.establish(A, { asn: 65002 }) }
}

/** The session machine's own rule: every message starts the timer again. Says when the hold timer ends the session, in ms. */
const textbook = (arrivals: ReadonlyArray<number>): number => {
  let [peer] = reducePeer(atEstablished(), { _tag: "KeepaliveReceived", conn: CONN })
  let deadline = HOLD_S * 1000
  for (const at of arrivals) {
    if (at > deadline + GRACE_MS) break
    const [next, effects] = reducePeer(peer, { _tag: "KeepaliveReceived", conn: CONN })
    peer = next
    deadline = at + armedHold(effects)
  }
  const [ended] = reducePeer(peer, { _tag: "TimerFired", conn: CONN, timer: TimerKind.Hold })
  expect(peerStateName(ended)).toBe("Idle")
  return deadline + GRACE_MS
}

const CONN = 0x8000_0000

const atEstablished = (): Peer => {
  const { driver } = established()
  const { machine } = driver.state.peerAt(1)
  expect(peerStateName(machine)).toBe("Established")
  return machine
}

const armedHold = (effects: ReadonlyArray<PeerEffect>): number => {
  const armed = effects.find((effect) => effect._tag === "ArmTimer" && effect.timer === TimerKind.Hold)
  return armed?._tag === "ArmTimer" ? armed.milliseconds : Number.NaN
}

describe("hold timer", () => {
  it("law: ends a session when the textbook does, whenever messages come [RFC 4271 §6.5]", () => {
    const gaps = fc.array(fc.oneof(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 8990, max: 9500 })), {
      maxLength: 12
    })
    fc.assert(
      fc.property(gaps, fc.boolean(), (waits, updates) => {
        const { driver, conn } = established()
        const begin = driver.now
        const arrivals: Array<number> = []
        let at = 0
        for (const wait of waits) {
          at += wait
          // On the very millisecond either order is right.
          if (wait !== HOLD_S * 1000 + GRACE_MS) arrivals.push(at)
          else at -= wait
        }
        let downAt = Number.NaN
        for (const arrival of arrivals) {
          driver.pass((begin + arrival * 1000 - driver.now) / 1000)
          if (driver.closed.size > 0) break
          driver.hear(conn, updates ? encodeEndOfRib(0) : keepalive())
        }
        for (let tenths = 0; tenths < 200 && driver.closed.size === 0; tenths++) driver.pass(100)
        const expired = driver.notices.find((notice) => notice.endsWith("is down: hold timer expired"))
        expect(expired).toBeDefined()
        downAt = (driver.state.peerAt(1).since - begin) / 1000
        expect(downAt).toBe(textbook(arrivals))
      }),
      { numRuns: 200 }
    )
  })

  it("says Hold Timer Expired and closes [RFC 4271 §6.5]", () => {
    const { driver, conn } = established()
    driver.pass(10_000)
    expect(driver.messages(conn).at(-1)!.slice(18)).toEqual(Uint8Array.of(3, 4, 0))
    expect([...driver.closed]).toEqual([conn])
  })

  it("does not run where a hold time of 0 was agreed on [RFC 4271 §4.2]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { holdTime: 0 })]))
    driver.establish(A, { asn: 65002 })
    driver.pass(3_600_000)
    expect([...driver.closed]).toEqual([])
    expect(driver.timers.size).toBe(0)
  })

  it("recognises an expiry that was on its way when the timer was armed again [ADR-0009]", () => {
    const { driver, conn } = established()
    const late = [...driver.timers.values()].map(({ timer }) => timer)
    driver.command({ command: "peer", address: A, action: "reset" })
    driver.finishCloses()
    driver.pass(5000)
    const again = driver.establish(A, { asn: 65002 })
    expect(again).not.toBe(conn)
    const before = { digest: driver.digest, stale: driver.state.counters.staleTimers }
    for (const timer of late) driver.fire(timer)
    expect(driver.digest).toBe(before.digest)
    expect(driver.state.counters.staleTimers).toBe(before.stale + late.length)
    expect(driver.closed.size).toBe(0)
  })

  it("takes a timer that fires twice for one that fires once", () => {
    const { driver } = established()
    const [first] = [...driver.timers.values()].map(({ timer }) => timer)
    driver.fire(first!)
    const digest = driver.digest
    driver.fire(first!)
    expect(driver.digest).toBe(digest)
  })

  it("knows the machine that it is compared with: a keepalive starts the timer for the whole hold time", () => {
    expect(armedHold(reducePeer(atEstablished(), { _tag: "KeepaliveReceived", conn: CONN })[1])).toBe(HOLD_S * 1000)
    expect(createPeer(established().driver.state.peerAt(1).settings, { firstConn: 1, seed: 1 }).administrative).toBe(
      "Disabled"
    )
  })
})
