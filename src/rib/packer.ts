// UPDATE messages packed into blocks of the pool: prefixes that follow each other with the same attributes share a message, messages
// follow each other without gaps, and one block serves every member of an export class. Whoever asked says where a run ends; what
// lies between two ends is a segment, one write to each receiver (RFC 4271 §4.3, RFC 4760 §3).
import type { BlockPool, Lease } from "../buffers/index.ts"
import { assert } from "../machine/index.ts"
import { AttributeType, afiOf, encodeRouteRefresh, isRouted, MessageType, safiOf } from "../wire/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { CARRIED_NEXT_HOP_BYTES_MAX, nlriBytesMaxOf, tailOf } from "./carried.ts"
import type { KeyTable } from "./key-table.ts"
import type { PrefixId, PrefixTable } from "./prefix-table.ts"
import { copy, putWord } from "./put.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, writeAttributes } from "./transform.ts"

const HEADER_BYTES = 19
/** Longest NLRI of a family: length octet and address. */
const NLRI_BYTES_MAX: ReadonlyArray<number> = [5, 17]
/** What a message of withdrawn IPv4 routes ends with: the length of no attributes. */
const EMPTY_ATTRIBUTES_BYTES = 2
/** MP_REACH_NLRI up to its NLRI, and one prefix. */
const MP_REACH_BYTES = 4 + 5 + 16 + 17
/** The path identifier before each prefix, where they were agreed on (RFC 7911 §3). */
const PATH_ID_BYTES = 4
const WITHDRAW = -1
const CLOSED = -2

/** A finished run of messages: bytes `from` to `to` of the block. Whoever takes it retains the lease for each use. */
export type SegmentSink = (block: Lease, from: number, to: number) => void

export class Packer {
  /** Messages and bytes packed since the beginning. */
  messages = 0
  bytesPacked = 0
  /** How often an attribute set did not fit the receivers' message size, so that its prefix is not told to them (RFC 8654 §4). */
  tooLong = 0
  private readonly pool: BlockPool
  private readonly store: AttributeStore
  private block: Lease = 0
  private bytes: Uint8Array | undefined
  private at = 0
  private segmentStart = 0
  private messageStart = 0
  private openFor: number = CLOSED
  private source = 0
  /** Where MP_REACH_NLRI or MP_UNREACH_NLRI begins in the open message; 0 for IPv4. */
  private mpStart = 0
  private attributesLengthAt = 0
  private parameters: ExportParameters | undefined
  private sink: SegmentSink = () => {}

  constructor(pool: BlockPool, store: AttributeStore) {
    this.pool = pool
    this.store = store
  }

  /** Starts packing for one class (or one member of it). Ends with `finish`. */
  begin(parameters: ExportParameters, sink: SegmentSink): void {
    assert(this.parameters === undefined, "packing for two classes at once")
    this.parameters = parameters
    this.sink = sink
  }

  /** `pathId` goes out where the class has path identifiers (RFC 7911 §3). */
  announce(
    prefixes: PrefixTable,
    id: PrefixId,
    pathId: number,
    attributes: AttributeId,
    source: RouteSource,
    sourcePeer: number
  ): void {
    if (this.openFor !== attributes || this.source !== sourcePeer || !this.hasRoom(prefixes, id)) {
      this.closeMessage()
      this.openReach(attributes, source)
      this.openFor = attributes
      this.source = sourcePeer
    }
    this.putPrefix(prefixes, id, pathId, attributes)
  }

  /** Whether a set and one prefix fit into a message of a class. What does not is not for `announce`. */
  fits(parameters: ExportParameters, attributes: AttributeId, source: RouteSource): boolean {
    const { store } = this
    const stored = store.blockEndOf(attributes) - store.startOf(attributes)
    const isCarried = !isRouted(parameters.family)
    const around = HEADER_BYTES + 4 + (isCarried ? nlriBytesMaxOf(store, attributes) : nlriBytesMax(parameters))
    // Twice, because AS4_PATH repeats what AS_PATH hides; the rest is what may be inserted.
    const worst = around + (parameters.as4 ? stored : stored * 2) + 80 + (isCarried ? CARRIED_NEXT_HOP_BYTES_MAX : 0)
    if (worst <= parameters.messageBytesMax) return true
    // Nearly never: write it aside to learn its true length.
    const length = writeAttributes(new Uint8Array(worst * 2), 0, store, attributes, source, parameters)
    const hasMp = isCarried || exportedNextHop(store, attributes, source, parameters).length === 4
    const mp = hasMp ? MP_REACH_BYTES + (isCarried ? CARRIED_NEXT_HOP_BYTES_MAX : 0) : 0
    if (around + length + mp <= parameters.messageBytesMax) return true
    this.tooLong++
    return false
  }

  withdraw(prefixes: PrefixTable, id: PrefixId, pathId: number): void {
    if (this.openFor !== WITHDRAW || !this.hasRoom(prefixes, id)) {
      this.closeMessage()
      this.openUnreach()
      this.openFor = WITHDRAW
    }
    this.putPrefix(prefixes, id, pathId, WITHDRAW)
  }

  /** The End-of-RIB marker of RFC 4724 §2. */
  endOfRib(): void {
    this.closeMessage()
    this.openUnreach()
    this.openFor = WITHDRAW
    this.closeMessage()
  }

  /** Marks where the answer to a refresh begins or ends (RFC 7313 §3.2). */
  refreshMark(subtype: number): void {
    this.closeMessage()
    const { family } = this.parameters!
    const mark = encodeRouteRefresh({ afi: afiOf(family), safi: safiOf(family), subtype })
    this.openMessage().set(mark, this.messageStart)
    this.at = this.messageStart + mark.length
    this.messages++
  }

  /** Ends the segment: what was packed since the last end goes to the sink. */
  cut(): void {
    this.closeMessage()
    if (this.at > this.segmentStart) {
      this.bytesPacked += this.at - this.segmentStart
      this.sink(this.block, this.segmentStart, this.at)
    }
    this.segmentStart = this.at
  }

  finish(): void {
    this.cut()
    if (this.bytes !== undefined) this.pool.release(this.block)
    this.bytes = undefined
    this.parameters = undefined
    this.at = 0
    this.segmentStart = 0
  }

  private hasRoom(prefixes: PrefixTable, id: PrefixId): boolean {
    const parameters = this.parameters!
    const room = parameters.messageBytesMax - (this.at - this.messageStart)
    const nlri = isRouted(parameters.family)
      ? nlriBytesMax(parameters)
      : (prefixes as KeyTable).nlriBytesMax(id) + PATH_ID_BYTES
    return nlri + EMPTY_ATTRIBUTES_BYTES <= room
  }

  private openMessage(): Uint8Array {
    const { messageBytesMax } = this.parameters!
    if (this.bytes === undefined || this.at + messageBytesMax > this.bytes.length) {
      if (this.bytes !== undefined) {
        this.cut()
        this.pool.release(this.block)
      }
      this.block = this.pool.acquire()
      this.bytes = this.pool.bytes(this.block)
      this.at = 0
      this.segmentStart = 0
    }
    this.messageStart = this.at
    this.bytes.fill(0xff, this.at, this.at + 16)
    this.bytes[this.at + 18] = MessageType.Update
    this.at += HEADER_BYTES
    return this.bytes
  }

  private openReach(attributes: AttributeId, source: RouteSource): void {
    const parameters = this.parameters!
    const nextHop = exportedNextHop(this.store, attributes, source, parameters)
    const bytes = this.openMessage()
    bytes[this.at] = 0
    bytes[this.at + 1] = 0
    this.attributesLengthAt = this.at + 2
    this.at += 4
    this.mpStart = 0
    this.at = writeAttributes(bytes, this.at, this.store, attributes, source, parameters)
    if (!isRouted(parameters.family)) this.openCarriedReach(bytes, attributes)
    else if (nextHop.length === 4) this.openMpReach(bytes, nextHop)
    else this.putLength(this.attributesLengthAt, this.at - this.attributesLengthAt - 2)
    const nlri = isRouted(parameters.family) ? nlriBytesMax(parameters) : nlriBytesMaxOf(this.store, attributes)
    const length = this.at - this.messageStart + nlri
    assert(length <= parameters.messageBytesMax, "a set of attributes is announced that does not fit")
  }

  /** RFC 7606 §5.1 wants MP_REACH_NLRI first; but its NLRI grows, so here it stands last and its length is written when it closes. */
  private openMpReach(bytes: Uint8Array, nextHop: ReadonlyArray<number>): void {
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
  private openCarriedReach(bytes: Uint8Array, attributes: AttributeId): void {
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

  private putFamily(bytes: Uint8Array, at: number): void {
    const { family } = this.parameters!
    bytes[at] = afiOf(family) >>> 8
    bytes[at + 1] = afiOf(family)
    bytes[at + 2] = safiOf(family)
  }

  private openUnreach(): void {
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

  private putPrefix(prefixes: PrefixTable, id: PrefixId, pathId: number, attributes: AttributeId | -1): void {
    const bytes = this.bytes!
    if (!isRouted(prefixes.family)) {
      this.putKey(prefixes as KeyTable, id, pathId, attributes)
      return
    }
    const { words } = prefixes
    const from = id * prefixes.wordsPerPrefix
    const length = prefixes.lengths[id]
    let at = this.parameters!.addPathSend === 0 ? this.at : putWord(bytes, this.at, pathId)
    bytes[at++] = length
    const octets = (length + 7) >>> 3
    for (let octet = 0; octet < octets; octet++) bytes[at++] = words[from + (octet >>> 2)] >>> (24 - (octet & 3) * 8)
    this.at = at
  }

  private putKey(keys: KeyTable, id: PrefixId, pathId: number, attributes: AttributeId | -1): void {
    const bytes = this.bytes!
    const { store } = this
    const at = this.parameters!.addPathSend === 0 ? this.at : putWord(bytes, this.at, pathId)
    if (attributes === WITHDRAW) this.at = keys.writeNlri(bytes, at, id, bytes, 0, 0)
    else {
      const { valueAt, valueEnd } = tailOf(store, attributes)
      this.at = keys.writeNlri(bytes, at, id, store.chunkOf(attributes), valueAt, valueEnd - valueAt)
    }
  }

  private closeMessage(): void {
    if (this.openFor === CLOSED) return
    const bytes = this.bytes!
    if (this.mpStart !== 0) {
      const length = this.at - this.mpStart - 4
      bytes[this.mpStart + 2] = length >>> 8
      bytes[this.mpStart + 3] = length
      this.putLength(this.attributesLengthAt, this.at - this.attributesLengthAt - 2)
    } else if (this.openFor === WITHDRAW) {
      this.putLength(this.messageStart + HEADER_BYTES, this.at - this.messageStart - HEADER_BYTES - 2)
      bytes[this.at++] = 0
      bytes[this.at++] = 0
    }
    this.putLength(this.messageStart + 16, this.at - this.messageStart)
    this.messages++
    this.openFor = CLOSED
  }

  private putLength(at: number, length: number): void {
    this.bytes![at] = length >>> 8
    this.bytes![at + 1] = length
  }
}

const nlriBytesMax = ({ family, addPathSend }: ExportParameters): number =>
  NLRI_BYTES_MAX[family] + (addPathSend === 0 ? 0 : PATH_ID_BYTES)
