// The header that every message begins with, and its validation (RFC 4271 §4.1, §6.1; RFC 8654 for longer messages). Framing gives a
// number, not an object: it runs for each of the hundred thousand messages of a table.
import { putU16, u16 } from "./address.ts"

export const MessageType = { Open: 1, Update: 2, Notification: 3, Keepalive: 4, RouteRefresh: 5 } as const
export type MessageType = (typeof MessageType)[keyof typeof MessageType]

export const MESSAGE_NAMES = ["", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"] as const

/** What is wrong with a message, in the words of the NOTIFICATION that answers it. */
export interface Fault {
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
}

export const HEADER_BYTES = 19

/** RFC 8654 §4: OPEN and KEEPALIVE are never longer than this, whatever was negotiated. */
const PLAIN_BYTES_MAX = 4096

/** RFC 4271 §4.2–4.5: shortest message by type. A short ROUTE-REFRESH has an error code of its own (RFC 7313 §5). */
const BYTES_MIN = [0, 29, 23, 21, 19, 19]

/**
 * Looks at the header at `at`, of which bytes up to `end` are there. Positive: total length of the message, whose body need not have
 * come yet. 0: not even the header is complete. Negative: no header; the subcode of code 1 with its sign changed.
 */
export const frame = (bytes: Uint8Array, at: number, end: number, maxBytes: number): number => {
  if (end - at < HEADER_BYTES) return 0
  for (let index = at; index < at + 16; index++) if (bytes[index] !== 0xff) return -HeaderSubcode.NotSynchronized
  const length = (bytes[at + 16] << 8) | bytes[at + 17]
  const type = bytes[at + 18]
  if (length < HEADER_BYTES || length > maxBytes) return -HeaderSubcode.BadLength
  if (type === 0 || type > MessageType.RouteRefresh) return -HeaderSubcode.BadType
  if (length < BYTES_MIN[type]) return -HeaderSubcode.BadLength
  if (type === MessageType.Keepalive && length !== HEADER_BYTES) return -HeaderSubcode.BadLength
  if (type === MessageType.Open && length > PLAIN_BYTES_MAX) return -HeaderSubcode.BadLength
  return length
}

/** The NOTIFICATION for a negative verdict of `frame` (RFC 4271 §6.1). */
export const headerFault = (bytes: Uint8Array, at: number, verdict: number): Fault => {
  const subcode = -verdict
  switch (subcode) {
    case HeaderSubcode.BadLength:
      return { code: 1, subcode, data: bytes.slice(at + 16, at + 18) }
    case HeaderSubcode.BadType:
      return { code: 1, subcode, data: bytes.slice(at + 18, at + 19) }
    default:
      return { code: 1, subcode, data: new Uint8Array(0) }
  }
}

export const HeaderSubcode = { NotSynchronized: 1, BadLength: 2, BadType: 3 } as const

/** Writes the header of a message of `length` bytes in all. */
export const writeHeader = (bytes: Uint8Array, at: number, length: number, type: number): void => {
  bytes.fill(0xff, at, at + 16)
  putU16(bytes, at + 16, length)
  bytes[at + 18] = type
}

/** An empty message of the type and length, to be filled from byte 19 on. */
export const messageOf = (type: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  writeHeader(bytes, 0, length, type)
  return bytes
}

/** Length of the message as its own header says. */
export const lengthAt = (bytes: Uint8Array, at: number): number => u16(bytes, at + 16)

/** Tells a fault from what a decoder gives when all is well. */
export const isFault = (decoded: object): decoded is Fault => "subcode" in decoded
