// The form in which attributes are interned: the block of the UPDATE without MP_REACH_NLRI, MP_UNREACH_NLRI and whatever RFC 7606 has
// discarded, AS numbers in 4 octets. From nearly every peer that is the received span itself and nothing is copied.
import { assert } from "../machine/index.ts"
import type { AttributeId, AttributeStore } from "../rib/index.ts"
import {
  AttributeType,
  decodeAttributes,
  encodeAttributes,
  reconcileAs4,
  type UpdateContext,
  type UpdateView
} from "../wire/index.ts"

const scratch: Uint8Array = new Uint8Array(70_000)

/** Interns the attributes of a judged UPDATE; `multiprotocol` takes the next hop from MP_REACH_NLRI. */
export const canonicalAttributes = (
  store: AttributeStore,
  view: UpdateView,
  context: UpdateContext,
  multiprotocol: boolean
): AttributeId => {
  const { bytes, attributesAt, attributesEnd } = view
  const untouched =
    context.as4 &&
    view.discarded.length === 0 &&
    view.valueAt[AttributeType.MpReach] < 0 &&
    view.valueAt[AttributeType.MpUnreach] < 0
  if (untouched) return store.intern(bytes, attributesAt, attributesEnd, 0)
  let end = copyKept(view)
  if (!context.as4) end = widen(end)
  if (!multiprotocol) return store.intern(scratch, 0, end, 0)
  const length = view.reachNextHopLength
  for (let index = 0; index < length; index++) scratch[end++] = bytes[view.reachNextHopAt + index]
  assert(end <= scratch.length, "attributes longer than a message")
  return store.intern(scratch, 0, end, length)
}

/** Copies the attributes that count, first occurrences only, into the scratch bytes. */
const copyKept = (view: UpdateView): number => {
  const { bytes } = view
  let end = 0
  for (let at = view.attributesAt; at < view.attributesEnd; ) {
    const extended = (bytes[at] & 0x10) !== 0
    const type = bytes[at + 1]
    const value = at + (extended ? 4 : 3)
    const after = value + (extended ? (bytes[at + 2] << 8) | bytes[at + 3] : bytes[at + 2])
    const kept =
      type !== AttributeType.MpReach && type !== AttributeType.MpUnreach && view.valueAt[type] === value
    if (kept) for (let index = at; index < after; index++) scratch[end++] = bytes[index]
    at = after
  }
  return end
}

/** RFC 6793 §4.2.3: from an old speaker, AS_PATH and AS4_PATH become one path of 4-octet numbers. */
const widen = (end: number): number => {
  const wide = encodeAttributes(reconcileAs4(decodeAttributes(scratch, 0, end, false)), true)
  scratch.set(wide)
  return wide.length
}
