// Routes as columns indexed by prefix number: one byte of state and flags, and the group that the kernel was told. What is wanted is
// not stored: it is read from the graph when a route is looked at, so the last content wins without any queue of contents.
import type { PathList } from "../fib/index.ts"
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
  /** A reply was lost, or somebody meddled: what the kernel has is not known. It is written again, and a delete must be sent. */
  Unknown: 0x80
} as const

/** Stands for whatever a route of ours points at that is no group of ours. */
export const UNKNOWN_GROUP = 1

/**
 * A route that discards packets has no group: in the place of the group's number stands rtnetlink's type of route (RTN_BLACKHOLE,
 * RTN_UNREACHABLE, RTN_PROHIBIT). The kernel has no nexthop objects for the last two. 0: the path-list is none of those.
 */
export const discardOf = (kind: PathList["kind"]): number => {
  switch (kind) {
    case "drop":
      return 6
    case "unreachable":
      return 7
    case "prohibit":
      return 8
    default:
      return 0
  }
}

const DISCARD_FIRST = 6
/** Groups have larger numbers. */
export const DISCARD_LAST = 8

/** Whether a number in the place of a group's is the type of a route that discards. */
export const isDiscard = (group: number): boolean => group >= DISCARD_FIRST && group <= DISCARD_LAST

const QUEUE_MIN = 1024
const NONE = new Uint8Array(0)

export class RouteTable {
  /** EntryState and RouteFlag bits; 0: nothing wanted, nothing there. */
  state: Uint8Array
  /** Nexthop id of the group that the kernel's route points at; 0: none that we know of. */
  told: Uint32Array
  /** The last four transitions of each route, the newest in the low byte: event · 16 + state that it led to. 0: none. */
  past: Uint32Array
  /** Routes with a state other than Init. */
  count = 0
  /** What the kernel said of each route beside its content (`conditionOf` of netlink); empty as long as it said nothing of any. */
  private conditions: Uint8Array = NONE
  private queue: Uint32Array = new Uint32Array(QUEUE_MIN)
  private head = 0
  private tail = 0

  constructor(capacity: number) {
    this.state = new Uint8Array(capacity)
    this.told = new Uint32Array(capacity)
    this.past = new Uint32Array(capacity)
  }

  /** The last transitions, oldest first. The state that the oldest came from is known only if there are no older ones. */
  history(
    prefix: PrefixId
  ): ReadonlyArray<{ readonly from: number | undefined; readonly event: number; readonly to: number }> {
    const steps: Array<{ from: number | undefined; event: number; to: number }> = []
    const past = this.past[prefix]
    let from: number | undefined = past >>> 24 === 0 ? 0 : undefined
    for (const shift of [24, 16, 8, 0]) {
      const step = (past >>> shift) & 0xff
      if (step === 0) continue
      steps.push({ from, event: step >>> 4, to: step & 0xf })
      from = step & 0xf
    }
    return steps
  }

  fit(capacity: number): void {
    if (this.state.length >= capacity) return
    const state = new Uint8Array(capacity)
    state.set(this.state)
    this.state = state
    const told = new Uint32Array(capacity)
    told.set(this.told)
    this.told = told
    const past = new Uint32Array(capacity)
    past.set(this.past)
    this.past = past
  }

  conditionOf(prefix: PrefixId): number {
    return this.conditions[prefix] ?? 0
  }

  setCondition(prefix: PrefixId, condition: number): void {
    if (condition === 0 && prefix >= this.conditions.length) return
    if (prefix >= this.conditions.length) {
      const larger = new Uint8Array(Math.max(prefix + 1, this.conditions.length * 2, QUEUE_MIN))
      larger.set(this.conditions)
      this.conditions = larger
    }
    this.conditions[prefix] = condition
  }

  /** How many routes of prefixes below `bound` point at a group, as far as is known. Reads the whole column. */
  countOf(group: number, bound: number): number {
    let count = 0
    for (let prefix = 0; prefix < bound; prefix++) if (this.told[prefix] === group) count++
    return count
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

  /** Marks all routes of prefixes below `bound` that have one of these bits. */
  markAll(flags: number, bound: number): void {
    for (let prefix = 0; prefix < bound; prefix++) if ((this.state[prefix] & flags) !== 0) this.mark(prefix)
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
