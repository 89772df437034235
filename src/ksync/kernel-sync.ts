// The kernel's mirror: leaves, groups and routes, what we want of each, what the kernel has, and the batches under way. Routes are
// driven like objects, but live in columns; a route waits for its group without a record of it, because the graph's children lists
// already say which entries stand on which path-list. The order in a batch is leaf, group, route: rtnetlink works in order, within a
// batch and from batch to batch, so a dependent may travel behind its dependency, and if that is refused both wait again. What others
// stand on goes only when the kernel has confirmed that they do not any more (ADR-0056).

import type { PathList } from "../fib/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { BACK_OFF_LEVELS, RARELY, type Retried } from "./back-off.ts"
import { type Answer, classify, Errno, ErrorClass, type Failure, type SyncCounters } from "./errors.ts"
import { FAILED, OPERATIONS, PutMode, type Requests, SlotKind, type Slots, Window } from "./requests.ts"
import { Meddling } from "./route-doubts.ts"
import { RouteMirror } from "./route-mirror.ts"
import { DISCARD_LAST, discardOf, isDiscard, RouteFlag } from "./routes.ts"
import { Act, EntryEvent, EntryState, eventFor, Guard, isUnderWay } from "./states.ts"

export class KernelSync extends RouteMirror implements Retried {
  private readonly window = new Window()
  private removing = false
  /** How often the kernel refused something, by errno. */
  readonly refusals: Map<number, number> = new Map()
  /** Requests that got no answer although they were alone, and how often. */
  private readonly silent = new Map<string | number, number>()

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
    for (const family of [0, 1] as const) this.routes[family].markAll(RouteFlag.Stale, this.boundOf(family))
  }

  /** Everything of ours goes. */
  removeAll(): void {
    this.removing = true
    this.objects.unwantAll()
    for (const family of [0, 1] as const) this.routes[family].markAll(RouteFlag.State, this.boundOf(family))
  }

  get waiting(): boolean {
    return this.objects.waiting || this.routes[0].waiting > 0 || this.routes[1].waiting > 0
  }

  /** Nothing of ours is in the kernel, as far as we know. */
  get empty(): boolean {
    return this.routes[0].count === 0 && this.routes[1].count === 0 && this.objects.byId.size === 0
  }

  /** Fills a batch, which then is under way until it is answered. False: there was nothing to ask for. */
  pump(requests: Requests): boolean {
    const slots = this.window.next()
    slots.clear()
    this.objects.pump(requests, slots)
    for (const family of FAMILIES) {
      const routes = this.routes[family]
      while (routes.waiting > 0 && requests.hasRoom()) this.driveRoute(family, routes.take(), requests, slots)
    }
    if (slots.count === 0) return false
    this.window.sent()
    this.count.requests += slots.count
    return true
  }

  /** Tries again what has waited long enough. */
  retry(level: number): void {
    for (const key of this.backOff.take(level)) {
      const family = (key & 1) as 0 | 1
      this.routes[family].state[key >>> 1] &= ~RouteFlag.Failed
      this.routes[family].mark(key >>> 1)
    }
    this.objects.retry(level)
  }

  /** Tries again all that waits for time. */
  retryAll(): void {
    for (let level = 0; level < BACK_OFF_LEVELS; level++) this.retry(level)
  }

  /** Fights are forgotten in the course of time: for that alone the highest level is wanted. */
  isWaiting(level: number): boolean {
    const { backOff, fights } = this.objects
    return this.backOff.isWaiting(level) || backOff.isWaiting(level) || (level === RARELY && fights.counts.size > 0)
  }

  /** How many things wait for time. */
  get resting(): number {
    return this.backOff.size + this.objects.backOff.size
  }

  counters(): SyncCounters {
    const { violations, altered } = this.objects
    return { ...this.count, violations: this.count.violations + violations, altered: this.count.altered + altered }
  }

  // What the kernel answers

  /** The oldest batch is answered: `answer` knows the slots that got a reply of their own, all others succeeded. */
  answered(answer: Answer): void {
    const { objects } = this
    const slots = this.window.answered()
    if (this.silent.size > 0 && slots.lone !== undefined) this.silent.delete(slots.lone)
    for (let slot = 0; slot < slots.count; slot++) {
      const error = answer(slot)
      const object = slots.objects[slot]
      const kind = slots.kind[slot]
      const errno = error?.errno ?? 0
      const errorClass =
        errno === 0
          ? ErrorClass.Success
          : classify(OPERATIONS[kind], errno, objects.isInDoubt(object, slots.group[slot]))
      if (errorClass === ErrorClass.Success) {
        this.count.acknowledged++
        if (kind < SlotKind.RouteAdd) objects.succeeded(kind, object!)
        else this.routeSucceeded(slots, slot)
        continue
      }
      this.count.failed++
      this.refusals.set(errno, (this.refusals.get(errno) ?? 0) + 1)
      const failure = { errno, text: error?.text ?? "", errorClass }
      if (kind < SlotKind.RouteAdd) objects.failed(kind, object!, failure)
      else this.routeFailed(slots, slot, failure)
    }
  }

  /** How often the only request of the oldest batch has got no answer by now; 0 where it is one of several. */
  silence(): number {
    const lone = this.window.oldest?.lone
    if (lone === undefined) return 0
    const times = (this.silent.get(lone) ?? 0) + 1
    this.silent.set(lone, times)
    return times
  }

  /** The answers to the oldest batch are lost: everything that was asked is unknown and asked again. */
  replyLost(): void {
    const slots = this.window.answered()
    for (let slot = 0; slot < slots.count; slot++) {
      this.count.unanswered++
      const kind = slots.kind[slot]
      if (kind < SlotKind.RouteAdd) {
        this.objects.unanswered(kind, slots.objects[slot]!)
        continue
      }
      const family = slots.family[slot] as 0 | 1
      const prefix = slots.prefix[slot]
      this.conclude(family, prefix, FAILED[kind])
      this.unknown(family, prefix, kind === SlotKind.RouteDelete ? 0 : slots.group[slot])
      this.routes[family].mark(prefix)
    }
  }

  // Routes

  private driveRoute(family: 0 | 1, prefix: PrefixId, requests: Requests, slots: Slots): void {
    const { objects, fib } = this
    const routes = this.routes[family]
    let flags = routes.state[prefix]
    const pathList = fib.entries[family].pathList[prefix] ?? 0
    const isWanted = pathList !== 0 && !this.removing
    const discard = isWanted ? discardOf(fib.pathLists.get(pathList).kind) : 0
    const group = isWanted ? objects.groupOf(pathList) : undefined
    const wanted = discard !== 0 || (group?.wanted === true && !(family === 1 && group.hasIpv4))
    if (isUnderWay(flags & RouteFlag.State)) {
      this.postpone(family, prefix, wanted)
      return
    }
    if (!wanted && (flags & RouteFlag.Stale) !== 0 && !objects.sweeping) return
    const told = routes.told[prefix]
    if ((flags & RouteFlag.Unknown) === 0 && told > DISCARD_LAST && objects.groupById(told) === undefined) {
      this.forgetTold(family, prefix)
      flags = routes.state[prefix]
    }
    const state = flags & RouteFlag.State
    if (this.beside.size > 0 && this.thinOut(family, prefix, requests, slots)) return
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
    if (wanted) routes.state[prefix] &= ~RouteFlag.Stale
    const guards = (unresolved ? Guard.Unresolved : 0) | (differs ? 0 : Guard.Synchronous)
    const acts = this.stepRoute(family, prefix, event, guards)
    if ((acts & Act.SendDelete) !== 0) {
      requests.deleteRoute(family, prefix)
      slots.addRoute(SlotKind.RouteDelete, family, prefix, 0)
    } else if ((acts & (Act.SendAdd | Act.SendChange)) !== 0 && differs) {
      const isAdd = (acts & Act.SendAdd) !== 0
      objects.retain(target)
      requests.putRoute(family, prefix, target, isAdd ? PutMode.Create : PutMode.CreateOrReplace)
      slots.addRoute(isAdd ? SlotKind.RouteAdd : SlotKind.RouteChange, family, prefix, target)
    }
  }

  /** Deletes one of several routes under the same key, where there are. What is left is settled when that is answered. */
  private thinOut(family: 0 | 1, prefix: PrefixId, requests: Requests, slots: Slots): boolean {
    const key = prefix * 2 + family
    const by = this.beside.get(key)
    if (by === undefined) return false
    this.beside.delete(key)
    const acts = this.stepRoute(family, prefix, EntryEvent.DeleteRequest, 0)
    if ((acts & Act.SendDelete) === 0) return false
    // What is left bears our name, or must be asked for.
    this.doubtful.set(key, by === Meddling.Doubled ? Meddling.Altered : Meddling.Deleted)
    requests.deleteRoute(family, prefix)
    slots.addRoute(SlotKind.RouteDelete, family, prefix, 0)
    return true
  }

  /** Something is under way for the route, and there is news: noted in its state, and looked at again when it is answered. */
  private postpone(family: 0 | 1, prefix: PrefixId, wanted: boolean): void {
    const state = this.routes[family].state[prefix] & RouteFlag.State
    if (wanted) {
      if (state !== EntryState.NeedSync && state !== EntryState.RenewWait) {
        this.stepRoute(family, prefix, EntryEvent.AddChangeRequest, 0)
      }
    } else if (state === EntryState.SyncWait || state === EntryState.NeedSync) {
      this.stepRoute(family, prefix, EntryEvent.DeleteRequest, 0)
    }
  }

  /**
   * What was under way for the route ended. Where there was news meanwhile the machine would send what follows at once; here it comes
   * to rest instead (in sync with what is old, waiting, or not deleted yet), and the next batch takes it from there.
   */
  private conclude(family: 0 | 1, prefix: PrefixId, event: EntryEvent): void {
    const routes = this.routes[family]
    const before = routes.state[prefix] & RouteFlag.State
    if (before === EntryState.RenewWait && event === EntryEvent.DeleteFailed) {
      this.stepRoute(family, prefix, EntryEvent.DeleteRequest, 0)
    }
    this.stepRoute(family, prefix, event, AT_REST[event])
    if (before !== EntryState.SyncWait && before !== EntryState.DeleteAckWait) routes.mark(prefix)
  }

  private routeSucceeded(slots: Slots, slot: number): void {
    const family = slots.family[slot] as 0 | 1
    const prefix = slots.prefix[slot]
    const kind = slots.kind[slot]
    const routes = this.routes[family]
    routes.state[prefix] &= ~RouteFlag.Unknown
    if (this.failures.size > 0) this.failures.delete(prefix * 2 + family)
    this.backOff.succeeded(prefix * 2 + family)
    this.settled(family, prefix)
    if (kind === SlotKind.RouteDelete) {
      const meddling = this.settleMeddling(family, prefix)
      // What was deleted may have been another one in our name: its group stays until that is settled.
      if (isInOurName(meddling)) this.mayPointAt(family, prefix, routes.told[prefix])
      this.setTold(family, prefix, 0)
      if (isInOurName(meddling)) this.occupied(family, prefix, meddling)
      else this.conclude(family, prefix, EntryEvent.DeleteAck)
      // Deleted because of somebody else's: it may still be wanted.
      if (meddling !== undefined) routes.mark(prefix)
      return
    }
    const group = slots.group[slot]
    // The route's hold on the group was taken when it was sent.
    if (group !== routes.told[prefix]) this.setTold(family, prefix, group)
    this.objects.release(group)
    this.conclude(family, prefix, kind === SlotKind.RouteAdd ? EntryEvent.AddAck : EntryEvent.ChangeAck)
    const meddling = this.settleMeddling(family, prefix)
    if (meddling === Meddling.Altered || meddling === Meddling.Deleted) {
      routes.state[prefix] |= RouteFlag.Unknown
      routes.mark(prefix)
    } else if (meddling === Meddling.Doubled || meddling === Meddling.Preceded) {
      this.beside.set(prefix * 2 + family, meddling)
      routes.mark(prefix)
    }
    // The group went while the answer was on its way, and the route with it.
    if (group > DISCARD_LAST && this.objects.groupById(group) === undefined) routes.mark(prefix)
  }

  private routeFailed(slots: Slots, slot: number, failure: Failure): void {
    const family = slots.family[slot] as 0 | 1
    const prefix = slots.prefix[slot]
    const kind = slots.kind[slot]
    const routes = this.routes[family]
    const meddling = this.settleMeddling(family, prefix)
    this.conclude(family, prefix, FAILED[kind])
    if (failure.errno === Errno.EIO) this.unknown(family, prefix, kind === SlotKind.RouteDelete ? 0 : slots.group[slot])
    else if (kind !== SlotKind.RouteDelete) {
      const group = this.objects.groupById(slots.group[slot])
      if (group !== undefined && !group.exists) group.awaited = true
      this.objects.release(slots.group[slot])
      // What it waited for is gone or being made again: it is looked at when that is settled, time alone would not help.
      const isSettled = group?.exists === true && !isUnderWay(group.state)
      if (failure.errorClass === ErrorClass.Dependency && !isSettled && !isDiscard(slots.group[slot])) {
        routes.mark(prefix)
        return
      }
    }
    // What was in the way bears our name.
    if (failure.errorClass === ErrorClass.Conflict && isInOurName(meddling)) {
      this.occupied(family, prefix, meddling)
    } else this.rest(family, prefix, failure)
  }
}

const isInOurName = (meddling: Meddling | undefined): boolean =>
  meddling === Meddling.Altered || meddling === Meddling.Doubled

const FAMILIES = [0, 1] as const

/** By EntryEvent, for the events that end an operation: guards under which no state has anything to send. */
const AT_REST: Readonly<Record<number, number>> = {
  [EntryEvent.AddAck]: Guard.Synchronous | Guard.Referenced,
  [EntryEvent.ChangeAck]: Guard.Synchronous | Guard.Referenced,
  [EntryEvent.DeleteAck]: Guard.Unresolved,
  [EntryEvent.AddFailed]: Guard.Unresolved | Guard.Referenced,
  [EntryEvent.ChangeFailed]: Guard.Unresolved | Guard.Referenced,
  [EntryEvent.DeleteFailed]: Guard.Unresolved | Guard.Referenced
}
