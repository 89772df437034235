// Attributes that were written for one class are given to another: exactly where that one's would be the same bytes, whatever else the two
// differ in, whoever the route is from, and however often the cache runs over. ADR-0036, ADR-0060
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { AttributeStore, type ExportParameters, NO_ROLE, PeerKind, Rib, writeAttributes } from "../../src/rib/index.ts"
import { RewrittenAttributes } from "../../src/rib/rewritten.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { exportParameters } from "./plain-export.ts"

/** Few values each, so that many classes are of one kind. */
const parameters: fc.Arbitrary<ExportParameters> = fc
  .record({
    family: fc.constantFrom<0 | 1>(0, 0, 1),
    kind: fc.constantFrom(PeerKind.External, PeerKind.RouteServerClient, PeerKind.ReflectorClient, PeerKind.Internal),
    overriddenAs: fc.constantFrom(0, 0, 64510),
    role: fc.constantFrom(NO_ROLE, NO_ROLE, 3),
    longLived: fc.boolean(),
    extendedNextHop: fc.boolean(),
    clusterId: fc.constantFrom(1, 1, 2),
    as4: fc.boolean(),
    messageBytesMax: fc.constantFrom(4096, 65535),
    addPathSend: fc.constantFrom(0, 2),
    nextHopSelf: fc.constantFrom([0x0a000001], [0x0a000001], [0x0a000002]),
    open: fc.boolean()
  })
  .map((some) => exportParameters(some))

const set = fc.record({
  path: fc.array(fc.constantFrom(64502, 64510, 4_200_000_001), { minLength: 1, maxLength: 3 }),
  med: fc.constantFrom(0, 7),
  communities: fc.constantFrom(0, 3, 300)
})

const source = fc.constantFrom(
  { local: false, internal: false, routerId: 0 },
  { local: false, internal: true, routerId: 11 },
  { local: false, internal: true, routerId: 12 },
  { local: true, internal: false, routerId: 0 }
)

describe("attributes that were written before", () => {
  it("law: are what would be written now, for every class, set and source, in any order", () => {
    let hits = 0
    fc.assert(
      fc.property(
        fc.array(parameters, { minLength: 1, maxLength: 8 }),
        fc.array(set, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(7), fc.nat(4), source, fc.boolean()), { maxLength: 60, size: "max" }),
        (classes, sets, asked) => {
          const store = new AttributeStore(65000, 1)
          const rewritten = new RewrittenAttributes(store)
          for (const each of classes) rewritten.admit(each)
          const ids = sets.map(({ path, med, communities }) => {
            const nextHop = { family: 4, words: [0x0a000102] } as const
            const many = Array.from({ length: communities }, (_, at) => at)
            const plain = { origin: 0, asPath: [{ type: 2, members: path }], nextHop, med, communities: many }
            const bytes = encodeAttributes(plain, true)
            const id = store.intern(bytes, 0, bytes.length, 0)
            store.retain(id)
            return id
          })
          const [target, fresh] = [new Uint8Array(8192), new Uint8Array(8192)]
          for (const [which, place, from, isCatchUp] of asked) {
            const to = classes[which % classes.length]!
            const id = ids[place % ids.length]!
            rewritten.begin(to, isCatchUp)
            const end = rewritten.write(target, 3, id, from, to)
            const freshEnd = writeAttributes(fresh, 3, store, id, from, to)
            expect(Buffer.compare(target.subarray(3, end), fresh.subarray(3, freshEnd))).toBe(0)
          }
          hits += rewritten.stats().hits
          for (const each of classes) rewritten.dismiss(each)
          expect(rewritten.stats()).toMatchObject({ entries: 0, bytes: 0 })
          for (const id of ids) store.release(id)
          expect(store.count).toBe(0)
        }
      ),
      { numRuns: 300 }
    )
    expect(hits).toBeGreaterThan(500)
  })

  it("are asked for where classes share them, and let go when everybody has been told", () => {
    const pool = new BlockPool(65536, "test", { verify: true })
    const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4 })
    for (const peer of [1, 2, 3, 4]) {
      rib.adjIn.peers.set(peer, { kind: PeerKind.External, accepts: true, routerId: peer, rank: peer })
    }
    const ways = [{}, { messageBytesMax: 65535 }, { longLived: true }].map((rest) => exportParameters(rest))
    const memberships = ways.map((each, at) => rib.join(each, 2 + at))
    const transmit = (): void => {}
    while (rib.canCatchUp(() => true)) rib.catchUp(10, () => true, transmit)
    const nextHop = { family: 4, words: [0x0a000102] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [64501] }], nextHop }, true)
    const id = rib.store.intern(bytes, 0, bytes.length, 0)
    rib.adjIn.learn(1, rib.tables[0], rib.tables[0].prefixes.intern([0x14000000], 0, 8), 0, id)
    rib.settle(() => {}, transmit)
    expect(rib.packer.rewritten.stats()).toMatchObject({ hits: 2, misses: 1, entries: 0 })
    for (const membership of memberships) rib.leave(membership)
    rib.endSession(1)
    while (rib.hasSweeps) rib.sweep(10)
    rib.settle(() => {}, transmit)
    expect(rib.store.count).toBe(0)
  })

  it("are not kept where a class is the only one of its kind and nobody catches up", () => {
    const store = new AttributeStore(65000, 1)
    const rewritten = new RewrittenAttributes(store)
    const to = exportParameters()
    const bytes = encodeAttributes({ origin: 0, asPath: [], nextHop: { family: 4, words: [7] } }, true)
    const id = store.intern(bytes, 0, bytes.length, 0)
    rewritten.admit(to)
    rewritten.begin(to, false)
    rewritten.write(new Uint8Array(100), 0, id, { local: false, internal: false, routerId: 0 }, to)
    expect(rewritten.stats()).toMatchObject({ entries: 0, misses: 0 })
  })
})
