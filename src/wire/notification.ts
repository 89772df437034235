// NOTIFICATION messages (RFC 4271 §4.5): the fault that ends a session, in bytes and in words. The words carry what the sender wrote
// for people to read (RFC 9003), because that is what they look for.
import { u16, u32 } from "./address.ts"
import { familyText } from "./family.ts"
import { type Fault, MESSAGE_NAMES, MessageType, messageOf } from "./header.ts"
import { decodeUtf8, encodeUtf8, toHex } from "./text.ts"

export const ErrorCode = {
  Header: 1,
  Open: 2,
  Update: 3,
  HoldTimer: 4,
  StateMachine: 5,
  Cease: 6,
  RouteRefresh: 7,
  SendHoldTimer: 8
} as const

/** RFC 4486, RFC 8538, RFC 9384. */
export const CeaseSubcode = {
  MaximumPrefixes: 1,
  AdministrativeShutdown: 2,
  PeerDeconfigured: 3,
  AdministrativeReset: 4,
  ConnectionRejected: 5,
  OtherConfigurationChange: 6,
  ConnectionCollision: 7,
  OutOfResources: 8,
  HardReset: 9,
  BfdDown: 10
} as const

const HEAD_BYTES = 21
const MESSAGE_BYTES_MAX = 4096

/** The NOTIFICATION of `length` bytes at `at`, header included. There is no fault to answer a malformed one with. */
export const decodeNotification = (bytes: Uint8Array, at: number, length: number): Fault => ({
  code: length > 19 ? bytes[at + 19] : 0,
  subcode: length > 20 ? bytes[at + 20] : 0,
  data: bytes.slice(at + HEAD_BYTES, Math.max(at + HEAD_BYTES, at + length))
})

/** The whole message. Data past the longest plain message is cut: the peer may not take more. */
export const encodeNotification = (fault: Fault): Uint8Array => {
  const data = fault.data.subarray(0, MESSAGE_BYTES_MAX - HEAD_BYTES)
  const bytes = messageOf(MessageType.Notification, HEAD_BYTES + data.length)
  bytes[19] = fault.code
  bytes[20] = fault.subcode
  bytes.set(data, HEAD_BYTES)
  return bytes
}

/** Data of a Cease that tells people why (RFC 9003 §2): at most 255 bytes of UTF-8. Nothing at all for an empty text. */
export const shutdownCommunication = (text: string): Uint8Array => {
  const utf8 = encodeUtf8(text, 255)
  return utf8.length === 0 ? utf8 : Uint8Array.of(utf8.length, ...utf8)
}

/** What the sender wrote, or `undefined` for a fault that carries no text or one that is malformed. */
export const communicationOf = (fault: Fault): string | undefined => {
  const { code, subcode, data } = fault
  if (code !== ErrorCode.Cease) return undefined
  if (subcode === CeaseSubcode.HardReset) return data.length < 2 ? undefined : communicationOf(innerFault(data))
  if (subcode !== CeaseSubcode.AdministrativeShutdown && subcode !== CeaseSubcode.AdministrativeReset) return undefined
  if (data.length < 2 || data[0] !== data.length - 1) return undefined
  return decodeUtf8(data.subarray(1))
}

/** In words: `Cease, Administrative Shutdown: "maintenance until 4"`. Data that we cannot read is shown as hexadecimal. */
export const describeNotification = (fault: Fault): string => {
  const { code, subcode } = fault
  const name = CODE_NAMES[code] ?? `error ${code}`
  const subname = SUBCODE_NAMES[code]?.[subcode] ?? (subcode === 0 ? "" : `subcode ${subcode}`)
  const details = describeData(fault)
  return name + (subname === "" ? "" : `, ${subname}`) + (details === "" ? "" : `: ${details}`)
}

const innerFault = (data: Uint8Array): Fault => ({ code: data[0], subcode: data[1], data: data.subarray(2) })

const describeData = (fault: Fault): string => {
  const { code, subcode, data } = fault
  if (data.length === 0) return ""
  const text = communicationOf(fault)
  if (code === ErrorCode.Cease) {
    // RFC 8538 §3: what would have been said stands inside. Not again inside that: a peer chooses how deep.
    const inner = data.length < 2 ? undefined : innerFault(data)
    const nested = inner !== undefined && (inner.code !== ErrorCode.Cease || inner.subcode !== CeaseSubcode.HardReset)
    if (subcode === CeaseSubcode.HardReset && inner !== undefined && nested) return describeNotification(inner)
    if (text !== undefined) return JSON.stringify(text)
    if (subcode === CeaseSubcode.MaximumPrefixes && data.length === 7) {
      return `${familyText(u16(data, 0), data[2])}, limit ${u32(data, 3)}`
    }
  }
  if (code === ErrorCode.Header && subcode === 2 && data.length === 2) return `length ${u16(data, 0)}`
  if (code === ErrorCode.Header && subcode === 3 && data.length === 1) return `type ${data[0]}`
  if (code === ErrorCode.Open && subcode === 1 && data.length === 2) return `version ${u16(data, 0)} is supported`
  if (code === ErrorCode.StateMachine && data.length === 1)
    return `received ${MESSAGE_NAMES[data[0]] ?? `type ${data[0]}`}`
  return data.length <= SHOWN_BYTES_MAX
    ? toHex(data)
    : `${toHex(data.subarray(0, SHOWN_BYTES_MAX))}… (${data.length} bytes)`
}

const SHOWN_BYTES_MAX = 64

const CODE_NAMES: Readonly<Record<number, string>> = {
  1: "Message Header Error",
  2: "OPEN Message Error",
  3: "UPDATE Message Error",
  4: "Hold Timer Expired",
  5: "Finite State Machine Error",
  6: "Cease",
  7: "ROUTE-REFRESH Message Error",
  8: "Send Hold Timer Expired"
}

const SUBCODE_NAMES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: { 1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type" },
  2: {
    1: "Unsupported Version Number",
    2: "Bad Peer AS",
    3: "Bad BGP Identifier",
    4: "Unsupported Optional Parameter",
    5: "Authentication Failure",
    6: "Unacceptable Hold Time",
    7: "Unsupported Capability",
    11: "Role Mismatch"
  },
  3: {
    1: "Malformed Attribute List",
    2: "Unrecognized Well-known Attribute",
    3: "Missing Well-known Attribute",
    4: "Attribute Flags Error",
    5: "Attribute Length Error",
    6: "Invalid ORIGIN Attribute",
    7: "AS Routing Loop",
    8: "Invalid NEXT_HOP Attribute",
    9: "Optional Attribute Error",
    10: "Invalid Network Field",
    11: "Malformed AS_PATH"
  },
  5: {
    1: "Unexpected Message in OpenSent",
    2: "Unexpected Message in OpenConfirm",
    3: "Unexpected Message in Established"
  },
  6: {
    1: "Maximum Number of Prefixes Reached",
    2: "Administrative Shutdown",
    3: "Peer De-configured",
    4: "Administrative Reset",
    5: "Connection Rejected",
    6: "Other Configuration Change",
    7: "Connection Collision Resolution",
    8: "Out of Resources",
    9: "Hard Reset",
    10: "BFD Down"
  },
  7: { 1: "Invalid Message Length" }
}
