// Walks that wait for a grant, by priority, as linked lists over columns indexed by the walk's number: a walk leaves from the middle
// when another takes it over, and a copy of the state needs no recursion as deep as the queue is long.

export class WalkQueues {
  private readonly firsts = [NONE, NONE]
  private readonly lasts = [NONE, NONE]
  private readonly sizes = [0, 0]
  private readonly next: Array<number> = []
  private readonly previous: Array<number> = []
  /** Of the queue that the walk is in; undefined or -1 where it is in none. */
  private readonly priorities: Array<number> = []

  get isEmpty(): boolean {
    return this.sizes[0] === 0 && this.sizes[1] === 0
  }

  size(priority: number): number {
    return this.sizes[priority]
  }

  first(priority: number): number {
    return this.firsts[priority]
  }

  /** -1: it does not wait. */
  priorityOf(walk: number): number {
    return this.priorities[walk] ?? NONE
  }

  /** The most urgent queue, from one on, that is not empty; -1 where all are. */
  firstPriority(from: number): number {
    for (let priority = from; priority < this.sizes.length; priority++) if (this.sizes[priority] > 0) return priority
    return NONE
  }

  append(walk: number, priority: number): void {
    this.link(walk, this.lasts[priority], NONE, priority)
  }

  prepend(walk: number, priority: number): void {
    this.link(walk, NONE, this.firsts[priority], priority)
  }

  insertBehind(walk: number, other: number): void {
    this.link(walk, other, this.next[other], this.priorities[other])
  }

  remove(walk: number): void {
    const priority = this.priorityOf(walk)
    if (priority === NONE) return
    const before = this.previous[walk]
    const after = this.next[walk]
    if (before === NONE) this.firsts[priority] = after
    else this.next[before] = after
    if (after === NONE) this.lasts[priority] = before
    else this.previous[after] = before
    this.priorities[walk] = NONE
    this.sizes[priority]--
  }

  private link(walk: number, before: number, after: number, priority: number): void {
    this.previous[walk] = before
    this.next[walk] = after
    this.priorities[walk] = priority
    if (before === NONE) this.firsts[priority] = walk
    else this.next[before] = walk
    if (after === NONE) this.lasts[priority] = walk
    else this.previous[after] = walk
    this.sizes[priority]++
  }
}

const NONE = -1
