// The form in which attributes are interned: the block of the UPDATE without MP_REACH_NLRI, MP_UNREACH_NLRI and whatever RFC 7606 has
// discarded, in ascending order of type, AS numbers in 4 octets. From nearly every peer that is the received span itself and nothing is
// copied.
import { assert } from "../machine/index.ts"
import { type AttributeId, type AttributeStore, CARRIED, putTail } from "../rib/index.ts"
import {
  AttributeFlag,
  AttributeType,
  decodeAttributes,
  encodeAttributes,
  isRouted,
  reconcileAs4,
  SegmentType,
  type UpdateContext,
  type UpdateView
} from "../wire/index.ts"

/** What becomes of attributes on the way in beyond their form; the same for a whole session. */
export interface Intake {
  /** What ONLY_TO_CUSTOMER says where it is missing (RFC 9234 §5); 0: nothing. */
  readonly onlyToCustomer: number
  /** Our AS number towards the peer, where that is not the router's: it stands in front of what the peer says. Else 0. */
  readonly prepended: number
  /** Stands for a next hop that is only link-local, which says nothing without an interface; empty: nothing can. */
  readonly peerAddress: ReadonlyArray<number>
}

const scratch: Uint8Array = new Uint8Array(70_000)

/** Interns the attributes of a judged UPDATE; `multiprotocol` takes the next hop from MP_REACH_NLRI. */
export const canonicalAttributes = (
  store: AttributeStore,
  view: UpdateView,
  context: UpdateContext,
  intake: Intake,
  multiprotocol: boolean
): AttributeId => {
  const { bytes, attributesAt, attributesEnd } = view
  const { onlyToCustomer, prepended } = intakeFor(view, intake, multiprotocol)
  const untouched =
    context.as4 &&
    prepended === 0 &&
    (onlyToCustomer === 0 || view.valueAt[AttributeType.OnlyToCustomer] >= 0) &&
    view.isAscending &&
    view.discarded.length === 0 &&
    view.valueAt[AttributeType.MpReach] < 0 &&
    view.valueAt[AttributeType.MpUnreach] < 0
  if (untouched) return store.intern(bytes, attributesAt, attributesEnd, 0)
  let end = view.isAscending ? copyKept(view) : sortKept(view)
  if (!context.as4) end = widen(end)
  if (prepended !== 0) end = prepend(end, prepended)
  if (onlyToCustomer !== 0 && view.valueAt[AttributeType.OnlyToCustomer] < 0) {
    end = markOnlyToCustomer(end, onlyToCustomer)
  }
  assert(end + NEXT_HOP_BYTES <= scratch.length, "attributes longer than a message")
  if (!multiprotocol) return store.intern(scratch, 0, end, 0)
  if (!isRouted(view.reachFamily)) {
    const tail = putTail(scratch, end, bytes, view.reachNextHopAt, view.reachNextHopLength)
    return store.intern(scratch, 0, end + tail, CARRIED | tail)
  }
  const length = Math.min(view.reachNextHopLength, NEXT_HOP_BYTES)
  putNextHop(end, view, intake)
  return store.intern(scratch, 0, end + length, length)
}

/** RFC 9234 §5 is about unicast routes. */
const intakeFor = (view: UpdateView, intake: Intake, multiprotocol: boolean): Intake =>
  multiprotocol && !isRouted(view.reachFamily) ? { ...intake, onlyToCustomer: 0 } : intake

const NEXT_HOP_BYTES = 16

/**
 * Of the 32-byte form the global address counts (RFC 2545 §3). A link-local one alone needs its interface, which an address does not
 * name: the peer's own address stands for it, since the peer is on that link. From a peer that we know by a link-local address only it
 * stays what it is, and where there is a kernel it is not reachable.
 */
const putNextHop = (end: number, view: UpdateView, intake: Intake): void => {
  const { bytes, reachNextHopAt: at, reachNextHopLength: length } = view
  for (let index = 0; index < length && index < NEXT_HOP_BYTES; index++) scratch[end + index] = bytes[at + index]
  if (length < NEXT_HOP_BYTES || !isConfined(end)) return
  for (let index = 0; index < intake.peerAddress.length; index++) putWord(end + index * 4, intake.peerAddress[index])
  if (intake.peerAddress.length > 0 || length === NEXT_HOP_BYTES || scratch[end] !== 0) return
  for (let index = 0; index < NEXT_HOP_BYTES; index++) scratch[end + index] = bytes[at + NEXT_HOP_BYTES + index]
}

/** fe80::/10, or nothing at all. */
const isConfined = (at: number): boolean =>
  (scratch[at] === 0xfe && (scratch[at + 1] & 0xc0) === 0x80) ||
  scratch.subarray(at, at + NEXT_HOP_BYTES).every((byte) => byte === 0)

const putWord = (at: number, word: number): void => {
  for (let byte = 0; byte < 4; byte++) scratch[at + byte] = word >>> (24 - byte * 8)
}

/** Inserts ONLY_TO_CUSTOMER in its place. */
const markOnlyToCustomer = (end: number, asn: number): number => {
  let at = 0
  while (at < end && scratch[at + 1] < AttributeType.OnlyToCustomer) at = attributeEnd(at)
  scratch.copyWithin(at + 7, at, end)
  scratch.set([AttributeFlag.Optional | AttributeFlag.Transitive, AttributeType.OnlyToCustomer, 4], at)
  putWord(at + 3, asn)
  return end + 7
}

const attributeEnd = (at: number): number =>
  (scratch[at] & AttributeFlag.ExtendedLength) === 0
    ? at + 3 + scratch[at + 2]
    : at + 4 + ((scratch[at + 2] << 8) | scratch[at + 3])

/** A migration's AS number towards this peer counts as passed (RFC 7705 §3.1). */
const prepend = (end: number, asn: number): number => {
  const attributes = decodeAttributes(scratch, 0, end, true)
  const [first, ...rest] = attributes.asPath ?? []
  const joins = first?.type === SegmentType.Sequence && first.members.length < SEGMENT_MEMBERS_MAX
  const segments = first === undefined ? [] : joins ? rest : [first, ...rest]
  const front = { type: SegmentType.Sequence, members: joins ? [asn, ...first.members] : [asn] }
  const wide = encodeAttributes({ ...attributes, asPath: [front, ...segments] }, true)
  scratch.set(wide)
  return wide.length
}

const SEGMENT_MEMBERS_MAX = 255

/** Copies the attributes that count, first occurrences only, into the scratch bytes. */
const copyKept = (view: UpdateView): number => {
  const { bytes } = view
  let end = 0
  for (let at = view.attributesAt; at < view.attributesEnd; ) {
    const extended = (bytes[at] & 0x10) !== 0
    const type = bytes[at + 1]
    const value = at + (extended ? 4 : 3)
    const after = value + (extended ? (bytes[at + 2] << 8) | bytes[at + 3] : bytes[at + 2])
    const kept = type !== AttributeType.MpReach && type !== AttributeType.MpUnreach && view.valueAt[type] === value
    if (kept) for (let index = at; index < after; index++) scratch[end++] = bytes[index]
    at = after
  }
  return end
}

/** The same in ascending order of type: whoever inserts one on the way out looks for its place, and for its like, by that order. */
const sortKept = (view: UpdateView): number => {
  const { bytes, valueAt, valueLength, flags } = view
  let end = 0
  for (let type = 0; type < 256; type++) {
    if (valueAt[type] < 0 || type === AttributeType.MpReach || type === AttributeType.MpUnreach) continue
    const at = valueAt[type] - ((flags[type] & AttributeFlag.ExtendedLength) === 0 ? 3 : 4)
    const after = valueAt[type] + valueLength[type]
    for (let index = at; index < after; index++) scratch[end++] = bytes[index]
  }
  return end
}

/** RFC 6793 §4.2.3: from an old speaker, AS_PATH and AS4_PATH become one path of 4-octet numbers. */
const widen = (end: number): number => {
  const wide = encodeAttributes(reconcileAs4(decodeAttributes(scratch, 0, end, false)), true)
  scratch.set(wide)
  return wide.length
}
