// Streams that nobody means well with: whatever comes, the decoder gives values or one fault, keeps to its caps, and does work in proportion
// to what it received.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  ANY,
  array,
  CLIENT_LIMITS,
  field,
  GobDecoder,
  GobEncoder,
  type GobFault,
  type GobLimits,
  GobReason,
  type GobType,
  INT,
  INTERFACE,
  MessageDecoder,
  preambleOf,
  registryOf,
  SERVER_LIMITS,
  SnappyReader,
  STRING,
  slice,
  struct,
  TypeIds
} from "../../src/fanout/index.ts"
import { arbitraryMutation } from "../../src/testing/fanout.ts"
import { snappyBlocks } from "../support/snappy-blocks.ts"
import { GoTypes } from "../vectors/gob-go-types.ts"
import { bytesOf, CAPTURED } from "./captured.ts"

/** Reads until there is nothing more; a decoder that gives more values than there are bytes hangs, or will. */
const exhaust = (decoder: GobDecoder | MessageDecoder, type: GobType, bytes: Uint8Array): GobFault | undefined => {
  decoder.push(bytes)
  for (let count = 0; count <= bytes.length; count++) {
    const next = decoder instanceof GobDecoder ? decoder.next(type) : decoder.next()
    if (next._tag === "GobFault") {
      expect(decoder instanceof GobDecoder ? decoder.next(type) : decoder.next()).toBe(next)
      return next
    }
    if (next._tag === "NeedMore") return decoder.finish()
  }
  throw new Error("more values than bytes")
}

const limits = (changed: Partial<GobLimits>): GobLimits => ({ ...SERVER_LIMITS, ...changed })

/** Bytes of all array buffers: heaps are collected when it pleases them, these are counted at once. */
const allocatedBy = (run: () => void): number => {
  const before = process.memoryUsage().arrayBuffers
  run()
  return process.memoryUsage().arrayBuffers - before
}

describe("mutations of what Go wrote", () => {
  const types = new GoTypes("modern")
  const streams = CAPTURED.filter(({ hex }) => hex !== undefined).map(({ hex }) => bytesOf(hex))

  it("law: a mutated stream gives values or a fault, as messages and as anything", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...streams).chain(arbitraryMutation),
        fc.constantFrom<GobType>(
          ANY,
          types.build("Envelope"),
          types.build("Nested"),
          types.build("Old"),
          types.build("Ifaces")
        ),
        (bytes, type) => {
          exhaust(new MessageDecoder(SERVER_LIMITS), ANY, bytes)
          exhaust(new GobDecoder({ limits: SERVER_LIMITS, registry: () => ANY }), ANY, bytes)
          exhaust(new GobDecoder({ limits: SERVER_LIMITS, registry: types.registry }), type, bytes)
        }
      ),
      { numRuns: 3000 }
    )
  })

  it("law: bytes at random are no different", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        exhaust(new GobDecoder({ limits: SERVER_LIMITS, registry: () => ANY }), ANY, bytes)
        exhaust(new MessageDecoder(SERVER_LIMITS), ANY, Buffer.concat([preambleOf("server"), bytes]))
      }),
      { numRuns: 1000 }
    )
  })

  it("law: what a mutation does to a stream does not depend on the pieces it comes in", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...streams).chain(arbitraryMutation),
        fc.integer({ min: 1, max: 50 }),
        (bytes, step) => {
          const whole = new GobDecoder({ limits: SERVER_LIMITS, registry: () => ANY })
          const pieces = new GobDecoder({ limits: SERVER_LIMITS, registry: () => ANY })
          const counts = [whole, pieces].map((decoder) => {
            let count = 0
            const size = decoder === whole ? Math.max(1, bytes.length) : step
            for (let at = 0; at < bytes.length; at += size) {
              decoder.push(bytes.slice(at, at + size))
              while (decoder.next(ANY)._tag === "Value") count++
            }
            return count
          })
          expect(counts[1]).toBe(counts[0])
          expect(pieces.finish()).toEqual(whole.finish())
        }
      ),
      { numRuns: 500 }
    )
  })
})

describe("what is announced is not believed", () => {
  it("refuses a message above the cap as soon as its length is there, and allocates nothing for one below it", () => {
    const refused = new GobDecoder({ limits: limits({ messageBytes: 1000 }) })
    expect(exhaust(refused, ANY, Uint8Array.of(0xfe, 0x03, 0xe9))?.reason).toBe(GobReason.BadLength)
    const decoder = new GobDecoder({ limits: CLIENT_LIMITS })
    const bytes = allocatedBy(() => {
      // 60 MiB are announced, a byte at a time 100 bytes come.
      decoder.push(Uint8Array.of(0xfc, 0x03, 0xc0, 0, 0))
      for (let index = 0; index < 100; index++) {
        decoder.push(Uint8Array.of(index))
        expect(decoder.next(ANY)._tag).toBe("NeedMore")
      }
    })
    expect(bytes).toBeLessThan(100_000)
  })

  it("refuses a length of more than eight bytes and a message without content", () => {
    expect(exhaust(new GobDecoder(), ANY, Uint8Array.of(0xf7))?.reason).toBe(GobReason.BadLength)
    expect(exhaust(new GobDecoder(), ANY, Uint8Array.of(0))?.reason).toBe(GobReason.BadLength)
  })

  it("keeps no more than the cap allows of what nobody reads", () => {
    const decoder = new GobDecoder({ limits: limits({ bufferedBytes: 1000 }) })
    decoder.push(new Uint8Array(1000))
    expect(decoder.fault).toBeUndefined()
    const waiting = new GobDecoder({ limits: limits({ bufferedBytes: 1000 }) })
    waiting.push(new Uint8Array(1001))
    expect(waiting.fault?.reason).toBe(GobReason.TooMuch)
  })

  it("counts elements as they come, not as they are announced", () => {
    const encoder = new GobEncoder()
    for (const type of [slice(INT), slice(STRING), slice(INTERFACE), array(2 ** 31 - 1, INT)]) {
      const definition = encoder.define([type])
      // The number of the type, the marker, 2^31 - 1 elements, one of them.
      const value = Uint8Array.of(0xff, 2 * encoder.ids.of(type), 0, 0xfc, 0x7f, 0xff, 0xff, 0xff, 0)
      const bytes = Buffer.concat([definition, Uint8Array.of(value.length), value])
      const allocated = allocatedBy(() => {
        for (const target of [type, ANY]) {
          expect(exhaust(new GobDecoder({ registry: () => ANY }), target, bytes)?.reason).toBe(GobReason.BadLength)
        }
      })
      expect(allocated).toBeLessThan(100_000)
    }
  })
})

describe("caps", () => {
  const fields = Array.from({ length: 20 }, (_, index) => field(`F${index}`, INT))
  const wide = slice(struct("Wide", fields))

  it("bounds how many fields and elements a value may become, for a byte can be a structure of twenty", () => {
    const encoder = new GobEncoder()
    const bytes = encoder.encode(wide, new Array(1000).fill({}))
    expect(exhaust(new GobDecoder({ limits: limits({ valueCount: 22_000 }) }), wide, bytes)).toBeUndefined()
    const refused = exhaust(new GobDecoder({ limits: limits({ valueCount: 10_000 }) }), wide, bytes)
    expect(refused?.reason).toBe(GobReason.TooMuch)
  })

  it("bounds updates in the same way", () => {
    const empty = new Uint8Array(5000)
    const kvs = Buffer.concat([Uint8Array.of(1, 0xfe, 0x13, 0x88), empty, Uint8Array.of(0)])
    const body = Buffer.concat([updatesHead(), Uint8Array.of(0), kvs, Uint8Array.of(0)])
    const bytes = Buffer.concat([preambleOf("server"), Uint8Array.of(0xfe, body.length >> 8, body.length & 0xff), body])
    expect(exhaust(new MessageDecoder(limits({ valueCount: 30_010 })), ANY, bytes)).toBeUndefined()
    expect(exhaust(new MessageDecoder(limits({ valueCount: 29_000 })), ANY, bytes)?.reason).toBe(GobReason.TooMuch)
  })

  it("bounds definitions by their number and their size", () => {
    const types = Array.from({ length: 50 }, (_, index) => struct(`T${index}`, [field("A", INT)]))
    const bytes = new GobEncoder().define(types)
    const reason = (changed: Partial<GobLimits>) =>
      exhaust(new GobDecoder({ limits: limits(changed) }), ANY, bytes)?.reason
    expect(reason({ definitions: 50 })).toBe(GobReason.Truncated)
    expect(reason({ definitions: 49 })).toBe(GobReason.TooMuch)
    expect(reason({ definitionBytes: 100 })).toBe(GobReason.TooMuch)
    expect(reason({ fieldsPerStruct: 0 })).toBe(GobReason.TooMuch)
  })

  it("bounds nesting, of what is read and of what is skipped", () => {
    const tree: GobType = struct("Tree", (self) => [field("Next", { kind: "pointer", to: self })])
    const chain = (depth: number): Record<string, never> => (depth === 0 ? {} : ({ Next: chain(depth - 1) } as never))
    const bytes = new GobEncoder().encode(tree, chain(99))
    const other = struct("Tree", [field("Other", INT)])
    const outer = new GobEncoder().encode(struct("Outer", [field("A", INT), field("T", tree)]), { A: 1, T: chain(98) })
    for (const [type, given] of [
      [tree, bytes],
      [ANY, bytes],
      [struct("Outer", [field("A", INT)]), outer]
    ] as const) {
      expect(exhaust(new GobDecoder({ limits: limits({ nesting: 100 }) }), type, given)).toBeUndefined()
      expect(exhaust(new GobDecoder({ limits: limits({ nesting: 99 }) }), type, given)?.reason).toBe(GobReason.TooMuch)
    }
    expect(exhaust(new GobDecoder(), other, bytes)?.reason).toBe(GobReason.Mismatch)
  })

  it("bounds how deep types are made of types", () => {
    const nested = (depth: number): GobType => (depth === 0 ? INT : slice(nested(depth - 1)))
    for (const [depth, reason] of [
      [249, undefined],
      [251, GobReason.TooMuch]
    ] as const) {
      const bytes = new GobEncoder().encode(nested(depth), [])
      for (const type of [ANY, nested(depth)]) {
        expect(exhaust(new GobDecoder({ limits: CLIENT_LIMITS }), type, bytes)?.reason).toBe(reason)
      }
    }
  })

  it("asks a type that reads its own bytes whether they are its own", () => {
    const type: GobType = {
      kind: "opaque",
      name: "Four",
      encoding: "gob",
      check: ({ length }) => (length === 4 ? undefined : "not four")
    }
    const reason = (size: number) =>
      exhaust(new GobDecoder(), type, new GobEncoder().encode(type, new Uint8Array(size)))?.detail
    expect([4, 3].map(reason)).toEqual([undefined, "not four"])
  })

  it("takes the deepest values it allows without running out of stack", () => {
    const tree: GobType = struct("Tree", (self) => [field("Next", { kind: "pointer", to: self })])
    const depth = CLIENT_LIMITS.nesting
    // Each level is the step to its field; the ends follow.
    const body = Buffer.concat([Uint8Array.of(0xff, 0x82), Buffer.alloc(depth - 1, 1), Buffer.alloc(depth, 0)])
    const bytes = Buffer.concat([
      new GobEncoder().define([tree]),
      Uint8Array.of(0xfe, body.length >> 8, body.length & 0xff),
      body
    ])
    expect(exhaust(new GobDecoder(), tree, bytes)).toBeUndefined()
  })

  it("reads a value again only so often while its messages are missing", () => {
    // A long text, then an interface whose type sequence is one definition per message, none of them the value.
    const holder = struct("Holder", [field("Text", STRING), field("Held", INTERFACE)])
    const encoder = new GobEncoder()
    const first = encoder.encode(holder, { Text: "x".repeat(5000), Held: null })
    // Without its end, the message goes on with the name of a type.
    const prefix = first.slice(first.indexOf(0xfe))
    const body = Buffer.concat([prefix.subarray(3, -1), Uint8Array.of(1, 3, 0x69, 0x6e, 0x74)])
    const start = Buffer.concat([
      first.subarray(0, first.indexOf(0xfe)),
      Uint8Array.of(0xfe, body.length >> 8, body.length & 0xff),
      body
    ])
    const decoder = new GobDecoder({ limits: limits({ reparsedBytes: 100_000 }) })
    decoder.push(new Uint8Array(start))
    const ids = new TypeIds(1000)
    let rounds = 0
    for (
      let next = decoder.next(holder);
      next._tag === "NeedMore" && rounds < 200;
      next = decoder.next(holder), rounds++
    ) {
      decoder.push(new GobEncoder({ ids }).define([struct("T", [field("A", INT)])]))
    }
    expect(decoder.fault?.reason).toBe(GobReason.TooMuch)
    expect(rounds).toBeLessThan(25)
  })

  it("bounds what a snappy chunk becomes before it is uncompressed", () => {
    const identifier = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]
    const problem = (...chunk: ReadonlyArray<number>) =>
      new SnappyReader({
        ...snappyBlocks,
        uncompress: () => {
          throw new Error("not asked")
        }
      }).push(Uint8Array.from([...identifier, ...chunk]))
    // 4 GiB are announced by the block, 16 MiB by a chunk.
    expect(problem(0, 9, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)).toBe(
      "a snappy chunk that cannot be uncompressed"
    )
    expect(problem(0, 0xff, 0xff, 0xff)).toMatch(/of 16777215 bytes/)
    expect(problem(1, 3, 0, 0)).toMatch(/without a checksum/)
    expect(problem(2, 0, 0, 0)).toMatch(/of the kind 2/)
    expect(problem(0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x58)).toMatch(/another name/)
  })
})

describe("streams that are none", () => {
  it("says so of text and of TLS at the first byte that shows it", () => {
    for (const text of ["GET / HTTP/1.1\r\n", "dsjfkldjs", "\x16\x03\x01\x02\x00\x01"]) {
      const decoder = new MessageDecoder(SERVER_LIMITS)
      decoder.push(Buffer.from(text, "latin1"))
      const next = decoder.next()
      expect(next).toMatchObject({ _tag: "GobFault", detail: "a stream that is no gob" })
      expect(decoder.next()).toBe(next)
      expect(decoder.finish()).toBe(next)
    }
  })

  it("takes its time while nothing shows it", () => {
    const decoder = new MessageDecoder(SERVER_LIMITS)
    for (const byte of preambleOf("client").subarray(0, 20)) {
      expect(decoder.next()._tag).toBe("NeedMore")
      decoder.push(Uint8Array.of(byte))
    }
    expect(decoder.next()._tag).toBe("NeedMore")
  })

  it("knows names by the registry alone", () => {
    const holder = struct("Holder", [field("Held", INTERFACE)])
    const registry = registryOf({ "test.Other": INT })
    const bytes = new GobEncoder({ registry }).encode(holder, { Held: { name: "test.Other", value: 1 } })
    expect(exhaust(new GobDecoder({ registry }), holder, bytes)).toBeUndefined()
    expect(exhaust(new GobDecoder(), holder, bytes)?.reason).toBe(GobReason.Unregistered)
    // Skipped, it needs no name.
    expect(exhaust(new GobDecoder(), struct("Holder", []), bytes)).toBeUndefined()
  })
})

/** The envelope and the message's name and type, as the server's messages of updates begin. */
const updatesHead = (): Uint8Array => {
  const name = "github.com/projectcalico/typha/pkg/syncproto.MsgKVs"
  return Buffer.concat([Uint8Array.of(0xff, 0x82, 1, name.length), Buffer.from(name), Uint8Array.of(0xff, KVS_ID)])
}

/** Number 67 of the server's preamble, doubled. */
const KVS_ID = 134
