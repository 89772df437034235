// What the decision process and the export rules need to know about a set of path attributes, read once per distinct set.
// The bytes have been judged by `wire` (RFC 7606) before they come here, so nothing is checked again.
import { hashBytes } from "../machine/index.ts"
import { type Address, AttributeType, bandwidthOf } from "../wire/index.ts"

/** Properties of a set that decide about eligibility and export. */
export const Trait = {
  /** Our own AS number is in AS_PATH (RFC 4271 §9.1.2). */
  AsLoop: 1,
  /** ORIGINATOR_ID is our router id (RFC 4456 §8). */
  OriginatorLoop: 2,
  /** Our cluster id is in CLUSTER_LIST (RFC 4456 §8). */
  ClusterLoop: 4,
  /** NO_EXPORT: not beyond the AS, or the confederation (RFC 1997). */
  NoExport: 8,
  /** NO_ADVERTISE (RFC 1997). */
  NoAdvertise: 16,
  HasMed: 32,
  HasLocalPref: 64,
  /** LLGR_STALE: preferred to nothing (RFC 9494 §4.3). */
  LongLivedStale: 128,
  /** NO_LLGR: not to be kept over a long absence of its peer (RFC 9494 §4.4). */
  NoLongLived: 256,
  /** ONLY_TO_CUSTOMER (RFC 9234 §5). */
  OnlyToCustomer: 512,
  /** NO_EXPORT_SUBCONFED: to no peer of another AS, in the confederation or not (RFC 1997). */
  NoExportSubconfed: 1024,
  /** Each attribute is one that a transparent route server writes as it stands, byte by byte (RFC 7947 §2.2). */
  Verbatim: 2048
} as const

/** By what names a route may have been here already, and what is said of a route that does not say it. */
export interface Identity {
  /** Our AS number; in a confederation, that of our member AS. */
  readonly localAs: number
  /** By what others know our confederation (RFC 5065 §2); 0: we are in none. */
  readonly confederationAs: number
  readonly routerId: number
  /** Our cluster ids (RFC 4456 §7). */
  readonly clusterIds: ReadonlyArray<number>
  /** Of a route that has none. */
  readonly localPref: number
}

export interface AttributeFacts {
  localPref: number
  pathLength: number
  origin: number
  med: number
  neighborAs: number
  originatorId: number
  clusterLength: number
  traits: number
  /** How often our own AS number is in AS_PATH. */
  ownAsCount: number
  /** AS number in ONLY_TO_CUSTOMER; 0: none. */
  onlyToCustomer: number
  /** Hash of AS_PATH: the same for the same path. */
  pathHash: number
  /** Bytes per second of the link behind the route (draft-ietf-idr-link-bandwidth); 0: it says none. */
  bandwidth: number
  nextHop: Address
}

/** RFC 4271 leaves the default to the implementation; every one takes 100. */
export const LOCAL_PREF_DEFAULT = 100

export const LLGR_STALE = 0xffff0006
const NO_LLGR = 0xffff0007
const NO_EXPORT = 0xffffff01
const NO_ADVERTISE = 0xffffff02
const NO_EXPORT_SUBCONFED = 0xffffff03
/** Extended community type 0x40 (or 0x00, which crosses AS boundaries), subtype 4. */
const NON_TRANSITIVE = 0x40
const LINK_BANDWIDTH = 0x04
const AS_SET = 1
const AS_SEQUENCE = 2

const UNSPECIFIED: Address = { family: 4, words: [0] }

/** The same for every set: there are some 160,000 in a table, and each is stored in columns at once. */
const FACTS: AttributeFacts = {
  localPref: 0,
  pathLength: 0,
  origin: 0,
  med: 0,
  neighborAs: 0,
  originatorId: 0,
  clusterLength: 0,
  traits: 0,
  ownAsCount: 0,
  onlyToCustomer: 0,
  pathHash: 0,
  bandwidth: 0,
  nextHop: UNSPECIFIED
}

/** What was read is good until the next call. Reads the set in `bytes` from `from` to `to`, whose last `nextHopLength` bytes are a next hop from MP_REACH_NLRI. */
export const readFacts = (
  bytes: Uint8Array,
  from: number,
  to: number,
  nextHopLength: number,
  identity: Identity
): AttributeFacts => {
  const facts = FACTS
  facts.localPref = identity.localPref
  facts.pathLength = 0
  facts.origin = 0
  facts.med = 0
  facts.neighborAs = 0
  facts.originatorId = 0
  facts.clusterLength = 0
  facts.traits = 0
  facts.ownAsCount = 0
  facts.onlyToCustomer = 0
  facts.pathHash = 0
  facts.bandwidth = 0
  facts.nextHop = UNSPECIFIED
  const end = to - (nextHopLength & 0x7f)
  let verbatim = true
  for (let at = from; at < end; ) {
    const extended = (bytes[at] & 0x10) !== 0
    const type = bytes[at + 1]
    const length = extended ? (bytes[at + 2] << 8) | bytes[at + 3] : bytes[at + 2]
    const value = at + (extended ? 4 : 3)
    readAttribute(facts, type, bytes, value, length, identity)
    verbatim &&= isVerbatim(bytes, at, type, value, length)
    at = value + length
  }
  if (verbatim) facts.traits |= Trait.Verbatim
  // The next hop of a carried family is nobody's business here.
  if (nextHopLength > 0 && nextHopLength < 0x80) facts.nextHop = nextHopAt(bytes, end, nextHopLength)
  return facts
}

/** Whether `writeAttributes` would give a transparent class these very bytes for an attribute. */
const isVerbatim = (bytes: Uint8Array, at: number, type: number, value: number, length: number): boolean => {
  switch (type) {
    case AttributeType.AsPath:
      // Segments of a confederation are left out, and the header is written anew.
      if (bytes[at] !== (length > 255 ? 0x50 : 0x40)) return false
      for (let from = value; from < value + length; from += 2 + bytes[from + 1] * 4) {
        if (bytes[from] > AS_SEQUENCE) return false
      }
      return true
    case AttributeType.NextHop:
      return bytes[at] === 0x40 && wordAt(bytes, value) !== 0
    case AttributeType.Aggregator:
      return bytes[at] === 0xc0
    case AttributeType.LocalPref:
    case AttributeType.OriginatorId:
    case AttributeType.ClusterList:
    case AttributeType.As4Path:
    case AttributeType.As4Aggregator:
      return false
    default:
      return true
  }
}

const readAttribute = (
  facts: AttributeFacts,
  type: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  identity: Identity
): void => {
  switch (type) {
    case AttributeType.Origin:
      facts.origin = bytes[value]
      return
    case AttributeType.AsPath:
      readAsPath(facts, bytes, value, length, identity)
      return
    case AttributeType.NextHop:
      facts.nextHop = addressOf(wordAt(bytes, value))
      return
    case AttributeType.Med:
      facts.med = wordAt(bytes, value)
      facts.traits |= Trait.HasMed
      return
    case AttributeType.LocalPref:
      facts.localPref = wordAt(bytes, value)
      facts.traits |= Trait.HasLocalPref
      return
    case AttributeType.Communities:
      for (let at = value; at < value + length; at += 4) {
        const community = wordAt(bytes, at)
        if (community === NO_EXPORT) facts.traits |= Trait.NoExport
        else if (community === NO_EXPORT_SUBCONFED) facts.traits |= Trait.NoExportSubconfed
        else if (community === NO_ADVERTISE) facts.traits |= Trait.NoAdvertise
        else if (community === LLGR_STALE) facts.traits |= Trait.LongLivedStale
        else if (community === NO_LLGR) facts.traits |= Trait.NoLongLived
      }
      return
    case AttributeType.OnlyToCustomer:
      facts.onlyToCustomer = wordAt(bytes, value)
      facts.traits |= Trait.OnlyToCustomer
      return
    case AttributeType.OriginatorId:
      facts.originatorId = wordAt(bytes, value)
      if (facts.originatorId === identity.routerId) facts.traits |= Trait.OriginatorLoop
      return
    case AttributeType.ClusterList:
      facts.clusterLength = Math.min(255, length / 4)
      for (let at = value; at < value + length; at += 4) {
        if (identity.clusterIds.includes(wordAt(bytes, at))) facts.traits |= Trait.ClusterLoop
      }
      return
    case AttributeType.ExtendedCommunities:
      readBandwidth(facts, bytes, value, length)
      return
    default:
      return
  }
}

/** Of several, the largest: an order of arrival is none. */
const readBandwidth = (facts: AttributeFacts, bytes: Uint8Array, value: number, length: number): void => {
  for (let at = value; at < value + length; at += 8) {
    if ((bytes[at] & NON_TRANSITIVE) !== bytes[at] || bytes[at + 1] !== LINK_BANDWIDTH) continue
    const bandwidth = bandwidthOf(wordAt(bytes, at + 4))
    if (bandwidth > facts.bandwidth) facts.bandwidth = bandwidth
  }
}

/** RFC 4271 §9.1.2.2 a: an AS_SET counts as one; confederation segments neither count nor name a neighbour (RFC 5065 §5.3). */
const readAsPath = (
  facts: AttributeFacts,
  bytes: Uint8Array,
  from: number,
  length: number,
  identity: Identity
): void => {
  const { localAs, confederationAs } = identity
  let first = true
  facts.pathHash = hashBytes(bytes, from, from + length)
  for (let at = from; at < from + length; ) {
    const type = bytes[at]
    const count = bytes[at + 1]
    // In a confederation, the world knows us by its number and our neighbours in it by our own (RFC 5065 §4).
    const ownAs = confederationAs !== 0 && type <= AS_SEQUENCE ? confederationAs : localAs
    if (type === AS_SEQUENCE) facts.pathLength += count
    else if (type === AS_SET) facts.pathLength += 1
    at += 2
    for (let member = 0; member < count; member++, at += 4) {
      const asn = wordAt(bytes, at)
      if (asn === ownAs) {
        facts.traits |= Trait.AsLoop
        if (facts.ownAsCount < 255) facts.ownAsCount++
      }
      if (first && member === 0 && type === AS_SEQUENCE) facts.neighborAs = asn
    }
    if (type <= AS_SEQUENCE) first = false
  }
}

/** A 32-byte next hop is a global address and a link-local one behind it; the global one decides (RFC 2545 §3). */
const nextHopAt = (bytes: Uint8Array, at: number, length: number): Address =>
  length === 4
    ? { family: 4, words: [wordAt(bytes, at)] }
    : { family: 6, words: [0, 4, 8, 12].map((offset) => wordAt(bytes, at + offset)) }

let lastAddress: Address = UNSPECIFIED

/** Most sets have the next hop of the one before. */
const addressOf = (word: number): Address => {
  if (lastAddress.words[0] !== word) lastAddress = { family: 4, words: [word] }
  return lastAddress
}

export const wordAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
