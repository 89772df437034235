// UPDATE messages written into blocks of the pool, byte by byte: what stands where in a message, and where a block ends. What goes into which
// message is the packer's business (RFC 4271 §4.3, RFC 4760 §3).
import type { BlockPool, Lease } from "../buffers/index.ts"
import { assert, MESSAGE_BYTES_MAX } from "../machine/index.ts"
import { AttributeType, afiOf, isRouted, MessageType, safiOf } from "../wire/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { nlriBytesMaxOf, tailOf } from "./carried.ts"
import type { KeyTable } from "./key-table.ts"
import { HEADER_BYTES, nlriBytesMax, openingBytesMax, PATH_ID_BYTES } from "./message-room.ts"
import { WITHDRAWN } from "./pass-through.ts"
import type { PrefixId, PrefixTable } from "./prefix-table.ts"
import { copy, putWord } from "./put.ts"
import { RewrittenAttributes } from "./rewritten.ts"
import { type ExportParameters, exportedNextHop, type RouteSource } from "./transform.ts"

/** What a message of withdrawn IPv4 routes ends with: the length of no attributes. */
const EMPTY_ATTRIBUTES_BYTES = 2
/** An IPv6 prefix of any length, with an identifier. */
const NLRI_BYTES_MAX = 17 + PATH_ID_BYTES
/** `openFor`: no message is open. */
export const CLOSED = -2

/** Messages and their bytes. */
export interface Traffic {
  messages: number
  bytes: number
}

/** A finished run of messages: bytes `from` to `to` of the block. Whoever takes it retains the lease for each use. */
export type SegmentSink = (block: Lease, from: number, to: number) => void

export class MessageWriter {
  /** Messages and bytes packed since the beginning. */
  messages = 0
  bytesPacked = 0
  /** How often an attribute set did not fit the receivers' message size, so that its prefix is not told to them (RFC 8654 §4). */
  tooLong = 0
  /** Sent on as received; of these, as slices of received blocks, the rest copied; encoded; and of those encoded, what one of its set
   * would have held if it could be longer. */
  readonly unchanged: Traffic = { messages: 0, bytes: 0 }
  readonly slices: Traffic = { messages: 0, bytes: 0 }
  readonly repacked: Traffic = { messages: 0, bytes: 0 }
  readonly split: Traffic = { messages: 0, bytes: 0 }
  readonly rewritten: RewrittenAttributes
  protected readonly pool: BlockPool
  protected readonly store: AttributeStore
  protected block: Lease = 0
  protected bytes: Uint8Array | undefined
  protected at = 0
  protected segmentStart = 0
  protected messageStart = 0
  protected openFor: number = CLOSED
  protected source = 0
  /** Where MP_REACH_NLRI or MP_UNREACH_NLRI begins in the open message; 0 for IPv4. */
  protected mpStart = 0
  protected attributesLengthAt = 0
  protected parameters: ExportParameters | undefined
  protected sink: SegmentSink = () => {}
  /** The open message continues one that was full, or is continued. */
  protected isPart = false

  constructor(pool: BlockPool, store: AttributeStore) {
    this.pool = pool
    this.store = store
    this.rewritten = new RewrittenAttributes(store)
  }

  protected hasRoom(prefixes: PrefixTable, id: PrefixId): boolean {
    const parameters = this.parameters!
    const room = parameters.messageBytesMax - (this.at - this.messageStart)
    const nlri = isRouted(parameters.family)
      ? nlriBytesMax(parameters)
      : (prefixes as KeyTable).nlriBytesMax(id) + PATH_ID_BYTES
    return nlri + EMPTY_ATTRIBUTES_BYTES <= room
  }

  /** A message of which no more is known than that it begins with so many bytes: most are short, however long they may be. */
  protected openMessage(least = 0): Uint8Array {
    const bytes = this.reserve(Math.min(this.parameters!.messageBytesMax, Math.max(MESSAGE_BYTES_MAX, least)))
    this.messageStart = this.at
    bytes.fill(0xff, this.at, this.at + 16)
    bytes[this.at + 18] = MessageType.Update
    this.at += HEADER_BYTES
    return bytes
  }

  /** The block at hand if it has so much room left, else a new one. No message is open. */
  protected reserve(length: number): Uint8Array {
    if (this.bytes !== undefined && this.at + length <= this.bytes.length) return this.bytes
    if (this.bytes !== undefined) {
      this.endSegment()
      this.pool.release(this.block)
    }
    this.block = this.pool.acquire()
    this.bytes = this.pool.bytes(this.block)
    this.at = 0
    this.segmentStart = 0
    return this.bytes
  }

  /** Makes room for so much more of the open message: where its block ends, it moves to another one. */
  protected makeRoom(length: number): Uint8Array {
    const { block, messageStart } = this
    const bytes = this.bytes!
    if (this.at + length + EMPTY_ATTRIBUTES_BYTES <= bytes.length) return bytes
    const written = this.at - messageStart
    this.at = messageStart
    this.endSegment()
    this.block = this.pool.acquire()
    this.bytes = this.pool.bytes(this.block)
    this.bytes.set(bytes.subarray(messageStart, messageStart + written))
    this.pool.release(block)
    this.at = written
    this.segmentStart = 0
    this.messageStart = 0
    if (this.mpStart !== 0) this.mpStart -= messageStart
    if (this.attributesLengthAt !== 0) this.attributesLengthAt -= messageStart
    return this.bytes
  }

  protected openReach(attributes: AttributeId, source: RouteSource): void {
    const { store } = this
    const parameters = this.parameters!
    const nextHop = exportedNextHop(store, attributes, source, parameters)
    const bytes = this.openMessage(openingBytesMax(store, attributes))
    bytes[this.at] = 0
    bytes[this.at + 1] = 0
    this.attributesLengthAt = this.at + 2
    this.at += 4
    this.mpStart = 0
    this.at = this.rewritten.write(bytes, this.at, attributes, source, parameters)
    if (!isRouted(parameters.family)) this.openCarriedReach(bytes, attributes)
    else if (nextHop.length === 4) this.openMpReach(bytes, nextHop)
    else this.putLength(this.attributesLengthAt, this.at - this.attributesLengthAt - 2)
    const nlri = isRouted(parameters.family) ? nlriBytesMax(parameters) : nlriBytesMaxOf(this.store, attributes)
    const length = this.at - this.messageStart + nlri
    assert(length <= parameters.messageBytesMax, "a set of attributes is announced that does not fit")
  }

  /** RFC 7606 §5.1 wants MP_REACH_NLRI first; but its NLRI grows, so here it stands last and its length is written when it closes. */
  protected openMpReach(bytes: Uint8Array, nextHop: ReadonlyArray<number>): void {
    const { family } = this.parameters!
    this.mpStart = this.at
    bytes[this.at] = 0x90
    bytes[this.at + 1] = AttributeType.MpReach
    bytes[this.at + 4] = 0
    bytes[this.at + 5] = afiOf(family)
    bytes[this.at + 6] = safiOf(family)
    bytes[this.at + 7] = 16
    let at = this.at + 8
    for (const word of nextHop) at = putWord(bytes, at, word)
    bytes[at] = 0
    this.at = at + 1
  }

  /** MP_REACH_NLRI with a next hop that goes on as it came. */
  protected openCarriedReach(bytes: Uint8Array, attributes: AttributeId): void {
    const { store } = this
    const { nextHopAt, valueAt } = tailOf(store, attributes)
    this.mpStart = this.at
    bytes[this.at] = 0x90
    bytes[this.at + 1] = AttributeType.MpReach
    this.putFamily(bytes, this.at + 4)
    bytes[this.at + 7] = valueAt - nextHopAt
    const at = copy(bytes, this.at + 8, store.chunkOf(attributes), nextHopAt, valueAt)
    bytes[at] = 0
    this.at = at + 1
  }

  protected putFamily(bytes: Uint8Array, at: number): void {
    const { family } = this.parameters!
    bytes[at] = afiOf(family) >>> 8
    bytes[at + 1] = afiOf(family)
    bytes[at + 2] = safiOf(family)
  }

  protected openUnreach(): void {
    const bytes = this.openMessage()
    if (this.parameters!.family === 0) {
      this.mpStart = 0
      this.attributesLengthAt = 0
      this.at += 2
      return
    }
    bytes[this.at] = 0
    bytes[this.at + 1] = 0
    this.attributesLengthAt = this.at + 2
    this.mpStart = this.at + 4
    this.at = this.mpStart
    bytes[this.at] = 0x90
    bytes[this.at + 1] = AttributeType.MpUnreach
    this.putFamily(bytes, this.at + 4)
    this.at += 7
  }

  protected putPrefix(prefixes: PrefixTable, id: PrefixId, pathId: number, attributes: AttributeId | -1): void {
    if (!isRouted(prefixes.family)) {
      this.putKey(prefixes as KeyTable, id, pathId, attributes)
      return
    }
    const bytes = this.makeRoom(NLRI_BYTES_MAX)
    const { words } = prefixes
    const from = id * prefixes.wordsPerPrefix
    const length = prefixes.lengths[id]
    let at = this.parameters!.addPathSend === 0 ? this.at : putWord(bytes, this.at, pathId)
    bytes[at++] = length
    const octets = (length + 7) >>> 3
    for (let octet = 0; octet < octets; octet++) bytes[at++] = words[from + (octet >>> 2)] >>> (24 - (octet & 3) * 8)
    this.at = at
  }

  protected putKey(keys: KeyTable, id: PrefixId, pathId: number, attributes: AttributeId | -1): void {
    const bytes = this.makeRoom(keys.nlriBytesMax(id) + PATH_ID_BYTES)
    const { store } = this
    const at = this.parameters!.addPathSend === 0 ? this.at : putWord(bytes, this.at, pathId)
    if (attributes === WITHDRAWN) this.at = keys.writeNlri(bytes, at, id, bytes, 0, 0)
    else {
      const { valueAt, valueEnd } = tailOf(store, attributes)
      this.at = keys.writeNlri(bytes, at, id, store.chunkOf(attributes), valueAt, valueEnd - valueAt)
    }
  }

  protected closeMessage(): void {
    if (this.openFor === CLOSED) return
    const bytes = this.bytes!
    if (this.mpStart !== 0) {
      const length = this.at - this.mpStart - 4
      bytes[this.mpStart + 2] = length >>> 8
      bytes[this.mpStart + 3] = length
      this.putLength(this.attributesLengthAt, this.at - this.attributesLengthAt - 2)
    } else if (this.openFor === WITHDRAWN) {
      this.putLength(this.messageStart + HEADER_BYTES, this.at - this.messageStart - HEADER_BYTES - 2)
      bytes[this.at++] = 0
      bytes[this.at++] = 0
    }
    const length = this.at - this.messageStart
    this.putLength(this.messageStart + 16, length)
    this.messages++
    this.repacked.messages++
    this.repacked.bytes += length
    if (this.isPart) {
      this.split.messages++
      this.split.bytes += length
      this.isPart = false
    }
    this.openFor = CLOSED
  }

  protected putLength(at: number, length: number): void {
    this.bytes![at] = length >>> 8
    this.bytes![at + 1] = length
  }

  protected endSegment(): void {
    if (this.at > this.segmentStart) {
      this.bytesPacked += this.at - this.segmentStart
      this.sink(this.block, this.segmentStart, this.at)
    }
    this.segmentStart = this.at
  }
}
