// Path attributes by number: types, names and flags as their specifications fix them. Kept apart from decoding because the hot path,
// the RIB and the packer all speak in these numbers.

export const AttributeType = {
  Origin: 1,
  AsPath: 2,
  NextHop: 3,
  Med: 4,
  LocalPref: 5,
  AtomicAggregate: 6,
  Aggregator: 7,
  Communities: 8,
  OriginatorId: 9,
  ClusterList: 10,
  MpReach: 14,
  MpUnreach: 15,
  ExtendedCommunities: 16,
  As4Path: 17,
  As4Aggregator: 18,
  Ipv6ExtendedCommunities: 25,
  Aigp: 26,
  LargeCommunities: 32,
  OnlyToCustomer: 35
} as const
export type AttributeType = (typeof AttributeType)[keyof typeof AttributeType]

/** RFC 4271 §4.3. */
export const AttributeFlag = { Optional: 0x80, Transitive: 0x40, Partial: 0x20, ExtendedLength: 0x10 } as const

/** The two bits that a type fixes. */
export const KIND_MASK = 0xc0
const WELL_KNOWN = 0x40
const OPTIONAL = 0x80
const OPTIONAL_TRANSITIVE = 0xc0
/** Marks a type that we do not know. */
export const KIND_UNKNOWN = 0

/** Optional and Transitive bits by type, as the type's specification says. */
export const ATTRIBUTE_KIND: Uint8Array = new Uint8Array(256)
for (const type of [1, 2, 3, 5, 6]) ATTRIBUTE_KIND[type] = WELL_KNOWN
for (const type of [4, 9, 10, 14, 15, 26]) ATTRIBUTE_KIND[type] = OPTIONAL
for (const type of [7, 8, 16, 17, 18, 25, 32, 35]) ATTRIBUTE_KIND[type] = OPTIONAL_TRANSITIVE

export const attributeName = (type: number): string => NAMES[type] ?? `attribute ${type}`

const NAMES: Readonly<Record<number, string>> = {
  1: "ORIGIN",
  2: "AS_PATH",
  3: "NEXT_HOP",
  4: "MULTI_EXIT_DISC",
  5: "LOCAL_PREF",
  6: "ATOMIC_AGGREGATE",
  7: "AGGREGATOR",
  8: "COMMUNITIES",
  9: "ORIGINATOR_ID",
  10: "CLUSTER_LIST",
  14: "MP_REACH_NLRI",
  15: "MP_UNREACH_NLRI",
  16: "EXTENDED_COMMUNITIES",
  17: "AS4_PATH",
  18: "AS4_AGGREGATOR",
  25: "IPV6_EXTENDED_COMMUNITIES",
  26: "AIGP",
  32: "LARGE_COMMUNITIES",
  35: "ONLY_TO_CUSTOMER"
}

/** RFC 4271 §4.3 a, by value. */
export const ORIGIN_NAMES = ["igp", "egp", "incomplete"] as const
