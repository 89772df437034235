// NLRI of the families that are carried without being routed: where each one ends, and what of it names the route. Labels, segment
// identifiers and gateways belong to the route's value: a route that comes again with others replaces the earlier one, and a withdrawal
// need not repeat them (RFC 8277 §2.4, RFC 4364 §4.3.4, RFC 7432 §7.1–7.5, RFC 9136 §3.1). The rest of a structure is nobody's business here: what
// only has the right length is carried as it is (RFC 8955 §4, RFC 9552 §5.2, RFC 7606 §5.4).
import { Family } from "./family.ts"

const BITS_IPV4 = 32
const BITS_IPV6 = 128
const LABEL_BYTES = 3
const DISTINGUISHER_BYTES = 8
/** RFC 8277 §2.4: the label of a withdrawal says nothing. */
const LABEL_WITHDRAWN = [0x80, 0, 0] as const

/** An NLRI taken apart. */
export class NlriParts {
  /** The key, in `key` from 0 to `keyLength`. */
  key: Uint8Array = new Uint8Array(256)
  keyLength = 0
  /** The value, in `value` from 0 to `valueLength`. */
  readonly value: Uint8Array = new Uint8Array(64)
  valueLength = 0

  begin(): void {
    this.keyLength = 0
    this.valueLength = 0
  }

  putKey(byte: number): void {
    if (this.keyLength === this.key.length) {
      const larger = new Uint8Array(this.key.length * 2)
      larger.set(this.key)
      this.key = larger
    }
    this.key[this.keyLength++] = byte
  }

  copyKey(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) this.putKey(bytes[at])
  }

  copyValue(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) this.value[this.valueLength++] = bytes[at]
  }
}

/** Whether NLRI of a carried family fill the span exactly, each as long as it says. */
export const isCarriedSpan = (
  family: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  addPath: boolean
): boolean => {
  while (at < end) {
    if (addPath) at += 4
    const length = at < end ? lengthAt(family, bytes, at, end) : -1
    if (length < 0 || at + length > end) return false
    at += length
  }
  return at === end
}

/** Where each NLRI of a judged span begins, behind its path identifier, and ends. */
export const carriedSpans = (
  family: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  addPath: boolean
): ReadonlyArray<readonly [from: number, to: number]> => {
  const spans: Array<readonly [number, number]> = []
  while (at < end) {
    const from = addPath ? at + 4 : at
    at = from + lengthAt(family, bytes, from, end)
    spans.push([from, at])
  }
  return spans
}

/** Bytes of the NLRI at `at`, or -1: it cannot be one. */
const lengthAt = (family: number, bytes: Uint8Array, at: number, end: number): number => {
  const rest = end - at
  switch (family) {
    case Family.Evpn:
      return rest < 2 ? -1 : 2 + bytes[at + 1]
    case Family.LinkState:
      return rest < 4 ? -1 : 4 + ((bytes[at + 2] << 8) | bytes[at + 3])
    case Family.Ipv4Flow:
    case Family.Ipv6Flow:
    case Family.Ipv4FlowVpn:
    case Family.Ipv6FlowVpn: {
      const length = flowLength(bytes, at, end)
      const least = family >= Family.Ipv4FlowVpn ? DISTINGUISHER_BYTES : 0
      return length < least ? -1 : flowHeader(bytes, at) + length
    }
    default: {
      const bits = bytes[at] - 8 * overheadOf(family)
      const most = isIpv4(family) ? BITS_IPV4 : BITS_IPV6
      return bits < 0 || bits > most ? -1 : 1 + ((bytes[at] + 7) >> 3)
    }
  }
}

/** RFC 8955 §4.1: from 240 on, a length has two octets of which twelve bits count. */
const flowHeader = (bytes: Uint8Array, at: number): number => (bytes[at] < 0xf0 ? 1 : 2)

const flowLength = (bytes: Uint8Array, at: number, end: number): number => {
  if (bytes[at] < 0xf0) return bytes[at]
  return end - at < 2 ? -1 : ((bytes[at] & 0x0f) << 8) | bytes[at + 1]
}

const isIpv4 = (family: number): boolean =>
  family === Family.Ipv4Multicast || family === Family.Ipv4Labelled || family === Family.Ipv4Vpn

/** Bytes in front of the address that a length in bits counts. */
const overheadOf = (family: number): number => {
  switch (family) {
    case Family.Ipv4Labelled:
    case Family.Ipv6Labelled:
      return LABEL_BYTES
    case Family.Ipv4Vpn:
    case Family.Ipv6Vpn:
      return LABEL_BYTES + DISTINGUISHER_BYTES
    default:
      return 0
  }
}

/** Takes the judged NLRI at `at` apart and returns where the next one begins. */
export const splitCarried = (parts: NlriParts, family: number, bytes: Uint8Array, at: number): number => {
  parts.begin()
  switch (family) {
    case Family.Evpn:
      return splitEvpn(parts, bytes, at)
    case Family.LinkState: {
      const after = at + 4 + ((bytes[at + 2] << 8) | bytes[at + 3])
      parts.copyKey(bytes, at, after)
      return after
    }
    case Family.Ipv4Flow:
    case Family.Ipv6Flow:
    case Family.Ipv4FlowVpn:
    case Family.Ipv6FlowVpn: {
      const from = at + flowHeader(bytes, at)
      const after = from + flowLength(bytes, at, at + 2)
      parts.copyKey(bytes, from, after)
      return after
    }
    default:
      return splitPrefix(parts, family, bytes, at)
  }
}

/** Bits beyond the length are irrelevant and cleared. */
const splitPrefix = (parts: NlriParts, family: number, bytes: Uint8Array, at: number): number => {
  const labels = overheadOf(family) > 0 ? LABEL_BYTES : 0
  const length = bytes[at]
  const after = at + 1 + ((length + 7) >> 3)
  parts.putKey(length - 8 * labels)
  parts.copyValue(bytes, at + 1, at + 1 + labels)
  parts.copyKey(bytes, at + 1 + labels, after)
  if ((length & 7) !== 0) parts.key[parts.keyLength - 1] &= 0xff00 >> (length & 7)
  return after
}

const SEGMENT_BYTES = 10
const EVPN_AUTO_DISCOVERY = 1
const EVPN_MAC_IP = 2
const EVPN_IP_PREFIX = 5

/** Where the value of a route begins, and how much of it stands there; what is left of it stands behind the key. */
const evpnValue = (type: number, length: number): readonly [at: number, bytes: number] => {
  if (type === EVPN_AUTO_DISCOVERY && length === 25) return [22, 3]
  if (type === EVPN_MAC_IP && length >= 33) return [8, SEGMENT_BYTES]
  if (type === EVPN_IP_PREFIX && (length === 34 || length === 58)) return [8, SEGMENT_BYTES]
  return [length, 0]
}

/** Bytes of the value behind the key, in a body of `length`, whose key ends where its address does. */
const evpnTail = (type: number, length: number, addressBits: number): number => {
  if (type === EVPN_MAC_IP && length >= 33) {
    const tail = length - 30 - (addressBits >> 3)
    return tail === 3 || tail === 6 ? tail : -1
  }
  if (type === EVPN_IP_PREFIX && length === 34) return 4 + LABEL_BYTES
  if (type === EVPN_IP_PREFIX && length === 58) return 16 + LABEL_BYTES
  return 0
}

/** What a key of EVPN begins with: whether it is all of the NLRI, or its value was taken out. */
const WHOLE = 0
const APART = 1

const splitEvpn = (parts: NlriParts, bytes: Uint8Array, at: number): number => {
  const type = bytes[at]
  const length = bytes[at + 1]
  const body = at + 2
  const after = body + length
  const [valueAt, valueBytes] = evpnValue(type, length)
  // RFC 7432 §7.2: behind distinguisher, segment, tag and a MAC address with its length comes the length of the IP address.
  const tail = evpnTail(type, length, length >= 30 ? bytes[body + 29] : 0)
  const isWhole = valueBytes === 0 || tail < 0
  parts.putKey(isWhole ? WHOLE : APART)
  parts.putKey(type)
  if (isWhole) {
    parts.copyKey(bytes, body, after)
    return after
  }
  parts.copyKey(bytes, body, body + valueAt)
  parts.copyValue(bytes, body + valueAt, body + valueAt + valueBytes)
  parts.copyKey(bytes, body + valueAt + valueBytes, after - tail)
  parts.copyValue(bytes, after - tail, after)
  return after
}

/** Bytes that the NLRI of a key has at most, with a path identifier; in steps of 16. */
export const carriedBytesMax = (family: number, keyLength: number): number =>
  (keyLength + (family >= Family.Ipv4Flow ? 6 : 48) + 15) & ~15

/**
 * Writes the NLRI of a key with its value; without one (`valueLength` 0) as a withdrawal is written: labels that say nothing, the rest of
 * the value zero. Returns where it ends.
 */
export const writeCarried = (
  target: Uint8Array,
  at: number,
  family: number,
  key: Uint8Array,
  keyAt: number,
  keyLength: number,
  value: Uint8Array,
  valueAt: number,
  valueLength: number
): number => {
  switch (family) {
    case Family.Evpn:
      return writeEvpn(target, at, key, keyAt, keyLength, value, valueAt, valueLength)
    case Family.LinkState:
      return copy(target, at, key, keyAt, keyLength)
    case Family.Ipv4Flow:
    case Family.Ipv6Flow:
    case Family.Ipv4FlowVpn:
    case Family.Ipv6FlowVpn:
      if (keyLength >= 0xf0) target[at++] = 0xf0 | (keyLength >> 8)
      target[at++] = keyLength
      return copy(target, at, key, keyAt, keyLength)
    default: {
      const labels = overheadOf(family) > 0 ? LABEL_BYTES : 0
      target[at++] = key[keyAt] + 8 * labels
      for (let byte = 0; byte < labels; byte++) {
        target[at++] = valueLength === 0 ? LABEL_WITHDRAWN[byte] : value[valueAt + byte]
      }
      return copy(target, at, key, keyAt + 1, keyLength - 1)
    }
  }
}

const writeEvpn = (
  target: Uint8Array,
  at: number,
  key: Uint8Array,
  keyAt: number,
  keyLength: number,
  value: Uint8Array,
  valueAt: number,
  valueLength: number
): number => {
  const isWhole = key[keyAt++] === WHOLE
  const type = key[keyAt]
  const body = keyLength - 2
  const whole = isWhole ? body : body + (valueLength === 0 ? blankBytes(type, body) : valueLength)
  const [insertAt, insertBytes] = isWhole ? [body, 0] : evpnValue(type, whole)
  const tail = whole - body - insertBytes
  target[at] = type
  target[at + 1] = whole
  at = copy(target, at + 2, key, keyAt + 1, insertAt)
  at = copyOrClear(target, at, value, valueAt, insertBytes, valueLength)
  at = copy(target, at, key, keyAt + 1 + insertAt, body - insertAt)
  return copyOrClear(target, at, value, valueAt + insertBytes, tail, valueLength)
}

/** How much the body of a withdrawal has besides its key. */
const blankBytes = (type: number, body: number): number => {
  if (type === EVPN_AUTO_DISCOVERY) return LABEL_BYTES
  if (type === EVPN_MAC_IP) return SEGMENT_BYTES + LABEL_BYTES
  return SEGMENT_BYTES + (body === 17 ? 4 : 16) + LABEL_BYTES
}

const copy = (target: Uint8Array, at: number, bytes: Uint8Array, from: number, length: number): number => {
  for (let index = 0; index < length; index++) target[at++] = bytes[from + index]
  return at
}

const copyOrClear = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  hasValue: number
): number => {
  if (hasValue > 0) return copy(target, at, bytes, from, length)
  for (let index = 0; index < length; index++) target[at++] = 0
  return at
}

/** Whether a next hop of a carried family can be so long (RFC 4364, 4659, 7432, 8277, 8955, 8950). It is not read. */
export const isCarriedNextHop = (family: number, length: number): boolean => {
  switch (family) {
    case Family.Ipv4Vpn:
    case Family.Ipv6Vpn:
      return length === 12 || length === 24 || length === 48
    case Family.Ipv4Flow:
    case Family.Ipv6Flow:
    case Family.Ipv4FlowVpn:
    case Family.Ipv6FlowVpn:
      return length <= 48
    default:
      return length === 4 || length === 16 || length === 32
  }
}
