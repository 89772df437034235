// The specification of a kernel object's life: total, pure, read from top to bottom. It is evaluated once for every input there is,
// see table.ts. Preset `source` is Contrail's machine cell by cell, its aborts made violations. Preset `corrected` differs only where
// the comment says so, each difference with its reason (docs/machines/ksync.md lists them).
import { Act, EntryEvent, EntryState, FlagChange, Guard, isUsable } from "./states.ts"

export type Policy = "source" | "corrected"

/** Where a transition leads, what it asks for, which flags it changes. */
export interface Transition {
  readonly state: EntryState
  readonly acts: number
  readonly flags: number
}

export const transition = (policy: Policy, state: EntryState, event: EntryEvent, guards: number): Transition => {
  const next =
    event >= EntryEvent.AddFailed ? failed(policy, state, event, guards) : asked(policy, state, event, guards)
  return next === undefined ? { state, acts: Act.Violation, flags: 0 } : withWake(policy, state, event, next)
}

const { Unresolved, Seen, DeleteAddPending, Referenced, Synchronous, Uncompressed } = Guard

const to = (state: EntryState, acts = 0, flags = 0): Transition => ({ state, acts, flags })
const and = (next: Transition | undefined, acts: number, flags = 0): Transition | undefined =>
  next && to(next.state, next.acts | acts, next.flags | flags)

const FREED: Transition = to(EntryState.FreeWait, Act.Cleanup | Act.Free)
const PLACEHOLDER: Transition = to(EntryState.Temp, Act.Cleanup)

/** The source's eight events. Undefined: the event makes no sense in this state. */
const asked = (policy: Policy, state: EntryState, event: EntryEvent, guards: number): Transition | undefined => {
  const corrected = policy === "corrected"
  const pending = (guards & DeleteAddPending) !== 0
  const referenced = (guards & Referenced) !== 0
  const isAck = event === EntryEvent.AddAck || event === EntryEvent.ChangeAck
  switch (state) {
    case EntryState.Init:
      return event === EntryEvent.AddChangeRequest ? add(guards) : undefined

    case EntryState.Temp:
      if (event === EntryEvent.AddChangeRequest || event === EntryEvent.DeleteAddRequest) return add(guards)
      if (event === EntryEvent.DeleteRequest || event === EntryEvent.ReferenceReleased) {
        return referenced ? PLACEHOLDER : FREED
      }
      return undefined

    case EntryState.AddDefer:
      if (event === EntryEvent.AddChangeRequest) return and(add(guards), Act.Unlink)
      if (event === EntryEvent.ReEvaluate) return add(guards)
      if (event === EntryEvent.DeleteAddRequest) return and(deleteAdd(policy, guards), Act.Unlink)
      if (event === EntryEvent.ReferenceReleased) return to(state)
      if (event !== EntryEvent.DeleteRequest) return undefined
      if ((guards & Uncompressed) !== 0) return and(remove(policy, guards), Act.Unlink)
      return and(referenced ? PLACEHOLDER : FREED, Act.Unlink)

    case EntryState.ChangeDefer:
      if (event === EntryEvent.AddChangeRequest) return and(change(guards), Act.Unlink)
      if (event === EntryEvent.ReEvaluate) return change(guards)
      if (event === EntryEvent.DeleteRequest) return and(remove(policy, guards), Act.Unlink)
      if (event === EntryEvent.DeleteAddRequest) return and(deleteAdd(policy, guards), Act.Unlink)
      return event === EntryEvent.ReferenceReleased ? to(state) : undefined

    case EntryState.InSync:
      if (event === EntryEvent.AddChangeRequest) return change(guards)
      if (event === EntryEvent.DeleteRequest) return remove(policy, guards)
      if (event === EntryEvent.DeleteAddRequest) return deleteAdd(policy, guards)
      return event === EntryEvent.ReferenceReleased ? to(state) : undefined

    case EntryState.SyncWait:
      if (event === EntryEvent.AddChangeRequest) return to(EntryState.NeedSync)
      if (isAck) return pending ? and(deleteAdd(policy, guards), 0, FlagChange.ClearPending) : to(EntryState.InSync)
      if (event === EntryEvent.DeleteRequest) return to(EntryState.DeleteDeferSync, 0, FlagChange.ClearPending)
      if (event === EntryEvent.DeleteAddRequest) return to(state, 0, FlagChange.SetPending)
      return event === EntryEvent.ReferenceReleased ? to(state) : undefined

    case EntryState.NeedSync:
      if (event === EntryEvent.AddChangeRequest) return to(state)
      if (isAck) return pending ? and(deleteAdd(policy, guards), 0, FlagChange.ClearPending) : change(guards)
      if (event === EntryEvent.DeleteRequest) return to(EntryState.DeleteDeferSync, 0, FlagChange.ClearPending)
      if (event === EntryEvent.DeleteAddRequest) return to(state, 0, FlagChange.SetPending)
      return event === EntryEvent.ReferenceReleased ? to(state) : undefined

    case EntryState.DeleteDeferSync:
      if (event === EntryEvent.AddChangeRequest) return to(EntryState.NeedSync)
      if (isAck) return remove(policy, guards)
      if (event === EntryEvent.DeleteAddRequest) return to(EntryState.NeedSync, 0, FlagChange.SetPending)
      return event === EntryEvent.ReferenceReleased ? to(state) : undefined

    case EntryState.DeleteDeferRef:
      if (event === EntryEvent.AddChangeRequest) return (guards & Seen) !== 0 ? change(guards) : add(guards)
      if (event === EntryEvent.DeleteRequest) return referenced ? undefined : remove(policy, guards)
      if (event === EntryEvent.DeleteAddRequest) return deleteAdd(policy, guards)
      return event === EntryEvent.ReferenceReleased && !referenced ? remove(policy, guards) : undefined

    case EntryState.DeleteDeferDeleteAck:
      // The state exists only for objects that forbid compression; the source aborts on everything else.
      if ((guards & Uncompressed) === 0) return undefined
      if (event === EntryEvent.AddChangeRequest) return to(EntryState.RenewWait, 0, FlagChange.ClearPending)
      if (event === EntryEvent.DeleteAddRequest) return to(state, 0, FlagChange.SetPending)
      if (event === EntryEvent.DeleteAck) {
        if (!pending) return remove(policy, guards)
        return corrected ? renewed(guards) : and(deleteAdd(policy, guards), 0, FlagChange.ClearPending)
      }
      return event === EntryEvent.ReferenceReleased ? to(state) : undefined

    case EntryState.DeleteAckWait:
      if (event === EntryEvent.AddChangeRequest) return to(EntryState.RenewWait, 0, FlagChange.ClearPending)
      if (event === EntryEvent.DeleteAddRequest) return to(state, 0, FlagChange.SetPending)
      if (event === EntryEvent.ReferenceReleased) return to(state)
      if (event !== EntryEvent.DeleteAck) return undefined
      // Corrected: the delete under way was the delete that was asked for; the source sends a second one (W6).
      if (pending) return corrected ? renewed(guards) : and(deleteAdd(policy, guards), 0, FlagChange.ClearPending)
      return and(referenced ? PLACEHOLDER : FREED, 0, corrected ? FlagChange.ClearSeen : 0)

    case EntryState.RenewWait:
      if (event === EntryEvent.AddChangeRequest) return to(state, 0, FlagChange.ClearPending)
      if (event === EntryEvent.DeleteRequest) {
        const waits = (guards & Uncompressed) !== 0 ? EntryState.DeleteDeferDeleteAck : EntryState.DeleteAckWait
        return to(waits, 0, FlagChange.ClearPending)
      }
      if (event === EntryEvent.DeleteAddRequest) return to(state, 0, FlagChange.SetPending)
      if (event === EntryEvent.ReferenceReleased) return to(state)
      if (event !== EntryEvent.DeleteAck) return undefined
      if (corrected) return renewed(guards)
      return pending ? and(deleteAdd(policy, guards), 0, FlagChange.ClearPending) : add(guards)

    case EntryState.FreeWait:
      return undefined
  }
}

/** The events that the source does not have: its errors count as acknowledgements (W1), and what the kernel drops stays unknown. */
const failed = (policy: Policy, state: EntryState, event: EntryEvent, guards: number): Transition | undefined => {
  if (policy === "source") return undefined
  const absent = guards & ~Seen
  const addDefer = to(EntryState.AddDefer, Act.Retry, FlagChange.ClearSeen | FlagChange.ClearPending)
  switch (event) {
    case EntryEvent.AddFailed:
      if (state === EntryState.SyncWait) return addDefer
      // What failed is not what is wanted now: the new content is tried at once.
      if (state === EntryState.NeedSync) {
        const seen = (guards & Unresolved) !== 0 ? FlagChange.ClearSeen : 0
        return and(add(absent), 0, FlagChange.ClearPending | seen)
      }
      if (state === EntryState.DeleteDeferSync) return and(remove(policy, absent), 0, FlagChange.ClearSeen)
      return undefined
    case EntryEvent.ChangeFailed:
      if (state === EntryState.SyncWait) return to(EntryState.ChangeDefer, Act.Retry, FlagChange.ClearPending)
      if (state === EntryState.NeedSync) return and(change(guards), 0, FlagChange.ClearPending)
      if (state === EntryState.DeleteDeferSync) return remove(policy, guards)
      return undefined
    case EntryEvent.DeleteFailed:
      if (state === EntryState.DeleteAckWait) {
        return (guards & DeleteAddPending) !== 0
          ? and(change(guards), 0, FlagChange.ClearPending)
          : to(EntryState.DeleteDeferRef, Act.Retry)
      }
      if (state === EntryState.DeleteDeferDeleteAck)
        return to(EntryState.DeleteDeferRef, Act.Retry, FlagChange.ClearPending)
      if (state === EntryState.RenewWait) return and(change(guards), 0, FlagChange.ClearPending)
      return undefined
    default:
      return lost(state, guards)
  }
}

const lost = (state: EntryState, guards: number): Transition => {
  const absent = guards & ~Seen
  switch (state) {
    case EntryState.InSync:
    case EntryState.ChangeDefer:
      return and(
        add(absent),
        state === EntryState.ChangeDefer ? Act.Unlink : 0,
        (guards & Unresolved) !== 0 ? FlagChange.ClearSeen : 0
      )!
    case EntryState.SyncWait:
      // Whether the operation under way came before or after the loss is not known: it is followed by another.
      return to(EntryState.NeedSync)
    case EntryState.DeleteDeferRef:
      return and((guards & Referenced) !== 0 ? PLACEHOLDER : FREED, 0, FlagChange.ClearSeen)!
    default:
      return to(state)
  }
}

const add = (guards: number): Transition =>
  (guards & Unresolved) !== 0
    ? to(EntryState.AddDefer, Act.WaitOn)
    : to((guards & Synchronous) !== 0 ? EntryState.InSync : EntryState.SyncWait, Act.SendAdd, FlagChange.SetSeen)

const change = (guards: number): Transition | undefined => {
  if ((guards & Seen) === 0) return undefined
  return (guards & Unresolved) !== 0
    ? to(EntryState.ChangeDefer, Act.WaitOn)
    : to((guards & Synchronous) !== 0 ? EntryState.InSync : EntryState.SyncWait, Act.SendChange)
}

const remove = (policy: Policy, guards: number): Transition => {
  if ((guards & Referenced) !== 0) return to(EntryState.DeleteDeferRef)
  if ((guards & (Seen | Uncompressed)) === 0) return FREED
  if ((guards & Synchronous) === 0) return to(EntryState.DeleteAckWait, Act.SendDelete)
  return and(FREED, Act.SendDelete, policy === "corrected" ? FlagChange.ClearSeen : 0)!
}

/** Delete what may be there, then add. References are not asked: the object comes back under the same key. */
const deleteAdd = (policy: Policy, guards: number): Transition => {
  if ((guards & (Seen | Uncompressed)) === 0) return add(guards)
  if ((guards & Synchronous) === 0) return to(EntryState.RenewWait, Act.SendDelete)
  // Corrected: what was deleted and cannot be added yet is not there (W6).
  const isForgotten = policy === "corrected" && (guards & Unresolved) !== 0
  return and(add(guards), Act.SendDelete, isForgotten ? FlagChange.ClearSeen : 0)!
}

/** The delete is done, the object is wanted: what was seen is gone (the source never forgets, W6). */
const renewed = (guards: number): Transition => {
  const next = add(guards & ~Seen)
  const seen = (guards & Unresolved) !== 0 ? FlagChange.ClearSeen : 0
  return and(next, 0, FlagChange.ClearPending | seen)!
}

/** States from which the source wakes waiters. Coming from others it forgets them (W3). */
const WAKES_FROM: ReadonlySet<EntryState> = new Set([
  EntryState.Temp,
  EntryState.AddDefer,
  EntryState.ChangeDefer,
  EntryState.SyncWait,
  EntryState.DeleteDeferRef,
  EntryState.RenewWait
])

const withWake = (policy: Policy, before: EntryState, event: EntryEvent, next: Transition): Transition => {
  const usable = isUsable(next.state)
  if (usable && (WAKES_FROM.has(before) || (policy === "corrected" && before !== next.state))) {
    return to(next.state, next.acts | Act.Wake, next.flags)
  }
  if (policy === "source" || usable || event < EntryEvent.AddFailed || !isUsable(before)) return next
  return to(next.state, next.acts | Act.Invalidate, next.flags)
}
