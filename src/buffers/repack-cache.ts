// Bytes that were rebuilt for a kind of receiver, so that the next receiver of that kind gets them without another rebuilding. The original
// keys them by a hash of the message and the receiver's mask. A hash is not an identity, and a mask does not say what a receiver is told:
// here the key is a pair of numbers that name exactly what the bytes depend on, a subject and a context, and whoever puts bytes in
// keeps the subject from naming something else until it stands in `dropped`.
// Bytes lie in a ring of fixed size, and so do entries: what was put in first goes first. Nothing is allocated for one.
import { assert } from "../machine/index.ts"

export interface RepackStats {
  readonly entries: number
  readonly bytes: number
  readonly bytesMax: number
  readonly hits: number
  readonly misses: number
  readonly evicted: number
}

/** In place of a context: the entry is gone, and its place comes round with the ring. */
const GONE = 0xffff_ffff
/** Shorter ones than this fill the entries before the bytes. */
const BYTES_EACH = 32
const ENTRIES_MIN = 64

export class RepackCache {
  readonly bytesMax: number
  private ring: Uint8Array = new Uint8Array(0)
  /** Entries are a ring too: `count` of them from `first` on, in the order in which they lie in the bytes. A power of two. */
  private readonly capacity: number
  private contexts: Uint32Array = new Uint32Array(0)
  private subjects: Uint32Array = new Uint32Array(0)
  private froms: Uint32Array = new Uint32Array(0)
  private lengths: Uint32Array = new Uint32Array(0)
  /** By hash: an entry plus one, and by entry the next one with that hash in the same form. */
  private buckets: Uint32Array = new Uint32Array(0)
  private nexts: Uint32Array = new Uint32Array(0)
  private first = 0
  private count = 0
  /** Of those, the ones that are not gone. */
  private living = 0
  private at = 0
  private held = 0
  private hits = 0
  private misses = 0
  private evicted = 0
  /** Subjects of entries that are gone, once for each entry. Whoever kept them lets go of them and empties the list. */
  readonly dropped: Array<number> = []

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
    this.capacity = Math.max(ENTRIES_MIN, 2 ** Math.ceil(Math.log2(bytesMax / BYTES_EACH)))
  }

  /** Copies what there is for the pair to `at` and returns its end; -1: nothing. */
  copyTo(context: number, subject: number, target: Uint8Array, at: number): number {
    const entry = this.find(context, subject)
    if (entry === -1) {
      this.misses++
      return -1
    }
    this.hits++
    const { ring } = this
    const end = this.froms[entry] + this.lengths[entry]
    for (let from = this.froms[entry]; from < end; from++) target[at++] = ring[from]
    return at
  }

  /** Keeps a copy of bytes `from` to `to`, whose subject is in `dropped` later, once. False: kept already, or longer than the cache. */
  put(context: number, subject: number, bytes: Uint8Array, from: number, to: number): boolean {
    assert(context < GONE, "a context with the number of none")
    const length = to - from
    if (length > this.bytesMax || this.find(context, subject) !== -1) return false
    if (this.ring.length === 0) this.allocate()
    if (this.at + length > this.bytesMax) {
      this.makeRoom(this.at, this.bytesMax)
      this.at = 0
    }
    this.makeRoom(this.at, this.at + length)
    if (this.count === this.capacity) this.evictFirst()
    for (let byte = 0; byte < length; byte++) this.ring[this.at + byte] = bytes[from + byte]
    const entry = (this.first + this.count) & (this.capacity - 1)
    const bucket = this.bucketOf(context, subject)
    this.contexts[entry] = context
    this.subjects[entry] = subject
    this.froms[entry] = this.at
    this.lengths[entry] = length
    this.nexts[entry] = this.buckets[bucket]
    this.buckets[bucket] = entry + 1
    this.count++
    this.living++
    this.at += length
    this.held += length
    return true
  }

  /** Drops everything that was kept for a context. */
  forget(context: number): void {
    for (let place = 0; place < this.count; place++) {
      const entry = (this.first + place) & (this.capacity - 1)
      if (this.contexts[entry] === context) this.drop(entry)
    }
  }

  /** Drops everything. */
  clear(): void {
    if (this.count === 0) return
    for (let place = 0; place < this.count; place++) {
      const entry = (this.first + place) & (this.capacity - 1)
      if (this.contexts[entry] !== GONE) this.dropped.push(this.subjects[entry])
    }
    this.buckets.fill(0)
    this.first = 0
    this.count = 0
    this.living = 0
    this.at = 0
    this.held = 0
  }

  stats(): RepackStats {
    const { living, held, bytesMax, hits, misses, evicted } = this
    return { entries: living, bytes: held, bytesMax, hits, misses, evicted }
  }

  private allocate(): void {
    this.ring = new Uint8Array(this.bytesMax)
    this.contexts = new Uint32Array(this.capacity)
    this.subjects = new Uint32Array(this.capacity)
    this.froms = new Uint32Array(this.capacity)
    this.lengths = new Uint32Array(this.capacity)
    this.nexts = new Uint32Array(this.capacity)
    this.buckets = new Uint32Array(this.capacity)
  }

  private bucketOf(context: number, subject: number): number {
    const hash = Math.imul(Math.imul(context, 0x9e3779b1) ^ subject, 0x85ebca6b)
    return (hash ^ (hash >>> 15)) & (this.capacity - 1)
  }

  private find(context: number, subject: number): number {
    if (this.count === 0) return -1
    for (let next = this.buckets[this.bucketOf(context, subject)]; next !== 0; next = this.nexts[next - 1]) {
      if (this.contexts[next - 1] === context && this.subjects[next - 1] === subject) return next - 1
    }
    return -1
  }

  /** Drops what lies between two places. What was put in first lies behind `at`, so it is met first. */
  private makeRoom(from: number, to: number): void {
    while (this.count > 0) {
      const { first } = this
      const start = this.froms[first]
      if (this.contexts[first] !== GONE && (start >= to || start + this.lengths[first] <= from)) return
      this.evictFirst()
    }
  }

  private evictFirst(): void {
    const { first } = this
    if (this.contexts[first] !== GONE) {
      this.evicted++
      this.drop(first)
    }
    this.first = (first + 1) & (this.capacity - 1)
    this.count--
  }

  private drop(entry: number): void {
    const bucket = this.bucketOf(this.contexts[entry], this.subjects[entry])
    if (this.buckets[bucket] === entry + 1) this.buckets[bucket] = this.nexts[entry]
    else {
      let before = this.buckets[bucket] - 1
      while (this.nexts[before] !== entry + 1) before = this.nexts[before] - 1
      this.nexts[before] = this.nexts[entry]
    }
    this.dropped.push(this.subjects[entry])
    this.held -= this.lengths[entry]
    this.living--
    this.contexts[entry] = GONE
  }
}
