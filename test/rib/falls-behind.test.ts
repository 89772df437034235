// A member that falls behind in the middle of a batch: what was sent to it before, what is pending for it, and nothing in between lost.
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { PeerKind, Rib } from "../../src/rib/index.ts"
import { encodeAttributes, scanUpdate, UpdateView } from "../../src/wire/index.ts"
import { readPrefixes } from "../support/nlri.ts"
import { exportParameters } from "./plain-export.ts"

const PREFIXES = 6000
const SOURCE = 1
const SLOW = 2
const FAST = 3
const CONTEXT = { as4: true, addPath: [false, false], external: true, extended: false } as const

const BUDGET = 1000
const everybody = (): boolean => true

const parameters = exportParameters({ routerAs: 65000 })

/** A set of its own for each prefix, so that every prefix is a message and a batch fills several blocks. */
const attributesOf = (prefix: number): Uint8Array =>
  encodeAttributes(
    { origin: 0, asPath: [{ type: 2, members: [64501, 1 + prefix] }], nextHop: { family: 4, words: [0x0a000102] } },
    true
  )

describe("a member that falls behind while a batch is packed", () => {
  it.each([1, 2, 3, 4])("holds every prefix once it has caught up, if segment %i was too much for it", (tooMuch) => {
    const pool = new BlockPool(65536, "test", { verify: true })
    const rib = new Rib({ localAs: 65000, localId: 1, pool, capacity: 4 })
    for (const peer of [SOURCE, SLOW, FAST]) {
      rib.adjIn.peers.set(peer, { kind: PeerKind.External, accepts: true, routerId: peer, rank: peer })
    }
    const held = new Map([SLOW, FAST].map((peer) => [peer, new Set<string>()]))
    const view = new UpdateView()
    let segments = 0
    const transmit = (peer: number, block: number, from: number, to: number): void => {
      const bytes = pool.bytes(block).slice(from, to)
      for (let at = 0; at < bytes.length; at += (bytes[at + 16] << 8) | bytes[at + 17]) {
        scanUpdate(view, bytes, at, (bytes[at + 16] << 8) | bytes[at + 17], CONTEXT)
        for (const prefix of readPrefixes(bytes, view.nlriAt, view.nlriEnd)) held.get(peer)!.add(prefix)
      }
      if (peer === SLOW && ++segments === tooMuch) rib.stall(slow)
    }
    const [slow] = [SLOW, FAST].map((peer) => rib.join(parameters, peer))
    while (rib.canCatchUp(everybody)) rib.catchUp(BUDGET, everybody, transmit)
    segments = 0

    for (let prefix = 0; prefix < PREFIXES; prefix++) {
      const bytes = attributesOf(prefix)
      const set = rib.store.intern(bytes, 0, bytes.length, 0)
      const id = rib.tables[0].prefixes.intern([((20 << 24) | (prefix << 8)) >>> 0], 0, 24)
      rib.adjIn.learn(SOURCE, rib.tables[0], id, 0, set)
      rib.store.discardUnused(set)
    }
    rib.settle(() => {}, transmit)
    expect(slow.member.live).toBe(false)
    while (rib.canCatchUp(everybody)) rib.catchUp(BUDGET, everybody, transmit)
    expect(slow.member.live).toBe(true)

    expect(held.get(FAST)!.size).toBe(PREFIXES)
    expect(held.get(SLOW)!.size).toBe(PREFIXES)
  })
})
