// A pool of equal blocks of bytes. Who holds a lease holds a reference; the last release frees the block. References are counted in
// a table beside the blocks, never over the wire bytes: those stay as they are from being written to being sent, so that several
// writers can share them and neighbours in a block go out as one slice (ADR-0012).
// A lease is a handle with a generation. Every misuse of one (use after free, release of what was released) is ours: an assertion.
// Handles are given out in an order that depends only on the calls made, so that runs repeat exactly.
import { assert } from "../machine/index.ts"

/** index (20 bits) | generation (12 bits) << 20. Generations start at 1: 0 is never a lease. */
export type Lease = number

export interface PoolOptions {
  /** Overwrite freed blocks and look, when they are leased again, whether somebody wrote to them meanwhile. For tests. */
  readonly verify?: boolean
}

export interface PoolStats {
  readonly name: string
  /** Bytes of one block. */
  readonly size: number
  /** Blocks that have storage: `free + leased`. */
  readonly total: number
  readonly free: number
  readonly leased: number
  /** Of those leased: bytes that somebody else made. */
  readonly adopted: number
  /** The most blocks that were ever leased at once. */
  readonly peak: number
}

/** Whose bytes were adopted. It is told once that they are not needed here any more. */
export interface BytesKeeper {
  readonly retain: () => void
  readonly release: () => void
}

export class BlockPool {
  readonly blockBytes: number
  readonly name: string
  private readonly verify: boolean
  /** By index: storage; `undefined` before the first lease and after a trim. */
  private storage: Array<Uint8Array | undefined> = []
  /** By index: who asked for the block, to name a leak. */
  private holders: Array<string> = []
  /** By index: references held; 0 is free. */
  private references: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  /** By index: the generation of the present or of the next lease. */
  private generations: Uint16Array = new Uint16Array(FIRST_CAPACITY)
  /** By index, of free blocks: the free block after this one plus 1; 0 ends the list. */
  private nextFree: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  private firstFree = 0
  /** The same for indices under which bytes were adopted. */
  private firstBare = 0
  private leased = 0
  private stored = 0
  /** Bytes that were adopted, and whose they are. */
  private readonly keepers: Map<number, BytesKeeper | undefined> = new Map()
  private peak = 0
  private isClosed = false

  constructor(blockBytes: number, name: string, options: PoolOptions = {}) {
    assert(Number.isSafeInteger(blockBytes) && blockBytes > 0, `pool ${name}: block of ${blockBytes} bytes`)
    this.blockBytes = blockBytes
    this.name = name
    this.verify = options.verify === true
  }

  /** A block with one reference. Its bytes are whatever they were; `holder` says in a report of leaks whose it is. */
  acquire(holder = ""): Lease {
    assert(!this.isClosed, `pool ${this.name}: lease from a closed pool`)
    const index = this.takeIndex()
    this.provideStorage(index)
    return this.lend(index, holder)
  }

  /**
   * A lease on bytes that somebody else made, of whatever length: received ones, which then go out again unchanged. They are not
   * altered here, and not used for anything else when the last reference goes; `keeper` gets them back.
   */
  adopt(bytes: Uint8Array, holder = "", keeper?: BytesKeeper): Lease {
    assert(!this.isClosed, `pool ${this.name}: lease from a closed pool`)
    // Indices of their own: one that has a block keeps it for the next lease.
    const index = this.firstBare === 0 ? this.newIndex() : this.firstBare - 1
    if (index === this.firstBare - 1) this.firstBare = this.nextFree[index]
    this.storage[index] = bytes
    this.keepers.set(index, keeper)
    keeper?.retain()
    return this.lend(index, holder)
  }

  private lend(index: number, holder: string): Lease {
    this.references[index] = 1
    this.holders[index] = holder
    this.leased++
    if (this.leased > this.peak) this.peak = this.leased
    return ((this.generations[index] << INDEX_BITS) | index) >>> 0
  }

  /** Adds references for others who will each release once. */
  retain(lease: Lease, count = 1): void {
    const index = this.held(lease, "retain")
    assert(Number.isSafeInteger(count) && count > 0, `pool ${this.name}: retain of ${count} references`)
    assert(this.references[index] + count <= REFERENCES_MAX, `pool ${this.name}: too many references to one block`)
    this.references[index] += count
  }

  release(lease: Lease): void {
    const index = this.held(lease, "release")
    if (--this.references[index] === 0) this.free(index)
  }

  /** The block's bytes, all of them. Good for as long as the caller holds a reference. */
  bytes(lease: Lease): Uint8Array {
    return this.storage[this.held(lease, "use")]!
  }

  /** References held to the block. */
  count(lease: Lease): number {
    return this.references[this.held(lease, "count")]
  }

  /** Whether the lease is one that somebody holds now. */
  holds(lease: Lease): boolean {
    const index = lease & INDEX_MASK
    return index < this.storage.length && this.references[index] > 0 && this.generations[index] === lease >>> INDEX_BITS
  }

  stats(): PoolStats {
    return {
      name: this.name,
      size: this.blockBytes,
      total: this.stored + this.keepers.size,
      free: this.stored + this.keepers.size - this.leased,
      leased: this.leased,
      adopted: this.keepers.size,
      peak: this.peak
    }
  }

  /** Every lease that is held, by index. At the end of a run there should be none. */
  leaks(): Array<Lease> {
    const leases: Array<Lease> = []
    for (let index = 0; index < this.storage.length; index++) {
      if (this.references[index] > 0) leases.push(((this.generations[index] << INDEX_BITS) | index) >>> 0)
    }
    return leases
  }

  /** One sentence that names what is still held and by whom; empty when nothing is. */
  describeLeaks(): string {
    const leases = this.leaks()
    if (leases.length === 0) return ""
    const references = new Map<string, number>()
    for (const lease of leases) {
      const index = lease & INDEX_MASK
      const holder = this.holders[index] || "somebody"
      references.set(holder, (references.get(holder) ?? 0) + this.references[index])
    }
    const holders = [...references].map(([holder, count]) => `${holder} (${count})`).join(", ")
    return `pool ${this.name}: ${leases.length} of ${this.stored + this.keepers.size} blocks not returned, held by ${holders}`
  }

  /** Gives the storage of free blocks back to the system. Which handle comes next does not change. */
  trim(): void {
    for (let next = this.firstFree; next !== 0; next = this.nextFree[next - 1]) this.dropStorage(next - 1)
  }

  /** No more leases. Those that are held stay good; each block's storage goes with its last reference. */
  close(): void {
    this.isClosed = true
    this.trim()
  }

  /** Closed, and every lease came back. */
  get isDrained(): boolean {
    return this.isClosed && this.leased === 0
  }

  /** A pool in the same state that shares no memory with this one: the same handles name equal bytes. */
  clone(): BlockPool {
    const copy = new BlockPool(this.blockBytes, this.name, { verify: this.verify })
    copy.storage = this.storage.map((block) => block?.slice())
    copy.holders = this.holders.slice()
    copy.references = this.references.slice()
    copy.generations = this.generations.slice()
    copy.nextFree = this.nextFree.slice()
    copy.firstFree = this.firstFree
    copy.firstBare = this.firstBare
    copy.leased = this.leased
    copy.stored = this.stored
    copy.peak = this.peak
    for (const [index, keeper] of this.keepers) {
      keeper?.retain()
      copy.keepers.set(index, keeper)
    }
    copy.isClosed = this.isClosed
    return copy
  }

  private held(lease: Lease, verb: string): number {
    if (!this.holds(lease)) this.accuse(lease, verb)
    return lease & INDEX_MASK
  }

  private accuse(lease: Lease, verb: string): never {
    const index = lease & INDEX_MASK
    const known = index < this.storage.length && lease !== 0
    const holder = known && this.holders[index] ? `, last leased for ${this.holders[index]}` : ""
    const belief = known ? `${verb} of block ${index} after it was freed${holder}` : `${verb} of a lease never given`
    assert(false, `pool ${this.name}: ${belief}`)
  }

  /** The block that was freed last, so that its memory is still warm; else a new index. */
  private takeIndex(): number {
    if (this.firstFree !== 0) {
      const index = this.firstFree - 1
      this.firstFree = this.nextFree[index]
      return index
    }
    return this.newIndex()
  }

  private newIndex(): number {
    const index = this.storage.length
    assert(index <= INDEX_MASK, `pool ${this.name}: more blocks than a handle can name`)
    if (index === this.references.length) this.grow()
    this.generations[index] = 1
    this.storage.push(undefined)
    this.holders.push("")
    return index
  }

  private provideStorage(index: number): void {
    const block = this.storage[index]
    if (block === undefined) {
      this.storage[index] = new Uint8Array(this.blockBytes)
      this.stored++
    } else if (this.verify) {
      const holder = this.holders[index] || "somebody"
      assert(isPoisoned(block), `pool ${this.name}: block ${index} was written to after ${holder} freed it`)
    }
  }

  private free(index: number): void {
    this.leased--
    this.generations[index] = this.generations[index] === GENERATION_MAX ? 1 : this.generations[index] + 1
    if (this.keepers.has(index)) {
      this.giveBack(index)
      return
    }
    this.nextFree[index] = this.firstFree
    this.firstFree = index + 1
    if (this.isClosed) this.dropStorage(index)
    else if (this.verify) this.storage[index]!.fill(POISON)
  }

  private giveBack(index: number): void {
    const keeper = this.keepers.get(index)
    this.keepers.delete(index)
    this.storage[index] = undefined
    this.nextFree[index] = this.firstBare
    this.firstBare = index + 1
    keeper?.release()
  }

  private dropStorage(index: number): void {
    if (this.storage[index] === undefined) return
    this.storage[index] = undefined
    this.stored--
  }

  private grow(): void {
    const capacity = this.references.length * 2
    const references = new Uint32Array(capacity)
    references.set(this.references)
    this.references = references
    const generations = new Uint16Array(capacity)
    generations.set(this.generations)
    this.generations = generations
    const nextFree = new Uint32Array(capacity)
    nextFree.set(this.nextFree)
    this.nextFree = nextFree
  }
}

const isPoisoned = (block: Uint8Array): boolean => block.every((byte) => byte === POISON)

const INDEX_BITS = 20
const INDEX_MASK = (1 << INDEX_BITS) - 1
const GENERATION_MAX = 0xfff
const REFERENCES_MAX = 0xffff_ffff
const FIRST_CAPACITY = 16
/** No BGP message and no netlink message starts with it, and as a length it is absurd. */
const POISON = 0xdb
