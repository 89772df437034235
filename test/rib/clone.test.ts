// A copy of a RIB is a RIB of its own: what it knows of its peers, and what it tells by that, is nobody else's. ADR-0005
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { deepClone } from "../../src/machine/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { exportParameters } from "./plain-export.ts"

const TO = 9

/** A route of one peer becomes another's, with the same attributes: how many messages tell of that. */
const toldOf = (rib: Rib, isReflected: boolean): number => {
  const kind = isReflected ? PeerKind.ReflectorClient : PeerKind.ConfederationMember
  for (const peer of [1, 2]) rib.judge(peer, { kind, accepts: true, routerId: peer, rank: peer })
  const [table] = rib.tables
  const nextHop = { family: 4, words: [0x0a000001] } as const
  const bytes = encodeAttributes({ origin: 0, asPath: [], nextHop, localPref: 100 }, true)
  const set = rib.store.intern(bytes, 0, bytes.length, 0)
  const id = table.prefixes.intern([0x14000000], 0, 8)
  let messages = 0
  for (const peer of [2, 1]) {
    messages = 0
    rib.adjIn.learn(peer, table, id, 0, set)
    rib.settle(
      () => {},
      () => messages++
    )
  }
  return messages
}

it("judges two routes by its own peers, whatever those of the first one are", () => {
  const rib = new Rib({ localAs: 65000, localId: 99, pool: new BlockPool(65536, "test"), capacity: 4 })
  rib.join(exportParameters({ kind: PeerKind.ReflectorClient }), TO)
  while (rib.canCatchUp(() => true))
    rib.catchUp(
      10,
      () => true,
      () => {}
    )
  const copy = deepClone(rib)
  expect(toldOf(rib, false)).toBe(0)
  // What is reflected bears the identifier of its router [RFC 4456 §8].
  expect(toldOf(copy, true)).toBe(1)
})
