// What is remembered of few routes only: why they failed, that they are to be tried again, and at which groups they may point because an answer was lost. Keys are
// family + 2 · prefix.
import { BackOff } from "./back-off.ts"
import type { ErrorClass, Failure } from "./errors.ts"

const FAILURES_KEPT = 4096

/** Why routes are not in the kernel; the first few thousand. */
export class RouteFailures extends Map<number, Failure> {
  note(key: number, failure: Failure): void {
    if (this.size < FAILURES_KEPT || this.has(key)) this.set(key, failure)
  }
}

/** What another program did to a route while a request of ours about it was under way: nobody knows which came first. */
export const Meddling = {
  /** Made or changed in our name. */
  Altered: 1,
  /** Deleted. */
  Deleted: 2,
  /** Replaced by a route of its own. */
  Taken: 3,
  /** Another one in our name was put beside it (ADR-0067). */
  Doubled: 4,
  /** A route of its own was put before it. */
  Preceded: 5
} as const
export type Meddling = (typeof Meddling)[keyof typeof Meddling]

/** Routes that only time will help. */
export class RouteBackOff extends BackOff<number> {
  /** How often each failed in a row; of so many as are remembered. */
  private readonly times = new Map<number, number>()

  failed(key: number, errorClass: ErrorClass): void {
    const times = this.times.get(key) ?? 0
    this.note(key, errorClass, times)
    if (times > 0 || this.times.size < FAILURES_KEPT) this.times.set(key, times + 1)
  }

  succeeded(key: number): void {
    if (this.times.size > 0) this.times.delete(key)
  }
}

/** Groups that a route may point at, since nobody knows whether it was put: they must not go before that is settled. */
export class PossibleGroups {
  private readonly byRoute = new Map<number, Array<number>>()

  add(key: number, group: number): void {
    const groups = this.byRoute.get(key)
    if (groups === undefined) this.byRoute.set(key, [group])
    else groups.push(group)
  }

  /** How many routes may point at it. */
  countOf(group: number): number {
    let count = 0
    for (const groups of this.byRoute.values()) for (const one of groups) if (one === group) count++
    return count
  }

  /** The kernel has told where the route points, or that it is gone. */
  settle(key: number, release: (group: number) => void): void {
    if (this.byRoute.size === 0) return
    const groups = this.byRoute.get(key)
    if (groups === undefined) return
    this.byRoute.delete(key)
    for (const group of groups) release(group)
  }
}
