// Which paths a client of a route server would refuse, since its own number is in them (RFC 7947 §2.3), is seen in what it would be told: a policy
// on the way out may put a number in, or take it out.
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, type Policy, Rib } from "../../src/rib/index.ts"
import { type AsSegment, decodeAttributes, encodeAttributes } from "../../src/wire/index.ts"
import { clientParameters } from "./plain-export.ts"

const CLIENT = 9
const CLIENT_AS = 64509

const rewriting = (name: string, rewrite: (members: ReadonlyArray<number>) => ReadonlyArray<number>): Policy => ({
  name,
  evaluate: (store, set) => {
    const before = decodeAttributes(store.chunkOf(set), store.startOf(set), store.blockEndOf(set), true)
    const asPath = before.asPath!.map(({ type, members }: AsSegment) => ({ type, members: rewrite(members) }))
    const bytes = encodeAttributes({ ...before, asPath }, true)
    return store.intern(bytes, 0, bytes.length, 0)
  }
})

const POLICIES = [
  rewriting("marks", (members) => (members[0] === 64501 ? [...members, CLIENT_AS] : members)),
  rewriting("cleans", (members) => members.filter((asn) => asn !== CLIENT_AS))
]

it.each([
  ["policy puts its number into the best path: it gets the second one", "marks", [64501], [64502, 64510], [2]],
  [
    "policy takes its number out of the best path: it gets that",
    "cleans",
    [64501, CLIENT_AS],
    [64502, 64510, 64511],
    [1]
  ],
  ["policy puts its number into the only path: it gets none", "marks", [64501], undefined, []],
  ["nobody rewrites anything: it gets what is not a loop", "open", [64501, CLIENT_AS], [64502, 64510, 64511], [2]]
] as const)("%s", (_, policy, first, second, sources) => {
  const pool = new BlockPool(65536, "test")
  const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4, policies: POLICIES })
  for (const peer of [1, 2, CLIENT]) {
    const facts = { kind: PeerKind.RouteServerClient, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
    rib.adjIn.peers.set(peer, facts)
  }
  const { exportClass, member } = rib.join(clientParameters({ policy }), CLIENT)
  const [table] = rib.tables
  const id = table.prefixes.intern([0x14000000], 0, 8)
  for (const [at, members] of [first, second].entries()) {
    if (members === undefined) continue
    const nextHop = { family: 4, words: [0x0a000001] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [...members] }], nextHop }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    rib.adjIn.learn(at + 1, table, id, 0, set)
    rib.store.discardUnused(set)
  }
  const nothing = (): void => {}
  rib.settle(nothing, nothing)
  while (rib.canCatchUp(() => true)) rib.catchUp(10, () => true, nothing)
  expect(exportClass.routesOf(member, id).map(({ source }) => source)).toEqual(sources)
})
