// The one seam for policy: accept, reject, or other attributes, on the way in and on the way out, asked once for each set and (on the way
// out) each export class, and again only when the set has gone (RFC 8212, ADR-0033).
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { NO_ROLE, PeerKind, type Policy, REJECT, Reason, Rib } from "../../src/rib/index.ts"
import { type Attributes, decodeAttributes, encodeAttributes, scanUpdate, UpdateView } from "../../src/wire/index.ts"

const REFUSED = 0xfde80bad
const RAISED = 0xfde80200

/** What a policy does to readable attributes; `undefined`: rejected. */
const policyOf = (name: string, apply: (attributes: Attributes) => Attributes | undefined) => {
  const asked: Array<number> = []
  const policy: Policy = {
    name,
    evaluate: (store, set) => {
      asked.push(set)
      const before = decodeAttributes(store.chunkOf(set), store.startOf(set), store.blockEndOf(set), true)
      const after = apply(before)
      if (after === undefined) return REJECT
      if (after === before) return set
      const bytes = encodeAttributes(after, true)
      return store.intern(bytes, 0, bytes.length, 0)
    }
  }
  return { policy, asked }
}

const lab = () => {
  const incoming = policyOf("in", (attributes) => {
    if (attributes.communities?.includes(REFUSED) === true) return undefined
    return attributes.communities?.includes(RAISED) === true ? { ...attributes, localPref: 200 } : attributes
  })
  const outgoing = policyOf("out", (attributes) => {
    if (attributes.med === 666) return undefined
    return { ...attributes, communities: [0xfde80001] }
  })
  const pool = new BlockPool(65536, "test", { verify: true })
  const policies = [incoming.policy, outgoing.policy]
  const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4, policies })
  for (const index of [1, 2]) {
    rib.adjIn.peers.set(index, {
      kind: PeerKind.Internal,
      accepts: true,
      importPolicy: "in",
      routerId: index,
      rank: index
    })
  }
  const held = new Map<string, Attributes>()
  const view = new UpdateView()
  const transmit = (peer: number, block: number, from: number, to: number): void => {
    const bytes = pool.bytes(block).slice(from, to)
    for (let at = 0; at < bytes.length; at += (bytes[at + 16]! << 8) | bytes[at + 17]!) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      scanUpdate(view, bytes, at, length, { as4: true, addPath: [], external: false, extended: false })
      const attributes = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
      for (let next = view.withdrawnAt; next < view.withdrawnEnd; next += 4) held.delete(`${peer}/${bytes[next + 3]}`)
      for (let next = view.nlriAt; next < view.nlriEnd; next += 4) held.set(`${peer}/${bytes[next + 3]}`, attributes)
    }
  }
  const join = (peer: number, clusterId: number) =>
    rib.join(
      {
        family: 0,
        kind: PeerKind.ReflectorClient,
        localAs: 65000,
        routerAs: 0,
        overriddenAs: 0,
        role: NO_ROLE,
        longLived: false,
        extendedNextHop: false,
        clusterId,
        as4: true,
        messageBytesMax: 4096,
        addPathSend: 0,
        nextHopSelf: [9],
        open: true,
        policy: "out"
      },
      peer
    )
  const settle = (): void => {
    rib.settle(() => {}, transmit)
    while (rib.canCatchUp(() => true)) rib.catchUp(1000, () => true, transmit)
  }
  /** Prefixes 10.0.N.0/24. */
  const learn = (peer: number, numbers: ReadonlyArray<number>, more: Attributes = {}): void => {
    const bytes = encodeAttributes({ origin: 0, asPath: [], nextHop: { family: 4, words: [7] }, ...more }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    const nlri = Uint8Array.from(numbers.flatMap((number) => [24, 10, 0, number]))
    rib.adjIn.learnSpan(peer, 0, nlri, 0, nlri.length, false, set)
    rib.store.discardUnused(set)
  }
  const forget = (peer: number, numbers: ReadonlyArray<number>): void => {
    const nlri = Uint8Array.from(numbers.flatMap((number) => [24, 10, 0, number]))
    rib.adjIn.forgetSpan(peer, 0, nlri, 0, nlri.length, false)
  }
  const reasonsOf = (number: number): ReadonlyArray<readonly [number, number]> => {
    const table = rib.tables[0]!
    const id = table.prefixes.find([((10 << 24) | (number << 8)) >>> 0], 0, 24)
    const found: Array<readonly [number, number]> = []
    const { paths } = rib.adjIn
    for (let path = table.heads[id] ?? 0; path !== 0; path = paths.next[path]!) {
      found.push([paths.peer[path]!, paths.reason[path]!])
    }
    return found
  }
  return { rib, pool, held, incoming, outgoing, join, settle, learn, forget, reasonsOf }
}

const numbers = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

describe("policy on the way in", () => {
  it("is asked once for each set, however many prefixes and peers have it", () => {
    const { incoming, learn, settle } = lab()
    for (const med of [1, 2, 3]) {
      learn(1, numbers(50), { med })
      learn(2, numbers(50), { med })
      settle()
    }
    expect(incoming.asked.length).toBe(3)
  })

  it("rejects: the path is kept, is not eligible, and another one is best", () => {
    const { learn, settle, reasonsOf } = lab()
    learn(1, [7], { communities: [REFUSED], localPref: 500 })
    learn(2, [7])
    settle()
    expect(reasonsOf(7)).toEqual([
      [2, Reason.Best],
      [1, Reason.Policy]
    ])
  })

  it("changes attributes before anything is decided, and what was received is still known", () => {
    const { rib, learn, settle, reasonsOf } = lab()
    learn(1, [7])
    learn(2, [7], { communities: [RAISED] })
    settle()
    expect(reasonsOf(7)).toEqual([
      [2, Reason.Best],
      [1, Reason.LocalPref]
    ])
    const { paths } = rib.adjIn
    const best = rib.bestOf(rib.tables[0]!, 0)
    const both = [paths.attributes[best]!, paths.receivedOf(best)].map((set) => rib.store.localPref[set])
    expect(both).toEqual([200, 100])
  })

  it("gives everything back, and is asked again about a set that comes again", () => {
    const { rib, learn, forget, settle, incoming } = lab()
    for (let round = 1; round <= 3; round++) {
      learn(1, [1, 2], { communities: [RAISED] })
      learn(1, [3], { communities: [REFUSED] })
      settle()
      forget(1, [1, 2, 3])
      settle()
      expect([rib.store.count, incoming.asked.length]).toEqual([0, round * 2])
    }
  })

  it("is asked about the set as it was received when a path changes from one that it changes to one that it does not", () => {
    const { rib, learn, settle, reasonsOf } = lab()
    learn(1, [7], { communities: [RAISED] })
    settle()
    learn(1, [7], { communities: [REFUSED] })
    settle()
    expect(reasonsOf(7)).toEqual([[1, Reason.Policy]])
    learn(1, [7])
    settle()
    expect([reasonsOf(7), rib.store.count]).toEqual([[[1, Reason.Best]], 1])
  })

  it("lets nothing pass where its name is unknown [RFC 8212]", () => {
    const { rib, learn, settle, reasonsOf } = lab()
    rib.adjIn.peers.set(1, { kind: PeerKind.External, accepts: true, importPolicy: "?", routerId: 1, rank: 1 })
    learn(1, [7])
    settle()
    expect(reasonsOf(7)).toEqual([[1, Reason.Policy]])
  })
})

describe("policy on the way out", () => {
  it("is asked once for each set and class, however many prefixes and members there are", () => {
    const { outgoing, join, learn, settle } = lab()
    for (const peer of [3, 4, 5]) join(peer, 1)
    for (const peer of [6, 7]) join(peer, 2)
    for (const med of [1, 2, 3]) {
      learn(1, numbers(50), { med })
      settle()
    }
    expect(outgoing.asked.length).toBe(6)
  })

  it("changes what peers are told, rejects, and is heeded when attributes change", () => {
    const { held, join, learn, forget, settle } = lab()
    join(3, 1)
    learn(1, [1, 2])
    settle()
    expect([held.get("3/1")?.communities, held.size]).toEqual([[0xfde80001], 2])
    learn(1, [1], { med: 666 })
    settle()
    expect([...held.keys()]).toEqual(["3/2"])
    learn(1, [1], { med: 667 })
    forget(1, [2])
    settle()
    expect([[...held.keys()], held.get("3/1")?.med]).toEqual([["3/1"], 667])
  })

  it("gives everything back with the last route, and with the class", () => {
    const { rib, pool, join, learn, forget, settle } = lab()
    const membership = join(3, 1)
    learn(1, numbers(20))
    settle()
    rib.leave(membership)
    while (rib.hasSweeps) rib.sweep(1000)
    forget(1, numbers(20))
    settle()
    expect([rib.store.count, pool.leaks()]).toEqual([0, []])
  })
})
