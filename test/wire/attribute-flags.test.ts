// Every attribute that we know, with all flags that it may come with and all that it may not: a matrix, because one wrong entry in a
// table of flags or lengths refuses what every peer sends. RFC 4271 §4.3, §5, RFC 6793 §3, RFC 7606 §3 c
import { describe, expect, it } from "vitest"
import { AttributeFlag, AttributeType, scanUpdate, UpdateView, Verdict } from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

type Name = keyof typeof AttributeType

/** Every attribute that we know, with the flags it must have and a value that is right between 4-octet (or else 2-octet) speakers. */
const KNOWN: ReadonlyArray<readonly [name: Name, flags: number, value: string, old?: string]> = [
  ["Origin", 0x40, "00"],
  ["AsPath", 0x40, "02010000fbf4", "0201fbf4"],
  ["NextHop", 0x40, "c0000201"],
  ["Med", 0x80, "00000001"],
  ["LocalPref", 0x40, "00000064"],
  ["AtomicAggregate", 0x40, ""],
  ["Aggregator", 0xc0, "0000fbf4c0000201", "fbf4c0000201"],
  ["Communities", 0xc0, "00010002"],
  ["OriginatorId", 0x80, "c0000201"],
  ["ClusterList", 0x80, "c0000201"],
  ["MpReach", 0x80, "000201102001000000000000000000000000000100102001"],
  ["MpUnreach", 0x80, "000201102001"],
  ["ExtendedCommunities", 0xc0, "0002000100000001"],
  ["As4Path", 0xc0, "02010000fbf4"],
  ["As4Aggregator", 0xc0, "0000fbf4c0000201"],
  ["Ipv6ExtendedCommunities", 0xc0, `0002${"00".repeat(18)}`],
  ["Aigp", 0x80, "01000b0000000000000005"],
  ["LargeCommunities", 0xc0, "000000010000000200000003"],
  ["OnlyToCustomer", 0xc0, "0000fbf4"]
]

const BESIDE: ReadonlyArray<Name> = ["Origin", "AsPath", "NextHop"]
/** What only a speaker of 2-octet numbers may send (RFC 6793 §4.1). */
const OLD_ONLY: ReadonlyArray<Name> = ["As4Path", "As4Aggregator"]

const valueOf = (name: Name, as4: boolean): Uint8Array => {
  const [, , value, old] = KNOWN.find(([known]) => known === name)!
  return hex(as4 ? value : (old ?? value))
}

const attribute = (name: Name, flags: number, value: Uint8Array): ReadonlyArray<number> => {
  const length = (flags & AttributeFlag.ExtendedLength) === 0 ? [value.length] : [0, value.length]
  return [flags, AttributeType[name], ...length, ...value]
}

/** The verdict on an UPDATE with this attribute and the mandatory ones. */
const judged = (name: Name, flags: number, value: Uint8Array, as4: boolean): number => {
  const others = BESIDE.filter((beside) => beside !== name)
  const block = [
    ...others.flatMap((beside) => attribute(beside, 0x40, valueOf(beside, as4))),
    ...attribute(name, flags, value)
  ]
  const body = [0, 0, 0, block.length, ...block, ...hex("180a0100")]
  const bytes = Uint8Array.of(...new Array<number>(16).fill(255), 0, body.length + 19, 2, ...body)
  return scanUpdate(new UpdateView(), bytes, 0, bytes.length, {
    as4,
    addPath: [false, false],
    external: false,
    extended: false
  })
}

describe("attributes", () => {
  it("are all in the matrix", () => {
    expect(KNOWN.map(([name]) => name).toSorted()).toEqual(Object.keys(AttributeType).toSorted())
  })

  describe.each([true, false])("4-octet numbers: %s", (as4) => {
    const known = KNOWN.filter(([name]) => !as4 || !OLD_ONLY.includes(name)).map(
      ([name, kind]) => [name, kind] as const
    )

    it.each(known)(
      "%s is taken with its flags, Partial or not, its length in one octet or two, and with no others",
      (name, kind) => {
        const value = valueOf(name, as4)
        for (let flags = 0; flags < 256; flags += 0x10) {
          expect([flags, judged(name, flags, value, as4) === Verdict.Keep]).toEqual([flags, (flags & 0xc0) === kind])
        }
      }
    )

    it.each(OLD_ONLY)("%s is for 2-octet speakers only", (name) => {
      expect(judged(name, 0xc0, valueOf(name, as4), as4)).toBe(as4 ? Verdict.Discard : Verdict.Keep)
    })

    it("AGGREGATOR has the length that their numbers have, and AS4_AGGREGATOR always 8 octets", () => {
      for (let length = 0; length < 12; length++) {
        const value = Uint8Array.from({ length }, (_, at) => at + 1)
        const taken = [judged("Aggregator", 0xc0, value, as4), judged("As4Aggregator", 0xc0, value, false)]
        expect([length, ...taken.map((verdict) => verdict === Verdict.Keep)]).toEqual([
          length,
          length === (as4 ? 8 : 6),
          length === 8
        ])
      }
    })
  })
})
