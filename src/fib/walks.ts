// Walks tell children that a parent changed. A walk is a marker in the parent's child list, so children may come and go while it is
// suspended. Two walks that meet become one: a child needs the final state, not each step towards it. Budgets count nodes, never
// time, so that a replay does the same work in the same batch (ADR-0008). This is the form that runs, in place; `reduceWalks` is the
// same machine as a textbook reducer, and a test holds them equal.
import { assert, WALK_DEPTH_MAX, WALK_SYNCHRONOUS_CHILDREN_MAX } from "../machine/index.ts"
import { type ChildLists, isMarker, markerOf } from "./children.ts"
import type { Edges } from "./edges.ts"
import {
  WALK_POLICIES,
  type WalkContext,
  WalkFlag,
  type WalkPolicy,
  WalkPriority,
  type WalkStart
} from "./walk-policy.ts"
import { WalkQueues } from "./walk-queues.ts"
import { REASONS_KEPT, WalkRecord, type WalkStatistics } from "./walk-record.ts"

/** Shows a context to a child. The child may do anything meanwhile: come, go, start walks, also of its own parent. */
export type Visit = (child: number, reason: number, context: WalkContext) => void

interface Walk {
  readonly number: number
  readonly list: number
  readonly isSynchronous: boolean
  readonly startedAt: number
  /** Ordered by time; the oldest is shown first. */
  readonly contexts: Array<WalkContext>
  isExecuting: boolean
  visits: number
}

const Step = { More: 0, Done: 1, Merged: 2 } as const
type Step = (typeof Step)[keyof typeof Step]

export interface WalksOptions {
  readonly policy?: WalkPolicy
  /** Where children have several parents: whose the elements are. */
  readonly edges?: Edges
  /** `startSized` walks over so many children at once. */
  readonly synchronousMax?: number | undefined
}

export class Walks {
  private readonly lists: ChildLists
  private readonly policy: WalkPolicy
  private readonly edges: Edges | undefined
  private readonly synchronousMax: number
  private readonly walks: Array<Walk | undefined> = []
  private readonly freeNumbers: Array<number> = []
  private readonly queues = new WalkQueues()
  private readonly record: WalkRecord
  /** Steps of all walks since the grant began, those that visits started among them. */
  private steps = 0
  private isGranted = false

  constructor(lists: ChildLists, options: WalksOptions = {}) {
    const { policy = WALK_POLICIES.corrected, edges, synchronousMax = WALK_SYNCHRONOUS_CHILDREN_MAX } = options
    this.lists = lists
    this.policy = policy
    this.edges = edges
    this.synchronousMax = synchronousMax
    this.record = new WalkRecord(policy.clamps)
  }

  get pending(): boolean {
    return !this.queues.isEmpty
  }

  /** Starts a walk over the children of `list` that waits for a grant. A forced one does not wait: then `visit` is needed. */
  start(list: number, reason: number, how: WalkStart = {}, visit?: Visit): void {
    const context = this.contextOf(list, reason, how)
    if (context === undefined) return
    if ((context.flags & WalkFlag.ForceSynchronous) !== 0) {
      assert(visit !== undefined, "a walk that may not wait is started by somebody who visits")
      this.startNow(list, reason, visit, this.policy.forcesOnce ? how : { ...how, depth: context.depth })
      return
    }
    const { priority = WalkPriority.Low } = how
    const first = this.lists.front(list)
    const waiting = this.policy.joinsAtStart && isMarker(first) ? this.walks[markerOf(first)] : undefined
    const joined = waiting !== undefined && !waiting.isExecuting && this.queues.priorityOf(waiting.number) !== -1
    this.record.waitingStarted(priority, joined)
    if (joined) {
      this.join(context, waiting)
      if (this.policy.promotes && priority < this.queues.priorityOf(waiting.number)) {
        this.queues.remove(waiting.number)
        this.enqueue(waiting.number, priority)
      }
      return
    }
    this.enqueue(this.place(list, context, false).number, priority)
  }

  /** Walks over the children of `list` before it returns, also over what is left to walks that it meets. */
  startNow(list: number, reason: number, visit: Visit, how: WalkStart = {}): void {
    const context = this.contextOf(list, reason, how)
    if (context === undefined) return
    this.record.synchronousStarted()
    let walk = this.place(list, context, true)
    for (;;) {
      walk.isExecuting = true
      let step: Step = Step.More
      while (step === Step.More) step = this.advance(walk, visit)
      if (step === Step.Done) break
      const ahead = this.walkBehindMarker(walk)
      this.end(walk, true)
      // A walk that executes is one that we are inside of: there is a loop, and what it has left it visits itself.
      if (ahead.isExecuting) return
      walk = ahead
    }
    this.end(walk, false)
  }

  /**
   * Over few children now, over more when granted: what is answered at once, and what must not hold up everything else, is a trade-off.
   * `nodes`: what may be visited now at all. Returns the steps that were made.
   */
  startSized(list: number, reason: number, nodes: number, visit: Visit, how: WalkStart = {}): number {
    const before = this.steps
    if (this.lists.count(list) > Math.min(nodes, this.synchronousMax)) this.start(list, reason, how, visit)
    else this.startNow(list, reason, visit, how)
    return this.steps - before
  }

  /** Lets waiting walks make at most `nodes` steps; returns how many they made. */
  quantum(nodes: number, visit: Visit): number {
    if (this.isGranted) return 0
    this.isGranted = true
    this.record.grants++
    this.steps = 0
    const { policy, record } = this
    const visitsBefore = record.visits
    const byNodes = policy.budget === "nodes"
    const used = (): number => (byNodes ? this.steps : record.visits - visitsBefore)
    let ownSteps = 0
    let isSuspended = false
    let priority = 0
    while (!isSuspended) {
      priority = this.queues.firstPriority(policy.looksUpAgain ? 0 : priority)
      if (priority === -1) break
      if (byNodes && used() >= nodes) {
        isSuspended = true
        break
      }
      const walk = this.walks[this.queues.first(priority)]!
      walk.isExecuting = true
      let step: Step
      do {
        step = this.advance(walk, visit)
        ownSteps++
      } while (step === Step.More && (used() < nodes || this.isForced(walk)))
      if (step === Step.More) {
        walk.isExecuting = false
        isSuspended = true
      } else {
        record.completedAt(this.queues.priorityOf(walk.number))
        this.end(walk, step === Step.Merged)
      }
    }
    this.isGranted = false
    record.drained({ steps: ownSteps, used: used(), granted: nodes, isSuspended })
    return used()
  }

  statistics(): WalkStatistics {
    return this.record.statistics([this.queues.size(0), this.queues.size(1)])
  }

  /** The context of a walk that may start; undefined where none may. */
  private contextOf(
    list: number,
    reason: number,
    { flags = 0, depth = 0, data = 0 }: WalkStart
  ): WalkContext | undefined {
    if (depth >= WALK_DEPTH_MAX) {
      this.record.tooDeep++
      return undefined
    }
    const none = this.policy.countsChildren ? this.lists.count(list) === 0 : this.lists.front(list) === 0
    return none ? undefined : { reason, flags, depth: depth + 1, data }
  }

  private enqueue(number: number, priority: number): void {
    if (this.policy.isFair) this.queues.append(number, priority)
    else this.queues.prepend(number, priority)
  }

  private place(list: number, context: WalkContext, isSynchronous: boolean): Walk {
    const number = this.freeNumbers.pop() ?? this.walks.length
    const walk: Walk = {
      number,
      list,
      isSynchronous,
      startedAt: this.record.grants,
      contexts: [context],
      isExecuting: false,
      visits: 0
    }
    this.walks[number] = walk
    this.lists.addMarker(list, number)
    return walk
  }

  private walkBehindMarker(walk: Walk): Walk {
    const ahead = this.walks[markerOf(this.lists.after(-(walk.number + 1)))]
    assert(ahead !== undefined && ahead.list === walk.list, "walks meet in the list of one parent")
    return ahead
  }

  /** One step: the child behind the marker sees all contexts, or a walk that stands there takes them over, or nothing is there. Hot. */
  private advance(walk: Walk, visit: Visit): Step {
    const { lists, record } = this
    const marker = -(walk.number + 1)
    const next = lists.after(marker)
    this.steps++
    if (next === 0) return Step.Done
    if (next < 0) {
      this.merge(walk, this.walkBehindMarker(walk))
      return Step.Merged
    }
    const child = this.childOf(next)
    const { contexts } = walk
    // A visit may start another walk of this parent, which may meet this one: there may be more contexts while we are here.
    for (let shown = 0; shown < contexts.length; shown++) {
      if (shown > 0 && this.policy.sparesDeparted && this.childOf(lists.after(marker)) !== child) break
      record.visits++
      walk.visits++
      visit(child, contexts[shown].reason, contexts[shown])
    }
    return this.moveOn(walk, child)
  }

  private moveOn(walk: Walk, visited: number): Step {
    const { lists, policy } = this
    const marker = -(walk.number + 1)
    const next = lists.after(marker)
    if (policy.skipsNobody ? this.childOf(next) === visited : next !== 0) lists.advanceMarker(walk.list, walk.number)
    else if (!policy.skipsNobody) return Step.Done
    return policy.budget === "nodes" && lists.after(marker) === 0 ? Step.Done : Step.More
  }

  /** -1 for a marker or the end. */
  private childOf(element: number): number {
    if (element <= 0) return -1
    return this.edges === undefined ? element - 1 : this.edges.childOf(element - 1)
  }

  /** Everything before `ahead` has seen the contexts of `behind`; whoever comes after must see them too. */
  private merge(behind: Walk, ahead: Walk): void {
    const { policy, queues } = this
    const handed = policy.handsOverAll ? behind.contexts.length : 1
    for (let index = 0; index < handed; index++) this.join(behind.contexts[index], ahead)
    if (!policy.promotes) return
    const urgent = queues.priorityOf(behind.number)
    if (urgent !== -1 && urgent < queues.priorityOf(ahead.number)) {
      queues.remove(ahead.number)
      // In the place of the one that it replaces, which was being served.
      queues.insertBehind(ahead.number, behind.number)
    }
  }

  /** Only the latest context can be the same one: what came before it was shown in between. */
  private join(context: WalkContext, ahead: Walk): void {
    const { contexts } = ahead
    const last = contexts[contexts.length - 1]
    const { unites } = this.policy
    if (last.reason !== context.reason || (unites && last.data !== context.data)) {
      contexts.push(context)
      return
    }
    // The larger depth: in a loop a walk meets itself, and with the smaller one it would never end.
    const depth = Math.max(last.depth, context.depth)
    const flags = unites ? last.flags | context.flags : last.flags
    if (depth !== last.depth || flags !== last.flags) contexts[contexts.length - 1] = { ...last, depth, flags }
  }

  /** Somebody who may not be put off merged into a walk that waits: it is not put off any more. */
  private isForced(walk: Walk): boolean {
    return this.policy.unites && walk.contexts.some(({ flags }) => (flags & WalkFlag.ForceSynchronous) !== 0)
  }

  private end(walk: Walk, isMerged: boolean): void {
    const { list, number, visits, startedAt, isSynchronous, contexts } = walk
    this.queues.remove(number)
    this.walks[number] = undefined
    this.freeNumbers.push(number)
    const reasons = contexts.slice(0, REASONS_KEPT).map(({ reason }) => reason)
    const endedAt = this.record.grants
    this.record.finished({ parent: list, visits, startedAt, endedAt, isSynchronous, isMerged, reasons })
    // Last, because it may let the parent go, and with it others.
    this.lists.removeMarker(list, number)
  }
}
