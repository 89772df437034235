// RFC 7606 as a table: one fault each in an UPDATE that is otherwise as it should be, and what must come of it.
import { describe, expect, it } from "vitest"
import { AttributeType, scanUpdate, type UpdateContext, UpdateView, Verdict } from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

const INTERNAL: UpdateContext = { as4: true, addPath: [false, false], external: false, extended: false }
const EXTERNAL: UpdateContext = { ...INTERNAL, external: true }
const OLD: UpdateContext = { ...INTERNAL, as4: false }

const ORIGIN = "40010100"
const AS_PATH = "40020602010000fbf4"
const NEXT_HOP = "400304c0000201"
const PLAIN = ORIGIN + AS_PATH + NEXT_HOP
const NLRI = "18c63364"
const REACH = "800e1e 000201 10 20010db8000000000000000000000001 00 4020010db800010002"

const update = (attributes: string, nlri = NLRI, withdrawn = ""): Uint8Array => {
  const [gone, block, news] = [hex(withdrawn), hex(attributes), hex(nlri)]
  const lengths = (bytes: Uint8Array) => [bytes.length >> 8, bytes.length & 255]
  const body = [...lengths(gone), ...gone, ...lengths(block), ...block, ...news]
  return Uint8Array.of(...new Array(16).fill(255), (body.length + 19) >> 8, (body.length + 19) & 255, 2, ...body)
}

const scan = (message: Uint8Array, context: UpdateContext): UpdateView => {
  const view = new UpdateView()
  expect(scanUpdate(view, message, 0, message.length, context)).toBe(view.verdict)
  return view
}

/** `taw`, `discard 5`, `reset 3/1 data`, `keep`: the verdict with what belongs to it. */
const outcome = (view: UpdateView): string => {
  const { verdict, fault, discarded } = view
  if (verdict === Verdict.Reset) {
    return `reset ${fault!.code}/${fault!.subcode} ${Buffer.from(fault!.data).toString("hex")}`.trim()
  }
  if (verdict === Verdict.TreatAsWithdraw) return "taw"
  return verdict === Verdict.Discard ? `discard ${discarded.join(",")}` : "keep"
}

type Row = readonly [what: string, attributes: string, expected: string]

const table = (title: string, context: UpdateContext, rows: ReadonlyArray<Row>): void => {
  describe(title, () => {
    it.each(rows)("%s", (_, attributes, expected) => {
      expect(outcome(scan(update(attributes), context))).toBe(expected)
    })
  })
}

const rest = (...parts: ReadonlyArray<string>): string => parts.join("")

table("well-known attributes [RFC 7606 §7.1–7.7]", INTERNAL, [
  ["nothing wrong", PLAIN, "keep"],
  ["ORIGIN of 0 octets", rest("400100", AS_PATH, NEXT_HOP), "taw"],
  ["ORIGIN of 2 octets", rest("4001020000", AS_PATH, NEXT_HOP), "taw"],
  ["ORIGIN 3", rest("40010103", AS_PATH, NEXT_HOP), "taw"],
  ["AS_PATH: segment longer than the attribute", rest(ORIGIN, "40020602020000fbf4", NEXT_HOP), "taw"],
  ["AS_PATH: segment shorter than the attribute", rest(ORIGIN, "40020702010000fbf400", NEXT_HOP), "taw"],
  ["AS_PATH: segment without members", rest(ORIGIN, "4002020200", NEXT_HOP), "taw"],
  ["AS_PATH: segment of type 0", rest(ORIGIN, "40020600010000fbf4", NEXT_HOP), "taw"],
  ["AS_PATH: segment of type 5", rest(ORIGIN, "40020605010000fbf4", NEXT_HOP), "taw"],
  ["AS_PATH: AS 0 [RFC 7607 §2]", rest(ORIGIN, "400206020100000000", NEXT_HOP), "taw"],
  ["AS_PATH: empty", rest(ORIGIN, "400200", NEXT_HOP), "keep"],
  ["AS_PATH: confederation, and we are in none [RFC 5065 §5]", rest(ORIGIN, "40020603010000fbf4", NEXT_HOP), "taw"],
  ["AS_PATH in 2-octet numbers", rest(ORIGIN, "4002040201fbf4", NEXT_HOP), "taw"],
  ["NEXT_HOP of 3 octets", rest(ORIGIN, AS_PATH, "400303c00002"), "taw"],
  ["NEXT_HOP of 16 octets", rest(ORIGIN, AS_PATH, `400310${"20".repeat(16)}`), "taw"],
  ["NEXT_HOP 0.0.0.0", rest(ORIGIN, AS_PATH, "40030400000000"), "taw"],
  ["NEXT_HOP 224.0.0.1", rest(ORIGIN, AS_PATH, "400304e0000001"), "taw"],
  ["MED of 3 octets", rest(PLAIN, "800403000000"), "taw"],
  ["MED of 5 octets", rest(PLAIN, "8004050000000000"), "taw"],
  ["LOCAL_PREF of 3 octets", rest(PLAIN, "400503000064"), "taw"],
  ["LOCAL_PREF", rest(PLAIN, "40050400000064"), "keep"],
  ["ATOMIC_AGGREGATE of 1 octet", rest(PLAIN, "40060100"), "discard 6"],
  ["AGGREGATOR of 6 octets from a new speaker", rest(PLAIN, "c00706fbf4c0000201"), "discard 7"],
  ["AGGREGATOR with AS 0 [RFC 7607 §2]", rest(PLAIN, "c0070800000000c0000201"), "discard 7"],
  ["AGGREGATOR", rest(PLAIN, "c007080000fbf4c0000201"), "keep"]
])

table("optional attributes [RFC 7606 §7.8–7.15, RFC 8092 §6, RFC 9234 §5]", INTERNAL, [
  ["COMMUNITIES of 0 octets", rest(PLAIN, "c00800"), "taw"],
  ["COMMUNITIES of 5 octets", rest(PLAIN, "c0080500010002ff"), "taw"],
  ["COMMUNITIES", rest(PLAIN, "c0080400010002"), "keep"],
  ["ORIGINATOR_ID of 5 octets", rest(PLAIN, "800905c000020100"), "taw"],
  ["ORIGINATOR_ID", rest(PLAIN, "800904c0000201"), "keep"],
  ["CLUSTER_LIST of 0 octets", rest(PLAIN, "800a00"), "taw"],
  ["CLUSTER_LIST of 6 octets", rest(PLAIN, "800a06c00002010000"), "taw"],
  ["extended communities of 0 octets", rest(PLAIN, "c01000"), "taw"],
  ["extended communities of 9 octets", rest(PLAIN, "c01009000200010000000100"), "taw"],
  ["IPv6 extended communities of 19 octets", rest(PLAIN, `c01913${"00".repeat(19)}`), "taw"],
  ["large communities of 0 octets", rest(PLAIN, "c02000"), "taw"],
  ["large communities of 8 octets", rest(PLAIN, "c020080000000100000002"), "taw"],
  ["ONLY_TO_CUSTOMER of 2 octets", rest(PLAIN, "c02302fbf4"), "taw"],
  ["an unknown optional attribute", rest(PLAIN, "c0c803010203"), "keep"],
  ["an unknown attribute said to be well-known [RFC 4271 §6.3]", rest(PLAIN, "40c80101"), "reset 3/2 40c80101"],
  ["AS4_PATH from a new speaker [RFC 6793 §4.1]", rest(PLAIN, "c0110602010000fbf4"), "discard 17"],
  ["AS4_AGGREGATOR from a new speaker [RFC 6793 §4.1]", rest(PLAIN, "c012080000fbf4c0000201"), "discard 18"]
])

const OLD_PLAIN = rest(ORIGIN, "4002040201fbf4", NEXT_HOP)

table("attributes from a speaker of 2-octet AS numbers [RFC 6793 §6]", OLD, [
  ["nothing wrong", OLD_PLAIN, "keep"],
  ["AS_PATH in 4-octet numbers", rest(ORIGIN, AS_PATH, NEXT_HOP), "taw"],
  ["AS_PATH with AS 0 [RFC 7607 §2]", rest(ORIGIN, "40020402010000", NEXT_HOP), "taw"],
  ["AGGREGATOR of 8 octets", rest(OLD_PLAIN, "c007080000fbf4c0000201"), "discard 7"],
  ["AGGREGATOR", rest(OLD_PLAIN, "c00706fbf4c0000201"), "keep"],
  ["AS4_PATH", rest(OLD_PLAIN, "c0110602010000fbf4"), "keep"],
  ["AS4_PATH of 0 octets", rest(OLD_PLAIN, "c01100"), "discard 17"],
  ["AS4_PATH: segment longer than the attribute", rest(OLD_PLAIN, "c0110602020000fbf4"), "discard 17"],
  ["AS4_PATH: segment of type 9", rest(OLD_PLAIN, "c0110609010000fbf4"), "discard 17"],
  ["AS4_PATH: AS 0 [RFC 7607 §2]", rest(OLD_PLAIN, "c01106020100000000"), "discard 17"],
  ["AS4_AGGREGATOR of 6 octets", rest(OLD_PLAIN, "c01206fbf4c0000201"), "discard 18"]
])

table("attributes from an external peer [RFC 7606 §7.5, §7.9, §7.10, RFC 5065 §5]", EXTERNAL, [
  ["LOCAL_PREF", rest(PLAIN, "40050400000064"), "discard 5"],
  ["LOCAL_PREF of 3 octets with wrong flags", rest(PLAIN, "c00503000064"), "discard 5"],
  ["ORIGINATOR_ID", rest(PLAIN, "800904c0000201"), "discard 9"],
  ["CLUSTER_LIST", rest(PLAIN, "800a04c0000201"), "discard 10"],
  ["all three", rest(PLAIN, "40050400000064", "800904c0000201", "800a04c0000201"), "discard 5,9,10"],
  ["a confederation segment", rest(ORIGIN, "40020603010000fbf4", NEXT_HOP), "taw"]
])

table(
  "AS_PATH that must begin with the peer's AS number [RFC 4271 §6.3, RFC 7606 §7.2]",
  { ...EXTERNAL, firstAs: 0xfbf4 },
  [
    ["it does", rest(ORIGIN, "40020602010000fbf4", NEXT_HOP), "keep"],
    ["it does, and goes on", rest(ORIGIN, "40020a02020000fbf40000fbf5", NEXT_HOP), "keep"],
    ["it does not", rest(ORIGIN, "40020602010000fbf5", NEXT_HOP), "taw"],
    ["in a set", rest(ORIGIN, "40020601010000fbf4", NEXT_HOP), "taw"],
    ["it is empty", rest(ORIGIN, "400200", NEXT_HOP), "taw"]
  ]
)

table("the same from a peer of two-octet numbers", { ...OLD, external: true, firstAs: 4_200_000_000 }, [
  ["AS_TRANS stands for what does not fit [RFC 6793 §4.2.2]", rest(ORIGIN, "40020402015ba0", NEXT_HOP), "keep"],
  ["another one does not", rest(ORIGIN, "4002040201fbf4", NEXT_HOP), "taw"]
])

describe("flags that a type does not have [RFC 7606 §3 c]", () => {
  const wellKnown = ["010100", "020602010000fbf4", "0304c0000201"]
  const types: ReadonlyArray<readonly [string, number, string]> = [
    ["ORIGIN", 0x40, wellKnown[0]!],
    ["AS_PATH", 0x40, wellKnown[1]!],
    ["NEXT_HOP", 0x40, wellKnown[2]!],
    ["MED", 0x80, "040400000001"],
    ["LOCAL_PREF", 0x40, "050400000064"],
    ["ATOMIC_AGGREGATE", 0x40, "0600"],
    ["AGGREGATOR", 0xc0, "07080000fbf4c0000201"],
    ["COMMUNITIES", 0xc0, "080400010002"],
    ["ORIGINATOR_ID", 0x80, "0904c0000201"],
    ["CLUSTER_LIST", 0x80, "0a04c0000201"],
    ["extended communities", 0xc0, "10080002000100000001"],
    ["IPv6 extended communities", 0xc0, `1914${"00".repeat(20)}`],
    ["large communities", 0xc0, "200c000000010000000200000003"],
    ["ONLY_TO_CUSTOMER", 0xc0, "23040000fbf4"]
  ]
  it.each(types)("%s", (_, flags, body) => {
    for (const given of [0x00, 0x40, 0x80, 0xc0]) {
      const attribute = given.toString(16).padStart(2, "0") + body
      const others = wellKnown.filter((one) => one !== body).map((one) => `40${one}`)
      const found = outcome(scan(update(rest(...others, attribute)), INTERNAL))
      expect([given, found]).toEqual([given, given === flags ? "keep" : "taw"])
    }
  })

  it("takes the Partial and unused bits as they come", () => {
    expect(outcome(scan(update(rest(PLAIN, "ef080400010002")), INTERNAL))).toBe("keep")
  })
})

describe("what is missing [RFC 7606 §3 d]", () => {
  it.each([
    ["ORIGIN", rest(AS_PATH, NEXT_HOP), AttributeType.Origin],
    ["AS_PATH", rest(ORIGIN, NEXT_HOP), AttributeType.AsPath],
    ["NEXT_HOP", rest(ORIGIN, AS_PATH), AttributeType.NextHop]
  ])("%s", (_, attributes, missing) => {
    const view = scan(update(attributes), INTERNAL)
    expect(outcome(view)).toBe("taw")
    expect(view.notes).toEqual([
      { attribute: missing, verdict: Verdict.TreatAsWithdraw, reason: "missing [RFC 7606 §3 d]" }
    ])
  })

  it("is not NEXT_HOP where MP_REACH_NLRI has the prefixes [RFC 4760 §3]", () => {
    expect(outcome(scan(update(rest(ORIGIN, AS_PATH, REACH), ""), INTERNAL))).toBe("keep")
  })

  it("is ORIGIN also where MP_REACH_NLRI has the prefixes", () => {
    expect(outcome(scan(update(rest(AS_PATH, REACH), ""), INTERNAL))).toBe("taw")
  })
})

describe("lists [RFC 7606 §3 a, §4, §5.2]", () => {
  it.each([
    ["an attribute longer than what is left", rest(PLAIN, "c0080800010002"), "taw"],
    ["an attribute longer than what is left by one", rest(PLAIN, "c0c804010203"), "taw"],
    ["one octet left", rest(PLAIN, "c0"), "taw"],
    ["two octets left", rest(PLAIN, "c008"), "taw"],
    ["three octets left, the length has two", rest(PLAIN, "d00800"), "taw"],
    ["MP_REACH_NLRI longer than what is left", rest(PLAIN, "800e20000201"), "reset 3/1"],
    ["MP_UNREACH_NLRI longer than what is left", rest(PLAIN, "800f20000201"), "reset 3/1"]
  ])("%s", (_, attributes, expected) => {
    expect(outcome(scan(update(attributes), INTERNAL))).toBe(expected)
  })

  it("attributes longer than the message", () => {
    const message = update(PLAIN)
    message[22]! += 40
    expect(outcome(scan(message, INTERNAL))).toBe("reset 3/1")
  })

  it("withdrawn routes longer than the message", () => {
    const message = update(PLAIN)
    message[19] = 1
    expect(outcome(scan(message, INTERNAL))).toBe("reset 3/1")
  })

  it("withdrawn routes that leave one octet for the attributes' length", () => {
    const message = update("", "", "08")
    message[20] = 2
    expect(outcome(scan(message, INTERNAL))).toBe("reset 3/1")
  })

  it("a broken attribute without a prefix to withdraw", () => {
    expect(outcome(scan(update("40010103", "", NLRI), INTERNAL))).toBe("reset 3/1")
    expect(outcome(scan(update("40010103", ""), INTERNAL))).toBe("reset 3/1")
  })

  it("a discarded attribute without a prefix to withdraw is no reason to end", () => {
    expect(outcome(scan(update("40060100", "", NLRI), INTERNAL))).toBe("discard 6")
  })

  it("a broken attribute beside withdrawn routes: announced prefixes are withdrawn, withdrawn ones too", () => {
    const view = scan(update(rest("40010103", AS_PATH, NEXT_HOP), NLRI, NLRI), INTERNAL)
    expect(outcome(view)).toBe("taw")
    expect([view.withdrawnEnd - view.withdrawnAt, view.nlriEnd - view.nlriAt]).toEqual([4, 4])
  })
})

describe("what appears again [RFC 7606 §3 g]", () => {
  it("is discarded, and the first stays", () => {
    const view = scan(update(rest("40010101", PLAIN)), INTERNAL)
    expect(outcome(view)).toBe("discard 1")
    expect(view.bytes[view.valueAt[AttributeType.Origin]!]).toBe(1)
  })

  it("is discarded even if it is malformed", () => {
    expect(outcome(scan(update(rest(PLAIN, "400100")), INTERNAL))).toBe("discard 1")
  })

  it("does not come in the place of a first that was discarded", () => {
    const view = scan(update(rest(PLAIN, "c00700", "c007080000fbf4c0000201")), INTERNAL)
    expect(outcome(view)).toBe("discard 7")
    expect(view.valueAt[AttributeType.Aggregator]).toBe(-1)
  })

  it("is discarded when nobody knows it", () => {
    expect(outcome(scan(update(rest(PLAIN, "c0c80101", "c0c80102")), INTERNAL))).toBe("discard 200")
  })

  it("ends the session for MP_REACH_NLRI and MP_UNREACH_NLRI", () => {
    expect(outcome(scan(update(rest(ORIGIN, AS_PATH, REACH, REACH), ""), INTERNAL))).toBe("reset 3/1")
    expect(outcome(scan(update("800f03000201 800f03000201", ""), INTERNAL))).toBe("reset 3/1")
  })
})

describe("prefixes [RFC 7606 §5.3]", () => {
  it.each([
    ["longer than 32 bits", "21c633640100"],
    ["cut", "18c633"],
    ["cut after the length", "18c6336418"]
  ])("%s", (_, nlri) => {
    expect(outcome(scan(update(PLAIN, nlri), INTERNAL))).toBe("reset 3/10")
    expect(outcome(scan(update("", "", nlri), INTERNAL))).toBe("reset 3/10")
  })

  it("are read with path identifiers only where those were negotiated [RFC 7911 §3]", () => {
    const identified = "0000000118c63364"
    expect(outcome(scan(update(PLAIN, identified), { ...INTERNAL, addPath: [true, false] }))).toBe("keep")
    expect(outcome(scan(update(PLAIN, NLRI), { ...INTERNAL, addPath: [true, false] }))).toBe("reset 3/10")
    expect(outcome(scan(update(PLAIN, "00000001"), { ...INTERNAL, addPath: [true, false] }))).toBe("reset 3/10")
  })
})

describe("MP_REACH_NLRI and MP_UNREACH_NLRI [RFC 7606 §5.3, §7.11, §7.12]", () => {
  const hop = (length: number): string => length.toString(16).padStart(2, "0") + "20".repeat(length)
  const attribute = (flags: string, type: string, value: string): string =>
    flags + type + (value.length / 2).toString(16).padStart(2, "0") + value

  it.each([
    ["2 octets", "0002"],
    ["4 octets", "00020100"],
    ["a next hop longer than the attribute", "000201 ff 2001".replaceAll(" ", "")],
    ["a next hop that leaves no reserved octet", `000201${hop(16)}`],
    ["no reserved octet for a family that we do not speak", `001946${hop(16)}`],
    ["an IPv6 next hop of 4 octets", `000201${hop(4)}00`],
    ["an IPv6 next hop of 12 octets", `000201${hop(12)}00`],
    ["an IPv4 next hop of 5 octets", `000101${hop(5)}00`],
    ["no next hop", "0002010000"],
    ["a prefix longer than 128 bits", `000201${hop(16)}0081${"20".repeat(17)}`],
    ["an IPv4 prefix longer than 32 bits", `000101${hop(4)}0021${"20".repeat(5)}`],
    ["a cut prefix", `000201${hop(16)}004020010db8`]
  ])("MP_REACH_NLRI with %s", (_, value) => {
    const bad = attribute("80", "0e", value)
    expect(outcome(scan(update(rest(ORIGIN, AS_PATH, bad), ""), INTERNAL))).toBe(`reset 3/9 ${bad}`)
  })

  it.each([
    ["2 octets", "0002"],
    ["a prefix longer than 128 bits", `00020181${"20".repeat(17)}`],
    ["a cut prefix", "0002014020010db8"]
  ])("MP_UNREACH_NLRI with %s", (_, value) => {
    const bad = attribute("80", "0f", value)
    expect(outcome(scan(update(bad, ""), INTERNAL))).toBe(`reset 3/9 ${bad}`)
  })

  it("wrong flags end the session, because the prefixes cannot be trusted", () => {
    const reach = attribute("c0", "0e", `000201${hop(16)}004020010db800010002`)
    expect(outcome(scan(update(rest(ORIGIN, AS_PATH, reach), ""), INTERNAL))).toBe(`reset 3/9 ${reach}`)
    expect(outcome(scan(update("c00f03000201", ""), INTERNAL))).toBe("reset 3/9 c00f03000201")
  })

  it.each([
    ["IPv6, one next hop", `000201${hop(16)}00`],
    ["IPv6, a global and a link-local next hop [RFC 2545 §3]", `000201${hop(32)}00`],
    ["IPv4, an IPv4 next hop", `000101${hop(4)}00`],
    ["IPv4, an IPv6 next hop [RFC 8950]", `000101${hop(16)}00`],
    ["IPv4, two IPv6 next hops [RFC 8950]", `000101${hop(32)}00`]
  ])("%s is fine", (_, value) => {
    const good = attribute("80", "0e", `${value}10c633`)
    expect(outcome(scan(update(rest(ORIGIN, AS_PATH, good), ""), INTERNAL))).toBe("keep")
  })

  it("prefixes of a family that we do not speak are not looked at", () => {
    const view = scan(update(rest(ORIGIN, AS_PATH, attribute("80", "0e", `001946${hop(4)}00ffffff`)), ""), INTERNAL)
    expect([outcome(view), view.reachFamily]).toEqual(["keep", -2])
  })
})

describe("findings", () => {
  it("the strongest decides, the first is told first [RFC 7606 §3 h]", () => {
    const view = scan(update(rest(PLAIN, "40060100", "800403000000", "40050400000064")), EXTERNAL)
    expect(outcome(view)).toBe("taw")
    expect(view.notes.map(({ attribute }) => attribute)).toEqual([6, 4, 5])
    expect(view.discarded).toEqual([6, 5])
  })

  it("do not grow with the rubbish that a peer sends", () => {
    const view = scan(update(rest(PLAIN, "40060100".repeat(400))), INTERNAL)
    expect(view.notes.length).toBeLessThanOrEqual(17)
    expect(view.discarded).toEqual([6])
  })

  it("are gone with the next message", () => {
    const view = new UpdateView()
    const bad = update(rest(ORIGIN, AS_PATH, NEXT_HOP, "40060100", "c0c80101", "40c90101"))
    const good = update(PLAIN)
    expect(scanUpdate(view, bad, 0, bad.length, INTERNAL)).toBe(Verdict.Reset)
    expect(scanUpdate(view, good, 0, good.length, INTERNAL)).toBe(Verdict.Keep)
    const fresh = scan(good, INTERNAL)
    expect(view.notes).toEqual([])
    expect(view.discarded).toEqual([])
    expect(view.fault).toBeUndefined()
    expect(view.valueAt).toEqual(fresh.valueAt)
    expect([...Array(256).keys()].filter((type) => view.has(type))).toEqual([1, 2, 3])
  })
})
