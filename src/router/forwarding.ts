// The kernel side as the rest of the router sees it: what BGP, static routes and originated routes want forwarded goes in, kernel
// requests and the reachability of next hops come out. It owns the forwarding graph and the kernel's mirror, encodes requests, matches
// replies, and keeps at most one send and one dump under way (ADR-0013: the interpreter decides nothing).
// State holds no closures, so that a deep copy of a router is a router.
import type { BlockPool } from "../buffers/index.ts"
import { Fib } from "../fib/index.ts"
import type { OpBuffer } from "../machine/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"
import type { KernelConfig, StaticRoute } from "./config.ts"

export interface ForwardingOptions {
  /** Absent: no kernel is told anything, and every next hop counts as reachable at no cost. */
  readonly kernel: KernelConfig | undefined
  readonly tables: readonly [PrefixTable, PrefixTable]
  readonly pool: BlockPool
  /** Prefixes to make room for. */
  readonly capacityHint: number
}

/** Timers that forwarding asks its owner to arm, one of each kind. */
export const ForwardingTimer = { Retry: 0, Grace: 1 } as const
export type ForwardingTimer = (typeof ForwardingTimer)[keyof typeof ForwardingTimer]

export const createForwarding = (options: ForwardingOptions): Forwarding => new Forwarding(options)

export class Forwarding {
  readonly fib: Fib

  constructor(options: ForwardingOptions) {
    this.fib = new Fib(
      { tables: options.tables, capacity: options.capacityHint, resolves: options.kernel !== undefined },
      this
    )
  }

  /** Subscribing is the runtime's; this asks for links, addresses, nexthops and our routes, one dump after the other. */
  start(_out: OpBuffer): void {}

  /** Bytes from one of the kernel's sockets, see KernelChannel. */
  kernelBytes(_channel: number, _bytes: Uint8Array, _out: OpBuffer): void {}

  /** A timer that `drainTimers` asked for fired. */
  timer(_kind: ForwardingTimer, _out: OpBuffer): void {}

  /** Timers wanted since the last call: `arm(kind, milliseconds)`; arming again replaces. */
  drainTimers(_arm: (kind: ForwardingTimer, milliseconds: number) => void): void {}

  /** Replaces all static routes. */
  setStatic(_routes: ReadonlyArray<StaticRoute>): void {}

  /** The set of next hops under a small number that stays until it is released as often as it was interned. */
  internNextHops(addresses: ReadonlyArray<Address>, weights: ReadonlyArray<number> = []): number {
    return this.fib.internNextHops(addresses, weights)
  }

  releaseNextHops(nextHopSet: number): void {
    this.fib.releaseNextHops(nextHopSet)
  }

  /** BGP's best path for the prefix goes through this set. The prefix is held here as long as it is needed. */
  setBgp(family: 0 | 1, prefix: PrefixId, nextHopSet: number): void {
    this.fib.setBgp(family, prefix, nextHopSet)
  }

  clearBgp(family: 0 | 1, prefix: PrefixId): void {
    this.fib.clearBgp(family, prefix)
  }

  /** For the decision process. */
  reachability(nextHopSet: number): { readonly reachable: boolean; readonly metric: number } {
    return this.fib.reachability(nextHopSet)
  }

  /** Sets whose reachability or metric changed since the last call, each once. */
  drainChanges(visit: (nextHopSet: number) => void): void {
    this.fib.drainReported(visit)
  }

  /** All sources have said what they know at start: leftovers of an earlier run that nobody confirmed are removed. */
  initialSyncDone(): void {}

  /** After a batch: settles the graph, walks `nodes` at most, and sends if nothing is under way. */
  flush(_nodes: number, _out: OpBuffer): void {}

  /** Work waits that a quantum would move on (not: that a reply would). */
  pending(): boolean {
    return false
  }

  /** Begins removal from the kernel where `onExit` says so. */
  shutdown(_out: OpBuffer): void {}

  /** Nothing is under way in the kernel, and after `shutdown` nothing is left to remove. */
  done(): boolean {
    return true
  }

  digest(): number {
    return this.fib.digest()
  }

  /** The graph's news: an entry has another path-list, or none. */
  entryChanged(_family: 0 | 1, _prefix: PrefixId): void {}
}
