// Does a prefix cover an address that we track? Asked for each entry that appears or goes, so it must cost next to nothing when the
// answer is no, which it nearly always is: one bit per value of the first 16 bits, then the few addresses themselves.
import type { NextHop } from "./path-lists.ts"

export class CoveredIndex {
  private readonly counts = new Uint16Array(65536)
  private readonly buckets = new Map<number, Set<NextHop>>()
  private readonly all = new Set<NextHop>()

  add(nextHop: NextHop): void {
    const bucket = nextHop.address!.words[0] >>> 16
    this.counts[bucket]++
    this.all.add(nextHop)
    const members = this.buckets.get(bucket)
    if (members === undefined) this.buckets.set(bucket, new Set([nextHop]))
    else members.add(nextHop)
  }

  remove(nextHop: NextHop): void {
    const bucket = nextHop.address!.words[0] >>> 16
    this.counts[bucket]--
    this.all.delete(nextHop)
    this.buckets.get(bucket)?.delete(nextHop)
  }

  /** Puts each tracked address inside the prefix into a set. */
  collect(words: Uint32Array, at: number, length: number, into: Set<NextHop>): void {
    if (length >= 16) {
      const bucket = words[at] >>> 16
      if (this.counts[bucket] === 0) return
      for (const nextHop of this.buckets.get(bucket) ?? []) {
        if (isInside(nextHop.address!.words, words, at, length)) into.add(nextHop)
      }
      return
    }
    for (const nextHop of this.all) if (isInside(nextHop.address!.words, words, at, length)) into.add(nextHop)
  }
}

const isInside = (address: ReadonlyArray<number>, words: Uint32Array, at: number, length: number): boolean => {
  for (let index = 0; index * 32 < length; index++) {
    const bits = Math.min(32, length - index * 32)
    if (((address[index] ^ words[at + index]) & (-1 << (32 - bits))) !== 0) return false
  }
  return true
}
