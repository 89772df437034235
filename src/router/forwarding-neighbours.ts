// What the kernel believes of neighbours (ARP, neighbour discovery): observed and shown, never acted on. Routes go through a nexthop whether
// its neighbour answers or not, but an operator who asks why packets get lost wants to see that it does not.
import { type Adjacency, addressKey } from "../fib/index.ts"
import { decodeNeighbour, NeighbourState } from "../netlink/index.ts"

export class ForwardingNeighbours {
  /** NeighbourState by address and link. */
  private states = new Map<string, number>()
  private seen = new Map<string, number>()

  /** A dump begins. */
  begin(): void {
    this.seen = new Map()
  }

  dumped(bytes: Uint8Array, at: number, end: number): void {
    const { family, ifindex, words, state } = decodeNeighbour(bytes, at, end)
    if (family !== 0 && words.length > 0) this.seen.set(keyOf(family, words, ifindex), state)
  }

  /** What the dump did not show is not there. */
  complete(): void {
    this.states = this.seen
  }

  notified(present: boolean, bytes: Uint8Array, at: number, end: number): void {
    const { family, ifindex, words, state } = decodeNeighbour(bytes, at, end)
    if (family === 0 || words.length === 0) return
    const key = keyOf(family, words, ifindex)
    for (const states of new Set([this.states, this.seen])) {
      if (present) states.set(key, state)
      else states.delete(key)
    }
  }

  /** `reachable`, `failed` … as iproute2 names them; null: the kernel has not asked for it, or has forgotten. */
  stateOf({ family, words, ifindex }: Adjacency): string | null {
    const state = words.length === 0 ? undefined : this.states.get(keyOf(family, words, ifindex))
    return STATE_NAMES.find(([bit]) => ((state ?? 0) & bit) !== 0)?.[1] ?? null
  }
}

const keyOf = (family: 4 | 6, words: ReadonlyArray<number>, ifindex: number): string =>
  `${addressKey({ family, words })} ${ifindex}`

/** The states between which a neighbour in use goes back and forth all the time are one: it has answered lately. */
const STATE_NAMES: ReadonlyArray<readonly [number, string]> = [
  [NeighbourState.Reachable | NeighbourState.Stale | NeighbourState.Delay | NeighbourState.Probe, "reachable"],
  [NeighbourState.Permanent, "permanent"],
  [NeighbourState.NoArp, "noarp"],
  [NeighbourState.Incomplete, "incomplete"],
  [NeighbourState.Failed, "failed"]
]
