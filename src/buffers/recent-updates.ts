// The updates that were received last, under numbers that whoever received them gives. An entry has one owner: `add` takes a reference over
// from the caller, `take` hands it to the caller, `delete` and falling out release it. What is looked up stays the cache's: who wants
// it for longer retains it. Bounded by bytes, since each entry keeps a received block from being used again: the oldest go first.
import { assert } from "../machine/index.ts"
import type { MessageHandle, MessageTable } from "./messages.ts"

export interface RecentStats {
  readonly entries: number
  readonly bytes: number
  readonly bytesMax: number
  readonly added: number
  readonly taken: number
  /** Deleted by whoever knew that nobody would want them. */
  readonly deleted: number
  /** Fallen out for lack of room. */
  readonly evicted: number
}

export class RecentUpdates {
  readonly bytesMax: number
  private readonly messages: MessageTable
  /** In the order in which they were added. */
  private readonly entries: Map<number, MessageHandle> = new Map()
  private bytes = 0
  private added = 0
  private taken = 0
  private deleted = 0
  private evicted = 0

  constructor(messages: MessageTable, bytesMax: number) {
    this.messages = messages
    this.bytesMax = bytesMax
  }

  /** Takes over the caller's reference. The oldest entries go for it; it goes too, where alone it is more than the whole bound. */
  add(id: number, message: MessageHandle): void {
    assert(!this.entries.has(id), "two updates of one number")
    this.added++
    this.entries.set(id, message)
    this.bytes += this.messages.lengthOf(message)
    if (this.bytes > this.bytesMax) this.evict()
  }

  /** The entry goes and its reference is the caller's, who releases it; 0 where there is none. */
  take(id: number): MessageHandle | 0 {
    const message = this.remove(id)
    if (message !== 0) this.taken++
    return message
  }

  /** Looks without taking. */
  contains(id: number): boolean {
    return this.entries.has(id)
  }

  /** The message, which stays the cache's; 0 where there is none. */
  get(id: number): MessageHandle | 0 {
    return this.entries.get(id) ?? 0
  }

  /** Releases an entry. False: there was none. */
  delete(id: number): boolean {
    const message = this.remove(id)
    if (message === 0) return false
    this.deleted++
    this.messages.release(message)
    return true
  }

  /** Releases every entry. */
  clear(): void {
    if (this.entries.size === 0) return
    this.deleted += this.entries.size
    for (const message of this.entries.values()) this.messages.release(message)
    this.entries.clear()
    this.bytes = 0
  }

  stats(): RecentStats {
    const { bytes, bytesMax, added, taken, deleted, evicted } = this
    return { entries: this.entries.size, bytes, bytesMax, added, taken, deleted, evicted }
  }

  private evict(): void {
    for (const [id, message] of this.entries) {
      if (this.bytes <= this.bytesMax) return
      this.remove(id)
      this.evicted++
      this.messages.release(message)
    }
  }

  private remove(id: number): MessageHandle | 0 {
    const message = this.entries.get(id)
    if (message === undefined) return 0
    this.entries.delete(id)
    this.bytes -= this.messages.lengthOf(message)
    return message
  }
}
