// Finds messages and attributes in bytes that the kernel sent. Bytes from outside are judged, never trusted: a length that does not
// fit ends the walk, and the caller learns where.
import { ErrorAttribute, NetlinkFlag } from "./numbers.ts"
import { HEADER_BYTES, load16, load32 } from "./writer.ts"

/** `at` and `end` bound the payload: what follows the sixteen bytes of the header. */
export type MessageVisitor = (type: number, flags: number, seq: number, port: number, at: number, end: number) => void

/** Visits each message between `from` and `to`; returns where it stopped: `to`, or the start of what is cut short or malformed. */
export const eachMessage = (bytes: Uint8Array, visit: MessageVisitor, from = 0, to = bytes.length): number => {
  let at = from
  while (at + HEADER_BYTES <= to) {
    const size = load32(bytes, at)
    if (size < HEADER_BYTES || at + size > to) return at
    visit(
      load16(bytes, at + 4),
      load16(bytes, at + 6),
      load32(bytes, at + 8),
      load32(bytes, at + 12),
      at + HEADER_BYTES,
      at + size
    )
    at += align4(size)
  }
  return Math.min(at, to)
}

export interface Message {
  readonly type: number
  readonly flags: number
  readonly seq: number
  readonly port: number
  readonly at: number
  readonly end: number
}

/** The messages as objects, where speed does not matter. */
export const messagesOf = (bytes: Uint8Array): ReadonlyArray<Message> => {
  const found: Array<Message> = []
  eachMessage(bytes, (type, flags, seq, port, at, end) => {
    found.push({ type, flags, seq, port, at, end })
  })
  return found
}

/** Visits each attribute between `at` and `end`: its type without the nested and byte-order bits, and where its value lies. */
export const eachAttribute = (
  bytes: Uint8Array,
  at: number,
  end: number,
  visit: (type: number, at: number, length: number) => void
): void => {
  let next = at
  while (next + 4 <= end) {
    const size = load16(bytes, next)
    if (size < 4 || next + size > end) return
    visit(load16(bytes, next + 2) & ATTRIBUTE_TYPE_MASK, next + 4, size - 4)
    next += align4(size)
  }
}

export const ATTRIBUTE_TYPE_MASK = 0x3fff

export const align4 = (size: number): number => (size + 3) & ~3

/** What NLMSG_ERROR says: errno 0 is an acknowledgement. */
export interface ErrorReply {
  /** Positive, as in `Errno`; 0: done. */
  readonly errno: number
  /** Of the request that it answers. */
  readonly seq: number
  /** nlmsg_type of the request. */
  readonly request: number
  /** The kernel's own words, from the extended acknowledgement; often empty. */
  readonly text: string
}

/** Decodes the payload of an NLMSG_ERROR; `at` must follow its header. */
export const decodeError = (bytes: Uint8Array, at: number, end: number): ErrorReply => {
  if (end - at < 4 + HEADER_BYTES) return { errno: 0, seq: 0, request: 0, text: "" }
  const errno = 0 - (load32(bytes, at) | 0)
  const flags = load16(bytes, at - HEADER_BYTES + 6)
  // A capped reply repeats only the header of the request; acknowledgements always do.
  const capped = (flags & NetlinkFlag.Capped) !== 0 || errno === 0
  const attributesAt = at + 4 + (capped ? HEADER_BYTES : align4(load32(bytes, at + 4)))
  const text = (flags & NetlinkFlag.AckAttributes) === 0 ? "" : acknowledgementText(bytes, attributesAt, end)
  return { errno, seq: load32(bytes, at + 12), request: load16(bytes, at + 8), text }
}

/** Decodes the payload of an NLMSG_DONE: a dump may fail at its end. */
export const decodeDone = (
  bytes: Uint8Array,
  at: number,
  end: number
): { readonly errno: number; readonly text: string } => {
  if (end - at < 4) return { errno: 0, text: "" }
  const flags = load16(bytes, at - HEADER_BYTES + 6)
  const text = (flags & NetlinkFlag.AckAttributes) === 0 ? "" : acknowledgementText(bytes, at + 4, end)
  return { errno: 0 - (load32(bytes, at) | 0), text }
}

const acknowledgementText = (bytes: Uint8Array, at: number, end: number): string => {
  let text = ""
  if (at > end) return text
  eachAttribute(bytes, at, end, (type, valueAt, length) => {
    if (type === ErrorAttribute.Message) text = loadText(bytes, valueAt, length)
  })
  return text
}

/** A text up to its closing zero; bytes beyond ASCII are shown as they are, one by one. */
export const loadText = (bytes: Uint8Array, at: number, length: number): string => {
  let text = ""
  for (let index = at; index < at + length && bytes[index] !== 0; index++) text += String.fromCharCode(bytes[index])
  return text
}
