// What every peer is told, against the dumb model: route servers, reflectors, several paths, peers that stall, ask again, come and go, in
// any order, with the table told in slices of a few prefixes. RFC 7947 §2.3, RFC 7911, RFC 4271 §9
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { type ExportParameters, type Membership, NO_ROLE, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import {
  CROWD,
  communitiesOf,
  expectedFor,
  isOutside,
  LOCAL_AS,
  type ModelPath,
  type ModelPeer,
  type ModelRoute,
  PEERS,
  peerAt,
  Receiver,
  textFor
} from "./export-model.ts"

const LOCAL_ID = 0x0a000001
const PREFIXES = 6

const route: fc.Arbitrary<ModelRoute> = fc.record({
  path: fc.array(fc.constantFrom(64501, 64502, 64503, 64504, 64505, 64510, LOCAL_AS), { maxLength: 3 }),
  med: fc.constantFrom(0, 10, 20),
  localPref: fc.constantFrom(90, 100, 110),
  noExport: fc.constantFrom(false, false, false, true)
})

const anyPeer = fc.constantFrom(...PEERS)
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("tell" as const),
      peer: anyPeer,
      prefix: fc.nat({ max: PREFIXES - 1 }),
      pathId: fc.constantFrom(0, 0, 0, 7),
      route: fc.option(route, { nil: undefined })
    })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("slice" as const), budget: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("quiet" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("join", "leave", "stall", "drain", "repeat", "shut", "open"),
      peer: anyPeer
    })
  }
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: LOCAL_AS, localId: LOCAL_ID, pool: this.pool, capacity: 2 })
  readonly receivers = new Map<number, Receiver>()
  readonly memberships = new Map<number, Membership>()
  readonly full = new Set<number>()
  /** Export policy lets nothing out to these. */
  readonly shut = new Set<number>()
  readonly model = new Map<string, ModelPath>()

  constructor() {
    for (const { index, kind, asn } of [...PEERS, ...CROWD]) {
      this.rib.adjIn.peers.set(index, { kind, accepts: true, routerId: index, rank: index, asn })
    }
  }

  run(step: Step): void {
    switch (step.do) {
      case "tell":
        this.tell(step)
        return
      case "settle":
        this.settle()
        return
      case "slice":
        this.settle()
        this.rib.catchUp(step.budget, this.hasRoom, this.transmit)
        return
      case "quiet":
        this.quiet()
        return
      case "join":
        this.join(step.peer)
        return
      case "leave":
        this.leave(step.peer)
        return
      case "stall":
        this.stall(step.peer)
        return
      case "drain":
        this.full.delete(step.peer.index)
        return
      case "repeat":
        this.repeat(step.peer)
        return
      case "shut":
      case "open":
        this.move(step.peer, step.do === "open")
        return
    }
  }

  readonly hasRoom = (peer: number): boolean => !this.full.has(peer)

  readonly transmit = (peer: number, block: number, from: number, to: number): void => {
    this.receivers.get(peer)!.apply(this.pool.bytes(block).slice(from, to))
  }

  tell({ peer, prefix, pathId, route }: Omit<ModelPath, "route"> & { readonly route: ModelRoute | undefined }): void {
    const { adjIn, store, tables } = this.rib
    const [table] = tables
    const words = [((prefix + 1) << 24) >>> 0]
    const key = `${peer.index}/${prefix}/${pathId}`
    if (route === undefined) {
      this.model.delete(key)
      const id = table.prefixes.find(words, 0, 8)
      if (id !== -1) adjIn.forget(peer.index, table, id, pathId)
      return
    }
    this.model.set(key, { peer, prefix, pathId, route })
    const bytes = encodeAttributes(
      {
        origin: 0,
        asPath: route.path.length === 0 ? [] : [{ type: 2, members: [...route.path] }],
        nextHop: { family: 4, words: [0x0a000100] },
        med: route.med,
        ...(isOutside(peer) ? {} : { localPref: route.localPref }),
        communities: communitiesOf(peer, route)
      },
      true
    )
    const set = store.intern(bytes, 0, bytes.length, 0)
    adjIn.learn(peer.index, table, table.prefixes.intern(words, 0, 8), pathId, set)
    store.discardUnused(set)
  }

  settle(): void {
    this.rib.settle(() => {}, this.transmit)
  }

  join(peer: ModelPeer): void {
    if (this.memberships.has(peer.index)) return
    this.receivers.set(peer.index, new Receiver(peer))
    this.shut.delete(peer.index)
    this.memberships.set(peer.index, this.rib.join(this.parametersOf(peer), peer.index))
  }

  private parametersOf(peer: ModelPeer): ExportParameters {
    return {
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
      addPathSend: peer.addPath,
      nextHopSelf: [0x0a000001],
      open: !this.shut.has(peer.index)
    }
  }

  /** Its policy changes under the session: it goes to another class, and hears the difference. */
  move(peer: ModelPeer, isOpen: boolean): void {
    const membership = this.memberships.get(peer.index)
    if (membership === undefined) return
    if (isOpen) this.shut.delete(peer.index)
    else this.shut.add(peer.index)
    this.memberships.set(peer.index, this.rib.move(membership, this.parametersOf(peer)))
    this.receivers.get(peer.index)!.repeats = true
  }

  leave({ index }: ModelPeer): void {
    const membership = this.memberships.get(index)
    if (membership === undefined) return
    this.rib.leave(membership)
    this.memberships.delete(index)
    this.receivers.delete(index)
    this.full.delete(index)
  }

  stall({ index }: ModelPeer): void {
    const membership = this.memberships.get(index)
    if (membership === undefined) return
    this.full.add(index)
    this.rib.stall(membership)
    this.settle()
  }

  repeat({ index }: ModelPeer): void {
    const membership = this.memberships.get(index)
    if (membership === undefined) return
    membership.exportClass.repeat(membership.member, false)
    this.receivers.get(index)!.repeats = true
  }

  /** Everybody reads, everything is told; then everybody must hold what the model says. */
  quiet(): void {
    this.full.clear()
    this.settle()
    while (this.rib.hasSweeps) this.rib.sweep(2)
    while (this.rib.canCatchUp(this.hasRoom)) this.rib.catchUp(2, this.hasRoom, this.transmit)
    for (const [index, receiver] of this.receivers) {
      expect([index, receiver.faults]).toEqual([index, []])
      expect([index, receiver.endsOfRib]).toEqual([index, 1])
      for (let prefix = 0; prefix < PREFIXES; prefix++) this.check(index, receiver, prefix)
      expect(this.countOf(index)).toBe(receiver.held.size)
      receiver.repeats = false
    }
  }

  private check(index: number, receiver: Receiver, prefix: number): void {
    const paths = [...this.model.values()].filter((path) => path.prefix === prefix)
    const peer = peerAt(index)
    const allowed = this.shut.has(index) ? [] : expectedFor(peer, paths)
    const expected = allowed.map((path) => textFor(peer, path))
    const held = [...receiver.held].filter(([key]) => key.startsWith(`${prefix + 1}/`)).map(([, text]) => text)
    expect([index, prefix, held.sort()]).toEqual([index, prefix, expected.sort()])
  }

  private countOf(index: number): number {
    const { exportClass, member } = this.memberships.get(index)!
    expect([index, member.live]).toEqual([index, true])
    return exportClass.toldCount(member)
  }
}

describe("what every peer is told", () => {
  it("law: equals a computation from scratch, whoever stalls, asks again, comes or goes meanwhile [RFC 7947 §2.3, RFC 7911]", () => {
    fc.assert(
      fc.property(fc.array(anyPeer, { maxLength: 12 }), fc.array(step, { maxLength: 80 }), (first, steps) => {
        const bench = new Bench()
        for (const peer of first) bench.join(peer)
        for (const each of steps) bench.run(each)
        bench.quiet()
        for (const peer of PEERS) bench.leave(peer)
        for (const { index } of PEERS) bench.rib.endSession(index)
        while (bench.rib.hasSweeps) bench.rib.sweep(5)
        bench.settle()
        expect([bench.rib.store.count, bench.rib.tables[0].prefixes.count, bench.pool.leaks()]).toEqual([0, 0, []])
      }),
      { numRuns: 600 }
    )
  })

  it("law: also among more members than a word has bits, of which some share an AS", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70 }), fc.array(step, { maxLength: 60 }), (count, steps) => {
        const bench = new Bench()
        const crowd = CROWD.slice(0, count)
        for (const peer of crowd.slice(0, count >> 1)) bench.join(peer)
        for (const peer of PEERS) bench.join(peer)
        for (const each of steps) bench.run(each)
        for (const peer of crowd.slice(count >> 1)) bench.join(peer)
        bench.quiet()
        for (const peer of crowd.filter((_, at) => at % 2 === 0)) bench.leave(peer)
        for (const each of steps) bench.run(each)
        bench.quiet()
      }),
      { numRuns: 60 }
    )
  })
})
