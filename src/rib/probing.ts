// Hash tables that hold nothing but numbers, for things that lie in columns under ids: linear probing, at most half full. Of an entry of a
// table with 2^k slots the low k bits are id + 1; bits k to 27 are those of the hash, so that nearly every other thing is passed by
// without looking at it, which would be a miss of the cache; the upper four say how far from its home the entry is. So nobody has to
// look at a thing to move its entry: not when another one goes, and not when the table grows (ADR-0052).
import { assert, handOut } from "../machine/index.ts"

/** Knows the hash of what lies under an id. Asked only of entries that are far from home. */
export interface Hashed {
  readonly hashOf: (id: number) => number
}

/** An entry without its id, for one that is at home: what is looked for there. */
export const wantedAt = (hash: number): number => hash & FRAGMENT

/** What is looked for one slot further on. */
export const wantedNext = (wanted: number): number => (wanted >>> FAR_SHIFT === FAR ? wanted : (wanted + STEP) | 0)

/** Empties a slot. What probed past it moves into it, so that no tombstones pile up. */
export const vacate = (slots: Int32Array, hole: number, hashed: Hashed): void => {
  const mask = slots.length - 1
  for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
    const entry = slots[slot]
    if (entry === 0) break
    let distance = entry >>> FAR_SHIFT
    if (distance === FAR) distance = (slot - hashed.hashOf((entry & mask) - 1)) & mask
    const gap = (slot - hole) & mask
    if (distance < gap) continue
    slots[hole] = at(entry, distance - gap)
    hole = slot
  }
  slots[hole] = 0
}

/**
 * A larger table with the same entries: twice the size, or four times for what has become large, as columns do (`nextCapacity`). Both are
 * gone through from one end to the other, and nothing else is.
 */
export const enlarged = (slots: Int32Array, hashed: Hashed): Int32Array => {
  const { length } = slots
  // Not a branch of its own: code that was compiled before a table grew so large would not know it.
  const size = length << (length === LARGE ? 2 : 1)
  assert(size <= SLOTS_MAX, "a hash table of more slots than an entry can name")
  const larger = new Int32Array(size)
  handOut(larger)
  const mask = size - 1
  for (let index = 0; index < length; index++) {
    const entry = slots[index]
    if (entry === 0) continue
    const id = (entry & (length - 1)) - 1
    const distance = entry >>> FAR_SHIFT
    // The hash's next bits stand where the id has more from now on.
    const home = distance === FAR ? hashed.hashOf(id) : ((index - distance) & (length - 1)) | (entry & (size - length))
    let slot = home & mask
    let away = 0
    for (; larger[slot] !== 0; slot = (slot + 1) & mask) away++
    larger[slot] = at((entry & FRAGMENT & ~mask) | (id + 1), away)
  }
  return larger
}

const at = (entry: number, distance: number): number => (entry & FRAGMENT) | (Math.min(distance, FAR) << FAR_SHIFT)

/** So far, or farther. */
const FAR = 15
const FAR_SHIFT = 28
const STEP = 1 << FAR_SHIFT
const FRAGMENT = STEP - 1
const SLOTS_MAX = STEP
/** Room for a quarter of a full table: for more than that, there will be room for all of it. */
const LARGE = 1 << 19
