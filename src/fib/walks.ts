// Walks tell children that a parent changed. A walk is a marker in the parent's child list, so children may come and go while it is
// suspended. Two walks that meet become one: a child needs the final state, not each step towards it. Budgets count nodes, never
// time, so that a replay does the same work in the same batch (ADR-0008). This is the form that runs, in place; `reduceWalks` is the
// same machine as a textbook reducer, and a test holds them equal.
import { assert } from "../machine/index.ts"
import { type ChildLists, childOf, elementOfChild, isMarker, markerOf } from "./children.ts"

/** Why a walk runs. A child that is visited for several reasons is shown them in the order in which they arose. */
export const WalkReason = {
  /** The parent became usable, or unusable, or moved to another group: children must look again. */
  Evaluate: 1
} as const

/** What happened so far, for `show walks`. */
export interface WalkStatistics {
  readonly started: number
  readonly merged: number
  readonly finished: number
  readonly visits: number
  readonly waiting: number
  readonly lastVisits: ReadonlyArray<number>
}

interface Walk {
  readonly list: number
  /** Ordered by time; the oldest is applied first. */
  readonly contexts: Array<number>
  visits: number
  ended: boolean
}

export type Visit = (child: number, reason: number) => void

const FINISHED_KEPT = 16

export class Walks {
  private readonly lists: ChildLists
  private readonly walks: Array<Walk> = []
  private readonly freeWalks: Array<number> = []
  /** Walk numbers in the order of their start: first in, first out (quirk Q7 of the source). */
  private queue: Array<number> = []
  private started = 0
  private merged = 0
  private finished = 0
  private visits = 0
  private lastVisits: Array<number> = []

  constructor(lists: ChildLists) {
    this.lists = lists
  }

  /** Starts a walk over the children of `list`, unless it has none. */
  start(list: number, reason: number): void {
    if (this.lists.count(list) === 0) return
    this.started++
    const front = this.lists.front(list)
    // A walk that has visited nobody yet takes the reason along: n changes before a quantum are one walk.
    if (isMarker(front)) {
      this.merge([reason], this.walks[markerOf(front)])
      return
    }
    const number = this.freeWalks.pop() ?? this.walks.length
    this.walks[number] = { list, contexts: [reason], visits: 0, ended: false }
    this.lists.addMarker(list, number)
    this.queue.push(number)
  }

  get pending(): boolean {
    return this.queue.length > 0
  }

  /** Visits at most `nodes` children; returns how many it visited. */
  quantum(nodes: number, visit: Visit): number {
    let left = nodes
    let at = 0
    for (; at < this.queue.length; at++) {
      const number = this.queue[at]
      const walk = this.walks[number]
      while (!walk.ended && left > 0) left -= this.advance(number, walk, visit)
      if (!walk.ended) break
      this.freeWalks.push(number)
    }
    if (at > 0) this.queue = this.queue.slice(at)
    return nodes - left
  }

  statistics(): WalkStatistics {
    return {
      started: this.started,
      merged: this.merged,
      finished: this.finished,
      visits: this.visits,
      waiting: this.queue.length,
      lastVisits: this.lastVisits
    }
  }

  /** One step: a visit (returns 1), or the walk's end (returns 0). */
  private advance(number: number, walk: Walk, visit: Visit): number {
    const lists = this.lists
    const next = lists.after(-(number + 1))
    if (next === 0) {
      this.end(number, walk)
      return 0
    }
    if (isMarker(next)) {
      const ahead = this.walks[markerOf(next)]
      assert(ahead.list === walk.list && !ahead.ended, "walks meet in the list of one parent")
      this.merge(walk.contexts, ahead)
      this.end(number, walk)
      return 0
    }
    const child = childOf(next)
    // A visit may start another walk of this parent, which may meet this one: `contexts` may grow while we are here.
    for (let index = 0; index < walk.contexts.length; index++) visit(child, walk.contexts[index])
    walk.visits++
    this.visits++
    // A child that unlinked itself must not make the marker step over its sibling (quirk Q2 of the source).
    if (lists.after(-(number + 1)) === elementOfChild(child)) lists.advanceMarker(walk.list, number)
    return 1
  }

  /** Everything before `ahead` has seen the contexts of `behind`; whoever comes after must see them too, all of them (quirk Q1). */
  private merge(behind: ReadonlyArray<number>, ahead: Walk): void {
    for (const context of behind) {
      if (ahead.contexts[ahead.contexts.length - 1] !== context) ahead.contexts.push(context)
    }
    this.merged++
  }

  private end(number: number, walk: Walk): void {
    this.lists.removeMarker(walk.list, number)
    walk.ended = true
    this.finished++
    this.lastVisits.push(walk.visits)
    if (this.lastVisits.length > FINISHED_KEPT) this.lastVisits = this.lastVisits.slice(-FINISHED_KEPT)
  }
}
