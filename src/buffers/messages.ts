// The messages that lie in a pool's blocks. For each there is a record of sixteen bytes: reference count (int32), flags (uint32), required
// capabilities (uint64). The design that this follows kept it in the sixteen bytes of the message's marker and restored the marker before
// each write, and with it overwrote the count that other writers still held. Here it stands in a table beside the blocks: the bytes
// are never touched, so that any number of writers can share them and neighbours go out as one slice (ADR-0012, ADR-0036).
// Whoever holds a handle holds a count: the one that adds a message, the cache of recent ones, each queue. A message holds its block.
import { assert, type Handle, indexOf, Slots } from "../machine/index.ts"
import { type Mask, MaskBit, type Requirement } from "./mask.ts"
import type { BlockPool, Lease } from "./pool.ts"

/** A slot with its generation; never 0. */
export type MessageHandle = Handle

export const MessageFlag = {
  Parsed: 1,
  HasWithdrawals: 2,
  HasAnnouncements: 4,
  EndOfRib: 8,
  /** It holds AS numbers, which are two or four octets by what its sender negotiated. */
  AsNumbers: 16,
  /** It is longer than a peer without extended messages takes. */
  Long: 32,
  /** Its NLRI have path identifiers: not every family has a bit that says so. */
  PathIds: 64
} as const

export class MessageTable {
  private readonly pool: BlockPool
  private readonly slots: Slots = new Slots()
  /** Four words for each slot: count, flags, mask low, mask high. */
  private records: Uint32Array = new Uint32Array(FIRST_CAPACITY * WORDS)
  private blocks: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  private starts: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  private lengths: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  /** Messages that somebody holds, and their bytes. */
  count = 0
  bytesHeld = 0

  constructor(pool: BlockPool) {
    this.pool = pool
    // Handle 0 stands for none.
    this.slots.acquire()
  }

  /** A message of `length` bytes at `from` of a block, held once by the caller. What it requires is at first all that its sender has. */
  add(block: Lease, from: number, length: number, sender: Mask): MessageHandle {
    assert(length > 0 && from + length <= this.pool.bytes(block).length, "a message beyond its block")
    this.pool.retain(block)
    const handle = this.slots.acquire()
    const slot = indexOf(handle)
    if (slot >= this.blocks.length) this.grow(slot + 1)
    this.blocks[slot] = block
    this.starts[slot] = from
    this.lengths[slot] = length
    this.records[slot * WORDS] = 1
    this.records[slot * WORDS + 1] = 0
    this.records[slot * WORDS + 2] = sender.low
    this.records[slot * WORDS + 3] = sender.high
    this.count++
    this.bytesHeld += length
    return handle
  }

  /** What its reader found: flags, and the capabilities that it requires, which are no more than its sender's. */
  describe(handle: MessageHandle, flags: number, mustLow: number, mustHigh: number): void {
    const record = this.held(handle, "describe") * WORDS
    this.records[record + 1] = flags | MessageFlag.Parsed
    this.records[record + 2] = mustLow
    this.records[record + 3] = mustHigh
  }

  retain(handle: MessageHandle): void {
    this.records[this.held(handle, "retain") * WORDS]++
  }

  release(handle: MessageHandle): void {
    const slot = this.held(handle, "release")
    if (--this.records[slot * WORDS] > 0) return
    this.count--
    this.bytesHeld -= this.lengths[slot]
    this.slots.release(handle)
    this.pool.release(this.blocks[slot])
  }

  holds(handle: MessageHandle): boolean {
    return this.slots.holds(handle)
  }

  blockOf(handle: MessageHandle): Lease {
    return this.blocks[this.held(handle, "use")]
  }

  /** Where in its block it begins. */
  startOf(handle: MessageHandle): number {
    return this.starts[this.held(handle, "use")]
  }

  lengthOf(handle: MessageHandle): number {
    return this.lengths[this.held(handle, "use")]
  }

  flagsOf(handle: MessageHandle): number {
    return this.records[this.held(handle, "use") * WORDS + 1]
  }

  referencesOf(handle: MessageHandle): number {
    return this.records[this.held(handle, "count") * WORDS]
  }

  /** The bytes as they were received. Good for as long as the caller holds a reference. */
  bytesOf(handle: MessageHandle): Uint8Array {
    const slot = this.held(handle, "use")
    return this.pool.bytes(this.blocks[slot]).subarray(this.starts[slot], this.starts[slot] + this.lengths[slot])
  }

  /** Whether a peer with this mask can read the bytes as they are: `canPassThrough` of `requirementOf`, without making anything. */
  canPassTo(handle: MessageHandle, peer: Mask): boolean {
    const record = this.held(handle, "use") * WORDS
    const flags = this.records[record + 1]
    const low = this.records[record + 2]
    const high = this.records[record + 3]
    const care = careLow(flags, low, high)
    return ((peer.low ^ low) & care) === 0 && ((peer.high ^ high) & high) === 0
  }

  requirementOf(handle: MessageHandle): Requirement {
    const record = this.held(handle, "use") * WORDS
    const [, flags, low, high] = this.records.subarray(record, record + WORDS)
    return { care: { low: careLow(flags, low, high) >>> 0, high }, must: { low, high } }
  }

  private held(handle: MessageHandle, verb: string): number {
    assert(this.slots.holds(handle), `${verb} of a message that nobody holds`)
    return indexOf(handle)
  }

  private grow(least: number): void {
    const capacity = Math.max(least, this.blocks.length * 2)
    this.records = longer(this.records, capacity * WORDS)
    this.blocks = longer(this.blocks, capacity)
    this.starts = longer(this.starts, capacity)
    this.lengths = longer(this.lengths, capacity)
  }
}

/**
 * The low bits on which the reading of a message depends: whether its sender is external, if it has attributes, AS numbers and length where
 * they matter, its families, and for each of them whether it has path identifiers. Families are numbered 16 above their ADD-PATH bits; of FlowSpec for
 * IPv6 and BGP-LS the former shares that of FlowSpec for IPv4.
 */
const careLow = (flags: number, mustLow: number, mustHigh: number): number => {
  let care = (mustLow & FAMILIES_LOW) | ((mustLow & FAMILIES_LOW) >>> 16)
  if ((flags & CONTENT) !== MessageFlag.HasWithdrawals) care |= 1 << MaskBit.External
  if ((mustHigh & 1) !== 0) care |= 1 << MaskBit.AddPathFlowSpec
  if ((flags & MessageFlag.AsNumbers) !== 0) care |= 1 << MaskBit.FourOctetAs
  if ((flags & MessageFlag.Long) !== 0) care |= 1 << MaskBit.ExtendedMessage
  return care
}

const longer = (column: Uint32Array, length: number): Uint32Array => {
  const larger = new Uint32Array(length)
  larger.set(column)
  return larger
}

const FAMILIES_LOW = 0xff00_0000
const CONTENT = MessageFlag.HasWithdrawals | MessageFlag.HasAnnouncements
const WORDS = 4
const FIRST_CAPACITY = 64
