// What goes to all live members but the one that it came from, collected while a class is gone through and packed afterwards, source by source.
// Best paths of several peers alternate from prefix to prefix; packed as they come, each alternation would end a segment, and a segment is
// a write to each member. Within one round no prefix comes twice, so the order does not matter: what has the same attributes is told in one
// place, so that messages are full, unless received messages are to be recognised by their order (RFC 4271 §4.3).
import { PEERS_MAX } from "../machine/index.ts"
import { grown, type PrefixId } from "./prefix-table.ts"

const FIRST = 1024

export class Streams {
  /** Who is left out, in the order in which they first came. */
  readonly peers: Array<number> = []
  id: Uint32Array = new Uint32Array(FIRST)
  /** Set plus one; 0: a withdrawal. */
  sent: Uint32Array = new Uint32Array(FIRST)
  /** The next one of the same stream, plus one. */
  next: Uint32Array = new Uint32Array(FIRST)
  /** Whose stream each is in. */
  private peer: Uint16Array = new Uint16Array(FIRST)
  private count = 0
  /** By set plus one: the last that has it, plus one. */
  private lastOf: Uint32Array = new Uint32Array(FIRST)
  private isGrouped = false
  /** By peer: first and last of its stream, plus one. */
  private readonly first: Uint32Array = new Uint32Array(PEERS_MAX)
  private readonly last: Uint32Array = new Uint32Array(PEERS_MAX)

  /** A new round. `isGrouped`: the order in which its prefixes come means nothing. */
  begin(isGrouped: boolean): void {
    this.isGrouped = isGrouped
  }

  /** The caller sees to it that prefix and set stay what they are until `clear`. */
  add(peer: number, id: PrefixId, sent: number): void {
    if (this.count === this.id.length) this.grow()
    const { first, last, next } = this
    const index = this.count++
    this.id[index] = id
    this.sent[index] = sent
    this.peer[index] = peer
    next[index] = 0
    if (first[peer] === 0) {
      this.peers.push(peer)
      first[peer] = index + 1
      last[peer] = index + 1
    } else this.link(peer, sent, index)
    if (!this.isGrouped) return
    if (sent >= this.lastOf.length) this.lastOf = grown(this.lastOf, Math.max(sent + 1, this.lastOf.length * 2))
    this.lastOf[sent] = index + 1
  }

  /** Behind the last with the same set, if there is one, else at the end. */
  private link(peer: number, sent: number, index: number): void {
    const { last, lastOf, next } = this
    const alike = this.isGrouped && sent < lastOf.length ? lastOf[sent] : 0
    const before = alike !== 0 && this.peer[alike - 1] === peer ? alike : last[peer]
    next[index] = next[before - 1]
    next[before - 1] = index + 1
    if (before === last[peer]) last[peer] = index + 1
  }

  /** The first of a peer's stream, plus one. */
  firstOf(peer: number): number {
    return this.first[peer]
  }

  clear(): void {
    for (const peer of this.peers) this.first[peer] = 0
    for (let index = 0; this.isGrouped && index < this.count; index++) this.lastOf[this.sent[index]] = 0
    this.peers.length = 0
    this.count = 0
  }

  private grow(): void {
    const length = this.id.length * 2
    this.id = grown(this.id, length)
    this.sent = grown(this.sent, length)
    this.next = grown(this.next, length)
    this.peer = grown(this.peer, length)
  }
}
