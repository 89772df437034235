// Families that are carried as bytes: learned, chosen, reflected and withdrawn without anybody reading them, next hop included
// (RFC 4760, 4364, 4659, 7432, 8277, 8955, 9552; RFC 7606 §5.3, §7.11; ADR-0032). A far side keeps what it is told by a key of its own.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { KeyTable } from "../../src/rib/index.ts"
import { query } from "../../src/router/index.ts"
import {
  AddPathMode,
  afiOf,
  asPathText,
  type Capability,
  decodeAttributes,
  encodeAttributes,
  encodeOpen,
  encodeRouteRefresh,
  FAMILIES_ALL,
  FAMILY_NAMES,
  keepalive,
  MessageType,
  parseAddress,
  safiOf
} from "../../src/wire/index.ts"
import { announce, ESI, hex, NO_ESI, RD, SAMPLES, sampleOf, text, withdraw } from "./carried-samples.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { rowsOf } from "./far-side.ts"

const CARRIED = FAMILIES_ALL.filter((family) => family > 1)
const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"

const establish = (
  driver: Driver,
  address: string,
  families: ReadonlyArray<number>,
  more: ReadonlyArray<Capability> = []
): ConnId => {
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
  return conn
}

/** What a message says of a family: `+ NEXTHOP NLRI`, `- NLRI`, `end`. */
const said = (bytes: Uint8Array): string => {
  if (bytes[18] !== MessageType.Update) return "?"
  const end = 23 + ((bytes[21]! << 8) | bytes[22]!)
  for (let at = 23; at < end; ) {
    const extended = (bytes[at]! & 0x10) !== 0
    const length = extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!
    const value = at + (extended ? 4 : 3)
    const after = value + length
    if (bytes[at + 1] === 15) return length === 3 ? "end" : `- ${text(bytes.subarray(value + 3, after))}`
    if (bytes[at + 1] === 14) {
      const hop = bytes[value + 3]!
      return `+ ${text(bytes.subarray(value + 4, value + 4 + hop))} ${text(bytes.subarray(value + 5 + hop, after))}`
    }
    at = after
  }
  return "nothing"
}

/** A and B are reflector clients; C is neither. */
const lab = (
  families: ReadonlyArray<number>,
  more: ReadonlyArray<Capability> = [],
  addPath = { receive: false, send: 0 }
) => {
  const names = families.map((family) => FAMILY_NAMES[family]!)
  const client = { type: "route-reflector-client", families: names, addPath } as const
  const driver = new Driver(
    configOf([
      peerConfig(A, LOCAL_AS, client),
      peerConfig(B, LOCAL_AS, client),
      peerConfig(C, LOCAL_AS, { families: names })
    ])
  )
  const [a, b, c] = [A, B, C].map((address) => establish(driver, address, families, more)) as [ConnId, ConnId, ConnId]
  for (const conn of [a, b, c]) driver.messages(conn)
  const heard = (conn: ConnId): ReadonlyArray<string> => driver.updates(conn).map(said)
  return { driver, a, b, c, heard }
}

describe.each(CARRIED.map((family) => [FAMILY_NAMES[family], family] as const))("%s", (name, family) => {
  const sample = sampleOf(family)

  it("is reflected with its next hop as it came, and withdrawn", () => {
    const { driver, a, b, c, heard } = lab([family])
    driver.hear(a, announce(family, sample.nextHop, sample.nlri))
    const told = `+ ${sample.nextHop} ${text(hex(sample.nlri))}`
    expect([heard(a), heard(b), heard(c)]).toEqual([[], [told], [told]])
    driver.hear(a, withdraw(family, sample.gone))
    expect([heard(a), heard(b), heard(c)]).toEqual([[], [`- ${sample.gone}`], [`- ${sample.gone}`]])
    expect(driver.state.rib.store.count).toBe(0)
    expect(driver.state.rib.tables[family]!.prefixes.count).toBe(0)
  })

  it("is told with its other route in one message where they have the same attributes, to whom comes later, then End-of-RIB", () => {
    const { driver, a } = lab([family])
    driver.hear(a, announce(family, sample.nextHop, `${sample.nlri}${sample.other}`))
    driver.closeFrom(
      [...driver.state.connections.values()].find(({ peer }) => driver.state.peers[peer]?.config.address === B)!.conn
    )
    driver.pass(60_000)
    const late = establish(driver, B, [family])
    const told = driver.updates(late).map(said)
    expect(told.at(-1)).toBe("end")
    const all = told.filter((one) => one.startsWith("+")).map((one) => one.split(" ")[2])
    expect(all.join("").length).toBe(text(hex(sample.nlri)).length + text(hex(sample.other)).length)
  })

  it("is shown in hexadecimal, and only when the family is asked for or none is", () => {
    const { driver, a } = lab([family])
    driver.hear(a, announce(family, sample.nextHop, sample.nlri))
    const rows = rowsOf(driver, { family: name })
    expect(rows.map((row) => [row["prefix"], row["family"], row["best"]])).toEqual([
      [`0x${text(hex(sample.nlri))}`, name, true]
    ])
    expect(rowsOf(driver, { family: "ipv4-unicast" })).toEqual([])
    expect([...(query(driver.state, "routes", { peer: B, advertised: "true" }) as Iterable<unknown>)].length).toBe(1)
  })

  it("goes when its session does", () => {
    const { driver, a, b, heard } = lab([family])
    driver.hear(a, announce(family, sample.nextHop, sample.nlri))
    heard(b)
    driver.closeFrom(a)
    driver.settle()
    expect(heard(b)).toEqual([`- ${sample.gone}`])
  })

  it("is told again when asked for [RFC 2918]", () => {
    const { driver, a, b, heard } = lab([family])
    driver.hear(a, announce(family, sample.nextHop, sample.nlri))
    const before = heard(b)
    driver.hear(b, encodeRouteRefresh({ afi: afiOf(family), safi: safiOf(family), subtype: 0 }))
    driver.settle()
    expect(heard(b)).toEqual(before)
  })

  it("ends the session where lengths do not fit [RFC 7606 §5.3]", () => {
    for (const broken of [sample.nlri.slice(0, -2), `${sample.nlri}ff`]) {
      const { driver, a } = lab([family])
      driver.hear(a, announce(family, sample.nextHop, broken))
      expect([broken, driver.closed.has(a)]).toEqual([broken, true])
    }
  })

  it("says nothing to anybody who did not agree on it, and means nothing from him [RFC 4760 §7]", () => {
    const { driver, a, heard, b } = lab([family === 2 ? 3 : 2, 0])
    driver.hear(a, announce(family, sample.nextHop, sample.nlri))
    expect([heard(b), rowsOf(driver, {}), driver.closed.has(a)]).toEqual([[], [], false])
  })
})

describe("the value of a route that is no part of its key", () => {
  const valued = CARRIED.filter((family) => sampleOf(family).again !== undefined)

  it.each(valued.map((family) => [FAMILY_NAMES[family], family] as const))(
    "%s: another value replaces the route, and goes on [RFC 8277 §2.4, RFC 7432 §7]",
    (_, family) => {
      const sample = sampleOf(family)
      const { driver, a, b, heard } = lab([family])
      driver.hear(a, announce(family, sample.nextHop, sample.nlri))
      heard(b)
      driver.hear(a, announce(family, sample.nextHop, sample.again!))
      expect(heard(b)).toEqual([`+ ${sample.nextHop} ${sample.again}`])
      expect(rowsOf(driver, { family: FAMILY_NAMES[family]! }).length).toBe(1)
      driver.hear(a, withdraw(family, sample.nlri))
      expect(heard(b)).toEqual([`- ${sample.gone}`])
    }
  )

  it("EVPN: routes of other types have keys of their own [RFC 7432 §7.1, §7.4, RFC 9136 §3.1]", () => {
    const types = [
      [`0119${RD}${ESI}00000000000641`, `0119${RD}${ESI}00000000000000`],
      [`0417${RD}${ESI}200a000002`, `0417${RD}${ESI}200a000002`],
      [`0522${RD}${ESI}00000000180a0100000a000001000641`, `0522${RD}${NO_ESI}00000000180a01000000000000000000`],
      [`0905aabbccddee`, `0905aabbccddee`]
    ] as const
    for (const [nlri, gone] of types) {
      const { driver, a, b, heard } = lab([8])
      driver.hear(a, announce(8, "0a000002", nlri))
      driver.hear(a, withdraw(8, gone))
      expect(heard(b)).toEqual([`+ 0a000002 ${nlri}`, `- ${gone}`])
    }
  })

  it("prefix bits beyond the length mean nothing [RFC 4271 §4.3]", () => {
    const { driver, a, b, heard } = lab([2])
    driver.hear(a, announce(2, "0a000002", "14c633ff"))
    expect(heard(b)).toEqual(["+ 0a000002 14c633f0"])
    driver.hear(a, withdraw(2, "14c633f1"))
    expect(heard(b)).toEqual(["- 14c633f0"])
  })
})

describe("carried routes of other ASes", () => {
  const world = (type: "external" | "route-server-client") => {
    const driver = new Driver(
      configOf([A, B].map((address, index) => peerConfig(address, 65002 + index, { type, families: ["ipv4-vpn"] })))
    )
    const [a, b] = [A, B].map((address, index) => {
      const conn = driver.accept(address)
      const capabilities: ReadonlyArray<Capability> = [
        { _tag: "Multiprotocol", afi: 1, safi: 128 },
        { _tag: "FourOctetAs", asn: 65002 + index }
      ]
      const id = parseAddress(address)!.words[0]!
      driver.hear(conn, encodeOpen({ version: 4, asn: 65002 + index, holdTime: 90, id, capabilities }), keepalive())
      driver.settle()
      driver.messages(conn)
      return conn
    }) as [ConnId, ConnId]
    const { nextHop, nlri } = sampleOf(6)
    const path = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [65002] }] }, true)
    driver.hear(a, announce(6, nextHop, nlri, path))
    const [update] = driver.updates(b)
    const attributes = decodeAttributes(update!, 23, 23 + ((update![21]! << 8) | update![22]!), true)
    return [said(update!), asPathText(attributes.asPath!)]
  }

  it("pass an external session with our AS number in front, and their next hop", () => {
    const { nextHop, nlri } = sampleOf(6)
    expect(world("external")).toEqual([`+ ${nextHop} ${nlri}`, `${LOCAL_AS} 65002`])
  })

  it("pass a route server untouched [RFC 7947 §2.2]", () => {
    const { nextHop, nlri } = sampleOf(6)
    expect(world("route-server-client")).toEqual([`+ ${nextHop} ${nlri}`, "65002"])
  })
})

describe("choosing among carried routes", () => {
  it("follows the decision process, and the loser takes over [RFC 4271 §9.1.2.2]", () => {
    const { driver, a, b, c, heard } = lab([6])
    const { nextHop, nlri, gone } = sampleOf(6)
    driver.hear(a, announce(6, nextHop, nlri, encodeAttributes({ origin: 0, asPath: [], localPref: 100 }, true)))
    driver.hear(b, announce(6, nextHop, nlri, encodeAttributes({ origin: 0, asPath: [], localPref: 200 }, true)))
    expect(rowsOf(driver, { family: "ipv4-vpn" }).map((row) => [row["peer"], row["reason"]])).toEqual([
      [B, "best"],
      [A, "local preference"]
    ])
    heard(c)
    driver.hear(b, withdraw(6, gone))
    expect(heard(c)).toEqual([`+ ${nextHop} ${nlri}`])
  })

  it("takes path identifiers where they were agreed on [RFC 7911 §3]", () => {
    const capability: Capability = {
      _tag: "AddPath",
      families: [{ afi: afiOf(8), safi: safiOf(8), mode: AddPathMode.Both }]
    }
    const { driver, a, b, heard } = lab([8], [capability], { receive: true, send: 0 })
    const { nextHop, nlri } = sampleOf(8)
    driver.hear(a, announce(8, nextHop, `00000009${nlri}00000007${nlri}`))
    expect(rowsOf(driver, { family: "l2vpn-evpn" }).map((row) => [row["pathId"], row["reason"]])).toEqual([
      [7, "best"],
      [9, "path id"]
    ])
    expect(heard(b)).toEqual([`+ ${nextHop} ${nlri}`])
    driver.hear(a, withdraw(8, `00000007${nlri}`))
    expect(rowsOf(driver, { family: "l2vpn-evpn" }).map((row) => row["pathId"])).toEqual([9])
  })

  it("does not ask whether a next hop can be reached", () => {
    const { driver, a } = lab([6])
    const { nextHop, nlri } = sampleOf(6)
    driver.state.rib.store.nextHops.reachable.fill(0)
    driver.hear(a, announce(6, nextHop, nlri))
    expect(rowsOf(driver, { family: "ipv4-vpn" })[0]?.["best"]).toBe(true)
  })

  it("keeps routes of 4,000 octets in messages of their own, and what fits nowhere out [RFC 8654 §4]", () => {
    const flow = (length: number): string =>
      `f${length.toString(16).padStart(3, "0")}${"038106".repeat(2000).slice(0, length * 2)}`
    const { driver, a, b, heard } = lab([9])
    driver.hear(a, announce(9, "", flow(3800)))
    expect(heard(b)).toEqual([`+  ${flow(3800)}`])
  })
})

describe("many keys", () => {
  it("law: reflected tables equal a map of what was told last", () => {
    const nlriOf = (index: number, label: number): string => {
      const labelText = ((label << 4) | 1).toString(16).padStart(6, "0")
      return `70${labelText}${RD}0a${index.toString(16).padStart(4, "0")}`
    }
    const change = fc.record({
      index: fc.nat({ max: 40 }),
      label: fc.integer({ min: 16, max: 18 }),
      gone: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), (batches) => {
        const { driver, a, b } = lab([6])
        const model = new Map<number, string>()
        const table = new Map<string, string>()
        for (const batch of batches) {
          const records = batch.map(({ index, label, gone }) => {
            if (gone) model.delete(index)
            else model.set(index, nlriOf(index, label))
            const bytes = gone
              ? withdraw(6, nlriOf(index, 16))
              : announce(6, SAMPLES["ipv4-vpn"]!.nextHop, nlriOf(index, label))
            return { _tag: "Bytes", conn: a, bytes } as const
          })
          driver.step(...records)
          driver.settle()
          for (const one of driver.updates(b).map(said)) {
            const [sign, ...rest] = one.split(" ")
            for (const nlri of rest.at(-1)!.match(/.{30}/g) ?? []) {
              if (sign === "+") table.set(nlri.slice(8), nlri)
              else table.delete(nlri.slice(8))
            }
          }
          expect([...table.values()].sort()).toEqual([...model.values()].sort())
        }
        for (const index of [...model.keys()]) driver.hear(a, withdraw(6, nlriOf(index, 16)))
        expect(driver.state.rib.store.count).toBe(0)
      }),
      { numRuns: 60 }
    )
  })

  it("come and go by their bytes", () => {
    const keys = new KeyTable(8)
    const one = Uint8Array.of(1, 2, 3)
    const other = Uint8Array.of(4, 5, 6)
    const first = keys.internKey(one, 3)
    keys.retain(first)
    const second = keys.internKey(other, 3)
    keys.retain(second)
    expect([keys.findKey(one, 3), keys.findKey(other, 3), first === second]).toEqual([first, second, false])
    keys.release(first)
    expect([keys.findKey(one, 3), keys.findKey(other, 3)]).toEqual([-1, second])
  })
})
