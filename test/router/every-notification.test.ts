// Every NOTIFICATION that there is, on the wire: what has the router say it, and that it is named when a peer says it.
// RFC 4271 §4.5, RFC 4486, RFC 5492, RFC 6608, RFC 7313, RFC 8538, RFC 9003, RFC 9234, RFC 9384, RFC 9687
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig, RouterConfig } from "../../src/router/index.ts"
import { TimerKind } from "../../src/session/index.ts"
import {
  type Capability,
  decodeNotification,
  describeNotification,
  encodeNotification,
  encodeOpen,
  keepalive,
  type Open
} from "../../src/wire/index.ts"
import { configOf, Driver, openOf, peerConfig } from "./driver.ts"
import { announcement, establishWith, peerRow } from "./far-side.ts"

const A = "10.0.0.2"
const ASN = 65002

const bench = (rest: Partial<PeerConfig> = {}): Driver => new Driver(configOf([peerConfig(A, ASN, rest)]))

const up = (rest: Partial<PeerConfig> = {}, capabilities: ReadonlyArray<Capability> = []) => {
  const driver = bench(rest)
  return { driver, conn: establishWith(driver, A, ASN, capabilities) }
}

/** Code, subcode and data of the last thing that was said on a connection. */
const last = (driver: Driver, conn: ConnId): string => {
  const message = driver.messages(conn).at(-1)!
  expect(message[18]).toBe(3)
  expect(driver.closed.has(conn)).toBe(true)
  const { code, subcode, data } = decodeNotification(message, 0, message.length)
  return [`${code}/${subcode}`, ...data].join(" ")
}

/** The answer to these bytes once our OPEN is out. */
const toOpenSent = (bytes: Uint8Array, rest: Partial<PeerConfig> = {}): string => {
  const driver = bench(rest)
  const conn = driver.accept(A)
  driver.hear(conn, bytes)
  return last(driver, conn)
}

const toOpen = (changes: Partial<Open>, rest: Partial<PeerConfig> = {}): string =>
  toOpenSent(encodeOpen({ version: 4, asn: ASN, holdTime: 90, id: 0x0a00_0063, capabilities: [], ...changes }), rest)

const toEstablished = (...bytes: ReadonlyArray<Uint8Array>): string => {
  const { driver, conn } = up()
  driver.hear(conn, ...bytes)
  return last(driver, conn)
}

const message = (type: number, ...body: ReadonlyArray<number>): Uint8Array =>
  Uint8Array.of(...Array<number>(16).fill(255), 0, 19 + body.length, type, ...body)

const update = (attributes: string): Uint8Array => {
  const bytes = Buffer.from(attributes, "hex")
  return message(2, 0, 0, 0, bytes.length, ...bytes, 8, 20)
}

const ordered = (
  order: object,
  rest: Partial<PeerConfig> = {},
  capabilities: ReadonlyArray<Capability> = []
): string => {
  const { driver, conn } = up(rest, capabilities)
  driver.command({ command: "peer", address: A, ...order })
  return last(driver, conn)
}

const reconfigured = (config: RouterConfig): string => {
  const { driver, conn } = up()
  driver.command({ command: "configure", config, seed: 1 })
  return last(driver, conn)
}

const PLAIN = "40010100 40020602010000fdea 4003040a000002".replaceAll(" ", "")
const HELPING: Partial<PeerConfig> = { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } }
const N_BIT: Capability = {
  _tag: "GracefulRestart",
  restarting: false,
  notification: true,
  timeS: 60,
  families: [{ afi: 1, safi: 1, forwarding: true }]
}

const collision = (): string => {
  const { driver, conn } = up()
  const second = driver.accept(A)
  driver.hear(second, openOf({ asn: ASN }))
  expect(driver.closed.has(conn)).toBe(false)
  return last(driver, second)
}

const rangeFull = (): string => {
  const driver = new Driver(configOf([], { dynamic: [{ range: "10.0.0.0/24", limit: 1, peer: peerConfig("", 0) }] }))
  driver.accept(A)
  return last(driver, driver.accept("10.0.0.3"))
}

const silenced = (): string => {
  const driver = bench()
  const conn = driver.accept(A)
  driver.accept(A)
  return last(driver, conn)
}

const tooMany = (): string => {
  const { driver, conn } = up({ maxPrefixes: 1 })
  driver.hear(conn, announcement([ASN], ["20.0.0.0/8", "21.0.0.0/8"]))
  return last(driver, conn)
}

const held = (): string => {
  const { driver, conn } = up({ holdTime: 9 })
  driver.pass(20_000)
  return last(driver, conn)
}

/** Nothing that was sent has left. */
const unread = (): string => {
  const { driver, conn } = up({ holdTime: 9 })
  for (let second = 0; second < 600 && !driver.closed.has(conn); second += 3) {
    driver.pass(3000)
    driver.hear(conn, keepalive())
  }
  expect(driver.state.timers.isArmed({ peer: 1, conn, kind: TimerKind.SendHold })).toBe(false)
  return last(driver, conn)
}

const confirmed = (bytes: Uint8Array): string => {
  const driver = bench()
  const conn = driver.accept(A)
  driver.hear(conn, openOf({ asn: ASN }), bytes)
  return last(driver, conn)
}

describe("the router says", () => {
  it.each([
    ["1/1", "when a marker is not all ones", () => toEstablished(keepalive().fill(0, 0, 1))],
    ["1/2 0 18", "when a message is shorter than its header", () => toEstablished(message(4).fill(18, 17, 18))],
    ["1/2 0 20", "when a KEEPALIVE has something to say", () => toEstablished(message(4, 0))],
    ["1/3 9", "when a type is none", () => toEstablished(message(9))],
    ["2/1 0 4", "when it hears another version", () => toOpen({ version: 3 })],
    ["2/2", "when the AS number is not the peer's", () => toOpen({ asn: 65009 })],
    ["2/2", "when the AS number is 0 [RFC 7607 §2]", () => toOpen({ asn: 0 }, { asn: 0 })],
    ["2/3", "when the identifier is 0 [RFC 6286 §2.2]", () => toOpen({ id: 0 })],
    [
      "2/4",
      "when an optional parameter is no capability",
      () => toOpenSent(message(1, 4, 0xfd, 0xea, 0, 90, 10, 0, 0, 99, 3, 9, 1, 0))
    ],
    ["2/6", "when the hold time is 2 s", () => toOpen({ holdTime: 2 })],
    ["2/7 1 4 0 2 0 1", "when no family is left [RFC 5492 §5]", () => toOpen({}, { families: ["ipv6-unicast"] })],
    [
      "2/11",
      "when the roles do not fit [RFC 9234 §4.2]",
      () => toOpen({ capabilities: [{ _tag: "Role", role: 0 }] }, { role: "provider" })
    ],
    ["3/1", "when attributes are longer than the message", () => toEstablished(message(2, 0, 0, 0, 99))],
    ["3/2 64 200 1 1", "when a well-known attribute is none", () => toEstablished(update(`${PLAIN}40c80101`))],
    [
      "3/9 128 14 2 0 2",
      "when MP_REACH_NLRI cannot be read [RFC 7606 §7.11]",
      () => toEstablished(update(`${PLAIN}800e020002`))
    ],
    ["3/10", "when a prefix is longer than its family's", () => toEstablished(message(2, 0, 2, 33, 1, 0, 0))],
    ["4/0", "when it hears nothing for the hold time", held],
    ["5/1 2", "when an UPDATE comes instead of an OPEN [RFC 6608 §3]", () => toOpenSent(message(2, 0, 0, 0, 0))],
    ["5/2 2", "when an UPDATE comes instead of a KEEPALIVE [RFC 6608 §3]", () => confirmed(message(2, 0, 0, 0, 0))],
    ["5/3 1", "when an OPEN comes under a session [RFC 6608 §3]", () => toEstablished(openOf({ asn: ASN }))],
    ["6/1 0 1 1 0 0 0 1", "when there are too many prefixes, with family and limit [RFC 4486 §4]", tooMany],
    [
      "6/2 4 110 111 111 110",
      "when it is disabled, with words [RFC 9003 §2]",
      () => ordered({ action: "disable", message: "noon" })
    ],
    ["6/2", "when it is disabled without a word", () => ordered({ action: "disable" })],
    ["6/3", "when the peer leaves the configuration", () => reconfigured(configOf([]))],
    [
      "6/4 3 110 111 119",
      "when it is reset, with words [RFC 9003 §2]",
      () => ordered({ action: "reset", message: "now" })
    ],
    ["6/5", "when a newer connection takes the place of a silent one (ADR-0025)", silenced],
    [
      "6/6",
      "when the peer's OPEN would be answered by another one now",
      () => reconfigured(configOf([peerConfig(A, ASN, { holdTime: 30 })]))
    ],
    ["6/7", "when a second connection loses [RFC 4271 §6.8]", collision],
    ["6/8", "when a range of peers is full", rangeFull],
    [
      "6/9 6 2 1 97",
      "when it is disabled and the peer would keep the routes [RFC 8538 §3.1]",
      () => ordered({ action: "disable", message: "a" }, HELPING, [N_BIT])
    ],
    ["6/10", "when the path to the peer is gone [RFC 9384 §3]", () => ordered({ action: "bfd-down" })],
    [
      "6/9 6 10",
      "when it is gone and the peer would keep the routes [RFC 9384 §3, RFC 8538 §3.1]",
      () => ordered({ action: "bfd-down" }, HELPING, [N_BIT])
    ],
    [
      "7/1",
      "when a mark of a refresh has a wrong length [RFC 7313 §5]",
      () => toEstablished(message(5, 0, 1, 1, 1, 0)).slice(0, 3)
    ],
    ["8/0", "when the peer reads nothing for the send hold time [RFC 9687 §4.4]", unread]
  ] satisfies ReadonlyArray<readonly [string, string, () => string]>)("%s %s", (said, _, cause) => {
    expect(cause()).toBe(said)
  })
})

describe("the router does not end the session any more [RFC 7606 §7]", () => {
  it.each([
    ["3/3 for a missing attribute", "40010100 4003040a000002"],
    ["3/4 for wrong flags", "c0010100 40020602010000fdea 4003040a000002"],
    ["3/5 for a wrong length", "4001020000 40020602010000fdea 4003040a000002"],
    ["3/6 for an undefined ORIGIN", "40010109 40020602010000fdea 4003040a000002"],
    ["3/8 for a NEXT_HOP that is no host", "40010100 40020602010000fdea 40030400000000"],
    ["3/11 for a malformed AS_PATH", "40010100 40020602050000fdea 4003040a000002"]
  ])("with %s: the route counts as withdrawn, and the fault is shown", (_, attributes) => {
    const { driver, conn } = up()
    driver.hear(conn, announcement([ASN], ["20.0.0.0/8"]), update(attributes.replaceAll(" ", "")))
    driver.settle()
    expect(peerRow(driver, A)).toMatchObject({
      state: "Established",
      prefixes: { received: 0 },
      findings: { treatedAsWithdraw: 1 }
    })
  })
})

describe("a NOTIFICATION of the peer", () => {
  const codes = [
    ...[0, 1, 2, 3].map((subcode) => [1, subcode]),
    ...[0, 1, 2, 3, 4, 5, 6, 7, 11].map((subcode) => [2, subcode]),
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((subcode) => [3, subcode]),
    [4, 0],
    ...[0, 1, 2, 3].map((subcode) => [5, subcode]),
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((subcode) => [6, subcode]),
    [7, 0],
    [7, 1],
    [8, 0],
    [99, 99]
  ].map(([code = 0, subcode = 0]) => [code, subcode] as const)

  it.each(codes)("%i/%i ends the session, is not answered, and is shown by its name", (code, subcode) => {
    const { driver, conn } = up()
    const fault = { code, subcode, data: new Uint8Array(0) }
    driver.hear(conn, encodeNotification(fault))
    expect(driver.closed.has(conn)).toBe(true)
    expect(driver.messages(conn)).toEqual([])
    const text = describeNotification(fault)
    expect(peerRow(driver, A)).toMatchObject({
      lastError: `received ${text}`,
      lastNotification: { direction: "received", code, subcode, text }
    })
    expect(driver.notices).toContain(`${A} is down: received ${text}`)
  })
})
