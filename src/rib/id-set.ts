// A set of small numbers that knows its least one: a bit for each, above that a bit for each word that has any, and once more. A million
// numbers are 128 KB and a few, and the least one is found by looking at three words and at most 32 of the uppermost ones.
import { grown } from "../machine/index.ts"

export class IdSet {
  count = 0
  private bits: Uint32Array
  private words: Uint32Array
  private blocks: Uint32Array

  constructor(capacity: number) {
    this.bits = new Uint32Array(wordsFor(capacity))
    this.words = new Uint32Array(wordsFor(this.bits.length))
    this.blocks = new Uint32Array(wordsFor(this.words.length))
  }

  /** Room for ids below `capacity`. */
  fit(capacity: number): void {
    if (this.bits.length >= wordsFor(capacity)) return
    this.bits = grown(this.bits, wordsFor(capacity))
    this.words = grown(this.words, wordsFor(this.bits.length))
    this.blocks = grown(this.blocks, wordsFor(this.words.length))
  }

  has(id: number): boolean {
    return (this.bits[id >>> 5] & (1 << (id & 31))) !== 0
  }

  /** The id was not there. */
  add(id: number): void {
    const word = id >>> 5
    const block = word >>> 5
    if (this.bits[word] === 0) {
      if (this.words[block] === 0) this.blocks[block >>> 5] |= 1 << (block & 31)
      this.words[block] |= 1 << (word & 31)
    }
    this.bits[word] |= 1 << (id & 31)
    this.count++
  }

  /** The id was there. */
  delete(id: number): void {
    const word = id >>> 5
    const block = word >>> 5
    this.count--
    this.bits[word] &= ~(1 << (id & 31))
    if (this.bits[word] !== 0) return
    this.words[block] &= ~(1 << (word & 31))
    if (this.words[block] === 0) this.blocks[block >>> 5] &= ~(1 << (block & 31))
  }

  /** The least id. There is one. */
  least(): number {
    let at = 0
    while (this.blocks[at] === 0) at++
    const block = at * 32 + leastBit(this.blocks[at])
    const word = block * 32 + leastBit(this.words[block])
    return word * 32 + leastBit(this.bits[word])
  }
}

const wordsFor = (bits: number): number => (bits + 31) >>> 5

const leastBit = (word: number): number => 31 - Math.clz32(word & -word)
