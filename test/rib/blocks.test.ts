// Messages for peers with extended messages (RFC 8654) share blocks like any others: most are short, however long they might be; and one that
// outgrows what is left of its block moves to another, whole.
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"
import { exportParameters } from "./plain-export.ts"

const bench = () => {
  const pool = new BlockPool(65536, "test", { verify: true })
  const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4 })
  for (const peer of [1, 2]) {
    rib.adjIn.peers.set(peer, { kind: PeerKind.External, accepts: true, routerId: peer, rank: peer })
  }
  const segments: Array<Uint8Array> = []
  const blocks = new Set<number>()
  const transmit = (_: number, block: number, from: number, to: number): void => {
    blocks.add(block)
    segments.push(pool.bytes(block).slice(from, to))
  }
  rib.join(exportParameters({ messageBytesMax: 65535 }), 2)
  while (rib.canCatchUp(() => true)) rib.catchUp(10, () => true, transmit)
  segments.length = 0
  blocks.clear()
  const learn = (from: number, count: number, asn: number): void => {
    const nextHop = { family: 4, words: [0x0a000102] } as const
    const bytes = encodeAttributes({ origin: 0, asPath: [{ type: 2, members: [64501, asn] }], nextHop }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    for (let at = from; at < from + count; at++) {
      rib.adjIn.learn(1, rib.tables[0], rib.tables[0].prefixes.intern([(0x14000000 + at * 256) >>> 0], 0, 24), 0, set)
    }
    rib.store.discardUnused(set)
  }
  const settle = (): void => rib.settle(() => {}, transmit)
  return { learn, settle, segments, blocks }
}

it("a thousand short messages are one write, from one block", () => {
  const { learn, settle, segments, blocks } = bench()
  for (let at = 0; at < 1000; at++) learn(at, 1, 70_000 + at)
  settle()
  expect([segments.length, blocks.size]).toEqual([1, 1])
})

it("a message that does not fit into the rest of its block is in one piece, and as long as it may be", () => {
  const { learn, settle, segments } = bench()
  // Some 60 KB of short messages, and then one set for 20,000 prefixes: 80,000 octets of NLRI.
  for (let at = 0; at < 1000; at++) learn(at, 1, 70_000 + at)
  learn(1000, 20_000, 69_999)
  settle()
  const lengths: Array<number> = []
  const prefixes: Array<string> = []
  for (const bytes of segments) {
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      expect(at + length).toBeLessThanOrEqual(bytes.length)
      const attributesEnd = at + 23 + ((bytes[at + 21]! << 8) | bytes[at + 22]!)
      prefixes.push(...readPrefixes(bytes, attributesEnd, at + length))
      lengths.push(length)
      at += length
    }
  }
  expect(new Set(prefixes).size).toBe(21_000)
  expect(prefixes.length).toBe(21_000)
  // One short of the longest by less than a prefix, and the rest.
  expect(lengths.filter((length) => length > 65_535 - 7).length).toBe(1)
  expect(lengths.length).toBe(1002)
})
