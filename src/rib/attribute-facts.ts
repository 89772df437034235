// What the decision process and the export rules need to know about a set of path attributes, read once per distinct set.
// The bytes have been judged by `wire` (RFC 7606) before they come here, so nothing is checked again.
import { type Address, AttributeType } from "../wire/index.ts"

/** Properties of a set that decide about eligibility and export. */
export const Trait = {
  /** Our own AS number is in AS_PATH (RFC 4271 §9.1.2). */
  AsLoop: 1,
  /** ORIGINATOR_ID is our router id (RFC 4456 §8). */
  OriginatorLoop: 2,
  /** Our cluster id is in CLUSTER_LIST (RFC 4456 §8). */
  ClusterLoop: 4,
  /** NO_EXPORT or NO_EXPORT_SUBCONFED (RFC 1997). */
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
  OnlyToCustomer: 512
} as const

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
  nextHop: Address
}

/** RFC 4271 leaves the default to the implementation; every one takes 100. */
export const LOCAL_PREF_DEFAULT = 100

export const LLGR_STALE = 0xffff0006
const NO_LLGR = 0xffff0007
const NO_EXPORT = 0xffffff01
const NO_ADVERTISE = 0xffffff02
const NO_EXPORT_SUBCONFED = 0xffffff03
const AS_SET = 1
const AS_SEQUENCE = 2

const UNSPECIFIED: Address = { family: 4, words: [0] }

/** Reads the set in `bytes` from `from` to `to`, whose last `nextHopLength` bytes are a next hop from MP_REACH_NLRI. */
export const readFacts = (
  bytes: Uint8Array,
  from: number,
  to: number,
  nextHopLength: number,
  localAs: number,
  localId: number
): AttributeFacts => {
  const facts: AttributeFacts = {
    localPref: LOCAL_PREF_DEFAULT,
    pathLength: 0,
    origin: 0,
    med: 0,
    neighborAs: 0,
    originatorId: 0,
    clusterLength: 0,
    traits: 0,
    ownAsCount: 0,
    onlyToCustomer: 0,
    nextHop: UNSPECIFIED
  }
  const end = to - nextHopLength
  for (let at = from; at < end; ) {
    const extended = (bytes[at] & 0x10) !== 0
    const type = bytes[at + 1]
    const length = extended ? (bytes[at + 2] << 8) | bytes[at + 3] : bytes[at + 2]
    const value = at + (extended ? 4 : 3)
    readAttribute(facts, type, bytes, value, length, localAs, localId)
    at = value + length
  }
  if (nextHopLength > 0) facts.nextHop = nextHopAt(bytes, end, nextHopLength)
  return facts
}

const readAttribute = (
  facts: AttributeFacts,
  type: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  localAs: number,
  localId: number
): void => {
  switch (type) {
    case AttributeType.Origin:
      facts.origin = bytes[value]
      return
    case AttributeType.AsPath:
      readAsPath(facts, bytes, value, length, localAs)
      return
    case AttributeType.NextHop:
      facts.nextHop = { family: 4, words: [wordAt(bytes, value)] }
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
        if (community === NO_EXPORT || community === NO_EXPORT_SUBCONFED) facts.traits |= Trait.NoExport
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
      if (facts.originatorId === localId) facts.traits |= Trait.OriginatorLoop
      return
    case AttributeType.ClusterList:
      facts.clusterLength = Math.min(255, length / 4)
      for (let at = value; at < value + length; at += 4) {
        if (wordAt(bytes, at) === localId) facts.traits |= Trait.ClusterLoop
      }
      return
    default:
      return
  }
}

/** RFC 4271 §9.1.2.2 a: an AS_SET counts as one; confederation segments do not count (RFC 5065 §5.3). */
const readAsPath = (facts: AttributeFacts, bytes: Uint8Array, from: number, length: number, localAs: number): void => {
  let first = true
  for (let at = from; at < from + length; ) {
    const type = bytes[at]
    const count = bytes[at + 1]
    if (type === AS_SEQUENCE) facts.pathLength += count
    else if (type === AS_SET) facts.pathLength += 1
    at += 2
    for (let member = 0; member < count; member++, at += 4) {
      const asn = wordAt(bytes, at)
      if (asn === localAs) {
        facts.traits |= Trait.AsLoop
        if (facts.ownAsCount < 255) facts.ownAsCount++
      }
      if (first && member === 0 && type === AS_SEQUENCE) facts.neighborAs = asn
    }
    first = false
  }
}

/** A 32-byte next hop is a global address and a link-local one behind it; the global one decides (RFC 2545 §3). */
const nextHopAt = (bytes: Uint8Array, at: number, length: number): Address =>
  length === 4
    ? { family: 4, words: [wordAt(bytes, at)] }
    : { family: 6, words: [0, 4, 8, 12].map((offset) => wordAt(bytes, at + offset)) }

export const wordAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
