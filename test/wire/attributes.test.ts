// Attributes as objects: there and back, the text of paths and communities, and the way through a speaker of 2-octet AS numbers.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryAsPath, arbitraryAttributes } from "../../src/testing/wire.ts"
import {
  type AsSegment,
  type Attributes,
  asPathLength,
  asPathText,
  attributesJson,
  communityText,
  decodeAsPath,
  decodeAttributes,
  encodeAsPath,
  encodeAttributes,
  extendedCommunityText,
  mergeAs4Path,
  parseCommunity,
  parseLargeCommunity,
  reconcileAs4
} from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

const TRANS = 23456
const sequence = (...members: ReadonlyArray<number>): AsSegment => ({ type: 2, members })
const set = (...members: ReadonlyArray<number>): AsSegment => ({ type: 1, members })
const confederation = (...members: ReadonlyArray<number>): AsSegment => ({ type: 3, members })

describe("attributes", () => {
  it("come back from their bytes, unknown ones with their flags", () => {
    fc.assert(
      fc.property(arbitraryAttributes, (attributes) => {
        const bytes = encodeAttributes(attributes, true)
        expect(decodeAttributes(bytes, 0, bytes.length, true)).toEqual(attributes)
      })
    )
  })

  it("that are not what their type promises are kept as bytes", () => {
    const bytes = hex("4001020000 c0080300010a")
    expect(decodeAttributes(bytes, 0, bytes.length, true)).toEqual({
      unknown: [
        { flags: 0x40, type: 1, value: Uint8Array.of(0, 0) },
        { flags: 0xc0, type: 8, value: Uint8Array.of(0, 1, 10) }
      ]
    })
  })

  it("of families whose routes are no prefixes are kept as bytes, also where the bytes could be read as prefixes", () => {
    // IPv6 flow specifications and EVPN: two next hops, or one, and no route or one octet.
    for (const value of [`00028520${"00".repeat(33)}`, `00194610${"00".repeat(18)}`]) {
      const bytes = hex(`800e${(value.length / 2).toString(16).padStart(2, "0")}${value}`)
      const reach = { flags: 0x80, type: 14, value: hex(value) }
      expect(decodeAttributes(bytes, 0, bytes.length, true)).toEqual({ unknown: [reach] })
    }
  })

  it("that come twice count once, and what does not fit ends the reading", () => {
    const bytes = hex("40010101 40010102 40030400")
    expect(decodeAttributes(bytes, 0, bytes.length, true)).toEqual({ origin: 1 })
  })

  it("have the names of `show routes` as JSON", () => {
    const attributes: Attributes = {
      origin: 0,
      asPath: [sequence(64500, 64501), set(64502, 64503)],
      nextHop: { family: 4, words: [0xc0000201] },
      med: 0,
      localPref: 100,
      aggregator: { asn: 64500, address: 0xc0000202 },
      communities: [0xfde80001, 0xffffff01],
      extendedCommunities: [
        [0x0002fde8, 1],
        [0x0102c000, 0x02010007],
        [0x02030001, 0x00000009],
        [0x4004fde8, 1]
      ],
      largeCommunities: [[1, 2, 4_294_967_295]],
      unknown: [{ flags: 0xc0, type: 200, value: Uint8Array.of(1, 255) }]
    }
    expect(attributesJson(attributes)).toEqual({
      origin: "igp",
      asPath: "64500 64501 {64502,64503}",
      nextHop: "192.0.2.1",
      med: 0,
      localPref: 100,
      aggregator: { asn: 64500, address: "192.0.2.2" },
      communities: ["65000:1", "65535:65281"],
      extendedCommunities: ["rt:65000:1", "rt:192.0.2.1:7", "ro:65536:9", "0x4004fde800000001"],
      largeCommunities: ["1:2:4294967295"],
      unknown: [{ type: 200, name: "attribute 200", flags: 0xc0, value: "01ff" }]
    })
  })
})

describe("communities", () => {
  it("come back from their text", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), (community) => {
        expect(parseCommunity(communityText(community))).toBe(community)
      })
    )
    expect(parseLargeCommunity("1:2:3")).toEqual([1, 2, 3])
  })

  it.each(["", "1", "65536:1", "1:65536", "1:2:3", "a:1", "-1:2", "01:2"])("%j is none", (text) => {
    expect(parseCommunity(text)).toBeUndefined()
  })

  it("with a meaning that we have no short form for are hexadecimal", () => {
    expect(extendedCommunityText([0x030c0000, 8])).toBe("0x030c000000000008")
  })
})

describe("an AS_PATH", () => {
  it("comes back from its bytes", () => {
    fc.assert(
      fc.property(arbitraryAsPath, (path) => {
        const bytes = encodeAsPath(path, true)
        expect(decodeAsPath(bytes, 0, bytes.length, true)).toEqual(path)
      })
    )
  })

  it("of more members than a segment can say is split", () => {
    const members = Array.from({ length: 600 }, (_, index) => index + 1)
    const bytes = encodeAsPath([sequence(...members)], true)
    const segments = decodeAsPath(bytes, 0, bytes.length, true)
    expect(segments?.map((segment) => segment.members.length)).toEqual([255, 255, 90])
    expect(segments?.flatMap((segment) => segment.members)).toEqual(members)
  })

  it("has AS_TRANS for what 2 octets cannot say [RFC 6793 §4.2.2]", () => {
    expect(encodeAsPath([sequence(65536, 64500)], false)).toEqual(hex("0202 5ba0 fbf4"))
  })

  it("shows every kind of segment", () => {
    expect(asPathText([confederation(1, 2), sequence(3, 4), set(5, 6), { type: 4, members: [7, 8] }])).toBe(
      "(1 2) 3 4 {5,6} [7,8]"
    )
    expect(asPathText([])).toBe("")
  })

  it("counts a set once and confederations not at all [RFC 4271 §9.1.2.2 a, RFC 5065 §5.3]", () => {
    expect(asPathLength([confederation(1, 2), sequence(3, 4), set(5, 6)])).toBe(3)
  })
})

describe("AS4_PATH and AS_PATH [RFC 6793 §4.2.3]", () => {
  it("restore any path that went through a speaker of 2-octet numbers", () => {
    fc.assert(
      fc.property(arbitraryAsPath, (path) => {
        const joined = mergeAs4Path(path, path)
        const narrow = path.map(({ type, members }) => ({
          type,
          members: members.map((asn) => (asn > 0xffff ? TRANS : asn))
        }))
        expect(mergeAs4Path(narrow, path)).toEqual(joined)
        expect(asPathText(joined)).toBe(asPathText(path))
      })
    )
  })

  it.each<readonly [string, ReadonlyArray<AsSegment>, ReadonlyArray<AsSegment>, string]>([
    ["what old speakers prepended leads", [sequence(5, 6, TRANS, 7)], [sequence(70000, 7)], "5 6 70000 7"],
    ["a longer AS4_PATH is ignored", [sequence(5, TRANS)], [sequence(1, 2, 3)], "5 23456"],
    ["an AS4_PATH as long replaces all", [sequence(TRANS, 6)], [sequence(70000, 6)], "70000 6"],
    ["a set counts once", [sequence(5, TRANS), set(8, 9)], [sequence(70000), set(8, 90000)], "5 70000 {8,90000}"],
    ["a set may lead", [set(1, 2), sequence(TRANS)], [sequence(70000)], "{1,2} 70000"],
    ["confederations lead on", [confederation(1), sequence(5, TRANS)], [sequence(70000)], "(1) 5 70000"],
    ["confederations in AS4_PATH do not count", [sequence(5, TRANS)], [confederation(9), sequence(70000)], "5 70000"],
    ["an AS4_PATH of nothing but those says nothing", [sequence(5, TRANS)], [confederation(9)], "5 23456"]
  ])("%s", (_, asPath, as4Path, text) => {
    expect(asPathText(mergeAs4Path(asPath, as4Path))).toBe(text)
  })

  const paths = { asPath: [sequence(5, TRANS)], as4Path: [sequence(70000)] }
  const wide = { asn: 70000, address: 1 }

  it("both replace what they stand for, and are gone", () => {
    const given = { ...paths, aggregator: { asn: TRANS, address: 1 }, as4Aggregator: wide, partial: [17, 18, 8] }
    expect(reconcileAs4(given)).toEqual({ asPath: [sequence(5, 70000)], aggregator: wide, partial: [8] })
  })

  it("are both dropped when somebody else aggregated since", () => {
    const given = { ...paths, aggregator: { asn: 64500, address: 2 }, as4Aggregator: wide }
    expect(reconcileAs4(given)).toEqual({ asPath: paths.asPath, aggregator: { asn: 64500, address: 2 } })
  })

  it("AS4_AGGREGATOR alone says nothing", () => {
    expect(reconcileAs4({ ...paths, as4Aggregator: wide })).toEqual({ asPath: [sequence(5, 70000)] })
  })
})
