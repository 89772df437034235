// Somebody undoes what we do. Once or twice is an accident and is repaired at once; whoever does it again and again gets the repair with
// growing pauses, so that two programs that want different things do not keep the kernel busy, and the operator is told.

/** What of ours was undone: a route as family + 2 · prefix, a nexthop or group by the key of what it is for. */
export type Contested = number | string

/** As often as that it is repaired at once. */
export const REPAIRS_AT_ONCE = 3
/** More than that is no fight but something that befell everything: repaired at once, and not kept. */
const KEPT = 4096

export class Fights {
  /** How often each was undone lately. */
  readonly counts: Map<Contested, number> = new Map()
  /** Fights that began since they were last told. */
  private begun: Array<Contested> = []

  /** Somebody undid it. True: it is to be repaired at once; false: after a pause. */
  undone(what: Contested): boolean {
    const count = (this.counts.get(what) ?? 0) + 1
    if (count === 1 && this.counts.size >= KEPT) return true
    this.counts.set(what, count)
    if (count === REPAIRS_AT_ONCE + 1) this.begun.push(what)
    return count <= REPAIRS_AT_ONCE
  }

  /** How often it was undone since that is a fight. */
  beyond(what: Contested): number {
    return Math.max(0, (this.counts.get(what) ?? 0) - REPAIRS_AT_ONCE - 1)
  }

  /** Time has passed (a minute): half of it is forgotten. */
  decay(): void {
    for (const [what, count] of this.counts) {
      if (count < 2) this.counts.delete(what)
      else this.counts.set(what, count >>> 1)
    }
  }

  takeBegun(): ReadonlyArray<Contested> {
    const { begun } = this
    if (begun.length > 0) this.begun = []
    return begun
  }
}
