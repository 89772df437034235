// The leaves and groups that are in the kernel or wanted there, by id, by adjacency and by path-list; who must be looked at; who holds
// what. This is the bookkeeping; what happens to an object is decided in object-sync.ts.
import type { Adjacency, Leaf, PathList } from "../fib/index.ts"
import { assert } from "../machine/index.ts"
import { BackOff } from "./back-off.ts"
import { Errno, ErrorClass } from "./errors.ts"
import { Fights } from "./fights.ts"
import { type GroupMember, GroupObject, type GroupShape, LeafObject, type Member, NexthopIds } from "./objects.ts"
import { EntryState, isUsable } from "./states.ts"

export type KernelNexthop = LeafObject | GroupObject

export class ObjectTable {
  readonly byId: Map<number, KernelNexthop> = new Map()
  /** Path-lists whose routes must look again: their group appeared, went, or has another number. */
  readonly moved: Set<number> = new Set()
  readonly ids: NexthopIds = new NexthopIds()
  /** What other programs keep undoing. */
  readonly fights: Fights = new Fights()
  /** Leftovers of an earlier run may be removed. */
  sweeping = false
  /** The first complete dump was read. */
  compared = false
  protected hasLeftovers = false
  /** What kind of groups are wanted. */
  protected shape: GroupShape | undefined
  protected readonly leaves = new Map<string, LeafObject>()
  protected readonly groups: Array<GroupObject | undefined> = []
  protected leafQueue: Array<LeafObject> = []
  protected groupQueue: Array<GroupObject> = []
  /** Objects for which no number was left, in the order in which they came. */
  private readonly unnumbered = new Set<KernelNexthop>()
  private lastSubstitute = 0
  /** What went by itself, by its number: that is nobody's before a dump has shown what is there, and as long as routes are taken to point at it. */
  private readonly lostIds = new Map<number, KernelNexthop>()
  /** Objects that only time will help. */
  readonly backOff: BackOff<KernelNexthop> = new BackOff()

  groupOf(pathList: number): GroupObject | undefined {
    return this.groups[pathList]
  }

  /** By the adjacency's key. */
  leafOf(key: string): LeafObject | undefined {
    return this.leaves.get(key)
  }

  groupById(id: number): GroupObject | undefined {
    const object = this.byId.get(id)
    return object?.kind === "group" ? object : undefined
  }

  /** A neighbour that the group needs and that is not in the kernel. */
  unmetMember(group: GroupObject): Adjacency | undefined {
    return group.desired.find(({ adjacency }) => !isUsable(this.leaves.get(adjacency.key)?.state ?? 0))?.adjacency
  }

  get waiting(): boolean {
    return this.leafQueue.length > 0 || this.groupQueue.length > 0
  }

  mark(object: KernelNexthop): void {
    if (object.queued || object.dead) return
    object.queued = true
    if (object.kind === "nexthop") this.leafQueue.push(object)
    else this.groupQueue.push(object)
  }

  /** As `mark`, and what made it fail has changed. */
  protected wake(object: KernelNexthop): void {
    object.resting = false
    this.mark(object)
  }

  /** Tries again what has waited long enough. */
  retry(level: number): void {
    for (const object of this.backOff.take(level)) this.wake(object)
  }

  /** A route points at the group, or is being told to. */
  retain(groupId: number): void {
    const group = this.groupById(groupId) ?? this.lostGroup(groupId)
    if (group !== undefined) group.routes++
  }

  release(groupId: number): void {
    const group = this.groupById(groupId) ?? this.lostGroup(groupId)
    if (group === undefined) return
    group.routes--
    assert(group.routes >= 0, "a group is released once per route")
    if (group.routes === 0 && !group.wanted) this.mark(group)
  }

  private lostGroup(id: number): GroupObject | undefined {
    const object = this.lostIds.get(id)
    return object?.kind === "group" ? object : undefined
  }

  /** Whoever failed for want of a link or an address may succeed now. */
  linkChanged(): void {
    for (const leaf of this.leaves.values()) if (leaf.failure?.errorClass === ErrorClass.Dependency) this.wake(leaf)
  }

  // Leftovers of an earlier run

  /** A leaf of ours that a dump showed and that we do not know. */
  foundLeaf(id: number, adjacency: Adjacency): void {
    if (this.byId.has(id)) return
    const leaf = new LeafObject(id, adjacency)
    this.found(leaf)
    if (!this.leaves.has(adjacency.key)) this.leaves.set(adjacency.key, leaf)
  }

  /** A group of ours that a dump showed and that we do not know. */
  foundGroup(id: number, members: ReadonlyArray<GroupMember>, shape: GroupShape | undefined): GroupObject {
    const group = new GroupObject(id, 0)
    group.shape = shape
    this.found(group)
    this.setTold(group, this.membersOf(members))
    return group
  }

  /** Those members that are ours, in the order in which we write them. */
  protected membersOf(members: ReadonlyArray<GroupMember>): ReadonlyArray<Member> {
    const known: Array<Member> = []
    for (const { id, weight } of members) {
      const leaf = this.byId.get(id)
      if (leaf?.kind === "nexthop") known.push({ leaf, weight })
    }
    return known.sort((a, b) => (a.leaf.adjacency.key < b.leaf.adjacency.key ? -1 : 1))
  }

  /** From now on what nobody took over is removed. */
  sweep(): void {
    this.sweeping = true
    this.hasLeftovers = false
    for (const object of this.byId.values()) if (object.stale) this.wake(object)
  }

  /** Everything goes. */
  unwantAll(): void {
    this.sweeping = true
    for (const object of this.byId.values()) {
      if (object.kind === "group") this.desire(object, [])
      this.wake(object)
    }
  }

  protected found(object: KernelNexthop): void {
    this.register(object)
    this.hasLeftovers = true
    object.seen = true
    // What a later dump shows was made by this run and then believed lost: nobody will come for it.
    object.stale = !this.compared
    object.state = EntryState.InSync
    this.ids.startAfter(object.id)
    if (this.compared || this.sweeping) this.mark(object)
  }

  /** A group left over with just the content that is wanted. */
  protected adopt(list: PathList): GroupObject | undefined {
    if (!this.hasLeftovers) return undefined
    for (const object of this.byId.values()) {
      if (object.kind !== "group" || !object.stale || object.pathList !== 0) continue
      if (!fitsShape(object.shape, this.shape) || !this.hasMembers(object, list.installed)) continue
      object.pathList = list.id
      return object
    }
    return undefined
  }

  // Desire

  /** `reserve`: what may take the place of the leaves at any time, and so is kept in the kernel too, in no group. */
  protected desire(group: GroupObject, leaves: ReadonlyArray<Leaf>, reserve: ReadonlyArray<Leaf> = []): void {
    const before = [...group.desired, ...group.reserve]
    const now = [...leaves, ...reserve]
    group.desired = leaves
    group.reserve = reserve
    group.hasIpv4 = leaves.some((leaf) => leaf.adjacency.family === 4)
    for (const { adjacency } of now) {
      const leaf = this.leafFor(adjacency)
      if (leaf.users.size === 0) this.wake(leaf)
      leaf.users.add(group)
      leaf.stale = false
    }
    const keys = new Set(now.map((leaf) => leaf.adjacency.key))
    for (const { adjacency } of before) {
      if (keys.has(adjacency.key)) continue
      const leaf = this.leaves.get(adjacency.key)
      if (leaf === undefined) continue
      leaf.users.delete(group)
      if (leaf.users.size === 0) this.wake(leaf)
    }
    if (group.wanted) group.stale = false
    this.wake(group)
  }

  /** Groups are to be of another kind. Each becomes so when it is driven. */
  reshape(shape: GroupShape | undefined): void {
    if (isSameShape(this.shape, shape)) return
    this.shape = shape
    for (const group of this.groups) if (group?.wanted === true) this.mark(group)
  }

  /**
   * Of a group in the kernel neither the kind nor the number of buckets can change. Where that would have to be, the group stays until the
   * last route has moved to one that takes its place. True: it is so.
   */
  protected regrouped(group: GroupObject): boolean {
    const isThere = group.state >= EntryState.ChangeDefer
    if (!group.wanted || !(isThere || group.unknown)) return false
    if (fitsShape(isThere ? group.shape : group.sentShape, this.shape)) return false
    const { pathList, desired, reserve } = group
    group.pathList = 0
    const fresh = this.newGroup(pathList)
    if (pathList !== 0) this.groups[pathList] = fresh
    this.desire(fresh, desired, reserve)
    this.desire(group, [])
    this.moved.add(pathList)
    return true
  }

  protected leafFor(adjacency: Adjacency): LeafObject {
    const known = this.leaves.get(adjacency.key)
    if (known !== undefined) return known
    const leaf = this.register(new LeafObject(this.newId(), adjacency))
    this.leaves.set(adjacency.key, leaf)
    this.mark(leaf)
    return leaf
  }

  protected register<Made extends KernelNexthop>(object: Made): Made {
    this.byId.set(object.id, object)
    if (object.id < 0) this.unnumbered.add(object)
    else this.lostIds.delete(object.id)
    return object
  }

  /** A number that no other object has; below zero where none is left: then `isNumbered` finds one before anything is asked. */
  protected newId(): number {
    return this.freeId() ?? --this.lastSubstitute
  }

  private freeId(): number | undefined {
    const inUse = this.byId.size - this.unnumbered.size + this.lostIds.size
    return inUse >= this.ids.count ? undefined : this.ids.allocate((id) => this.byId.has(id) || this.lostIds.has(id))
  }

  /** Whether the object has a number of its own by now. Else it waits for one. */
  protected isNumbered(object: KernelNexthop): boolean {
    if (object.id > 0) return true
    const id = this.freeId()
    if (id === undefined) {
      object.failure = { errno: Errno.ENOSPC, errorClass: ErrorClass.Transient, text: "no nexthop id of ours is left" }
      object.resting = true
      this.backOff.note(object, ErrorClass.Transient, object.tries++)
      return false
    }
    this.unnumbered.delete(object)
    this.byId.delete(object.id)
    object.id = id
    object.failure = undefined
    this.register(object)
    return true
  }

  /** So many numbers are free again: whoever has waited longest may have them. */
  private numbersFreed(count: number): void {
    let left = count
    for (const object of this.unnumbered) {
      if (left-- <= 0) return
      this.wake(object)
    }
  }

  /** A dump has shown all that there is under our numbers. */
  allShown(): void {
    const before = this.lostIds.size
    for (const [id, object] of this.lostIds) {
      if (object.kind === "nexthop" || object.routes === 0) this.lostIds.delete(id)
    }
    this.numbersFreed(before - this.lostIds.size)
  }

  /** @param isGone whether the kernel said so itself; else its number is kept until that is sure */
  protected forget(object: KernelNexthop, isGone = true): void {
    object.dead = true
    this.byId.delete(object.id)
    if (!isGone) this.lostIds.set(object.id, object)
    else if (!this.unnumbered.delete(object)) this.numbersFreed(1)
    if (object.kind === "nexthop") {
      if (this.leaves.get(object.adjacency.key) === object) this.leaves.delete(object.adjacency.key)
    } else if (this.groups[object.pathList] === object) this.groups[object.pathList] = undefined
  }

  protected unsend(object: KernelNexthop): void {
    if (object.kind !== "group") return
    const sent = object.sent
    object.sent = []
    for (const member of sent) this.drop(member)
  }

  protected drop(member: Member): void {
    member.leaf.held--
    if (member.leaf.held === 0) this.mark(member.leaf)
  }

  /** Notes what the kernel has. `counted`: the members are held already, by having been sent. */
  protected setTold(group: GroupObject, members: ReadonlyArray<Member>, counted = false): void {
    if (!counted) for (const { leaf } of members) leaf.held++
    const before = group.told
    group.told = members
    for (const member of before) if (!member.leaf.dead) this.drop(member)
  }

  protected holdersOf(leaf: LeafObject): ReadonlyArray<GroupObject> {
    const holders: Array<GroupObject> = []
    for (const object of this.byId.values()) {
      if (object.kind === "group" && object.told.some((member) => member.leaf === leaf)) holders.push(object)
    }
    return holders
  }

  /** Notes what the kernel was seen to have. */
  protected seen(group: GroupObject, members: ReadonlyArray<Member>, shape: GroupShape | undefined): void {
    this.setTold(group, members)
    group.shape = shape
  }

  /** A group of the kind that is wanted now. */
  protected newGroup(pathList: number): GroupObject {
    return this.register(new GroupObject(this.newId(), pathList))
  }

  protected hasContent(group: GroupObject, leaves: ReadonlyArray<Leaf>): boolean {
    return isSameShape(group.shape, this.shape) && this.hasMembers(group, leaves)
  }

  private hasMembers(group: GroupObject, leaves: ReadonlyArray<Leaf>): boolean {
    return (
      group.told.length === leaves.length &&
      group.told.every(({ leaf, weight }, index) => {
        const wanted = leaves[index]
        return weight === wanted.weight && leaf === this.leaves.get(wanted.adjacency.key)
      })
    )
  }
}

/** Whether a group can become what is wanted by a replace, or is that already. */
const fitsShape = (shape: GroupShape | undefined, wanted: GroupShape | undefined): boolean =>
  shape?.buckets === wanted?.buckets

export const isSameShape = (a: GroupShape | undefined, b: GroupShape | undefined): boolean =>
  a?.buckets === b?.buckets && a?.idleTimer === b?.idleTimer && a?.unbalancedTimer === b?.unbalancedTimer
