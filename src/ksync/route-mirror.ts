// What the kernel has of our routes, as far as we know: the group that each points at, what failed, what is in doubt. What dumps and news
// say of routes comes in here; what is asked of the kernel is decided in kernel-sync.ts.

import type { Fib } from "../fib/index.ts"
import { assert, fold } from "../machine/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { contested, ErrorClass, type Failure, newCounters } from "./errors.ts"
import { ObjectSync } from "./object-sync.ts"
import type { GroupMember, GroupShape } from "./objects.ts"
import { Meddling, PossibleGroups, RouteBackOff, RouteFailures } from "./route-doubts.ts"
import { isDiscard, RouteFlag, RouteTable, UNKNOWN_GROUP } from "./routes.ts"
import { Act, EntryEvent, EntryState, Guard, isUnderWay } from "./states.ts"
import { actsOf, stateOf, step } from "./table.ts"

export class RouteMirror {
  readonly objects: ObjectSync = new ObjectSync()
  readonly routes: readonly [RouteTable, RouteTable]
  readonly failures: RouteFailures = new RouteFailures()
  /** A route's place is taken. By somebody else, or by a route of ours that we wrongly believed lost: only a dump can tell. */
  hasConflict = false
  /** Sum of a hash per route that the kernel was told and acknowledged. */
  digest = 0
  /** Routes that others meddled with while a request about them was under way, by family + 2 · prefix. */
  protected readonly doubtful: Map<number, Meddling> = new Map()
  /** Routes of ours that are not alone under their key: another one in our name is there too, or somebody else's is before it. */
  protected readonly beside: Map<number, Meddling> = new Map()
  protected readonly possible: PossibleGroups = new PossibleGroups()
  protected readonly fib: Fib
  protected readonly backOff: RouteBackOff = new RouteBackOff()
  protected readonly count: ReturnType<typeof newCounters> = newCounters()

  constructor(fib: Fib, capacity: number) {
    this.fib = fib
    this.routes = [new RouteTable(capacity), new RouteTable(Math.min(capacity, 1024))]
  }

  /** Prefixes are below this; columns have room for more. */
  protected boundOf(family: 0 | 1): number {
    return this.fib.entries[family].prefixes.bound
  }

  // What the kernel shows

  /** A group of ours that a dump showed. It may be one that was believed lost: then routes point at it already. */
  foundGroup(id: number, members: ReadonlyArray<GroupMember>, shape?: GroupShape): void {
    if (this.objects.byId.has(id)) return
    const group = this.objects.foundGroup(id, members, shape)
    if (!this.objects.compared) return
    group.routes = this.possible.countOf(id)
    for (const family of [0, 1] as const) group.routes += this.routes[family].countOf(id, this.boundOf(family))
  }

  /** A route of ours that a dump showed, or news. */
  foundRoute(family: 0 | 1, prefix: PrefixId, groupId: number, isMarked = true): void {
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
    if (this.failures.size > 0) this.failures.delete(prefix * 2 + family)
    routes.state[prefix] = (routes.state[prefix] & ~RouteFlag.State) | EntryState.InSync | stale | unknown
    if (isMarked) routes.mark(prefix)
  }

  /** A route of ours went that we did not delete; `by`: another program did it, as far as we are told. */
  routeLost(family: 0 | 1, prefix: PrefixId, by?: Meddling): void {
    const routes = this.routes[family]
    if (routes.told.length <= prefix) return
    const state = routes.state[prefix] & RouteFlag.State
    if (isUnderWay(state)) this.doubtful.set(prefix * 2 + family, by ?? Meddling.Deleted)
    if (state !== EntryState.InSync && state !== EntryState.ChangeDefer && state !== EntryState.DeleteDeferRef) return
    this.forgetTold(family, prefix)
    const key = prefix * 2 + family
    if (by === undefined || this.objects.fights.undone(key)) {
      routes.mark(prefix)
      return
    }
    this.rest(family, prefix, contested(this.objects.fights.counts.get(key)!))
  }

  /** Another program made or changed a route of ours: under our key and with our protocol. */
  routeAltered(family: 0 | 1, prefix: PrefixId, groupId: number): void {
    const routes = this.routes[family]
    routes.fit(this.fib.entries[family].prefixes.capacity)
    const key = prefix * 2 + family
    const state = routes.state[prefix] & RouteFlag.State
    if (isUnderWay(state)) this.doubtful.set(key, Meddling.Altered)
    else if (state !== EntryState.InSync || routes.told[prefix] !== groupId) {
      this.count.altered++
      const isContested = !this.objects.fights.undone(key)
      this.foundRoute(family, prefix, groupId, !isContested)
      if (isContested) this.rest(family, prefix, contested(this.objects.fights.counts.get(key)!))
    }
  }

  /**
   * Another program put a route under our key and left ours there: in our name (`Doubled`), or in its own and so that it comes first
   * (`Preceded`, ADR-0067). Requests can name only the first of several, so one is deleted; what is left then is ours to replace, or a conflict.
   */
  routeBeside(family: 0 | 1, prefix: PrefixId, by: Meddling): void {
    this.routes[family].fit(this.fib.entries[family].prefixes.capacity)
    const key = prefix * 2 + family
    const state = this.routes[family].state[prefix] & RouteFlag.State
    if (isUnderWay(state)) {
      this.doubtful.set(key, by)
      return
    }
    const isThere = state === EntryState.InSync || state === EntryState.ChangeDefer
    if (!isThere && by === Meddling.Preceded) return
    this.count.altered++
    // Beside what is not ours: it goes, and no replace of ours may hit the other.
    if (!isThere) this.occupied(family, prefix, undefined)
    this.beside.set(key, isThere ? by : Meddling.Preceded)
    if (this.objects.fights.undone(key)) this.routes[family].mark(prefix)
    else this.rest(family, prefix, contested(this.objects.fights.counts.get(key)!))
  }

  /** Another program gave up what it had under our key. */
  placeFreed(family: 0 | 1, prefix: PrefixId): void {
    const routes = this.routes[family]
    if (this.failures.get(prefix * 2 + family)?.errorClass !== ErrorClass.Conflict) return
    routes.state[prefix] &= ~RouteFlag.Failed
    routes.mark(prefix)
  }

  /** What the kernel says of a route of ours beside its content. */
  routeCondition(family: 0 | 1, prefix: PrefixId, condition: number): void {
    const routes = this.routes[family]
    routes.fit(this.fib.entries[family].prefixes.capacity)
    routes.setCondition(prefix, condition)
  }

  // What is known

  /** There is a route in our name, or several (`Doubled`), and nobody knows where they point. */
  protected occupied(family: 0 | 1, prefix: PrefixId, by: Meddling | undefined): void {
    const routes = this.routes[family]
    if (by === Meddling.Doubled) this.beside.set(prefix * 2 + family, by)
    if ((routes.state[prefix] & RouteFlag.State) === EntryState.Init) this.begin(family, prefix)
    this.setTold(family, prefix, UNKNOWN_GROUP)
    routes.state[prefix] = (routes.state[prefix] & ~RouteFlag.State) | EntryState.InSync | RouteFlag.Unknown
    routes.mark(prefix)
  }

  /** Whether it was done is not known. The hold on the group (0: none) stays: the route may have come to point at it. */
  protected unknown(family: 0 | 1, prefix: PrefixId, group: number): void {
    if (group !== 0) this.possible.add(prefix * 2 + family, group)
    this.routes[family].state[prefix] |= RouteFlag.Unknown
  }

  /** The route may point at the group, whatever was told. */
  protected mayPointAt(family: 0 | 1, prefix: PrefixId, group: number): void {
    if (this.objects.groupById(group) === undefined) return
    this.objects.retain(group)
    this.possible.add(prefix * 2 + family, group)
  }

  /** Tried again after a pause. */
  protected rest(family: 0 | 1, prefix: PrefixId, failure: Failure): void {
    const { state } = this.routes[family]
    const key = prefix * 2 + family
    this.failures.note(key, failure)
    if ((state[prefix] & RouteFlag.Failed) !== 0) return
    state[prefix] |= RouteFlag.Failed
    if (failure.errorClass === ErrorClass.Conflict) this.hasConflict = true
    if (failure.errorClass === ErrorClass.Contested) {
      this.backOff.note(key, failure.errorClass, this.objects.fights.beyond(key))
    } else this.backOff.failed(key, failure.errorClass)
  }

  /** The request is answered. If somebody may have put his own route over ours after that, only the kernel can tell. */
  protected settleMeddling(family: 0 | 1, prefix: PrefixId): Meddling | undefined {
    if (this.doubtful.size === 0) return undefined
    const meddling = this.doubtful.get(prefix * 2 + family)
    this.doubtful.delete(prefix * 2 + family)
    if (meddling !== undefined) this.count.lost++
    if (meddling === Meddling.Taken) this.hasConflict = true
    return meddling
  }

  /** One step of a route's machine. A route is seen when we know what group it points at, or cannot know whether it is there. */
  protected stepRoute(family: 0 | 1, prefix: PrefixId, event: EntryEvent, guards: number): number {
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
      this.count.violations++
      return 0
    }
    routes.state[prefix] = (flags & ~RouteFlag.State) | stateOf(packed)
    routes.past[prefix] = (routes.past[prefix] << 8) | (event << 4) | stateOf(packed)
    if ((acts & Act.Free) !== 0) this.end(family, prefix)
    return acts
  }

  /** Where the route points is known: groups that it might have pointed at are free. */
  protected settled(family: 0 | 1, prefix: PrefixId): void {
    this.possible.settle(prefix * 2 + family, (group) => this.objects.release(group))
  }

  protected forgetTold(family: 0 | 1, prefix: PrefixId): void {
    this.count.lost++
    this.setTold(family, prefix, 0)
    // Its group counts as unresolved for a moment: what comes of the loss is decided when the route is driven.
    this.stepRoute(family, prefix, EntryEvent.Lost, Guard.Unresolved)
  }

  protected setTold(family: 0 | 1, prefix: PrefixId, group: number): void {
    const { told } = this.routes[family]
    const before = told[prefix]
    if (before === group) return
    const identity = this.fib.entries[family].prefixes.hashOf(prefix)
    if (group !== 0) {
      this.objects.retain(group)
      this.digest = (this.digest + fold(identity, group)) >>> 0
    }
    told[prefix] = group
    if (group === 0) this.routes[family].setCondition(prefix, 0)
    if (before !== 0) {
      this.objects.release(before)
      this.digest = (this.digest - fold(identity, before)) >>> 0
    }
  }

  /** A route begins: as long as there is something of it here, its prefix keeps its number. */
  protected begin(family: 0 | 1, prefix: PrefixId): void {
    this.fib.entries[family].prefixes.retain(prefix)
    this.routes[family].count++
    this.routes[family].past[prefix] = 0
  }

  protected end(family: 0 | 1, prefix: PrefixId): void {
    const routes = this.routes[family]
    routes.state[prefix] &= RouteFlag.Queued
    this.settled(family, prefix)
    if (this.failures.size > 0) this.failures.delete(prefix * 2 + family)
    this.backOff.succeeded(prefix * 2 + family)
    if (this.doubtful.size > 0) this.doubtful.delete(prefix * 2 + family)
    if (this.beside.size > 0) this.beside.delete(prefix * 2 + family)
    routes.count--
    assert(routes.count >= 0, "a route ends once")
    this.fib.entries[family].prefixes.release(prefix)
  }
}
