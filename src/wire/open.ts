// OPEN messages (RFC 4271 §4.2) with their capabilities (RFC 5492), in both encodings of the optional parameters (RFC 9072). What
// the peer may ask for is judged here as far as it needs no configuration (RFC 4271 §6.2); who the peer must be is the session's.
import { putU16, putU32, u16, u32 } from "./address.ts"
import { type Capability, codeOfCapability, decodeCapability, encodeCapability } from "./capability.ts"
import { type Fault, isFault, MessageType, messageOf } from "./header.ts"

export interface Open {
  readonly version: number
  /** The 2-octet field: AS_TRANS when the number does not fit. */
  readonly asn: number
  /** Seconds; 0 or at least 3. */
  readonly holdTime: number
  /** BGP Identifier, as an unsigned word. */
  readonly id: number
  readonly capabilities: ReadonlyArray<Capability>
}

/** RFC 6793 §9: stands in 2 octets for what needs 4. */
export const AS_TRANS = 23456

export const OpenSubcode = {
  Unspecific: 0,
  Version: 1,
  BadPeerAs: 2,
  BadIdentifier: 3,
  OptionalParameter: 4,
  HoldTime: 6,
  Capability: 7,
  Role: 11
} as const

/** The number that the peer goes by: the 4-octet one if it says one (RFC 6793 §4.1). */
export const asnOf = (open: Open): number => {
  const wide = open.capabilities.find((capability) => capability._tag === "FourOctetAs")
  return wide?._tag === "FourOctetAs" ? wide.asn : open.asn
}

/** The OPEN of `length` bytes at `at`, header included. */
export const decodeOpen = (bytes: Uint8Array, at: number, length: number): Open | Fault => {
  if (length < OPEN_BYTES_MIN) return { code: 1, subcode: 2, data: bytes.slice(at + 16, at + 18) }
  const version = bytes[at + 19]
  if (version !== 4) return fault(OpenSubcode.Version, Uint8Array.of(0, 4))
  const capabilities = decodeParameters(bytes, at + 28, at + length)
  if (isFault(capabilities)) return capabilities
  const open: Open = {
    version,
    asn: u16(bytes, at + 20),
    holdTime: u16(bytes, at + 22),
    id: u32(bytes, at + 24),
    capabilities
  }
  // RFC 7607 §2, RFC 6286 §2.2, RFC 4271 §4.2.
  if (open.asn === 0 || asnOf(open) === 0) return fault(OpenSubcode.BadPeerAs)
  if (open.id === 0) return fault(OpenSubcode.BadIdentifier)
  if (open.holdTime === 1 || open.holdTime === 2) return fault(OpenSubcode.HoldTime)
  return open
}

const OPEN_BYTES_MIN = 29
const PARAMETER_CAPABILITIES = 2
/** RFC 9072 §2: as the first parameter's type, it says that lengths have two octets. */
const PARAMETER_EXTENDED = 255

const fault = (subcode: number, data = new Uint8Array(0)): Fault => ({ code: 2, subcode, data })

/** `at` is the length octet of the optional parameters. */
const decodeParameters = (bytes: Uint8Array, at: number, end: number): ReadonlyArray<Capability> | Fault => {
  const extended = bytes[at] !== 0 && end - at >= 4 && bytes[at + 1] === PARAMETER_EXTENDED
  const size = extended ? 2 : 1
  const total = extended ? u16(bytes, at + 2) : bytes[at]
  let from = extended ? at + 4 : at + 1
  if (from + total !== end) return fault(OpenSubcode.Unspecific)
  const capabilities: Array<Capability> = []
  while (from < end) {
    if (end - from < 1 + size) return fault(OpenSubcode.Unspecific)
    const value = from + 1 + size
    const after = value + (extended ? u16(bytes, from + 1) : bytes[from + 1])
    if (after > end) return fault(OpenSubcode.Unspecific)
    if (bytes[from] !== PARAMETER_CAPABILITIES) return fault(OpenSubcode.OptionalParameter)
    if (!decodeCapabilities(bytes, value, after, capabilities)) return fault(OpenSubcode.Unspecific)
    from = after
  }
  return capabilities
}

/**
 * The data of an Unsupported Capability (RFC 5492 §5): capabilities as they would stand in an OPEN. What cannot be read ends the
 * list: a NOTIFICATION is not answered.
 */
export const namedCapabilities = (data: Uint8Array): ReadonlyArray<Capability> => {
  const capabilities: Array<Capability> = []
  decodeCapabilities(data, 0, data.length, capabilities)
  return capabilities
}

/** Capabilities behind each other, each with its code and length. */
export const encodeCapabilities = (capabilities: ReadonlyArray<Capability>): Uint8Array =>
  Uint8Array.from(
    capabilities.flatMap((capability) => {
      const value = encodeCapability(capability)
      return [codeOfCapability(capability), value.length, ...value]
    })
  )

/** False: one of them is malformed. */
const decodeCapabilities = (bytes: Uint8Array, at: number, end: number, into: Array<Capability>): boolean => {
  while (at < end) {
    if (end - at < 2) return false
    const after = at + 2 + bytes[at + 1]
    if (after > end) return false
    const capability = decodeCapability(bytes[at], bytes.slice(at + 2, after))
    if (capability === undefined) return false
    into.push(capability)
    at = after
  }
  return true
}

/** The whole message. One parameter holds all capabilities; past 255 bytes the extended encoding is used. */
export const encodeOpen = (open: Open): Uint8Array => {
  const parameters = encodeParameters(encodeCapabilities(open.capabilities))
  const bytes = messageOf(MessageType.Open, OPEN_BYTES_MIN - 1 + parameters.length)
  bytes[19] = open.version
  putU16(bytes, 20, open.asn)
  putU16(bytes, 22, open.holdTime)
  putU32(bytes, 24, open.id)
  bytes.set(parameters, 28)
  return bytes
}

/** The parameters with their length in front. */
const encodeParameters = (capabilities: Uint8Array): Uint8Array => {
  const { length } = capabilities
  if (length === 0) return Uint8Array.of(0)
  if (length <= 253) return Uint8Array.of(length + 2, PARAMETER_CAPABILITIES, length, ...capabilities)
  const head = [0xff, PARAMETER_EXTENDED, (length + 3) >> 8, length + 3, PARAMETER_CAPABILITIES, length >> 8, length]
  return Uint8Array.of(...head, ...capabilities)
}
