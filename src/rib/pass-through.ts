// Received messages that go out again unchanged. Nothing is predicted: the packer, about to encode attributes and prefixes, asks whether
// they are exactly what a message received a moment ago holds, and sends that message's bytes. The check compares bytes: with the
// attributes as they are stored and with each prefix in turn, so that it does not matter what has happened since, and switching it
// off changes what nobody receives. What a peer can read at all, the capability mask says first, and cheaply (ADR-0036).
import {
  type BlockPool,
  type Lease,
  type Mask,
  MaskBit,
  MessageFlag,
  type MessageHandle,
  MessageTable,
  maskOf,
  RecentUpdates
} from "../buffers/index.ts"
import { MESSAGE_BYTES_MAX, RECENT_UPDATES_BYTES_MAX } from "../machine/index.ts"
import { AttributeType, isRouted, RoleValue } from "../wire/index.ts"
import { Trait } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { PeerKind } from "./peers.ts"
import type { PrefixId, PrefixTable } from "./prefix-table.ts"
import type { ExportParameters } from "./transform.ts"

/** Instead of attributes: the prefixes of a message are withdrawn. */
export const WITHDRAWN = -1

export class PassThrough {
  /** Off: every message is encoded. What peers learn is the same. */
  isOn = true
  /** Somebody could get announcements, or withdrawals, as they were received: without that no message is kept. */
  wantsAnnouncements = false
  wantsWithdrawals = false
  readonly recent: RecentUpdates
  readonly messages: MessageTable
  // The message that is being followed, as it is known to agree up to `cursor`.
  block: Lease = 0
  from = 0
  to = 0
  nlriFrom = 0
  cursor = 0
  private nlriTo = 0
  private bytes: Uint8Array = NOTHING
  private nextId = 1
  /** By the last bits of its first prefix: the number of the last update that began with it. */
  private readonly byFirst: Uint32Array = new Uint32Array(INDEX_SLOTS)
  private readonly pool: BlockPool
  private readonly store: AttributeStore

  constructor(pool: BlockPool, store: AttributeStore) {
    this.pool = pool
    this.store = store
    this.messages = new MessageTable(pool)
    this.recent = new RecentUpdates(this.messages, RECENT_UPDATES_BYTES_MAX)
  }

  /** What is kept follows who there is to get it. */
  serve(classes: ReadonlyArray<{ readonly parameters: ExportParameters }>): void {
    this.wantsAnnouncements = this.isOn && classes.some(({ parameters }) => isTransparent(parameters))
    this.wantsWithdrawals = this.isOn && classes.some(({ parameters }) => takesWithdrawals(parameters))
    if (!this.wantsAnnouncements && !this.wantsWithdrawals) this.recent.clear()
  }

  /** A received UPDATE of one family that only announces or only withdraws, and lies in an adopted block. `first`: its first prefix. */
  note(
    block: Lease,
    from: number,
    length: number,
    sender: Mask,
    family: number,
    first: PrefixId,
    isWithdrawal: boolean
  ): void {
    const message = this.messages.add(block, from, length, sender)
    const isLong = length > MESSAGE_BYTES_MAX
    // Without attributes there is no AS number; with them there nearly always is.
    const kind = isWithdrawal ? MessageFlag.HasWithdrawals : MessageFlag.HasAnnouncements | MessageFlag.AsNumbers
    const inherited = isWithdrawal ? EXTERNAL : EXTERNAL | FOUR_OCTET_AS
    const must =
      (sender.low & (inherited | addPathBit(family))) | familyBit(family) | (isLong ? 1 << MaskBit.ExtendedMessage : 0)
    this.messages.describe(message, isLong ? kind | MessageFlag.Long : kind, must, 0)
    const id = this.nextId
    this.nextId = id === IDS_MAX ? 1 : id + 1
    this.recent.delete(id)
    this.recent.add(id, message)
    this.byFirst[slotOf(family, first, isWithdrawal)] = id
  }

  /** Whether a recent message holds these attributes, or withdraws, and begins with this prefix. Then it is followed. */
  begin(mask: Mask, prefixes: PrefixTable, first: PrefixId, attributes: AttributeId | typeof WITHDRAWN): boolean {
    const isWithdrawal = attributes === WITHDRAWN
    const id = this.byFirst[slotOf(prefixes.family, first, isWithdrawal)]
    const message = id === 0 ? 0 : this.recent.get(id)
    if (message === 0 || !this.messages.canPassTo(message, mask)) return false
    if (!isWithdrawal && (this.store.traits[attributes] & Trait.Verbatim) === 0) return false
    this.locate(message)
    const isFound = isWithdrawal
      ? this.findWithdrawn(prefixes.family)
      : prefixes.family === 0
        ? this.findAnnounced(attributes)
        : this.findReached(attributes)
    return isFound && this.next(prefixes, first)
  }

  /** Whether the message that is followed goes on with this prefix. */
  next(prefixes: PrefixTable, id: PrefixId): boolean {
    const { bytes } = this
    let at = this.cursor
    if (at >= this.nlriTo) return false
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

  /** IPv4 prefixes behind the attributes (RFC 4271 §4.3). */
  private findAnnounced(attributes: AttributeId): boolean {
    const { store, bytes, from, to } = this
    if (u16(bytes, from + 19) !== 0 || store.nextHopLengthOf(attributes) !== 0) return false
    const at = from + 23
    const end = at + u16(bytes, from + 21)
    const stored = store.startOf(attributes)
    if (end - at !== store.blockEndOf(attributes) - stored) return false
    return isSame(bytes, at, end, store.chunkOf(attributes), stored) && this.follow(end, to)
  }

  /** IPv6 prefixes in MP_REACH_NLRI, wherever that stands (RFC 4760 §3). */
  private findReached(attributes: AttributeId): boolean {
    const { store, bytes, from, to } = this
    if (u16(bytes, from + 19) !== 0 || from + 23 + u16(bytes, from + 21) !== to) return false
    const chunk = store.chunkOf(attributes)
    let stored = store.startOf(attributes)
    const storedEnd = store.blockEndOf(attributes)
    let nlriFrom = 0
    let nlriTo = 0
    for (let at = from + 23; at < to; ) {
      const isExtended = (bytes[at] & 0x10) !== 0
      const value = at + (isExtended ? 4 : 3)
      const end = value + (isExtended ? u16(bytes, at + 2) : bytes[at + 2])
      if (bytes[at + 1] === AttributeType.MpReach) {
        // AFI 2, SAFI 1, a next hop of one address, the reserved octet.
        if (u16(bytes, value) !== 2 || bytes[value + 2] !== 1 || bytes[value + 3] !== 16) return false
        if (store.nextHopLengthOf(attributes) !== 16 || bytes[value + 20] !== 0) return false
        if (!isSame(bytes, value + 4, value + 20, chunk, storedEnd) || isZero(bytes, value + 4, value + 20))
          return false
        nlriFrom = value + 21
        nlriTo = end
      } else {
        if (end - at > storedEnd - stored || !isSame(bytes, at, end, chunk, stored)) return false
        stored += end - at
      }
      at = end
    }
    return nlriFrom !== 0 && stored === storedEnd && this.follow(nlriFrom, nlriTo)
  }

  /** RFC 4271 §4.3 without attributes, or nothing but MP_UNREACH_NLRI. */
  private findWithdrawn(family: number): boolean {
    const { bytes, from, to } = this
    const length = u16(bytes, from + 19)
    if (family === 0) return from + 21 + length + 2 === to && this.follow(from + 21, to - 2)
    const at = from + 23
    if (length !== 0 || bytes[at + 1] !== AttributeType.MpUnreach) return false
    const isExtended = (bytes[at] & 0x10) !== 0
    const value = at + (isExtended ? 4 : 3)
    const end = value + (isExtended ? u16(bytes, at + 2) : bytes[at + 2])
    if (end !== to || u16(bytes, value) !== 2 || bytes[value + 2] !== 1) return false
    return this.follow(value + 3, end)
  }
}

/** Whether a class is told external routes as they are, byte by byte, as long as each attribute is of the kind that `Verbatim` says. */
export const isTransparent = (to: ExportParameters): boolean =>
  isRouted(to.family) &&
  to.kind === PeerKind.RouteServerClient &&
  to.as4 &&
  to.addPathSend === 0 &&
  to.overriddenAs === 0 &&
  to.nextHopSelfInside !== true &&
  to.role !== RoleValue.Customer &&
  to.role !== RoleValue.Peer &&
  to.role !== RoleValue.RouteServerClient

/** Whether a class may be told withdrawals as they came: those without identifiers say the same to everybody. */
export const takesWithdrawals = (to: ExportParameters): boolean => isRouted(to.family) && to.addPathSend === 0

/** What the members of a class can read, as the mask of their sessions has it. */
export const maskOfClass = (to: ExportParameters): Mask => {
  const bits: Array<MaskBit> = []
  if (to.kind === PeerKind.External || to.kind === PeerKind.RouteServerClient) bits.push(MaskBit.External)
  if (to.as4) bits.push(MaskBit.FourOctetAs)
  if (to.messageBytesMax > MESSAGE_BYTES_MAX) bits.push(MaskBit.ExtendedMessage)
  const { low, high } = maskOf(bits)
  const paths = to.addPathSend === 0 ? 0 : addPathBit(to.family)
  return { low: (low | familyBit(to.family) | paths) >>> 0, high }
}

/** The mask of a session, as its receiver sees it. Families: indices of those that are routed here. */
export const maskOfSession = (
  external: boolean,
  as4: boolean,
  extended: boolean,
  families: ReadonlyArray<number>,
  addPath: ReadonlyArray<boolean>
): Mask => {
  let low = (external ? EXTERNAL : 0) | (as4 ? FOUR_OCTET_AS : 0) | (extended ? 1 << MaskBit.ExtendedMessage : 0)
  for (const family of families) {
    if (family < ROUTED) low |= familyBit(family) | (addPath[family] ? addPathBit(family) : 0)
  }
  return { low: low >>> 0, high: 0 }
}

/** Families 0 and 1 are the unicast ones of IPv4 and IPv6; between them the mask has multicast. */
const ROUTED = 2
const familyBit = (family: number): number => 1 << (MaskBit.Ipv4Unicast + family * 2)
const addPathBit = (family: number): number => 1 << (MaskBit.AddPathIpv4Unicast + family * 2)

/** Prefixes that come one after the other have numbers that do, mostly, so that few share a place. */
const slotOf = (family: number, first: PrefixId, isWithdrawal: boolean): number =>
  (first ^ (isWithdrawal ? 0x5555 : 0) ^ (family * 0x3333)) & (INDEX_SLOTS - 1)

const isSame = (bytes: Uint8Array, from: number, to: number, others: Uint8Array, at: number): boolean => {
  for (; from < to; from++, at++) if (bytes[from] !== others[at]) return false
  return true
}

const isZero = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (; from < to; from++) if (bytes[from] !== 0) return false
  return true
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

const EXTERNAL = 1 << MaskBit.External
const FOUR_OCTET_AS = 1 << MaskBit.FourOctetAs
const IDS_MAX = 0xffff_fffe
/** Power of two, some times the messages that are kept. One whose place another took is encoded. */
const INDEX_SLOTS = 1 << 16
const NOTHING = new Uint8Array(0)
