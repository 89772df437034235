// The NOTIFICATIONs that a session machine sends of its own accord: what ended the session, in the codes of RFC 4271 §4.5 and the
// documents that refined them (4486, 6608, 8538, 9003, 9687). Errors that a decoder finds come with their own.
import { CeaseSubcode, ErrorCode, type Fault, shutdownCommunication } from "../wire/index.ts"

export const fault = (code: number, subcode: number, data: ReadonlyArray<number> = []): Fault => ({
  code,
  subcode,
  data: Uint8Array.from(data)
})

export const cease = (subcode: number, data: ReadonlyArray<number> = []): Fault => fault(ErrorCode.Cease, subcode, data)

/** A Cease with words for the operator at the other end (RFC 9003). */
export const ceaseSaying = (subcode: number, communication: string): Fault => ({
  code: ErrorCode.Cease,
  subcode,
  data: shutdownCommunication(communication)
})

/** RFC 4486 §4: family and limit, so that the other end knows which one it exceeded. */
export const prefixLimit = (afi: number, safi: number, limit: number): Fault =>
  cease(CeaseSubcode.MaximumPrefixes, [...u16(afi), safi, ...u16(limit >>> 16), ...u16(limit & 0xffff)])

/** RFC 8538 §3.1: a Cease that ends the session and its routes, wrapped for a peer that would otherwise keep them. */
export const hardReset = (inner: Fault): Fault =>
  cease(CeaseSubcode.HardReset, [inner.code, inner.subcode, ...inner.data])

/** RFC 6608: a message that does not belong in the state; the data names its type. */
export const unexpected = (stateSubcode: number, messageType: number): Fault =>
  fault(ErrorCode.StateMachine, stateSubcode, [messageType])

const u16 = (word: number): ReadonlyArray<number> => [word >> 8, word & 255]
