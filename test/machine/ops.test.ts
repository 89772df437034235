// Operations have two faces, four words and a tagged union, and neither loses anything of the other (ADR-0002).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AssertionError, defineOps, OpBuffer, type OpOf } from "../../src/machine/index.ts"

const ops = defineOps({
  Stop: [1],
  Arm: [2, "timer"],
  Send: [7, "conn", "block"],
  Write: [255, "conn", "from", "to"]
})
type Op = OpOf<typeof ops>

const word = fc.integer({ min: 0, max: 0xffff_ffff })
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.constant<Op>({ _tag: "Stop" }),
  fc.record({ _tag: fc.constant("Arm"), timer: word }),
  fc.record({ _tag: fc.constant("Send"), conn: word, block: word }),
  fc.record({ _tag: fc.constant("Write"), conn: word, from: word, to: word })
)

describe("operations", () => {
  it("come back from their words as they were encoded, in order", () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (list) => {
        const out = new OpBuffer(1)
        for (const each of list) ops.encode(each, out)
        expect(ops.decode(out)).toEqual(list)
      })
    )
  })

  it("are the words that the hot path puts", () => {
    const out = new OpBuffer()
    out.put(ops.code.Send, 5, 6)
    ops.encode({ _tag: "Write", conn: 1, from: 2, to: 3 }, out)
    expect(ops.decode(out)).toEqual([
      { _tag: "Send", conn: 5, block: 6 },
      { _tag: "Write", conn: 1, from: 2, to: 3 }
    ])
    expect([out.code(1), out.a(1), out.b(1), out.c(1)]).toEqual([255, 1, 2, 3])
  })

  it("hold words modulo 2^32, so that a negative one is not lost", () => {
    const out = new OpBuffer()
    out.put(ops.code.Arm, -1)
    expect(ops.decode(out)).toEqual([{ _tag: "Arm", timer: 0xffff_ffff }])
  })

  it("leave no words of an earlier operation behind in a cleared buffer", () => {
    const out = new OpBuffer()
    out.put(ops.code.Write, 1, 2, 3)
    out.clear()
    out.put(ops.code.Arm, 9)
    expect([out.length, out.b(0), out.c(0)]).toEqual([1, 0, 0])
  })

  it("have names by code, and none for a code that was not declared", () => {
    expect(ops.nameOf(7)).toBe("Send")
    expect(ops.nameOf(8)).toBeUndefined()
  })

  it("refuse two declarations with one code", () => {
    expect(() => defineOps({ A: [1], B: [1] })).toThrow(AssertionError)
  })

  it("refuse to decode a word that is no operation of theirs", () => {
    const out = new OpBuffer()
    out.put(9)
    expect(() => ops.decode(out)).toThrow(/unknown code 9/)
  })
})
