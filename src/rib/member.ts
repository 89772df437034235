// A member of an export class: where it is in being told its table, and what it has still to hear. A member that keeps up is live and
// holds nothing of its own. One that does not is either on a walk over the table (it has just come, or asked for everything again) or
// owed the final state of some prefixes: one bit each, however often they change, so that memory stays bounded whatever happens.
import { assert } from "../machine/index.ts"
import { grown, type PrefixId } from "./prefix-table.ts"

/** Why a member walks. */
export const Walk = {
  None: 0,
  /** It has been told nothing yet. End-of-RIB follows (RFC 4724 §2). */
  First: 1,
  /** It has been told and asked to be told again (RFC 2918). */
  Repeat: 2
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
  /** Prefixes that it is owed. */
  pendingCount = 0
  private bits: Uint32Array
  /** Of those, the ones that it holds something for: they need a withdrawal when nothing is left to tell. */
  private heldBits: Uint32Array
  /** Word from which the next slice looks for pending bits. */
  private cursor = 0
  /** What it holds, where that is several paths: lists of path identifiers (RFC 7911). */
  private held: HeldPaths | undefined

  constructor(peer: number, slot: number, asn: number) {
    this.peer = peer
    this.slot = slot
    this.asn = asn
    this.bits = new Uint32Array(FIRST_WORDS)
    this.heldBits = new Uint32Array(FIRST_WORDS)
  }

  /** Begins a walk at `position`, from wherever others are. */
  beginWalk(walk: Walk, position: PrefixId): void {
    this.walk = walk
    this.from = position
    this.position = position
    this.wrapped = false
  }

  /** Whether the walk has passed a prefix: then it has been told and must hear of changes. */
  hasPassed(id: PrefixId): boolean {
    if (this.walk === Walk.None) return true
    return this.wrapped ? id >= this.from || id < this.position : id >= this.from && id < this.position
  }

  /** Notes that the member has to hear of a prefix. False: that was noted already. */
  addPending(id: PrefixId, holds: boolean): boolean {
    const word = id >>> 5
    if (word >= this.bits.length) {
      this.bits = grown(this.bits, Math.max(word + 1, this.bits.length * 2))
      this.heldBits = grown(this.heldBits, this.bits.length)
    }
    const bit = 1 << (id & 31)
    if ((this.bits[word] & bit) !== 0) return false
    this.bits[word] |= bit
    if (holds) this.heldBits[word] |= bit
    else this.heldBits[word] &= ~bit
    this.pendingCount++
    return true
  }

  isPending(id: PrefixId): boolean {
    const word = id >>> 5
    return word < this.bits.length && ((this.bits[word] >>> (id & 31)) & 1) === 1
  }

  /** Whether the member held something when it was first owed a prefix. Good until the prefix is pending anew. */
  holds(id: PrefixId): boolean {
    return ((this.heldBits[id >>> 5] >>> (id & 31)) & 1) === 1
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

  /** Notes a path that it holds of a prefix that is pending. */
  addHeldPath(id: PrefixId, pathId: number): void {
    this.held ??= new HeldPaths()
    this.held.add(id, pathId)
  }

  /** Takes one of the paths that it held of a prefix; 0: none is left. */
  takeHeldPath(id: PrefixId): number {
    return this.held === undefined ? 0 : this.held.take(id)
  }

  /** Bytes that this member alone occupies. */
  get sizeBytes(): number {
    return this.bits.byteLength * 2 + (this.held?.sizeBytes ?? 0)
  }
}

/** Lists of path identifiers by prefix. Entries are numbered from 1; 0 ends a list. */
class HeldPaths {
  private heads: Uint32Array = new Uint32Array(64)
  private pathIds: Uint32Array = new Uint32Array(64)
  private next: Uint32Array = new Uint32Array(64)
  private free = 0
  private bound = 1

  add(id: PrefixId, pathId: number): void {
    if (id >= this.heads.length) this.heads = grown(this.heads, Math.max(id + 1, this.heads.length * 2))
    let entry = this.free
    if (entry !== 0) this.free = this.next[entry]
    else entry = this.bound++
    if (entry >= this.next.length) {
      this.next = grown(this.next, this.next.length * 2)
      this.pathIds = grown(this.pathIds, this.next.length)
    }
    this.pathIds[entry] = pathId
    this.next[entry] = this.heads[id]
    this.heads[id] = entry
  }

  take(id: PrefixId): number {
    const entry = id < this.heads.length ? this.heads[id] : 0
    if (entry === 0) return 0
    this.heads[id] = this.next[entry]
    this.next[entry] = this.free
    this.free = entry
    return this.pathIds[entry]
  }

  get sizeBytes(): number {
    return this.heads.byteLength + this.pathIds.byteLength + this.next.byteLength
  }
}

const FIRST_WORDS = 32
