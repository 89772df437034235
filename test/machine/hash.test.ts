// Hashes for digests: what means the same hashes the same, and what differs in one place hashes differently (ADR-0004).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fold, hashBytes, hashJson, hashText, mix } from "../../src/machine/index.ts"

const word = fc.integer({ min: 0, max: 0xffff_ffff })

describe("hashes", () => {
  it("are unsigned 32-bit words", () => {
    fc.assert(
      fc.property(word, word, fc.uint8Array(), fc.string(), (a, b, bytes, text) => {
        for (const hash of [mix(a), fold(a, b), hashBytes(bytes, 0, bytes.length), hashText(text), hashJson(text)]) {
          expect(hash).toBe(hash >>> 0)
        }
      })
    )
  })

  it("mix words one to one", () => {
    fc.assert(fc.property(word, word, (a, b) => (mix(a) === mix(b)) === (a === b)))
    expect(new Set(Array.from({ length: 1 << 16 }, (_, at) => mix(at))).size).toBe(1 << 16)
  })

  it("fold words in order", () => {
    expect(fold(fold(1, 2), 3)).not.toBe(fold(fold(1, 3), 2))
  })

  it("of bytes depend on the span and on nothing around it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (before, span, after) => {
        const all = Uint8Array.from([...before, ...span, ...after])
        expect(hashBytes(all, before.length, before.length + span.length)).toBe(hashBytes(span, 0, span.length))
      })
    )
  })

  it("of bytes change with any one byte and with the length", () => {
    const bytes = Uint8Array.from({ length: 11 }, (_, at) => at)
    const whole = hashBytes(bytes, 0, 11)
    for (let at = 0; at < 11; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 0x80
      expect(hashBytes(changed, 0, 11)).not.toBe(whole)
    }
    expect(hashBytes(new Uint8Array(4), 0, 4)).not.toBe(hashBytes(new Uint8Array(5), 0, 5))
  })

  it("of JSON data do not depend on the order of an object's keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        const reversed = Object.fromEntries(Object.entries(data).reverse())
        expect(hashJson(reversed)).toBe(hashJson(data))
      })
    )
  })

  it("of JSON data count an undefined member as absent, and tell lists by their order", () => {
    expect(hashJson({ a: 1, b: undefined })).toBe(hashJson({ a: 1 }))
    expect(hashJson([1, 2])).not.toBe(hashJson([2, 1]))
    expect(new Set([null, 0, "0", false, [], {}, "", 1].map(hashJson)).size).toBe(8)
  })
})
