// Prefixes of one family under dense numbers. RIB, adj-out and FIB keep columns indexed by these numbers instead of maps of their own:
// open addressing on (address, length) with the hash table holding nothing but numbers. A number is reused once nobody holds it.

import { assert, fold, grown, mix, nextCapacity } from "../machine/index.ts"
import type { Family } from "../wire/index.ts"
import { doubled, vacate, wantedAt, wantedNext } from "./probing.ts"

export { grown }

export type PrefixId = number

const CAPACITY_MIN = 1024
const MANY = 0xffff
/** Prefixes that are freed together: as many misses of the cache as a processor has under way at once, and some more. */
const FREED_MAX = 32

export class PrefixTable {
  /** 0 = ipv4-unicast, 1 = ipv6-unicast. */
  readonly family: Family
  readonly wordsPerPrefix: 1 | 4
  /** Big-endian words of the address, `wordsPerPrefix` for each id. */
  words: Uint32Array
  lengths: Uint8Array
  /** Ids in use. */
  count = 0
  /** Ids below this bound have been in use; columns need that many elements. */
  bound = 0
  /** Up to MANY; of the few prefixes that have more holders the rest is in `more`. */
  private holders: Uint16Array
  private readonly more: Map<PrefixId, number> = new Map()
  /** See `probing.ts`. */
  private slots: Int32Array
  /** The id freed last plus one; a free id's first word is the one freed before it, in the same form. 0: none. */
  private firstFree = 0
  /** What `touch` saw: it has to go somewhere, or no one would look. */
  touched = 0
  /** How many prefixes of each length exist: longest match probes only these. */
  private readonly byLength: Uint32Array
  private readonly masked = new Uint32Array(4)
  /** Prefixes that nobody holds any more and that are to be removed, and their hashes. */
  private readonly freed = new Uint32Array(FREED_MAX)
  private readonly freedHashes = new Int32Array(FREED_MAX)

  constructor(family: Family, capacity: number = CAPACITY_MIN) {
    this.family = family
    this.wordsPerPrefix = family === 0 ? 1 : 4
    this.words = new Uint32Array(capacity * this.wordsPerPrefix)
    this.lengths = new Uint8Array(capacity)
    this.holders = new Uint16Array(capacity)
    this.slots = new Int32Array(powerOfTwoAtLeast(capacity * 2))
    this.byLength = new Uint32Array(129)
  }

  /** Ids that the columns have room for without growing. */
  get capacity(): number {
    return this.lengths.length
  }

  /** The id of a prefix whose bits beyond `length` are zero, or -1. `words` is read from index `at`. */
  find(words: ArrayLike<number>, at: number, length: number, hash = this.hash(words, at, length)): PrefixId | -1 {
    const { slots } = this
    const mask = slots.length - 1
    let wanted = wantedAt(hash)
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]
      if (entry === 0) return -1
      if (((entry ^ wanted) & ~mask) === 0 && this.equals((entry & mask) - 1, words, at, length))
        return (entry & mask) - 1
      wanted = wantedNext(wanted)
    }
  }

  /** The id of a prefix, made if there is none. Nobody holds a new one yet: `retain` it, or `release` will not free it. */
  intern(words: ArrayLike<number>, at: number, length: number, hash = this.hash(words, at, length)): PrefixId {
    const { slots } = this
    const mask = slots.length - 1
    let wanted = wantedAt(hash)
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]
      if (entry === 0) return this.insert(slot, wanted, hash, words, at, length)
      if (((entry ^ wanted) & ~mask) === 0 && this.equals((entry & mask) - 1, words, at, length))
        return (entry & mask) - 1
      wanted = wantedNext(wanted)
    }
  }

  /**
   * Looks at the slots of so many prefixes and does nothing with them. Each is a miss of the processor's cache, and misses that do not
   * wait for each other cost little more than one; whoever then interns or finds these prefixes one by one has them at hand, and
   * their hashes.
   */
  touch(words: Uint32Array, lengths: Uint8Array, count: number, hashes: Int32Array): void {
    const { slots } = this
    const mask = slots.length - 1
    let seen = 0
    for (let index = 0; index < count; index++) {
      const hash = this.hash(words, index * this.wordsPerPrefix, lengths[index])
      hashes[index] = hash
      seen ^= slots[hash & mask]
    }
    this.touched = seen
  }

  private insert(
    slot: number,
    wanted: number,
    hash: number,
    words: ArrayLike<number>,
    at: number,
    length: number
  ): PrefixId {
    if ((this.count + 1) * 2 > this.slots.length) {
      this.slots = doubled(this.slots, this)
      return this.intern(words, at, length, hash)
    }
    const id = this.takeId()
    const per = this.wordsPerPrefix
    for (let word = 0; word < per; word++) this.words[id * per + word] = words[at + word]
    this.lengths[id] = length
    this.byLength[length]++
    this.slots[slot] = (wanted & -this.slots.length) | (id + 1)
    this.count++
    return id
  }

  private takeId(): PrefixId {
    if (this.firstFree !== 0) {
      const id = this.firstFree - 1
      this.firstFree = this.words[id * this.wordsPerPrefix]
      return id
    }
    if (this.bound === this.lengths.length) this.grow()
    return this.bound++
  }

  retain(id: PrefixId): void {
    if (this.holders[id] === MANY) this.more.set(id, (this.more.get(id) ?? 0) + 1)
    else this.holders[id]++
  }

  /** Gives back one hold; the last one frees the id. */
  release(id: PrefixId): void {
    if (this.letGo(id)) this.remove(id, this.hash(this.words, id * this.wordsPerPrefix, this.lengths[id]))
  }

  /** Gives back one hold of each of so many prefixes, looking at the slots of those that go together, as `touch` does. */
  releaseAll(ids: Uint32Array, count: number): void {
    const { slots, freed, freedHashes, words, wordsPerPrefix, lengths } = this
    const mask = slots.length - 1
    for (let from = 0; from < count; from += FREED_MAX) {
      const to = Math.min(from + FREED_MAX, count)
      let going = 0
      let seen = 0
      for (let index = from; index < to; index++) {
        const id = ids[index]
        if (!this.letGo(id)) continue
        const hash = this.hash(words, id * wordsPerPrefix, lengths[id])
        seen ^= slots[hash & mask]
        freed[going] = id
        freedHashes[going++] = hash
      }
      this.touched = seen
      for (let index = 0; index < going; index++) this.remove(freed[index], freedHashes[index])
    }
  }

  /** Gives back one hold. True: it was the last one. */
  private letGo(id: PrefixId): boolean {
    const { holders } = this
    assert(holders[id] > 0, "release of a prefix that nobody holds")
    if (holders[id] < MANY) return --holders[id] === 0
    const rest = this.more.get(id)
    if (rest === undefined) holders[id]--
    else if (rest === 1) this.more.delete(id)
    else this.more.set(id, rest - 1)
    return false
  }

  holdersOf(id: PrefixId): number {
    return this.holders[id] + (this.more.get(id) ?? 0)
  }

  /** The longest prefix that covers the address and that `accept` agrees to, or -1. Host prefixes count. */
  longestMatch(words: ArrayLike<number>, at: number, accept: (id: PrefixId) => boolean): PrefixId | -1 {
    for (let length = this.wordsPerPrefix * 32; length >= 0; length--) {
      if (this.byLength[length] === 0) continue
      this.maskInto(words, at, length)
      const id = this.find(this.masked, 0, length)
      if (id !== -1 && accept(id)) return id
    }
    return -1
  }

  /** Whether prefix `id` lies within the prefix given by words and length, or is it. */
  covers(words: ArrayLike<number>, length: number, id: PrefixId): boolean {
    if (this.lengths[id] < length) return false
    for (let word = 0; word * 32 < length; word++) {
      const bits = Math.min(32, length - word * 32)
      const differing = (this.words[id * this.wordsPerPrefix + word] ^ words[word]) & (-1 << (32 - bits))
      if (differing !== 0) return false
    }
    return true
  }

  /** Hash of a prefix that does not depend on its id. */
  hashOf(id: PrefixId): number {
    return this.hash(this.words, id * this.wordsPerPrefix, this.lengths[id]) >>> 0
  }

  private maskInto(words: ArrayLike<number>, at: number, length: number): void {
    for (let word = 0; word < this.wordsPerPrefix; word++) {
      const bits = Math.min(32, Math.max(0, length - word * 32))
      this.masked[word] = bits === 0 ? 0 : words[at + word] & (-1 << (32 - bits))
    }
  }

  /** As a signed number: those that fit into a machine word without a sign would be boxed. */
  private hash(words: ArrayLike<number>, at: number, length: number): number {
    if (this.wordsPerPrefix === 1) return mix(words[at] ^ Math.imul(length + 1, 0x9e3779b1)) | 0
    return fold(fold(fold(mix(words[at] ^ length), words[at + 1]), words[at + 2]), words[at + 3]) | 0
  }

  private equals(id: PrefixId, words: ArrayLike<number>, at: number, length: number): boolean {
    if (this.lengths[id] !== length) return false
    if (this.wordsPerPrefix === 1) return this.words[id] === words[at]
    const own = id * 4
    return (
      this.words[own] === words[at] &&
      this.words[own + 1] === words[at + 1] &&
      this.words[own + 2] === words[at + 2] &&
      this.words[own + 3] === words[at + 3]
    )
  }

  protected remove(id: PrefixId, hash: number): void {
    const { slots } = this
    const mask = slots.length - 1
    let hole = hash & mask
    while ((slots[hole] & mask) !== id + 1) hole = (hole + 1) & mask
    vacate(slots, hole, this)
    this.byLength[this.lengths[id]]--
    this.words[id * this.wordsPerPrefix] = this.firstFree
    this.firstFree = id + 1
    this.count--
  }

  private grow(): void {
    const capacity = nextCapacity(this.lengths.length)
    this.words = grown(this.words, capacity * this.wordsPerPrefix)
    this.lengths = grown(this.lengths, capacity)
    this.holders = grown(this.holders, capacity)
  }
}

const powerOfTwoAtLeast = (count: number): number => {
  let size = 2
  while (size < count) size *= 2
  return size
}
