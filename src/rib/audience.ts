// Who is told something, as bitmaps of a class's members: each distinct one is kept once under a number, so that an entry of adj-out
// needs one word whatever the number of members. "Everybody but these" is said as such: whoever joins later belongs to it.
import { assert, fold } from "../machine/index.ts"
import { grown } from "./prefix-table.ts"

export type AudienceId = number

/** Everybody, always. */
export const EVERYBODY: AudienceId = 0

const CAPACITY_MIN = 16

export class Audiences {
  /** Words of a bitmap: one bit for each member's slot. */
  stride = 1
  /** Routes of adj-out that are told to each audience. */
  routes: Uint32Array = new Uint32Array(CAPACITY_MIN)
  private words: Uint32Array = new Uint32Array(CAPACITY_MIN)
  /** 1: the bits say who is left out. */
  private inverted: Uint8Array = new Uint8Array(CAPACITY_MIN)
  private holders: Uint32Array = new Uint32Array(CAPACITY_MIN)
  /** id + 1, or 0. Linear probing, at most half full. */
  private slots: Uint32Array = new Uint32Array(CAPACITY_MIN * 2)
  private free: Array<AudienceId> = []
  private bound = 0

  constructor() {
    assert(this.intern(new Uint32Array(1), true) === EVERYBODY, "everybody is the first audience")
  }

  /** Room for members up to this slot. */
  fit(slot: number): void {
    if (slot < this.stride * 32) return
    const stride = this.stride * 2
    const words = new Uint32Array(this.holders.length * stride)
    for (let id = 0; id < this.bound; id++) {
      for (let word = 0; word < this.stride; word++) words[id * stride + word] = this.words[id * this.stride + word]
    }
    this.words = words
    this.stride = stride
    this.fit(slot)
  }

  /** The audience of these bits, or of everybody else. The caller holds it and gives it back with `release`. */
  intern(bits: Uint32Array, inverted: boolean): AudienceId {
    const { slots, stride } = this
    const mask = slots.length - 1
    let slot = this.hash(bits, 0, inverted) & mask
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const id = slots[slot] - 1
      if (!this.equals(id, bits, inverted)) continue
      this.holders[id]++
      return id
    }
    if ((this.bound + 1) * 2 > slots.length) {
      this.grow()
      return this.intern(bits, inverted)
    }
    const id = this.free.pop() ?? this.bound++
    for (let word = 0; word < stride; word++) this.words[id * stride + word] = bits[word]
    this.inverted[id] = inverted ? 1 : 0
    this.holders[id] = 1
    slots[slot] = id + 1
    return id
  }

  retain(id: AudienceId): void {
    this.holders[id]++
  }

  release(id: AudienceId): void {
    assert(this.holders[id] > 0, "release of an audience that nobody holds")
    if (--this.holders[id] === 0) this.remove(id)
  }

  has(id: AudienceId, slot: number): boolean {
    return ((this.words[id * this.stride + (slot >>> 5)] >>> (slot & 31)) & 1) !== this.inverted[id]
  }

  /** Takes from `bits` all who are not in the audience. */
  intersect(bits: Uint32Array, id: AudienceId): void {
    const at = id * this.stride
    const flip = -this.inverted[id]
    for (let word = 0; word < this.stride; word++) bits[word] &= this.words[at + word] ^ flip
  }

  /** Takes from `bits` all who are in the audience. */
  subtract(bits: Uint32Array, id: AudienceId): void {
    const at = id * this.stride
    const flip = -this.inverted[id]
    for (let word = 0; word < this.stride; word++) bits[word] &= ~(this.words[at + word] ^ flip)
  }

  /** Routes that whoever has this slot is told, of those that are told to an audience. */
  routesTo(slot: number): number {
    let count = 0
    for (let id = 0; id < this.bound; id++) if (this.routes[id] > 0 && this.has(id, slot)) count += this.routes[id]
    return count
  }

  /** Distinct audiences in use. */
  get count(): number {
    return this.bound - this.free.length
  }

  private hash(words: Uint32Array, at: number, inverted: boolean): number {
    // Bitmaps grow: what lies behind the last member must not count.
    let last = this.stride
    while (last > 0 && words[at + last - 1] === 0) last--
    let hash = inverted ? 1 : 0
    for (let word = 0; word < last; word++) hash = fold(hash, words[at + word])
    return hash
  }

  private equals(id: AudienceId, bits: Uint32Array, inverted: boolean): boolean {
    if ((this.inverted[id] === 1) !== inverted) return false
    const at = id * this.stride
    for (let word = 0; word < this.stride; word++) if (this.words[at + word] !== bits[word]) return false
    return true
  }

  /** A hash of who is in it, that does not depend on its number. */
  hashOf(id: AudienceId): number {
    return this.hash(this.words, id * this.stride, this.inverted[id] === 1)
  }

  private remove(id: AudienceId): void {
    const { slots } = this
    const mask = slots.length - 1
    let hole = this.hashOf(id) & mask
    while (slots[hole] !== id + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.hashOf(slots[slot] - 1) & mask
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot]
        hole = slot
      }
    }
    slots[hole] = 0
    this.free.push(id)
  }

  private grow(): void {
    const capacity = this.holders.length * 2
    this.words = grown(this.words, capacity * this.stride)
    this.inverted = grown(this.inverted, capacity)
    this.holders = grown(this.holders, capacity)
    this.routes = grown(this.routes, capacity)
    const slots = new Uint32Array(capacity * 2)
    const mask = slots.length - 1
    for (const entry of this.slots) {
      if (entry === 0) continue
      let slot = this.hashOf(entry - 1) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry
    }
    this.slots = slots
  }
}

/** Calls `visit` with the place of every bit that is set. */
export const forEachBit = (bits: Uint32Array, words: number, visit: (place: number) => void): void => {
  for (let word = 0; word < words; word++) {
    for (let left = bits[word]; left !== 0; left &= left - 1) visit(word * 32 + 31 - Math.clz32(left & -left))
  }
}

export const isEmpty = (bits: Uint32Array, words: number): boolean => {
  for (let word = 0; word < words; word++) if (bits[word] !== 0) return false
  return true
}
