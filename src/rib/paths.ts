// Adj-in: every path of every prefix, as columns. The paths of a prefix form a list whose first element is the best one after a
// decision; paths that lost keep the reason. Twelve bytes a path, sixteen once a peer sends path identifiers.
import { nextCapacity } from "../machine/index.ts"
import type { AttributeId } from "./attribute-store.ts"
import { grown } from "./prefix-table.ts"
import { Reason } from "./reason.ts"

/** A path's number plus one; 0 is "none", so that zeroed columns mean empty lists. */
export type PathRef = number

export class Paths {
  attributes: Uint32Array
  next: Uint32Array
  peer: Uint16Array
  reason: Uint8Array
  /** Generation of its peer's table that it was last told in: another than the peer's own means left over, see RibPeers. */
  generation: Uint8Array
  /** Identifiers of RFC 7911; absent until the first one that is not 0. */
  private pathIds: Uint32Array | undefined
  /** The set as it was received plus one, where policy gave another one in its place; 0: it did not. Absent until it does. */
  private receivedSets: Uint32Array | undefined
  /** The path before each in lists that are long (long-lists.ts); absent until there is one, and not kept in other lists. */
  private before: Uint32Array | undefined
  count = 0
  private bound = 1
  private free: PathRef = 0

  constructor(capacity: number) {
    this.attributes = new Uint32Array(capacity)
    this.next = new Uint32Array(capacity)
    this.peer = new Uint16Array(capacity)
    this.reason = new Uint8Array(capacity)
    this.generation = new Uint8Array(capacity)
  }

  add(peer: number, pathId: number, attributes: AttributeId, generation: number): PathRef {
    let path = this.free
    if (path !== 0) this.free = this.next[path]
    else {
      path = this.bound++
      if (path >= this.next.length) this.grow()
    }
    this.attributes[path] = attributes
    this.next[path] = 0
    this.peer[path] = peer
    this.reason[path] = Reason.Undecided
    this.generation[path] = generation
    if (this.pathIds !== undefined) this.pathIds[path] = pathId
    else if (pathId !== 0) {
      this.pathIds = new Uint32Array(this.next.length)
      this.pathIds[path] = pathId
    }
    this.count++
    return path
  }

  /** From here on lists are kept in both directions. What is returned is filled by whoever asks, for the lists that it is about. */
  trackOrder(): Uint32Array {
    this.before ??= new Uint32Array(this.next.length)
    return this.before
  }

  /** The path before one in a list of which that is known; 0: it is the first. */
  beforeOf(path: PathRef): PathRef {
    return this.before === undefined ? 0 : this.before[path]
  }

  /** Puts `path` behind another one. */
  insertAfter(other: PathRef, path: PathRef): void {
    const after = this.next[other]
    this.next[path] = after
    this.next[other] = path
    if (this.before === undefined) return
    this.before[path] = other
    if (after !== 0) this.before[after] = path
  }

  /** Takes a path out of its list; `last` is the one before it. Returns the one behind it. */
  takeOut(last: PathRef, path: PathRef): PathRef {
    const after = this.next[path]
    if (last !== 0) this.next[last] = after
    if (this.before !== undefined && after !== 0) this.before[after] = last
    return after
  }

  /** Puts a path of the list in front of it. */
  toFront(head: PathRef, path: PathRef): void {
    let last = head
    while (this.next[last] !== path) last = this.next[last]
    this.takeOut(last, path)
    this.next[path] = head
    if (this.before === undefined) return
    this.before[head] = path
    this.before[path] = 0
  }

  remove(path: PathRef): void {
    this.next[path] = this.free
    this.free = path
    this.count--
  }

  /** The attributes of a path before policy. */
  receivedOf(path: PathRef): AttributeId {
    const received = this.receivedSets === undefined ? 0 : this.receivedSets[path]
    return received === 0 ? this.attributes[path] : received - 1
  }

  /** Whether any path was changed by policy. */
  get hasChanged(): boolean {
    return this.receivedSets !== undefined
  }

  /** Notes the set that a path was received with; -1: it is the one that it has. Returns the one noted before, or -1. */
  noteReceived(path: PathRef, set: AttributeId | -1): AttributeId | -1 {
    this.receivedSets ??= new Uint32Array(this.next.length)
    const before = this.receivedSets[path] - 1
    this.receivedSets[path] = set + 1
    return before
  }

  pathIdOf(path: PathRef): number {
    return this.pathIds === undefined ? 0 : this.pathIds[path]
  }

  private grow(): void {
    const capacity = nextCapacity(this.next.length)
    this.attributes = grown(this.attributes, capacity)
    this.next = grown(this.next, capacity)
    if (this.before !== undefined) this.before = grown(this.before, capacity)
    this.peer = grown(this.peer, capacity)
    this.reason = grown(this.reason, capacity)
    this.generation = grown(this.generation, capacity)
    if (this.pathIds !== undefined) this.pathIds = grown(this.pathIds, capacity)
    if (this.receivedSets !== undefined) this.receivedSets = grown(this.receivedSets, capacity)
  }
}
