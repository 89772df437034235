// What the kernel is asked, and the memory of it until the answer comes: one slot per message of each batch under way, in order. Slots
// are columns, so that a batch of routes costs no objects. Batches are answered in the order in which they were filled.
import { assert, KERNEL_BATCH_MESSAGES_MAX } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import type { Operation } from "./errors.ts"
import type { GroupObject, LeafObject, Member } from "./objects.ts"
import { EntryEvent } from "./states.ts"

/** Who writes requests down. Each call is one message of the batch. */
export interface Requests {
  /** Whether the batch takes one more message of any kind. */
  hasRoom(): boolean
  putLeaf(leaf: LeafObject, mode: PutMode): void
  putGroup(group: GroupObject, members: ReadonlyArray<Member>, mode: PutMode): void
  deleteNexthop(id: number): void
  putRoute(family: 0 | 1, prefix: PrefixId, groupId: number, mode: PutMode): void
  deleteRoute(family: 0 | 1, prefix: PrefixId): void
}

/** What a put may find: nothing, an older content that must be there, or either. */
export const PutMode = { Create: 0, Replace: 1, CreateOrReplace: 2 } as const
export type PutMode = (typeof PutMode)[keyof typeof PutMode]

export const SlotKind = {
  ObjectAdd: 1,
  ObjectChange: 2,
  ObjectDelete: 3,
  RouteAdd: 4,
  RouteChange: 5,
  RouteDelete: 6
} as const

/** By SlotKind. */
export const OPERATIONS: ReadonlyArray<Operation> = ["add", "add", "change", "delete", "add", "change", "delete"]

/** By SlotKind: the event when it was refused. */
export const FAILED: ReadonlyArray<EntryEvent> = [
  EntryEvent.AddFailed,
  EntryEvent.AddFailed,
  EntryEvent.ChangeFailed,
  EntryEvent.DeleteFailed,
  EntryEvent.AddFailed,
  EntryEvent.ChangeFailed,
  EntryEvent.DeleteFailed
]

export class Slots {
  count = 0
  readonly kind: Uint8Array = new Uint8Array(KERNEL_BATCH_MESSAGES_MAX)
  readonly objects: Array<LeafObject | GroupObject | undefined> = []
  readonly family: Uint8Array = new Uint8Array(KERNEL_BATCH_MESSAGES_MAX)
  readonly prefix: Uint32Array = new Uint32Array(KERNEL_BATCH_MESSAGES_MAX)
  readonly group: Uint32Array = new Uint32Array(KERNEL_BATCH_MESSAGES_MAX)

  addObject(kind: number, object: LeafObject | GroupObject): void {
    this.kind[this.count] = kind
    this.objects[this.count++] = object
  }

  addRoute(kind: number, family: 0 | 1, prefix: PrefixId, group: number): void {
    const slot = this.count++
    this.kind[slot] = kind
    this.family[slot] = family
    this.prefix[slot] = prefix
    this.group[slot] = group
  }

  /** What the only message is about; undefined where there are several. */
  get lone(): string | number | undefined {
    if (this.count !== 1) return undefined
    const object = this.objects[0]
    return object === undefined ? this.prefix[0] * 2 + this.family[0] : `nexthop ${object.id}`
  }

  clear(): void {
    this.objects.length = 0
    this.count = 0
  }
}

/** The batches under way, oldest first. Slots are used again: as many are made as were ever under way at once. */
export class Window {
  private readonly underWay: Array<Slots> = []
  private readonly free: Array<Slots> = []

  /** Slots for the next batch; it is under way once `sent` says so. */
  next(): Slots {
    if (this.free.length === 0) this.free.push(new Slots())
    return this.free[this.free.length - 1]
  }

  /** The slots that `next` gave went out. */
  sent(): void {
    this.underWay.push(this.free.pop()!)
  }

  /** The oldest batch under way. */
  get oldest(): Slots | undefined {
    return this.underWay[0]
  }

  /** Those of the oldest batch. They are as they were until the next `next`. */
  answered(): Slots {
    const slots = this.underWay.shift()
    assert(slots !== undefined, "an answer is to a batch that is under way")
    this.free.push(slots)
    return slots
  }

  /** Batches under way. */
  get size(): number {
    return this.underWay.length
  }
}
