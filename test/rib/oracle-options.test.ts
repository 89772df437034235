// The RIB against the naive one with every kind of peer and every option at once: who is best after each batch, and byte for byte what
// every peer holds. So each rebuilt attribute block is what a fresh encoder makes of the same route (RFC 4271 §5, 4456, 5065, 6793, 7947).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { CARRIED, KeyTable, NO_ROLE, PeerKind, putTail, Rib } from "../../src/rib/index.ts"
import {
  type Address,
  type Attributes,
  encodeAttributes,
  scanUpdate,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import {
  CLUSTER,
  CONFEDERATION,
  LOCAL_AS,
  localAsTo,
  type NaivePath,
  type NaivePeer,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
  naiveBest,
  naiveTold,
  ROUTER_ID,
  type World,
  written
} from "./naive-rib.ts"

const MEMBER_AS = 65010
const WIDE_AS = 4_200_000_001
const PREFIXES = 5

const peer = (index: number, kind: PeerKind, asn: number, more: Partial<NaivePeer> = {}): NaivePeer => ({
  index,
  kind,
  asn,
  // Two peers have one identifier: parallel sessions with one router.
  id: 0x0a000100 + (index === 2 ? 1 : index),
  as4: true,
  ...more
})

const { External, Internal, ReflectorClient, RouteServerClient, ConfederationMember } = PeerKind
const PEERS: ReadonlyArray<NaivePeer> = [
  peer(1, External, 64502),
  peer(2, External, 64502),
  peer(3, External, WIDE_AS, { as4: false }),
  peer(4, Internal, LOCAL_AS),
  peer(5, Internal, LOCAL_AS, { as4: false, nextHopSelf: true }),
  peer(6, ReflectorClient, LOCAL_AS),
  peer(7, ReflectorClient, LOCAL_AS, { weight: 1 }),
  peer(8, RouteServerClient, 64503),
  peer(9, RouteServerClient, 64504, { as4: false }),
  peer(10, RouteServerClient, 64505),
  peer(11, ConfederationMember, MEMBER_AS),
  peer(12, ConfederationMember, MEMBER_AS, { as4: false })
]

const asn = fc.constantFrom(64502, 64503, 64510, WIDE_AS, LOCAL_AS, CONFEDERATION)
const member = fc.constantFrom(MEMBER_AS, 65011, WIDE_AS + 1, LOCAL_AS)
const segmentsOf = (type: number, members: fc.Arbitrary<number>) =>
  fc.record({ type: fc.constant(type), members: fc.array(members, { minLength: 1, maxLength: 3 }) })

const attributesArbitrary = (from: NaivePeer): fc.Arbitrary<Attributes> => {
  const isInside = from.kind === Internal || from.kind === ReflectorClient
  const isOutside = from.kind === External || from.kind === RouteServerClient
  const world = fc.array(fc.oneof({ arbitrary: segmentsOf(2, asn), weight: 3 }, segmentsOf(1, asn)), { maxLength: 2 })
  const members = fc.array(fc.oneof(segmentsOf(3, member), segmentsOf(4, member)), { maxLength: 2 })
  const own = { type: 3, members: [MEMBER_AS] }
  const path = fc.tuple(members, world).map(([inner, outer]) => {
    if (isOutside) return outer
    return from.kind === ConfederationMember ? [own, ...inner, ...outer] : [...inner, ...outer]
  })
  const sometimes = <A>(value: fc.Arbitrary<A>) => fc.option(value, { nil: undefined, freq: 2 })
  return fc
    .record({
      origin: fc.constantFrom(0, 0, 2),
      asPath: path,
      nextHop: fc.constant({ family: 4, words: [0x0a000200 + from.index] } as const),
      med: sometimes(fc.constantFrom(0, 10, 20)),
      localPref: isOutside ? fc.constant(undefined) : sometimes(fc.constantFrom(90, 100, 110)),
      atomicAggregate: sometimes(fc.constant(true as const)),
      aggregator: sometimes(fc.record({ asn: fc.constantFrom(64510, WIDE_AS), address: fc.constant(0x0a000063) })),
      communities: sometimes(
        fc.uniqueArray(fc.constantFrom(0xfde80001, NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED), {
          minLength: 1,
          maxLength: 2
        })
      ),
      originatorId: isInside ? sometimes(fc.constantFrom(0x0a000104, 0x0a000163, ROUTER_ID)) : fc.constant(undefined),
      clusterList: isInside
        ? sometimes(fc.array(fc.constantFrom(CLUSTER, 0x0a0000c2, 0x0a0000c3), { minLength: 1, maxLength: 3 }))
        : fc.constant(undefined),
      extendedCommunities: sometimes(
        fc.constantFrom<Attributes["extendedCommunities"]>(
          [[0x0002fde8, 1]],
          [[0x4004fde8, 0x4cbebc20]],
          [
            [0x0002fde8, 1],
            [0x4004fde8, 0]
          ]
        )
      ),
      unknown: sometimes(
        fc.constantFrom<Attributes["unknown"]>(
          [{ flags: 0xc0, type: 99, value: Uint8Array.of(1) }],
          [{ flags: 0x80, type: 20, value: Uint8Array.of(2, 3) }],
          [{ flags: 0xc0, type: 12, value: new Uint8Array(300) }]
        )
      )
    })
    .map(
      (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Attributes
    )
}

const change = fc.constantFrom(...PEERS).chain((from) =>
  fc.record({
    from: fc.constant(from),
    prefix: fc.nat({ max: PREFIXES - 1 }),
    attributes: fc.option(attributesArbitrary(from), { nil: undefined, freq: 5 })
  })
)
const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 10 })

const world: fc.Arbitrary<World> = fc.record({
  options: fc.record({
    alwaysCompareMed: fc.boolean(),
    medMissingAsWorst: fc.boolean(),
    ignoreAsPathLength: fc.boolean()
  }),
  inConfederation: fc.boolean(),
  self: fc.constant(undefined),
  metrics: fc.array(fc.constantFrom(0, 0, 5, 9), { minLength: PEERS.length + 1, maxLength: PEERS.length + 1 })
})

/** A family as the wire has it: a route is a number, and how it stands in an UPDATE. */
interface Shape {
  readonly family: 0 | 1 | 6
  readonly self: Address | undefined
  readonly nextHopOf: (words: ReadonlyArray<number>) => ReadonlyArray<number>
  readonly nlriOf: (prefix: number) => ReadonlyArray<number>
}

const octets = (words: ReadonlyArray<number>): ReadonlyArray<number> =>
  words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])

const SHAPES: ReadonlyArray<Shape> = [
  { family: 0, self: { family: 4, words: [0x0a0000fe] }, nextHopOf: () => [], nlriOf: (prefix) => [8, prefix + 1] },
  {
    family: 1,
    self: { family: 6, words: [0x20010db8, 0, 0, 0xfe] },
    nextHopOf: ([word]) => octets([0x20010db8, 0, 0, word!]),
    nlriOf: (prefix) => [8, prefix + 1]
  },
  {
    family: 6,
    self: undefined,
    nextHopOf: ([word]) => octets([0, 0, word!]),
    nlriOf: (prefix) => [96, 0, 0, 0x11, ...octets([1, 2]), prefix + 1]
  }
]

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib: Rib
  /** By peer and prefix: the attribute block that it holds, and the next hop where that stands elsewhere. */
  readonly held = new Map<string, string>()
  private readonly view = new UpdateView()
  private readonly shape: Shape
  private readonly metrics: ReadonlyArray<number>

  constructor(setting: World, peers: ReadonlyArray<NaivePeer>, shape: Shape) {
    this.shape = shape
    this.metrics = setting.metrics
    const identity = { clusterIds: [CLUSTER], confederationAs: setting.inConfederation ? CONFEDERATION : 0 }
    this.rib = new Rib({ localAs: LOCAL_AS, localId: ROUTER_ID, identity, pool: this.pool, capacity: 2 })
    this.rib.decision.configure(setting.options)
    for (const one of peers) {
      const { index, kind, id: routerId, weight = 0 } = one
      this.rib.adjIn.peers.set(index, { kind, accepts: true, routerId, rank: index, asn: one.asn, weight })
      this.join(one, setting)
    }
  }

  private join(to: NaivePeer, setting: World): void {
    this.rib.join(
      {
        family: this.shape.family,
        kind: to.kind,
        localAs: localAsTo(to, setting),
        routerAs: 0,
        overriddenAs: 0,
        role: NO_ROLE,
        longLived: false,
        extendedNextHop: false,
        clusterId: CLUSTER,
        ...(to.nextHopSelf === true ? { nextHopSelfInside: true } : {}),
        as4: to.as4,
        messageBytesMax: 4096,
        addPathSend: 0,
        nextHopSelf: this.shape.self?.words ?? [],
        open: true
      },
      to.index
    )
    this.catchUp()
  }

  private catchUp(): void {
    while (this.rib.canCatchUp(() => true)) this.rib.catchUp(3, () => true, this.transmit)
  }

  private readonly transmit = (index: number, block: number, from: number, to: number): void => {
    const bytes = this.pool.bytes(block).slice(from, to)
    const { as4 } = PEERS[index - 1]!
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      const context = { as4, addPath: [], external: false, confederation: true, carried: 1 << 6, extended: false }
      expect([scanUpdate(this.view, bytes, at, length, context), this.view.notes]).toEqual([Verdict.Keep, []])
      this.read(index, bytes)
      at += length
    }
  }

  private read(index: number, bytes: Uint8Array): void {
    const { view, shape } = this
    const each = shape.nlriOf(0).length
    const isPlain = shape.family === 0
    const [goneAt, goneEnd] = isPlain
      ? [view.withdrawnAt, view.withdrawnEnd]
      : [view.unreachNlriAt, view.unreachNlriEnd]
    for (let next = goneAt + each; next <= goneEnd; next += each) this.held.delete(`${index}/${bytes[next - 1]! - 1}`)
    // MP_REACH_NLRI stands last.
    const reachAt = isPlain ? view.attributesEnd : view.valueAt[14]! - 4
    const block = hexOf(bytes.subarray(view.attributesAt, reachAt))
    const hop = isPlain ? "" : hexOf(bytes.subarray(view.reachNextHopAt, view.reachNextHopAt + view.reachNextHopLength))
    const [newsAt, newsEnd] = isPlain ? [view.nlriAt, view.nlriEnd] : [view.reachNlriAt, view.reachNlriEnd]
    for (let next = newsAt + each; next <= newsEnd; next += each) {
      this.held.set(`${index}/${bytes[next - 1]! - 1}`, `${block} ${hop}`)
    }
  }

  learn(from: NaivePeer, prefix: number, attributes: Attributes | undefined): void {
    const { rib, shape } = this
    const nlri = Uint8Array.from(shape.nlriOf(prefix))
    if (attributes === undefined) {
      rib.adjIn.forgetSpan(from.index, shape.family, nlri, 0, nlri.length, false)
      return
    }
    const { nextHop, ...rest } = attributes
    const hop = Uint8Array.from(shape.nextHopOf(nextHop!.words))
    const block = encodeAttributes(shape.family === 0 ? attributes : rest, true)
    const bytes = new Uint8Array(block.length + hop.length + 16)
    bytes.set(block)
    bytes.set(hop, block.length)
    const tail = shape.family === 6 ? putTail(bytes, block.length, hop, 0, hop.length) : hop.length
    const form = shape.family === 6 ? CARRIED | tail : tail
    const set = rib.store.intern(bytes, 0, block.length + tail, form)
    if (shape.family !== 6) rib.store.nextHops.metrics[rib.store.nextHop[set]!] = this.metrics[from.index]!
    rib.adjIn.learnSpan(from.index, shape.family, nlri, 0, nlri.length, false, set)
    rib.store.discardUnused(set)
  }

  settle(): void {
    this.rib.settle(() => {}, this.transmit)
    this.catchUp()
  }

  bestOf(prefix: number): number | undefined {
    const { rib, shape } = this
    const table = rib.tables[shape.family]!
    for (let id = 0; id < table.prefixes.bound; id++) {
      const path = table.prefixes.holdersOf(id) === 0 ? 0 : rib.bestOf(table, id)
      if (path !== 0 && this.numberOf(id) === prefix) return rib.adjIn.paths.peer[path]
    }
    return undefined
  }

  /** The number that a prefix or key stands for: the last byte of its NLRI, less one. */
  private numberOf(id: number): number {
    const { prefixes } = this.rib.tables[this.shape.family]!
    if (!(prefixes instanceof KeyTable)) return (prefixes.words[id * prefixes.wordsPerPrefix]! >>> 24) - 1
    const nlri = new Uint8Array(64)
    return nlri[prefixes.writeNlri(nlri, 0, id, nlri, 0, 0) - 1]! - 1
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** What a peer should hold, in the form of `held`. */
const expectedOf = (told: Attributes | undefined, to: NaivePeer, shape: Shape): string | undefined => {
  if (told === undefined) return undefined
  const { nextHop, ...rest } = told
  if (shape.family === 0) return `${hexOf(written(told, to))} `
  const hop = nextHop === shape.self ? octets(nextHop!.words) : shape.nextHopOf(nextHop!.words)
  return `${hexOf(written(rest, to))} ${hexOf(Uint8Array.from(hop))}`
}

type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never

/** Plays batches to both and compares after each; returns the bench when everything is withdrawn. */
const play = (
  given: World,
  peers: ReadonlyArray<NaivePeer>,
  told: ReadonlyArray<ReadonlyArray<Change>>,
  shape: Shape = SHAPES[0]!
): Bench => {
  const setting = { ...given, self: shape.self, ...(shape.family === 6 ? { metrics: [] } : {}) }
  const bench = new Bench(setting, peers, shape)
  const paths = new Map<string, NaivePath & { readonly prefix: number }>()
  const bests: Array<NaivePeer | undefined> = []
  for (const batch of told) {
    for (const { from, prefix, attributes } of batch) {
      if (!peers.includes(from)) continue
      bench.learn(from, prefix, attributes)
      if (attributes === undefined) paths.delete(`${from.index}/${prefix}`)
      else paths.set(`${from.index}/${prefix}`, { peer: from, attributes, prefix })
    }
    bench.settle()
    for (let prefix = 0; prefix < PREFIXES; prefix++) {
      const candidates = [...paths.values()].filter((path) => path.prefix === prefix)
      const best = naiveBest(candidates, setting, bests[prefix])
      bests[prefix] = best?.peer
      expect([prefix, bench.bestOf(prefix)]).toEqual([prefix, best?.peer.index])
      for (const to of peers) {
        const expected = expectedOf(naiveTold(to, candidates, best, setting), to, shape)
        expect([to.index, prefix, bench.held.get(`${to.index}/${prefix}`)]).toEqual([to.index, prefix, expected])
      }
    }
  }
  for (const one of paths.values()) bench.learn(one.peer, one.prefix, undefined)
  bench.settle()
  return bench
}

describe("the RIB with all of its options against a naive one", () => {
  it("law: the best path, and byte for byte what each kind of peer holds, after every batch, for IPv4, IPv6 and VPN routes", () => {
    fc.assert(
      fc.property(world, batches, fc.constantFrom(...SHAPES), (setting, told, shape) => {
        const bench = play(setting, PEERS, told, shape)
        expect([bench.held.size, bench.rib.store.count, bench.pool.leaks()]).toEqual([0, 0, []])
      }),
      { numRuns: 200 }
    )
  })

  it("law: the same with an external path that stays best while only tie-breakers speak against it [RFC 5004]", () => {
    fc.assert(
      fc.property(world, batches, (setting, told) => {
        play({ ...setting, options: { ...setting.options, preferOlder: true } }, PEERS, told)
      }),
      { numRuns: 60 }
    )
  })

  it("law: in which order the routes of a batch come makes no difference", () => {
    fc.assert(
      fc.property(
        world,
        fc.uniqueArray(change, { maxLength: 12, selector: ({ from, prefix }) => `${from.index}/${prefix}` }),
        (setting, told) => {
          const forwards = play(
            setting,
            PEERS,
            told.map((one) => [one])
          )
          const bench = new Bench({ ...setting, self: SHAPES[0]!.self }, PEERS, SHAPES[0]!)
          const other = new Bench({ ...setting, self: SHAPES[0]!.self }, PEERS, SHAPES[0]!)
          for (const { from, prefix, attributes } of told) bench.learn(from, prefix, attributes)
          for (const { from, prefix, attributes } of [...told].reverse()) {
            other.learn(from, prefix, attributes)
            other.settle()
          }
          bench.settle()
          expect([...bench.held].sort()).toEqual([...other.held].sort())
          expect(forwards.held.size).toBe(0)
        }
      ),
      { numRuns: 60 }
    )
  })
})
