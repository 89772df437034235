// AS_PATH as it leaves us: our own numbers in front towards external peers (RFC 4271 §5.1.2), a peer's own number replaced where its
// operator asked for that, two octets for speakers that know no more (RFC 6793 §4.2.2).
import { AS_TRANS, AttributeType } from "../wire/index.ts"
import { wordAt } from "./attribute-facts.ts"
import { PeerKind } from "./peers.ts"
import { copy, putWord, writeHeader } from "./put.ts"
import type { ExportParameters } from "./transform.ts"

const AS_SEQUENCE = 2
const CONFED_SEQUENCE = 3
const MEMBERS_MAX = 255

/** How many numbers of our own stand in front: the session's, and behind it the router's where that is another one. */
const prependCount = (to: ExportParameters): number => {
  if (to.kind !== PeerKind.External) return 0
  return to.routerAs === 0 ? 1 : 2
}

/** Writes AS_PATH, and AS4_PATH behind it where a two-octet speaker could not read all of it. */
export const writeAsPath = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  to: ExportParameters
): number => {
  const count = prependCount(to)
  // They join the first sequence if there is room for them, else they are a segment of their own.
  const joins = count > 0 && length > 0 && bytes[value] === AS_SEQUENCE && bytes[value + 1] + count <= MEMBERS_MAX
  const size = to.as4 ? 4 : 2
  let newLength = count === 0 ? 0 : count * size + (joins ? 0 : 2)
  let lossy = !to.as4 && count > 0 && (to.localAs > 0xffff || to.routerAs > 0xffff)
  for (let from = value; from < value + length; from += 2 + bytes[from + 1] * 4) {
    if (!isTold(bytes[from], to)) continue
    newLength += 2 + bytes[from + 1] * size
    if (to.as4) continue
    for (let member = 0; member < bytes[from + 1]; member++) {
      lossy ||= toldAs(wordAt(bytes, from + 2 + member * 4), to) > 0xffff
    }
  }
  at = writeHeader(target, at, 0x40, AttributeType.AsPath, newLength)
  at = writeSegments(target, at, bytes, value, length, joins, to, to.as4)
  return lossy ? writeAs4Path(target, at, bytes, value, length, joins, to) : at
}

/** RFC 5065 §5.3: segments of a confederation do not leave it, and nobody outside of our AS shares one with us. */
const isTold = (segment: number, to: ExportParameters): boolean =>
  segment < CONFED_SEQUENCE || (to.kind !== PeerKind.External && to.kind !== PeerKind.RouteServerClient)

const toldAs = (asn: number, to: ExportParameters): number =>
  asn === to.overriddenAs && to.overriddenAs !== 0 ? to.localAs : asn

const writeSegments = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  joins: boolean,
  to: ExportParameters,
  as4: boolean
): number => {
  const count = prependCount(to)
  if (count > 0 && !joins) {
    target[at++] = AS_SEQUENCE
    target[at++] = count
    at = putOwn(target, at, to, as4)
  }
  for (let from = value; from < value + length; ) {
    const members = bytes[from + 1]
    if (!isTold(bytes[from], to)) {
      from += 2 + members * 4
      continue
    }
    const first = from === value && joins
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

/** What AS_TRANS hides travels in AS4_PATH, without confederation segments. */
const writeAs4Path = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  joins: boolean,
  to: ExportParameters
): number => {
  const start = at
  const body = new Uint8Array(length + 10)
  const whole = writeSegments(body, 0, bytes, value, length, joins, to, true)
  at += 4
  for (let from = 0; from < whole; ) {
    const after = from + 2 + body[from + 1] * 4
    if (body[from] < CONFED_SEQUENCE) at = copy(target, at, body, from, after)
    from = after
  }
  target[start] = 0xd0
  target[start + 1] = AttributeType.As4Path
  target[start + 2] = (at - start - 4) >>> 8
  target[start + 3] = at - start - 4
  return at
}
