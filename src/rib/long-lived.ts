// LLGR_STALE as an attribute set of its own: a path that ages is given its old attributes with one community more (RFC 9494 §4.2).
// Decision, export and adj-out then see a route whose attributes changed, and need no other word for staleness.
import { AttributeFlag, AttributeType } from "../wire/index.ts"
import { LLGR_STALE } from "./attribute-facts.ts"
import { type AttributeId, type AttributeStore, CARRIED } from "./attribute-store.ts"
import { copy, putWord, writeHeader, writeWord } from "./put.ts"

const scratch: Uint8Array = new Uint8Array(70_000)

/** The set `id` with the community LLGR_STALE. The caller retains it, or gives it back with `discardUnused`. */
export const withLongLivedStale = (store: AttributeStore, id: AttributeId): AttributeId => {
  const bytes = store.chunkOf(id)
  const end = store.blockEndOf(id)
  let at = 0
  let added = false
  for (let from = store.startOf(id); from < end; ) {
    const extended = (bytes[from] & AttributeFlag.ExtendedLength) !== 0
    const type = bytes[from + 1]
    const length = extended ? (bytes[from + 2] << 8) | bytes[from + 3] : bytes[from + 2]
    const value = from + (extended ? 4 : 3)
    if (!added && type > AttributeType.Communities) {
      at = putLongLivedStale(at)
      added = true
    }
    if (type === AttributeType.Communities) {
      at = copy(scratch, writeHeader(scratch, at, COMMUNITIES_FLAGS, type, length + 4), bytes, value, value + length)
      at = putWord(scratch, at, LLGR_STALE)
      added = true
    } else at = copy(scratch, at, bytes, from, value + length)
    from = value + length
  }
  if (!added) at = putLongLivedStale(at)
  const nextHopLength = store.nextHopLengthOf(id)
  at = copy(scratch, at, bytes, end, end + (nextHopLength & ~CARRIED))
  return store.intern(scratch, 0, at, nextHopLength)
}

const putLongLivedStale = (at: number): number =>
  writeWord(scratch, at, COMMUNITIES_FLAGS, AttributeType.Communities, LLGR_STALE)

const COMMUNITIES_FLAGS = 0xc0
