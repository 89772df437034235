// Peers that come, go, stall, ask again, and are told in another way from now on, again and again and in the middle of being told, while the
// table changes and everything is told a few prefixes at a time: in the end each holds exactly what one holds that has just joined under
// its last way, none was told to forget what it did not hold, and nothing is left. ADR-0037, ADR-0061; RFC 7911
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { type ExportParameters, type Membership, PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes, scanUpdate, toHex, UpdateView } from "../../src/wire/index.ts"
import { exportParameters } from "./plain-export.ts"

const SOURCES = [1, 2, 3]
const LISTENERS = [2, 4, 5, 6]
const PREFIXES = 5
/** Far more than it takes. */
const ROUNDS_MAX = 10_000
const EVERYBODY = (): boolean => true

const PLAIN = exportParameters()
/** 64504 and 64505 are the numbers of listeners, and stand in paths. */
const WAYS: ReadonlyArray<ExportParameters> = [
  PLAIN,
  { ...PLAIN, open: false },
  { ...PLAIN, overriddenAs: 64504 },
  { ...PLAIN, kind: PeerKind.RouteServerClient },
  { ...PLAIN, kind: PeerKind.RouteServerClient, overriddenAs: 64505 },
  { ...PLAIN, kind: PeerKind.Internal },
  { ...PLAIN, kind: PeerKind.ReflectorClient }
]

interface Listener {
  readonly membership: Membership
  readonly way: number
  readonly held: Map<string, string>
  readonly faults: Array<string>
  endsOfRib: number
}

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: 65000, localId: 1, pool: this.pool, capacity: 2 })
  readonly listeners = new Map<number, Listener>()
  readonly full = new Set<number>()
  private readonly view = new UpdateView()
  private readonly several: boolean

  constructor(several: boolean) {
    this.several = several
    for (const peer of [...SOURCES, ...LISTENERS]) {
      const facts = { kind: PeerKind.External, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
      this.rib.adjIn.peers.set(peer, facts)
    }
  }

  private parametersOf(way: number): ExportParameters {
    return { ...WAYS[way]!, addPathSend: this.several ? 2 : 0 }
  }

  join(peer: number, way: number): void {
    if (this.listeners.has(peer)) return
    const membership = this.rib.join(this.parametersOf(way), peer)
    this.listeners.set(peer, { membership, way, held: new Map(), faults: [], endsOfRib: 0 })
  }

  move(peer: number, way: number): void {
    const listener = this.listeners.get(peer)
    if (listener === undefined) return
    const membership = this.rib.move(listener.membership, this.parametersOf(way))
    this.listeners.set(peer, { ...listener, membership, way })
  }

  leave(peer: number): void {
    const listener = this.listeners.get(peer)
    if (listener === undefined) return
    this.rib.leave(listener.membership)
    this.listeners.delete(peer)
    this.full.delete(peer)
  }

  stall(peer: number): void {
    const listener = this.listeners.get(peer)
    if (listener === undefined) return
    this.full.add(peer)
    this.rib.stall(listener.membership)
    this.settle()
  }

  repeat(peer: number): void {
    const membership = this.listeners.get(peer)?.membership
    membership?.exportClass.repeat(membership.member, false)
  }

  tell(peer: number, prefix: number, asn: number): void {
    const { adjIn, store, tables } = this.rib
    const words = [((prefix + 1) << 24) >>> 0]
    if (asn === 0) {
      const id = tables[0].prefixes.find(words, 0, 8)
      if (id !== -1) adjIn.forget(peer, tables[0], id, 0)
      return
    }
    const nextHop = { family: 4, words: [0x0a000102] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [64500 + peer, asn] }], nextHop }, true)
    const set = store.intern(bytes, 0, bytes.length, 0)
    adjIn.learn(peer, tables[0], tables[0].prefixes.intern(words, 0, 8), 0, set)
    store.discardUnused(set)
  }

  readonly hasRoom = (peer: number): boolean => !this.full.has(peer)

  readonly transmit = (peer: number, block: number, from: number, to: number): void => {
    const { view, several } = this
    const listener = this.listeners.get(peer)!
    const bytes = this.pool.bytes(block).slice(from, to)
    for (let at = 0; at < bytes.length; at += (bytes[at + 16]! << 8) | bytes[at + 17]!) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      scanUpdate(view, bytes, at, length, { as4: true, addPath: [several, false], external: true, extended: false })
      if (view.endOfRib >= 0) listener.endsOfRib++
      const attributes = toHex(bytes.subarray(view.withdrawnEnd + 2, view.nlriAt))
      for (const key of this.keys(bytes, view.withdrawnAt, view.withdrawnEnd)) {
        if (!listener.held.delete(key)) listener.faults.push(`withdrawal of ${key}, which is not held`)
      }
      for (const key of this.keys(bytes, view.nlriAt, view.nlriEnd)) listener.held.set(key, attributes)
    }
  }

  private *keys(bytes: Uint8Array, from: number, to: number): Iterable<string> {
    const length = this.several ? 6 : 2
    for (let at = from; at < to; at += length) yield bytes.subarray(at, at + length).join(".")
  }

  settle(): void {
    this.rib.settle(() => {}, this.transmit)
  }

  slice(budget: number): void {
    this.settle()
    this.rib.catchUp(budget, this.hasRoom, this.transmit)
    if (this.rib.hasSweeps) this.rib.sweep(budget)
  }

  quiet(): void {
    this.full.clear()
    this.settle()
    let rounds = 0
    for (; this.rib.canCatchUp(EVERYBODY) && rounds < ROUNDS_MAX; rounds++)
      this.rib.catchUp(3, EVERYBODY, this.transmit)
    for (; this.rib.hasSweeps && rounds < ROUNDS_MAX; rounds++) this.rib.sweep(3)
    expect(rounds).toBeLessThan(ROUNDS_MAX)
  }
}

const peer = fc.constantFrom(...LISTENERS)
const way = fc.nat(WAYS.length - 1)
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("tell" as const),
      peer: fc.constantFrom(...SOURCES),
      prefix: fc.nat(PREFIXES - 1),
      asn: fc.constantFrom(0, 0, 64504, 64505, 64510)
    })
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("slice" as const), budget: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("quiet" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("move" as const), peer, way }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("join" as const), peer, way }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("leave", "stall", "read", "repeat"), peer }) }
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const run = (bench: Bench, one: Step): void => {
  if (one.do === "tell") bench.tell(one.peer, one.prefix, one.asn)
  else if (one.do === "slice") bench.slice(one.budget)
  else if (one.do === "move") bench.move(one.peer, one.way)
  else if (one.do === "join") bench.join(one.peer, one.way)
  else if (one.do === "read") bench.full.delete(one.peer)
  else if (one.do === "settle" || one.do === "quiet") bench[one.do]()
  else bench[one.do](one.peer)
}

describe("peers that are told in another way from now on", () => {
  it("law: hold what one holds that has just joined, whatever happens between two slices", () => {
    let kept = 0
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 70, size: "max" }), (several, steps) => {
        const bench = new Bench(several)
        for (const [at, each] of LISTENERS.entries()) bench.join(each, at % 2)
        for (const one of steps) {
          run(bench, one)
          for (const { membership } of bench.listeners.values()) if (membership.member.origin !== undefined) kept++
        }
        bench.quiet()
        for (const [who, { held, faults, way, endsOfRib, membership }] of [...bench.listeners]) {
          expect([who, faults, endsOfRib]).toEqual([who, [], 1])
          expect([membership.member.live, membership.member.origin]).toEqual([true, undefined])
          bench.leave(who)
          bench.join(who, way)
          bench.quiet()
          expect([who, [...held].sort()]).toEqual([who, [...bench.listeners.get(who)!.held].sort()])
        }
        for (const who of LISTENERS) bench.leave(who)
        for (const who of SOURCES) bench.rib.endSession(who)
        bench.quiet()
        bench.settle()
        const { rib, pool } = bench
        expect([rib.store.count, rib.tables[0].prefixes.count, pool.leaks(), rib.classes]).toEqual([0, 0, [], []])
      }),
      { numRuns: 400 }
    )
    expect(kept).toBeGreaterThan(1000)
  }, 60_000)

  it("are looked at a slice at a time: a move touches no prefix, and a slice no more than its budget", () => {
    const bench = new Bench(false)
    bench.join(4, 0)
    for (let prefix = 0; prefix < PREFIXES; prefix++) bench.tell(1, prefix, 64510)
    bench.quiet()
    bench.move(4, 1)
    const { held } = bench.listeners.get(4)!
    expect(held.size).toBe(PREFIXES)
    for (let left = PREFIXES - 1; left >= 0; left--) {
      bench.rib.catchUp(1, EVERYBODY, bench.transmit)
      expect(held.size).toBe(left)
    }
  })

  it("go back while they come: what was told meanwhile is taken back, and the old place is not used twice", () => {
    const bench = new Bench(false)
    bench.join(4, 1)
    bench.join(5, 0)
    for (let prefix = 0; prefix < PREFIXES; prefix++) bench.tell(1, prefix, 64510)
    bench.quiet()
    bench.move(4, 0)
    bench.rib.catchUp(2, EVERYBODY, bench.transmit)
    expect(bench.listeners.get(4)!.held.size).toBe(2)
    bench.move(4, 1)
    bench.quiet()
    const { held, faults } = bench.listeners.get(4)!
    expect([[...held], faults, bench.rib.classes.length]).toEqual([[], [], 2])
    expect(bench.listeners.get(5)!.held.size).toBe(PREFIXES)
  })

  it("leave no more than a few places behind, however often their way changes while they come", () => {
    const bench = new Bench(true)
    bench.join(4, 0)
    bench.join(5, 0)
    for (let prefix = 0; prefix < PREFIXES; prefix++) bench.tell(1, prefix, 64510)
    bench.quiet()
    for (let round = 0; round < 12; round++) {
      bench.move(4, [1, 3, 0][round % 3]!)
      bench.rib.catchUp(1, EVERYBODY, bench.transmit)
      let places = 0
      for (let { member } = bench.listeners.get(4)!.membership; member.origin !== undefined; places++) {
        member = member.origin.member
      }
      expect(places).toBeLessThanOrEqual(4)
    }
    bench.quiet()
    const { held, faults } = bench.listeners.get(4)!
    expect([held, faults]).toEqual([bench.listeners.get(5)!.held, []])
  })
})
