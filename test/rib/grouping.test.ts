// Prefixes with the same attributes share full messages, also where routes with other attributes came between them (RFC 4271 §4.3); what can go
// on as it was received keeps its order, by which it is recognised (ADR-0036).
import { expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"
import { exportParameters } from "./plain-export.ts"

const PREFIXES = 300
const SETS = 3

const bench = (kind: PeerKind) => {
  const pool = new BlockPool(65536, "test", { verify: true })
  const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4 })
  for (const peer of [1, 2]) {
    const kindOf = peer === 1 ? PeerKind.RouteServerClient : kind
    rib.adjIn.peers.set(peer, { kind: kindOf, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer })
  }
  /** Of each message: how many it announces and withdraws. */
  const messages: Array<readonly [number, number]> = []
  const order: Array<string> = []
  const transmit = (_: number, block: number, from: number, to: number): void => {
    const bytes = pool.bytes(block).slice(from, to)
    const view = new DataView(bytes.buffer)
    for (let at = 0; at < bytes.length; at += view.getUint16(at + 16)) {
      const gone = at + 21 + view.getUint16(at + 19)
      const end = gone + 2 + view.getUint16(gone)
      const here = readPrefixes(bytes, end, at + view.getUint16(at + 16))
      order.push(...here)
      messages.push([here.length, readPrefixes(bytes, at + 21, gone).length])
    }
  }
  const settle = (): ReadonlyArray<readonly [number, number]> => {
    messages.length = 0
    rib.settle(() => {}, transmit)
    while (rib.canCatchUp(() => true)) rib.catchUp(100, () => true, transmit)
    return messages
  }
  let membership = rib.join(exportParameters({ kind }), 2)
  const rejoin = (): void => {
    rib.leave(membership)
    membership = rib.join(exportParameters({ kind }), 2)
  }
  settle()
  const words = (at: number) => [(0x14000000 + at * 256) >>> 0]
  const [table] = rib.tables
  const learn = (at: number): void => {
    const asPath = [{ type: 2, members: [64501, 70_000 + (at % SETS)] }]
    const bytes = encodeAttributes({ origin: 0, asPath, nextHop: { family: 4, words: [0x0a000102] } }, true)
    const set = rib.store.intern(bytes, 0, bytes.length, 0)
    rib.adjIn.learn(1, table, table.prefixes.intern(words(at), 0, 24), 0, set)
    rib.store.discardUnused(set)
  }
  const forget = (at: number): void => rib.adjIn.forget(1, table, table.prefixes.find(words(at), 0, 24), 0)
  return { learn, forget, settle, order, rejoin }
}

it("routes whose attributes alternate are told in a message for each set", () => {
  const { learn, forget, settle } = bench(PeerKind.External)
  for (let at = 0; at < PREFIXES; at++) learn(at)
  expect(settle()).toEqual(new Array(SETS).fill([PREFIXES / SETS, 0]))
  // And withdrawals in one, whatever is told between them.
  for (let at = 0; at < 100; at++) {
    forget(at)
    learn(PREFIXES + at * SETS)
  }
  expect([...settle()].sort()).toEqual([
    [0, 100],
    [100, 0]
  ])
})

it("a table whose attributes alternate is told in full messages to who comes, a slice at a time", () => {
  const { learn, settle, rejoin } = bench(PeerKind.External)
  for (let at = 0; at < PREFIXES; at++) learn(at)
  settle()
  rejoin()
  // Slices of a hundred prefixes, and End-of-RIB.
  const counts = settle().map(([here]) => here)
  expect(counts.length).toBe((PREFIXES / 100) * SETS + 1)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(PREFIXES)
})

it("what may be recognised keeps the order in which it came", () => {
  const { learn, settle, order } = bench(PeerKind.RouteServerClient)
  for (let at = 0; at < 9; at++) learn(at)
  settle()
  expect(order).toEqual(Array.from({ length: 9 }, (_, at) => `20.0.${at}.0/24`))
})
