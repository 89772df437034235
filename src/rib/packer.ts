// UPDATE messages packed into blocks of the pool: prefixes that follow each other with the same attributes share a message, messages
// follow each other without gaps, and one block serves every member of an export class. Whoever asked says where a run ends; what
// lies between two ends is a segment, one write to each receiver (RFC 4271 §4.3, RFC 4760 §3). What would be encoded is first looked for among
// the messages received last: runs of those go out as they are, long ones as a slice of the block that they came in (pass-through.ts).
import type { BlockPool, Lease } from "../buffers/index.ts"
import { assert, SLICE_BYTES_MIN } from "../machine/index.ts"
import { afiOf, encodeRouteRefresh, safiOf } from "../wire/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { fitsMessage } from "./message-room.ts"
import { MessageWriter, type SegmentSink } from "./message-writer.ts"
import { EXTERNAL_ROUTE, PassThrough, WITHDRAWN } from "./pass-through.ts"
import { SELF } from "./peers.ts"
import type { PrefixId, PrefixTable } from "./prefix-table.ts"
import type { ExportParameters, RouteSource } from "./transform.ts"

/** `follows`: no received message is being followed. */
const NOTHING = -2

export class Packer extends MessageWriter {
  readonly passThrough: PassThrough
  /** What the message that is followed is told for: a set, WITHDRAWN, or NOTHING. */
  private follows: number = NOTHING
  /** Neighbouring messages that were recognised and stand behind everything packed so far; block 0: none. */
  private runBlock: Lease = 0
  private runFrom = 0
  private runTo = 0
  private runMessages = 0

  constructor(pool: BlockPool, store: AttributeStore) {
    super(pool, store)
    this.passThrough = new PassThrough(pool, store)
  }

  /**
   * Starts packing for one class (or some members of it). Ends with `finish`. `isCatchUp`: for members that are not up to date, so that
   * others will want the same attributes soon.
   */
  begin(parameters: ExportParameters, sink: SegmentSink, isCatchUp = false): void {
    assert(this.parameters === undefined, "packing for two classes at once")
    this.parameters = parameters
    this.sink = sink
    this.rewritten.begin(parameters, isCatchUp)
    this.passThrough.begin(parameters)
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
    if (this.follows !== NOTHING && this.goesOn(prefixes, id, pathId, attributes)) return
    const isOpen = this.runBlock === 0 && this.openFor === attributes && this.source === sourcePeer
    const mayPass = this.passThrough.passesAnnouncements && !source.local && !source.internal
    if (!isOpen && mayPass && this.startsToFollow(prefixes, id, pathId, attributes)) return
    if (this.runBlock !== 0) this.endRun()
    const isFull = isOpen && !this.hasRoom(prefixes, id)
    if (!isOpen || isFull) {
      if (isFull) this.isPart = true
      this.closeMessage()
      this.openReach(attributes, source)
      this.openFor = attributes
      this.source = sourcePeer
      this.isPart = isFull
    }
    this.putPrefix(prefixes, id, pathId, attributes)
  }

  /** Whether a set and one prefix fit into a message of a class. What does not is not for `announce`. */
  fits(parameters: ExportParameters, attributes: AttributeId, source: RouteSource): boolean {
    if (fitsMessage(this.store, parameters, attributes, source)) return true
    this.tooLong++
    return false
  }

  withdraw(prefixes: PrefixTable, id: PrefixId, pathId: number): void {
    if (this.follows !== NOTHING && this.goesOn(prefixes, id, pathId, WITHDRAWN)) return
    const isOpen = this.runBlock === 0 && this.openFor === WITHDRAWN
    const mayPass = this.passThrough.passesWithdrawals
    if (!isOpen && mayPass && this.startsToFollow(prefixes, id, pathId, WITHDRAWN)) return
    if (this.runBlock !== 0) this.endRun()
    if (!isOpen || !this.hasRoom(prefixes, id)) {
      this.closeMessage()
      this.openUnreach()
      this.openFor = WITHDRAWN
    }
    this.putPrefix(prefixes, id, pathId, WITHDRAWN)
  }

  /** The End-of-RIB marker of RFC 4724 §2. */
  endOfRib(): void {
    this.endRuns()
    this.closeMessage()
    this.openUnreach()
    this.openFor = WITHDRAWN
    this.closeMessage()
  }

  /** Marks where the answer to a refresh begins or ends (RFC 7313 §3.2). */
  refreshMark(subtype: number): void {
    this.endRuns()
    this.closeMessage()
    const { family } = this.parameters!
    const mark = encodeRouteRefresh({ afi: afiOf(family), safi: safiOf(family), subtype })
    this.openMessage().set(mark, this.messageStart)
    this.at = this.messageStart + mark.length
    this.messages++
  }

  /** Ends the segment: what was packed since the last end goes to the sink. */
  cut(): void {
    this.endRuns()
    this.closeMessage()
    this.endSegment()
  }

  finish(): void {
    this.cut()
    if (this.bytes !== undefined) this.pool.release(this.block)
    this.bytes = undefined
    this.parameters = undefined
    this.at = 0
    this.segmentStart = 0
  }

  /** Whether what is told next is a prefix of the message that is followed. If not, it is followed no more. */
  private goesOn(
    prefixes: PrefixTable,
    id: PrefixId,
    pathId: number,
    attributes: AttributeId | typeof WITHDRAWN
  ): boolean {
    const { passThrough } = this
    if (this.follows !== attributes || !passThrough.next(prefixes, id, pathId, attributes)) {
      this.abandon()
      return false
    }
    if (passThrough.isComplete) this.addToRun()
    return true
  }

  private startsToFollow(
    prefixes: PrefixTable,
    id: PrefixId,
    pathId: number,
    attributes: AttributeId | typeof WITHDRAWN
  ): boolean {
    const { passThrough } = this
    if (!passThrough.start(prefixes, id, pathId, attributes)) return false
    this.follows = attributes
    if (passThrough.isComplete) this.addToRun()
    return true
  }

  /** The message that was followed is exactly what is to be told: it joins its neighbour. */
  private addToRun(): void {
    const { block, from, to } = this.passThrough
    this.follows = NOTHING
    if (this.runBlock !== block || this.runTo !== from) {
      if (this.runBlock !== 0) this.endRun()
      this.pool.retain(block)
      this.runBlock = block
      this.runFrom = from
    }
    this.runTo = to
    this.runMessages++
  }

  /** The message that was followed is not what is to be told: what agreed with it is encoded. */
  private abandon(): void {
    const attributes = this.follows
    this.follows = NOTHING
    if (this.runBlock !== 0) this.endRun()
    this.closeMessage()
    if (attributes === WITHDRAWN) this.openUnreach()
    else this.openReach(attributes, EXTERNAL_ROUTE)
    this.openFor = attributes
    this.source = SELF
    const bytes = this.makeRoom(this.passThrough.cursor - this.passThrough.nlriFrom)
    this.at = this.passThrough.copyFollowed(bytes, this.at)
  }

  private endRuns(): void {
    if (this.follows !== NOTHING) this.abandon()
    if (this.runBlock !== 0) this.endRun()
  }

  /** A run of recognised messages goes out: a long one as it lies in its block, a short one copied behind what is packed. */
  private endRun(): void {
    const { runBlock, runFrom, runTo, runMessages } = this
    const length = runTo - runFrom
    this.closeMessage()
    this.unchanged.messages += runMessages
    this.unchanged.bytes += length
    this.messages += runMessages
    if (length >= SLICE_BYTES_MIN) {
      this.endSegment()
      this.slices.messages += runMessages
      this.slices.bytes += length
      this.bytesPacked += length
      this.sink(runBlock, runFrom, runTo)
    } else {
      const bytes = this.reserve(length)
      bytes.set(this.pool.bytes(runBlock).subarray(runFrom, runTo), this.at)
      this.at += length
    }
    this.pool.release(runBlock)
    this.runBlock = 0
    this.runMessages = 0
  }
}
