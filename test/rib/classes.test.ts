// What members of an export class cost each other: nothing. Who comes, goes, asks again or falls behind is served without a message, and
// without a byte packed, for anybody else; what several are to hear is packed once; and a table is told in slices.
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { type ExportParameters, type Membership, PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { clientParameters } from "./plain-export.ts"

const PREFIXES = 20_000
const BUDGET = 1000
const SOURCE = 1

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: 65000, localId: 1, pool: this.pool, capacity: 4 })
  /** By peer: bytes told. */
  readonly told = new Map<number, number>()
  readonly full = new Set<number>()

  constructor(prefixes = PREFIXES) {
    for (let peer = 1; peer < 200; peer++) {
      const facts = { kind: PeerKind.RouteServerClient, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
      this.rib.adjIn.peers.set(peer, facts)
    }
    this.announce(SOURCE, prefixes)
  }

  announce(source: number, prefixes: number, med = 0): void {
    const { adjIn, store, tables } = this.rib
    for (let prefix = 0; prefix < prefixes; prefix++) {
      const asPath = [{ type: 2, members: [64500 + source, 70_000 + (prefix >> 3)] }]
      const bytes = encodeAttributes({ origin: 0, asPath, nextHop: { family: 4, words: [0x0a000102] }, med }, true)
      const set = store.intern(bytes, 0, bytes.length, 0)
      const id = tables[0].prefixes.intern([((20 << 24) | (prefix << 8)) >>> 0], 0, 24)
      adjIn.learn(source, tables[0], id, 0, set)
      store.discardUnused(set)
    }
    this.rib.settle(() => {}, this.transmit)
  }

  readonly transmit = (peer: number, _block: number, from: number, to: number): void => {
    this.told.set(peer, (this.told.get(peer) ?? 0) + to - from)
  }

  readonly hasRoom = (peer: number): boolean => !this.full.has(peer)

  slice(): number {
    return this.rib.catchUp(BUDGET, this.hasRoom, this.transmit)
  }

  catchUp(): number {
    let slices = 0
    for (; this.rib.canCatchUp(this.hasRoom); slices++) this.slice()
    return slices
  }

  join(peer: number, rest: Partial<ExportParameters> = {}): Membership {
    return this.rib.join(clientParameters(rest), peer)
  }

  bytesTo(peer: number): number {
    return this.told.get(peer) ?? 0
  }
}

describe("members of an export class", () => {
  it("share what is packed: a hundred cost no more bytes than one", () => {
    const packed = [1, 100].map((members) => {
      const bench = new Bench(0)
      for (let peer = 2; peer < 2 + members; peer++) bench.join(peer)
      bench.catchUp()
      const before = bench.rib.packer.bytesPacked
      bench.announce(SOURCE, 1000)
      return bench.rib.packer.bytesPacked - before
    })
    expect(packed[1]).toBe(packed[0])
  })

  it("are written to once for each source whose routes are the best, however these alternate", () => {
    const bench = new Bench(0)
    const sources = [1, 2, 3, 4]
    for (const peer of [...sources, 5, 6]) bench.join(peer)
    bench.catchUp()
    const writes = new Map<number, number>()
    const { adjIn, tables, store } = bench.rib
    for (let prefix = 0; prefix < 1000; prefix++) {
      const source = sources[prefix % sources.length]!
      const asPath = [{ type: 2, members: [64500 + source, 70_000 + source] }]
      const bytes = encodeAttributes({ origin: 0, asPath, nextHop: { family: 4, words: [0x0a000102] } }, true)
      const set = store.intern(bytes, 0, bytes.length, 0)
      adjIn.learn(source, tables[0], tables[0].prefixes.intern([(20 << 24) | (prefix << 8)], 0, 24), 0, set)
      store.discardUnused(set)
    }
    bench.rib.settle(
      () => {},
      (peer) => void writes.set(peer, (writes.get(peer) ?? 0) + 1)
    )
    expect([5, 6].map((peer) => writes.get(peer))).toEqual([4, 4])
    expect(sources.map((peer) => writes.get(peer))).toEqual([3, 3, 3, 3])
    expect(bench.rib.packer.messages).toBeLessThan(20)
  })

  it("share their first table, if they come together", () => {
    const packed = [1, 100].map((members) => {
      const bench = new Bench()
      for (let peer = 2; peer < 2 + members; peer++) bench.join(peer)
      bench.catchUp()
      return bench.rib.packer.bytesPacked - members * 23
    })
    expect(packed[1]).toBe(packed[0])
  })

  it("meet on the way: who comes while others walk walks on with them, and gets the rest afterwards", () => {
    const bench = new Bench()
    bench.join(2)
    for (let slice = 0; slice < 5; slice++) bench.slice()
    bench.join(3)
    bench.catchUp()
    expect(bench.bytesTo(3)).toBe(bench.bytesTo(2))
    expect(bench.rib.packer.bytesPacked).toBeLessThan(1.5 * bench.bytesTo(2))
  })

  it.each(["comes", "goes", "asks again", "falls behind", "moves to another class"])(
    "hear nothing, and nothing is packed for them, when another one %s",
    (what) => {
      const bench = new Bench()
      const others = [2, 3, 4]
      for (const peer of others) bench.join(peer)
      const other = bench.join(5)
      bench.catchUp()
      bench.told.clear()
      const before = bench.rib.packer.bytesPacked
      if (what === "comes") bench.join(6)
      if (what === "goes") bench.rib.leave(other)
      if (what === "asks again") other.exportClass.repeat(other.member, false)
      if (what === "falls behind") bench.rib.stall(other)
      if (what === "moves to another class") {
        bench.rib.leave(other)
        bench.join(5, { as4: false })
      }
      bench.rib.settle(() => {}, bench.transmit)
      bench.catchUp()
      while (bench.rib.hasSweeps) bench.rib.sweep(BUDGET)
      expect(others.map((peer) => bench.bytesTo(peer))).toEqual([0, 0, 0])
      expect(bench.rib.packer.bytesPacked - before).toBe(bench.bytesTo(5) + bench.bytesTo(6))
    }
  )

  it("are served in turn, each step within its budget, whatever the size of the table", () => {
    const bench = new Bench()
    bench.join(2)
    bench.join(3, { as4: false })
    const seen: Array<string> = []
    for (let slice = 0; slice < 4; slice++) {
      const before = [bench.bytesTo(2), bench.bytesTo(3)]
      expect(bench.slice()).toBeLessThanOrEqual(BUDGET + 1)
      seen.push(bench.bytesTo(2) > before[0] ? "first" : "second")
    }
    expect(seen).toEqual(["first", "second", "first", "second"])
    expect(bench.catchUp()).toBeGreaterThan(30)
  })

  it("hear of changes at once while another one is on its way through the table", () => {
    const bench = new Bench()
    bench.join(2)
    bench.catchUp()
    bench.join(3)
    bench.slice()
    const before = bench.bytesTo(2)
    bench.announce(SOURCE, 8, 7)
    expect(bench.bytesTo(2)).toBeGreaterThan(before)
  })

  it("leave a class that nobody is in, and what it held is given back in slices", () => {
    const bench = new Bench()
    const membership = bench.join(2)
    bench.catchUp()
    bench.rib.leave(membership)
    expect([bench.rib.classes.length, bench.rib.hasSweeps]).toEqual([0, true])
    bench.rib.endSession(SOURCE)
    let slices = 0
    for (; bench.rib.hasSweeps; slices++) bench.rib.sweep(BUDGET)
    bench.rib.settle(() => {}, bench.transmit)
    expect(slices).toBeGreaterThan(20)
    expect([bench.rib.store.count, bench.rib.tables[0].prefixes.count]).toEqual([0, 0])
  })
})
