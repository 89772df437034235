// Keys of carried families that somebody has made to agree in everything that stands for them in the table of prefixes: each is still found,
// and goes alone, in whatever order they come and go. ADR-0032
import { describe, expect, it } from "vitest"
import { hashBytes } from "../../src/machine/index.ts"
import { KeyTable } from "../../src/rib/index.ts"

/** Keys of eight octets that agree in both hashes: the second word undoes what the first one did to one of them, and chance does the rest. */
const twins = (): readonly [Uint8Array, Uint8Array] => {
  const seen = new Map<number, Uint8Array>()
  for (let first = 1; ; first++) {
    const key = new Uint8Array(8)
    const view = new DataView(key.buffer)
    view.setUint32(0, first, true)
    let state = Math.imul(0x811c9dc5 ^ 8 ^ first, 0x85ebca6b)
    state ^= state >>> 15
    view.setInt32(4, state, true)
    let other = 0x9747b28c
    for (const octet of key) other = Math.imul(other ^ octet, 0x5bd1e995)
    const twin = seen.get(other)
    if (twin !== undefined) return [twin, key]
    seen.set(other, key)
  }
}

const come = (table: KeyTable, key: Uint8Array): number => {
  const id = table.internKey(key, key.length)
  table.retain(id)
  return id
}

describe("keys that agree in all that is compared first", () => {
  it("agree indeed", () => {
    const [one, other] = twins()
    expect(hashBytes(one, 0, 8)).toBe(hashBytes(other, 0, 8))
    expect(one).not.toEqual(other)
  })

  it("have a number each, and the one that came last is found when the first one has gone", () => {
    const table = new KeyTable(6)
    const [one, other] = twins()
    const first = come(table, one)
    const second = come(table, other)
    expect(second).not.toBe(first)
    table.release(first)
    expect([table.findKey(one, 8), table.findKey(other, 8), come(table, other)]).toEqual([-1, second, second])
    expect([come(table, one), table.count]).toEqual([first, 2])
  })
})
