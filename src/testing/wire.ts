// Arbitraries for everything that BGP speakers say: well-formed messages as objects and as bytes, and messages that something has
// happened to. What they build is within what the specifications allow, so that a codec must take it.
import fc from "fast-check"
import {
  type Address,
  AS_TRANS,
  type AsSegment,
  type Attributes,
  type Capability,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  type Fault,
  keepalive,
  type Nlri,
  type Open,
  type Prefix,
  type RouteRefresh,
  type Update,
  type UpdateContext
} from "../wire/index.ts"

const word = fc.nat({ max: 0xffff_ffff })
const octet = fc.nat({ max: 0xff })
const short = fc.nat({ max: 0xffff })
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
/** Neither 0 nor AS_TRANS, which mean something else. */
const asn = fc
  .oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffff_ffff }))
  .filter((number) => number !== AS_TRANS)

/** Addresses of one family; IPv6 ones are rich in zeros, where text is difficult. */
export const arbitraryAddress = (family: 4 | 6): fc.Arbitrary<Address> =>
  family === 4
    ? word.map((one) => ({ family, words: [one] }))
    : fc
        .array(fc.oneof(fc.constant(0), short), { minLength: 8, maxLength: 8 })
        .map((groups) => ({ family, words: [0, 2, 4, 6].map((at) => ((groups[at]! << 16) | groups[at + 1]!) >>> 0) }))

export const arbitraryPrefix = (family: 4 | 6): fc.Arbitrary<Prefix> =>
  fc.tuple(arbitraryAddress(family), fc.nat({ max: family === 4 ? 32 : 128 })).map(([{ words }, length]) => ({
    family,
    words: words.map((one, index) => keepBits(one, length - index * 32)),
    length
  }))

const keepBits = (one: number, bits: number): number =>
  bits <= 0 ? 0 : bits >= 32 ? one : (one & ~(0xffff_ffff >>> bits)) >>> 0

/** Prefixes with or without path identifiers. */
export const arbitraryNlri = (family: 4 | 6, addPath: boolean): fc.Arbitrary<ReadonlyArray<Nlri>> =>
  fc.array(
    addPath
      ? fc.tuple(arbitraryPrefix(family), word).map(([prefix, pathId]) => ({ ...prefix, pathId }))
      : arbitraryPrefix(family),
    { maxLength: 8 }
  )

const wireFamily = fc.record({ afi: fc.nat({ max: 0xffff }), safi: octet })

export const arbitraryCapability: fc.Arbitrary<Capability> = fc.oneof(
  wireFamily.map((family): Capability => ({ _tag: "Multiprotocol", ...family })),
  fc.constantFrom<Capability>({ _tag: "RouteRefresh" }, { _tag: "ExtendedMessage" }, { _tag: "EnhancedRouteRefresh" }),
  octet.map((role): Capability => ({ _tag: "Role", role })),
  asn.map((number): Capability => ({ _tag: "FourOctetAs", asn: number })),
  fc
    .tuple(
      fc.boolean(),
      fc.boolean(),
      fc.nat({ max: 0xfff }),
      fc.array(fc.tuple(wireFamily, fc.boolean()), { maxLength: 4 })
    )
    .map(
      ([restarting, notification, timeS, families]): Capability => ({
        _tag: "GracefulRestart",
        restarting,
        notification,
        timeS,
        families: families.map(([family, forwarding]) => ({ ...family, forwarding }))
      })
    ),
  fc.array(fc.tuple(wireFamily, fc.integer({ min: 1, max: 3 })), { maxLength: 4 }).map(
    (families): Capability => ({
      _tag: "AddPath",
      families: families.map(([family, mode]) => ({ ...family, mode }))
    })
  ),
  fc.array(fc.tuple(wireFamily, fc.boolean(), fc.nat({ max: 0xff_ffff })), { maxLength: 4 }).map(
    (families): Capability => ({
      _tag: "LongLivedGracefulRestart",
      families: families.map(([family, forwarding, timeS]) => ({ ...family, forwarding, timeS }))
    })
  ),
  fc
    .tuple(fc.string({ unit: "grapheme", maxLength: 8 }), fc.string({ maxLength: 20 }))
    .map(([host, domain]): Capability => ({ _tag: "Fqdn", host, domain })),
  fc.string({ maxLength: 20 }).map((version): Capability => ({ _tag: "SoftwareVersion", version })),
  fc.array(fc.tuple(wireFamily, fc.nat({ max: 0xffff })), { maxLength: 4 }).map(
    (families): Capability => ({
      _tag: "ExtendedNextHop",
      families: families.map(([family, nextHopAfi]) => ({ ...family, nextHopAfi }))
    })
  ),
  fc
    .tuple(
      octet.filter((code) => ![1, 2, 5, 6, 9, 64, 65, 69, 70, 71, 73, 75].includes(code)),
      bytes(20)
    )
    .map(([code, value]): Capability => ({ _tag: "Unknown", code, value }))
)

/** OPENs that RFC 4271 §6.2 has nothing against; some need the extended encoding of RFC 9072. */
export const arbitraryOpen: fc.Arbitrary<Open> = fc.record({
  version: fc.constant(4),
  asn: fc.integer({ min: 1, max: 0xffff }),
  holdTime: short.filter((seconds) => seconds === 0 || seconds > 2),
  id: word.filter((id) => id !== 0),
  capabilities: fc.array(arbitraryCapability, { maxLength: 30 })
})

export const arbitraryFault: fc.Arbitrary<Fault> = fc.record({ code: octet, subcode: octet, data: bytes(60) })

export const arbitraryRouteRefresh: fc.Arbitrary<RouteRefresh> = fc.record({ afi: short, safi: octet, subtype: octet })

/** Without confederations: those are for inside an AS. */
export const arbitraryAsPath: fc.Arbitrary<ReadonlyArray<AsSegment>> = fc.array(
  fc.record({ type: fc.constantFrom(1, 2), members: fc.array(asn, { minLength: 1, maxLength: 6 }) }),
  { maxLength: 4 }
)

const aggregator = fc.record({ asn, address: word })
const some = <A>(one: fc.Arbitrary<A>): fc.Arbitrary<ReadonlyArray<A>> => fc.array(one, { minLength: 1, maxLength: 5 })

/** Attributes that nobody knows, optional as they must be. */
const opaque = fc
  .uniqueArray(fc.constantFrom(27, 40, 128, 200, 254), { minLength: 1, maxLength: 3 })
  .chain((types) =>
    fc.tuple(
      ...types.map((type) =>
        fc.record({ type: fc.constant(type), flags: fc.constantFrom(0x80, 0xc0, 0xe0), value: bytes(300) })
      )
    )
  )
  .map((attributes) => [...attributes].sort((a, b) => a.type - b.type))

/** Sets that are complete for IPv4 prefixes: with ORIGIN, AS_PATH and NEXT_HOP. */
export const arbitraryAttributes: fc.Arbitrary<Attributes> = fc
  .record(
    {
      origin: fc.nat({ max: 2 }),
      asPath: arbitraryAsPath,
      nextHop: fc.integer({ min: 1, max: 0xdfff_ffff }).map((host): Address => ({ family: 4, words: [host] })),
      med: word,
      localPref: word,
      atomicAggregate: fc.constant(true as const),
      aggregator,
      communities: some(word),
      originatorId: word,
      clusterList: some(word),
      extendedCommunities: some(fc.tuple(word, word)),
      largeCommunities: some(fc.tuple(word, word, word)),
      unknown: opaque,
      partial: fc.uniqueArray(fc.constantFrom(8, 32), { maxLength: 2 })
    },
    { requiredKeys: ["origin", "asPath", "nextHop"] }
  )
  .map(({ partial, ...attributes }) => {
    const present = partial?.filter(
      (type) => (type === 8 ? attributes.communities : attributes.largeCommunities) !== undefined
    )
    return present === undefined || present.length === 0
      ? attributes
      : { ...attributes, partial: present.sort((a, b) => a - b) }
  })

/** What a session may have negotiated, for a peer inside our AS. */
export const arbitraryContext: fc.Arbitrary<UpdateContext> = fc.record({
  as4: fc.boolean(),
  addPath: fc.tuple(fc.boolean(), fc.boolean()),
  external: fc.constant(false),
  extended: fc.constant(true)
})

/** UPDATEs that a peer inside our AS may send in the context. */
export const arbitraryUpdate = (context: UpdateContext): fc.Arbitrary<Update> => {
  const [ipv4, ipv6] = context.addPath
  const reach = fc.record({
    afi: fc.constant(2),
    safi: fc.constant(1),
    nextHops: fc.array(arbitraryAddress(6), { minLength: 1, maxLength: 2 }),
    nlri: arbitraryNlri(6, ipv6)
  })
  const unreach = fc.record({ afi: fc.constant(2), safi: fc.constant(1), nlri: arbitraryNlri(6, ipv6) })
  const multiprotocol = fc.record({ mpReach: reach, mpUnreach: unreach }, { requiredKeys: [] })
  return fc.record({
    withdrawn: arbitraryNlri(4, ipv4),
    attributes: fc
      .tuple(arbitraryAttributes, multiprotocol)
      .map(([plain, more]): Attributes => ({ ...plain, ...more })),
    nlri: arbitraryNlri(4, ipv4)
  })
}

/** A context and a whole UPDATE that is well-formed in it. */
export const arbitraryUpdateBytes: fc.Arbitrary<readonly [UpdateContext, Uint8Array]> = arbitraryContext.chain(
  (context) => arbitraryUpdate(context).map((update) => [context, encodeUpdate(update, context)] as const)
)

/** Any well-formed message. */
export const arbitraryMessageBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  arbitraryOpen.map(encodeOpen),
  arbitraryUpdateBytes.map(([, message]) => message),
  arbitraryFault.map(encodeNotification),
  fc.constant(keepalive()),
  arbitraryRouteRefresh.map(encodeRouteRefresh)
)

/** Changes to a message: octets overwritten, the end cut off or added to. The length in the header may be made right again. */
export const arbitraryMutation: fc.Arbitrary<(message: Uint8Array) => Uint8Array> = fc
  .record({
    edits: fc.array(fc.tuple(fc.nat(), octet), { maxLength: 6 }),
    cut: fc.oneof(fc.constant(0), fc.nat({ max: 40 })),
    tail: fc.oneof(fc.constant(new Uint8Array(0)), bytes(12)),
    fitted: fc.boolean()
  })
  .map(({ edits, cut, tail, fitted }) => (message: Uint8Array): Uint8Array => {
    const kept = message.subarray(0, Math.max(19, message.length - cut))
    const changed = Uint8Array.from([...kept, ...tail])
    // The marker is left alone: a message without one is thrown away before anything is read.
    for (const [place, value] of edits) if (changed.length > 16) changed[16 + (place % (changed.length - 16))] = value
    if (fitted) changed.set([changed.length >> 8, changed.length & 0xff], 16)
    return changed
  })
