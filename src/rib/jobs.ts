// What is to be told to some members only, collected while a class is gone through and packed afterwards, audience by audience: members
// that get the same share the bytes, and each segment is as long as can be. Within one round no prefix (or path) comes twice for one
// member, so the order among audiences does not matter.
import type { AudienceId, Audiences } from "./audience.ts"
import { grown, type PrefixId } from "./prefix-table.ts"

const FIRST = 64

export class Jobs {
  count = 0
  /** Audiences in the order in which they first came. */
  readonly audiences: Array<AudienceId> = []
  id: Uint32Array = new Uint32Array(FIRST)
  pathId: Uint32Array = new Uint32Array(FIRST)
  /** Set plus one; 0: a withdrawal. */
  sent: Uint32Array = new Uint32Array(FIRST)
  source: Uint16Array = new Uint16Array(FIRST)
  /** The next one for the same audience, plus one. */
  next: Uint32Array = new Uint32Array(FIRST)
  /** By audience: its first and last job, plus one. Two lists each: withdrawals, and announcements. */
  private first: Uint32Array = new Uint32Array(FIRST)
  private last: Uint32Array = new Uint32Array(FIRST)

  /** The job holds the audience of these bits until `clear`. */
  add(audiences: Audiences, bits: Uint32Array, id: PrefixId, pathId: number, sent: number, source: number): void {
    const audience = audiences.intern(bits, false)
    if (this.count === this.id.length) this.grow()
    const job = ++this.count
    this.id[job - 1] = id
    this.pathId[job - 1] = pathId
    this.sent[job - 1] = sent
    this.source[job - 1] = source
    this.next[job - 1] = 0
    const list = audience * 2 + (sent === 0 ? 0 : 1)
    if (list >= this.first.length) {
      this.first = grown(this.first, Math.max(list + 2, this.first.length * 2))
      this.last = grown(this.last, this.first.length)
    }
    if (this.first[audience * 2] === 0 && this.first[audience * 2 + 1] === 0) this.audiences.push(audience)
    else audiences.release(audience)
    if (this.first[list] === 0) this.first[list] = job
    else this.next[this.last[list] - 1] = job
    this.last[list] = job
  }

  /** The first withdrawal or announcement for an audience, plus one; 0: there is none. */
  firstOf(audience: AudienceId, isAnnouncement: boolean): number {
    return this.first[audience * 2 + (isAnnouncement ? 1 : 0)]
  }

  clear(audiences: Audiences): void {
    for (const audience of this.audiences) {
      this.first[audience * 2] = 0
      this.first[audience * 2 + 1] = 0
      audiences.release(audience)
    }
    this.audiences.length = 0
    this.count = 0
  }

  private grow(): void {
    const length = this.id.length * 2
    this.id = grown(this.id, length)
    this.pathId = grown(this.pathId, length)
    this.sent = grown(this.sent, length)
    this.source = grown(this.source, length)
    this.next = grown(this.next, length)
  }
}
