// Communities as people write them: 65000:1 (RFC 1997), 1:2:3 (RFC 8092 §4), rt:65000:1 for the extended ones that have such a form
// (RFC 4360, RFC 5668), hexadecimal for the rest.
import { formatWords, parseDecimal } from "./address.ts"

export const communityText = (community: number): string => `${community >>> 16}:${community & 0xffff}`

export const parseCommunity = (text: string): number | undefined => {
  const parts = text.split(":").map((part) => parseDecimal(part, 0xffff))
  return parts.length === 2 && parts.every((part) => part >= 0) ? ((parts[0] << 16) | parts[1]) >>> 0 : undefined
}

export const largeCommunityText = (community: readonly [number, number, number]): string => community.join(":")

export const parseLargeCommunity = (text: string): readonly [number, number, number] | undefined => {
  const parts = text.split(":").map((part) => parseDecimal(part, 0xffff_ffff))
  return parts.length === 3 && parts.every((part) => part >= 0) ? [parts[0], parts[1], parts[2]] : undefined
}

/** The four bytes of a link bandwidth (draft-ietf-idr-link-bandwidth §3): bytes per second, IEEE 754. 0: no rate at all. */
export const bandwidthOf = (word: number): number => {
  floats.setUint32(0, word)
  const bandwidth = floats.getFloat32(0)
  return bandwidth > 0 && bandwidth < Number.POSITIVE_INFINITY ? bandwidth : 0
}

const floats = new DataView(new ArrayBuffer(4))

/** By the first octet: what the value consists of. 0x40 more says that it does not cross an AS boundary, and has no short form. */
const AS2_SPECIFIC = 0x00
const IPV4_SPECIFIC = 0x01
const AS4_SPECIFIC = 0x02
const SUBTYPE_NAMES: Readonly<Record<number, string>> = { 2: "rt", 3: "ro" }

export const extendedCommunityText = ([high, low]: readonly [number, number]): string => {
  const name = SUBTYPE_NAMES[(high >>> 16) & 0xff]
  if (name !== undefined) {
    switch (high >>> 24) {
      case AS2_SPECIFIC:
        return `${name}:${high & 0xffff}:${low}`
      case IPV4_SPECIFIC:
        return `${name}:${formatWords(4, [(((high & 0xffff) << 16) | (low >>> 16)) >>> 0], 0)}:${low & 0xffff}`
      case AS4_SPECIFIC:
        return `${name}:${(((high & 0xffff) << 16) | (low >>> 16)) >>> 0}:${low & 0xffff}`
    }
  }
  return `0x${hex(high)}${hex(low)}`
}

const hex = (word: number): string => word.toString(16).padStart(8, "0")
