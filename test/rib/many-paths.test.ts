// A prefix with more paths than are compared each with each: the best one, what MED removed (RFC 4271 §9.1.2.2 c), and who shares the traffic,
// against lists that are sorted.
import fc from "fast-check"
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Reason, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"

interface Told {
  readonly pathId: number
  readonly neighbour: number
  readonly med: number
  readonly hop: number
}

const told = fc.uniqueArray(
  fc.record({
    pathId: fc.nat(200),
    neighbour: fc.constantFrom(64501, 64502, 64503),
    med: fc.nat(3),
    hop: fc.integer({ min: 1, max: 9 })
  }),
  { minLength: 1, maxLength: 60, size: "max", selector: ({ pathId }) => pathId }
)

it("law: MED removes who has a rival from the same neighbour, the rest share by their next hops, in the order of the tie-breakers", () => {
  fc.assert(
    fc.property(told, fc.integer({ min: 1, max: 5 }), (paths, most) => {
      const rib = new Rib({ localAs: 65000, localId: 1, pool: new BlockPool(65536, "test"), capacity: 4 })
      rib.adjIn.peers.set(1, { kind: PeerKind.External, accepts: true, routerId: 1, rank: 1 })
      const multipath = { external: most, internal: 1, relaxAsPath: true, linkBandwidth: false }
      rib.decision.configure({ multipath })
      const [table] = rib.tables
      const id = table.prefixes.intern([0x14000000], 0, 8)
      for (const { pathId, neighbour, med, hop } of paths) {
        const nextHop = { family: 4, words: [0x0a000000 + hop] } as const
        const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [neighbour] }], nextHop, med }, true)
        const set = rib.store.intern(bytes, 0, bytes.length, 0)
        rib.adjIn.learn(1, table, id, pathId, set)
        rib.store.discardUnused(set)
      }
      rib.settle(
        () => {},
        () => {}
      )
      const isBeaten = (one: Told): boolean =>
        paths.some((rival) => rival.neighbour === one.neighbour && rival.med < one.med)
      const left = paths.filter((one) => !isBeaten(one)).sort((one, other) => one.pathId - other.pathId)
      const numberOf = (path: number): number => rib.adjIn.paths.pathIdOf(path)
      const beaten: Array<number> = []
      for (let path = table.heads[id]!; path !== 0; path = rib.adjIn.paths.next[path]!) {
        if (rib.adjIn.paths.reason[path] === Reason.Med) beaten.push(numberOf(path))
      }
      const removed = paths.filter(isBeaten).map(({ pathId }) => pathId)
      expect(beaten.toSorted((a, b) => a - b)).toEqual(removed.toSorted((a, b) => a - b))
      expect(numberOf(rib.bestOf(table, id))).toBe(left[0]!.pathId)
      const sharing = left.filter(({ hop }, at) => left.findIndex((each) => each.hop === hop) === at).slice(0, most)
      const count = rib.decision.multipath.gather(table.heads[id]!)
      const found = rib.decision.multipath.members.slice(0, count).map(numberOf)
      expect(found).toEqual(sharing.length < 2 ? [] : sharing.map(({ pathId }) => pathId))
    }),
    { numRuns: 300 }
  )
})
