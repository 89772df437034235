// The life of carried routes beyond one session: restarts, long absences, refreshes, several paths, and whatever bytes a peer may send
// (RFC 4724 §4.2, RFC 9494 §4.2, RFC 7313 §4, RFC 7911, RFC 7606; ADR-0032).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import {
  AddPathMode,
  afiOf,
  type Capability,
  decodeAttributes,
  encodeOpen,
  encodeRouteRefresh,
  FAMILIES_ALL,
  FAMILY_NAMES,
  keepalive,
  parseAddress,
  RefreshSubtype,
  safiOf
} from "../../src/wire/index.ts"
import { announce, SAMPLES, sampleOf, withdraw } from "./carried-samples.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { rowsOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const EVPN = 8
const CARRIED = FAMILIES_ALL.filter((family) => family > 1)
const AWAY_MS = 20_000

const wire = { afi: afiOf(EVPN), safi: safiOf(EVPN) }
const RESTARTING: Capability = {
  _tag: "GracefulRestart",
  restarting: true,
  notification: false,
  timeS: 60,
  families: [{ ...wire, forwarding: true }]
}
const LONG_LIVED: Capability = {
  _tag: "LongLivedGracefulRestart",
  families: [{ ...wire, forwarding: true, timeS: 6000 }]
}

const establish = (driver: Driver, address: string, more: ReadonlyArray<Capability>, families = [EVPN]): ConnId => {
  const conn = driver.accept(address)
  const capabilities: ReadonlyArray<Capability> = [
    ...families.map((family): Capability => ({ _tag: "Multiprotocol", afi: afiOf(family), safi: safiOf(family) })),
    { _tag: "RouteRefresh" },
    { _tag: "FourOctetAs", asn: LOCAL_AS },
    ...more
  ]
  const id = parseAddress(address)!.words[0]!
  driver.hear(conn, encodeOpen({ version: 4, asn: LOCAL_AS, holdTime: 90, id, capabilities }), keepalive())
  driver.settle()
  driver.messages(conn)
  return conn
}

const lab = (capabilities: ReadonlyArray<Capability>, more: Partial<PeerConfig> = {}) => {
  const client: Partial<PeerConfig> = {
    type: "route-reflector-client",
    families: ["l2vpn-evpn"],
    gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 600 },
    ...more
  }
  const driver = new Driver(configOf([peerConfig(A, LOCAL_AS, client), peerConfig(B, LOCAL_AS, client)]))
  const a = establish(driver, A, capabilities)
  const b = establish(driver, B, capabilities)
  return { driver, a, b }
}

const { nextHop, nlri, other, gone } = sampleOf(EVPN)
const rows = (driver: Driver): ReadonlyArray<unknown> =>
  rowsOf(driver, { family: "l2vpn-evpn" }).map((row) => [
    String(row["prefix"]).slice(2, 6),
    row["reason"],
    row["stale"] === true
  ])
const FIRST = nlri.slice(0, 4)
const SECOND = other.slice(0, 4)
const endOfRib = withdraw(EVPN, "")

describe("carried routes of a peer that restarts", () => {
  it("stay in use, and go at its End-of-RIB where it has not told them again [RFC 4724 §4.2]", () => {
    const { driver, a } = lab([RESTARTING])
    driver.hear(a, announce(EVPN, nextHop, `${nlri}${other}`), endOfRib)
    driver.closeFrom(a)
    driver.settle()
    expect(rows(driver)).toEqual([
      [FIRST, "best", true],
      [SECOND, "best", true]
    ])
    driver.pass(AWAY_MS)
    const again = establish(driver, A, [RESTARTING])
    driver.hear(again, announce(EVPN, nextHop, nlri), endOfRib)
    driver.settle()
    expect(rows(driver)).toEqual([[FIRST, "best", false]])
  })

  it("live on as least preferred when it stays away, with LLGR_STALE and all that they were [RFC 9494 §4.2, §4.3]", () => {
    const { driver, a, b } = lab([RESTARTING, LONG_LIVED])
    driver.hear(a, announce(EVPN, nextHop, nlri), endOfRib)
    driver.messages(b)
    driver.closeFrom(a)
    driver.pass(61_000)
    driver.settle()
    const told = driver.updates(b).at(-1)!
    const attributes = decodeAttributes(told, 23, 23 + ((told[21]! << 8) | told[22]!), true)
    expect(attributes.communities).toEqual([0xffff0006])
    expect(Buffer.from(told).toString("hex")).toContain(`${nextHop}00${nlri}`)
    driver.pass(6_001_000)
    driver.settle()
    expect([rows(driver), driver.state.rib.store.count]).toEqual([[], 0])
  })

  it("are swept between the marks of a refresh [RFC 7313 §4]", () => {
    const { driver, a } = lab([{ _tag: "EnhancedRouteRefresh" }])
    driver.hear(a, announce(EVPN, nextHop, `${nlri}${other}`))
    driver.hear(a, encodeRouteRefresh({ ...wire, subtype: RefreshSubtype.Begin }))
    driver.hear(a, announce(EVPN, nextHop, other))
    driver.hear(a, encodeRouteRefresh({ ...wire, subtype: RefreshSubtype.End }))
    driver.settle()
    expect(rows(driver)).toEqual([[SECOND, "best", false]])
  })
})

describe("several paths of a carried route [RFC 7911]", () => {
  it("are told under identifiers of ours, and withdrawn one by one", () => {
    const capability: Capability = { _tag: "AddPath", families: [{ ...wire, mode: AddPathMode.Both }] }
    const { driver, a, b } = lab([capability], { addPath: { receive: true, send: 4 } })
    driver.hear(a, announce(EVPN, nextHop, `00000009${nlri}00000007${nlri}`))
    driver.settle()
    const heard = driver.updates(b).map((bytes) => Buffer.from(bytes).toString("hex"))
    const identifiers = heard.flatMap((text) =>
      [...text.matchAll(new RegExp(`(.{8})${nlri}`, "g"))].map((match) => match[1])
    )
    expect([identifiers.length, new Set(identifiers).size]).toEqual([2, 2])
    driver.hear(a, withdraw(EVPN, `00000007${nlri}`))
    driver.settle()
    const last = Buffer.from(driver.updates(b).at(-1)!).toString("hex")
    expect([last.endsWith(gone), identifiers.includes(last.slice(-gone.length - 8, -gone.length))]).toEqual([
      true,
      true
    ])
  })
})

describe("whatever a peer sends of a carried family", () => {
  it("law: nothing breaks, and nothing is left when the session is over", () => {
    const names = CARRIED.map((family) => FAMILY_NAMES[family]!)
    const piece = fc.oneof(
      fc.constantFrom(...Object.values(SAMPLES).flatMap((sample) => [sample.nlri, sample.gone, sample.other])),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("hex"))
    )
    const message = fc.record({
      family: fc.constantFrom(...CARRIED),
      hop: fc.constantFrom("", "0a000002", "00".repeat(12), "00".repeat(24)),
      pieces: fc.array(piece, { maxLength: 3 }),
      gone: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
        const peers = [A, B].map((address) =>
          peerConfig(address, LOCAL_AS, { type: "route-reflector-client", families: names })
        )
        const driver = new Driver(configOf(peers))
        let a = establish(driver, A, [], [...CARRIED])
        const b = establish(driver, B, [], [...CARRIED])
        for (const { family, hop, pieces, gone: isGone } of messages) {
          const text = pieces.join("").replace(/\s/g, "")
          driver.hear(a, isGone ? withdraw(family, text) : announce(family, hop, text))
          driver.settle()
          if (!driver.closed.has(a)) continue
          driver.closeFrom(a)
          driver.pass(60_000)
          a = establish(driver, A, [], [...CARRIED])
        }
        driver.messages(b)
        driver.closeFrom(a)
        driver.settle()
        expect(driver.state.rib.store.count).toBe(0)
        expect(CARRIED.map((family) => driver.state.rib.tables[family]!.prefixes.count)).toEqual(CARRIED.map(() => 0))
      }),
      { numRuns: 200 }
    )
  })
})
