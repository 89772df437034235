// The dumb oracle: after every batch of changes everything is computed again from a plain list of paths by sorting, and must equal the
// incremental table and what each receiver holds after applying every message it was sent with an independent reading of the bytes.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { NO_ROLE, PeerKind, REASON_NAMES, Rib, SELF } from "../../src/rib/index.ts"
import { type Attributes, encodeAttributes, scanUpdate, UpdateView, Verdict } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"

const LOCAL_AS = 65000
const LOCAL_ID = 0x0a000001

interface ModelPeer {
  readonly index: number
  readonly kind: PeerKind
  readonly asn: number
  readonly id: number
}

const PEERS: ReadonlyArray<ModelPeer> = [
  { index: 1, kind: PeerKind.External, asn: 64501, id: 11 },
  { index: 2, kind: PeerKind.External, asn: 64502, id: 12 },
  { index: 3, kind: PeerKind.Internal, asn: LOCAL_AS, id: 13 },
  { index: 4, kind: PeerKind.Internal, asn: LOCAL_AS, id: 14 },
  { index: 5, kind: PeerKind.ReflectorClient, asn: LOCAL_AS, id: 15 },
  { index: 6, kind: PeerKind.ReflectorClient, asn: LOCAL_AS, id: 16 }
]

interface ModelRoute {
  readonly localPref: number
  readonly path: ReadonlyArray<number>
  readonly origin: number
  readonly med: number
  readonly noExport: boolean
}

const isExternal = (peer: ModelPeer): boolean => peer.kind === PeerKind.External

const attributesOf = (route: ModelRoute, peer: ModelPeer): Attributes => ({
  origin: route.origin,
  asPath: route.path.length === 0 ? [] : [{ type: 2, members: [...route.path] }],
  nextHop: { family: 4, words: [0x0a000100 + peer.index] },
  med: route.med,
  ...(isExternal(peer) ? {} : { localPref: route.localPref }),
  ...(route.noExport ? { communities: [0xffffff01] } : {})
})

const routeArbitrary: fc.Arbitrary<ModelRoute> = fc.record({
  localPref: fc.constantFrom(90, 100, 110),
  path: fc.array(fc.constantFrom(64501, 64502, 64510, LOCAL_AS), { maxLength: 2 }),
  origin: fc.constantFrom(0, 2),
  med: fc.constantFrom(0, 10, 20),
  noExport: fc.boolean()
})

const change = fc.record({
  peer: fc.constantFrom(...PEERS),
  prefix: fc.integer({ min: 0, max: 7 }),
  route: fc.option(routeArbitrary, { nil: undefined })
})

const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 })

/** RFC 4271 §9.1.2.2 by the book: remove, remove, remove. */
const bestOf = (candidates: ReadonlyArray<readonly [ModelPeer, ModelRoute]>): ModelPeer | undefined => {
  let left = candidates.filter(([, route]) => !route.path.includes(LOCAL_AS))
  const keepLowest = (key: (entry: readonly [ModelPeer, ModelRoute]) => number): void => {
    const lowest = Math.min(...left.map(key))
    left = left.filter((entry) => key(entry) === lowest)
  }
  keepLowest(([peer, route]) => -(isExternal(peer) ? 100 : route.localPref))
  keepLowest(([, route]) => route.path.length)
  keepLowest(([, route]) => route.origin)
  const neighbour = (route: ModelRoute): number => route.path[0] ?? 0
  left = left.filter(
    ([, route]) => !left.some(([, rival]) => neighbour(rival) === neighbour(route) && rival.med < route.med)
  )
  keepLowest(([peer]) => (isExternal(peer) ? 0 : 1))
  keepLowest(([peer]) => peer.id)
  return left[0]?.[0]
}

const mayHear = (to: ModelPeer, from: ModelPeer, route: ModelRoute): boolean => {
  if (to === from) return false
  if (isExternal(to)) return !route.noExport
  return isExternal(from) || from.kind === PeerKind.ReflectorClient || to.kind === PeerKind.ReflectorClient
}

/** A receiver: applies bytes, keeps prefix → (AS path, local preference, originator). */
class Receiver {
  readonly table = new Map<string, string>()
  readonly view = new UpdateView()
  ends = 0

  apply(bytes: Uint8Array, external: boolean): void {
    const { view } = this
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at + 16] << 8) | bytes[at + 17]
      const verdict = scanUpdate(view, bytes, at, length, { as4: true, addPath: [false, false], external, extended: false })
      expect(verdict).toBe(Verdict.Keep)
      if (view.endOfRib >= 0) this.ends++
      for (const prefix of readPrefixes(bytes, view.withdrawnAt, view.withdrawnEnd)) this.table.delete(prefix)
      const value = view.valueAt[2] >= 0 ? bytes.slice(view.valueAt[2], view.valueAt[2] + view.valueLength[2]) : []
      const local = view.valueAt[5] >= 0 ? bytes.slice(view.valueAt[5], view.valueAt[5] + 4) : []
      const originator = view.valueAt[9] >= 0 ? bytes.slice(view.valueAt[9], view.valueAt[9] + 4) : []
      const said = JSON.stringify([[...value], [...local], [...originator]])
      for (const prefix of readPrefixes(bytes, view.nlriAt, view.nlriEnd)) this.table.set(prefix, said)
      at += length
    }
  }
}

const word = (value: number): Array<number> => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

const expectedText = (to: ModelPeer, from: ModelPeer, route: ModelRoute): string => {
  const path = isExternal(to) ? [LOCAL_AS, ...route.path] : route.path
  const pathBytes = path.length === 0 ? [] : [2, path.length, ...path.flatMap(word)]
  const localPref = isExternal(to) ? [] : word(isExternal(from) ? 100 : route.localPref)
  return JSON.stringify([pathBytes, localPref, isExternal(to) || isExternal(from) ? [] : word(from.id)])
}

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: LOCAL_AS, localId: LOCAL_ID, pool: this.pool, capacity: 2 })
  readonly receivers = new Map<number, Receiver>(PEERS.map(({ index }) => [index, new Receiver()]))
  readonly told = new Map<number, number>()

  constructor() {
    for (const peer of PEERS) {
      this.rib.adjIn.peers.set(peer.index, { kind: peer.kind, accepts: true, routerId: peer.id, rank: peer.index })
    }
  }

  transmit = (peer: number, block: number, from: number, to: number): void => {
    this.receivers.get(peer)!.apply(this.pool.bytes(block).slice(from, to), isExternal(PEERS[peer - 1]))
  }

  join(peer: ModelPeer): void {
    const parameters = {
      family: 0,
      kind: peer.kind,
      localAs: LOCAL_AS,
      routerAs: 0,
      overriddenAs: 0,
      role: NO_ROLE,
      longLived: false,
      extendedNextHop: false,
      clusterId: LOCAL_ID,
      as4: true,
      messageBytesMax: 4096,
      nextHopSelf: [0x0a000001],
      open: true
    } as const
    const exportClass = this.rib.classFor(JSON.stringify(parameters), parameters)
    const member = exportClass.join(peer.index)
    while (!member.live || member.pendingCount > 0) this.rib.catchUp(exportClass, member, this.transmit)
  }

  settle(): void {
    this.rib.settle((_, id, set, peer) => this.told.set(id, set === -1 ? SELF : peer), this.transmit)
    for (const exportClass of this.rib.classes) {
      for (const member of exportClass.members) {
        while (member.pendingCount > 0) this.rib.catchUp(exportClass, member, this.transmit)
      }
    }
  }

  apply({ peer, prefix, route }: { peer: ModelPeer; prefix: number; route: ModelRoute | undefined }): void {
    const table = this.rib.tables[0]
    const words = [((prefix + 1) << 24) >>> 0]
    if (route === undefined) {
      const id = table.prefixes.find(words, 0, 8)
      if (id !== -1) this.rib.adjIn.forget(peer.index, table, id, 0)
      return
    }
    const bytes = encodeAttributes(attributesOf(route, peer), true)
    const set = this.rib.store.intern(bytes, 0, bytes.length, 0)
    this.rib.adjIn.learn(peer.index, table, table.prefixes.intern(words, 0, 8), 0, set)
    this.rib.store.discardUnused(set)
  }
}

const text = (prefix: number): string => `${prefix + 1}.0.0.0/8`

const check = (bench: Bench, model: Map<string, readonly [ModelPeer, ModelRoute, number]>, hearing: Iterable<number>): void => {
  for (let prefix = 0; prefix < 8; prefix++) {
    const candidates = [...model.values()].filter((entry) => entry[2] === prefix)
    const best = bestOf(candidates.map(([peer, route]) => [peer, route] as const))
    const table = bench.rib.tables[0]
    const id = table.prefixes.find([((prefix + 1) << 24) >>> 0], 0, 8)
    const path = id === -1 ? 0 : bench.rib.bestOf(table, id)
    expect(path === 0 ? undefined : bench.rib.adjIn.paths.peer[path]).toBe(best?.index)
    const route = best === undefined ? undefined : model.get(`${best.index}/${prefix}`)![1]
    for (const index of hearing) {
      const to = PEERS[index - 1]
      const said = best !== undefined && mayHear(to, best, route!) ? expectedText(to, best, route!) : undefined
      expect([index, text(prefix), bench.receivers.get(index)!.table.get(text(prefix))]).toEqual([index, text(prefix), said])
    }
  }
}

describe("the RIB against a dumb oracle", () => {
  it("law: best path and what every peer was told equal a computation from scratch after every batch", () => {
    fc.assert(
      fc.property(batches, fc.nat({ max: 12 }), (changes, lateAt) => {
        const bench = new Bench()
        const late = PEERS[1]
        for (const peer of PEERS) if (peer !== late) bench.join(peer)
        const model = new Map<string, readonly [ModelPeer, ModelRoute, number]>()
        const hearing = new Set(PEERS.filter((peer) => peer !== late).map(({ index }) => index))
        changes.forEach((batch, index) => {
          if (index === lateAt) {
            bench.join(late)
            hearing.add(late.index)
          }
          for (const step of batch) {
            bench.apply(step)
            const key = `${step.peer.index}/${step.prefix}`
            if (step.route === undefined) model.delete(key)
            else model.set(key, [step.peer, step.route, step.prefix])
          }
          bench.settle()
          check(bench, model, hearing)
        })
        expect(bench.pool.leaks()).toEqual([])
      }),
      { numRuns: 300 }
    )
  })

  it("forgets everything of a session that ended, and nothing that the next session has sent meanwhile", () => {
    const bench = new Bench()
    for (const peer of PEERS) bench.join(peer)
    const route: ModelRoute = { localPref: 100, path: [64501], origin: 0, med: 0, noExport: false }
    for (let prefix = 0; prefix < 4; prefix++) bench.apply({ peer: PEERS[0], prefix, route })
    bench.settle()
    bench.rib.endSession(1)
    bench.apply({ peer: PEERS[0], prefix: 2, route })
    while (bench.rib.hasSweeps) {
      bench.rib.sweep(1)
      bench.settle()
    }
    expect([...bench.receivers.get(2)!.table.keys()]).toEqual([text(2)])
    expect(bench.rib.adjIn.paths.count).toBe(1)
  })

  it("gives every attribute set and prefix back when the last route is withdrawn", () => {
    fc.assert(
      fc.property(batches, (changes) => {
        const bench = new Bench()
        for (const peer of PEERS) bench.join(peer)
        const before = bench.rib.digest()
        for (const batch of changes) {
          for (const step of batch) bench.apply(step)
          bench.settle()
        }
        for (const peer of PEERS) bench.rib.endSession(peer.index)
        while (bench.rib.hasSweeps) bench.rib.sweep(1000)
        bench.settle()
        expect([bench.rib.store.count, bench.rib.tables[0].prefixes.count, bench.rib.digest()]).toEqual([0, 0, before])
      }),
      { numRuns: 100 }
    )
  })

  it("has a name for every reason that a path can have", () => {
    expect(REASON_NAMES.length).toBe(20)
  })
})
