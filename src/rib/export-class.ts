// An export class: all peers that get the same bytes. Adj-out is kept once per class: for every prefix the attributes that were
// announced and the one peer that was left out because the route came from it. What cannot be told to all members alike (a member's
// own route taking over, a member that joined late or reads slowly) is a bit in that member's set of pending prefixes, from which its
// final state is packed when there is room: changes of one prefix coalesce and memory stays bounded.
import { fold, PEERS_MAX } from "../machine/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { grown, type PrefixId, type PrefixTable } from "./prefix-table.ts"
import type { ExportParameters } from "./transform.ts"

export class Member {
  readonly peer: number
  /** Gets what the class gets. Otherwise every change becomes a pending bit. */
  live = false
  /** The initial table is on its way; End-of-RIB follows it. */
  joining = true
  /** The table is told again: asked for, or under way between its two marks (RFC 7313). */
  refresh: "none" | "asked" | "begun" = "none"
  pendingCount = 0
  /** Word from which the next slice looks for pending bits. */
  cursor = 0
  private bits: Uint32Array

  constructor(peer: number, capacity: number) {
    this.peer = peer
    this.bits = new Uint32Array((capacity >>> 5) + 1)
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
}

export class ExportClass {
  readonly key: string
  readonly parameters: ExportParameters
  readonly members: Array<Member> = []
  /** Set announced for each prefix plus one; 0: none. */
  sent: Uint32Array
  /** The peer that was left out of each announcement, because the route is its own. */
  sentSource: Uint16Array
  /** Prefixes announced, and of them those that each peer is left out of. */
  sentCount = 0
  private readonly sentCountFrom: Uint32Array = new Uint32Array(PEERS_MAX)
  /** Sum over announced prefixes of a hash of (prefix, attributes, source). */
  digest = 0
  private readonly prefixes: PrefixTable
  private readonly store: AttributeStore

  constructor(key: string, parameters: ExportParameters, prefixes: PrefixTable, store: AttributeStore) {
    this.key = key
    this.parameters = parameters
    this.prefixes = prefixes
    this.store = store
    this.sent = new Uint32Array(prefixes.capacity)
    this.sentSource = new Uint16Array(prefixes.capacity)
  }

  fit(): void {
    const capacity = this.prefixes.capacity
    if (this.sent.length >= capacity) return
    this.sent = grown(this.sent, capacity)
    this.sentSource = grown(this.sentSource, capacity)
  }

  /** Notes what the class is told about a prefix from now on: `sent` is the set plus one, or 0. */
  note(id: PrefixId, sent: number, source: number): void {
    const before = this.sent[id]
    if (before !== 0) {
      this.digest = (this.digest - this.hashOf(id)) >>> 0
      this.sentCountFrom[this.sentSource[id]]--
    }
    if (sent !== 0) this.sentCountFrom[source]++
    if (sent !== 0) this.store.retain(sent - 1)
    if (before === 0 && sent !== 0) {
      this.prefixes.retain(id)
      this.sentCount++
    }
    this.sent[id] = sent
    this.sentSource[id] = source
    if (sent !== 0) this.digest = (this.digest + this.hashOf(id)) >>> 0
    if (before !== 0) this.store.release(before - 1)
    if (before !== 0 && sent === 0) {
      this.prefixes.release(id)
      this.sentCount--
    }
  }

  /** The set that a member has been told about a prefix, or is to be told; -1: none. */
  sentTo(peer: number, id: PrefixId): AttributeId | -1 {
    if (id >= this.sent.length || this.sent[id] === 0 || this.sentSource[id] === peer) return -1
    return this.sent[id] - 1
  }

  /** Prefixes that a peer has been told or is to be told. */
  sentCountTo(peer: number): number {
    return this.sentCount - this.sentCountFrom[peer]
  }

  /** Lets a peer in: everything announced so far becomes pending for it. */
  join(peer: number): Member {
    const member = new Member(peer, this.prefixes.capacity)
    this.repeat(member)
    this.members.push(member)
    return member
  }

  /** Everything announced becomes pending for a member again (RFC 2918), between marks if it knows them. No mark may come before
   * End-of-RIB (RFC 7313 §4): who asks while the first telling is under way gets all of it in that one. */
  repeat(member: Member, marked = false): void {
    member.live = false
    if (marked && !member.joining) member.refresh = "asked"
    for (let id = 0; id < this.prefixes.bound && id < this.sent.length; id++) {
      if (this.sent[id] !== 0 && this.sentSource[id] !== member.peer) this.addPending(member, id)
    }
  }

  /** A prefix that somebody still has to hear of keeps its number: until then a withdrawal must not become one of another prefix. */
  addPending(member: Member, id: PrefixId): void {
    if (member.addPending(id)) this.prefixes.retain(id)
  }

  /** The member has been told about a prefix that it gave from `takePending`. */
  releasePending(id: PrefixId): void {
    this.prefixes.release(id)
  }

  leave(peer: number): void {
    const index = this.members.findIndex((member) => member.peer === peer)
    if (index === -1) return
    const [member] = this.members.splice(index, 1)
    for (let id = member.takePending(); id !== -1; id = member.takePending()) this.releasePending(id)
  }

  /** Forgets everything announced: the class has no members any more. */
  dispose(): void {
    for (let id = 0; id < this.sent.length; id++) if (this.sent[id] !== 0) this.note(id, 0, 0)
  }

  private hashOf(id: PrefixId): number {
    return fold(fold(this.prefixes.hashOf(id), this.store.hashes[this.sent[id] - 1]), this.sentSource[id])
  }
}
