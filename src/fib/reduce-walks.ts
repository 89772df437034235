// Walk merging as a reducer in the textbook sense: (state, event) → (state, effects), arguments left alone. It says plainly what `Walks`
// does in place; tests, diagrams and readers use this one, and a test holds the two equal, step by step, under every policy.
// A visit is an effect, and what the child does about it are events; `Visited` says that it is done. Until then the walk stands on a
// stack, and walks that the child starts run to their end above it: that is how a synchronous walk recurs without recursion.
import { WALK_DEPTH_MAX } from "../machine/index.ts"
import type { WalkElement } from "./walk-lists.ts"
import * as lists from "./walk-lists.ts"
import { WALK_POLICIES, type WalkContext, WalkFlag, type WalkPolicy } from "./walk-policy.ts"
import { type Drained, type FinishedWalk, REASONS_KEPT } from "./walk-record.ts"

export interface WalkState {
  readonly list: number
  readonly isSynchronous: boolean
  readonly startedAt: number
  /** In the order in which they arose; each is shown to every child that is left. */
  readonly contexts: ReadonlyArray<WalkContext>
  readonly visits: number
}

/** A walk that executes. Of those below the top of the stack each waits for its child to have been visited. */
export interface WalkFrame {
  readonly walk: number
  readonly visiting: { readonly child: number; readonly shown: number } | undefined
}

/** Work that may be done, and what was done of it. */
export interface WalkGrant {
  readonly nodes: number
  /** Steps of the walks that wait; of all, also those that visits started; contexts shown. */
  readonly ownSteps: number
  readonly steps: number
  readonly visits: number
  readonly priority: number
}

export interface WalksState {
  readonly policy: WalkPolicy
  /** Child lists by parent, front first. */
  readonly lists: Readonly<Record<number, ReadonlyArray<WalkElement>>>
  /** Owners of parents. */
  readonly holds: Readonly<Record<number, number>>
  readonly walks: Readonly<Record<number, WalkState>>
  /** Walks that wait, by priority, the next one first. */
  readonly queues: ReadonlyArray<ReadonlyArray<number>>
  /** Walks that execute, the innermost last. While there is a grant the first is the one that it serves. */
  readonly frames: ReadonlyArray<WalkFrame>
  readonly grant: WalkGrant | undefined
  readonly grants: number
  readonly nextWalk: number
}

export type WalksEvent =
  | {
      readonly _tag: "Started"
      readonly mode: "Synchronous" | "Waiting"
      readonly list: number
      readonly reason: number
      readonly flags: number
      readonly depth: number
      readonly data: number
      readonly priority: number
    }
  | {
      readonly _tag: "ChildAdded"
      readonly list: number
      readonly child: number
      readonly place: "Front" | "Back"
      readonly class: number
    }
  | { readonly _tag: "ChildRemoved"; readonly list: number; readonly child: number }
  | { readonly _tag: "Held"; readonly list: number }
  | { readonly _tag: "LetGo"; readonly list: number }
  /** Work may be done: so many nodes may be visited. */
  | { readonly _tag: "Granted"; readonly nodes: number }
  /** The child of the last `Visit` has done what it had to do. */
  | { readonly _tag: "Visited" }

export type WalksEffect =
  | { readonly _tag: "Visit"; readonly list: number; readonly child: number; readonly context: WalkContext }
  | { readonly _tag: "Scheduled"; readonly list: number; readonly priority: number; readonly isJoined: boolean }
  | { readonly _tag: "StartedNow"; readonly list: number }
  | { readonly _tag: "TooDeep"; readonly list: number }
  /** `priority`: of a walk that a grant brought to its end; -1 of another. */
  | { readonly _tag: "Finished"; readonly walk: FinishedWalk; readonly priority: number }
  | { readonly _tag: "Drained"; readonly drained: Drained }
  /** Nothing holds the parent any more. */
  | { readonly _tag: "Released"; readonly list: number }

type Outcome = readonly [WalksState, ReadonlyArray<WalksEffect>]
type Started = Extract<WalksEvent, { readonly _tag: "Started" }>

export const walksUnder = (policy: WalkPolicy): WalksState => ({
  policy,
  lists: {},
  holds: {},
  walks: {},
  queues: [[], []],
  frames: [],
  grant: undefined,
  grants: 0,
  nextWalk: 0
})

export const noWalks: WalksState = walksUnder(WALK_POLICIES.corrected)

export const reduceWalks = (state: WalksState, event: WalksEvent): Outcome => {
  switch (event._tag) {
    case "ChildAdded":
      if (lists.hasChild(listOf(state, event.list), event.child)) return [state, []]
      return [withList(state, event.list, lists.added(listOf(state, event.list), event)), []]
    case "ChildRemoved": {
      if (!lists.hasChild(listOf(state, event.list), event.child)) return [state, []]
      return released(withList(state, event.list, lists.removed(listOf(state, event.list), event.child)), event.list)
    }
    case "Held":
      return [withHolds(state, event.list, (state.holds[event.list] ?? 0) + 1), []]
    case "LetGo": {
      const holds = state.holds[event.list] ?? 0
      return holds === 0 ? [state, []] : released(withHolds(state, event.list, holds - 1), event.list)
    }
    case "Started":
      return started(state, event)
    case "Granted":
      // One grant at a time, and none out of a visit.
      if (state.grant !== undefined || state.frames.length > 0) return [state, []]
      return proceed({
        ...state,
        grants: state.grants + 1,
        grant: { nodes: event.nodes, ownSteps: 0, steps: 0, visits: 0, priority: 0 }
      })
    case "Visited":
      return visited(state)
  }
}

const started = (state: WalksState, event: Started): Outcome => {
  const { policy } = state
  const { list, reason, flags, data, priority } = event
  if (event.depth >= WALK_DEPTH_MAX) return [state, [{ _tag: "TooDeep", list }]]
  const elements = listOf(state, list)
  if (!elements.some(({ _tag }) => !policy.countsChildren || _tag === "Child")) return [state, []]
  const context = { reason, flags, depth: event.depth + 1, data }
  if (event.mode === "Synchronous") {
    const [placed, walk] = place(state, list, context, true)
    const [next, effects] = proceed({ ...placed, frames: [...placed.frames, { walk, visiting: undefined }] })
    return [next, [{ _tag: "StartedNow", list }, ...effects]]
  }
  if ((flags & WalkFlag.ForceSynchronous) !== 0) {
    return started(state, { ...event, mode: "Synchronous", depth: policy.forcesOnce ? event.depth : context.depth })
  }
  const [first] = elements
  // A walk that has visited nobody yet takes the context along: n changes before a grant are one walk.
  if (policy.joinsAtStart && first._tag === "Marker" && !isExecuting(state, first.walk)) {
    const joined = withContexts(state, first.walk, [context])
    const isMoreUrgent = policy.promotes && priority < priorityOf(state, first.walk)
    const promoted = isMoreUrgent ? queued(dequeued(joined, first.walk), first.walk, priority) : joined
    return [promoted, [{ _tag: "Scheduled", list, priority, isJoined: true }]]
  }
  const [placed, walk] = place(state, list, context, false)
  return [queued(placed, walk, priority), [{ _tag: "Scheduled", list, priority, isJoined: false }]]
}

/** Goes on until a child is to be visited, or there is nothing to do. */
const proceed = (before: WalksState): Outcome => {
  let state = before
  const effects: Array<WalksEffect> = []
  for (;;) {
    const frame = state.frames.at(-1)
    if (frame?.visiting !== undefined || (frame === undefined && state.grant === undefined)) return [state, effects]
    const [next, more] = frame === undefined ? served(state) : stepped(state, frame)
    state = next
    effects.push(...more)
  }
}

/** The grant serves the next walk, or is over. */
const served = (state: WalksState): Outcome => {
  const { policy, queues } = state
  const grant = state.grant!
  const from = policy.looksUpAgain ? 0 : grant.priority
  const priority = queues.findIndex((queue, index) => index >= from && queue.length > 0)
  if (priority === -1) return drained(state, false)
  if (policy.budget === "nodes" && grant.steps >= grant.nodes) return drained(state, true)
  const frame = { walk: queues[priority][0], visiting: undefined }
  return [{ ...state, grant: { ...grant, priority }, frames: [frame] }, []]
}

/** One step of one walk: it visits the child behind its marker, or merges into the walk that stands there, or ends. */
const stepped = (before: WalksState, frame: WalkFrame): Outcome => {
  const state = counted(before, before.frames.length === 1)
  const { list, contexts } = state.walks[frame.walk]
  const next = lists.behindMarker(listOf(state, list), frame.walk)
  if (next === undefined) return left(state, frame, undefined)
  if (next._tag === "Marker") {
    const handed = state.policy.handsOverAll ? contexts : contexts.slice(0, 1)
    return left(promoted(withContexts(state, next.walk, handed), frame.walk, next.walk), frame, next.walk)
  }
  return shown(state, frame.walk, next.child, 0)
}

const shown = (state: WalksState, number: number, child: number, index: number): Outcome => {
  const walk = state.walks[number]
  const grant = state.grant && { ...state.grant, visits: state.grant.visits + 1 }
  return [
    {
      ...withTop(state, { walk: number, visiting: { child, shown: index + 1 } }),
      grant,
      walks: { ...state.walks, [number]: { ...walk, visits: walk.visits + 1 } }
    },
    [{ _tag: "Visit", list: walk.list, child, context: walk.contexts[index] }]
  ]
}

const visited = (state: WalksState): Outcome => {
  const frame = state.frames.at(-1)
  if (frame?.visiting === undefined) return [state, []]
  const { child, shown: index } = frame.visiting
  const { list, contexts } = state.walks[frame.walk]
  const next = lists.behindMarker(listOf(state, list), frame.walk)
  const isThere = next?._tag === "Child" && next.child === child
  // Another walk of this parent may have met this one meanwhile: there may be more contexts than before the visit.
  if (index < contexts.length && (isThere || !state.policy.sparesDeparted))
    return shown(state, frame.walk, child, index)
  return movedOn(state, frame, isThere)
}

/** The marker goes behind the child that was visited. */
const movedOn = (before: WalksState, { walk }: WalkFrame, isThere: boolean): Outcome => {
  const { policy } = before
  const { list } = before.walks[walk]
  const frame = { walk, visiting: undefined }
  const hasNext = lists.behindMarker(listOf(before, list), walk) !== undefined
  const moves = policy.skipsNobody ? isThere : hasNext
  const moved = moves ? withList(before, list, lists.advanced(listOf(before, list), walk)) : before
  const state = withTop(moved, frame)
  const isLast = lists.behindMarker(listOf(state, list), walk) === undefined
  const [next, effects] =
    (!policy.skipsNobody && !hasNext) || (policy.budget === "nodes" && isLast)
      ? left(state, frame, undefined)
      : suspendedOrNot(state, frame)
  const [last, more] = proceed(next)
  return [last, [...effects, ...more]]
}

/** A walk that a grant serves waits for the next one where the budget is used up, unless somebody in it may not be put off. */
const suspendedOrNot = (state: WalksState, { walk }: WalkFrame): Outcome => {
  const { grant, policy } = state
  if (grant === undefined || state.frames.length > 1 || usedOf(state) < grant.nodes) return [state, []]
  const isForced = state.walks[walk].contexts.some(({ flags }) => (flags & WalkFlag.ForceSynchronous) !== 0)
  return policy.unites && isForced ? [state, []] : drained({ ...state, frames: [] }, true)
}

/** A walk is over; where it was synchronous and met another, that one goes on in its place. */
const left = (before: WalksState, { walk: number }: WalkFrame, ahead: number | undefined): Outcome => {
  const isServed = before.grant !== undefined && before.frames.length === 1
  const walk = before.walks[number]
  const priority = priorityOf(before, number)
  const goesOn = ahead !== undefined && !isServed && !isExecuting(before, ahead)
  const below = before.frames.slice(0, -1)
  const { [number]: _, ...walks } = before.walks
  const elements = lists.withoutMarker(listOf(before, walk.list), number)
  const state = withList({ ...dequeued(before, number), walks }, walk.list, elements)
  const finished: FinishedWalk = {
    parent: walk.list,
    visits: walk.visits,
    startedAt: walk.startedAt,
    endedAt: before.grants,
    isSynchronous: walk.isSynchronous,
    isMerged: ahead !== undefined,
    reasons: walk.contexts.slice(0, REASONS_KEPT).map(({ reason }) => reason)
  }
  const [next, effects] = released(
    { ...state, frames: goesOn ? [...below, { walk: ahead, visiting: undefined }] : below },
    walk.list
  )
  return [next, [{ _tag: "Finished", walk: finished, priority: isServed ? priority : -1 }, ...effects]]
}

const drained = (state: WalksState, isSuspended: boolean): Outcome => {
  const { ownSteps: steps, nodes: granted } = state.grant!
  const effect = { _tag: "Drained", drained: { steps, used: usedOf(state), granted, isSuspended } } as const
  return [{ ...state, grant: undefined }, [effect]]
}

const usedOf = ({ policy, grant }: WalksState): number => (policy.budget === "nodes" ? grant!.steps : grant!.visits)

const counted = (state: WalksState, isOwn: boolean): WalksState => {
  const { grant } = state
  if (grant === undefined) return state
  return { ...state, grant: { ...grant, steps: grant.steps + 1, ownSteps: grant.ownSteps + (isOwn ? 1 : 0) } }
}

/** Everything before the walk ahead has seen the contexts from behind; whoever comes after must see them too. */
const withContexts = (state: WalksState, walk: number, handed: ReadonlyArray<WalkContext>): WalksState => {
  const ahead = state.walks[walk]
  const contexts = handed.reduce((all, context) => lists.joined(state.policy, all, context), ahead.contexts)
  return { ...state, walks: { ...state.walks, [walk]: { ...ahead, contexts } } }
}

/** A waiting walk that a more urgent one merges into takes its place. */
const promoted = (state: WalksState, behind: number, ahead: number): WalksState => {
  const urgent = priorityOf(state, behind)
  if (!state.policy.promotes || urgent === -1 || urgent >= priorityOf(state, ahead)) return state
  const next = dequeued(state, ahead)
  const queue = next.queues[urgent].flatMap((walk) => (walk === behind ? [behind, ahead] : [walk]))
  return { ...next, queues: next.queues.with(urgent, queue) }
}

const place = (state: WalksState, list: number, context: WalkContext, isSynchronous: boolean) => {
  const walk = state.nextWalk
  const placed = withList(state, list, [{ _tag: "Marker", walk, class: 0 }, ...listOf(state, list)])
  const walkState = { list, isSynchronous, startedAt: state.grants, contexts: [context], visits: 0 }
  return [{ ...placed, walks: { ...state.walks, [walk]: walkState }, nextWalk: walk + 1 }, walk] as const
}

const queued = (state: WalksState, walk: number, priority: number): WalksState => {
  const queue = state.queues[priority]
  return { ...state, queues: state.queues.with(priority, state.policy.isFair ? [...queue, walk] : [walk, ...queue]) }
}

const dequeued = (state: WalksState, walk: number): WalksState => ({
  ...state,
  queues: state.queues.map((queue) => queue.filter((one) => one !== walk))
})

const released = (state: WalksState, list: number): Outcome => {
  const isHeld = listOf(state, list).length > 0 || (state.holds[list] ?? 0) > 0
  return [state, isHeld ? [] : [{ _tag: "Released", list }]]
}

const priorityOf = ({ queues }: WalksState, walk: number): number => queues.findIndex((queue) => queue.includes(walk))

const isExecuting = ({ frames }: WalksState, walk: number): boolean => frames.some((frame) => frame.walk === walk)

const listOf = (state: WalksState, list: number): ReadonlyArray<WalkElement> => state.lists[list] ?? []

const withList = (state: WalksState, list: number, elements: ReadonlyArray<WalkElement>): WalksState => ({
  ...state,
  lists: { ...state.lists, [list]: elements }
})

const withHolds = (state: WalksState, list: number, holds: number): WalksState => ({
  ...state,
  holds: { ...state.holds, [list]: holds }
})

const withTop = (state: WalksState, frame: WalkFrame): WalksState => ({
  ...state,
  frames: [...state.frames.slice(0, -1), frame]
})
