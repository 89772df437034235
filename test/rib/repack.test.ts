// Every message that is rebuilt says what a dumb transformation of objects makes of the route, it is what a fresh encoder makes of that, it
// fits its receiver, and no message is sent with room for more of the same: 4-octet and 2-octet AS numbers, with and without path
// identifiers, our next hop or theirs, IPv6 next hops of IPv4 routes, 4096 octets and 65535, from beyond our AS and from within (RFC 4271
// §4.3 and §5, RFC 4456 §8, RFC 4760 §3, RFC 5065 §4.1, RFC 6793 §4.2.2, RFC 7911 §3, RFC 8654 §4, RFC 8950 §4).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { NO_ROLE, PeerKind, Rib } from "../../src/rib/index.ts"
import {
  type Address,
  type Attributes,
  decodeAttributes,
  decodeNlri,
  encodeAttributes,
  encodeNlri,
  formatPrefix,
  type Nlri,
  scanUpdate,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"

const SELF_V4 = [0x0a000001]
const SELF_V6 = [0x20010db8, 0, 0, 1]
const THEIRS_V6 = [0x20010db8, 0, 0, 2]
const WIDE_AS = 4_200_000_001

interface Table {
  readonly family: 0 | 1
  /** IPv4 routes come with an IPv6 next hop (RFC 8950). */
  readonly viaIpv6: boolean
  /** The routes are a reflector client's, and ours to reflect. */
  readonly isInternal: boolean
  readonly sets: ReadonlyArray<{ readonly attributes: Attributes; readonly count: number }>
}

interface Receiver {
  readonly kind: PeerKind
  readonly as4: boolean
  readonly messageBytesMax: 4096 | 65535
  readonly extendedNextHop: boolean
  readonly addPathSend: 0 | 2
  readonly nextHopSelfInside: boolean
}

const attributes = fc
  .record({
    path: fc.array(fc.constantFrom(64502, 64510, WIDE_AS), { minLength: 1, maxLength: 4 }),
    long: fc.constantFrom(0, 0, 0, 300, 900),
    aggregator: fc.constantFrom(0, 0, 64510, WIDE_AS),
    large: fc.boolean(),
    med: fc.option(fc.constantFrom(0, 7), { nil: undefined })
  })
  .map(
    ({ path, long, aggregator, large, med }): Attributes => ({
      origin: 0,
      asPath: [{ type: 2, members: path }],
      ...(med === undefined ? {} : { med }),
      ...(aggregator === 0 ? {} : { aggregator: { asn: aggregator, address: 7 } }),
      ...(long === 0 ? {} : { communities: Array.from({ length: long }, (_, index) => 0xfde80000 + index) }),
      ...(large ? { largeCommunities: [[64502, 1, 2] as const] } : {})
    })
  )

const table: fc.Arbitrary<Table> = fc.record({
  family: fc.constantFrom(0, 1),
  viaIpv6: fc.boolean(),
  isInternal: fc.boolean(),
  sets: fc.array(fc.record({ attributes, count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(2500)) }), {
    minLength: 1,
    maxLength: 4
  })
})

const receiver: fc.Arbitrary<Receiver> = fc.record({
  kind: fc.constantFrom(
    PeerKind.External,
    PeerKind.RouteServerClient,
    PeerKind.ReflectorClient,
    PeerKind.ConfederationMember
  ),
  as4: fc.boolean(),
  messageBytesMax: fc.constantFrom(4096, 65535),
  extendedNextHop: fc.boolean(),
  addPathSend: fc.constantFrom(0, 2),
  nextHopSelfInside: fc.boolean()
})

/** Prefixes of lengths from 9 to 24, or to 64, all different. */
const prefixAt = (family: 0 | 1, index: number): Nlri =>
  family === 0
    ? { family: 4, words: [(0x14000000 + index * 256) >>> 0], length: 24 }
    : { family: 6, words: [0x20010000 + (index >>> 16), (index << 16) >>> 0, 0, 0], length: 48 + (index % 17) }

const LOCAL_AS = 65001
const SOURCE_ID = 11
const isInside = (to: Receiver): boolean =>
  to.kind === PeerKind.ReflectorClient || to.kind === PeerKind.ConfederationMember

/** Whether it can read the next hop that came with a route. */
const isSayable = (to: Receiver, { family, viaIpv6 }: Pick<Table, "family" | "viaIpv6">): boolean =>
  family === 1 || !viaIpv6 || to.extendedNextHop

/** What a receiver is to be told of a set, as an object. */
const expectedOf = (to: Receiver, { family, viaIpv6, isInternal }: Table, set: Attributes) => {
  const { asPath = [], aggregator, med, ...rest } = set
  const isOutside = to.kind === PeerKind.External
  const members = asPath[0]!.members
  const whole = [{ type: 2, members: isOutside ? [LOCAL_AS, ...members] : [...members] }]
  const isWide = members.some((asn) => asn > 0xffff)
  const short = (asn: number): number => (to.as4 || asn <= 0xffff ? asn : 23456)
  const told = whole.map(({ type, members }) => ({ type, members: members.map(short) }))
  const isReflected = isInternal && to.kind === PeerKind.ReflectorClient
  const isOurs = isOutside || (to.nextHopSelfInside && isInside(to) && !isInternal)
  const isSix = family === 1 || viaIpv6
  const theirs: Address = isSix ? { family: 6, words: THEIRS_V6 } : { family: 4, words: [7] }
  const ours: Address = family === 1 ? { family: 6, words: SELF_V6 } : { family: 4, words: SELF_V4 }
  return {
    nextHop: isOurs || !isSayable(to, { family, viaIpv6 }) ? ours : theirs,
    attributes: {
      ...rest,
      asPath: to.kind === PeerKind.ConfederationMember ? [{ type: 3, members: [LOCAL_AS] }, ...told] : told,
      ...(!to.as4 && isWide ? { as4Path: whole } : {}),
      ...(aggregator === undefined ? {} : { aggregator: { ...aggregator, asn: short(aggregator.asn) } }),
      ...(!to.as4 && aggregator !== undefined && aggregator.asn > 0xffff ? { as4Aggregator: aggregator } : {}),
      ...(med === undefined || isOutside ? {} : { med }),
      ...(isInside(to) ? { localPref: isInternal ? 150 : 100 } : {}),
      ...(isReflected ? { originatorId: SOURCE_ID, clusterList: [1] } : {})
    }
  }
}

const tell = (to: Receiver, { family, viaIpv6, isInternal, sets }: Table) => {
  const pool = new BlockPool(65536, "test", { verify: true })
  const rib = new Rib({ localAs: LOCAL_AS, localId: 1, pool, capacity: 64 })
  const kind = isInternal ? PeerKind.ReflectorClient : PeerKind.RouteServerClient
  rib.adjIn.peers.set(1, { kind, accepts: true, routerId: SOURCE_ID, rank: 1, asn: 64502 })
  const messages: Array<Uint8Array> = []
  const transmit = (_: number, block: number, from: number, end: number): void => {
    const bytes = pool.bytes(block)
    for (let at = from; at < end; at += (bytes[at + 16]! << 8) | bytes[at + 17]!) {
      messages.push(bytes.slice(at, at + ((bytes[at + 16]! << 8) | bytes[at + 17]!)))
    }
  }
  const membership = rib.join(
    {
      family,
      ...to,
      nextHopSelfInside: to.nextHopSelfInside && isInside(to),
      localAs: LOCAL_AS,
      routerAs: 0,
      overriddenAs: 0,
      role: NO_ROLE,
      longLived: false,
      clusterId: 1,
      nextHopSelf: family === 0 ? SELF_V4 : SELF_V6,
      open: true
    },
    2
  )
  const settle = (): void => {
    rib.settle(() => {}, transmit)
    while (rib.canCatchUp(() => true)) rib.catchUp(100_000, () => true, transmit)
  }
  settle()
  messages.length = 0
  const told: Array<Nlri> = []
  const isSix = family === 1 || viaIpv6
  for (const { attributes, count } of sets) {
    const plain = isInternal ? { ...attributes, localPref: 150 } : attributes
    const block = encodeAttributes(isSix ? plain : { ...plain, nextHop: { family: 4, words: [7] } }, true)
    const whole = new Uint8Array(block.length + (isSix ? 16 : 0))
    whole.set(block)
    THEIRS_V6.forEach((word, index) => {
      if (isSix) new DataView(whole.buffer).setUint32(block.length + index * 4, word)
    })
    const set = rib.store.intern(whole, 0, whole.length, isSix ? 16 : 0)
    const prefixes = Array.from({ length: count }, (_, index) => prefixAt(family, told.length + index))
    told.push(...prefixes)
    const nlri = encodeNlri(prefixes, false)
    rib.adjIn.learnSpan(1, family, nlri, 0, nlri.length, false, set)
    rib.store.discardUnused(set)
  }
  settle()
  const announced = [...messages]
  messages.length = 0
  const everything = encodeNlri(told, false)
  rib.adjIn.forgetSpan(1, family, everything, 0, everything.length, false)
  settle()
  rib.leave(membership)
  while (rib.hasSweeps) rib.sweep(100_000)
  return { announced, withdrawn: messages, told, left: [rib.store.count, pool.leaks().length] }
}

interface Read {
  readonly attributes: Attributes
  readonly nextHop: Address | undefined
  readonly nlri: ReadonlyArray<Nlri>
  readonly withdrawn: ReadonlyArray<Nlri>
}

const view = new UpdateView()

const read = (bytes: Uint8Array, family: 0 | 1, { as4, addPathSend, kind }: Receiver): Read => {
  const identified = addPathSend > 0
  const addPath = [identified, identified]
  const isConfederation = kind === PeerKind.ConfederationMember
  const context = { as4, addPath, external: !isConfederation && kind !== PeerKind.ReflectorClient, extended: true }
  if (isConfederation) Object.assign(context, { confederation: true, otherMember: true })
  expect([scanUpdate(view, bytes, 0, bytes.length, context), view.notes]).toEqual([Verdict.Keep, []])
  const all = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, as4, addPath)
  const { mpReach, mpUnreach, ...rest } = all
  const version = family === 0 ? 4 : 6
  return {
    attributes: rest,
    nextHop: mpReach?.nextHops[0],
    nlri: mpReach?.nlri ?? decodeNlri(bytes, view.nlriAt, view.nlriEnd, version, identified),
    withdrawn: mpUnreach?.nlri ?? decodeNlri(bytes, view.withdrawnAt, view.withdrawnEnd, version, identified)
  }
}

/** The message afresh. MP_REACH_NLRI and MP_UNREACH_NLRI stand last and have a length of two octets, because they grow. */
const fresh = ({ attributes: rest, nextHop, nlri, withdrawn }: Read, family: 0 | 1, to: Receiver): Uint8Array => {
  const { as4 } = to
  const identified = to.addPathSend > 0
  const afi = [0, family + 1, 1]
  const isPlain = nextHop === undefined && family === 0
  const gone = encodeNlri(withdrawn, identified)
  const news = encodeNlri(nlri, identified)
  const hop = nextHop?.words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]) ?? []
  const long = (type: number, value: ReadonlyArray<number>) => [
    0x90,
    type,
    value.length >> 8,
    value.length & 255,
    ...value
  ]
  const reach = isPlain || nlri.length === 0 ? [] : long(14, [...afi, hop.length, ...hop, 0, ...news])
  const unreach = family === 0 || withdrawn.length === 0 ? [] : long(15, [...afi, ...gone])
  const block = [...encodeAttributes(rest, as4), ...reach, ...unreach]
  const plainGone = family === 0 ? [...gone] : []
  const body = [
    ...[plainGone.length >> 8, plainGone.length & 255, ...plainGone],
    ...[block.length >> 8, block.length & 255, ...block],
    ...(isPlain ? news : [])
  ]
  const length = body.length + 19
  return Uint8Array.from([...new Array<number>(16).fill(255), length >> 8, length & 255, 2, ...body])
}

/** The set that a prefix was told with: by its place among all. */
const setOf = ({ family, sets }: Table, told: ReadonlyArray<Nlri>, { words }: Nlri): number => {
  let at = family === 0 ? (words[0]! - 0x14000000) / 256 : ((words[0]! & 0xffff) << 16) | (words[1]! >>> 16)
  expect(told[at]?.words.slice(0, 2)).toEqual(words.slice(0, 2))
  let set = 0
  for (; at >= sets[set]!.count; set++) at -= sets[set]!.count
  return set
}

/** Two sets that differ in their MED, which an external neighbour is not told. */
const TOLD_ALIKE: [Receiver, Table] = [
  { kind: 0, as4: false, messageBytesMax: 4096, extendedNextHop: false, addPathSend: 0, nextHopSelfInside: false },
  {
    family: 0,
    viaIpv6: false,
    isInternal: false,
    sets: [undefined, 0].map((med) => ({
      attributes: { origin: 0, asPath: [{ type: 2, members: [64510] }], ...(med === undefined ? {} : { med }) },
      count: 1
    }))
  }
]

const PREFIX_BYTES_MAX = { 0: 5, 1: 17 } as const

describe("messages that are rebuilt", () => {
  it("law: say what is to be told, are what a fresh encoder makes of it, fit, are full, and say everything once", () => {
    fc.assert(
      fc.property(receiver, table, (to, given) => {
        const { announced, withdrawn, told, left } = tell(to, given)
        const { family } = given
        const texts = given.sets.map(({ attributes }) => JSON.stringify(attributes))
        const seen: Array<string> = []
        let before: { readonly text: string; readonly block: string; readonly length: number } | undefined
        for (const bytes of announced) {
          const message = read(bytes, family, to)
          expect(Buffer.from(bytes).equals(Buffer.from(fresh(message, family, to)))).toBe(true)
          expect(bytes.length).toBeLessThanOrEqual(to.messageBytesMax)
          seen.push(...message.nlri.map(formatPrefix))
          const { nextHop: plainHop, ...rest } = message.attributes
          const which = given.sets[setOf(given, told, message.nlri[0]!)]!
          const text = JSON.stringify(which.attributes)
          const expected = expectedOf(to, given, which.attributes)
          expect({ nextHop: plainHop ?? message.nextHop, attributes: rest }).toEqual(expected)
          // Two sets may happen to be the same: then their prefixes go together.
          for (const nlri of message.nlri) expect(texts[setOf(given, told, nlri)]).toBe(text)
          const block = JSON.stringify([message.attributes, message.nextHop])
          // One of the same set follows only where the one before had no room for its first prefix. Sets that are told alike, because what they
          // differ in is not told, go in messages of their own.
          if (before?.block === block && before.text === text) {
            expect(before.length + PREFIX_BYTES_MAX[family] + (to.addPathSend > 0 ? 4 : 0) + 2).toBeGreaterThan(
              to.messageBytesMax
            )
          }
          before = { text, block, length: bytes.length }
        }
        // A route server says its own address to nobody [RFC 7947 §2.2.1].
        const isTold = to.kind !== PeerKind.RouteServerClient || isSayable(to, given)
        expect(seen.sort()).toEqual(isTold ? told.map(formatPrefix).sort() : [])
        const gone: Array<string> = []
        for (const bytes of withdrawn) {
          const message = read(bytes, family, to)
          expect(Buffer.from(bytes).equals(Buffer.from(fresh(message, family, to)))).toBe(true)
          expect(bytes.length).toBeLessThanOrEqual(to.messageBytesMax)
          gone.push(...message.withdrawn.map(formatPrefix))
        }
        expect(gone.sort()).toEqual(seen.sort())
        expect(left).toEqual([0, 0])
      }),
      { numRuns: 60, examples: [TOLD_ALIKE] }
    )
  }, 120_000)
})
