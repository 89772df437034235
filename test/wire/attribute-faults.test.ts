// RFC 7606 §3, §7 as one table: every attribute that we know, with every fault that can be made in any attribute, from a peer inside, from
// one outside, and from one of two-octet AS numbers. What is particular to one attribute stands in update-faults.test.ts.
import { describe, expect, it } from "vitest"
import {
  AttributeType,
  attributeName,
  scanUpdate,
  type UpdateContext,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

const INSIDE: UpdateContext = { as4: true, addPath: [false, false], external: false, extended: false }
const OUTSIDE: UpdateContext = { ...INSIDE, external: true }
const OLD: UpdateContext = { ...INSIDE, as4: false }

const FAULTS = ["none", "other flags", "no value", "an octet short", "an octet long", "twice", "cut off"] as const

/** K keep, D discard, W treat as withdraw, R reset; in the order of FAULTS. A space: that cannot be. */
interface Row {
  readonly flags: number
  /** A value that is as it should be. */
  readonly value: string
  readonly inside: string
  readonly outside: string
  readonly old: string
}

const everywhere = (flags: number, value: string, verdicts: string): Row => ({
  flags,
  value,
  inside: verdicts,
  outside: verdicts,
  old: verdicts
})

const REACH = "000201 10 20010db8000000000000000000000001 00 4020010db800010002"

const TABLE: ReadonlyArray<readonly [AttributeType, Row]> = [
  [AttributeType.Origin, everywhere(0x40, "00", "KWWWWDW")],
  [AttributeType.AsPath, { ...everywhere(0x40, "02010000fbf4", "KWKWWDW"), old: "WWKWWWW" }],
  [AttributeType.NextHop, everywhere(0x40, "c0000201", "KWWWWDW")],
  [AttributeType.Med, everywhere(0x80, "00000001", "KWWWWDW")],
  // Discarded from outside whatever else is wrong with it (RFC 7606 §7.5, §7.9, §7.10).
  [AttributeType.LocalPref, { ...everywhere(0x40, "00000064", "KWWWWDW"), outside: "DDDDDDW" }],
  [AttributeType.AtomicAggregate, everywhere(0x40, "", "KWK DDW")],
  [AttributeType.Aggregator, { ...everywhere(0xc0, "0000fbf4c0000201", "KWDDDDW"), old: "DWDDDDW" }],
  [AttributeType.Communities, everywhere(0xc0, "00010002", "KWWWWDW")],
  [AttributeType.OriginatorId, { ...everywhere(0x80, "c0000201", "KWWWWDW"), outside: "DDDDDDW" }],
  [AttributeType.ClusterList, { ...everywhere(0x80, "c0000201", "KWWWWDW"), outside: "DDDDDDW" }],
  // Who cannot find the prefixes cannot withdraw them (RFC 7606 §3 j, §5.3).
  [AttributeType.MpReach, everywhere(0x80, REACH.replaceAll(" ", ""), "KRRRRRR")],
  [AttributeType.MpUnreach, everywhere(0x80, "0002014020010db800010002", "KRRRRRR")],
  [AttributeType.ExtendedCommunities, everywhere(0xc0, "0002000100000001", "KWWWWDW")],
  // Not for us to say between speakers of four octets (RFC 6793 §4.1); between others their faults cost nobody the route (§6).
  [AttributeType.As4Path, { ...everywhere(0xc0, "02010000fbf4", "DDDDDDW"), old: "KWDDDDW" }],
  [AttributeType.As4Aggregator, { ...everywhere(0xc0, "0000fbf4c0000201", "DDDDDDW"), old: "KWDDDDW" }],
  [AttributeType.Ipv6ExtendedCommunities, everywhere(0xc0, "00".repeat(20), "KWWWWDW")],
  // Quietly ignored (RFC 7311 §3.2).
  [AttributeType.Aigp, everywhere(0x80, "01000b0000000000000005", "KDDDDDW")],
  [AttributeType.LargeCommunities, everywhere(0xc0, "000000010000000200000003", "KWWWWDW")],
  [AttributeType.OnlyToCustomer, everywhere(0xc0, "0000fbf4", "KWWWWDW")]
]

const attribute = (flags: number, type: number, value: string): string =>
  Buffer.from([flags, type, value.length / 2]).toString("hex") + value

/** The attribute with a fault; with "other flags" there are three, each of which must come to the same. */
const variantsOf = (type: number, { flags, value }: Row, fault: (typeof FAULTS)[number]): ReadonlyArray<string> => {
  switch (fault) {
    case "none":
      return [attribute(flags, type, value)]
    case "other flags":
      return [0x00, 0x40, 0x80, 0xc0].filter((other) => other !== flags).map((other) => attribute(other, type, value))
    case "no value":
      return [attribute(flags, type, "")]
    case "an octet short":
      return [attribute(flags, type, value.slice(0, -2))]
    case "an octet long":
      return [attribute(flags, type, `${value}ff`)]
    case "twice":
      return [attribute(flags, type, value).repeat(2)]
    case "cut off":
      // The last of the attributes says that it is longer than what is left.
      return [attribute(flags, type, `${value}ffff`).slice(0, -4)]
  }
}

const SIGNS: Readonly<Record<string, Verdict>> = {
  K: Verdict.Keep,
  D: Verdict.Discard,
  W: Verdict.TreatAsWithdraw,
  R: Verdict.Reset
}

const verdictOf = (type: number, faulty: string, context: UpdateContext): Verdict => {
  const path = context.as4 ? "40020602010000fbf4" : "4002040201fbf4"
  const others = [
    [1, "40010100"],
    [2, path],
    [3, "400304c0000201"]
  ] as const
  const block = hex(others.flatMap(([other, text]) => (other === type ? [] : [text])).join("") + faulty)
  const body = [0, 0, block.length >> 8, block.length & 255, ...block, 0x18, 0xc6, 0x33, 0x64]
  const message = Uint8Array.of(
    ...new Array(16).fill(255),
    (body.length + 19) >> 8,
    (body.length + 19) & 255,
    2,
    ...body
  )
  return scanUpdate(new UpdateView(), message, 0, message.length, context)
}

describe.each(TABLE.map(([type, row]) => ({ name: attributeName(type), type, row })))("$name", ({ type, row }) => {
  it.each([
    ["a peer inside", INSIDE, row.inside],
    ["a peer outside", OUTSIDE, row.outside],
    ["a peer of two-octet AS numbers", OLD, row.old]
  ] as const)("from %s is judged with every fault", (_, context, expected) => {
    FAULTS.forEach((fault, at) => {
      if (expected[at] === " ") return
      for (const faulty of variantsOf(type, row, fault)) {
        expect([fault, faulty, verdictOf(type, faulty, context)]).toEqual([fault, faulty, SIGNS[expected[at]!]])
      }
    })
  })
})

describe("the table", () => {
  it("has every attribute that we know", () => {
    expect(TABLE.map(([type]) => type).sort()).toEqual(Object.values(AttributeType).sort())
  })
})
