// What a peer has told in its table of now, as a count and as a sum of hashes that are kept while it speaks: against the same from scratch.
import fc from "fast-check"
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { fold } from "../../src/machine/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"

const PEERS = [1, 2] as const

type Move =
  | { readonly move: "learn" | "forget"; readonly peer: 1 | 2; readonly octet: number; readonly med: number }
  | { readonly move: "end" | "endKept" | "refresh" | "expire" | "age" | "sweep"; readonly peer: 1 | 2 }

const peer = fc.constantFrom(...PEERS)
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    arbitrary: fc.record({
      move: fc.constantFrom("learn" as const, "learn" as const, "forget" as const),
      peer,
      octet: fc.integer({ min: 10, max: 15 }),
      med: fc.nat(2)
    }),
    weight: 4
  },
  fc.record({ move: fc.constantFrom("end", "endKept", "refresh", "expire", "age", "sweep"), peer })
)

const play = (rib: Rib, one: Move): void => {
  const [table] = rib.tables
  const nothing = (): void => {}
  switch (one.move) {
    case "learn": {
      const nextHop = { family: 4, words: [0x0a000000 + one.peer] } as const
      const asPath = [{ type: 2, members: [64500 + one.peer] }]
      const bytes = encodeAttributes({ origin: 0, asPath, nextHop, med: one.med }, true)
      const set = rib.store.intern(bytes, 0, bytes.length, 0)
      rib.adjIn.learn(one.peer, table, table.prefixes.intern([(one.octet << 24) >>> 0], 0, 8), 0, set)
      rib.store.discardUnused(set)
      break
    }
    case "forget": {
      const id = table.prefixes.find([(one.octet << 24) >>> 0], 0, 8)
      if (id !== -1) rib.adjIn.forget(one.peer, table, id, 0)
      break
    }
    case "end":
      rib.endSession(one.peer)
      break
    case "endKept":
      rib.endSession(one.peer, [true, true])
      break
    case "refresh":
      rib.refreshBegan(one.peer, 0)
      break
    case "expire":
      rib.expire(one.peer, 0)
      break
    case "age":
      rib.age(one.peer, 0)
      break
    case "sweep":
      rib.sweep(2)
  }
  rib.settle(nothing, nothing)
}

/** Counted over the whole table. */
const fromScratch = (rib: Rib, of: number): { readonly told: number; readonly digest: number } => {
  const { heads, prefixes } = rib.tables[0]
  const { paths } = rib.adjIn
  let told = 0
  let digest = 0
  for (let id = 0; id < prefixes.bound; id++) {
    for (let path = heads[id] ?? 0; path !== 0; path = paths.next[path]) {
      if (paths.peer[path] !== of || rib.adjIn.isLeftOver(0, path)) continue
      told++
      const which = (of << 16) ^ paths.pathIdOf(path)
      digest += fold(fold(prefixes.hashOf(id), which), rib.store.hashes[paths.attributes[path]])
    }
  }
  return { told, digest: digest >>> 0 }
}

it("what is told is counted and summed as it would be from scratch, whatever ends, begins and goes, from whenever anybody asks", () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), fc.nat(60), (moves, asked) => {
      const rib = new Rib({ localAs: 65000, localId: 1, pool: new BlockPool(65536, "test"), capacity: 4 })
      for (const id of PEERS) {
        rib.adjIn.peers.set(id, { kind: PeerKind.External, accepts: true, routerId: id, rank: id })
      }
      for (const [index, one] of moves.entries()) {
        play(rib, one)
        for (const id of PEERS) {
          const { told } = rib.adjIn.peers
          const scratch = fromScratch(rib, id)
          expect(told[0][id]).toBe(scratch.told)
          if (index >= asked) expect(rib.adjIn.toldDigest(0, id)).toBe(scratch.digest)
        }
      }
    }),
    { numRuns: 300 }
  )
})
