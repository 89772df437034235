// Path attributes stay bytes, interned by content: a table of a million routes has some 160,000 distinct sets, each parsed once into
// the few numbers that the decision process compares (ADR-0010). A set is the attribute block of an UPDATE without MP_REACH_NLRI and
// MP_UNREACH_NLRI, in 4-octet AS encoding, followed by the next hop's bytes where that came in MP_REACH_NLRI. With routes of a carried
// family a tail follows instead: next hop and value of the NLRI, which nobody here reads (ADR-0032).
import { assert, grown, hashBytes, mixSigned, nextCapacity } from "../machine/index.ts"
import { type AttributeFacts, type Identity, LOCAL_PREF_DEFAULT, readFacts } from "./attribute-facts.ts"
import { ByteArena } from "./byte-arena.ts"
import { NextHops } from "./next-hops.ts"
import { enlarged, vacate, wantedAt, wantedNext } from "./probing.ts"

export type AttributeId = number

export interface SetWatcher {
  readonly forget: (id: AttributeId) => void
}

/** Marks the length of a tail: a byte for the length of the next hop, two for the size of the NLRI, next hop, value. */
export const CARRIED = 0x80

const CAPACITY_MIN = 1024
/** A full table of the Internet has some 160,000 sets, and more from several peers. */
const LARGE = 1 << 14
const FULL_TABLE = 1 << 18

export class AttributeStore {
  readonly nextHops: NextHops = new NextHops()
  /** Sets in use. */
  count = 0
  // Columns, indexed by AttributeId. The comparison keys of RFC 4271 §9.1.2.2 and RFC 4456 §9:
  localPref: Uint32Array
  pathLength: Uint16Array
  origin: Uint8Array
  med: Uint32Array
  neighborAs: Uint32Array
  nextHop: Uint32Array
  /** 0: none. */
  originatorId: Uint32Array
  clusterLength: Uint8Array
  /** Bits of `Trait`. */
  traits: Uint16Array
  ownAsCount: Uint8Array
  /** AS number in ONLY_TO_CUSTOMER; 0: none. */
  onlyToCustomer: Uint32Array
  pathHash: Uint32Array
  /** Bytes per second that the route's link has; 0: not said. */
  bandwidth: Float32Array
  /** Content hash, signed: the same for the same bytes in every run. */
  hashes: Int32Array
  private places: Uint32Array
  private byteLengths: Uint16Array
  /** How many of the last bytes are a next hop from MP_REACH_NLRI; 0 where the block has its own NEXT_HOP. With CARRIED: a tail. */
  private nextHopLengths: Uint8Array
  private references: Uint32Array
  /** See `probing.ts`. */
  private slots: Int32Array = new Int32Array(CAPACITY_MIN * 2)
  /** The id freed last plus one; the place of a free id is the one freed before it, in the same form. 0: none. */
  private firstFree = 0
  private bound = 0
  private readonly arena: ByteArena = new ByteArena()
  private identity: Identity
  /** Who remembers something about sets, and forgets it when they go. */
  private readonly watchers: Array<SetWatcher> = []

  /**
   * By our names it is known which sets are loops; unless told otherwise, `routerId` is also our cluster id. `sets`: so many the columns are
   * promised room for, if that is more than the least.
   */
  constructor(localAs: number, routerId: number, more: Partial<Identity> = {}, sets = 0) {
    const { confederationAs = 0, clusterIds = [routerId], localPref = LOCAL_PREF_DEFAULT } = more
    // An address may come out of an array of doubles; as one, it would make code that knows small ones only begin anew.
    this.identity = { localAs, routerId: routerId >>> 0, confederationAs, clusterIds, localPref }
    const capacity = Math.max(CAPACITY_MIN, sets)
    this.localPref = new Uint32Array(capacity)
    this.pathLength = new Uint16Array(capacity)
    this.origin = new Uint8Array(capacity)
    this.med = new Uint32Array(capacity)
    this.neighborAs = new Uint32Array(capacity)
    this.nextHop = new Uint32Array(capacity)
    this.originatorId = new Uint32Array(capacity)
    this.clusterLength = new Uint8Array(capacity)
    this.traits = new Uint16Array(capacity)
    this.ownAsCount = new Uint8Array(capacity)
    this.onlyToCustomer = new Uint32Array(capacity)
    this.pathHash = new Uint32Array(capacity)
    this.bandwidth = new Float32Array(capacity)
    this.hashes = new Int32Array(capacity)
    this.places = new Uint32Array(capacity)
    this.byteLengths = new Uint16Array(capacity)
    this.nextHopLengths = new Uint8Array(capacity)
    this.references = new Uint32Array(capacity)
  }

  /** Reads every set again under other names. Whoever decided on the facts as they were decides again. */
  identify(more: Partial<Identity>): void {
    this.identity = { ...this.identity, ...more }
    for (let slot = 0; slot < this.slots.length; slot++) {
      const id = this.idAt(slot)
      if (id === -1) continue
      const nextHop = this.nextHop[id]
      const start = this.startOf(id)
      const end = start + this.byteLengths[id]
      this.store(id, readFacts(this.chunkOf(id), start, end, this.nextHopLengths[id], this.identity))
      this.nextHops.release(nextHop)
    }
  }

  /** The id of the set with these bytes, made if there is none. The caller retains it, or gives it back with `discardUnused`. */
  intern(bytes: Uint8Array, from: number, to: number, nextHopLength: number): AttributeId {
    const hash = mixSigned(hashBytes(bytes, from, to) + nextHopLength)
    const { slots } = this
    const mask = slots.length - 1
    let slot = hash & mask
    let wanted = wantedAt(hash)
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (((slots[slot] ^ wanted) & ~mask) === 0) {
        const id = (slots[slot] & mask) - 1
        if (this.hashes[id] === hash && this.equals(id, bytes, from, to, nextHopLength)) return id
      }
      wanted = wantedNext(wanted)
    }
    if ((this.count + 1) * 2 > slots.length) {
      this.slots = enlarged(slots, this)
      return this.intern(bytes, from, to, nextHopLength)
    }
    const id = this.takeId()
    if (id >= this.hashes.length) this.grow()
    this.hashes[id] = hash
    this.places[id] = this.arena.add(bytes, from, to)
    this.byteLengths[id] = to - from
    this.nextHopLengths[id] = nextHopLength
    this.references[id] = 0
    slots[slot] = (wanted & ~mask) | (id + 1)
    this.count++
    this.store(id, readFacts(bytes, from, to, nextHopLength, this.identity))
    return id
  }

  retain(id: AttributeId): void {
    this.references[id]++
  }

  release(id: AttributeId): void {
    assert(this.references[id] > 0, "release of an attribute set that nobody holds")
    if (--this.references[id] === 0) this.remove(id)
  }

  /** Frees a set that was interned and then found to be of no use. */
  discardUnused(id: AttributeId): void {
    if (this.references[id] === 0) this.remove(id)
  }

  watch(watcher: SetWatcher): void {
    this.watchers.push(watcher)
  }

  unwatch(watcher: SetWatcher): void {
    this.watchers.splice(this.watchers.indexOf(watcher), 1)
  }

  /** The chunk in which the set's bytes lie; valid until the next `intern` or `release`. */
  chunkOf(id: AttributeId): Uint8Array {
    return this.arena.chunkOf(this.places[id])
  }
  /** Where in its chunk the attribute block begins, where it ends, and where the next hop behind it ends. */
  startOf(id: AttributeId): number {
    return this.arena.offsetOf(this.places[id])
  }
  blockEndOf(id: AttributeId): number {
    return this.startOf(id) + this.byteLengths[id] - (this.nextHopLengths[id] & ~CARRIED)
  }
  /** What `intern` was given as the length of the next hop: with CARRIED, it is that of a tail. */
  nextHopLengthOf(id: AttributeId): number {
    return this.nextHopLengths[id]
  }

  /** For the hash table. */
  hashOf(id: AttributeId): number {
    return this.hashes[id]
  }

  /** Bytes of memory that the sets and their columns have room for. */
  get sizeBytes(): number {
    return this.arena.sizeBytes + this.hashes.length * 57 + this.slots.length * 4
  }

  private takeId(): AttributeId {
    if (this.firstFree === 0) return this.bound++
    const id = this.firstFree - 1
    this.firstFree = this.places[id]
    return id
  }

  private store(id: AttributeId, facts: AttributeFacts): void {
    this.localPref[id] = facts.localPref
    this.pathLength[id] = facts.pathLength
    this.origin[id] = facts.origin
    this.med[id] = facts.med
    this.neighborAs[id] = facts.neighborAs
    put(this.originatorId, id, facts.originatorId)
    put(this.clusterLength, id, facts.clusterLength)
    this.traits[id] = facts.traits
    put(this.ownAsCount, id, facts.ownAsCount)
    put(this.onlyToCustomer, id, facts.onlyToCustomer)
    this.pathHash[id] = facts.pathHash
    put(this.bandwidth, id, facts.bandwidth)
    this.nextHop[id] = this.nextHops.intern(facts.nextHop)
    this.nextHops.retain(this.nextHop[id])
  }

  private equals(id: AttributeId, bytes: Uint8Array, from: number, to: number, nextHopLength: number): boolean {
    const length = to - from
    if (this.byteLengths[id] !== length || this.nextHopLengths[id] !== nextHopLength) return false
    const chunk = this.arena.chunkOf(this.places[id])
    const start = this.arena.offsetOf(this.places[id])
    for (let index = 0; index < length; index++) if (chunk[start + index] !== bytes[from + index]) return false
    return true
  }

  private remove(id: AttributeId): void {
    const { slots } = this
    const mask = slots.length - 1
    let hole = this.hashes[id] & mask
    while ((slots[hole] & mask) !== id + 1) hole = (hole + 1) & mask
    vacate(slots, hole, this)
    this.nextHops.release(this.nextHop[id])
    this.arena.drop(this.places[id], this.byteLengths[id])
    this.byteLengths[id] = 0
    for (let index = 0; index < this.watchers.length; index++) this.watchers[index].forget(id)
    this.places[id] = this.firstFree
    this.firstFree = id + 1
    this.count--
    if (this.arena.wantsCompaction) this.arena.compact(this.places, this.byteLengths, this.bound)
  }

  /** The set whose entry is in a slot, or -1. */
  private idAt(slot: number): AttributeId | -1 {
    return (this.slots[slot] & (this.slots.length - 1)) - 1
  }

  private grow(): void {
    const capacity = nextCapacity(this.hashes.length, LARGE, FULL_TABLE)
    this.localPref = grown(this.localPref, capacity)
    this.pathLength = grown(this.pathLength, capacity)
    this.origin = grown(this.origin, capacity)
    this.med = grown(this.med, capacity)
    this.neighborAs = grown(this.neighborAs, capacity)
    this.nextHop = grown(this.nextHop, capacity)
    this.originatorId = grown(this.originatorId, capacity)
    this.clusterLength = grown(this.clusterLength, capacity)
    this.traits = grown(this.traits, capacity)
    this.ownAsCount = grown(this.ownAsCount, capacity)
    this.onlyToCustomer = grown(this.onlyToCustomer, capacity)
    this.pathHash = grown(this.pathHash, capacity)
    this.bandwidth = grown(this.bandwidth, capacity)
    this.hashes = grown(this.hashes, capacity)
    this.places = grown(this.places, capacity)
    this.byteLengths = grown(this.byteLengths, capacity)
    this.nextHopLengths = grown(this.nextHopLengths, capacity)
    this.references = grown(this.references, capacity)
  }
}

/** Writes what is not there already: columns that are zero for nearly every set take no memory where nobody has written to them. */
const put = (column: Uint32Array | Float32Array | Float64Array | Uint8Array, id: AttributeId, value: number): void => {
  if (column[id] !== value) column[id] = value
}
