// Network layer reachability information: prefixes as length and bytes (RFC 4271 §4.3), each behind a path identifier where that was
// negotiated (RFC 7911 §3). A span is checked once as a whole, so that the loops that read it later need no checks.
import { addressFromBytes, type Prefix, putU32, u32 } from "./address.ts"

export interface Nlri extends Prefix {
  /** With path identifiers only. */
  readonly pathId?: number
}

/** Whether prefixes fill the span exactly and none is longer than `bitsMax`. */
export const isNlriSpan = (bytes: Uint8Array, at: number, end: number, addPath: boolean, bitsMax: number): boolean => {
  const idBytes = addPath ? 4 : 0
  while (at < end) {
    at += idBytes
    if (at >= end) return false
    const bits = bytes[at]
    if (bits > bitsMax) return false
    at += 1 + ((bits + 7) >> 3)
  }
  return at === end
}

/** Reads a span that has been checked. Bits beyond a prefix's length are irrelevant on the wire (RFC 4271 §4.3) and cleared here. */
export const decodeNlri = (
  bytes: Uint8Array,
  at: number,
  end: number,
  family: 4 | 6,
  addPath: boolean
): ReadonlyArray<Nlri> => {
  const found: Array<Nlri> = []
  const octets = new Uint8Array(16)
  while (at < end) {
    const pathId = addPath ? u32(bytes, at) : 0
    if (addPath) at += 4
    const length = bytes[at++]
    const after = at + ((length + 7) >> 3)
    octets.fill(0)
    octets.set(bytes.subarray(at, after))
    if ((length & 7) !== 0) octets[length >> 3] &= 0xff00 >> (length & 7)
    const prefix: Prefix = { ...addressFromBytes(family, octets, 0), length }
    found.push(addPath ? { ...prefix, pathId } : prefix)
    at = after
  }
  return found
}

export const encodeNlri = (nlri: ReadonlyArray<Nlri>, addPath: boolean): Uint8Array => {
  const bytes = new Uint8Array(nlri.reduce((sum, { length }) => sum + nlriBytes(length, addPath), 0))
  let at = 0
  for (const { words, length, pathId } of nlri) {
    if (addPath) {
      putU32(bytes, at, pathId ?? 0)
      at += 4
    }
    bytes[at++] = length
    for (let octet = 0; octet < (length + 7) >> 3; octet++) {
      bytes[at++] = words[octet >> 2] >>> (24 - (octet & 3) * 8)
    }
  }
  return bytes
}

export const nlriBytes = (length: number, addPath: boolean): number => (addPath ? 5 : 1) + ((length + 7) >> 3)
