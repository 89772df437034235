// Strings in chunks against a list of them: what was added reads the same until it is dropped, and chunks that hold nothing are used again.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteArena } from "../../src/rib/byte-arena.ts"

const CHUNK_BYTES = 1 << 20

const read = (arena: ByteArena, place: number, length: number): Uint8Array =>
  arena.chunkOf(place).subarray(arena.offsetOf(place), arena.offsetOf(place) + length)

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value)

describe("ByteArena", () => {
  it("keeps each string until it is dropped, whatever is added and dropped around it", () => {
    const step = fc.record({ drops: fc.boolean(), which: fc.nat(), length: fc.integer({ min: 0, max: 400_000 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const arena = new ByteArena()
        const model: Array<{ readonly place: number; readonly bytes: Uint8Array }> = []
        for (const [index, { drops, which, length }] of steps.entries()) {
          if (drops && model.length > 0) {
            const [{ place, bytes }] = model.splice(which % model.length, 1)
            arena.drop(place, bytes.length)
          } else {
            const bytes = filled(length, index + 1)
            model.push({ place: arena.add(bytes, 0, length), bytes })
          }
        }
        for (const { place, bytes } of model) {
          const found = read(arena, place, bytes.length)
          expect([found.length, found[0], found.at(-1)]).toEqual([bytes.length, bytes[0], bytes.at(-1)])
        }
        const used = model.reduce((sum, { bytes }) => sum + bytes.length, 0)
        expect(arena.usedBytes).toBe(used)
        expect(arena.wastedBytes).toBeLessThanOrEqual(arena.sizeBytes)
      }),
      { numRuns: 60 }
    )
  })

  it("needs as many chunks for strings that come and go in order as for those that are there at one time", () => {
    const arena = new ByteArena()
    const string = filled(CHUNK_BYTES / 4, 7)
    const places: Array<number> = []
    for (let index = 0; index < 100; index++) {
      places.push(arena.add(string, 0, string.length))
      if (places.length > 8) arena.drop(places.shift()!, string.length)
      expect(arena.sizeBytes).toBeLessThanOrEqual(4 * CHUNK_BYTES)
      expect(arena.wantsCompaction).toBe(false)
    }
  })

  it("wants to be compacted once more than half of it, and more than a few chunks, are waste among what stays", () => {
    const arena = new ByteArena()
    const [large, small] = [filled(CHUNK_BYTES - 16, 1), filled(16, 2)]
    const wants: Array<boolean> = []
    for (let chunk = 0; chunk < 7; chunk++) {
      arena.add(small, 0, small.length)
      arena.drop(arena.add(large, 0, large.length), large.length)
      wants.push(arena.wantsCompaction)
    }
    expect(wants).toEqual([false, false, false, false, true, true, true])
  })

  it("moves what stays out of chunks that are mostly waste, and only that", () => {
    const arena = new ByteArena()
    const places = new Uint32Array(8)
    const lengths = new Uint16Array(8)
    const large = filled(CHUNK_BYTES - 60_000, 1)
    const add = (id: number, length: number): void => {
      places[id] = arena.add(filled(length, id + 1), 0, length)
      lengths[id] = length
    }
    const dense = arena.add(large, 0, large.length)
    add(0, 50_000)
    for (let id = 1; id < 8; id++) {
      const place = arena.add(large, 0, large.length)
      add(id, 50_000)
      arena.drop(place, large.length)
    }
    arena.drop(places[7], 50_000)
    lengths[7] = 0
    const before = places.slice()
    expect(arena.wantsCompaction).toBe(true)
    arena.compact(places, lengths, 8)
    expect([arena.wantsCompaction, arena.sizeBytes]).toEqual([false, 2 * CHUNK_BYTES])
    expect([places[0], read(arena, dense, 1)[0]]).toEqual([before[0], 1])
    for (let id = 0; id < 7; id++) expect([...new Set(read(arena, places[id], 50_000))]).toEqual([id + 1])
  })

  it("reads a place again after its chunk was given up and taken for other strings", () => {
    const arena = new ByteArena()
    const first = arena.add(filled(CHUNK_BYTES, 1), 0, CHUNK_BYTES)
    const second = arena.add(filled(CHUNK_BYTES, 2), 0, CHUNK_BYTES)
    arena.drop(first, CHUNK_BYTES)
    const third = arena.add(filled(CHUNK_BYTES, 3), 0, CHUNK_BYTES)
    expect(third).toBe(first)
    expect([read(arena, second, 1)[0], read(arena, third, 1)[0]]).toEqual([2, 3])
  })
})
