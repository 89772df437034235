// The two small messages: KEEPALIVE (RFC 4271 §4.4) and ROUTE-REFRESH with the subtypes that mark where a refresh begins and ends
// (RFC 2918, RFC 7313).
import { putU16, u16 } from "./address.ts"
import { type Fault, HEADER_BYTES, MessageType, messageOf } from "./header.ts"

export interface RouteRefresh {
  readonly afi: number
  readonly safi: number
  readonly subtype: number
}

/** RFC 7313 §3.2: a request, or the marks around the answer to one. */
export const RefreshSubtype = { Request: 0, Begin: 1, End: 2 } as const

const REFRESH_BYTES = 23

export const keepalive = (): Uint8Array => messageOf(MessageType.Keepalive, HEADER_BYTES)

export const encodeRouteRefresh = (refresh: RouteRefresh): Uint8Array => {
  const bytes = messageOf(MessageType.RouteRefresh, REFRESH_BYTES)
  putU16(bytes, 19, refresh.afi)
  bytes[21] = refresh.subtype
  bytes[22] = refresh.safi
  return bytes
}

/**
 * The ROUTE-REFRESH of `length` bytes at `at`. A request may be longer, with filters that we did not ask for (RFC 5291) and skip;
 * marks may not (RFC 7313 §5: the answer holds the whole message). Other subtypes are for the caller to ignore.
 */
export const decodeRouteRefresh = (bytes: Uint8Array, at: number, length: number): RouteRefresh | Fault => {
  const subtype = bytes[at + 21]
  const isMark = subtype === RefreshSubtype.Begin || subtype === RefreshSubtype.End
  if (length < REFRESH_BYTES || (isMark && length !== REFRESH_BYTES)) {
    return { code: 7, subcode: 1, data: bytes.slice(at, at + length) }
  }
  return { afi: u16(bytes, at + 19), subtype, safi: bytes[at + 22] }
}
