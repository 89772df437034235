// Virtual time: what will happen and when, in a heap. Two things due at the same moment happen in the order in which they were put
// down, so that a run depends on nothing but its seed.
import type { Micros } from "../machine/index.ts"

interface Entry {
  readonly at: Micros
  readonly order: number
  readonly happen: () => void
}

export class Agenda {
  now: Micros
  private readonly heap: Array<Entry> = []
  private orders = 0

  constructor(now: Micros) {
    this.now = now
  }

  /** Puts something down for a time; for a time that has passed it happens next. */
  put(at: Micros, happen: () => void): void {
    const entry = { at: Math.max(at, this.now), order: this.orders++, happen }
    const { heap } = this
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (isBefore(heap[parent], entry)) break
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = entry
  }

  /** When the next thing is due; undefined when nothing is. */
  get nextAt(): Micros | undefined {
    return this.heap[0]?.at
  }

  /** Lets the next thing happen at its time. False: there is none. */
  step(): boolean {
    const entry = this.takeFirst()
    if (entry === undefined) return false
    this.now = entry.at
    entry.happen()
    return true
  }

  private takeFirst(): Entry | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (isBefore(last, heap[child])) break
      heap[index] = heap[child]
      index = child
    }
    heap[index] = last
    return first
  }
}

const isBefore = (one: Entry, other: Entry): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order)
