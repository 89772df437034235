// The kernel's mirror: leaves, groups and routes, what we want of each, what the kernel has, and the one batch under way. Routes are
// driven like objects, but live in columns; a route waits for its group without a record of it, because the graph's children lists
// already say which entries stand on which path-list. The order in a batch is leaf, group, route: rtnetlink works in order, so a
// dependent may travel behind its dependency, and if that is refused both wait again.

import type { Fib, PathList } from "../fib/index.ts"
import { assert, fold } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { type Answer, classify, contested, ErrorClass, type Failure, type SyncCounters } from "./errors.ts"
import { eventFor, ObjectSync } from "./object-sync.ts"
import { FAILED, OPERATIONS, PutMode, type Requests, SlotKind, Slots } from "./requests.ts"
import { PossibleGroups, RouteFailures } from "./route-doubts.ts"
import { DISCARD_LAST, discardOf, isDiscard, RouteFlag, RouteTable, UNKNOWN_GROUP } from "./routes.ts"
import { Act, EntryEvent, EntryState, Guard, isUnderWay } from "./states.ts"
import { actsOf, stateOf, step } from "./table.ts"

export class KernelSync {
  readonly objects: ObjectSync = new ObjectSync()
  readonly routes: readonly [RouteTable, RouteTable]
  readonly slots: Slots = new Slots()
  readonly failures: RouteFailures = new RouteFailures()
  /** A route's place is taken. By somebody else, or by a route of ours that we wrongly believed lost: only a dump can tell. */
  hasConflict = false
  /** Sum of a hash per route that the kernel was told and acknowledged. */
  digest = 0
  /** Routes that went while a request about them was under way, by family + 2 · prefix. */
  private readonly doubtful = new Set<number>()
  private readonly possible = new PossibleGroups()
  private readonly fib: Fib
  private retrySoon: Array<number> = []
  private retryRarely: Array<number> = []
  private removing = false
  private requested = 0
  private acknowledged = 0
  private refused = 0
  private unanswered = 0
  private lostCount = 0
  private violations = 0

  constructor(fib: Fib, capacity: number) {
    this.fib = fib
    this.routes = [new RouteTable(capacity), new RouteTable(Math.min(capacity, 1024))]
  }

  // What is wanted

  update(list: PathList): void {
    this.objects.update(list, this.fib.pathLists.lists[list.id] !== list)
  }

  /** The entry has another path-list, or that path-list has news. Hot. */
  markRoute(family: 0 | 1, prefix: PrefixId): void {
    const routes = this.routes[family]
    routes.fit(this.fib.entries[family].prefixes.capacity)
    routes.mark(prefix)
  }

  /** Leftovers of an earlier run that nobody confirmed go. */
  sweep(): void {
    this.objects.sweep()
    this.markAll(RouteFlag.Stale)
  }

  /** Everything of ours goes. */
  removeAll(): void {
    this.removing = true
    this.objects.unwantAll()
    this.markAll(RouteFlag.State)
  }

  get waiting(): boolean {
    return this.objects.waiting || this.routes[0].waiting > 0 || this.routes[1].waiting > 0
  }

  /** Nothing of ours is in the kernel, as far as we know. */
  get empty(): boolean {
    return this.routes[0].count === 0 && this.routes[1].count === 0 && this.objects.byId.size === 0
  }

  /** Fills the batch. It must have been answered before the next one is begun. */
  pump(requests: Requests): void {
    this.objects.pump(requests, this.slots)
    for (const family of FAMILIES) {
      const routes = this.routes[family]
      while (routes.waiting > 0 && requests.hasRoom()) this.driveRoute(family, routes.take(), requests)
    }
    this.requested += this.slots.count
  }

  /** Tries again what failed. Returns whether there was anything. */
  retry(rarely: boolean): boolean {
    const keys = rarely ? [...this.retrySoon, ...this.retryRarely] : this.retrySoon
    this.retrySoon = []
    if (rarely) {
      this.retryRarely = []
      this.objects.fights.decay()
    }
    for (const key of keys) {
      const family = (key & 1) as 0 | 1
      this.routes[family].state[key >>> 1] &= ~RouteFlag.Failed
      this.routes[family].mark(key >>> 1)
    }
    return this.objects.retry(rarely) || keys.length > 0
  }

  get retries(): { readonly soon: number; readonly rarely: number } {
    const objects = this.objects.retries
    const rarely = this.retryRarely.length + objects.rarely + this.objects.fights.counts.size
    return { soon: this.retrySoon.length + objects.soon, rarely }
  }

  counters(): SyncCounters {
    return {
      requests: this.requested,
      acknowledged: this.acknowledged,
      failed: this.refused,
      unanswered: this.unanswered,
      lost: this.lostCount,
      violations: this.violations + this.objects.violations
    }
  }

  // What the kernel answers

  /** The batch is answered: `answer` knows the slots that got a reply of their own, all others succeeded. */
  answered(answer: Answer): void {
    const { slots, objects } = this
    for (let slot = 0; slot < slots.count; slot++) {
      const error = answer(slot)
      const object = slots.objects[slot]
      const kind = slots.kind[slot]
      if (error === undefined || error.errno === 0) {
        this.acknowledged++
        if (kind < SlotKind.RouteAdd) objects.succeeded(kind, object!)
        else this.routeSucceeded(slot)
        continue
      }
      const errorClass = classify(OPERATIONS[kind], error.errno, this.isInDoubt(slot))
      if (errorClass === ErrorClass.Success) {
        if (kind < SlotKind.RouteAdd) objects.succeeded(kind, object!)
        else this.routeSucceeded(slot)
        continue
      }
      this.refused++
      const failure = { errno: error.errno, text: error.text, errorClass }
      if (kind < SlotKind.RouteAdd) objects.failed(kind, object!, failure)
      else this.routeFailed(slot, failure)
    }
    slots.clear()
  }

  /** The answers are lost: everything that was asked is unknown and asked again. */
  replyLost(): void {
    const { slots } = this
    for (let slot = 0; slot < slots.count; slot++) {
      this.unanswered++
      const kind = slots.kind[slot]
      if (kind < SlotKind.RouteAdd) {
        this.objects.unanswered(kind, slots.objects[slot]!)
        continue
      }
      const family = slots.family[slot] as 0 | 1
      const prefix = slots.prefix[slot]
      // The hold on the group stays: the route may have come to point at it.
      if (kind !== SlotKind.RouteDelete) this.possible.add(prefix * 2 + family, slots.group[slot])
      this.stepRoute(family, prefix, FAILED[kind], 0)
      this.routes[family].state[prefix] |= RouteFlag.Unknown
      this.routes[family].mark(prefix)
    }
    slots.clear()
  }

  /** A group of ours that a dump showed. It may be one that was believed lost: then routes point at it already. */
  foundGroup(id: number, members: ReadonlyArray<{ readonly id: number; readonly weight: number }>): void {
    if (this.objects.byId.has(id)) return
    const group = this.objects.foundGroup(id, members)
    if (!this.objects.compared) return
    group.routes = this.possible.countOf(id)
    for (const routes of this.routes) group.routes += routes.countOf(id)
  }

  /** A route of ours that a dump showed. */
  foundRoute(family: 0 | 1, prefix: PrefixId, groupId: number): void {
    const routes = this.routes[family]
    routes.fit(this.fib.entries[family].prefixes.capacity)
    const state = routes.state[prefix] & RouteFlag.State
    if (state === EntryState.InSync && routes.told[prefix] === groupId) return
    if (isUnderWay(state) || state === EntryState.Temp) return
    if (state === EntryState.Init) this.begin(family, prefix)
    this.setTold(family, prefix, groupId === 0 ? UNKNOWN_GROUP : groupId)
    this.settled(family, prefix)
    const stale = state === EntryState.Init ? RouteFlag.Stale : 0
    const known = isDiscard(groupId) || this.objects.groupById(groupId) !== undefined
    const unknown = known ? 0 : RouteFlag.Unknown
    routes.state[prefix] = (routes.state[prefix] & ~RouteFlag.State) | EntryState.InSync | stale | unknown
    routes.mark(prefix)
  }

  /** A route of ours went that we did not delete; `undone`: another program did it, as far as we are told. */
  routeLost(family: 0 | 1, prefix: PrefixId, undone = false): void {
    const routes = this.routes[family]
    if (routes.told.length <= prefix) return
    const state = routes.state[prefix] & RouteFlag.State
    // Before or after what is under way? It is repeated once it is answered.
    if (isUnderWay(state)) this.doubtful.add(prefix * 2 + family)
    if (state !== EntryState.InSync && state !== EntryState.ChangeDefer && state !== EntryState.DeleteDeferRef) return
    this.forgetTold(family, prefix)
    const key = prefix * 2 + family
    if (!undone || this.objects.fights.undone(key)) {
      routes.mark(prefix)
      return
    }
    this.failures.note(key, contested(this.objects.fights.counts.get(key)!))
    routes.state[prefix] |= RouteFlag.Failed
    this.retrySoon.push(key)
  }

  // Routes

  private driveRoute(family: 0 | 1, prefix: PrefixId, requests: Requests): void {
    const { objects, fib } = this
    const routes = this.routes[family]
    let flags = routes.state[prefix]
    if (isUnderWay(flags & RouteFlag.State)) return
    const pathList = fib.entries[family].pathList[prefix] ?? 0
    const isWanted = pathList !== 0 && !this.removing
    const discard = isWanted ? discardOf(fib.pathLists.get(pathList).kind) : 0
    const group = isWanted ? objects.groupOf(pathList) : undefined
    const wanted = discard !== 0 || (group?.wanted === true && !(family === 1 && group.hasIpv4))
    if (!wanted && (flags & RouteFlag.Stale) !== 0 && !objects.sweeping) return
    const told = routes.told[prefix]
    if ((flags & RouteFlag.Unknown) === 0 && told > DISCARD_LAST && objects.groupById(told) === undefined) {
      this.forgetTold(family, prefix)
      flags = routes.state[prefix]
    }
    const state = flags & RouteFlag.State
    const target = discard !== 0 ? discard : wanted ? group!.id : 0
    const differs = routes.told[prefix] !== target || (flags & RouteFlag.Unknown) !== 0
    const event = eventFor(state, wanted, differs, false)
    if (event === undefined) {
      if (wanted) routes.state[prefix] &= ~RouteFlag.Stale
      return
    }
    const unresolved = wanted && discard === 0 && !group!.exists
    if (unresolved) group!.awaited = true
    if (state === EntryState.Init) this.begin(family, prefix)
    const mode = (flags & RouteFlag.Unknown) !== 0 ? PutMode.CreateOrReplace : PutMode.Create
    if (wanted) routes.state[prefix] &= ~RouteFlag.Stale
    const guards = (unresolved ? Guard.Unresolved : 0) | (differs ? 0 : Guard.Synchronous)
    const acts = this.stepRoute(family, prefix, event, guards)
    if ((acts & Act.SendDelete) !== 0) {
      requests.deleteRoute(family, prefix)
      this.slots.addRoute(SlotKind.RouteDelete, family, prefix, 0)
    } else if ((acts & (Act.SendAdd | Act.SendChange)) !== 0 && differs) {
      const isAdd = (acts & Act.SendAdd) !== 0
      objects.retain(target)
      requests.putRoute(family, prefix, target, isAdd ? mode : PutMode.CreateOrReplace)
      this.slots.addRoute(isAdd ? SlotKind.RouteAdd : SlotKind.RouteChange, family, prefix, target)
    }
  }

  /** One step of a route's machine. A route is seen when we know what group it points at, or cannot know whether it is there. */
  private stepRoute(family: 0 | 1, prefix: PrefixId, event: EntryEvent, guards: number): number {
    const routes = this.routes[family]
    const flags = routes.state[prefix]
    const packed = step(
      flags & RouteFlag.State,
      event,
      guards |
        (routes.told[prefix] !== 0 ? Guard.Seen : 0) |
        ((flags & RouteFlag.Unknown) !== 0 ? Guard.Uncompressed : 0)
    )
    const acts = actsOf(packed)
    if ((acts & Act.Violation) !== 0) {
      this.violations++
      return 0
    }
    routes.state[prefix] = (flags & ~RouteFlag.State) | stateOf(packed)
    routes.past[prefix] = (routes.past[prefix] << 8) | (event << 4) | stateOf(packed)
    if ((acts & Act.Free) !== 0) this.end(family, prefix)
    return acts
  }

  private routeSucceeded(slot: number): void {
    const { slots } = this
    const family = slots.family[slot] as 0 | 1
    const prefix = slots.prefix[slot]
    const kind = slots.kind[slot]
    const routes = this.routes[family]
    routes.state[prefix] &= ~RouteFlag.Unknown
    if (this.failures.size > 0) this.failures.delete(prefix * 2 + family)
    this.settled(family, prefix)
    if (kind === SlotKind.RouteDelete) {
      this.setTold(family, prefix, 0)
      this.stepRoute(family, prefix, EntryEvent.DeleteAck, 0)
      return
    }
    const group = slots.group[slot]
    // The route's hold on the group was taken when it was sent.
    if (group !== routes.told[prefix]) this.setTold(family, prefix, group)
    this.objects.release(group)
    this.stepRoute(family, prefix, kind === SlotKind.RouteAdd ? EntryEvent.AddAck : EntryEvent.ChangeAck, 0)
    if (this.doubtful.size > 0 && this.doubtful.delete(prefix * 2 + family)) {
      routes.state[prefix] |= RouteFlag.Unknown
      routes.mark(prefix)
    }
    // The group went while the answer was on its way, and the route with it.
    if (group > DISCARD_LAST && this.objects.groupById(group) === undefined) routes.mark(prefix)
  }

  private routeFailed(slot: number, failure: Failure): void {
    const { slots } = this
    const family = slots.family[slot] as 0 | 1
    const prefix = slots.prefix[slot]
    const kind = slots.kind[slot]
    const key = prefix * 2 + family
    const routes = this.routes[family]
    this.stepRoute(family, prefix, FAILED[kind], 0)
    if (kind !== SlotKind.RouteDelete) {
      const group = this.objects.groupById(slots.group[slot])
      if (group !== undefined && !group.exists) group.awaited = true
      this.objects.release(slots.group[slot])
      // What it waited for is gone or being made again: it is looked at when that is settled, time alone would not help.
      if (failure.errorClass === ErrorClass.Dependency && group?.exists !== true && !isDiscard(slots.group[slot])) {
        routes.mark(prefix)
        return
      }
    }
    this.failures.note(key, failure)
    if ((routes.state[prefix] & RouteFlag.Failed) !== 0) return
    routes.state[prefix] |= RouteFlag.Failed
    if (failure.errorClass === ErrorClass.Conflict) this.hasConflict = true
    const rarely = failure.errorClass === ErrorClass.Permanent || failure.errorClass === ErrorClass.Conflict
    if (rarely) this.retryRarely.push(key)
    else this.retrySoon.push(key)
  }

  /** Where the route points is known: groups that it might have pointed at are free. */
  private settled(family: 0 | 1, prefix: PrefixId): void {
    this.possible.settle(prefix * 2 + family, (group) => this.objects.release(group))
  }

  /** Whether something that the slot's object stands on is not surely in the kernel. */
  private isInDoubt(slot: number): boolean {
    const { slots, objects } = this
    const object = slots.objects[slot]
    if (slots.kind[slot] >= SlotKind.RouteAdd) {
      const group = slots.group[slot]
      return !isDiscard(group) && objects.groupById(group)?.state !== EntryState.InSync
    }
    return object?.kind === "group" && object.sent.some(({ leaf }) => leaf.dead || leaf.state !== EntryState.InSync)
  }

  private forgetTold(family: 0 | 1, prefix: PrefixId): void {
    this.lostCount++
    this.setTold(family, prefix, 0)
    // Its group counts as unresolved for a moment: what comes of the loss is decided when the route is driven.
    this.stepRoute(family, prefix, EntryEvent.Lost, Guard.Unresolved)
  }

  private setTold(family: 0 | 1, prefix: PrefixId, group: number): void {
    const { told } = this.routes[family]
    const before = told[prefix]
    if (before === group) return
    const identity = this.fib.entries[family].prefixes.hashOf(prefix)
    if (group !== 0) {
      this.objects.retain(group)
      this.digest = (this.digest + fold(identity, group)) >>> 0
    }
    told[prefix] = group
    if (before !== 0) {
      this.objects.release(before)
      this.digest = (this.digest - fold(identity, before)) >>> 0
    }
  }

  /** A route begins: as long as there is something of it here, its prefix keeps its number. */
  private begin(family: 0 | 1, prefix: PrefixId): void {
    this.fib.entries[family].prefixes.retain(prefix)
    this.routes[family].count++
    this.routes[family].past[prefix] = 0
  }

  private end(family: 0 | 1, prefix: PrefixId): void {
    const routes = this.routes[family]
    routes.state[prefix] &= RouteFlag.Queued
    this.settled(family, prefix)
    if (this.failures.size > 0) this.failures.delete(prefix * 2 + family)
    if (this.doubtful.size > 0) this.doubtful.delete(prefix * 2 + family)
    routes.count--
    assert(routes.count >= 0, "a route ends once")
    this.fib.entries[family].prefixes.release(prefix)
  }

  private markAll(flags: number): void {
    for (const routes of this.routes) routes.markAll(flags)
  }
}

const FAMILIES = [0, 1] as const
