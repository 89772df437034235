// Received messages that go out again unchanged. Nothing is predicted: the packer, about to encode attributes and prefixes, asks whether
// they are exactly what a message received a moment ago holds, and sends that message's bytes. The check compares bytes: with the
// attributes as they would be written and with each prefix in turn, so that it does not matter what has happened since, and switching it
// off changes what nobody receives. What a peer can read at all, the capability mask says first, and cheaply (ADR-0036, ADR-0060).
import {
  type BlockPool,
  type Lease,
  type Mask,
  MaskBit,
  MessageFlag,
  type MessageHandle,
  MessageTable,
  RecentUpdates
} from "../buffers/index.ts"
import { MESSAGE_BYTES_MAX, RECENT_UPDATES_BYTES_MAX } from "../machine/index.ts"
import { AttributeType, afiOf, isRouted, RoleValue, safiOf } from "../wire/index.ts"
import { Trait } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { CARRIED_NEXT_HOP_BYTES_MAX, tailOf } from "./carried.ts"
import { addPathBitOf, familyHighOf, familyLowOf, maskOfClass } from "./class-mask.ts"
import type { KeyTable } from "./key-table.ts"
import { isInternal, isOutside, PeerKind } from "./peers.ts"
import type { PrefixId, PrefixTable } from "./prefix-table.ts"
import { copy, putWord } from "./put.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, writeAttributes } from "./transform.ts"

/** Instead of attributes: the prefixes of a message are withdrawn. */
export const WITHDRAWN = -1

/** Where what is followed comes from: only routes from beyond our AS, or member AS, are ever told as they were received. */
export const EXTERNAL_ROUTE: RouteSource = { local: false, internal: false, routerId: 0 }

export class PassThrough {
  /** Off: every message is encoded. What peers learn is the same. */
  isOn = true
  readonly recent: RecentUpdates
  readonly messages: MessageTable
  /** Whether the class that is packed for could get announcements, or withdrawals, as they were received. */
  passesAnnouncements = false
  passesWithdrawals = false
  // The message that is being followed, as it is known to agree up to `cursor`.
  block: Lease = 0
  from = 0
  to = 0
  nlriFrom = 0
  cursor = 0
  private nlriTo = 0
  private hasPathIds = false
  private bytes: Uint8Array = NOTHING
  private nextId = 1
  /** By family, as bits: whether somebody could get announcements from beyond our AS, from other members of our confederation, or
   * withdrawals as they were received. Without that no message is kept. */
  private fromOutside = 0
  private fromMembers = 0
  private withdrawals = 0
  /** By the last bits of its first prefix: the number of the last update that began with it. */
  private readonly byFirst: Uint32Array = new Uint32Array(INDEX_SLOTS)
  private readonly pool: BlockPool
  private readonly store: AttributeStore
  private parameters: ExportParameters | undefined
  private readonly mask: { low: number; high: number } = { low: 0, high: 0 }
  /** The class is told external routes byte by byte, as long as each attribute is of the kind that `Verbatim` says. */
  private isVerbatim = false
  /** Attributes as they would be written for the class. */
  private expected: Uint8Array = NOTHING
  private expectedFrom = 0
  private expectedTo = 0
  /** And the next hop that would stand in MP_REACH_NLRI. */
  private readonly hop: Uint8Array = new Uint8Array(CARRIED_NEXT_HOP_BYTES_MAX)
  private hopLength = 0
  private scratch: Uint8Array = NOTHING
  /** Copies of messages that lie in no block, and how far it is filled; 0: none. */
  private apart: Lease = 0
  private apartEnd = 0

  constructor(pool: BlockPool, store: AttributeStore) {
    this.pool = pool
    this.store = store
    this.messages = new MessageTable(pool)
    this.recent = new RecentUpdates(this.messages, RECENT_UPDATES_BYTES_MAX)
  }

  /** What is kept follows who there is to get it. */
  serve(classes: ReadonlyArray<{ readonly parameters: ExportParameters }>): void {
    this.fromOutside = 0
    this.fromMembers = 0
    this.withdrawals = 0
    for (const { parameters } of this.isOn ? classes : []) {
      const bit = 1 << parameters.family
      this.withdrawals |= bit
      if (parameters.kind === PeerKind.RouteServerClient) this.fromOutside |= bit
      else if (isInternal(parameters.kind)) this.fromMembers |= bit
    }
    if (!this.isWanted) this.forget()
  }

  /** Whether any message could be wanted. */
  get isWanted(): boolean {
    return this.withdrawals !== 0
  }

  /**
   * Whether a message could go to somebody as it is. Announcements: towards external peers our AS number is put in front, and so it is
   * towards members of our confederation; what comes from within grows a CLUSTER_LIST or loses LOCAL_PREF; what comes from beyond gets
   * a LOCAL_PREF within. That leaves from client to client of a route server, and from another member of the confederation to our own.
   */
  wants(kind: PeerKind, family: number, isWithdrawal: boolean): boolean {
    const families = isWithdrawal
      ? this.withdrawals
      : isOutside(kind)
        ? this.fromOutside
        : kind === PeerKind.ConfederationMember
          ? this.fromMembers
          : 0
    return ((families >>> family) & 1) === 1
  }

  /**
   * A received UPDATE of one family that only announces or only withdraws, and lies in an adopted block. `found`: what of the message's
   * flags its reader knows. `first`: its first prefix.
   */
  note(block: Lease, from: number, length: number, sender: Mask, family: number, found: number, first: PrefixId): void {
    const message = this.messages.add(block, from, length, sender)
    const isWithdrawal = (found & MessageFlag.HasWithdrawals) !== 0
    const isLong = length > MESSAGE_BYTES_MAX
    let must = familyLowOf(family)
    if (!isWithdrawal) must |= sender.low & EXTERNAL
    if ((found & MessageFlag.AsNumbers) !== 0) must |= sender.low & FOUR_OCTET_AS
    if ((found & MessageFlag.PathIds) !== 0) must |= addPathBitOf(family)
    if (isLong) must |= 1 << MaskBit.ExtendedMessage
    this.messages.describe(message, isLong ? found | MessageFlag.Long : found, must, familyHighOf(family))
    const id = this.nextId
    this.nextId = id === IDS_MAX ? 1 : id + 1
    this.recent.delete(id)
    this.recent.add(id, message)
    this.byFirst[slotOf(family, first, isWithdrawal)] = id
  }

  /** The same of a message that was put together from two chunks, and lies in no block: a copy is kept beside others of the kind. */
  noteApart(
    bytes: Uint8Array,
    from: number,
    length: number,
    sender: Mask,
    family: number,
    found: number,
    first: PrefixId
  ): void {
    if (this.apart === 0 || this.apartEnd + length > this.pool.blockBytes) {
      if (this.apart !== 0) this.pool.release(this.apart)
      this.apart = this.pool.acquire("straddling")
      this.apartEnd = 0
    }
    this.pool.bytes(this.apart).set(bytes.subarray(from, from + length), this.apartEnd)
    this.note(this.apart, this.apartEnd, length, sender, family, found, first)
    this.apartEnd += length
  }

  /** Nobody wants what was received so far. */
  forget(): void {
    this.recent.clear()
    if (this.apart !== 0) this.pool.release(this.apart)
    this.apart = 0
  }

  /** From here on what is asked is asked for a class. */
  begin(parameters: ExportParameters): void {
    const { isOn } = this
    const bit = 1 << parameters.family
    this.parameters = parameters
    this.passesWithdrawals = isOn && (this.withdrawals & bit) !== 0
    const families =
      parameters.kind === PeerKind.RouteServerClient
        ? this.fromOutside
        : isInternal(parameters.kind)
          ? this.fromMembers
          : 0
    this.passesAnnouncements = isOn && (families & bit) !== 0
    if (!this.passesAnnouncements && !this.passesWithdrawals) return
    this.isVerbatim = isTransparent(parameters)
    maskOfClass(parameters, this.mask)
  }

  /** Whether a recent message holds these attributes, or withdraws, and begins with this prefix. Then it is followed. */
  start(prefixes: PrefixTable, first: PrefixId, pathId: number, attributes: AttributeId | typeof WITHDRAWN): boolean {
    const { messages } = this
    const id = this.byFirst[slotOf(prefixes.family, first, attributes === WITHDRAWN)]
    const message = id === 0 ? 0 : this.recent.get(id)
    if (message === 0 || !messages.canPassTo(message, this.mask)) return false
    this.hasPathIds = (messages.flagsOf(message) & MessageFlag.PathIds) !== 0
    if (this.hasPathIds !== this.parameters!.addPathSend > 0) return false
    this.locate(message)
    const isFound = attributes === WITHDRAWN ? this.findWithdrawn() : this.findAnnounced(attributes)
    return isFound && this.next(prefixes, first, pathId, attributes)
  }

  /** Whether the message that is followed goes on with this prefix. */
  next(prefixes: PrefixTable, id: PrefixId, pathId: number, attributes: AttributeId | typeof WITHDRAWN): boolean {
    const { bytes } = this
    let at = this.cursor
    if (at >= this.nlriTo) return false
    if (this.hasPathIds) {
      if (u32(bytes, at) !== pathId) return false
      at += 4
    }
    if (!isRouted(prefixes.family)) return this.nextKey(prefixes as KeyTable, id, at, attributes)
    const length = prefixes.lengths[id]
    if (bytes[at++] !== length) return false
    const { words } = prefixes
    const word = id * prefixes.wordsPerPrefix
    const octets = (length + 7) >>> 3
    for (let octet = 0; octet < octets; octet++) {
      if (bytes[at++] !== ((words[word + (octet >>> 2)] >>> (24 - (octet & 3) * 8)) & 0xff)) return false
    }
    this.cursor = at
    return true
  }

  /** Every prefix of the message that is followed has been asked for. */
  get isComplete(): boolean {
    return this.cursor === this.nlriTo
  }

  /** The prefixes that agreed, as they stand in the message, for whoever has to write them after all. */
  copyFollowed(target: Uint8Array, at: number): number {
    for (let from = this.nlriFrom; from < this.cursor; from++) target[at++] = this.bytes[from]
    return at
  }

  /** The same of a carried family: its NLRI is compared as it would be written. */
  private nextKey(keys: KeyTable, id: PrefixId, at: number, attributes: AttributeId | typeof WITHDRAWN): boolean {
    const { store } = this
    const scratch = this.provideScratch()
    let end: number
    if (attributes === WITHDRAWN) end = keys.writeNlri(scratch, 0, id, scratch, 0, 0)
    else {
      const { valueAt, valueEnd } = tailOf(store, attributes)
      end = keys.writeNlri(scratch, 0, id, store.chunkOf(attributes), valueAt, valueEnd - valueAt)
    }
    if (at + end > this.nlriTo || !isSame(this.bytes, at, at + end, scratch, 0)) return false
    this.cursor = at + end
    return true
  }

  private provideScratch(): Uint8Array {
    if (this.scratch.length === 0) this.scratch = new Uint8Array(SCRATCH_BYTES)
    return this.scratch
  }

  private locate(message: MessageHandle): void {
    this.block = this.messages.blockOf(message)
    this.bytes = this.pool.bytes(this.block)
    this.from = this.messages.startOf(message)
    this.to = this.from + this.messages.lengthOf(message)
  }

  private follow(from: number, to: number): boolean {
    this.nlriFrom = from
    this.cursor = from
    this.nlriTo = to
    return true
  }

  /** Whether the message has the attributes and the next hop that the class would be given. */
  private findAnnounced(attributes: AttributeId): boolean {
    const { store, bytes, from } = this
    const parameters = this.parameters!
    if (u16(bytes, from + 19) !== 0) return false
    this.expect(attributes)
    if (!isRouted(parameters.family)) {
      const { nextHopAt, valueAt } = tailOf(store, attributes)
      this.hopLength = copy(this.hop, 0, store.chunkOf(attributes), nextHopAt, valueAt)
      return this.findReached()
    }
    const words = exportedNextHop(store, attributes, EXTERNAL_ROUTE, parameters)
    if (words.length !== 4) return this.findPlain()
    this.hopLength = 0
    for (const word of words) this.hopLength = putWord(this.hop, this.hopLength, word)
    return this.findReached()
  }

  private expect(attributes: AttributeId): void {
    const { store } = this
    if (this.isVerbatim && (store.traits[attributes] & Trait.Verbatim) !== 0) {
      this.expected = store.chunkOf(attributes)
      this.expectedFrom = store.startOf(attributes)
      this.expectedTo = store.blockEndOf(attributes)
      return
    }
    this.expected = this.provideScratch()
    this.expectedFrom = 0
    this.expectedTo = writeAttributes(this.expected, 0, store, attributes, EXTERNAL_ROUTE, this.parameters!)
  }

  /** IPv4 prefixes behind the attributes (RFC 4271 §4.3). */
  private findPlain(): boolean {
    const { bytes, from, to, expected, expectedFrom, expectedTo } = this
    const at = from + 23
    const end = at + u16(bytes, from + 21)
    if (end - at !== expectedTo - expectedFrom) return false
    return isSame(bytes, at, end, expected, expectedFrom) && this.follow(end, to)
  }

  /** Everything else in MP_REACH_NLRI, wherever that stands (RFC 4760 §3). */
  private findReached(): boolean {
    const { bytes, from, to, expected, expectedTo, hop, hopLength } = this
    const { family } = this.parameters!
    if (from + 23 + u16(bytes, from + 21) !== to) return false
    let expectedAt = this.expectedFrom
    let nlriFrom = 0
    let nlriTo = 0
    for (let at = from + 23; at < to; ) {
      const value = valueAtOf(bytes, at)
      const end = endOf(bytes, at)
      if (bytes[at + 1] === AttributeType.MpReach) {
        if (u16(bytes, value) !== afiOf(family) || bytes[value + 2] !== safiOf(family)) return false
        if (bytes[value + 3] !== hopLength || !isSame(bytes, value + 4, value + 4 + hopLength, hop, 0)) return false
        // The reserved octet stands between the two.
        if (bytes[value + 4 + hopLength] !== 0) return false
        nlriFrom = value + 5 + hopLength
        nlriTo = end
      } else {
        if (end - at > expectedTo - expectedAt || !isSame(bytes, at, end, expected, expectedAt)) return false
        expectedAt += end - at
      }
      at = end
    }
    return nlriFrom !== 0 && expectedAt === expectedTo && this.follow(nlriFrom, nlriTo)
  }

  /** RFC 4271 §4.3 without attributes, or nothing but MP_UNREACH_NLRI. */
  private findWithdrawn(): boolean {
    const { bytes, from, to } = this
    const { family } = this.parameters!
    const length = u16(bytes, from + 19)
    if (family === 0) return from + 21 + length + 2 === to && this.follow(from + 21, to - 2)
    const at = from + 23
    if (length !== 0 || bytes[at + 1] !== AttributeType.MpUnreach) return false
    const value = valueAtOf(bytes, at)
    const end = endOf(bytes, at)
    if (end !== to || u16(bytes, value) !== afiOf(family) || bytes[value + 2] !== safiOf(family)) return false
    return this.follow(value + 3, end)
  }
}

/** Whether a class is told external routes as they are, byte by byte, as long as each attribute is of the kind that `Verbatim` says. */
const isTransparent = (to: ExportParameters): boolean =>
  to.kind === PeerKind.RouteServerClient &&
  to.as4 &&
  to.overriddenAs === 0 &&
  to.nextHopSelfInside !== true &&
  to.role !== RoleValue.Customer &&
  to.role !== RoleValue.Peer &&
  to.role !== RoleValue.RouteServerClient

/** Prefixes that come one after the other have numbers that do, mostly, so that few share a place. */
const slotOf = (family: number, first: PrefixId, isWithdrawal: boolean): number =>
  (first ^ (isWithdrawal ? 0x5555 : 0) ^ (family * 0x3333)) & (INDEX_SLOTS - 1)

const isSame = (bytes: Uint8Array, from: number, to: number, others: Uint8Array, at: number): boolean => {
  for (; from < to; from++, at++) if (bytes[from] !== others[at]) return false
  return true
}

/** Where the value of the attribute at `at` begins, and where it ends. */
const valueAtOf = (bytes: Uint8Array, at: number): number => at + ((bytes[at] & 0x10) !== 0 ? 4 : 3)

const endOf = (bytes: Uint8Array, at: number): number =>
  (bytes[at] & 0x10) !== 0 ? at + 4 + u16(bytes, at + 2) : at + 3 + bytes[at + 2]

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

const EXTERNAL = 1 << MaskBit.External
const FOUR_OCTET_AS = 1 << MaskBit.FourOctetAs
const IDS_MAX = 0xffff_fffe
/** Power of two, some times the messages that are kept. One whose place another took is encoded. */
const INDEX_SLOTS = 1 << 16
/** The attributes of the longest message. */
const SCRATCH_BYTES = 70_000
const NOTHING = new Uint8Array(0)
