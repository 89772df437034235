// A member that does not read, while every route of a table changes again and again: what it is owed is bounded by the table and not by
// the changes, nobody else is sent more for it, and in the end it hears of each prefix once.
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes, scanUpdate, UpdateView } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"
import { clientParameters } from "./plain-export.ts"

const PREFIXES = 10_000
const MEMBERS = 100
const SOURCE = 1
const SLOW = 2
const BUDGET = 1000
const CONTEXT = { as4: true, addPath: [false, false], external: true, extended: false } as const

const parameters = clientParameters()

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: 65000, localId: 1, pool: this.pool, capacity: 4 })
  readonly slow = this.join(SLOW)
  private isReading = true
  /** What the slow one was sent: prefixes announced and withdrawn, in order. */
  heard: Array<string> = []
  private readonly view = new UpdateView()

  constructor() {
    this.know(SOURCE)
    for (let peer = SLOW + 1; peer < SLOW + MEMBERS; peer++) this.join(peer)
    this.catchUp()
  }

  private know(peer: number): void {
    const facts = { kind: PeerKind.RouteServerClient, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
    this.rib.adjIn.peers.set(peer, facts)
  }

  private join(peer: number): ReturnType<Rib["join"]> {
    this.know(peer)
    return this.rib.join(parameters, peer)
  }

  readonly transmit = (peer: number, block: number, from: number, to: number): void => {
    if (peer !== SLOW) return
    const { view } = this
    const bytes = this.pool.bytes(block).slice(from, to)
    for (let at = 0; at < bytes.length; at += (bytes[at + 16] << 8) | bytes[at + 17]) {
      scanUpdate(view, bytes, at, (bytes[at + 16] << 8) | bytes[at + 17], CONTEXT)
      for (const prefix of readPrefixes(bytes, view.withdrawnAt, view.withdrawnEnd)) this.heard.push(`-${prefix}`)
      for (const prefix of readPrefixes(bytes, view.nlriAt, view.nlriEnd)) this.heard.push(`+${prefix}`)
    }
  }

  readonly hasRoom = (peer: number): boolean => peer !== SLOW || this.isReading

  /** Every prefix is announced with this MED, or withdrawn. */
  flap(med: number | undefined): void {
    const { adjIn, store, tables } = this.rib
    const [table] = tables
    for (let prefix = 0; prefix < PREFIXES; prefix++) {
      const words = [((20 << 24) | (prefix << 8)) >>> 0]
      if (med === undefined) {
        adjIn.forget(SOURCE, table, table.prefixes.find(words, 0, 24), 0)
        continue
      }
      const asPath = [{ type: 2, members: [64501, 70_000 + (prefix >> 3)] }]
      const bytes = encodeAttributes({ origin: 0, asPath, nextHop: { family: 4, words: [0x0a000102] }, med }, true)
      const set = store.intern(bytes, 0, bytes.length, 0)
      adjIn.learn(SOURCE, table, table.prefixes.intern(words, 0, 24), 0, set)
      store.discardUnused(set)
    }
    this.rib.settle(() => {}, this.transmit)
    this.catchUp()
  }

  catchUp(): void {
    while (this.rib.canCatchUp(this.hasRoom)) this.rib.catchUp(BUDGET, this.hasRoom, this.transmit)
  }

  stall(): void {
    this.isReading = false
    this.rib.stall(this.slow)
    this.rib.settle(() => {}, this.transmit)
    this.heard = []
  }

  read(): void {
    this.isReading = true
    this.catchUp()
  }

  /** Everything that grows with what is remembered. */
  size(): unknown {
    const { store, tables } = this.rib
    return {
      member: this.slow.member.sizeBytes,
      adjOut: this.slow.exportClass.adjOut.sizeBytes,
      audiences: this.slow.exportClass.adjOut.audiences.count,
      sets: store.count,
      setBytes: store.sizeBytes,
      prefixes: tables[0].prefixes.count,
      blocks: this.pool.stats().total
    }
  }
}

describe("a member that does not read among a hundred that do", () => {
  it("costs the same after ten changes of every route as after two", () => {
    const bench = new Bench()
    bench.flap(1)
    bench.stall()
    bench.flap(2)
    bench.flap(3)
    const size = bench.size()
    expect(bench.slow.member.pendingCount).toBe(PREFIXES)
    for (let med = 4; med < 12; med++) {
      bench.flap(med)
      expect(bench.size()).toEqual(size)
    }
    expect(bench.slow.member.sizeBytes).toBeLessThan(PREFIXES * 64)
  })

  it("costs nothing of its own once it has caught up", () => {
    const bench = new Bench()
    bench.flap(1)
    bench.stall()
    bench.flap(2)
    bench.read()
    expect([bench.slow.member.live, bench.slow.member.pendingCount]).toEqual([true, 0])
    expect(bench.rib.store.count).toBe(PREFIXES / 8)
  })

  it("hears of each prefix once, as it is in the end", () => {
    const bench = new Bench()
    bench.flap(1)
    bench.stall()
    for (const med of [2, undefined, 3, undefined, 4]) bench.flap(med)
    expect(bench.heard).toEqual([])
    bench.read()
    expect(bench.heard.length).toBe(PREFIXES)
    expect(new Set(bench.heard).size).toBe(PREFIXES)
  })

  it("hears nothing of what is in the end as it was", () => {
    const bench = new Bench()
    bench.flap(1)
    bench.stall()
    for (const med of [2, undefined, 1]) bench.flap(med)
    bench.read()
    expect(bench.heard).toEqual([])
  })

  it("is told to forget what it holds, and nothing else", () => {
    const bench = new Bench()
    bench.stall()
    bench.flap(1)
    bench.flap(undefined)
    bench.read()
    expect(bench.heard).toEqual([])
    bench.flap(1)
    bench.stall()
    bench.flap(undefined)
    bench.read()
    expect(bench.heard.filter((each) => each.startsWith("-")).length).toBe(PREFIXES)
  })
})
