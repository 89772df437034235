// Path attributes as a readable object: for text, tests, tools and routes of our own, never for the hot path. Reading never fails:
// an attribute whose value is not what its type promises is kept as bytes, like one of an unknown type.
import { type Address, addressFromBytes, u16, u32 } from "./address.ts"
import { type AsSegment, decodeAsPath, mergeAs4Path } from "./as-path.ts"
import { ATTRIBUTE_KIND, AttributeFlag, AttributeType, KIND_UNKNOWN } from "./attribute-type.ts"
import { familyOf, isRouted } from "./family.ts"
import { decodeNlri, isNlriSpan, type Nlri } from "./nlri.ts"
import { AS_TRANS } from "./open.ts"

export interface Aggregator {
  readonly asn: number
  /** IPv4 address, as an unsigned word. */
  readonly address: number
}

export interface MpReach {
  readonly afi: number
  readonly safi: number
  /** One, or a global and a link-local one (RFC 2545 §3). */
  readonly nextHops: ReadonlyArray<Address>
  readonly nlri: ReadonlyArray<Nlri>
}

export interface MpUnreach {
  readonly afi: number
  readonly safi: number
  readonly nlri: ReadonlyArray<Nlri>
}

/** An attribute that is carried, not understood. */
export interface OpaqueAttribute {
  /** As received, without the Extended Length bit. */
  readonly flags: number
  readonly type: number
  readonly value: Uint8Array
}

/** What is absent from the object is absent from the message. */
export interface Attributes {
  readonly origin?: number
  readonly asPath?: ReadonlyArray<AsSegment>
  readonly nextHop?: Address
  readonly med?: number
  readonly localPref?: number
  readonly atomicAggregate?: true
  readonly aggregator?: Aggregator
  readonly communities?: ReadonlyArray<number>
  readonly originatorId?: number
  readonly clusterList?: ReadonlyArray<number>
  readonly mpReach?: MpReach
  readonly mpUnreach?: MpUnreach
  /** Two words each. */
  readonly extendedCommunities?: ReadonlyArray<readonly [number, number]>
  readonly as4Path?: ReadonlyArray<AsSegment>
  readonly as4Aggregator?: Aggregator
  readonly largeCommunities?: ReadonlyArray<readonly [number, number, number]>
  readonly unknown?: ReadonlyArray<OpaqueAttribute>
  /** Types above that came with the Partial bit. */
  readonly partial?: ReadonlyArray<number>
}

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** Attributes between `at` and `end`; of one that comes twice, the first; of `omitted` types, none. What does not fit into the span ends the reading. */
export const decodeAttributes = (
  bytes: Uint8Array,
  at: number,
  end: number,
  as4: boolean,
  addPath: ReadonlyArray<boolean> = [false, false],
  omitted: Iterable<number> = []
): Attributes => {
  const attributes: Mutable<Attributes> = {}
  const seen = new Set<number>(omitted)
  const unknown: Array<OpaqueAttribute> = []
  const partial: Array<number> = []
  while (end - at >= 3) {
    const flags = bytes[at]
    const type = bytes[at + 1]
    const header = (flags & AttributeFlag.ExtendedLength) === 0 ? 3 : 4
    if (end - at < header) break
    const value = at + header
    const after = value + (header === 3 ? bytes[at + 2] : u16(bytes, at + 2))
    if (after > end) break
    at = after
    if (seen.has(type)) continue
    seen.add(type)
    if (ATTRIBUTE_KIND[type] === KIND_UNKNOWN || !readInto(attributes, type, bytes, value, after, as4, addPath)) {
      unknown.push({ flags: flags & ~AttributeFlag.ExtendedLength, type, value: bytes.slice(value, after) })
    } else if ((flags & AttributeFlag.Partial) !== 0) {
      partial.push(type)
    }
  }
  if (unknown.length > 0) attributes.unknown = unknown
  if (partial.length > 0) attributes.partial = partial
  return attributes
}

/** False: the value is not what the type promises. */
const readInto = (
  into: Mutable<Attributes>,
  type: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  as4: boolean,
  addPath: ReadonlyArray<boolean>
): boolean => {
  const length = end - at
  switch (type) {
    case AttributeType.Origin:
      return length === 1 && put(into, "origin", bytes[at])
    case AttributeType.AsPath:
      return put(into, "asPath", decodeAsPath(bytes, at, end, as4))
    case AttributeType.NextHop:
      return length === 4 && put(into, "nextHop", addressFromBytes(4, bytes, at))
    case AttributeType.Med:
      return length === 4 && put(into, "med", u32(bytes, at))
    case AttributeType.LocalPref:
      return length === 4 && put(into, "localPref", u32(bytes, at))
    case AttributeType.AtomicAggregate:
      return length === 0 && put(into, "atomicAggregate", true)
    case AttributeType.Aggregator:
      return length === (as4 ? 8 : 6) && put(into, "aggregator", readAggregator(bytes, at, as4))
    case AttributeType.Communities:
      return length % 4 === 0 && put(into, "communities", words(bytes, at, end))
    case AttributeType.OriginatorId:
      return length === 4 && put(into, "originatorId", u32(bytes, at))
    case AttributeType.ClusterList:
      return length % 4 === 0 && put(into, "clusterList", words(bytes, at, end))
    case AttributeType.MpReach:
      return put(into, "mpReach", readReach(bytes, at, end, addPath))
    case AttributeType.MpUnreach:
      return put(into, "mpUnreach", readUnreach(bytes, at, end, addPath))
    case AttributeType.ExtendedCommunities:
      return length % 8 === 0 && put(into, "extendedCommunities", pairs(bytes, at, end))
    case AttributeType.As4Path:
      return put(into, "as4Path", decodeAsPath(bytes, at, end, true))
    case AttributeType.As4Aggregator:
      return length === 8 && put(into, "as4Aggregator", readAggregator(bytes, at, true))
    case AttributeType.LargeCommunities:
      return length % 12 === 0 && put(into, "largeCommunities", triples(bytes, at, end))
    default:
      return false
  }
}

const put = <Key extends keyof Attributes>(
  into: Mutable<Attributes>,
  key: Key,
  value: Attributes[Key] | undefined
): boolean => {
  if (value === undefined) return false
  into[key] = value
  return true
}

const readAggregator = (bytes: Uint8Array, at: number, as4: boolean): Aggregator =>
  as4 ? { asn: u32(bytes, at), address: u32(bytes, at + 4) } : { asn: u16(bytes, at), address: u32(bytes, at + 2) }

const words = (bytes: Uint8Array, at: number, end: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (; at < end; at += 4) found.push(u32(bytes, at))
  return found
}

const pairs = (bytes: Uint8Array, at: number, end: number): ReadonlyArray<readonly [number, number]> => {
  const found: Array<readonly [number, number]> = []
  for (; at < end; at += 8) found.push([u32(bytes, at), u32(bytes, at + 4)])
  return found
}

const triples = (bytes: Uint8Array, at: number, end: number): ReadonlyArray<readonly [number, number, number]> => {
  const found: Array<readonly [number, number, number]> = []
  for (; at < end; at += 12) found.push([u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8)])
  return found
}

/** Families whose routes are no prefixes, or that we do not speak, stay bytes: their next hops and routes have shapes of their own. */
const readReach = (
  bytes: Uint8Array,
  at: number,
  end: number,
  addPath: ReadonlyArray<boolean>
): MpReach | undefined => {
  if (end - at < 5) return undefined
  const afi = u16(bytes, at)
  const safi = bytes[at + 2]
  const family = familyOf(afi, safi)
  const hops = at + 4
  const hopBytes = bytes[at + 3]
  const from = hops + hopBytes + 1
  if (family === -1 || !isRouted(family) || from > end) return undefined
  if (!isNlriSpan(bytes, from, end, addPath[family], family === 0 ? 32 : 128)) return undefined
  if (hopBytes !== 4 && hopBytes !== 16 && hopBytes !== 32) return undefined
  const first = addressFromBytes(hopBytes === 4 ? 4 : 6, bytes, hops)
  const nextHops = hopBytes === 32 ? [first, addressFromBytes(6, bytes, hops + 16)] : [first]
  return { afi, safi, nextHops, nlri: decodeNlri(bytes, from, end, family === 0 ? 4 : 6, addPath[family]) }
}

const readUnreach = (
  bytes: Uint8Array,
  at: number,
  end: number,
  addPath: ReadonlyArray<boolean>
): MpUnreach | undefined => {
  if (end - at < 3) return undefined
  const afi = u16(bytes, at)
  const safi = bytes[at + 2]
  const family = familyOf(afi, safi)
  if (family === -1 || !isRouted(family) || !isNlriSpan(bytes, at + 3, end, addPath[family], family === 0 ? 32 : 128))
    return undefined
  return { afi, safi, nlri: decodeNlri(bytes, at + 3, end, family === 0 ? 4 : 6, addPath[family]) }
}

/**
 * What an old speaker said, with 4-octet AS numbers where it passed them on (RFC 6793 §4.2.3). If its AGGREGATOR was written by
 * somebody who does not know AS4_AGGREGATOR, AS4_PATH is as stale as that and both are dropped.
 */
export const reconcileAs4 = (attributes: Attributes): Attributes => {
  const { as4Path, as4Aggregator, ...rest } = attributes
  const { aggregator, asPath, partial } = rest
  const kept = partial?.filter((type) => type !== AttributeType.As4Path && type !== AttributeType.As4Aggregator)
  const base: Attributes = kept === undefined ? rest : { ...rest, partial: kept }
  const stale = as4Aggregator !== undefined && aggregator !== undefined && aggregator.asn !== AS_TRANS
  if (stale) return base
  return {
    ...base,
    ...(as4Aggregator !== undefined && aggregator !== undefined ? { aggregator: as4Aggregator } : {}),
    ...(as4Path !== undefined && asPath !== undefined ? { asPath: mergeAs4Path(asPath, as4Path) } : {})
  }
}
