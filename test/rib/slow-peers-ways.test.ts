// A member that does not read, in every way of being told: one path or several under identifiers (RFC 7911), prefixes or the keys of a carried
// family. What it is owed is bounded by the table and not by the changes, and in the end it hears what differs, each path once.
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { CARRIED, PeerKind, putTail, Rib } from "../../src/rib/index.ts"
import { afiOf, encodeAttributes, type Family, safiOf } from "../../src/wire/index.ts"
import { clientParameters } from "./plain-export.ts"

const PREFIXES = 1000
const MEMBERS = 20
const SOURCES = [1, 2]
const SLOW = 3
const VPN: Family = 6

interface Way {
  readonly family: Family
  readonly addPathSend: number
}

const RD = [0, 0, 253, 232, 0, 0, 0, 1]

class Bench {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly rib = new Rib({ localAs: 65000, localId: 1, pool: this.pool, capacity: 4 })
  private readonly way: Way
  readonly slow: ReturnType<Rib["join"]>
  private isReading = true
  /** What the slow one was sent: keys with identifiers announced and withdrawn, in order. */
  heard: Array<string> = []

  constructor(way: Way) {
    this.way = way
    for (let peer = 1; peer < SLOW + MEMBERS; peer++) {
      const facts = { kind: PeerKind.RouteServerClient, accepts: true, routerId: peer, rank: peer, asn: 64500 + peer }
      this.rib.adjIn.peers.set(peer, facts)
    }
    const parameters = clientParameters(way)
    this.slow = this.rib.join(parameters, SLOW)
    for (let peer = SLOW + 1; peer < SLOW + MEMBERS; peer++) this.rib.join(parameters, peer)
    this.catchUp()
  }

  readonly transmit = (peer: number, block: number, from: number, to: number): void => {
    if (peer !== SLOW) return
    const bytes = this.pool.bytes(block).slice(from, to)
    const view = new DataView(bytes.buffer)
    for (let at = 0; at < bytes.length; at += view.getUint16(at + 16)) {
      const end = at + view.getUint16(at + 16)
      const gone = at + 21 + view.getUint16(at + 19)
      const attributesEnd = gone + 2 + view.getUint16(gone)
      this.note(bytes, at + 21, gone, "-", 0)
      this.note(bytes, attributesEnd, end, "+", 0)
      for (let each = gone + 2; each < attributesEnd; ) {
        const value = each + ((bytes[each]! & 0x10) === 0 ? 3 : 4)
        const after = value + (value - each === 3 ? bytes[each + 2]! : view.getUint16(each + 2))
        if (bytes[each + 1] === 14) this.note(bytes, value + 5 + bytes[value + 3]!, after, "+", 3)
        if (bytes[each + 1] === 15) this.note(bytes, value + 3, after, "-", 3)
        each = after
      }
    }
  }

  private note(bytes: Uint8Array, from: number, to: number, sign: string, labelBytes: number): void {
    const idBytes = this.way.addPathSend > 0 ? 4 : 0
    for (let at = from; at < to; ) {
      const length = at + idBytes
      const end = length + 1 + Math.ceil(bytes[length]! / 8)
      this.heard.push(`${sign}${bytes.subarray(at, length).join(".")}#${bytes.subarray(length + 1 + labelBytes, end)}`)
      at = end
    }
  }

  readonly hasRoom = (peer: number): boolean => peer !== SLOW || this.isReading

  private setOf(source: number, med: number, prefix: number): number {
    const { store } = this.rib
    const isCarried = this.way.family === VPN
    const asPath = [{ type: 2, members: [64500 + source, 70_000 + (prefix >> 3)] }]
    const hop = isCarried ? {} : { nextHop: { family: 4 as const, words: [0x0a000102] } }
    const block = encodeAttributes({ origin: 0, asPath, med, ...hop }, true)
    const bytes = new Uint8Array(200)
    bytes.set(block)
    if (!isCarried) return store.intern(bytes, 0, block.length, 0)
    const tail = putTail(bytes, block.length, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 1, 2), 0, 12)
    return store.intern(bytes, 0, block.length + tail, CARRIED | tail)
  }

  /** Every path is announced with this MED, or withdrawn; the label of a carried route changes with it. */
  flap(med: number | undefined): void {
    const { adjIn, store } = this.rib
    const { family } = this.way
    for (let prefix = 0; prefix < PREFIXES; prefix++) {
      const address = [20, prefix >> 8, prefix & 255]
      const label = med === undefined ? [0x80, 0, 0] : [0, med, 1]
      const nlri = Uint8Array.of(...(family === VPN ? [112, ...label, ...RD, ...address] : [24, ...address]))
      for (const source of SOURCES) {
        if (med === undefined) adjIn.forgetSpan(source, family, nlri, 0, nlri.length, false)
        else {
          const set = this.setOf(source, med, prefix)
          adjIn.learnSpan(source, family, nlri, 0, nlri.length, false, set)
          store.discardUnused(set)
        }
      }
    }
    this.rib.settle(() => {}, this.transmit)
    this.catchUp()
  }

  catchUp(): void {
    while (this.rib.canCatchUp(this.hasRoom)) this.rib.catchUp(500, this.hasRoom, this.transmit)
  }

  stall(): void {
    this.isReading = false
    this.rib.stall(this.slow)
    this.rib.settle(() => {}, this.transmit)
    this.heard = []
  }

  read(): void {
    this.isReading = true
    this.catchUp()
  }

  /** Everything that grows with what is remembered. */
  size(): unknown {
    const { store, tables, adjIn } = this.rib
    return {
      member: this.slow.member.sizeBytes,
      adjOut: this.slow.exportClass.adjOut.sizeBytes,
      audiences: this.slow.exportClass.adjOut.audiences.count,
      sets: store.count,
      prefixes: tables[this.way.family]!.prefixes.count,
      paths: adjIn.paths.count,
      blocks: this.pool.stats().total
    }
  }
}

describe.each<readonly [string, Way, number]>([
  ["prefixes, one path", { family: 0, addPathSend: 0 }, 1],
  ["prefixes, several paths", { family: 0, addPathSend: 2 }, 2],
  ["a carried family, one path", { family: VPN, addPathSend: 0 }, 1],
  ["a carried family, several paths", { family: VPN, addPathSend: 2 }, 2]
])("a member that does not read: %s", (_, way, paths) => {
  it(`knows what to look for: ${afiOf(way.family)}/${safiOf(way.family)}`, () => {
    const bench = new Bench(way)
    bench.flap(1)
    expect(new Set(bench.heard).size).toBe(PREFIXES * paths)
  })

  it("costs the same after eight changes of every route as after three", () => {
    const bench = new Bench(way)
    bench.flap(1)
    bench.stall()
    for (const med of [2, 3, 4]) bench.flap(med)
    const size = bench.size()
    expect(bench.slow.member.pendingCount).toBe(PREFIXES)
    for (let med = 5; med < 10; med++) {
      bench.flap(med)
      expect(bench.size()).toEqual(size)
    }
  })

  it("hears each path once, as it is in the end, and nothing of it twice", () => {
    const bench = new Bench(way)
    bench.flap(1)
    bench.stall()
    for (const med of [2, 3]) bench.flap(med)
    expect(bench.heard).toEqual([])
    bench.read()
    expect(bench.heard.length).toBe(PREFIXES * paths)
    expect(new Set(bench.heard).size).toBe(PREFIXES * paths)
    expect([bench.slow.member.live, bench.slow.member.pendingCount]).toEqual([true, 0])
  })

  it("hears nothing of what is in the end as it was", () => {
    const bench = new Bench(way)
    bench.flap(1)
    bench.stall()
    for (const med of [2, 1]) bench.flap(med)
    bench.read()
    expect(bench.heard).toEqual([])
  })

  it("is told to forget what it holds, once, and nothing of what came and went", () => {
    const bench = new Bench(way)
    bench.stall()
    bench.flap(1)
    bench.flap(undefined)
    bench.read()
    expect(bench.heard).toEqual([])
    bench.flap(1)
    bench.stall()
    bench.flap(undefined)
    bench.read()
    expect(bench.heard.every((each) => each.startsWith("-"))).toBe(true)
    expect(new Set(bench.heard).size).toBe(PREFIXES * paths)
    expect(bench.heard.length).toBe(PREFIXES * paths)
  })
})
