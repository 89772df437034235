// A table told again, with marks around it. RFC 2918, RFC 7313
import { describe, expect, it } from "vitest"
import {
  afiOf,
  encodeEndOfRib,
  encodeOpen,
  encodeRouteRefresh,
  keepalive,
  MessageType,
  RefreshSubtype,
  safiOf
} from "../../src/wire/index.ts"
import { concat, configOf, Driver, peerConfig } from "./driver.ts"
import { announcement, establishWith, peerRow, routesOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"
const MARKS = [{ _tag: "EnhancedRouteRefresh" }] as const

const refresh = (subtype: number, family: 0 | 1 = 0): Uint8Array =>
  encodeRouteRefresh({ afi: afiOf(family), safi: safiOf(family), subtype })

/** Type of each message, with the subtype of a ROUTE-REFRESH. */
const kinds = (messages: ReadonlyArray<Uint8Array>): ReadonlyArray<string> =>
  messages.map((message) =>
    message[18] === MessageType.RouteRefresh ? `refresh ${message[21]}` : `type ${message[18]}`
  )

const PREFIXES = 20_000
const prefixes = (from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from }, (_, at) => `20.${(from + at) >> 8}.${(from + at) & 255}.0/24`)

const openWithMarks = (asn: number): Uint8Array =>
  encodeOpen({
    version: 4,
    asn,
    holdTime: 90,
    id: 0x0a00_0063,
    capabilities: [
      { _tag: "Multiprotocol", afi: 1, safi: 1 },
      { _tag: "RouteRefresh" },
      { _tag: "FourOctetAs", asn },
      { _tag: "EnhancedRouteRefresh" }
    ]
  })

/** Prefixes that UPDATEs announce; each takes four octets here. */
const prefixesIn = (messages: ReadonlyArray<Uint8Array>): number =>
  messages
    .filter((message) => message[18] === MessageType.Update && message.length > 23)
    .reduce((sum, bytes) => sum + (bytes.length - 23 - ((bytes[21]! << 8) | bytes[22]!)) / 4, 0)

const isEndOfRib = (message: Uint8Array): boolean => message.length === 23 && message[18] === MessageType.Update

const told = (): { readonly driver: Driver; readonly a: number } => {
  const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003), peerConfig(C, 65004)]))
  const a = establishWith(driver, A, 65002, MARKS)
  driver.hear(a, announcement([65002], ["10.1.0.0/16", "10.2.0.0/16"]), encodeEndOfRib(0))
  return { driver, a }
}

describe("a refresh that we answer", () => {
  it("stands between marks for a peer that knows them, and for nobody else [RFC 7313 §4]", () => {
    const { driver } = told()
    const b = establishWith(driver, B, 65003, MARKS)
    const c = establishWith(driver, C, 65004)
    driver.hear(b, refresh(RefreshSubtype.Request))
    driver.hear(c, refresh(RefreshSubtype.Request))
    driver.settle()
    expect(kinds(driver.messages(b))).toEqual(["refresh 1", "type 2", "refresh 2"])
    expect(kinds(driver.messages(c))).toEqual(["type 2"])
  })

  it("is marked even if there is nothing to tell", () => {
    const { driver, a } = told()
    driver.messages(a)
    driver.hear(a, refresh(RefreshSubtype.Request))
    driver.settle()
    expect(kinds(driver.messages(a))).toEqual(["refresh 1", "refresh 2"])
  })

  it("is not given for a family that was not agreed on [RFC 2918 §4]", () => {
    const { driver, a } = told()
    driver.messages(a)
    driver.hear(a, refresh(RefreshSubtype.Request, 1))
    driver.settle()
    expect(driver.messages(a)).toEqual([])
  })
})

describe("a refresh that is asked for while the table is told for the first time", () => {
  /** A peer in the middle of its first telling: some slices are out, most are not. */
  const midway = () => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003)]))
    const a = establishWith(driver, A, 65002)
    for (let net = 0; net < PREFIXES; net += 250) driver.hear(a, announcement([65002], prefixes(net, net + 250)))
    driver.settle()
    const b = driver.accept(B)
    driver.hear(b, openWithMarks(65003), keepalive())
    driver.quantum()
    return { driver, b }
  }

  it("has its marks, and all of the table between them, after End-of-RIB [RFC 2918 §4, RFC 7313 §4]", () => {
    const { driver, b } = midway()
    expect(driver.quantumNodes).toBeGreaterThan(0)
    // What the peer made of these is what it wants to hear again.
    expect(prefixesIn(driver.messages(b))).toBeGreaterThan(0)
    driver.hear(b, refresh(RefreshSubtype.Request))
    driver.settle()
    const said = driver.messages(b)
    const end = said.findIndex(isEndOfRib)
    expect(said.filter(isEndOfRib).length).toBe(1)
    expect(kinds(said.slice(0, end)).filter((kind) => kind.startsWith("refresh"))).toEqual([])
    const answer = said.slice(end + 1)
    expect([kinds(answer)[0], kinds(answer).at(-1), prefixesIn(answer)]).toEqual(["refresh 1", "refresh 2", PREFIXES])
    expect(peerRow(driver, B)).toMatchObject({ prefixes: { advertised: PREFIXES } })
  })

  it("is the first telling itself, where nothing of that is out yet", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003)]))
    driver.hear(establishWith(driver, A, 65002), announcement([65002], prefixes(0, 250)))
    driver.settle()
    const b = driver.accept(B)
    driver.hear(b, concat([openWithMarks(65003), keepalive(), refresh(RefreshSubtype.Request)]))
    driver.settle()
    const said = driver.messages(b)
    expect([prefixesIn(said), said.filter(isEndOfRib).length, isEndOfRib(said.at(-1)!)]).toEqual([250, 1, true])
  })

  it("leaves the next one its marks [RFC 7313 §4]", () => {
    const { driver, b } = midway()
    driver.hear(b, refresh(RefreshSubtype.Request))
    driver.settle()
    driver.messages(b)
    driver.hear(b, refresh(RefreshSubtype.Request))
    driver.settle()
    const said = kinds(driver.messages(b))
    expect([said[0], said.at(-1), said.filter((kind) => kind.startsWith("refresh")).length]).toEqual([
      "refresh 1",
      "refresh 2",
      2
    ])
  })
})

describe("a refresh that a peer tells", () => {
  it("keeps everything in use until its end, and then drops what was not repeated [RFC 7313 §4]", () => {
    const { driver, a } = told()
    driver.hear(a, refresh(RefreshSubtype.Begin), announcement([65002], ["10.1.0.0/16"]))
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best", "10.2.0.0/16 stale best"])
    driver.hear(a, refresh(RefreshSubtype.End))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best"])
  })

  it("begun twice counts from the second beginning [RFC 7313 §4]", () => {
    const { driver, a } = told()
    driver.hear(a, refresh(RefreshSubtype.Begin), announcement([65002], ["10.1.0.0/16"]))
    driver.hear(a, refresh(RefreshSubtype.Begin), announcement([65002], ["10.2.0.0/16"]), refresh(RefreshSubtype.End))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.2.0.0/16 best"])
  })

  it("that never ends is ended by a timer", () => {
    const { driver, a } = told()
    driver.hear(a, refresh(RefreshSubtype.Begin))
    for (let half = 0; half < 13; half++) {
      driver.hear(a, announcement([65002], ["10.1.0.0/16"]))
      driver.pass(30_000)
    }
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best"])
  })

  it("drops nothing at an end without a beginning", () => {
    const { driver, a } = told()
    driver.hear(a, refresh(RefreshSubtype.End))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["10.1.0.0/16 best", "10.2.0.0/16 best"])
  })
})

it("who has told all of a family is shown by the family's name [RFC 4724 §2]", () => {
  const { driver } = told()
  establishWith(driver, B, 65003)
  expect([peerRow(driver, A)["endOfRib"], peerRow(driver, B)["endOfRib"]]).toEqual([["ipv4-unicast"], []])
})
