// What "the path that is best already stays so" (RFC 5004) means to a client of a route server that may not have every path (RFC 7947 §2.3):
// it keeps that path where nothing but tie-breakers speaks for another one of those that it may have, and only there.
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { clientParameters } from "./plain-export.ts"

const [NEAR, RIVAL, OTHER] = [1, 2, 3]

/** The peers whose paths two clients hold, the rival itself and somebody who may have all. */
const heldWith = (metrics: Readonly<Record<number, number>>): ReadonlyArray<number> => {
  const rib = new Rib({ localAs: 65000, localId: 1, pool: new BlockPool(65536, "test"), capacity: 4 })
  rib.decision.configure({ preferOlder: true })
  for (const peer of [NEAR, RIVAL, OTHER, 4]) {
    const facts = { kind: PeerKind.RouteServerClient, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
    rib.adjIn.peers.set(peer, facts)
  }
  const [table] = rib.tables
  const id = table.prefixes.intern([0x14000000], 0, 8)
  const transmit = (): void => {}
  const members = [RIVAL, 4].map((peer) => rib.join(clientParameters(), peer))
  const say = (peer: number, asn: number, med: number): void => {
    const nextHop = { family: 4, words: [0x0a000000 + peer] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [asn] }], nextHop, med }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    rib.store.nextHops.metrics[rib.store.nextHop[set]!] = metrics[peer]!
    rib.adjIn.learn(peer, table, id, 0, set)
    rib.store.discardUnused(set)
    rib.settle(() => {}, transmit)
    while (rib.canCatchUp(() => true)) rib.catchUp(10, () => true, transmit)
  }
  // The near one and its rival come from one neighbouring AS, and MED decides between them.
  say(RIVAL, 64600, 5)
  say(OTHER, 64700, 0)
  say(NEAR, 64600, 10)
  expect(rib.adjIn.paths.peer[rib.bestOf(table, id)]).toBe(OTHER)
  return members.map(({ exportClass, member }) => exportClass.routesOf(member, id)[0]!.source)
}

it("it gets the one with the nearer next hop, if what kept that from being the best is not for it", () => {
  expect(heldWith({ [NEAR]: 1, [RIVAL]: 10, [OTHER]: 5 })).toEqual([NEAR, OTHER])
})

it("it keeps the best one where only the identifiers of routers speak against it", () => {
  expect(heldWith({ [NEAR]: 5, [RIVAL]: 10, [OTHER]: 5 })).toEqual([OTHER, OTHER])
})
