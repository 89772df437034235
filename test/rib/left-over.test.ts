// What a peer's earlier session, or the table before a refresh, leaves behind: kept as stale, aged, or purged in slices.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Reason, Rib } from "../../src/rib/index.ts"
import { decodeAttributes, encodeAttributes } from "../../src/wire/index.ts"

const NO_LLGR = 0xffff0007
const LLGR_STALE = 0xffff0006

const tableOf = (): Rib => {
  const rib = new Rib({ localAs: 65000, localId: 1, pool: new BlockPool(65536, "test"), capacity: 4 })
  rib.adjIn.peers.set(1, { kind: PeerKind.External, accepts: true, routerId: 1, rank: 1 })
  rib.adjIn.peers.set(2, { kind: PeerKind.External, accepts: true, routerId: 2, rank: 2 })
  return rib
}

const learn = (rib: Rib, peer: number, octet: number, communities: ReadonlyArray<number> = [], med = 0): void => {
  const bytes = encodeAttributes(
    {
      origin: 0,
      asPath: [{ type: 2, members: [64500 + peer] }],
      nextHop: { family: 4, words: [0x0a000000 + peer] },
      med,
      ...(communities.length === 0 ? {} : { communities: [...communities] }),
      largeCommunities: [[1, 2, 3]]
    },
    true
  )
  const set = rib.store.intern(bytes, 0, bytes.length, 0)
  const { prefixes } = rib.tables[0]
  rib.adjIn.learn(peer, rib.tables[0], prefixes.intern([(octet << 24) >>> 0], 0, 8), 0, set)
  rib.store.discardUnused(set)
}

const settle = (rib: Rib): void =>
  rib.settle(
    () => {},
    () => {}
  )
const sweep = (rib: Rib): void => {
  while (rib.hasSweeps) rib.sweep(2)
  settle(rib)
}

/** The path that the peer has for a prefix: why it is what it is, whether it is stale, and its communities. */
const pathOf = (rib: Rib, peer: number, octet: number): unknown => {
  const [table] = rib.tables
  const id = table.prefixes.find([(octet << 24) >>> 0], 0, 8)
  const { paths } = rib.adjIn
  for (let path = id === -1 ? 0 : table.heads[id]; path !== 0; path = paths.next[path]) {
    if (paths.peer[path] !== peer) continue
    const set = paths.attributes[path]
    const { store } = rib
    const { communities } = decodeAttributes(store.chunkOf(set), store.startOf(set), store.blockEndOf(set), true)
    return { reason: paths.reason[path], stale: rib.adjIn.isStale(0, path), communities: communities ?? [] }
  }
  return undefined
}

const FRESH = { reason: Reason.Best, stale: false, communities: [] }
const STALE = { reason: Reason.Best, stale: true, communities: [] }

describe("what a session leaves behind", () => {
  it("stays best as stale while its peer restarts, and is fresh once it is told again [RFC 4724 §4.2]", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    learn(rib, 1, 11)
    settle(rib)
    rib.endSession(1, [true, false])
    expect(rib.hasSweeps).toBe(false)
    learn(rib, 1, 10)
    settle(rib)
    expect([pathOf(rib, 1, 10), pathOf(rib, 1, 11)]).toEqual([FRESH, STALE])
    rib.expire(1, 0)
    sweep(rib)
    expect([pathOf(rib, 1, 10), pathOf(rib, 1, 11)]).toEqual([FRESH, undefined])
  })

  it("goes if it expires just before the next session ends, and is not taken for what that one leaves behind", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    learn(rib, 1, 11)
    learn(rib, 2, 11, [], 5)
    rib.endSession(1, [true, true])
    learn(rib, 1, 10)
    rib.expire(1, 0)
    rib.endSession(1, [true, true])
    // A change of the prefix has it decided before the sweep comes by.
    learn(rib, 2, 11, [], 6)
    settle(rib)
    expect([pathOf(rib, 1, 10), pathOf(rib, 1, 11)]).toMatchObject([STALE, { reason: Reason.SessionEnded }])
    sweep(rib)
    expect([pathOf(rib, 1, 10), pathOf(rib, 1, 11)]).toEqual([STALE, undefined])
  })

  it("is purged in slices, also where sessions end and refreshes begin faster than that", () => {
    const rib = tableOf()
    const PREFIXES = 100
    for (let octet = 0; octet < PREFIXES; octet++) learn(rib, 1, octet)
    settle(rib)
    const [table] = rib.tables
    const marked = (what: () => void): number => {
      what()
      const { changedCount } = table
      settle(rib)
      return changedCount
    }
    rib.endSession(1)
    expect(marked(() => rib.sweep(10))).toBe(10)
    expect(marked(() => rib.endSession(1))).toBe(0)
    expect(marked(() => rib.refreshBegan(1, 0))).toBe(0)
    expect(marked(() => rib.endSession(1, [true, false]))).toBe(0)
    expect(marked(() => rib.sweep(10))).toBeLessThanOrEqual(10)
    sweep(rib)
    expect(rib.adjIn.paths.count).toBe(0)
  })

  it("law: after any sessions, refreshes and sweeps in slices there is what was told and not taken back, and it is known what is stale", () => {
    const op = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("learn", "forget"), octet: fc.nat(5), med: fc.nat(1) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constantFrom("end", "keep", "begin", "expire"),
          times: fc.constantFrom(1, 1, 1, 251)
        })
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("sweep", "sweep", "settle") }) }
    )
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60, size: "max" }), (ops) => {
        const rib = tableOf()
        for (let octet = 0; octet < 6; octet++) learn(rib, 2, octet, [], 1000)
        const model = new Map<number, boolean>()
        const begin = (): void => {
          for (const octet of model.keys()) model.set(octet, true)
        }
        const expire = (): void => {
          for (const [octet, isStale] of [...model]) if (isStale) model.delete(octet)
        }
        for (const one of ops) {
          if ("octet" in one && one.do === "learn") {
            learn(rib, 1, one.octet, [], one.med)
            model.set(one.octet, false)
          } else if ("octet" in one) {
            const id = rib.tables[0].prefixes.find([(one.octet << 24) >>> 0], 0, 8)
            rib.adjIn.forget(1, rib.tables[0], id, 0)
            model.delete(one.octet)
          } else if (one.do === "sweep") rib.sweep(1)
          else if (one.do === "settle") settle(rib)
          else if (one.do === "expire") {
            rib.expire(1, 0)
            expire()
          } else if (one.do === "end") {
            rib.endSession(1)
            model.clear()
          } else if ("times" in one) {
            // Whoever begins that many loses what is left over.
            for (let time = 0; time < (one.do === "keep" ? 1 : one.times); time++) {
              if (one.do === "keep") rib.endSession(1, [true, true])
              else rib.refreshBegan(1, 0)
            }
            if (one.times > 1 && one.do === "begin") {
              rib.expire(1, 0)
              begin()
              expire()
            } else begin()
          }
        }
        sweep(rib)
        for (let octet = 0; octet < 6; octet++) {
          const isStale = model.get(octet)
          const expected = isStale === undefined ? undefined : { reason: Reason.Best, stale: isStale }
          const found = pathOf(rib, 1, octet)
          if (expected === undefined) expect(found).toBeUndefined()
          else expect(found).toMatchObject(expected)
        }
        expect(rib.adjIn.peers.told[0]![1]).toBe([...model.values()].filter((isStale) => !isStale).length)
      }),
      { numRuns: 500 }
    )
  })

  it("is eligible again as soon as it is told again, even while the rest of it is being purged", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    learn(rib, 2, 10, [], 5)
    settle(rib)
    rib.endSession(1)
    // A change of the prefix has it decided without the ended session.
    learn(rib, 2, 10, [], 6)
    settle(rib)
    expect(pathOf(rib, 1, 10)).toMatchObject({ reason: Reason.SessionEnded, stale: false })
    learn(rib, 1, 10)
    settle(rib)
    expect(pathOf(rib, 1, 10)).toMatchObject({ reason: Reason.Best })
    sweep(rib)
    expect(pathOf(rib, 1, 10)).toEqual(FRESH)
  })

  it("is preferred to nothing once it is stale for long, bears LLGR_STALE, and goes if it bears NO_LLGR [RFC 9494 §4.2]", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    learn(rib, 2, 10, [], 500)
    learn(rib, 1, 11, [NO_LLGR])
    learn(rib, 1, 12, [1])
    settle(rib)
    rib.endSession(1, [true, true])
    rib.age(1, 0)
    sweep(rib)
    expect(pathOf(rib, 1, 10)).toEqual({ reason: Reason.LongLivedStale, stale: true, communities: [LLGR_STALE] })
    expect(pathOf(rib, 2, 10)).toEqual(FRESH)
    expect(pathOf(rib, 1, 11)).toBeUndefined()
    expect(pathOf(rib, 1, 12)).toEqual({ reason: Reason.Best, stale: true, communities: [1, LLGR_STALE] })
    learn(rib, 1, 12, [1])
    settle(rib)
    expect(pathOf(rib, 1, 12)).toEqual({ ...FRESH, communities: [1] })
  })

  it("survives any number of refreshes begun, but not one that ends without it [RFC 7313 §4]", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    for (let round = 0; round < 3; round++) rib.refreshBegan(1, 0)
    settle(rib)
    expect(pathOf(rib, 1, 10)).toEqual(STALE)
    rib.expire(1, 0)
    sweep(rib)
    expect(pathOf(rib, 1, 10)).toBeUndefined()
  })

  it("never passes for fresh, however often a peer begins refreshes and ends none", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    for (let round = 0; round < 256; round++) rib.refreshBegan(1, 0)
    sweep(rib)
    expect(pathOf(rib, 1, 10)).toBeUndefined()
  })

  it("keeps its peer's number from being given away until the last of it is gone and decided", () => {
    const rib = tableOf()
    learn(rib, 1, 10)
    settle(rib)
    rib.endSession(1)
    expect(rib.isForgotten(1)).toBe(false)
    while (rib.hasSweeps) rib.sweep(100)
    expect(rib.isForgotten(1)).toBe(false)
    settle(rib)
    expect(rib.isForgotten(1)).toBe(true)
  })
})
