// Routes of carried families on their way through the RIB. What of an NLRI is not its key (labels, a gateway) belongs to the value of the
// route, and lives where the other attributes are: behind the block, in the tail of the set. So a route whose label changes is a route
// whose attributes changed, and nobody needs another word for it (ADR-0032).
import { type Family, NlriParts, splitCarried } from "../wire/index.ts"
import { type AttributeId, type AttributeStore, CARRIED } from "./attribute-store.ts"
import type { KeyTable } from "./key-table.ts"
import type { PrefixId } from "./prefix-table.ts"
import { copy } from "./put.ts"

/** Below this, the size of an NLRI makes no difference to anybody. */
const SMALL_BYTES = 256
const TAIL_HEADER_BYTES = 3
/** Bytes of a next hop at most: two, each with a distinguisher. */
export const CARRIED_NEXT_HOP_BYTES_MAX = 48

const scratch: Uint8Array = new Uint8Array(70_000)

/** Writes the tail of a route whose value is not known yet; returns its length. */
export const putTail = (target: Uint8Array, at: number, bytes: Uint8Array, from: number, length: number): number => {
  target[at] = length
  target[at + 1] = SMALL_BYTES >>> 8
  target[at + 2] = SMALL_BYTES & 0xff
  copy(target, at + TAIL_HEADER_BYTES, bytes, from, from + length)
  return TAIL_HEADER_BYTES + length
}

/** Where the next hop of a set with a tail is, in its chunk, and where the value behind it begins and ends. */
export const tailOf = (store: AttributeStore, id: AttributeId) => {
  const start = store.blockEndOf(id)
  const nextHopAt = start + TAIL_HEADER_BYTES
  const valueAt = nextHopAt + store.chunkOf(id)[start]
  return { nextHopAt, valueAt, valueEnd: start + (store.nextHopLengthOf(id) & ~CARRIED) }
}

/** Bytes that an NLRI of a set with a tail takes at most. */
export const nlriBytesMaxOf = (store: AttributeStore, id: AttributeId): number => {
  const at = store.blockEndOf(id)
  const bytes = store.chunkOf(id)
  return (bytes[at + 1] << 8) | bytes[at + 2]
}

export type LearnKey = (id: PrefixId, pathId: number, attributes: AttributeId) => void

/** Reads the routes of a judged span and gives them out with the set that holds their value too. */
export class CarriedReader {
  private readonly store: AttributeStore
  private readonly parts: NlriParts = new NlriParts()

  constructor(store: AttributeStore) {
    this.store = store
  }

  learn(
    table: KeyTable,
    bytes: Uint8Array,
    from: number,
    to: number,
    addPath: boolean,
    attributes: AttributeId,
    learn: LearnKey
  ): void {
    const { parts, store } = this
    for (let at = from; at < to; ) {
      const pathId = addPath ? pathIdAt(bytes, at) : 0
      at = splitCarried(parts, table.family, bytes, addPath ? at + 4 : at)
      const id = table.internKey(parts.key, parts.keyLength)
      const set = this.withValue(attributes, table.nlriBytesMax(id))
      learn(id, pathId, set)
      if (set !== attributes) store.discardUnused(set)
    }
  }

  forget(
    table: KeyTable,
    bytes: Uint8Array,
    from: number,
    to: number,
    addPath: boolean,
    forget: (id: PrefixId, pathId: number) => void
  ): void {
    const { parts } = this
    for (let at = from; at < to; ) {
      const pathId = addPath ? pathIdAt(bytes, at) : 0
      at = splitCarried(parts, table.family, bytes, addPath ? at + 4 : at)
      const id = table.findKey(parts.key, parts.keyLength)
      if (id !== -1) forget(id, pathId)
    }
  }

  /** The set with the value of the NLRI at hand. */
  private withValue(attributes: AttributeId, nlriBytes: number): AttributeId {
    const { parts, store } = this
    if (parts.valueLength === 0 && nlriBytes <= SMALL_BYTES) return attributes
    const bytes = store.chunkOf(attributes)
    const start = store.startOf(attributes)
    const tail = store.blockEndOf(attributes) - start
    const { valueEnd } = tailOf(store, attributes)
    let end = copy(scratch, 0, bytes, start, valueEnd)
    const size = Math.max(SMALL_BYTES, nlriBytes)
    scratch[tail + 1] = size >>> 8
    scratch[tail + 2] = size
    end = copy(scratch, end, parts.value, 0, parts.valueLength)
    return store.intern(scratch, 0, end, CARRIED | (end - tail))
  }
}

const pathIdAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

/** What stands for the next hop of a carried family where an address is asked for: there is one, and it goes on as it came. */
export const AS_IT_CAME: ReadonlyArray<number> = [0]

export const isKeyFamily = (family: Family): boolean => family > 1
