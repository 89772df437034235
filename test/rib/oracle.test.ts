// The dumb oracle: after every batch of changes everything is computed again from a plain list of paths by sorting, and must equal the
// incremental table and what each receiver holds after applying every message it was sent with an independent reading of the bytes.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { NO_ROLE, PeerKind, REASON_NAMES, Reason, Rib, SELF } from "../../src/rib/index.ts"
import { type Attributes, encodeAttributes, RoleValue, scanUpdate, UpdateView, Verdict } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"

const LOCAL_AS = 65000
const LOCAL_ID = 0x0a000001

interface ModelPeer {
  readonly index: number
  readonly kind: PeerKind
  readonly asn: number
  readonly id: number
  /** The peer's role towards us (RFC 9234). */
  readonly role?: number
  /** It knows LLGR_STALE (RFC 9494). */
  readonly longLived?: boolean
  /** Our AS number towards it, if not the router's. */
  readonly localAs?: number
  /** Its AS number is replaced by ours. */
  readonly overrides?: boolean
  /** How often our AS number may stand in its paths. */
  readonly ownAsAllowed?: number
}

const PEERS: ReadonlyArray<ModelPeer> = [
  { index: 1, kind: PeerKind.External, asn: 64501, id: 11 },
  { index: 2, kind: PeerKind.External, asn: 64502, id: 12 },
  { index: 3, kind: PeerKind.Internal, asn: LOCAL_AS, id: 13 },
  { index: 4, kind: PeerKind.Internal, asn: LOCAL_AS, id: 14 },
  { index: 5, kind: PeerKind.ReflectorClient, asn: LOCAL_AS, id: 15 },
  { index: 6, kind: PeerKind.ReflectorClient, asn: LOCAL_AS, id: 16, longLived: true },
  { index: 7, kind: PeerKind.External, asn: 64507, id: 17, role: RoleValue.Customer },
  { index: 8, kind: PeerKind.External, asn: 64508, id: 18, role: RoleValue.Provider },
  { index: 9, kind: PeerKind.External, asn: 64509, id: 19, role: RoleValue.Peer, longLived: true },
  { index: 10, kind: PeerKind.External, asn: 64510, id: 20, localAs: 70000, overrides: true, ownAsAllowed: 1 }
]

interface ModelRoute {
  readonly localPref: number
  readonly path: ReadonlyArray<number>
  readonly origin: number
  readonly med: number
  readonly noExport: boolean
  /** ONLY_TO_CUSTOMER; 0: none. */
  readonly otc: number
  readonly noLongLived: boolean
  readonly longLivedStale: boolean
}

/** A path of the model: whose, what, for which prefix, and whether it is left over. */
interface ModelPath {
  readonly peer: ModelPeer
  readonly prefix: number
  readonly route: ModelRoute
  readonly stale: boolean
}

const isExternal = (peer: ModelPeer): boolean => peer.kind === PeerKind.External

const attributesOf = (route: ModelRoute, peer: ModelPeer): Attributes => ({
  origin: route.origin,
  asPath: route.path.length === 0 ? [] : [{ type: 2, members: [...route.path] }],
  nextHop: { family: 4, words: [0x0a000100 + peer.index] },
  med: route.med,
  ...(isExternal(peer) ? {} : { localPref: route.localPref }),
  ...(communitiesOf(route).length > 0 ? { communities: communitiesOf(route) } : {})
})

const communitiesOf = (route: ModelRoute): Array<number> => [
  ...(route.noExport ? [0xffffff01] : []),
  ...(route.noLongLived ? [0xffff0007] : []),
  ...(route.longLivedStale ? [0xffff0006] : [])
]

const routeArbitrary: fc.Arbitrary<ModelRoute> = fc.record({
  localPref: fc.constantFrom(90, 100, 110),
  path: fc.array(fc.constantFrom(64501, 64502, 64510, LOCAL_AS), { maxLength: 2 }),
  origin: fc.constantFrom(0, 2),
  med: fc.constantFrom(0, 10, 20),
  noExport: fc.boolean(),
  otc: fc.constantFrom(0, 0, 0, 64509, 64600),
  noLongLived: fc.constantFrom(false, false, true),
  longLivedStale: fc.constantFrom(false, false, false, true)
})

const told = fc.record({
  peer: fc.constantFrom(...PEERS),
  prefix: fc.integer({ min: 0, max: 7 }),
  route: fc.option(routeArbitrary, { nil: undefined })
})

/** Paths of a peer become left over, age, or go (RFC 4724, RFC 7313, RFC 9494). */
const turned = fc.record({
  peer: fc.constantFrom(PEERS[0], PEERS[2], PEERS[9]),
  turn: fc.constantFrom("restart" as const, "refresh" as const, "age" as const, "expire" as const, "end" as const)
})

const change = fc.oneof({ arbitrary: told, weight: 4 }, { arbitrary: turned, weight: 1 })
type Told = typeof told extends fc.Arbitrary<infer Value> ? Value : never
type Turned = typeof turned extends fc.Arbitrary<infer Value> ? Value : never

const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 })

/** RFC 4271 §9.1.2.2 by the book: remove, remove, remove. */
const bestOf = (candidates: ReadonlyArray<readonly [ModelPeer, ModelRoute]>): ModelPeer | undefined => {
  let left = candidates.filter(([peer, route]) => !isLoop(peer, route) && !isLeak(peer, route))
  const keepLowest = (key: (entry: readonly [ModelPeer, ModelRoute]) => number): void => {
    const lowest = Math.min(...left.map(key))
    left = left.filter((entry) => key(entry) === lowest)
  }
  keepLowest(([, route]) => (route.longLivedStale ? 1 : 0))
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

const isLoop = (peer: ModelPeer, route: ModelRoute): boolean =>
  route.path.filter((asn) => asn === LOCAL_AS).length > (peer.ownAsAllowed ?? 0)

/** RFC 9234 §5, on the way in. */
const isLeak = (peer: ModelPeer, route: ModelRoute): boolean =>
  route.otc !== 0 && (peer.role === RoleValue.Customer || (peer.role === RoleValue.Peer && route.otc !== peer.asn))

const mayHear = (to: ModelPeer, from: ModelPeer, route: ModelRoute): boolean => {
  if (to === from) return false
  if (route.longLivedStale && to.longLived !== true) return false
  if (route.otc !== 0 && (to.role === RoleValue.Provider || to.role === RoleValue.Peer)) return false
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
      const verdict = scanUpdate(view, bytes, at, length, {
        as4: true,
        addPath: [false, false],
        external,
        extended: false
      })
      expect(verdict).toBe(Verdict.Keep)
      if (view.endOfRib >= 0) this.ends++
      for (const prefix of readPrefixes(bytes, view.withdrawnAt, view.withdrawnEnd)) this.table.delete(prefix)
      const value = view.valueAt[2] >= 0 ? bytes.slice(view.valueAt[2], view.valueAt[2] + view.valueLength[2]) : []
      const local = view.valueAt[5] >= 0 ? bytes.slice(view.valueAt[5], view.valueAt[5] + 4) : []
      const originator = view.valueAt[9] >= 0 ? bytes.slice(view.valueAt[9], view.valueAt[9] + 4) : []
      const otc = view.valueAt[35] >= 0 ? bytes.slice(view.valueAt[35], view.valueAt[35] + 4) : []
      const communities =
        view.valueAt[8] >= 0 ? bytes.slice(view.valueAt[8], view.valueAt[8] + view.valueLength[8]) : []
      const said = JSON.stringify([[...value], [...local], [...originator], [...otc], [...communities]])
      for (const prefix of readPrefixes(bytes, view.nlriAt, view.nlriEnd)) this.table.set(prefix, said)
      at += length
    }
  }
}

const word = (value: number): Array<number> => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

const expectedText = (to: ModelPeer, from: ModelPeer, route: ModelRoute): string => {
  const ownAs = to.localAs ?? LOCAL_AS
  const own = to.localAs === undefined ? [LOCAL_AS] : [to.localAs, LOCAL_AS]
  const told = route.path.map((asn) => (to.overrides === true && asn === to.asn ? ownAs : asn))
  const path = isExternal(to) ? [...own, ...told] : told
  const pathBytes = path.length === 0 ? [] : [2, path.length, ...path.flatMap(word)]
  const localPref = isExternal(to) ? [] : word(isExternal(from) ? 100 : route.localPref)
  const originator = isExternal(to) || isExternal(from) ? [] : word(from.id)
  const marked = to.role === RoleValue.Customer || to.role === RoleValue.Peer ? ownAs : 0
  const otc = route.otc !== 0 ? word(route.otc) : marked !== 0 ? word(marked) : []
  return JSON.stringify([pathBytes, localPref, originator, otc, communitiesOf(route).flatMap(word)])
}

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: LOCAL_AS, localId: LOCAL_ID, pool: this.pool, capacity: 2 })
  readonly receivers = new Map<number, Receiver>(PEERS.map(({ index }) => [index, new Receiver()]))
  readonly told = new Map<number, number>()

  constructor() {
    for (const peer of PEERS) {
      const { kind, asn, id: routerId, index: rank, role = NO_ROLE, ownAsAllowed = 0 } = peer
      this.rib.adjIn.peers.set(peer.index, { kind, accepts: true, routerId, rank, asn, role, ownAsAllowed })
    }
  }

  transmit = (peer: number, block: number, from: number, to: number): void => {
    this.receivers.get(peer)!.apply(this.pool.bytes(block).slice(from, to), isExternal(PEERS[peer - 1]))
  }

  join(peer: ModelPeer): void {
    const parameters = {
      family: 0,
      kind: peer.kind,
      localAs: peer.localAs ?? LOCAL_AS,
      routerAs: peer.localAs === undefined ? 0 : LOCAL_AS,
      overriddenAs: peer.overrides === true ? peer.asn : 0,
      role: peer.role ?? NO_ROLE,
      longLived: peer.longLived === true,
      extendedNextHop: false,
      clusterId: LOCAL_ID,
      as4: true,
      ...{ messageBytesMax: 4096, addPathSend: 0 },
      nextHopSelf: [0x0a000001],
      open: true
    } as const
    this.rib.join(parameters, peer.index)
    this.catchUp()
  }

  catchUp(): void {
    while (this.rib.canCatchUp(() => true)) this.rib.catchUp(3, () => true, this.transmit)
  }

  settle(): void {
    this.rib.settle((_, id, set, peer) => this.told.set(id, set === -1 ? SELF : peer), this.transmit)
    this.catchUp()
  }

  turn({ peer: { index }, turn }: Turned): void {
    if (turn === "restart") this.rib.endSession(index, [true, true])
    else if (turn === "refresh") this.rib.refreshBegan(index, 0)
    else if (turn === "age") this.rib.age(index, 0)
    else if (turn === "expire") this.rib.expire(index, 0)
    else this.rib.endSession(index)
  }

  sweep(): void {
    while (this.rib.hasSweeps) this.rib.sweep(3)
  }

  apply({ peer, prefix, route }: Told): void {
    const table = this.rib.tables[0]
    const words = [((prefix + 1) << 24) >>> 0]
    if (route === undefined) {
      const id = table.prefixes.find(words, 0, 8)
      if (id !== -1) this.rib.adjIn.forget(peer.index, table, id, 0)
      return
    }
    const marked = route.otc === 0 ? [] : [0xc0, 35, 4, ...word(route.otc)]
    const bytes = Uint8Array.from([...encodeAttributes(attributesOf(route, peer), true), ...marked])
    const set = this.rib.store.intern(bytes, 0, bytes.length, 0)
    this.rib.adjIn.learn(peer.index, table, table.prefixes.intern(words, 0, 8), 0, set)
    this.rib.store.discardUnused(set)
  }
}

const PLAIN_ROUTE: ModelRoute = {
  localPref: 100,
  path: [64501],
  origin: 0,
  med: 0,
  noExport: false,
  otc: 0,
  noLongLived: false,
  longLivedStale: false
}

const text = (prefix: number): string => `${prefix + 1}.0.0.0/8`

type Model = Map<string, ModelPath>

/** What a turn means to a plain list of paths. */
const turnModel = (model: Model, { peer, turn }: Turned): void => {
  for (const [key, path] of [...model]) {
    if (path.peer !== peer) continue
    switch (turn) {
      case "restart":
      case "refresh":
        model.set(key, { ...path, stale: true })
        break
      case "age":
        if (path.stale && path.route.noLongLived) model.delete(key)
        else if (path.stale) model.set(key, { ...path, route: { ...path.route, longLivedStale: true } })
        break
      case "expire":
        if (path.stale) model.delete(key)
        break
      case "end":
        model.delete(key)
    }
  }
}

const check = (bench: Bench, model: Model, hearing: Iterable<number>): void => {
  for (let prefix = 0; prefix < 8; prefix++) {
    const candidates = [...model.values()].filter((path) => path.prefix === prefix)
    const best = bestOf(candidates.map(({ peer, route }) => [peer, route] as const))
    const table = bench.rib.tables[0]
    const id = table.prefixes.find([((prefix + 1) << 24) >>> 0], 0, 8)
    const path = id === -1 ? 0 : bench.rib.bestOf(table, id)
    expect(path === 0 ? undefined : bench.rib.adjIn.paths.peer[path]).toBe(best?.index)
    const route = best === undefined ? undefined : model.get(`${best.index}/${prefix}`)!.route
    for (const index of hearing) {
      const to = PEERS[index - 1]
      const said = best !== undefined && mayHear(to, best, route!) ? expectedText(to, best, route!) : undefined
      expect([index, text(prefix), bench.receivers.get(index)!.table.get(text(prefix))]).toEqual([
        index,
        text(prefix),
        said
      ])
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
        const model: Model = new Map()
        const hearing = new Set(PEERS.filter((peer) => peer !== late).map(({ index }) => index))
        changes.forEach((batch, index) => {
          if (index === lateAt) {
            bench.join(late)
            hearing.add(late.index)
          }
          for (const step of batch) {
            if ("turn" in step) {
              bench.turn(step)
              turnModel(model, step)
              continue
            }
            bench.apply(step)
            const { peer, prefix, route } = step
            if (route === undefined) model.delete(`${peer.index}/${prefix}`)
            else model.set(`${peer.index}/${prefix}`, { peer, prefix, route, stale: false })
          }
          bench.sweep()
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
    const route = PLAIN_ROUTE
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
          for (const step of batch) {
            if ("turn" in step) bench.turn(step)
            else bench.apply(step)
          }
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
    expect(REASON_NAMES.length).toBe(Object.keys(Reason).length)
  })
})
