// How far the kernel has come with what is wanted: a number for each step in which something else was wanted than before, and the highest of
// them of which all is settled. Settled is what the kernel acknowledged, and what is known to wait (for a link, for somebody else's route to go, for
// time): that is counted, so that whoever waits for a revision hears what is missing (ADR-0068).
import { EntryState, RouteFlag } from "../ksync/index.ts"
import type { Forwarding } from "./forwarding.ts"
import { routePath } from "./forwarding-why.ts"

export class Revisions {
  /** Of what is wanted. */
  wanted = 0
  /** All that was wanted up to here is settled. */
  settled = 0
  private isNew = false

  /** Something is wanted that was not. Hot. */
  note(): void {
    this.isNew = true
  }

  /** A step is over; `isAtRest`: nothing waits to be done and nothing is under way. */
  stepped(isAtRest: boolean): void {
    if (this.isNew) this.wanted++
    this.isNew = false
    if (isAtRest) this.settled = this.wanted
  }
}

export interface Missing {
  /** Objects that wait for something. */
  readonly waiting: number
  /** Objects whose last request the kernel refused, those that wait for that among them. */
  readonly failed: number
}

/** What is not in the kernel as it is wanted. Reads all columns. */
export const missingOf = (forwarding: Forwarding): Missing => {
  const { fib, kernelSide } = forwarding
  const { sync, rules } = kernelSide!
  let waiting = 0
  let failed = 0
  for (const { state, failure, id } of [...sync.objects.byId.values(), ...rules.sync.byKey.values()]) {
    if (isWaiting(state) || id < 0) waiting++
    if (failure !== undefined) failed++
  }
  for (const family of [0, 1] as const) {
    const { state } = sync.routes[family]
    const { pathList, prefixes } = fib.entries[family]
    for (let prefix = 0; prefix < prefixes.bound; prefix++) {
      const bits = state[prefix] ?? 0
      const at = bits & RouteFlag.State
      // Wanted and not begun where its next hops lead nowhere.
      const isBegun = at !== EntryState.Init || (pathList[prefix] ?? 0) === 0
      if (isWaiting(at) || (!isBegun && routePath(forwarding, family, prefix).length > 0)) waiting++
      if ((bits & RouteFlag.Failed) !== 0) failed++
    }
  }
  return { waiting, failed }
}

const isWaiting = (state: number): boolean =>
  state === EntryState.AddDefer || state === EntryState.ChangeDefer || state === EntryState.DeleteDeferRef
