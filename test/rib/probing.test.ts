// Tables of numbers against a Set: what is in them is found where its hash says, whatever went, moved, or grew, and nothing else is.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { enlarged, vacate, wantedAt, wantedNext } from "../../src/rib/probing.ts"

/** Hashes of few values, so that many entries are far from home; some wrap around the end, some differ in the upper bits only. */
const hash = fc.oneof(
  fc.constantFrom(0, 5, -1, 0x7fff_fff0, 0x0fff_ffff, 0x1000_0005),
  fc.integer({ min: -4, max: 40 }),
  fc.integer()
)
const step = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), hash }),
  fc.record({ kind: fc.constant("remove" as const), which: fc.nat() })
)

/** A table as those that use it have one: ids are given out in ascending order and not reused, hashes are beside it. */
class Table {
  slots: Int32Array = new Int32Array(64)
  readonly hashes: Array<number> = []
  /** Entries that were looked at: those of which the slot alone did not say that they are another one. */
  looks = 0
  readonly hashOf = (id: number): number => this.hashes[id] >>> 0

  /** The slot of an id, or of the free slot where it belongs, and what to write there. */
  seek(id: number): { readonly slot: number; readonly wanted: number; readonly isThere: boolean } {
    const { slots } = this
    const mask = slots.length - 1
    let wanted = wantedAt(this.hashes[id])
    for (let slot = this.hashes[id] & mask; ; slot = (slot + 1) & mask) {
      if (slots[slot] === 0) return { slot, wanted, isThere: false }
      if (((slots[slot] ^ wanted) & ~mask) === 0) {
        this.looks++
        if ((slots[slot] & mask) === id + 1) return { slot, wanted, isThere: true }
      }
      wanted = wantedNext(wanted)
    }
  }

  add(hash: number): number {
    const id = this.hashes.push(hash) - 1
    if ((id + 1) * 2 > this.slots.length) this.slots = enlarged(this.slots, this)
    const { slot, wanted } = this.seek(id)
    this.slots[slot] = (wanted & -this.slots.length) | (id + 1)
    return id
  }

  remove(id: number): void {
    vacate(this.slots, this.seek(id).slot, this)
  }
}

describe("probing", () => {
  it("finds what was added and not removed, and nothing else, over any order of adding, removing and growing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new Table()
        const model = new Set<number>()
        for (const each of steps) {
          if (each.kind === "add") model.add(table.add(each.hash))
          else if (model.size > 0) {
            const id = [...model][each.which % model.size]
            table.remove(id)
            model.delete(id)
          }
          expect(table.slots.filter((entry) => entry !== 0).length).toBe(model.size)
        }
        const there = table.hashes.map((_, id) => table.seek(id).isThere)
        expect(there).toEqual(table.hashes.map((_, id) => model.has(id)))
      }),
      { numRuns: 300 }
    )
  })

  it("passes by an entry of the same home and another distance or fragment without looking at what it stands for", () => {
    const table = new Table()
    for (const hash of [7, 8, 7 + (1 << 27), 7 + (1 << 20)]) table.add(hash)
    const ids = table.hashes.map((_, id) => id)
    expect(ids.map((id) => table.seek(id).isThere)).toEqual([true, true, true, true])
    // None when they were added; each is found at its first look.
    expect(table.looks).toBe(4)
  })

  it("does not ask for the hash of what is near its home when it moves entries", () => {
    const table = new Table()
    for (let hash = 0; hash < 30; hash++) table.add(Math.imul(hash, 0x9e3779b1))
    const asked: Array<number> = []
    const hashed = {
      hashOf: (id: number): number => {
        asked.push(id)
        return table.hashes[id] >>> 0
      }
    }
    const larger = enlarged(table.slots, hashed)
    vacate(
      larger,
      larger.findIndex((entry) => entry !== 0),
      hashed
    )
    expect(asked).toEqual([])
  })
})
