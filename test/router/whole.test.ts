// The whole router against a dumb one: neighbours of every kind say and unsay routes in one and two families, come, go, restart and ask
// again, the configuration changes under them; and after every few steps the table, what shares the traffic, and byte for byte what each
// of them holds are what a list of paths says. RFC 4271 §9, 4456, 4724 §4.2, 5065, 6793, 7313, 7911, 7947, 1997
import fc from "fast-check"
import { expect, it } from "vitest"
import type { Attributes } from "../../src/wire/index.ts"
import { LOCAL_AS } from "./driver.ts"
import { PREFIXES, type Told, WholeBench } from "./whole-bench.ts"
import { CLUSTER, CONFEDERATION, type Kind, MEMBER_AS, type Neighbour, ROUTER_ID, type World } from "./whole-model.ts"

const WIDE_AS = 4_200_000_001
const ALL = 0xffff

type Special = Partial<Neighbour> & { readonly kind: Kind; readonly asn: number }
const SPECIAL: ReadonlyArray<Special> = [
  { kind: "external", asn: 64502, id: 0x0a000101 },
  // Another session with the same router.
  { kind: "external", asn: 64502, id: 0x0a000101, sendsIds: true, paths: 2 },
  { kind: "external", asn: 64512, as4: false },
  { kind: "external", asn: 64510, overrides: true, ownAsAllowed: 1, localAs: 70000 },
  { kind: "external", asn: 64511, graceful: true, nextHopSelf: true },
  { kind: "internal", asn: LOCAL_AS, sendsIds: true, paths: ALL },
  { kind: "internal", asn: LOCAL_AS, nextHopSelf: true, graceful: true },
  { kind: "internal", asn: LOCAL_AS, as4: false },
  { kind: "client", asn: LOCAL_AS },
  { kind: "client", asn: LOCAL_AS, paths: 2, extended: true, graceful: true },
  { kind: "served", asn: 64503 },
  { kind: "served", asn: 64504, sendsIds: true, graceful: true },
  { kind: "served", asn: 64505, graceful: true },
  { kind: "served", asn: 64506, sendsIds: true, paths: 3 },
  { kind: "served", asn: 64507, as4: false, families: [0] },
  { kind: "member", asn: MEMBER_AS, graceful: true },
  { kind: "member", asn: MEMBER_AS, sendsIds: true, paths: 2 }
]
const NEIGHBOURS: ReadonlyArray<Neighbour> = SPECIAL.map((special, at) => ({
  index: at + 1,
  address: `10.0.0.${at + 2}`,
  id: 0x0a000101 + at,
  as4: true,
  sendsIds: false,
  paths: 0,
  families: [0, 1],
  extended: false,
  graceful: false,
  marks: at % 2 === 0,
  nextHopSelf: false,
  weight: 0,
  open: true,
  ownAsAllowed: 0,
  overrides: false,
  localAs: undefined,
  ...special
}))

const sometimes = <A>(value: fc.Arbitrary<A>) => fc.option(value, { nil: undefined, freq: 2 })
const asn = fc.constantFrom(64502, 64503, 64504, 64510, 64599, WIDE_AS, LOCAL_AS, CONFEDERATION)
const segment = (types: ReadonlyArray<number>, members: fc.Arbitrary<number>) =>
  fc.record({ type: fc.constantFrom(...types), members: fc.array(members, { minLength: 1, maxLength: 2 }) })
const asPath = fc
  .tuple(
    fc.array(segment([3, 4], fc.constantFrom(65011, 65012, LOCAL_AS)), { maxLength: 1 }),
    fc.array(segment([2, 2, 2, 1], asn), { maxLength: 2 })
  )
  .map(([inner, outer]) => [...inner, ...outer])

const attributes: fc.Arbitrary<Attributes> = fc
  .record({
    origin: fc.constantFrom(0, 0, 0, 2),
    asPath,
    med: sometimes(fc.constantFrom(0, 10, 20)),
    localPref: sometimes(fc.constantFrom(90, 100, 110)),
    atomicAggregate: sometimes(fc.constant(true as const)),
    aggregator: sometimes(fc.record({ asn: fc.constantFrom(64510, WIDE_AS), address: fc.constant(0x0a000063) })),
    communities: sometimes(
      fc.constantFrom(1, 2, 0xffffff01, 0xffffff02, 0xffffff03).map((one): ReadonlyArray<number> => [one])
    ),
    originatorId: sometimes(fc.constantFrom(0x0a000104, 0x0a000163, ROUTER_ID)),
    clusterList: sometimes(fc.array(fc.constantFrom(CLUSTER, 5, 6), { minLength: 1, maxLength: 2 })),
    extendedCommunities: sometimes(
      fc.constantFrom<Attributes["extendedCommunities"]>(
        [[0x0002fde8, 1]],
        [[0x4004fde8, 0x4cbebc20]],
        [[0x0004fde8, 0x4d0f0d18]],
        [
          [0x4004fde8, 0x4c000000],
          [0x4004fde8, 0x4b000000]
        ]
      )
    ),
    largeCommunities: sometimes(fc.constant<Attributes["largeCommunities"]>([[1, 2, 3]])),
    unknown: sometimes(
      fc.constantFrom<Attributes["unknown"]>(
        [{ flags: 0xc0, type: 99, value: Uint8Array.of(1) }],
        [{ flags: 0x80, type: 98, value: Uint8Array.of(2) }]
      )
    )
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Attributes)

const prefix = fc.nat({ max: PREFIXES - 1 })
const names = fc.array(
  fc.record({ family: fc.constantFrom(0 as const, 0 as const, 1 as const), prefix, id: fc.constantFrom(1, 2) }),
  { maxLength: 4 }
)
const told: fc.Arbitrary<Told> = fc.record({
  attributes,
  nextHop: fc.constantFrom(0x0a000201, 0x0a000202, 0x0a000203),
  announced: names,
  withdrawn: names
})
const options = fc.record({
  alwaysCompareMed: fc.boolean(),
  medMissingAsWorst: fc.boolean(),
  ignoreAsPathLength: fc.boolean(),
  multipath: fc.record({
    external: fc.integer({ min: 1, max: 4 }),
    internal: fc.integer({ min: 1, max: 4 }),
    relaxAsPath: fc.boolean(),
    linkBandwidth: fc.boolean()
  })
})

/** Something happens; `which` is the place of a neighbour among those there are. */
const which = fc.nat({ max: 99 })
const step = fc.oneof(
  { weight: 14, arbitrary: fc.record({ what: fc.constant("says" as const), which, told }) },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constantFrom("close", "open", "open", "end of RIB", "notify", "refresh"),
      which,
      forwarding: fc.boolean()
    })
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constantFrom("stall", "stall", "read", "remove", "is another", "begins to tell again", "has told again"),
      which
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("changes" as const),
      which,
      key: fc.constantFrom("open", "nextHopSelf", "paths", "weight", "kind")
    })
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("originate" as const), prefix, isThere: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("options" as const), options }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("quantum" as const) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("check" as const) }) }
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const OTHER_KIND: Partial<Record<Kind, Kind>> = { internal: "client", client: "internal", served: "external" }

const change = (one: Neighbour, key: string): void => {
  if (key === "open") one.open = !one.open
  else if (key === "nextHopSelf") one.nextHopSelf = !one.nextHopSelf
  else if (key === "weight") one.weight = 1 - one.weight
  else if (key === "kind") one.kind = OTHER_KIND[one.kind] ?? one.kind
  // Whether there are identifiers at all stands in the OPEN.
  else if (one.paths > 0) one.paths = one.paths === 2 ? 3 : 2
}

const perform = (bench: WholeBench, world: World, taken: Step): void => {
  const one = "which" in taken ? bench.neighbours[taken.which % bench.neighbours.length]! : undefined
  if (taken.what === "says" && "told" in taken) bench.hear(one!, taken.told)
  else if (taken.what === "quantum") bench.quantum()
  else if (taken.what === "check") bench.check()
  else if (taken.what === "stall") bench.stall(one!)
  else if (taken.what === "read") bench.read(one!)
  else if (taken.what === "remove") bench.remove(one!)
  else if (taken.what === "begins to tell again") bench.tellAgain(one!, true)
  else if (taken.what === "has told again") bench.tellAgain(one!, false)
  else if (taken.what === "is another") {
    // Another router answers from its address.
    bench.close(one!)
    one!.id ^= 0x1000
    bench.open(one!, true)
  } else if (taken.what === "close") bench.close(one!)
  else if (taken.what === "notify") bench.notify(one!)
  else if (taken.what === "refresh") bench.refresh(one!)
  else if (taken.what === "end of RIB") bench.endOfRib(one!)
  else if (taken.what === "open" && "forwarding" in taken) bench.open(one!, taken.forwarding)
  else if (taken.what === "originate" && "isThere" in taken) bench.originate(taken.prefix, taken.isThere)
  else if ("key" in taken) {
    change(one!, taken.key)
    bench.configure(one)
  } else if ("options" in taken) {
    world.options = taken.options
    bench.configure(undefined)
  }
}

it("law: the table, who shares the traffic, and what every neighbour holds are what a list of paths says, whatever happened", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.subarray([...NEIGHBOURS], { minLength: 3, maxLength: 9 }),
      fc.boolean(),
      fc.array(step, { minLength: 10, maxLength: 60, size: "max" }),
      (inConfederation, some, isMarked, steps) => {
        const world: World = { inConfederation, options: {} }
        const neighbours = some.filter(({ kind }) => inConfederation || kind !== "member").map((one) => ({ ...one }))
        if (neighbours.length === 0) return
        const bench = new WholeBench(world, neighbours, isMarked)
        for (const taken of steps) perform(bench, world, taken)
        bench.check()
      }
    ),
    { numRuns: 120 }
  )
})

it("law: the forwarding graph is the same from whenever somebody looks at it", () => {
  fc.assert(
    fc.property(
      fc.subarray([...NEIGHBOURS], { minLength: 3, maxLength: 9 }),
      fc.array(step, { minLength: 10, maxLength: 40, size: "max" }),
      fc.nat(40),
      (some, steps, looked) => {
        const benches = [0, looked].map((from) => {
          const world: World = { inConfederation: false, options: {} }
          const neighbours = some.filter(({ kind }) => kind !== "member").map((one) => ({ ...one }))
          return { world, from, bench: new WholeBench(world, neighbours, false) }
        })
        if (benches[0]!.bench.neighbours.length === 0) return
        for (const [index, taken] of steps.entries()) {
          for (const { world, from, bench } of benches) {
            // A check looks at everything.
            if (taken.what !== "check") perform(bench, world, taken)
            // Who looks sees what is wanted now; what was there before may wait for a sweep.
            if (index >= looked) bench.settle()
            if (index >= from) bench.entries()
          }
        }
        for (const { bench } of benches) bench.settle()
        const [always, late] = benches.map(({ bench }) => ({ entries: bench.entries(), digest: bench.digest }))
        expect(late).toEqual(always)
      }
    ),
    { numRuns: 60 }
  )
})

it("a neighbour that ends its session again and again is let in each time, with what it says then", () => {
  const bench = new WholeBench({ inConfederation: false, options: {} }, NEIGHBOURS.slice(0, 3), false)
  const [one] = bench.neighbours
  for (let times = 0; times < 8; times++) {
    bench.notify(one!)
    bench.open(one!, false)
    const name = { family: 0, prefix: times % PREFIXES, id: 1 } as const
    bench.hear(one!, { attributes: { origin: 0, asPath: [] }, nextHop: 0x0a000201, announced: [name], withdrawn: [] })
    bench.check()
  }
})
