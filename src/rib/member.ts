// A member of an export class: where it is in being told its table, and what it has still to hear. A member that keeps up is live and
// holds nothing of its own. One that does not is either on a walk over the table (it has just come, or asked for everything again) or
// owed the final state of some prefixes: one bit each, however often they change, so that memory stays bounded whatever happens.
import { assert, fold } from "../machine/index.ts"
import type { Routes } from "./adj-out.ts"
import type { AttributeId } from "./attribute-store.ts"
import { EVERYBODY } from "./audience.ts"
import type { Membership } from "./carry-over.ts"
import { grown, type PrefixId } from "./prefix-table.ts"

/** Why a member walks. */
export const Walk = {
  None: 0,
  /** It has been told nothing yet. End-of-RIB follows (RFC 4724 §2). */
  First: 1,
  /** It has been told and asked to be told again (RFC 2918). */
  Repeat: 2,
  /** It came from another class. What it holds is what that one had told it: noted as owed, and nothing else. */
  Moved: 3
} as const
export type Walk = (typeof Walk)[keyof typeof Walk]

export class Member {
  readonly peer: number
  /** Its place in the bitmaps of its class. */
  readonly slot: number
  /** AS number of the peer. */
  readonly asn: number
  /** Gets what the class gets, when it gets it. */
  live = false
  walk: Walk = Walk.None
  /** Where the walk began, where it is, and whether it has come round to the first prefix. */
  from: PrefixId = 0
  position: PrefixId = 0
  wrapped = false
  /** The walk stands between two marks (RFC 7313): asked for, or begun. */
  refresh: "none" | "asked" | "begun" = "none"
  /** It asked to be told everything again in the middle of a walk that cannot be begun anew; and wants marks. */
  again: "no" | "plain" | "marked" = "no"
  /** Where the peer was told before it moved here, as long as the walk is under way: by that it holds what the walk has not come to. */
  origin: Membership | undefined
  /** Prefixes that it is owed. */
  pendingCount = 0
  private bits: Uint32Array = new Uint32Array(FIRST_WORDS)
  /** Word from which the next slice looks for pending bits. */
  private cursor = 0
  /** What it holds of prefixes that it is owed. */
  private held: Held | undefined
  private readonly isIdentified: boolean

  /** `isIdentified`: it gets several paths of a prefix (RFC 7911). */
  constructor(peer: number, slot: number, asn: number, isIdentified: boolean) {
    this.peer = peer
    this.slot = slot
    this.asn = asn
    this.isIdentified = isIdentified
  }

  /** Begins a walk at `position`, from wherever others are. */
  beginWalk(walk: Walk, position: PrefixId): void {
    this.walk = walk
    this.from = position
    this.position = position
    this.wrapped = false
  }

  /** It walks over a table of which it knows nothing but what the walk has passed. */
  get isNew(): boolean {
    return this.walk === Walk.First || this.walk === Walk.Moved
  }

  get hasBegun(): boolean {
    return this.wrapped || this.position !== this.from
  }

  /** Whether the walk has passed a prefix: then it has been told and must hear of changes. */
  hasPassed(id: PrefixId): boolean {
    if (this.walk === Walk.None) return true
    return this.wrapped ? id >= this.from || id < this.position : id >= this.from && id < this.position
  }

  /** Notes that the member has to hear of a prefix. False: that was noted already. */
  addPending(id: PrefixId): boolean {
    const word = id >>> 5
    if (word >= this.bits.length) this.bits = grown(this.bits, Math.max(word + 1, this.bits.length * 2))
    const bit = 1 << (id & 31)
    if ((this.bits[word] & bit) !== 0) return false
    this.bits[word] |= bit
    this.pendingCount++
    return true
  }

  isPending(id: PrefixId): boolean {
    const word = id >>> 5
    return word < this.bits.length && ((this.bits[word] >>> (id & 31)) & 1) === 1
  }

  dropPending(id: PrefixId): void {
    assert(this.isPending(id), "a prefix that is not owed")
    this.bits[id >>> 5] &= ~(1 << (id & 31))
    this.pendingCount--
  }

  /** Takes the next pending prefix, in the order of their numbers, beginning again at the end; -1 when none is left. */
  takePending(): PrefixId | -1 {
    if (this.pendingCount === 0) return -1
    const words = this.bits.length
    let word = this.cursor < words ? this.cursor : 0
    while (this.bits[word] === 0) word = word + 1 === words ? 0 : word + 1
    this.cursor = word
    const bit = 31 - Math.clz32(this.bits[word] & -this.bits[word])
    this.bits[word] &= ~(1 << bit)
    this.pendingCount--
    return word * 32 + bit
  }

  /** Notes a route that it holds of a prefix that it is owed; `source` as in told-from.ts. The caller retains the set. */
  addHeld(id: PrefixId, pathId: number, attributes: AttributeId, source: number): void {
    this.held ??= this.isIdentified ? new HeldRoutes() : new HeldRoute()
    this.held.add(id, attributes, source, pathId)
  }

  /** Moves what it held of a prefix to a list, which then holds the sets. */
  takeHeld(id: PrefixId, into: Routes): void {
    into.count = 0
    this.held?.take(id, into)
  }

  /** Where it stands; what it is owed, by its count. */
  digest(): number {
    const stage = this.walk * 4 + (this.live ? 2 : 0) + (this.wrapped ? 1 : 0)
    return fold(fold(fold(fold(this.peer, stage), this.from), this.position), this.pendingCount)
  }

  /** Bytes that this member alone occupies. */
  get sizeBytes(): number {
    return this.bits.byteLength + (this.held?.sizeBytes ?? 0)
  }
}

interface Held {
  readonly add: (id: PrefixId, attributes: AttributeId, source: number, pathId: number) => void
  readonly take: (id: PrefixId, into: Routes) => void
  readonly sizeBytes: number
}

/** One route for each prefix, in columns. */
class HeldRoute implements Held {
  /** Set plus one; 0: none. */
  private sent: Uint32Array = new Uint32Array(FIRST_HELD)
  private source: Uint16Array = new Uint16Array(FIRST_HELD)

  add(id: PrefixId, attributes: AttributeId, source: number): void {
    if (id >= this.sent.length) {
      this.sent = grown(this.sent, Math.max(id + 1, this.sent.length * 2))
      this.source = grown(this.source, this.sent.length)
    }
    this.sent[id] = attributes + 1
    this.source[id] = source
  }

  take(id: PrefixId, into: Routes): void {
    if (id >= this.sent.length || this.sent[id] === 0) return
    into.push(this.sent[id] - 1, this.source[id], 0, EVERYBODY)
    this.sent[id] = 0
  }

  get sizeBytes(): number {
    return this.sent.byteLength + this.source.byteLength
  }
}

/** Lists of routes by prefix. Entries are numbered from 1; 0 ends a list. */
class HeldRoutes implements Held {
  private heads: Uint32Array = new Uint32Array(FIRST_HELD)
  private attributes: Uint32Array = new Uint32Array(FIRST_HELD)
  private source: Uint16Array = new Uint16Array(FIRST_HELD)
  private pathId: Uint32Array = new Uint32Array(FIRST_HELD)
  private next: Uint32Array = new Uint32Array(FIRST_HELD)
  private free = 0
  private bound = 1

  add(id: PrefixId, attributes: AttributeId, source: number, pathId: number): void {
    if (id >= this.heads.length) this.heads = grown(this.heads, Math.max(id + 1, this.heads.length * 2))
    let entry = this.free
    if (entry !== 0) this.free = this.next[entry]
    else entry = this.bound++
    if (entry >= this.next.length) this.grow()
    this.attributes[entry] = attributes
    this.source[entry] = source
    this.pathId[entry] = pathId
    this.next[entry] = this.heads[id]
    this.heads[id] = entry
  }

  take(id: PrefixId, into: Routes): void {
    if (id >= this.heads.length) return
    for (let entry = this.heads[id]; entry !== 0; ) {
      into.push(this.attributes[entry], this.source[entry], this.pathId[entry], EVERYBODY)
      const after = this.next[entry]
      this.next[entry] = this.free
      this.free = entry
      entry = after
    }
    this.heads[id] = 0
  }

  private grow(): void {
    const length = this.next.length * 2
    this.attributes = grown(this.attributes, length)
    this.source = grown(this.source, length)
    this.pathId = grown(this.pathId, length)
    this.next = grown(this.next, length)
  }

  get sizeBytes(): number {
    return this.heads.byteLength + this.next.length * ENTRY_BYTES
  }
}

const FIRST_WORDS = 32
const FIRST_HELD = 64
const ENTRY_BYTES = 14
