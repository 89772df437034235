// A set of ids against a Set of JavaScript.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { IdSet } from "../../src/rib/id-set.ts"

/** Ids close together and far apart, so that words, blocks and what is above them fill and empty. */
const id = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 1000, max: 1100 }), fc.nat({ max: 99_999 }))

describe("IdSet", () => {
  it("has what was added and not deleted, and knows the least of it", () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 300 }), (ids) => {
        const set = new IdSet(64)
        set.fit(100_000)
        const model = new Set<number>()
        for (const each of ids) {
          expect(set.has(each)).toBe(model.has(each))
          if (model.delete(each)) set.delete(each)
          else {
            set.add(each)
            model.add(each)
          }
          expect(set.count).toBe(model.size)
          if (model.size > 0) expect(set.least()).toBe(Math.min(...model))
        }
      })
    )
  })

  it("keeps what it has when it gets room for more", () => {
    const set = new IdSet(32)
    set.add(31)
    set.fit(1 << 20)
    set.add((1 << 20) - 1)
    expect([set.least(), set.has(31), set.has((1 << 20) - 1)]).toEqual([31, true, true])
    set.delete(31)
    expect(set.least()).toBe((1 << 20) - 1)
  })
})
