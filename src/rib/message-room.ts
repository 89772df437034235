// What fits into a message of a class: the header, the attributes as the class gets them, and at least one prefix (RFC 4271 §4.1, RFC 8654 §4).
import { isRouted } from "../wire/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { CARRIED_NEXT_HOP_BYTES_MAX, nlriBytesMaxOf } from "./carried.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, writeAttributes } from "./transform.ts"

export const HEADER_BYTES = 19
/** Longest NLRI of a family: length octet and address. */
const NLRI_BYTES_MAX: ReadonlyArray<number> = [5, 17]
/** MP_REACH_NLRI up to its NLRI, and one prefix. */
const MP_REACH_BYTES = 4 + 5 + 16 + 17
/** The path identifier before each prefix, where they were agreed on (RFC 7911 §3). */
export const PATH_ID_BYTES = 4

export const nlriBytesMax = ({ family, addPathSend }: ExportParameters): number =>
  NLRI_BYTES_MAX[family] + (addPathSend === 0 ? 0 : PATH_ID_BYTES)

/** What may be inserted into a set, at most. */
const INSERTED_BYTES_MAX = 80

/** Bytes at most up to where the prefixes of a message begin that announces a set. Twice, because AS4_PATH repeats what AS_PATH hides. */
export const openingBytesMax = (store: AttributeStore, attributes: AttributeId): number => {
  const stored = store.blockEndOf(attributes) - store.startOf(attributes)
  return HEADER_BYTES + 4 + stored * 2 + INSERTED_BYTES_MAX + MP_REACH_BYTES + CARRIED_NEXT_HOP_BYTES_MAX
}

/** Whether a set and one prefix fit into a message. */
export const fitsMessage = (
  store: AttributeStore,
  parameters: ExportParameters,
  attributes: AttributeId,
  source: RouteSource
): boolean => {
  const stored = store.blockEndOf(attributes) - store.startOf(attributes)
  const isCarried = !isRouted(parameters.family)
  const around = HEADER_BYTES + 4 + (isCarried ? nlriBytesMaxOf(store, attributes) : nlriBytesMax(parameters))
  // Twice, because AS4_PATH repeats what AS_PATH hides; the rest is what may be inserted.
  const worst =
    around + (parameters.as4 ? stored : stored * 2) + INSERTED_BYTES_MAX + (isCarried ? CARRIED_NEXT_HOP_BYTES_MAX : 0)
  if (worst <= parameters.messageBytesMax) return true
  // Nearly never: write it aside to learn its true length.
  const length = writeAttributes(new Uint8Array(worst * 2), 0, store, attributes, source, parameters)
  const hasMp = isCarried || exportedNextHop(store, attributes, source, parameters).length === 4
  const mp = hasMp ? MP_REACH_BYTES + (isCarried ? CARRIED_NEXT_HOP_BYTES_MAX : 0) : 0
  return around + length + mp <= parameters.messageBytesMax
}
