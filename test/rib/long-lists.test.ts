// Prefixes with hundreds of paths: found, changed and forgotten as in short lists, whatever the decision does to their order, and told to who
// takes them all one by one. RFC 7911 §3
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { type PathRef, PeerKind, Rib } from "../../src/rib/index.ts"
import { LIST_LONG } from "../../src/rib/long-lists.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { clientParameters } from "./plain-export.ts"

const MANY = LIST_LONG * 3
const LISTENER = 9
const PEERS = [1, 2]

const bench = () => {
  const pool = new BlockPool(65536, "test", { verify: true })
  const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4 })
  for (const peer of [...PEERS, LISTENER]) {
    const facts = { kind: PeerKind.RouteServerClient, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
    rib.adjIn.peers.set(peer, facts)
  }
  const [table] = rib.tables
  const words = [0x14000000]
  /** By prefix and identifier: AS number at the end of the path, as the listener was told. */
  const heard: Array<string> = []
  const told = new Map<number, number>()
  const transmit = (_: number, block: number, from: number, to: number): void => {
    const bytes = pool.bytes(block)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (let at = from; at < to; at += view.getUint16(at + 16)) {
      const gone = at + 21 + view.getUint16(at + 19)
      const end = gone + 2 + view.getUint16(gone)
      for (let nlri = at + 21; nlri < gone; nlri += 6) {
        heard.push(told.delete(view.getUint32(nlri)) ? "-" : "?")
      }
      // ORIGIN takes four octets, then AS_PATH with two numbers.
      for (let nlri = end; nlri < at + view.getUint16(at + 16); nlri += 6) {
        heard.push("+")
        told.set(view.getUint32(nlri), view.getUint32(gone + 2 + 4 + 9))
      }
    }
  }
  const id = table.prefixes.intern(words, 0, 8)
  table.prefixes.retain(id)
  const learn = (peer: number, pathId: number, asn: number): void => {
    const nextHop = { family: 4, words: [0x0a000102] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [64500 + peer, asn] }], nextHop }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    rib.adjIn.learn(peer, table, id, pathId, set)
    rib.store.discardUnused(set)
  }
  const held = (): ReadonlyMap<string, PathRef> => {
    const { paths } = rib.adjIn
    const found = new Map<string, PathRef>()
    for (let path = table.heads[id]!; path !== 0; path = paths.next[path]!) {
      const key = `${paths.peer[path]}/${paths.pathIdOf(path)}`
      expect(found.has(key)).toBe(false)
      found.set(key, path)
    }
    return found
  }
  const settle = (): void => {
    rib.settle(() => {}, transmit)
    while (rib.canCatchUp(() => true)) rib.catchUp(10, () => true, transmit)
  }
  return { pool, rib, table, id, learn, held, settle, heard, told }
}

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom("learn" as const, "learn" as const, "forget" as const),
      peer: fc.constantFrom(...PEERS),
      pathId: fc.integer({ min: 0, max: MANY }),
      asn: fc.integer({ min: 70_000, max: 70_010 })
    })
  },
  { weight: 3, arbitrary: fc.constant({ do: "settle" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("away" as const), peer: fc.constantFrom(...PEERS) }) }
)

describe("lists of many paths", () => {
  it("law: hold what a map by peer and identifier holds, and the listener holds all of it", () => {
    fc.assert(
      fc.property(fc.nat(MANY), fc.array(step, { maxLength: 150, size: "max" }), (count, steps) => {
        const { rib, table, id, learn, held, settle, told, heard } = bench()
        const model = new Map<string, number>()
        rib.join(clientParameters({ addPathSend: 0xffff }), LISTENER)
        for (let pathId = 0; pathId < count; pathId++) {
          learn(1, pathId, 70_000)
          model.set(`1/${pathId}`, 70_000)
        }
        for (const one of steps) {
          if (one.do === "settle") settle()
          else if (one.do === "away") {
            rib.endSession(one.peer)
            while (rib.hasSweeps) rib.sweep(10)
            for (const key of [...model.keys()]) if (key.startsWith(`${one.peer}/`)) model.delete(key)
          } else if (one.do === "learn") {
            learn(one.peer, one.pathId, one.asn)
            model.set(`${one.peer}/${one.pathId}`, one.asn)
          } else {
            rib.adjIn.forget(one.peer, table, id, one.pathId)
            model.delete(`${one.peer}/${one.pathId}`)
          }
        }
        settle()
        const paths = held()
        expect([...paths.keys()].sort()).toEqual([...model.keys()].sort())
        expect(new Map([...paths].map(([key, path]) => [path, model.get(key)]))).toEqual(
          new Map([...told].sort(([a], [b]) => a - b).map(([path, asn]) => [path, asn]))
        )
        expect(heard.includes("?")).toBe(false)
        for (const peer of PEERS) rib.endSession(peer)
        while (rib.hasSweeps) rib.sweep(10)
        settle()
        expect([held().size, told.size, rib.adjIn.paths.count]).toEqual([0, 0, 0])
      }),
      { numRuns: 60 }
    )
  }, 60_000)

  it("tell of a change of one path that one, and of one that goes that one, among hundreds", () => {
    const { rib, table, id, learn, settle, heard } = bench()
    rib.join(clientParameters({ addPathSend: 0xffff }), LISTENER)
    for (let pathId = 0; pathId < MANY; pathId++) learn(1, pathId, 70_000)
    settle()
    expect(heard.length).toBe(MANY)
    heard.length = 0
    learn(1, 77, 70_001)
    settle()
    rib.adjIn.forget(1, table, id, 33)
    settle()
    learn(2, 5, 70_002)
    settle()
    expect(heard).toEqual(["+", "-", "+"])
  })

  it("tell one that did not read for a while what differs, once each", () => {
    const { rib, table, id, learn, settle, heard } = bench()
    const membership = rib.join(clientParameters({ addPathSend: 0xffff }), LISTENER)
    for (let pathId = 0; pathId < MANY; pathId++) learn(1, pathId, 70_000)
    settle()
    heard.length = 0
    rib.stall(membership)
    rib.settle(
      () => {},
      () => {}
    )
    for (const asn of [70_001, 70_002, 70_003]) {
      for (let pathId = 10; pathId < 20; pathId++) learn(1, pathId, asn)
      rib.settle(
        () => {},
        () => {}
      )
    }
    rib.adjIn.forget(1, table, id, 50)
    learn(1, 60, 70_001)
    rib.settle(
      () => {},
      () => {}
    )
    learn(1, 60, 70_000)
    settle()
    expect([...heard].sort()).toEqual([...new Array<string>(10).fill("+"), "-"].sort())
  })
})
