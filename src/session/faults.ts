// The NOTIFICATIONs that a session machine sends of its own accord: what ended the session, in the codes of RFC 4271 §4.5 and the
// documents that refined them (4486, 6608, 8538, 9003, 9687). Errors that a decoder finds come with their own.
import type { Fault } from "../wire/index.ts"

/** RFC 4486 §3, with 8538 and 9384. */
export const CeaseSubcode = {
  PrefixLimit: 1,
  AdministrativeShutdown: 2,
  PeerRemoved: 3,
  AdministrativeReset: 4,
  ConnectionRejected: 5,
  ConfigurationChanged: 6,
  Collision: 7,
  OutOfResources: 8,
  HardReset: 9,
  BfdDown: 10
} as const

export const OpenSubcode = {
  Version: 1,
  PeerAs: 2,
  Identifier: 3,
  HoldTime: 6,
  Capability: 7
} as const

export const FaultCode = {
  Header: 1,
  Open: 2,
  Update: 3,
  Hold: 4,
  Machine: 5,
  Cease: 6,
  Refresh: 7,
  SendHold: 8
} as const

export const fault = (code: number, subcode: number, data: ReadonlyArray<number> = []): Fault => ({
  code,
  subcode,
  data: Uint8Array.from(data)
})

export const cease = (subcode: number, data: ReadonlyArray<number> = []): Fault => fault(FaultCode.Cease, subcode, data)

/** A Cease with words for the operator at the other end (RFC 9003 §2): a length, then UTF-8, cut at a character. */
export const ceaseSaying = (subcode: number, communication: string): Fault => {
  const text = utf8(communication, COMMUNICATION_BYTES_MAX)
  return cease(subcode, text.length === 0 ? [] : [text.length, ...text])
}

/** RFC 4486 §4: family and limit, so that the other end knows which one it exceeded. */
export const prefixLimit = (afi: number, safi: number, limit: number): Fault =>
  cease(CeaseSubcode.PrefixLimit, [
    afi >> 8,
    afi & 255,
    safi,
    limit >>> 24,
    (limit >>> 16) & 255,
    (limit >>> 8) & 255,
    limit & 255
  ])

/** RFC 8538 §3.1: a Cease that ends the session and its routes, wrapped for a peer that would otherwise keep them. */
export const hardReset = (inner: Fault): Fault =>
  cease(CeaseSubcode.HardReset, [inner.code, inner.subcode, ...inner.data])

/** RFC 6608: a message that does not belong in the state; the data names its type. */
export const unexpected = (stateSubcode: number, messageType: number): Fault =>
  fault(FaultCode.Machine, stateSubcode, [messageType])

const COMMUNICATION_BYTES_MAX = 255

/** The longest run of whole characters whose UTF-8 form fits. Lone surrogates become U+FFFD. */
const utf8 = (text: string, bytesMax: number): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  for (const character of text) {
    const encoded = encodePoint(character.codePointAt(0)!)
    if (bytes.length + encoded.length > bytesMax) break
    bytes.push(...encoded)
  }
  return bytes
}

const encodePoint = (codePoint: number): ReadonlyArray<number> => {
  const point = codePoint >= 0xd800 && codePoint <= 0xdfff ? 0xfffd : codePoint
  if (point < 0x80) return [point]
  if (point < 0x800) return [0xc0 | (point >> 6), 0x80 | (point & 63)]
  if (point < 0x10000) return [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)]
  return [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)]
}
