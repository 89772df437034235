// How the entries of a table go through their machine, in its two presets. `source`: an entry waits for one dependency at a time, one step
// may free, delete or release others on the spot, and references are the callers'. `corrected`: all dependencies are declared
// (dependencies.ts), references to them are the table's, answers carry a token, failures are answers too, and what follows from a step is
// put behind what waits already.
import { assert } from "../machine/index.ts"
import { Dependencies, isReferenced } from "./dependencies.ts"
import { EntryTable } from "./entry-table.ts"
import { IndexTable } from "./index-table.ts"
import { Act, ENTRY_STATE_NAMES, EntryEvent, EntryState, FlagChange, Guard, isUnderWay, isUsable } from "./states.ts"
import {
  type AnyEntry,
  type EntryMethods,
  type EntryOwner,
  isAddOrChangeAnswer,
  isGoing,
  isThere,
  type SyncEntry,
  type UnderWay
} from "./sync-entry.ts"
import { type Policy, type Transition, transition } from "./transition.ts"

export interface EntryObjectOptions {
  readonly policy: Policy
  /** Indices to give out; "given": the other side names them (`giveIndex`); undefined: entries have none. */
  readonly indices: number | "given" | undefined
  /** Shared by the tables whose entries depend on each other; absent: its own. Preset `corrected`. */
  readonly dependencies?: Dependencies
}

export class EntryMachine<Key, Data> extends EntryTable<Key, Data> implements EntryOwner {
  readonly policy: Policy
  readonly dependencies: Dependencies
  /** Answers that came when nobody waited for them any more, and did nothing. */
  lateAnswers = 0
  private readonly needsIndex: boolean
  /** What failed and will not be looked at again by itself. */
  protected readonly failed: Set<SyncEntry<Key, Data>> = new Set()
  private lastToken = 0

  constructor(methods: EntryMethods<Key, Data>, options: EntryObjectOptions) {
    const { indices, policy } = options
    const order = policy === "source" ? "lowest" : "rotating"
    super(methods, typeof indices === "number" ? new IndexTable(indices, order) : undefined)
    this.policy = policy
    this.dependencies = options.dependencies ?? new Dependencies()
    this.needsIndex = indices !== undefined
  }

  hold(entry: SyncEntry<Key, Data>): void {
    entry.references++
  }

  release(entry: SyncEntry<Key, Data>): void {
    entry.references--
    if (entry.references !== 1) return
    if (this.policy === "corrected") {
      this.dependencies.letGo(entry)
      this.dependencies.drain()
    } else if (entry.state === EntryState.Temp || entry.state === EntryState.DeleteDeferRef) {
      this.notify(entry, EntryEvent.ReferenceReleased)
    }
  }

  /** Whether a referrer may be sent. */
  isResolved(entry: SyncEntry<Key, Data>): boolean {
    return (
      isUsable(entry.state) &&
      !entry.isDoubtful &&
      !entry.isLosing &&
      (!this.needsIndex || entry.index !== undefined) &&
      this.methods.isDataResolved(entry)
    )
  }

  awaitsAnswer(entry: SyncEntry<Key, Data>, dependency: AnyEntry): boolean {
    return this.methods.awaitsAnswer?.(entry, dependency) === true
  }

  outlives(entry: SyncEntry<Key, Data>, dependency: AnyEntry): boolean {
    return this.methods.outlives?.(entry, dependency) === true
  }

  // Steps

  /** One event of one entry, and all that follows from it. */
  notify(entry: SyncEntry<Key, Data>, event: EntryEvent): void {
    if (this.policy === "corrected") {
      this.dependencies.post(entry, event)
      return
    }
    const from = entry.state
    const guards = this.guardsOf(entry, event)
    const planned = this.plan(entry, event, guards)
    if (planned === undefined) return
    if ((planned.acts & Act.Unlink) !== 0) this.unlink(entry)
    const done = this.send(entry, event, from, guards, planned)
    if ((done.acts & Act.WaitOn) !== 0) this.link(entry)
    applyFlags(entry, done.flags)
    entry.move(done.state, event)
    if ((done.acts & Act.Wake) !== 0 && this.isResolved(entry)) this.wake(entry)
    if ((done.acts & Act.Cleanup) !== 0) this.detach(entry)
    if ((done.acts & Act.Free) !== 0) this.free(entry)
    this.settled()
  }

  /** One event of one entry in the preset `corrected`. What follows for others is put behind what waits already. */
  step(entry: SyncEntry<Key, Data>, event: EntryEvent): void {
    const { dependencies } = this
    const from = entry.state
    const isWish = event === EntryEvent.AddChangeRequest || event === EntryEvent.DeleteAddRequest
    if (isWish) dependencies.declare(entry, this.methods.dependsOn(entry))
    const guards = this.guardsOf(entry, event)
    const planned = this.plan(entry, event, guards)
    if (planned === undefined) return
    if (event === EntryEvent.DeleteRequest) dependencies.declare(entry, [])
    this.takeAnswer(entry, event)
    const done = this.send(entry, event, from, guards, planned)
    applyFlags(entry, done.flags)
    // Who only waits for it does not keep it from being deleted; it stays as a placeholder for them.
    const isKept = (done.acts & Act.Free) !== 0 && isReferenced(entry, true)
    entry.move(isKept ? EntryState.Temp : done.state, event)
    if (event === EntryEvent.Lost) entry.isDoubtful = isUnderWay(from)
    else if (entry.state === EntryState.InSync || event === EntryEvent.DeleteAck || event === EntryEvent.AddFailed) {
      entry.isDoubtful = false
    }
    if ((done.acts & Act.Retry) !== 0 && dependencies.isMet(entry)) this.failed.add(entry)
    else this.failed.delete(entry)
    if ((done.acts & Act.Cleanup) !== 0) this.detach(entry)
    dependencies.look(entry)
    const isDeleted = event === EntryEvent.DeleteAck || ((done.acts & Act.SendDelete) !== 0 && !isGoing(entry.state))
    if (isThere(from) && (event === EntryEvent.Lost || isDeleted)) dependencies.gone(entry, true)
    if ((done.acts & Act.Free) !== 0 && !isKept) this.free(entry)
    // Its own wish may have been all that kept it.
    else if (entry.state === EntryState.Temp) dependencies.letGo(entry)
  }

  doubt(entry: SyncEntry<Key, Data>): void {
    if (entry.isDoubtful || !isThere(entry.state)) return
    entry.isDoubtful = true
    this.dependencies.gone(entry, false)
    if (entry.state === EntryState.SyncWait) entry.move(EntryState.NeedSync, EntryEvent.Lost)
    this.dependencies.look(entry)
    if (entry.state === EntryState.InSync) this.step(entry, EntryEvent.AddChangeRequest)
  }

  /** An event that answers something settles what the entry stands on. */
  private takeAnswer(entry: SyncEntry<Key, Data>, event: EntryEvent): void {
    if (isAddOrChangeAnswer(event)) this.dependencies.confirmed(entry)
    else if (event === EntryEvent.AddFailed || event === EntryEvent.ChangeFailed) this.dependencies.refused(entry)
    else if (event === EntryEvent.DeleteAck) this.dependencies.vacated(entry)
    else if (event === EntryEvent.Lost && !isUnderWay(entry.state)) this.dependencies.vacated(entry)
    if (ANSWERS.has(event)) entry.underWay = undefined
  }

  /** All that followed from an event is done. */
  settled(): void {
    if (this.entries.length === 0) this.methods.emptied()
  }

  private plan(entry: SyncEntry<Key, Data>, event: EntryEvent, guards: number): Transition | undefined {
    if (entry.stale && runsDeleteAdd(entry, event)) return this.refuse("delete-then-add of a stale entry")
    const planned = transition(this.policy, entry.state, event, guards)
    if ((planned.acts & Act.Violation) === 0) return planned
    return this.refuse(`event ${event} in ${ENTRY_STATE_NAMES[entry.state]}`)
  }

  /** Whoever stands behind an entry has nothing to do with it any more. For tables that are driven by another one. */
  protected detach(_entry: SyncEntry<Key, Data>): void {}

  /** Asks for what the transition sends. Which of its two outcomes holds depends on whether that is done at once. */
  private send(
    entry: SyncEntry<Key, Data>,
    event: EntryEvent,
    from: EntryState,
    guards: number,
    planned: Transition
  ): Transition {
    if ((planned.acts & (Act.SendDelete | Act.SendAdd | Act.SendChange)) === 0) return planned
    const atOnce = transition(this.policy, from, event, guards | Guard.Synchronous)
    if ((planned.acts & Act.SendDelete) === 0) {
      return this.ask(entry, (planned.acts & Act.SendAdd) !== 0 ? "add" : "change") ? atOnce : planned
    }
    if (!this.ask(entry, "delete")) return planned
    if ((atOnce.acts & Act.SendAdd) === 0) return atOnce
    return this.ask(entry, "add") ? atOnce : { ...atOnce, state: EntryState.SyncWait }
  }

  /** One operation. True: it is done. */
  private ask(entry: SyncEntry<Key, Data>, operation: UnderWay["operation"]): boolean {
    const { methods, dependencies } = this
    const token = ++this.lastToken
    assert(entry.underWay === undefined, "one operation of an entry at a time")
    const isCorrected = this.policy === "corrected"
    if (operation === "add") entry.seen = true
    if (isCorrected) {
      entry.underWay = { token, operation }
      if (operation !== "delete") dependencies.sent(entry)
    }
    const isDone = methods[operation === "delete" ? "remove" : operation](entry, token)
    if (!isDone || !isCorrected) return isDone
    entry.underWay = undefined
    entry.failure = undefined
    if (operation === "delete") dependencies.vacated(entry)
    else dependencies.confirmed(entry)
    return true
  }

  private guardsOf(entry: SyncEntry<Key, Data>, event: EntryEvent): number {
    const isCompressed = this.methods.compressesDeletes(entry)
    return (
      (this.isUnresolved(entry) ? Guard.Unresolved : 0) |
      (entry.seen ? Guard.Seen : 0) |
      (entry.deleteAddPending ? Guard.DeleteAddPending : 0) |
      (this.isReferenced(entry, event, isCompressed) ? Guard.Referenced : 0) |
      (isCompressed ? 0 : Guard.Uncompressed)
    )
  }

  private isUnresolved(entry: SyncEntry<Key, Data>): boolean {
    return this.policy === "corrected" ? !this.dependencies.isMet(entry) : this.firstUnmet(entry) !== undefined
  }

  private isReferenced(entry: SyncEntry<Key, Data>, event: EntryEvent, isCompressed: boolean): boolean {
    // A waiting entry holds a reference on itself, which it gives back before anything else happens.
    if (this.policy === "source") return entry.references > (entry.waitsOn === undefined ? 1 : 2)
    const { state } = entry
    const asPlaceholder =
      state === EntryState.Temp ||
      (state === EntryState.AddDefer && isCompressed) ||
      (state === EntryState.DeleteAckWait && event === EntryEvent.DeleteAck) ||
      event === EntryEvent.Lost
    return isReferenced(entry, asPlaceholder)
  }

  // One dependency at a time, preset `source`

  private firstUnmet(entry: SyncEntry<Key, Data>): AnyEntry | undefined {
    return this.methods.dependsOn(entry).find((dependency) => !dependency.owner.isResolved(dependency))
  }

  private link(entry: SyncEntry<Key, Data>): void {
    const dependency = this.firstUnmet(entry)
    assert(dependency !== undefined && entry.waitsOn === undefined, "an entry waits for one dependency that is not met")
    entry.waitsOn = dependency
    dependency.waiters.add(entry)
    this.hold(entry)
    dependency.owner.hold(dependency)
  }

  private unlink(entry: AnyEntry): void {
    const dependency = entry.waitsOn
    if (dependency === undefined) return
    entry.waitsOn = undefined
    dependency.waiters.delete(entry)
    entry.owner.release(entry)
    dependency.owner.release(dependency)
  }

  /** First all stop waiting, then all look again, in the order in which they came. */
  private wake(entry: SyncEntry<Key, Data>): void {
    const waiters = [...entry.waiters]
    for (const waiter of waiters) this.unlink(waiter)
    for (const waiter of waiters) waiter.owner.notify(waiter, EntryEvent.ReEvaluate)
  }

  private free(entry: SyncEntry<Key, Data>): void {
    this.take(entry)
    entry.references--
    this.failed.delete(entry)
    this.dependencies.forget(entry)
    if (entry.index !== undefined) this.indices?.give(entry.index)
    this.methods.freed(entry)
  }
}

/** Whether the event, or an acknowledgement that it waited for, makes it delete and add. */
const runsDeleteAdd = (
  { state, deleteAddPending }: { readonly state: EntryState; readonly deleteAddPending: boolean },
  event: EntryEvent
): boolean =>
  event === EntryEvent.DeleteAddRequest
    ? state >= EntryState.AddDefer && (state <= EntryState.InSync || state === EntryState.DeleteDeferRef)
    : deleteAddPending &&
      (event === EntryEvent.AddAck || event === EntryEvent.ChangeAck || event === EntryEvent.DeleteAck)

export const DONE = { add: EntryEvent.AddAck, change: EntryEvent.ChangeAck, delete: EntryEvent.DeleteAck } as const
export const FAILED = {
  add: EntryEvent.AddFailed,
  change: EntryEvent.ChangeFailed,
  delete: EntryEvent.DeleteFailed
} as const
const ANSWERS: ReadonlySet<EntryEvent> = new Set([...Object.values(DONE), ...Object.values(FAILED)])

const applyFlags = (entry: { seen: boolean; deleteAddPending: boolean }, flags: number): void => {
  if ((flags & FlagChange.SetSeen) !== 0) entry.seen = true
  if ((flags & FlagChange.ClearSeen) !== 0) entry.seen = false
  if ((flags & FlagChange.SetPending) !== 0) entry.deleteAddPending = true
  if ((flags & FlagChange.ClearPending) !== 0) entry.deleteAddPending = false
}
