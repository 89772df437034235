// Bytes that were rebuilt for a kind of receiver, so that the next receiver of that kind gets them without another rebuilding. The original
// keys them by a hash of the message and the receiver's mask. A hash is not an identity, and a mask does not say what a receiver is told:
// here the key is a pair of numbers that name exactly what the bytes depend on, a subject and a context, and whoever puts bytes in
// keeps the subject from naming something else until it stands in `dropped`.
// Bytes lie in a ring of fixed size: what was put in first is overwritten first.

export interface RepackStats {
  readonly entries: number
  readonly bytes: number
  readonly bytesMax: number
  readonly hits: number
  readonly misses: number
  readonly evicted: number
}

/** Contexts are numbered from 0 and subjects have 32 bits, so that both fit into one exact number. */
const SUBJECTS = 2 ** 32
export const REPACK_CONTEXTS_MAX: number = 2 ** 20

interface Entry {
  readonly context: number
  readonly subject: number
  readonly from: number
  readonly to: number
}

export class RepackCache {
  readonly bytesMax: number
  private ring: Uint8Array | undefined
  /** In the order in which they lie in the ring, the oldest first. */
  private readonly entries: Map<number, Entry> = new Map()
  private at = 0
  private held = 0
  private hits = 0
  private misses = 0
  private evicted = 0
  /** Subjects of entries that are gone, once for each entry. Whoever kept them lets go of them and empties the list. */
  readonly dropped: Array<number> = []

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** Copies what there is for the pair to `at` and returns its end; -1: nothing. */
  copyTo(context: number, subject: number, target: Uint8Array, at: number): number {
    const entry = this.entries.get(context * SUBJECTS + subject)
    if (entry === undefined) {
      this.misses++
      return -1
    }
    this.hits++
    const ring = this.ring!
    for (let from = entry.from; from < entry.to; from++) target[at++] = ring[from]
    return at
  }

  /** Keeps a copy of bytes `from` to `to`, whose subject is in `dropped` later, once. False: kept already, or longer than the cache. */
  put(context: number, subject: number, bytes: Uint8Array, from: number, to: number): boolean {
    const key = context * SUBJECTS + subject
    const length = to - from
    if (length > this.bytesMax || this.entries.has(key)) return false
    this.ring ??= new Uint8Array(this.bytesMax)
    if (this.at + length > this.bytesMax) {
      this.makeRoom(this.at, this.bytesMax)
      this.at = 0
    }
    this.makeRoom(this.at, this.at + length)
    this.ring.set(bytes.subarray(from, to), this.at)
    this.entries.set(key, { context, subject, from: this.at, to: this.at + length })
    this.at += length
    this.held += length
    return true
  }

  /** Drops everything that was kept for a context. */
  forget(context: number): void {
    for (const [key, entry] of this.entries) if (entry.context === context) this.drop(key, entry)
  }

  stats(): RepackStats {
    const { held, bytesMax, hits, misses, evicted } = this
    return { entries: this.entries.size, bytes: held, bytesMax, hits, misses, evicted }
  }

  /** Drops what lies between two places. What was put in first lies behind `at`, so it is met first. */
  private makeRoom(from: number, to: number): void {
    for (const [key, entry] of this.entries) {
      if (entry.from >= to || entry.to <= from) return
      this.evicted++
      this.drop(key, entry)
    }
  }

  private drop(key: number, entry: Entry): void {
    this.entries.delete(key)
    this.held -= entry.to - entry.from
    this.dropped.push(entry.subject)
  }
}
