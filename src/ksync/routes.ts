// Routes as columns indexed by prefix number: one byte of state and flags, and the group that the kernel was told. What is wanted is
// not stored: it is read from the graph when a route is looked at, so the last content wins without any queue of contents.
import type { PrefixId } from "../rib/index.ts"

/** Bits of the state byte; the lowest four are the EntryState. */
export const RouteFlag = {
  State: 0x0f,
  /** Waits to be looked at. */
  Queued: 0x10,
  /** Waits for a retry. */
  Failed: 0x20,
  /** Found at start, not confirmed by anybody yet. */
  Stale: 0x40,
  /** A reply was lost, or the kernel was seen to have it: replaced instead of created. */
  Unknown: 0x80
} as const

const QUEUE_MIN = 1024

export class RouteTable {
  /** EntryState and RouteFlag bits; 0: nothing wanted, nothing there. */
  state: Uint8Array
  /** Nexthop id of the group that the kernel's route points at; 0: none that we know of. */
  told: Uint32Array
  /** Routes with a state other than Init. */
  count = 0
  private queue: Uint32Array = new Uint32Array(QUEUE_MIN)
  private head = 0
  private tail = 0

  constructor(capacity: number) {
    this.state = new Uint8Array(capacity)
    this.told = new Uint32Array(capacity)
  }

  fit(capacity: number): void {
    if (this.state.length >= capacity) return
    const state = new Uint8Array(capacity)
    state.set(this.state)
    this.state = state
    const told = new Uint32Array(capacity)
    told.set(this.told)
    this.told = told
  }

  /** Routes that wait to be looked at. */
  get waiting(): number {
    return this.tail - this.head
  }

  /** Notes that a route must be looked at, once. */
  mark(prefix: PrefixId): void {
    const state = this.state
    if ((state[prefix] & RouteFlag.Queued) !== 0) return
    state[prefix] |= RouteFlag.Queued
    if (this.tail === this.queue.length) this.makeRoom()
    this.queue[this.tail++] = prefix
  }

  /** The next route to look at; there must be one. */
  take(): PrefixId {
    const prefix = this.queue[this.head++]
    if (this.head === this.tail) this.head = this.tail = 0
    this.state[prefix] &= ~RouteFlag.Queued
    return prefix
  }

  private makeRoom(): void {
    const waiting = this.waiting
    const larger = waiting * 2 > this.queue.length ? new Uint32Array(this.queue.length * 2) : this.queue
    larger.set(this.queue.subarray(this.head, this.tail))
    this.queue = larger
    this.head = 0
    this.tail = waiting
  }
}
