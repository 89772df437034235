// Identities carry a generation: the index of a slot in the low 20 bits, how often the slot was reused in the high 12. A completion
// that names an old generation is recognised as late instead of being prevented (ADR-0009).
import { assert } from "./assert.ts"

/** index (20 bits) | generation (12 bits) << 20, as an unsigned word. */
export type Handle = number

const INDEX_BITS = 20
const INDEX_MASK = (1 << INDEX_BITS) - 1
const GENERATION_MASK = 0xfff

export const indexOf = (handle: Handle): number => handle & INDEX_MASK
export const generationOf = (handle: Handle): number => handle >>> INDEX_BITS

/** At most this many slots are in use at once. */
export const SLOTS_MAX: number = INDEX_MASK

/** Hands out handles; the lowest index that was freed last is used first, so that runs repeat exactly. */
export class Slots {
  private generations: Array<number> = []
  private used: Array<boolean> = []
  private free: Array<number> = []

  get size(): number {
    return this.generations.length - this.free.length
  }

  acquire(): Handle {
    const index = this.free.pop() ?? this.generations.length
    assert(index < SLOTS_MAX, "more slots in use than a handle can name")
    if (index === this.generations.length) {
      this.generations.push(0)
      this.used.push(false)
    }
    this.used[index] = true
    return ((this.generations[index] << INDEX_BITS) | index) >>> 0
  }

  release(handle: Handle): void {
    assert(this.holds(handle), "release of a handle that is not held")
    const index = indexOf(handle)
    this.used[index] = false
    this.generations[index] = (this.generations[index] + 1) & GENERATION_MASK
    this.free.push(index)
  }

  /** Whether the handle is the one that its slot was last acquired under. */
  holds(handle: Handle): boolean {
    const index = indexOf(handle)
    return this.used[index] === true && this.generations[index] === generationOf(handle)
  }

  clone(): Slots {
    const copy = new Slots()
    copy.generations = this.generations.slice()
    copy.used = this.used.slice()
    copy.free = this.free.slice()
    return copy
  }
}
