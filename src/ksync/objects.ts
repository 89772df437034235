// The few kernel objects that are plain objects here: a nexthop for each adjacency, a group for each path-list. Routes, the many, are
// columns (routes.ts). An object that the kernel dropped is not revived: a new one under a new number takes its place, so whoever
// still points at the old number is recognised by that alone (ADR-0009).

import type { Adjacency, Leaf } from "../fib/index.ts"
import type { Failure } from "./errors.ts"
import { EntryState } from "./states.ts"

export interface Transitioned {
  readonly from: EntryState
  readonly to: EntryState
  readonly event: number
}

/** A member of a group as the kernel tells it. */
export interface GroupMember {
  readonly id: number
  readonly weight: number
}

export interface Member {
  readonly leaf: LeafObject
  readonly weight: number
}

/** What leaves, groups and rules have in common. */
export class KernelObject {
  /** Nexthop id in the kernel; below zero: it has none yet, for none was left. */
  id: number
  state: EntryState = EntryState.Init
  seen = false
  deleteAddPending = false
  /** In the queue of objects that must be looked at. */
  queued = false
  /** Found at start, not wanted by anybody yet. */
  stale = false
  /** A reply was lost: it may be in the kernel although no acknowledgement said so. */
  unknown = false
  /** How often in a row it failed. */
  tries = 0
  /** It failed and waits for time, or for what it stands on to change; being marked is not enough to try again. */
  resting = false
  /** It was asked for more than once under this number: news that it went may be from before the last time. */
  repeated = false
  /** Another program gave it another content, or it may have: it is written again, in place. */
  altered = false
  /** The kernel dropped it. */
  dead = false
  /** What the kernel said of it beside its content; see `conditionOf` of netlink. */
  condition = 0
  failure: Failure | undefined
  /** The last transitions, oldest first. */
  readonly history: Array<Transitioned> = []

  constructor(id: number) {
    this.id = id
  }

  move(to: EntryState, event: number): void {
    this.history.push({ from: this.state, to, event })
    if (this.history.length > HISTORY_KEPT) this.history.shift()
    this.state = to
  }
}

export class LeafObject extends KernelObject {
  readonly kind = "nexthop"
  readonly adjacency: Adjacency
  /** Groups that want it. */
  readonly users: Set<GroupObject> = new Set()
  /** How many groups have it in the kernel, or are being told so. */
  held = 0

  constructor(id: number, adjacency: Adjacency) {
    super(id)
    this.adjacency = adjacency
  }
}

/** How a group spreads its flows: over so many buckets that stay where they are as long as their member does. */
export interface GroupShape {
  /** 1 to 65535; fixed once the group exists. */
  readonly buckets: number
  /** Hundredths of a second that a bucket must be idle before it may move. */
  readonly idleTimer: number
  /** Hundredths of a second after which buckets move even if they are not idle; 0: never. */
  readonly unbalancedTimer: number
}

/** What a group is in the kernel. */
export interface GroupContent {
  readonly members: ReadonlyArray<GroupMember>
  /** Undefined: by hash alone. */
  readonly shape: GroupShape | undefined
  /** It is there under another program's protocol id. */
  readonly isRenamed: boolean
}

export class GroupObject extends KernelObject {
  readonly kind = "group"
  /** Undefined: by hash alone. What the kernel has, and what is under way. */
  shape: GroupShape | undefined
  sentShape: GroupShape | undefined
  /** 0: of no path-list; it goes when nothing refers to it. */
  pathList: number
  /** Empty: not wanted. */
  desired: ReadonlyArray<Leaf> = []
  /** What would take their place if they failed: in the kernel as well, so that it costs one request. */
  reserve: ReadonlyArray<Leaf> = []
  /** What the kernel has. */
  told: ReadonlyArray<Member> = []
  /** What is under way. */
  sent: ReadonlyArray<Member> = []
  /** Routes that point here in the kernel, or are being told to. */
  routes = 0
  /** A route waits for it. */
  awaited = false
  /** IPv6 routes refuse an IPv4 nexthop. */
  hasIpv4 = false

  constructor(id: number, pathList: number) {
    super(id)
    this.pathList = pathList
  }

  get wanted(): boolean {
    return this.desired.length > 0
  }

  /** Whether routes may point at it: it is in the kernel, with this content or an older one, or on its way there. */
  get exists(): boolean {
    return !this.dead && this.state >= EntryState.ChangeDefer && this.state <= EntryState.NeedSync
  }
}

/** Nexthop ids of our own range. Numbers are not reused before the range is through, so a late reply or notification never meets a newer object. */
export class NexthopIds {
  readonly count: number
  private next = NEXTHOP_ID_FIRST

  /** @param count of the range, which begins at NEXTHOP_ID_FIRST */
  constructor(count: number = NEXTHOP_ID_COUNT) {
    this.count = count
  }

  /** An id that is not taken; undefined: none is left. */
  allocate(isTaken: (id: number) => boolean): number | undefined {
    for (let tries = 0; tries < this.count; tries++) {
      const id = this.next
      this.next = this.after(id)
      if (!isTaken(id)) return id
    }
    return undefined
  }

  /** Leaves out what a dump showed to be in use. */
  startAfter(id: number): void {
    if (isOwnId(id) && id >= this.next) this.next = this.after(id)
  }

  private after(id: number): number {
    return id + 1 < NEXTHOP_ID_FIRST + this.count ? id + 1 : NEXTHOP_ID_FIRST
  }
}

/** An own range, far from the small numbers that people and other daemons use. */
export const NEXTHOP_ID_FIRST = 0x0b00_0000
export const NEXTHOP_ID_COUNT = 0x0100_0000

export const isOwnId = (id: number): boolean => id >= NEXTHOP_ID_FIRST && id < NEXTHOP_ID_FIRST + NEXTHOP_ID_COUNT

const HISTORY_KEPT = 5
