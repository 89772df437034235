// The block pool: every lease is one holder's until its last reference goes, and every misuse of one is noticed (ADR-0012).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { arbitraryPoolCommands, newPoolModel } from "../../src/testing/buffers.ts"

describe("block pool", () => {
  it("agrees with a map from lease to count and content, whatever its holders do", () => {
    fc.assert(
      fc.property(arbitraryPoolCommands, fc.boolean(), (commands, verify) => {
        fc.modelRun(() => ({ model: newPoolModel(), real: new BlockPool(16, "model", { verify }) }), commands)
      }),
      { numRuns: 200 }
    )
  })

  it("allocates no storage before the first lease", () => {
    const pool = new BlockPool(4096, "lazy")
    expect(pool.stats()).toEqual({ name: "lazy", size: 4096, total: 0, free: 0, leased: 0, adopted: 0, peak: 0 })
    pool.acquire()
    expect(pool.stats()).toMatchObject({ total: 1, leased: 1, peak: 1 })
  })

  it("never gives 0 as a lease, so that 0 can stand for none", () => {
    const pool = new BlockPool(8, "nonzero")
    for (let turn = 0; turn < 10_000; turn++) {
      const lease = pool.acquire()
      expect(lease).toBeGreaterThan(0)
      pool.release(lease)
    }
  })

  it("uses the block that was freed last first, and names it anew", () => {
    const pool = new BlockPool(8, "warm")
    const first = pool.acquire()
    const second = pool.acquire()
    const bytes = pool.bytes(second)
    pool.release(first)
    pool.release(second)
    const third = pool.acquire()
    expect(third).not.toBe(second)
    expect(pool.bytes(third)).toBe(bytes)
    expect(pool.holds(second)).toBe(false)
  })

  it("keeps a block until the last of several references is released", () => {
    const pool = new BlockPool(8, "shared")
    const lease = pool.acquire()
    pool.retain(lease, 2)
    pool.release(lease)
    pool.release(lease)
    expect(pool.count(lease)).toBe(1)
    pool.release(lease)
    expect(pool.holds(lease)).toBe(false)
  })

  it.each(["bytes", "release", "retain", "count"] as const)("refuses %s of a lease after its last release", (verb) => {
    const pool = new BlockPool(8, "strict")
    const lease = pool.acquire("peer 7")
    pool.release(lease)
    expect(() => pool[verb](lease)).toThrow(/block 0 after it was freed, last leased for peer 7/)
  })

  it("refuses a lease that it never gave", () => {
    const pool = new BlockPool(8, "strict")
    expect(() => pool.release(0)).toThrow(/never given/)
    expect(() => pool.release(77)).toThrow(/never given/)
  })

  it("refuses to add no references, or less", () => {
    const pool = new BlockPool(8, "strict")
    const lease = pool.acquire()
    expect(() => pool.retain(lease, 0)).toThrow(/retain of 0/)
    expect(() => pool.retain(lease, -1)).toThrow(/retain of -1/)
  })

  it("notices under `verify` that a freed block was written to, and says whose it was", () => {
    const pool = new BlockPool(8, "poison", { verify: true })
    const lease = pool.acquire("writer 3")
    const kept = pool.bytes(lease)
    pool.release(lease)
    kept[5] = 1
    expect(() => pool.acquire()).toThrow(/block 0 was written to after writer 3 freed it/)
  })

  it("names what is still held, and by whom", () => {
    const pool = new BlockPool(8, "out-blocks")
    const first = pool.acquire("peer 1")
    pool.acquire("peer 2")
    pool.retain(first)
    expect(pool.describeLeaks()).toBe("pool out-blocks: 2 of 2 blocks not returned, held by peer 1 (2), peer 2 (1)")
    for (const lease of [...pool.leaks(), first]) pool.release(lease)
    expect(pool.describeLeaks()).toBe("")
  })

  it("gives free storage back on trim without changing which handle comes next", () => {
    const trimmed = new BlockPool(8, "trim")
    const untouched = new BlockPool(8, "trim")
    for (const pool of [trimmed, untouched]) {
      const leases = [pool.acquire(), pool.acquire(), pool.acquire()]
      pool.release(leases[0]!)
      pool.release(leases[2]!)
    }
    trimmed.trim()
    expect(trimmed.stats()).toMatchObject({ total: 1, free: 0, leased: 1 })
    for (let turn = 0; turn < 4; turn++) expect(trimmed.acquire()).toBe(untouched.acquire())
  })

  it("lives after close until its last lease returns, and gives no new one", () => {
    const pool = new BlockPool(8, "gone peer")
    const lease = pool.acquire()
    pool.close()
    expect(() => pool.acquire()).toThrow(/closed pool/)
    expect(pool.isDrained).toBe(false)
    expect(pool.bytes(lease).length).toBe(8)
    pool.release(lease)
    expect(pool.isDrained).toBe(true)
    expect(pool.stats().total).toBe(0)
  })

  it("clones into a pool that gives the same handles and shares no bytes", () => {
    const pool = new BlockPool(8, "original")
    const lease = pool.acquire()
    pool.release(pool.acquire())
    const copy = pool.clone()
    copy.bytes(lease).fill(9)
    expect(pool.bytes(lease)[0]).toBe(0)
    expect(copy.acquire()).toBe(pool.acquire())
    copy.release(lease)
    expect(pool.holds(lease)).toBe(true)
  })

  it("names adopted bytes that were not returned, and counts them among its blocks", () => {
    const pool = new BlockPool(64, "in")
    const lease = pool.adopt(new Uint8Array(10), "a peer")
    expect(pool.describeLeaks()).toBe("pool in: 1 of 1 blocks not returned, held by a peer (1)")
    pool.release(lease)
    expect(pool.describeLeaks()).toBe("")
  })
})
