// Walks from path-lists whose kernel group changed to the entries that stand on them: what makes routes look again.
import { type Fib, WalkPriority, WalkReason } from "../fib/index.ts"
import type { KernelSync } from "../ksync/index.ts"
import type { PrefixId } from "../rib/index.ts"

export class ForwardingWalks {
  private readonly fib: Fib
  /** The family whose walks are served first this time. */
  private walksFirst: 0 | 1 = 1

  constructor(fib: Fib) {
    this.fib = fib
  }

  /** Starts what is to be told, and goes on with what was started: so many steps in all. */
  run(sync: KernelSync, nodes: number): void {
    this.quantum(sync, nodes - this.start(sync, nodes))
  }

  /** Path-lists whose group appeared, went or moved tell their entries: few at once, many when it is their turn. Returns the steps. */
  private start(sync: KernelSync, nodes: number): number {
    const { moved } = sync.objects
    let left = nodes
    for (const pathList of moved) {
      if (pathList === 0) continue
      for (const family of [0, 1] as const) {
        const { walks } = this.fib.entries[family]
        // Where the group is gone packets are lost; where it is new or moved they only take another way.
        const priority = sync.objects.groupOf(pathList)?.exists === true ? WalkPriority.Low : WalkPriority.High
        const visit = (prefix: PrefixId): void => sync.markRoute(family, prefix)
        left -= walks.startSized(pathList, WalkReason.Evaluate, left, visit, { priority })
      }
    }
    moved.clear()
    return nodes - left
  }

  private quantum(sync: KernelSync, nodes: number): void {
    let left = nodes
    // In turns: what the first leaves is for the other, and neither waits until the other has no more to do.
    this.walksFirst = this.walksFirst === 0 ? 1 : 0
    for (const family of [this.walksFirst, 1 - this.walksFirst] as ReadonlyArray<0 | 1>) {
      const { walks } = this.fib.entries[family]
      if (walks.pending) left -= walks.quantum(left, (prefix) => sync.markRoute(family, prefix))
    }
  }
}
