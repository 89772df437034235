// The framed form in which a stream goes on after a decoder restart, in pieces and damaged; blocks are the library's.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SNAPPY_CHUNK_BYTES, SnappyReader, writeSnappy } from "../../src/fanout/index.ts"
import { arbitraryMutation } from "../../src/testing/fanout.ts"
import { snappyBlocks } from "../support/snappy-blocks.ts"

const read = (framed: Uint8Array, step = framed.length): Uint8Array | string => {
  const reader = new SnappyReader(snappyBlocks)
  const parts: Array<Uint8Array> = []
  for (let at = 0; at < framed.length; at += step) {
    const pushed = reader.push(framed.slice(at, at + step))
    if (typeof pushed === "string") {
      expect(reader.push(framed)).toBe(pushed)
      return pushed
    }
    parts.push(...pushed)
  }
  return new Uint8Array(Buffer.concat(parts))
}

const arbitraryPlain = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 20_000 }))
    .map(([text, times]) => Buffer.from(text.repeat(times)))
)

describe("snappy frames", () => {
  it("law: what is written is read, in pieces of any size", () => {
    fc.assert(
      fc.property(arbitraryPlain, fc.integer({ min: 1, max: 5000 }), (plain, step) => {
        const framed = writeSnappy(snappyBlocks, plain, true)
        expect(read(framed, step)).toEqual(new Uint8Array(plain))
      }),
      { numRuns: 60 }
    )
  })

  it("law: a damaged stream gives a problem or the start of what was sent", () => {
    const plain = Buffer.from("/calico/v1/host/".repeat(50))
    fc.assert(
      fc.property(arbitraryMutation(writeSnappy(snappyBlocks, plain, true)), (framed) => {
        const found = read(framed)
        expect(typeof found === "string" || found.length % plain.length === 0).toBe(true)
      }),
      { numRuns: 500 }
    )
  })

  it("ends a chunk with every write, and begins only the first with the identifier", () => {
    const first = writeSnappy(snappyBlocks, Buffer.from("one"), true)
    const second = writeSnappy(snappyBlocks, Buffer.from("two"), false)
    const reader = new SnappyReader(snappyBlocks)
    expect(reader.push(first)).toEqual([new Uint8Array(Buffer.from("one"))])
    expect(reader.isBetweenChunks).toBe(true)
    expect(reader.push(Buffer.concat([second, second.subarray(0, 5)]))).toEqual([new Uint8Array(Buffer.from("two"))])
    expect(reader.isBetweenChunks).toBe(false)
    expect(reader.takeRest()).toHaveLength(5)
    expect(new SnappyReader(snappyBlocks).push(second)).toBe("a stream that is no snappy")
  })

  it("cuts what is long, and leaves alone what does not shrink", () => {
    const random = new Uint8Array(
      fc.sample(fc.uint8Array({ minLength: SNAPPY_CHUNK_BYTES + 1, maxLength: SNAPPY_CHUNK_BYTES + 1, size: "max" }), {
        numRuns: 1,
        seed: 1
      })[0]
    )
    const framed = writeSnappy(snappyBlocks, random, true)
    expect([framed[10], framed.length]).toEqual([1, 10 + 8 + SNAPPY_CHUNK_BYTES + 8 + 1])
    expect(read(framed)).toEqual(random)
  })

  it("passes over padding of any length without keeping it", () => {
    const reader = new SnappyReader(snappyBlocks)
    reader.push(writeSnappy(snappyBlocks, new Uint8Array(0), true))
    expect(reader.push(Uint8Array.of(0xfe, 0xff, 0xff, 0x3f, 1, 2))).toEqual([])
    for (let left = 0x3fffff - 2; left > 0; left -= 65_536) {
      expect(reader.push(new Uint8Array(Math.min(left, 65_536)))).toEqual([])
      expect(reader.isBetweenChunks).toBe(left <= 65_536)
    }
    expect(reader.push(writeSnappy(snappyBlocks, Buffer.from("after"), false))).toEqual([
      new Uint8Array(Buffer.from("after"))
    ])
  })

  it("refuses another checksum, another name and chunks that nobody has defined", () => {
    const framed = writeSnappy(snappyBlocks, Buffer.from("text"), true)
    expect(read(framed.with(15, framed[15] ^ 1))).toBe("a snappy chunk with another checksum")
    expect(read(framed.with(9, 0x58))).toBe("a snappy stream of another name")
    expect(read(framed.with(10, 2))).toBe("a snappy chunk of the kind 2")
  })
})
