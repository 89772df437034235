// Routes of a carried family under dense numbers, like prefixes: a key of bytes stands for the address. The table of prefixes does all the
// work; what it takes for an address of four words are two hashes of the key, its length, and a number that tells keys apart which agree in
// all of them. So everything that works on prefixes works on keys, and pays nothing for it (ADR-0032).
import { assert, grown, hashBytes } from "../machine/index.ts"
import { carriedBytesMax, type Family, writeCarried } from "../wire/index.ts"
import { ByteArena } from "./byte-arena.ts"
import { type PrefixId, PrefixTable } from "./prefix-table.ts"

const CAPACITY = 64

export class KeyTable extends PrefixTable {
  private readonly arena: ByteArena = new ByteArena()
  private places: Uint32Array = new Uint32Array(CAPACITY)
  private keyLengths: Uint16Array = new Uint16Array(CAPACITY)
  private readonly address = new Uint32Array(4)
  /** The largest number that ever told keys apart: whoever wants to can make keys that agree in everything else. */
  private deepest = 0

  constructor(family: Family) {
    super(family, CAPACITY)
  }

  findKey(key: Uint8Array, length: number): PrefixId | -1 {
    const { address } = this
    this.addressOf(key, length)
    // One with a smaller number may have gone since the key came.
    for (; address[3] <= this.deepest; address[3]++) {
      const id = this.find(address, 0, 0)
      if (id !== -1 && this.isKey(id, key, length)) return id
    }
    return -1
  }

  /** The id of a key, made if there is none; as with prefixes, nobody holds a new one yet. */
  internKey(key: Uint8Array, length: number): PrefixId {
    const known = this.findKey(key, length)
    if (known !== -1) return known
    const { address } = this
    for (address[3] = 0; this.find(address, 0, 0) !== -1; address[3]++);
    if (address[3] > this.deepest) this.deepest = address[3]
    const id = this.intern(address, 0, 0)
    if (this.places.length < this.capacity) {
      this.places = grown(this.places, this.capacity)
      this.keyLengths = grown(this.keyLengths, this.capacity)
    }
    this.places[id] = this.arena.add(key, 0, length)
    this.keyLengths[id] = length
    return id
  }

  protected override leave(id: PrefixId): void {
    super.leave(id)
    this.arena.drop(this.places[id], this.keyLengths[id])
    this.keyLengths[id] = 0
    if (this.arena.wantsCompaction) this.arena.compact(this.places, this.keyLengths, this.bound)
  }

  /** Bytes that the NLRI of a key takes at most. */
  nlriBytesMax(id: PrefixId): number {
    return carriedBytesMax(this.family, this.keyLengths[id])
  }

  /** Writes the NLRI with a value from `value`; none: as a withdrawal. Returns its end. */
  writeNlri(
    target: Uint8Array,
    at: number,
    id: PrefixId,
    value: Uint8Array,
    valueAt: number,
    valueLength: number
  ): number {
    const { arena, family } = this
    const place = this.places[id]
    const length = this.keyLengths[id]
    return writeCarried(
      target,
      at,
      family,
      arena.chunkOf(place),
      arena.offsetOf(place),
      length,
      value,
      valueAt,
      valueLength
    )
  }

  private addressOf(key: Uint8Array, length: number): void {
    assert(length <= 0xffff, "a key longer than a message")
    let other = 0x9747b28c
    for (let at = 0; at < length; at++) other = Math.imul(other ^ key[at], 0x5bd1e995)
    this.address[0] = hashBytes(key, 0, length)
    this.address[1] = other
    this.address[2] = length
    this.address[3] = 0
  }

  private isKey(id: PrefixId, key: Uint8Array, length: number): boolean {
    if (this.keyLengths[id] !== length) return false
    const bytes = this.arena.chunkOf(this.places[id])
    const start = this.arena.offsetOf(this.places[id])
    for (let at = 0; at < length; at++) if (bytes[start + at] !== key[at]) return false
    return true
  }
}
