// What goes to all live members but the one that it came from, collected while a class is gone through and packed afterwards, source by source.
// Best paths of several peers alternate from prefix to prefix; packed as they come, each alternation would end a segment, and a segment is
// a write to each member. Within one round no prefix comes twice, so the order among sources does not matter; that of one source is kept,
// since received messages are recognised by it.
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
  private count = 0
  /** By peer: first and last of its stream, plus one. */
  private readonly first: Uint32Array = new Uint32Array(PEERS_MAX)
  private readonly last: Uint32Array = new Uint32Array(PEERS_MAX)

  /** The caller sees to it that prefix and set stay what they are until `clear`. */
  add(peer: number, id: PrefixId, sent: number): void {
    if (this.count === this.id.length) this.grow()
    const { first, last, next } = this
    const index = this.count++
    this.id[index] = id
    this.sent[index] = sent
    next[index] = 0
    if (first[peer] === 0) {
      this.peers.push(peer)
      first[peer] = index + 1
    } else next[last[peer] - 1] = index + 1
    last[peer] = index + 1
  }

  /** The first of a peer's stream, plus one. */
  firstOf(peer: number): number {
    return this.first[peer]
  }

  clear(): void {
    for (const peer of this.peers) this.first[peer] = 0
    this.peers.length = 0
    this.count = 0
  }

  private grow(): void {
    const length = this.id.length * 2
    this.id = grown(this.id, length)
    this.sent = grown(this.sent, length)
    this.next = grown(this.next, length)
  }
}
