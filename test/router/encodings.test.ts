// What was negotiated decides how routes are written and read: 2-octet AS numbers, IPv6, path identifiers. What one session brings in is
// read back from what another is sent, with the codec that judges peers. RFC 6793, RFC 4760, RFC 2545, RFC 7911
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { query } from "../../src/router/index.ts"
import {
  type Attributes,
  AttributeType,
  decodeAttributes,
  decodeNlri,
  encodeUpdate,
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  reconcileAs4,
  scanUpdate,
  type UpdateContext,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import { configOf, Driver, type FarSide, peerConfig } from "./driver.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const PLAIN = { as4: true, addPath: [false, false] } as const

const context = (far: { readonly as4?: boolean; readonly external?: boolean }): UpdateContext => ({
  as4: far.as4 !== false,
  addPath: [false, false],
  external: far.external !== false,
  extended: false
})

const sequence = (...members: ReadonlyArray<number>): NonNullable<Attributes["asPath"]> => [{ type: 2, members }]
const pathOf = (attributes: Attributes): string => (attributes.asPath ?? []).flatMap(({ members }) => members).join(" ")

const attributesOf = (bytes: Uint8Array, as4: boolean): Attributes => {
  const view = new UpdateView()
  const verdict = scanUpdate(view, bytes, 0, bytes.length, { ...context({}), as4 })
  expect(verdict).toBe(Verdict.Keep)
  return decodeAttributes(bytes, view.attributesAt, view.attributesEnd, as4)
}

const routes = (driver: Driver): ReadonlyArray<Readonly<Record<string, unknown>>> => [
  ...(query(driver.state, "routes") as Iterable<Readonly<Record<string, unknown>>>)
]

describe("2-octet AS peers", () => {
  const two = (far: FarSide, localAs = 65001): { readonly driver: Driver; readonly a: ConnId; readonly b: ConnId } => {
    const config = configOf([peerConfig(A, 65002), peerConfig(B, far.asn)])
    const driver = new Driver({ ...config, router: { ...config.router, asn: localAs } })
    const a = driver.establish(A, { asn: 65002 })
    const b = driver.establish(B, far)
    driver.messages(b)
    return { driver, a, b }
  }

  it("are told AS_TRANS for what they cannot carry, and AS4_PATH beside it [RFC 6793 §4.2.2]", () => {
    const { driver, a, b } = two({ asn: 65003, as4: false })
    const attributes = { origin: 0, asPath: sequence(65002, 4_200_000_000, 65010), nextHop: parseAddress(A)! }
    driver.hear(a, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, PLAIN))
    const [update] = driver.updates(b)
    const told = attributesOf(update!, false)
    expect(pathOf(told)).toBe("65001 65002 23456 65010")
    expect(pathOf({ asPath: told.as4Path! })).toBe("65001 65002 4200000000 65010")
    expect(pathOf(reconcileAs4(told))).toBe("65001 65002 4200000000 65010")
  })

  it("are told no AS4_PATH where every number fits [RFC 6793 §4.2.2]", () => {
    const { driver, a, b } = two({ asn: 65003, as4: false })
    const attributes = { origin: 0, asPath: sequence(65002, 65010), nextHop: parseAddress(A)! }
    driver.hear(a, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, PLAIN))
    const told = attributesOf(driver.updates(b)[0]!, false)
    expect([pathOf(told), told.as4Path]).toEqual(["65001 65002 65010", undefined])
  })

  it("know us as AS_TRANS where our own number does not fit [RFC 6793 §4.2.3]", () => {
    const { driver, a, b } = two({ asn: 65003, as4: false }, 4_200_000_001)
    const attributes = { origin: 0, asPath: sequence(65002), nextHop: parseAddress(A)! }
    driver.hear(a, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, PLAIN))
    const told = attributesOf(driver.updates(b)[0]!, false)
    expect([pathOf(told), pathOf({ asPath: told.as4Path! })]).toEqual(["23456 65002", "4200000001 65002"])
  })

  it("are believed with AS4_PATH merged in, and others are told the real numbers [RFC 6793 §4.2.3]", () => {
    const { driver, a, b } = two({ asn: 65003, as4: false })
    const attributes = {
      origin: 0,
      asPath: sequence(65003, 23456, 65010),
      as4Path: sequence(4_200_000_000, 65010),
      nextHop: parseAddress(B)!
    } as Attributes
    driver.messages(a)
    driver.hear(b, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, { ...PLAIN, as4: false }))
    expect(routes(driver)).toMatchObject([{ prefix: "10.1.0.0/16", asPath: "65003 4200000000 65010", best: true }])
    const told = attributesOf(driver.updates(a)[0]!, true)
    expect([pathOf(told), told.as4Path]).toEqual(["65001 65003 4200000000 65010", undefined])
  })

  it("see a loop through AS4_PATH, which AS_PATH hides [RFC 6793 §4.2.3]", () => {
    const { driver, b } = two({ asn: 65003, as4: false }, 4_200_000_001)
    const attributes = {
      origin: 0,
      asPath: sequence(65003, 23456),
      as4Path: sequence(65003, 4_200_000_001),
      nextHop: parseAddress(B)!
    } as Attributes
    driver.hear(b, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, { ...PLAIN, as4: false }))
    expect(routes(driver)).toMatchObject([{ reason: "AS loop" }])
  })
})

describe("IPv6 unicast", () => {
  const A6 = "2001:db8::2"
  const B6 = "2001:db8::3"
  const LOCAL = "[2001:db8::1]:179"
  const families = ["ipv4-unicast", "ipv6-unicast"] as const

  const two = (kind: "external" | "internal"): { readonly driver: Driver; readonly a: ConnId; readonly b: ConnId } => {
    const far = kind === "external" ? 65003 : 65001
    const driver = new Driver(configOf([peerConfig(A6, 65002, { families }), peerConfig(B6, far, { families })]))
    const a = driver.establish(A6, { asn: 65002, families: [0, 1] }, LOCAL)
    const b = driver.establish(B6, { asn: far, families: [0, 1] }, LOCAL)
    driver.messages(b)
    return { driver, a, b }
  }

  const announce = (prefixes: ReadonlyArray<string>, nextHops: ReadonlyArray<string>): Uint8Array =>
    encodeUpdate(
      {
        attributes: {
          origin: 0,
          asPath: sequence(65002),
          mpReach: {
            afi: 2,
            safi: 1,
            nextHops: nextHops.map((text) => parseAddress(text)!),
            nlri: prefixes.map((text) => parsePrefix(text)!)
          }
        }
      },
      PLAIN
    )

  /** What a message says, as a judging peer reads it. */
  const read = (message: Uint8Array, external: boolean): unknown => {
    const view = new UpdateView()
    expect(scanUpdate(view, message, 0, message.length, context({ external }))).toBe(Verdict.Keep)
    if (view.endOfRib >= 0) return { endOfRib: view.endOfRib }
    const span = (from: number, to: number): ReadonlyArray<string> =>
      decodeNlri(message, from, to, 6, false).map(formatPrefix)
    const { mpReach } = decodeAttributes(message, view.attributesAt, view.attributesEnd, true)
    return {
      reached: view.reachFamily < 0 ? [] : span(view.reachNlriAt, view.reachNlriEnd),
      unreached: view.unreachFamily < 0 ? [] : span(view.unreachNlriAt, view.unreachNlriEnd),
      nextHop: mpReach?.nextHops.map(formatAddress).join()
    }
  }

  it("goes to an external peer with our own address, and comes back out of it [RFC 4760 §3, RFC 2545 §3]", () => {
    const { driver, a, b } = two("external")
    driver.hear(a, announce(["2001:db8:1::/48", "2001:db8:2::/47"], [A6]))
    expect(driver.updates(b).map((message) => read(message, true))).toEqual([
      { reached: ["2001:db8:1::/48", "2001:db8:2::/47"], unreached: [], nextHop: "2001:db8::1" }
    ])
    const unreach = { afi: 2, safi: 1, nlri: [parsePrefix("2001:db8:1::/48")!] }
    driver.hear(a, encodeUpdate({ attributes: { mpUnreach: unreach } }, PLAIN))
    expect(driver.updates(b).map((message) => read(message, true))).toEqual([
      { reached: [], unreached: ["2001:db8:1::/48"], nextHop: undefined }
    ])
  })

  it("keeps the next hop inside the AS, and of two the global one [RFC 2545 §3, RFC 4271 §5.1.3]", () => {
    const { driver, a, b } = two("internal")
    driver.hear(a, announce(["2001:db8:1::/48"], [A6, "fe80::2"]))
    expect(driver.updates(b).map((message) => read(message, false))).toEqual([
      { reached: ["2001:db8:1::/48"], unreached: [], nextHop: A6 }
    ])
  })

  it("tells a late peer everything of both families, and both ends [RFC 4724 §2]", () => {
    const driver = new Driver(configOf([peerConfig(A6, 65002, { families }), peerConfig(B6, 65003, { families })]))
    driver.command({ command: "announce", route: { prefix: "2001:db8:9::/48", communities: ["65001:1"] } })
    const b = driver.establish(B6, { asn: 65003, families: [0, 1] }, LOCAL)
    driver.settle()
    const said = driver.updates(b).map((message) => read(message, true))
    expect(said).toEqual([
      { endOfRib: 0 },
      { reached: ["2001:db8:9::/48"], unreached: [], nextHop: "2001:db8::1" },
      { endOfRib: 1 }
    ])
  })

  it("packs many prefixes into messages of legal length, each prefix once [RFC 4271 §4.1]", () => {
    const { driver, a, b } = two("external")
    const prefixes = Array.from({ length: 1000 }, (_, index) => `2001:db8:${(index + 16).toString(16)}::/48`)
    for (let at = 0; at < prefixes.length; at += 200) driver.hear(a, announce(prefixes.slice(at, at + 200), [A6]))
    const updates = driver.updates(b)
    const told = updates.flatMap((message) => (read(message, true) as { reached: ReadonlyArray<string> }).reached)
    expect(told).toEqual(prefixes)
    expect(Math.max(...updates.map(({ length }) => length))).toBeLessThanOrEqual(4096)
  })

  it("of a family that was not agreed on is not believed [RFC 4760 §6]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002)]))
    const conn = driver.establish(A, { asn: 65002 })
    driver.hear(conn, announce(["2001:db8:1::/48"], [A6]))
    expect(routes(driver)).toEqual([])
    expect(driver.closed.size).toBe(0)
  })
})

describe("path identifiers", () => {
  it("keep paths of one prefix apart, and the best is told on without them [RFC 7911 §3]", () => {
    const driver = new Driver(
      configOf([peerConfig(A, 65002, { addPath: { receive: true, send: 0 } }), peerConfig(B, 65003)])
    )
    const a = driver.establish(A, { asn: 65002, addPathSend: true })
    const b = driver.establish(B, { asn: 65003 })
    driver.messages(b)
    const say = (pathId: number, ...path: ReadonlyArray<number>): void =>
      driver.hear(
        a,
        encodeUpdate(
          {
            attributes: { origin: 0, asPath: sequence(65002, ...path), nextHop: parseAddress(A)! },
            nlri: [{ ...parsePrefix("10.1.0.0/16")!, pathId }]
          },
          { as4: true, addPath: [true, false] }
        )
      )
    say(1, 65010, 65011)
    say(2, 65010)
    say(7, 65010, 65011, 65012)
    expect(routes(driver).map((row) => [row["pathId"], row["best"], row["reason"]])).toEqual([
      [2, true, "best"],
      [1, false, "AS path length"],
      [7, false, "AS path length"]
    ])
    const withdrawn = [{ ...parsePrefix("10.1.0.0/16")!, pathId: 2 }]
    driver.hear(a, encodeUpdate({ withdrawn }, { as4: true, addPath: [true, false] }))
    expect(driver.updates(b).map((message) => pathOf(attributesOf(message, true)))).toEqual([
      "65001 65002 65010 65011",
      "65001 65002 65010",
      "65001 65002 65010 65011"
    ])
  })
})

describe("attributes", () => {
  it("that nobody knows travel on with the Partial bit, if they are transitive [RFC 4271 §9]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003)]))
    const a = driver.establish(A, { asn: 65002 })
    const b = driver.establish(B, { asn: 65003 })
    driver.messages(b)
    const unknown = [
      { type: 200, flags: 0xc0, value: Uint8Array.of(1, 2) },
      { type: 201, flags: 0x80, value: Uint8Array.of(3) }
    ]
    const attributes = { origin: 0, asPath: sequence(65002), nextHop: parseAddress(A)!, med: 5, unknown }
    driver.hear(a, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, PLAIN))
    const told = attributesOf(driver.updates(b)[0]!, true)
    expect(told.unknown).toEqual([{ type: 200, flags: 0xe0, value: Uint8Array.of(1, 2) }])
    expect([told.med, told.localPref]).toEqual([undefined, undefined])
  })

  it("leave in ascending order of type, as what reads them best expects [RFC 4271 §5]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65001, { type: "internal" })]))
    const a = driver.establish(A, { asn: 65002 })
    const b = driver.establish(B, { asn: 65001 })
    driver.messages(b)
    const attributes = {
      origin: 0,
      asPath: sequence(65002),
      nextHop: parseAddress(A)!,
      communities: [1],
      largeCommunities: [[1, 2, 3]] as const
    }
    driver.hear(a, encodeUpdate({ attributes, nlri: [parsePrefix("10.1.0.0/16")!] }, PLAIN))
    const [update] = driver.updates(b)
    const types: Array<number> = []
    for (let at = 23; types.length < 6; at += 3 + update![at + 2]!) types.push(update![at + 1]!)
    expect(types).toEqual([
      AttributeType.Origin,
      AttributeType.AsPath,
      AttributeType.NextHop,
      AttributeType.LocalPref,
      AttributeType.Communities,
      AttributeType.LargeCommunities
    ])
  })
})
