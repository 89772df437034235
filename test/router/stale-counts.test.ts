// What counts against a prefix limit while routes of an earlier session, or of the table before a refresh, are still in use; and that the
// router's digest tells what is stale from what is not.
import { describe, expect, it } from "vitest"
import type { PeerConfig } from "../../src/router/index.ts"
import {
  AddPathMode,
  type Capability,
  encodeEndOfRib,
  encodeRouteRefresh,
  encodeUpdate,
  parsePrefix,
  RefreshSubtype
} from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { announcement, establishWith, peerRow } from "./far-side.ts"

const A = "10.0.0.2"
const FAMILY = { afi: 1, safi: 1 }
const RESTART: Capability = {
  _tag: "GracefulRestart",
  restarting: true,
  notification: false,
  timeS: 60,
  families: [{ ...FAMILY, forwarding: true }]
}
const LONG: Capability = { _tag: "LongLivedGracefulRestart", families: [{ ...FAMILY, forwarding: true, timeS: 600 }] }
const MARKS: Capability = { _tag: "EnhancedRouteRefresh" }
const HELPING: Partial<PeerConfig> = { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 600 } }

const nets = (from: number, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, at) => `20.${from + at}.0.0/16`)

const bench = (rest: Partial<PeerConfig>): Driver =>
  new Driver(configOf([peerConfig(A, 65002, { ...HELPING, ...rest })]))

/** A peer that told three prefixes, went, and is back in its restart time. */
const back = (rest: Partial<PeerConfig>, ...capabilities: ReadonlyArray<Capability>) => {
  const driver = bench(rest)
  const first = establishWith(driver, A, 65002, capabilities)
  driver.hear(first, announcement([65002], nets(0, 3)), encodeEndOfRib(0))
  driver.closeFrom(first)
  driver.pass(20_000)
  return { driver, conn: establishWith(driver, A, 65002, capabilities) }
}

describe("a prefix limit, while routes of an earlier session are stale", () => {
  it("counts what the peer tells now, so that a table that changed meanwhile does not count twice", () => {
    const { driver, conn } = back({ maxPrefixes: 3 }, RESTART)
    driver.hear(conn, announcement([65002], nets(10, 3)))
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", prefixes: { received: 6, stale: 3 } })
    driver.hear(conn, encodeEndOfRib(0))
    driver.settle()
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", prefixes: { received: 3, stale: 0 } })
  })

  it("ends the session when the peer itself tells more", () => {
    const { driver, conn } = back({ maxPrefixes: 3 }, RESTART)
    driver.hear(conn, announcement([65002], nets(10, 4)))
    expect(peerRow(driver, A)).toMatchObject({ state: "Idle" })
  })

  it("counts paths with new identifiers once [RFC 7911 §3]", () => {
    const addPath: Capability = { _tag: "AddPath", families: [{ ...FAMILY, mode: AddPathMode.Send }] }
    const driver = bench({ maxPrefixes: 3, addPath: { receive: true, send: 0 } })
    const say = (pathId: number): Uint8Array =>
      encodeUpdate(
        {
          attributes: {
            origin: 0,
            asPath: [{ type: 2, members: [65002] }],
            nextHop: { family: 4, words: [0x0a000002] }
          },
          nlri: nets(0, 3).map((text) => ({ ...parsePrefix(text)!, pathId }))
        },
        { as4: true, addPath: [true, false] }
      )
    const first = establishWith(driver, A, 65002, [RESTART, addPath])
    driver.hear(first, say(1), encodeEndOfRib(0))
    driver.closeFrom(first)
    driver.pass(20_000)
    const conn = establishWith(driver, A, 65002, [RESTART, addPath])
    driver.hear(conn, say(7))
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", prefixes: { received: 6, stale: 3 } })
  })

  it("warns of what is told now, not of what is kept", () => {
    const { driver, conn } = back({ maxPrefixes: 4, prefixWarningPercent: 100 }, RESTART)
    driver.hear(conn, announcement([65002], nets(10, 3)))
    expect(driver.notices.filter((notice) => notice.includes("over 100 %"))).toEqual([])
  })
})

it("a prefix limit counts, within a refresh, what the peer has told since it began [RFC 7313 §4]", () => {
  const driver = bench({ maxPrefixes: 3 })
  const conn = establishWith(driver, A, 65002, [MARKS])
  const mark = (subtype: number): Uint8Array => encodeRouteRefresh({ ...FAMILY, subtype })
  driver.hear(conn, announcement([65002], nets(0, 3)), mark(RefreshSubtype.Begin), announcement([65002], nets(10, 3)))
  expect(peerRow(driver, A)).toMatchObject({ state: "Established", prefixes: { received: 6, stale: 3 } })
  driver.hear(conn, mark(RefreshSubtype.End))
  driver.settle()
  expect(peerRow(driver, A)).toMatchObject({ state: "Established", prefixes: { received: 3, stale: 0 } })
})

it("a prefix limit does not count what is still being removed of a session that ended", () => {
  const driver = new Driver(configOf([peerConfig(A, 65002, { maxPrefixes: 3 })]))
  const first = establishWith(driver, A, 65002)
  driver.hear(first, announcement([65002], nets(0, 3)))
  driver.closeFrom(first)
  driver.pass(20_000)
  // No quantum was granted: nothing of the old table is gone yet.
  const conn = driver.establish(A, { asn: 65002 })
  driver.hear(conn, announcement([65002], nets(10, 3)))
  expect(peerRow(driver, A)).toMatchObject({ state: "Established" })
})

describe("the digest of the router", () => {
  it("tells a path that the peer has told again from one that is stale", () => {
    const { driver, conn } = back({}, RESTART)
    const before = driver.digest
    driver.hear(conn, announcement([65002], nets(0, 1)))
    expect(driver.digest).not.toBe(before)
  })

  it("tells which of two paths was told again", () => {
    const [one, other] = [0, 1].map((which) => {
      const { driver, conn } = back({}, RESTART)
      driver.hear(conn, announcement([65002], nets(which, 1)))
      return driver.digest
    })
    expect(one).not.toBe(other)
  })

  it("tells the stages of a restart apart", () => {
    const driver = bench({})
    const conn = establishWith(driver, A, 65002, [RESTART, LONG])
    driver.closeFrom(conn)
    driver.pass(59_000)
    const restarting = driver.digest
    // The restart time ends: nothing is there to be aged, so only the stage changes.
    driver.pass(2_000)
    expect(driver.digest).not.toBe(restarting)
  })

  it("tells a refresh that began from none", () => {
    const driver = bench({})
    const conn = establishWith(driver, A, 65002, [MARKS])
    const before = driver.digest
    driver.hear(conn, encodeRouteRefresh({ ...FAMILY, subtype: RefreshSubtype.Begin }))
    expect(driver.digest).not.toBe(before)
  })
})
