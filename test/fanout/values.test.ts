// Text, times and numbers at their edges: the wire holds more than JavaScript's types do, and all of it comes through.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  decodeGoTime,
  decodeText,
  encodeGoTime,
  FLOAT32,
  field,
  GobDecoder,
  GobEncoder,
  type GobNext,
  GobReason,
  type GobType,
  type GobValue,
  goTimeOfUnixNanos,
  INT,
  INT8,
  map,
  pointer,
  STRING,
  slice,
  struct,
  TIME,
  textBytes,
  UINT,
  UINT16,
  unixNanosOf,
  writeText,
  ZERO_TIME
} from "../../src/fanout/index.ts"
import { arbitraryGobText, arbitraryGoTime } from "../../src/testing/fanout.ts"

const through = (written: GobType, value: GobValue, read: GobType = written): GobNext => {
  const decoder = new GobDecoder()
  decoder.push(new GobEncoder().encode(written, value))
  return decoder.next(read)
}

const valueOf = (next: GobNext): GobValue => {
  if (next._tag !== "Value") throw new Error(JSON.stringify(next))
  return next.value
}

describe("text", () => {
  it("law: any bytes are a text that gives the same bytes again", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text))
        ),
        (given) => {
          const text = decodeText(given, 0, given.length)
          const bytes = new Uint8Array(textBytes(text))
          expect(writeText(bytes, 0, text)).toBe(given.length)
          expect(bytes).toEqual(new Uint8Array(given))
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("law: what is UTF-8 is read as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
        const bytes = Buffer.from(text)
        expect(decodeText(bytes, 0, bytes.length)).toBe(text)
      })
    )
  })

  it("is not confused by long ones", () => {
    const text = "aé漢😀".repeat(5000)
    expect(valueOf(through(STRING, text))).toBe(text)
    expect(valueOf(through(STRING, "x".repeat(10_000)))).toBe("x".repeat(10_000))
  })

  it("writes half a pair that is no escaped byte as a replacement character", () => {
    expect(valueOf(through(STRING, "a\ud800b\udc01"))).toBe("a\ufffdb\ufffd")
  })

  it("law: the size is known before it is written", () => {
    fc.assert(
      fc.property(arbitraryGobText, (text) => {
        const bytes = new Uint8Array(4 * text.length)
        expect(writeText(bytes, 0, text)).toBe(textBytes(text))
      })
    )
  })
})

describe("times", () => {
  it("law: all of a time survives, to the nanosecond and the second of its zone", () => {
    fc.assert(
      fc.property(arbitraryGoTime, (time) => {
        const bytes = encodeGoTime(time)
        expect(decodeGoTime(bytes, 0, bytes.length)).toEqual(time)
        expect(unixNanosOf(goTimeOfUnixNanos(unixNanosOf(time)))).toBe(unixNanosOf(time))
      })
    )
  })

  it("counts from the year 1", () => {
    expect(goTimeOfUnixNanos(0n)).toEqual({ seconds: 62_135_596_800n, nanoseconds: 0, zone: "utc" })
    expect(goTimeOfUnixNanos(-1n).nanoseconds).toBe(999_999_999)
    expect(unixNanosOf(ZERO_TIME)).toBe(-62_135_596_800_000_000_000n)
  })

  it("refuses other versions and lengths, and more nanoseconds than a second has", () => {
    const time = encodeGoTime(ZERO_TIME)
    const changed = (at: number, value: number) => time.with(at, value)
    for (const bytes of [
      new Uint8Array(0),
      changed(0, 0),
      changed(0, 2),
      changed(0, 3),
      time.subarray(1),
      changed(9, 0x7f),
      changed(9, 0xff)
    ]) {
      expect(decodeGoTime(bytes, 0, bytes.length)).toBeTypeOf("string")
    }
  })

  it("leaves the zero time out of structures, and a zone at offset zero in", () => {
    const type = struct("S", [field("T", TIME), field("P", pointer(TIME))])
    const size = (value: GobValue) => new GobEncoder().encode(type, value).length
    expect(size({ T: { ...ZERO_TIME, zone: 0 }, P: null }) - size({ T: ZERO_TIME, P: null })).toBe(17)
    expect(valueOf(through(type, { T: ZERO_TIME, P: null }))).toEqual({ T: ZERO_TIME, P: null })
  })
})

describe("numbers", () => {
  const WIDE = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n), 2n ** 62n]

  it("are bigints exactly where a number would not be exact", () => {
    for (const value of WIDE) expect(valueOf(through(INT, value))).toBe(value)
    const safe = [
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2 ** 52,
      -(2 ** 52),
      2 ** 52 + 1,
      -(2 ** 52) - 1,
      0,
      -1
    ]
    for (const value of safe) {
      expect(valueOf(through(INT, value))).toBe(value)
      // A bigint that would fit is the same number.
      expect(valueOf(through(INT, BigInt(value)))).toBe(value)
    }
    expect(valueOf(through(UINT, 2n ** 64n - 1n))).toBe(2n ** 64n - 1n)
    expect(valueOf(through(UINT, Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER)
  })

  it("are refused where they do not fit", () => {
    for (const value of [128, -129, 2n ** 60n])
      expect(through(INT, value, INT8)).toMatchObject({ reason: GobReason.OutOfRange })
    expect(through(UINT, 65_536, UINT16)).toMatchObject({ reason: GobReason.OutOfRange })
    expect([through(INT, 127, INT8), through(INT, -128, INT8), through(UINT, 65_535, UINT16)].map(valueOf)).toEqual([
      127, -128, 65_535
    ])
    expect(through({ kind: "float", bits: 64 }, 1e39, FLOAT32)).toMatchObject({ reason: GobReason.OutOfRange })
    expect(valueOf(through({ kind: "float", bits: 64 }, Number.POSITIVE_INFINITY, FLOAT32))).toBe(
      Number.POSITIVE_INFINITY
    )
  })

  it("with and without a sign never mix", () => {
    expect(through(INT, 1, UINT)).toMatchObject({ reason: GobReason.Mismatch })
    expect(through(UINT, 1, INT)).toMatchObject({ reason: GobReason.Mismatch })
  })
})

describe("maps", () => {
  it("keep the last of two equal keys, whatever the keys are", () => {
    const point = struct("Point", [field("X", INT)])
    // Entries as a list have the form of a map on the wire but for the definition.
    const pairs = [
      [{ X: 1 }, "a"],
      [{ X: 2 }, "b"],
      [{ X: 1 }, "c"]
    ] as ReadonlyArray<readonly [GobValue, GobValue]>
    const type = map(point, STRING)
    const bytes = new GobEncoder().encode(type, new Map(pairs))
    const decoder = new GobDecoder()
    decoder.push(bytes)
    const found = valueOf(decoder.next(type)) as ReadonlyMap<GobValue, GobValue>
    expect([...found].map(([key, value]) => [(key as { X: number }).X, value])).toEqual([
      [2, "b"],
      [1, "c"]
    ])
  })

  it("may be there and empty, which is not the same as none", () => {
    const type = struct("S", [field("M", map(STRING, INT)), field("L", slice(INT))])
    expect(valueOf(through(type, { M: new Map(), L: [] }))).toEqual({ M: new Map(), L: [] })
    expect(valueOf(through(type, { M: null, L: [] }))).toEqual({ M: null, L: [] })
  })
})
