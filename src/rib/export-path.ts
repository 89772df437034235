// AS_PATH as it leaves us: our own numbers in front towards external peers (RFC 4271 §5.1.2), in a sequence of the confederation towards
// its other members (RFC 5065 §4.1), a peer's own number replaced where its operator asked for that, two octets for speakers that know
// no more (RFC 6793 §4.2.2).
import { AS_TRANS, AttributeType } from "../wire/index.ts"
import { wordAt } from "./attribute-facts.ts"
import { isOutside, PeerKind } from "./peers.ts"
import { copy, putWord, writeHeader } from "./put.ts"
import type { ExportParameters } from "./transform.ts"

const AS_SEQUENCE = 2
const CONFED_SEQUENCE = 3
const MEMBERS_MAX = 255

/**
 * How many numbers of our own stand in front: the session's, and behind it the router's where that is another one. A route server puts
 * its number in front of what it says itself, and of nothing else (RFC 4271 §5.1.2 b, RFC 7947 §2.2.2).
 */
const prependCount = (to: ExportParameters, isLocal: boolean): number => {
  switch (to.kind) {
    case PeerKind.ConfederationMember:
      return 1
    case PeerKind.External:
      return to.routerAs === 0 ? 1 : 2
    case PeerKind.RouteServerClient:
      return isLocal ? 1 : 0
    default:
      return 0
  }
}

/** What our own numbers stand in. */
const ownSegment = (to: ExportParameters): number =>
  to.kind === PeerKind.ConfederationMember ? CONFED_SEQUENCE : AS_SEQUENCE

/** Whether they join the segment that a path begins with: one of their kind, with room. */
const joinsFirst = (bytes: Uint8Array, value: number, length: number, to: ExportParameters, count: number): boolean => {
  if (count === 0) return false
  const first = firstTold(bytes, value, length, to)
  return first < value + length && bytes[first] === ownSegment(to) && bytes[first + 1] + count <= MEMBERS_MAX
}

/** Where the first segment is that the class is told of. */
const firstTold = (bytes: Uint8Array, value: number, length: number, to: ExportParameters): number => {
  let at = value
  while (at < value + length && !isTold(bytes[at], to)) at += 2 + bytes[at + 1] * 4
  return at
}

/** Writes AS_PATH. */
export const writeAsPath = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  to: ExportParameters,
  isLocal: boolean
): number => {
  const count = prependCount(to, isLocal)
  const joins = joinsFirst(bytes, value, length, to, count)
  const size = to.as4 ? 4 : 2
  let newLength = count === 0 ? 0 : count * size + (joins ? 0 : 2)
  for (let from = value; from < value + length; from += 2 + bytes[from + 1] * 4) {
    if (isTold(bytes[from], to)) newLength += 2 + bytes[from + 1] * size
  }
  at = writeHeader(target, at, 0x40, AttributeType.AsPath, newLength)
  return writeSegments(target, at, bytes, value, length, joins, count, to, to.as4)
}

/** Writes AS4_PATH where a two-octet speaker cannot read all of the AS_PATH at `value` (RFC 6793 §4.2.2), else nothing. */
export const writeAs4Path = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  to: ExportParameters,
  isLocal: boolean
): number => {
  const count = prependCount(to, isLocal)
  let isHidden = isOutside(to.kind) && count > 0 && (to.localAs > 0xffff || to.routerAs > 0xffff)
  for (let from = value; from < value + length && !isHidden; from += 2 + bytes[from + 1] * 4) {
    if (bytes[from] >= CONFED_SEQUENCE) continue
    for (let member = 0; member < bytes[from + 1]; member++) {
      isHidden ||= toldAs(wordAt(bytes, from + 2 + member * 4), to) > 0xffff
    }
  }
  return isHidden ? writeWholePath(target, at, bytes, value, length, to, count) : at
}

/** RFC 5065 §5.3: segments of a confederation do not leave it, and nobody outside of our AS shares one with us. */
const isTold = (segment: number, to: ExportParameters): boolean => segment < CONFED_SEQUENCE || !isOutside(to.kind)

const toldAs = (asn: number, to: ExportParameters): number =>
  asn === to.overriddenAs && to.overriddenAs !== 0 ? to.localAs : asn

const writeSegments = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  joins: boolean,
  count: number,
  to: ExportParameters,
  as4: boolean
): number => {
  if (count > 0 && !joins) {
    target[at++] = ownSegment(to)
    target[at++] = count
    at = putOwn(target, at, to, as4)
  }
  const firstAt = joins ? firstTold(bytes, value, length, to) : -1
  for (let from = value; from < value + length; ) {
    const members = bytes[from + 1]
    if (!isTold(bytes[from], to)) {
      from += 2 + members * 4
      continue
    }
    const first = from === firstAt
    target[at++] = bytes[from]
    target[at++] = first ? members + count : members
    if (first) at = putOwn(target, at, to, as4)
    from += 2
    for (let member = 0; member < members; member++, from += 4)
      at = putAs(target, at, toldAs(wordAt(bytes, from), to), as4)
  }
  return at
}

const putOwn = (target: Uint8Array, at: number, to: ExportParameters, as4: boolean): number => {
  at = putAs(target, at, to.localAs, as4)
  return to.routerAs === 0 ? at : putAs(target, at, to.routerAs, as4)
}

export const putAs = (target: Uint8Array, at: number, asn: number, as4: boolean): number => {
  if (as4) return putWord(target, at, asn)
  const short = asn > 0xffff ? AS_TRANS : asn
  target[at] = short >>> 8
  target[at + 1] = short
  return at + 2
}

/** All of the path but the segments of a confederation. */
const writeWholePath = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  to: ExportParameters,
  count: number
): number => {
  const body = new Uint8Array(length + 10)
  const joins = joinsFirst(bytes, value, length, to, count)
  const whole = writeSegments(body, 0, bytes, value, length, joins, count, to, true)
  let told = 0
  for (let from = 0; from < whole; from += 2 + body[from + 1] * 4) {
    if (body[from] < CONFED_SEQUENCE) told += 2 + body[from + 1] * 4
  }
  at = writeHeader(target, at, 0xc0, AttributeType.As4Path, told)
  for (let from = 0; from < whole; ) {
    const after = from + 2 + body[from + 1] * 4
    if (body[from] < CONFED_SEQUENCE) at = copy(target, at, body, from, after)
    from = after
  }
  return at
}
