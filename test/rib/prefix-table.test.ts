// The prefix table against a Map: the same prefixes are found, freed and found again, and the longest match is the longest.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { PrefixTable } from "../../src/rib/prefix-table.ts"

/** Prefixes drawn from few bits, so that they collide, cover each other and are freed and found again. */
const ipv4 = fc.integer({ min: 0, max: 32 }).chain((length) =>
  fc.integer({ min: 0, max: 15 }).map((bits) => {
    const address = (bits << 28) | (bits << 4) | bits
    return { words: [length === 0 ? 0 : (address & (-1 << (32 - length))) >>> 0], length }
  })
)
const ipv6 = fc.integer({ min: 0, max: 128 }).chain((length) =>
  fc.integer({ min: 0, max: 7 }).map((bits) => {
    const words = [bits << 29, bits, bits << 20, bits].map((word, index) => {
      const kept = Math.min(32, Math.max(0, length - index * 32))
      return kept === 0 ? 0 : (word & (-1 << (32 - kept))) >>> 0
    })
    return { words, length }
  })
)

const key = (prefix: { readonly words: ReadonlyArray<number>; readonly length: number }): string =>
  `${prefix.words.join(".")}/${prefix.length}`

describe("PrefixTable", () => {
  it.each([
    ["IPv4", 0, ipv4],
    ["IPv6", 1, ipv6]
  ] as const)("agrees with a Map of %s prefixes over any order of interning and releasing", (_, family, arbitrary) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), arbitrary), { maxLength: 400 }), (steps) => {
        const table = new PrefixTable(family, 2)
        const model = new Map<string, number>()
        for (const [add, prefix] of steps) {
          const known = model.get(key(prefix))
          expect(table.find(prefix.words, 0, prefix.length)).toBe(known ?? -1)
          if (add && known === undefined) {
            const id = table.intern(prefix.words, 0, prefix.length)
            table.retain(id)
            expect([...model.values()]).not.toContain(id)
            model.set(key(prefix), id)
          } else if (!add && known !== undefined) {
            table.release(known)
            model.delete(key(prefix))
          }
          expect(table.count).toBe(model.size)
        }
        for (const [, id] of model) expect(table.holdersOf(id)).toBe(1)
      }),
      { numRuns: 200 }
    )
  })

  it("gives a prefix its number again if that was not needed for another one in between", () => {
    const table = new PrefixTable(0)
    const at = (host: number): number => table.intern([host << 8], 0, 24)
    for (let host = 0; host < 3000; host++) table.retain(at(host))
    for (let host = 0; host < 3000; host++) table.release(host)
    expect([table.count, table.find([5 << 8], 0, 24)]).toEqual([0, -1])
    for (let host = 2999; host >= 10; host--) {
      expect(at(host)).toBe(host)
      table.retain(host)
    }
    // The ten that are left are given to others, the least first, and only then are there new ones.
    expect([4000, 4001, 4002].map(at)).toEqual([0, 1, 2])
    expect([table.find([1 << 8], 0, 24), table.find([9 << 8], 0, 24), table.count]).toEqual([-1, -1, 2993])
    expect([9, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4010].map(at)).toEqual([9, 3, 4, 5, 6, 7, 8, 3000, 3001])
  })

  it("finds every prefix of a table of hundreds of thousands, and the rest of it when many have gone", () => {
    const table = new PrefixTable(0)
    const COUNT = 270_000
    const words = Uint32Array.from({ length: COUNT }, (_, index) => index << 8)
    for (let index = 0; index < COUNT; index++) table.retain(table.intern(words, index, 24))
    let strays = 0
    for (let index = 0; index < COUNT; index++) if (table.find(words, index, 24) !== index) strays++
    for (let index = 0; index < COUNT; index += 3) table.release(index)
    for (let other = 0; other < 50_000; other++) if (table.intern([other << 8], 0, 25) !== other * 3) strays++
    for (let index = 0; index < COUNT; index++) {
      if (table.find(words, index, 24) !== (index % 3 === 0 ? -1 : index)) strays++
    }
    expect(strays).toBe(0)
  })

  it("does not match an address with a prefix that nobody holds any more", () => {
    const table = new PrefixTable(0)
    const ids = [8, 16, 24].map((length) => table.intern([0x0a00_0000], 0, length))
    for (const id of ids) table.retain(id)
    table.release(ids[2])
    expect(table.longestMatch([0x0a00_0001], 0, () => true)).toBe(ids[1])
  })

  it("counts any number of holders, and frees a prefix with the last of them", () => {
    const table = new PrefixTable(0)
    const id = table.intern([0x0a00_0000], 0, 8)
    for (let holder = 0; holder < 70_000; holder++) table.retain(id)
    expect(table.holdersOf(id)).toBe(70_000)
    for (let holder = 0; holder < 69_999; holder++) table.release(id)
    expect([table.holdersOf(id), table.count]).toEqual([1, 1])
    table.release(id)
    expect([table.holdersOf(id), table.count]).toEqual([0, 0])
    expect(() => table.release(id)).toThrow(/nobody holds/)
  })

  it("finds the longest accepted prefix that covers an address", () => {
    fc.assert(
      fc.property(
        fc.array(ipv4, { maxLength: 60 }),
        ipv4,
        fc.integer({ min: 0, max: 3 }),
        (prefixes, host, residue) => {
          const table = new PrefixTable(0, 2)
          for (const prefix of prefixes) table.retain(table.intern(prefix.words, 0, prefix.length))
          const accept = (id: number): boolean => table.lengths[id] % 4 !== residue
          const covering = prefixes
            .filter(({ words, length }) => length === 0 || ((words[0] ^ host.words[0]) & (-1 << (32 - length))) === 0)
            .filter(({ length }) => length % 4 !== residue)
            .sort((one, other) => other.length - one.length)
          const found = table.longestMatch(host.words, 0, accept)
          expect(found === -1 ? undefined : table.lengths[found]).toBe(covering[0]?.length)
        }
      )
    )
  })

  it("keeps a prefix until its last holder lets go, and gives its number to the next one then", () => {
    const table = new PrefixTable(0)
    const first = table.intern([0x0a000000], 0, 8)
    table.retain(first)
    table.retain(first)
    table.release(first)
    expect(table.find([0x0a000000], 0, 8)).toBe(first)
    table.release(first)
    expect(table.find([0x0a000000], 0, 8)).toBe(-1)
    expect(table.intern([0x0b000000], 0, 8)).toBe(first)
  })

  it("tells prefixes of one address apart by their length, and takes 0.0.0.0/0", () => {
    const table = new PrefixTable(0)
    const ids = [0, 8, 16].map((length) => table.intern([length === 0 ? 0 : 0x0a000000], 0, length))
    expect(new Set(ids).size).toBe(3)
  })
})
