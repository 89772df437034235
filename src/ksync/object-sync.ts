// Leaves and groups between the graph and the kernel: created before what stands on them, deleted after it, adopted where an earlier
// run left an equal one. Events only mark objects; a loop drives marked ones through the entry machine, so nothing is re-entrant.
// Groups are changed in place by a replace that does not create: if the group is gone, its routes are gone with it, and we want to know.

import type { PathList } from "../fib/index.ts"
import { contested, Errno, ErrorClass, type Failure } from "./errors.ts"
import { isSameShape, type KernelNexthop, ObjectTable } from "./object-table.ts"
import type { GroupContent, GroupObject, LeafObject } from "./objects.ts"
import { FAILED, PutMode, type Requests, SlotKind, type Slots } from "./requests.ts"
import { isDiscard } from "./routes.ts"
import { isSameShare, mayShrink, shrunk } from "./shrink.ts"
import { Act, EntryEvent, EntryState, eventFor, FlagChange, Guard, isUnderWay } from "./states.ts"
import { actsOf, flagsOf, stateOf, step } from "./table.ts"

export class ObjectSync extends ObjectTable {
  violations = 0
  /** Nexthops and groups that another program gave another content. */
  altered = 0

  /** Takes over what the graph now says about a path-list; `gone` once nobody uses it. */
  update(list: PathList, gone: boolean): void {
    if (list.kind !== "recursive") return
    let group = this.groups[list.id]
    if (group === undefined) {
      if (list.leaves.length === 0) return
      group = this.adopt(list) ?? this.newGroup(list.id)
      this.groups[list.id] = group
    }
    const wasWanted = group.wanted
    this.desire(group, list.installed, list.reserve)
    if (wasWanted !== group.wanted) this.moved.add(list.id)
    if (!gone) return
    this.groups[list.id] = undefined
    group.pathList = 0
  }

  /** Drives marked objects while there is room: leaves first, so that a group finds its members on their way. */
  pump(requests: Requests, slots: Slots): void {
    let at = 0
    // What failed goes out of all groups before anything else is done.
    for (const leaf of this.leafQueue) if (leaf.held > 0 && requests.hasRoom()) this.takeOut(leaf, requests, slots)
    for (; at < this.leafQueue.length && requests.hasRoom(); at++) this.driveLeaf(this.leafQueue[at], requests, slots)
    this.leafQueue = this.leafQueue.slice(at)
    for (at = 0; at < this.groupQueue.length && requests.hasRoom(); at++) {
      this.driveGroup(this.groupQueue[at], requests, slots)
    }
    this.groupQueue = this.groupQueue.slice(at)
  }

  // What the kernel says

  succeeded(kind: number, object: KernelNexthop): void {
    if (object.dead) {
      this.settleDead(object)
      return
    }
    object.failure = undefined
    object.unknown = false
    object.tries = 0
    if (kind === SlotKind.ObjectDelete) {
      // Wanted again meanwhile: a new object takes its place.
      if (object.kind === "group" ? object.wanted : object.users.size > 0) {
        this.lose(object)
        return
      }
      if (object.kind === "group") this.setTold(object, [])
      else this.takenOut(object)
      this.apply(object, EntryEvent.DeleteAck)
      if (!object.dead) this.mark(object)
      return
    }
    if (object.kind === "group") {
      const sent = object.sent
      object.sent = []
      object.shape = object.sentShape
      for (const member of sent) if (member.leaf.dead) this.drop(member)
      this.setTold(
        object,
        sent.filter((member) => !member.leaf.dead),
        true
      )
      // Every member vanished meanwhile, and the group with them.
      if (object.told.length === 0) {
        this.loseGroup(object)
        return
      }
    }
    this.apply(object, kind === SlotKind.ObjectAdd ? EntryEvent.AddAck : EntryEvent.ChangeAck)
    this.mark(object)
  }

  failed(kind: number, object: KernelNexthop, failure: Failure): void {
    if (object.dead) {
      this.settleDead(object)
      return
    }
    this.unsend(object)
    if (failure.errorClass === ErrorClass.Lost) {
      this.lose(object)
      return
    }
    object.failure = failure
    if (failure.errno === Errno.EIO) object.unknown = object.repeated = true
    this.refused(kind, object)
    this.markHolders(object)
    if (failure.errorClass === ErrorClass.Conflict) {
      this.renumber(object)
      return
    }
    object.resting = true
    this.backOff.note(object, failure.errorClass, object.tries++)
  }

  /** The answer is lost: what was asked is done again, in a form that works whether it was done or not. */
  unanswered(kind: number, object: KernelNexthop): void {
    if (object.dead) {
      this.settleDead(object)
      return
    }
    this.unsend(object)
    object.unknown = true
    object.repeated = true
    this.refused(kind, object)
    this.mark(object)
    for (const group of this.markHolders(object)) group.unknown = true
  }

  /** What was under way is not known to be done: a content that was to be written is still to be written, whatever is wanted then. */
  private refused(kind: number, object: KernelNexthop): void {
    if (kind === SlotKind.ObjectChange) object.altered = true
    this.apply(object, FAILED[kind])
  }

  /**
   * The link went down: the kernel removed its leaves, shrank groups, removed empty ones and their routes, and says nothing.
   * Returns whether that concerns us. The news may be older than our last requests: what is really there is to be verified.
   */
  linkLost(ifindex: number): boolean {
    let some = false
    for (const leaf of [...this.byId.values()]) {
      if (leaf.kind !== "nexthop" || leaf.adjacency.ifindex !== ifindex || leaf.state === EntryState.Init) continue
      this.loseLeaf(leaf)
      some = true
    }
    return some
  }

  /** An object of ours went that we did not delete. */
  lost(id: number): void {
    const object = this.byId.get(id)
    if (object === undefined || object.state === EntryState.Init || object.state === EntryState.AddDefer) return
    this.lose(object)
  }

  /** As `lost`, and another program did it. True: it may be there again by a request of ours, so the kernel is to be asked. */
  undone(id: number): boolean {
    const object = this.byId.get(id)
    if (object === undefined) return false
    const isLeaf = object.kind === "nexthop"
    const what = isLeaf ? object.adjacency.key : `group ${object.pathList}`
    const isContested = object.state === EntryState.InSync && !this.fights.undone(what)
    this.lost(id)
    const fresh = isLeaf ? this.leaves.get(what) : this.groups[object.pathList]
    if (isContested && fresh !== undefined && fresh !== object) this.contest(fresh, what)
    return object.dead && object.repeated
  }

  /** A nexthop of ours is not what we made it: it gets its content back in place, with all that stands on it. `undone`: it is news. */
  leafAltered(leaf: LeafObject, undone: boolean): void {
    this.alter(leaf, leaf.adjacency.key, undone)
  }

  /** What a group of ours was seen to be. */
  groupSeen(group: GroupObject, { members, shape, isRenamed }: GroupContent, undone: boolean): void {
    const known = this.membersOf(members)
    const told = group.told.map(({ leaf: { adjacency }, weight }) => ({ adjacency, weight }))
    const isWhole = known.length === members.length && isSameShape(shape, group.shape)
    if (isWhole && !isRenamed && isSameShare(known, told)) return
    // What is under way will say what is there; it is repeated, since nobody knows which came first.
    if (!isUnderWay(group.state)) this.seen(group, known, shape)
    this.alter(group, `group ${group.pathList}`, undone)
  }

  private alter(object: KernelNexthop, what: string, undone: boolean): void {
    if (object.state < EntryState.ChangeDefer) return
    object.altered = true
    this.altered++
    if (!undone || this.fights.undone(what)) this.mark(object)
    else this.contest(object, what)
  }

  /** It is repaired after a pause. */
  private contest(object: KernelNexthop, what: string): void {
    object.resting = true
    object.failure = contested(this.fights.counts.get(what)!)
    this.backOff.note(object, ErrorClass.Contested, this.fights.beyond(what))
  }

  /** Whether something that an object stands on is not surely in the kernel; of a route (no object): its group, or what stands for one. */
  isInDoubt(object: KernelNexthop | undefined, groupId: number): boolean {
    if (object === undefined) return !isDiscard(groupId) && this.groupById(groupId)?.state !== EntryState.InSync
    return object.kind === "group" && object.sent.some(({ leaf }) => leaf.dead || leaf.state !== EntryState.InSync)
  }

  // Driving

  private driveLeaf(leaf: LeafObject, requests: Requests, slots: Slots): void {
    leaf.queued = false
    if (leaf.dead || leaf.resting || isUnderWay(leaf.state)) return
    const wanted = leaf.users.size > 0 || (leaf.stale && !this.sweeping)
    const event = eventFor(leaf.state, wanted, leaf.altered, leaf.held > 0)
    if (event === undefined) {
      if (leaf.state === EntryState.Init && !wanted) this.forget(leaf)
      return
    }
    if (wanted && !this.isNumbered(leaf)) return
    // A leaf's content is its key: a change of one that is there changes nothing, unless somebody else changed it.
    const same = leaf.seen && wanted && !leaf.altered
    const acts = this.apply(leaf, event, this.guardsOf(leaf) | (same ? Guard.Synchronous : 0))
    if ((acts & Act.SendAdd) !== 0) {
      requests.putLeaf(leaf, leaf.unknown ? PutMode.CreateOrReplace : PutMode.Create)
      slots.addObject(SlotKind.ObjectAdd, leaf)
    } else if ((acts & Act.SendChange) !== 0 && !same) {
      leaf.altered = false
      requests.putLeaf(leaf, PutMode.Replace)
      slots.addObject(SlotKind.ObjectChange, leaf)
    } else if ((acts & Act.SendDelete) !== 0) {
      requests.deleteNexthop(leaf.id)
      slots.addObject(SlotKind.ObjectDelete, leaf)
    }
  }

  /** Deletes a leaf that groups still have, where that makes of them what they are to be. */
  private takeOut(leaf: LeafObject, requests: Requests, slots: Slots): void {
    if (leaf.dead || leaf.resting || !mayShrink(leaf, this.holdersOf(leaf))) return
    const event = leaf.state === EntryState.InSync ? EntryEvent.DeleteRequest : EntryEvent.ReferenceReleased
    const acts = this.apply(leaf, event, this.guardsOf(leaf) & ~Guard.Referenced)
    if ((acts & Act.SendDelete) === 0) return
    requests.deleteNexthop(leaf.id)
    slots.addObject(SlotKind.ObjectDelete, leaf)
  }

  /** It is deleted, and the kernel has taken it out of the groups that had it. */
  private takenOut(leaf: LeafObject): void {
    if (leaf.held === 0) return
    for (const group of this.holdersOf(leaf)) {
      group.told = group.told.filter((member) => member.leaf !== leaf)
      leaf.held--
      const left = shrunk(group)
      // The same share said with other numbers.
      if (left?.length === group.told.length) {
        group.told = left.map((member, index) => ({ leaf: member.leaf, weight: group.desired[index].weight }))
      }
      if (group.told.length === 0) this.loseGroup(group)
      else this.mark(group)
    }
  }

  /** Groups that wait for what becomes of a member. */
  private markHolders(object: KernelNexthop): ReadonlyArray<GroupObject> {
    const holders = object.kind === "nexthop" && object.held > 0 ? this.holdersOf(object) : []
    for (const group of holders) this.mark(group)
    return holders
  }

  private driveGroup(group: GroupObject, requests: Requests, slots: Slots): void {
    group.queued = false
    if (group.dead || group.resting || isUnderWay(group.state) || this.regrouped(group)) return
    // A member is on its way out: it is looked at again when that is answered.
    if (group.told.some(({ leaf }) => leaf.state === EntryState.DeleteAckWait)) return
    const wanted = group.wanted || (group.stale && !this.sweeping)
    const same = !group.wanted || (!group.altered && this.hasContent(group, group.desired))
    const event = eventFor(group.state, wanted, !same, group.routes > 0)
    if (event === undefined) {
      if (group.state === EntryState.Init && !wanted) this.forget(group)
      return
    }
    if (wanted && !this.isNumbered(group)) return
    const unresolved = this.unmetMember(group) !== undefined
    const guards =
      this.guardsOf(group) |
      (unresolved ? Guard.Unresolved : 0) |
      (group.seen && wanted && same ? Guard.Synchronous : 0)
    const acts = this.apply(group, event, guards)
    if ((acts & Act.SendDelete) !== 0) {
      requests.deleteNexthop(group.id)
      slots.addObject(SlotKind.ObjectDelete, group)
    } else if ((acts & (Act.SendAdd | Act.SendChange)) !== 0 && (guards & Guard.Synchronous) === 0) {
      const isAdd = (acts & Act.SendAdd) !== 0
      group.sent = group.desired.map(({ adjacency, weight }) => ({ leaf: this.leaves.get(adjacency.key)!, weight }))
      for (const { leaf } of group.sent) leaf.held++
      group.altered = false
      group.sentShape = this.shape
      const mode = !isAdd ? PutMode.Replace : group.unknown ? PutMode.CreateOrReplace : PutMode.Create
      requests.putGroup(group, group.sent, mode)
      slots.addObject(isAdd ? SlotKind.ObjectAdd : SlotKind.ObjectChange, group)
    }
  }

  /** One step of the machine, and those of its acts that are not requests. */
  private apply(object: KernelNexthop, event: EntryEvent, guards = this.guardsOf(object)): number {
    const packed = step(object.state, event, guards)
    const acts = actsOf(packed)
    if ((acts & Act.Violation) !== 0) {
      this.violations++
      return 0
    }
    const flags = flagsOf(packed)
    if ((flags & FlagChange.SetSeen) !== 0) object.seen = true
    if ((flags & FlagChange.ClearSeen) !== 0) object.seen = false
    object.move(stateOf(packed), event)
    if ((acts & (Act.Wake | Act.Invalidate)) !== 0) this.tellDependents(object, (acts & Act.Wake) !== 0)
    if ((acts & Act.Free) !== 0) this.forget(object)
    return acts
  }

  private guardsOf(object: KernelNexthop): number {
    const referenced = object.kind === "group" ? object.routes > 0 : object.held > 0
    return (
      (object.seen ? Guard.Seen : 0) |
      (referenced ? Guard.Referenced : 0) |
      // It may be there although no acknowledgement said so: its delete must be sent.
      (object.unknown ? Guard.Uncompressed : 0)
    )
  }

  private tellDependents(object: KernelNexthop, usable: boolean): void {
    if (object.kind === "nexthop") {
      for (const group of object.users) {
        if (usable) this.wake(group)
        else this.mark(group)
      }
    } else if (object.awaited || !object.exists) {
      object.awaited = false
      if (object.pathList !== 0) this.moved.add(object.pathList)
    }
  }

  /** Somebody else has this number: the next one. */
  private renumber(object: KernelNexthop): void {
    this.byId.delete(object.id)
    // Routes that were sent behind it hold the old number, which is nobody's of ours.
    if (object.kind === "group") object.routes = 0
    object.id = this.newId()
    this.register(object)
    this.mark(object)
  }

  // Loss

  private lose(object: KernelNexthop): void {
    if (object.kind === "group") this.loseGroup(object)
    else this.loseLeaf(object)
  }

  private loseLeaf(leaf: LeafObject): void {
    this.forget(leaf, leaf.id < 0)
    if (leaf.users.size > 0) {
      const fresh = this.leafFor(leaf.adjacency)
      for (const group of leaf.users) {
        fresh.users.add(group)
        this.mark(group)
      }
    }
    for (const object of [...this.byId.values()]) {
      if (object.kind !== "group" || !object.told.some((member) => member.leaf === leaf)) continue
      const left = object.told.filter((member) => member.leaf !== leaf)
      object.told = left
      if (left.length === 0) this.loseGroup(object)
      else this.mark(object)
    }
  }

  private loseGroup(group: GroupObject): void {
    this.forget(group, group.id < 0)
    this.setTold(group, [])
    this.moved.add(group.pathList)
    for (const { adjacency } of [...group.desired, ...group.reserve]) {
      this.leaves.get(adjacency.key)?.users.delete(group)
    }
    if (group.wanted) {
      const fresh = this.newGroup(group.pathList)
      if (group.pathList !== 0) this.groups[group.pathList] = fresh
      this.desire(fresh, group.desired, group.reserve)
    }
    group.desired = []
    group.reserve = []
  }

  /** An answer about an object that is gone: only its hold on leaves is left to give back. */
  private settleDead(object: KernelNexthop): void {
    this.unsend(object)
  }
}
