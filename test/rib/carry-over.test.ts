// A member that moves to another class while its table changes, and is served a prefix at a time: in the end it holds what a member would
// that joined that class first, under the attributes of that class; and nothing is leaked on the way.
import fc from "fast-check"
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { type ExportParameters, type Membership, PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes, scanUpdate, toHex, UpdateView } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"
import { exportParameters } from "./plain-export.ts"

const SOURCE = 1
const LISTENER = 2
const CONTEXT = { as4: true, addPath: [false, false], external: true, extended: false } as const

const FACTS = { kind: PeerKind.External, accepts: true }

const PLAIN = exportParameters()
const WAYS: ReadonlyArray<ExportParameters> = [
  PLAIN,
  { ...PLAIN, open: false },
  { ...PLAIN, overriddenAs: 64502 },
  { ...PLAIN, kind: PeerKind.RouteServerClient }
]

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: 65000, localId: 1, pool: this.pool, capacity: 4 })
  readonly held = new Map<string, string>()
  /** Every withdrawal, whether the prefix was held or not. */
  readonly forgotten: Array<string> = []
  membership: Membership
  private readonly view = new UpdateView()

  constructor(way: number) {
    for (const peer of [SOURCE, LISTENER]) {
      this.rib.adjIn.peers.set(peer, { ...FACTS, routerId: peer, rank: peer, asn: 64500 + peer })
    }
    this.membership = this.rib.join(WAYS[way]!, LISTENER)
  }

  readonly transmit = (_: number, block: number, from: number, to: number): void => {
    const { view, held } = this
    const bytes = this.pool.bytes(block).slice(from, to)
    for (let at = 0; at < bytes.length; at += (bytes[at + 16]! << 8) | bytes[at + 17]!) {
      scanUpdate(view, bytes, at, (bytes[at + 16]! << 8) | bytes[at + 17]!, CONTEXT)
      const attributes = toHex(bytes.subarray(view.withdrawnEnd + 2, view.nlriAt))
      for (const prefix of readPrefixes(bytes, view.withdrawnAt, view.withdrawnEnd)) {
        held.delete(prefix)
        this.forgotten.push(prefix)
      }
      for (const prefix of readPrefixes(bytes, view.nlriAt, view.nlriEnd)) held.set(prefix, attributes)
    }
  }

  learn(net: number, asn: number): void {
    const { rib } = this
    const nextHop = { family: 4, words: [0x0a000102] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [64501, asn] }], nextHop }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    const id = rib.tables[0].prefixes.intern([((20 + net) << 24) >>> 0], 0, 8)
    rib.adjIn.learn(SOURCE, rib.tables[0], id, 0, set)
    rib.store.discardUnused(set)
    this.settle()
  }

  forget(net: number): void {
    const [table] = this.rib.tables
    const id = table.prefixes.find([((20 + net) << 24) >>> 0], 0, 8)
    if (id !== -1) this.rib.adjIn.forget(SOURCE, table, id, 0)
    this.settle()
  }

  serve(budget: number): void {
    this.rib.catchUp(budget, () => true, this.transmit)
  }

  finish(): void {
    while (this.rib.canCatchUp(() => true)) this.serve(100)
    while (this.rib.hasSweeps) this.rib.sweep(100)
  }

  private settle(): void {
    this.rib.settle(() => {}, this.transmit)
  }
}

type Move =
  | { readonly move: "learn" | "forget"; readonly net: number; readonly asn: number }
  | { readonly move: "way"; readonly way: number }
  | { readonly move: "serve"; readonly budget: number }
  | { readonly move: "refresh" }

const change = fc.constantFrom("learn" as const, "learn" as const, "forget" as const)
const move: fc.Arbitrary<Move> = fc.oneof(
  // 64502 is the listener's own AS number: overridden in one of the ways, and in its way in another.
  { arbitrary: fc.record({ move: change, net: fc.nat(3), asn: fc.constantFrom(64502, 64510) }), weight: 4 },
  { arbitrary: fc.record({ move: fc.constant("way" as const), way: fc.nat(WAYS.length - 1) }), weight: 2 },
  { arbitrary: fc.record({ move: fc.constant("serve" as const), budget: fc.integer({ min: 1, max: 3 }) }), weight: 4 },
  fc.constant({ move: "refresh" as const })
)

it("a member that is told in another way holds in the end what that way tells, and nothing of the old one", () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 50 }), (moves) => {
      const bench = new Bench(0)
      const told = new Map<number, number>()
      let way = 0
      for (const one of moves) {
        if (one.move === "learn") {
          told.set(one.net, one.asn)
          bench.learn(one.net, one.asn)
        } else if (one.move === "forget") {
          told.delete(one.net)
          bench.forget(one.net)
        } else if (one.move === "way") {
          way = one.way
          bench.membership = bench.rib.move(bench.membership, WAYS[way]!)
        } else if (one.move === "refresh") bench.membership.exportClass.repeat(bench.membership.member, false)
        else if (one.move === "serve") bench.serve(one.budget)
      }
      bench.finish()
      const fresh = new Bench(way)
      for (const [net, asn] of told) fresh.learn(net, asn)
      fresh.finish()
      expect(new Map([...bench.held].sort())).toEqual(new Map([...fresh.held].sort()))
      for (const net of told.keys()) bench.forget(net)
      bench.finish()
      bench.rib.leave(bench.membership)
      bench.finish()
      const { rib, pool } = bench
      expect([rib.store.count, rib.tables[0].prefixes.count, pool.stats().leased]).toEqual([0, 0, 0])
    }),
    { numRuns: 1500 }
  )
})

it("a route that went before the walk and is back after it is told in the new way", () => {
  const bench = new Bench(0)
  bench.serve(10)
  bench.learn(0, 64502)
  const before = bench.held.get("20.0.0.0/8")
  bench.membership = bench.rib.move(bench.membership, WAYS[2]!)
  bench.forget(0)
  bench.serve(10)
  expect([...bench.held]).toEqual([])
  bench.learn(0, 64502)
  bench.finish()
  expect(bench.held.get("20.0.0.0/8")).toBe(before?.replace("0000fbf6", "0000fde8"))
})

it("a member that moves is not told to forget what another class keeps from somebody else only", () => {
  // In the new class sits a client with the number of the route in its AS_PATH: all but that one have the route, so far.
  const bench = new Bench(0)
  const sitting = 3
  bench.rib.adjIn.peers.set(sitting, { ...FACTS, routerId: sitting, rank: sitting, asn: 64510 })
  bench.rib.join(WAYS[3]!, sitting)
  bench.membership = bench.rib.move(bench.membership, WAYS[1]!)
  bench.finish()
  bench.learn(0, 64510)
  bench.membership = bench.rib.move(bench.membership, WAYS[3]!)
  bench.forget(0)
  bench.finish()
  expect(bench.forgotten).toEqual([])
})

it("a member that asks for everything again while it moves gets it, and is told what went meanwhile", () => {
  const bench = new Bench(0)
  for (const net of [0, 1, 2]) bench.learn(net, 64510)
  bench.finish()
  bench.membership = bench.rib.move(bench.membership, WAYS[3]!)
  bench.serve(2)
  // It forgets everything, asks, and one of those that the walk has passed goes.
  bench.held.clear()
  bench.membership.exportClass.repeat(bench.membership.member, false)
  bench.forget(0)
  bench.finish()
  expect([...bench.held.keys()].sort()).toEqual(["21.0.0.0/8", "22.0.0.0/8"])
  expect(bench.forgotten).toEqual(["20.0.0.0/8"])
})
