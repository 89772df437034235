// Prefixes of one family under dense numbers. RIB, adj-out and FIB keep columns indexed by these numbers instead of maps of their own:
// open addressing on (address, length) with the hash table holding nothing but numbers. Once nobody holds a prefix its number is free for
// another one; until that comes it stays in the hash table, so that a peer's table that goes costs little, and finds its numbers again when
// it returns (ADR-0053).

import { assert, foldSigned, grown, mixSigned, nextCapacity } from "../machine/index.ts"
import type { Family } from "../wire/index.ts"
import { IdSet } from "./id-set.ts"
import { enlarged, vacate, wantedAt, wantedNext } from "./probing.ts"

export { grown }

export type PrefixId = number

const CAPACITY_MIN = 1024
const MANY = 0xffff
const NONE = -1

export class PrefixTable {
  /** 0 = ipv4-unicast, 1 = ipv6-unicast. */
  readonly family: Family
  readonly wordsPerPrefix: 1 | 4
  /** Big-endian words of the address, `wordsPerPrefix` for each id. */
  words: Uint32Array
  lengths: Uint8Array
  /** Prefixes that are here, whether or not somebody holds them yet. */
  count = 0
  /** Ids below this bound have been in use; columns need that many elements. */
  bound = 0
  /** Up to MANY; of the few prefixes that have more holders the rest is in `more`. */
  private holders: Uint16Array
  private readonly more: Map<PrefixId, number> = new Map()
  /** See `probing.ts`. */
  private slots: Int32Array
  /** Ids that nobody holds any more, of prefixes that are not here but whose entries are. */
  private readonly gone: IdSet
  /** An id whose entry was removed, for the prefix that is about to be inserted. */
  private spare: PrefixId | typeof NONE = NONE
  /** What `touch` saw: it has to go somewhere, or no one would look. */
  touched = 0
  /** How many prefixes of each length exist: longest match probes only these. */
  private readonly byLength: Uint32Array
  private readonly masked = new Uint32Array(4)

  /** `capacity`: prefixes that the columns are promised room for. */
  constructor(family: Family, capacity: number = CAPACITY_MIN) {
    this.family = family
    this.wordsPerPrefix = family === 0 ? 1 : 4
    this.words = new Uint32Array(capacity * this.wordsPerPrefix)
    this.lengths = new Uint8Array(capacity)
    this.holders = new Uint16Array(capacity)
    this.slots = new Int32Array(powerOfTwoAtLeast(Math.min(capacity, CAPACITY_MIN) * 2))
    this.byLength = new Uint32Array(129)
    this.gone = new IdSet(capacity)
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
      if (((entry ^ wanted) & ~mask) === 0 && this.equals((entry & mask) - 1, words, at, length)) {
        const id = (entry & mask) - 1
        return this.gone.count > 0 && this.gone.has(id) ? -1 : id
      }
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
      if (((entry ^ wanted) & ~mask) === 0 && this.equals((entry & mask) - 1, words, at, length)) {
        const id = (entry & mask) - 1
        if (this.gone.count > 0 && this.gone.has(id)) this.comeBack(id)
        return id
      }
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
    const hasRoom = this.gone.count === 0 && (this.bound + 1) * 2 <= this.slots.length
    if (hasRoom || this.spare !== NONE) return this.put(slot, wanted, words, at, length)
    if (this.gone.count > 0) this.spare = this.evict()
    else this.slots = enlarged(this.slots, this)
    // Entries have moved.
    return this.intern(words, at, length, hash)
  }

  private put(slot: number, wanted: number, words: ArrayLike<number>, at: number, length: number): PrefixId {
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
    const { spare } = this
    this.spare = NONE
    if (spare !== NONE) return spare
    if (this.bound === this.lengths.length) this.grow()
    return this.bound++
  }

  /** A prefix is here again that nobody held any more. */
  private comeBack(id: PrefixId): void {
    this.gone.delete(id)
    this.byLength[this.lengths[id]]++
    this.count++
  }

  /** Removes the entry of the least id that nobody holds any more, and returns that. */
  private evict(): PrefixId {
    const { slots } = this
    const mask = slots.length - 1
    const id = this.gone.least()
    let hole = this.hashOf(id) & mask
    while ((slots[hole] & mask) !== id + 1) hole = (hole + 1) & mask
    vacate(slots, hole, this)
    this.gone.delete(id)
    return id
  }

  retain(id: PrefixId): void {
    if (this.holders[id] === MANY) this.more.set(id, (this.more.get(id) ?? 0) + 1)
    else this.holders[id]++
  }

  /** Gives back one hold; the last one frees the id. */
  release(id: PrefixId): void {
    if (this.letGo(id)) this.leave(id)
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

  /** Hash of a prefix that does not depend on its id, signed. */
  hashOf(id: PrefixId): number {
    return this.hash(this.words, id * this.wordsPerPrefix, this.lengths[id])
  }

  private maskInto(words: ArrayLike<number>, at: number, length: number): void {
    for (let word = 0; word < this.wordsPerPrefix; word++) {
      const bits = Math.min(32, Math.max(0, length - word * 32))
      this.masked[word] = bits === 0 ? 0 : words[at + word] & (-1 << (32 - bits))
    }
  }

  private hash(words: ArrayLike<number>, at: number, length: number): number {
    if (this.wordsPerPrefix === 1) return mixSigned(words[at] ^ Math.imul(length + 1, 0x9e3779b1))
    const first = foldSigned(mixSigned(words[at] ^ length), words[at + 1])
    return foldSigned(foldSigned(first, words[at + 2]), words[at + 3])
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

  /** Nobody holds the prefix any more. */
  protected leave(id: PrefixId): void {
    this.gone.add(id)
    this.byLength[this.lengths[id]]--
    this.count--
  }

  private grow(): void {
    const capacity = nextCapacity(this.lengths.length)
    this.words = grown(this.words, capacity * this.wordsPerPrefix)
    this.lengths = grown(this.lengths, capacity)
    this.holders = grown(this.holders, capacity)
    this.gone.fit(capacity)
  }
}

const powerOfTwoAtLeast = (count: number): number => {
  let size = 2
  while (size < count) size *= 2
  return size
}
