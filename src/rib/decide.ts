// The decision process of RFC 4271 §9.1.2 with RFC 4456 §9. Every step looks at all candidates that are left and removes the worse
// ones, noting why each was removed; MED is compared within each neighbouring AS only. Because a step depends on the set of
// candidates and not on their order, the result does not depend on the order of arrival.
import { Trait } from "./attribute-facts.ts"
import type { AttributeStore } from "./attribute-store.ts"
import { PathFlag, type PathRef, type Paths } from "./paths.ts"
import type { RibPeers } from "./peers.ts"

/** Why a path is what it is: best, beaten at a step, or not eligible at all. */
export const Reason = {
  Best: 0,
  Local: 1,
  LocalPref: 2,
  AsPathLength: 3,
  Origin: 4,
  Med: 5,
  External: 6,
  IgpMetric: 7,
  RouterId: 8,
  ClusterLength: 9,
  PeerAddress: 10,
  PathId: 11,
  AsLoop: 12,
  OriginatorLoop: 13,
  ClusterLoop: 14,
  Policy: 15,
  NextHopUnreachable: 16,
  SessionEnded: 17
} as const

export const REASON_NAMES: ReadonlyArray<string> = [
  "best",
  "not local",
  "local preference",
  "AS path length",
  "origin",
  "MED",
  "internal against external",
  "IGP metric",
  "router id",
  "cluster list length",
  "peer address",
  "path id",
  "AS loop",
  "originator loop",
  "cluster loop",
  "policy",
  "next hop unreachable",
  "session ended"
]

/** Reasons from here on make a path ineligible. */
const INELIGIBLE = Reason.AsLoop

export class Decision {
  private readonly store: AttributeStore
  private readonly paths: Paths
  private readonly peers: RibPeers
  private candidates = new Uint32Array(64)

  constructor(store: AttributeStore, paths: Paths, peers: RibPeers) {
    this.store = store
    this.paths = paths
    this.peers = peers
  }

  /** Decides among the list that starts at `head`; returns the list with the best path first. Reasons are written to the paths. */
  run(head: PathRef): PathRef {
    const { next, reason } = this.paths
    if (next[head] === 0) {
      reason[head] = this.ineligibility(head)
      return head
    }
    let count = 0
    for (let path = head; path !== 0; path = next[path]) {
      const why = this.ineligibility(path)
      reason[path] = why
      if (why !== Reason.Best) continue
      if (count === this.candidates.length) this.growCandidates()
      this.candidates[count++] = path
    }
    for (let step: number = Reason.Local; count > 1 && step < INELIGIBLE; step++) {
      count = step === Reason.Med ? this.eliminateByMed(count) : this.eliminate(count, step)
    }
    return count === 0 ? head : this.toFront(head, this.candidates[0])
  }

  isEligible(path: PathRef): boolean {
    return this.paths.reason[path] < INELIGIBLE
  }

  private ineligibility(path: PathRef): number {
    const set = this.paths.attributes[path]
    const peer = this.paths.peer[path]
    // Left over from a session that ended, and not swept yet.
    if (((this.paths.flags[path] ^ this.peers.parity[peer]) & PathFlag.Parity) !== 0) return Reason.SessionEnded
    const traits = this.store.traits[set]
    if ((traits & (Trait.AsLoop | Trait.OriginatorLoop | Trait.ClusterLoop)) !== 0 && peer !== 0) {
      if ((traits & Trait.AsLoop) !== 0) return Reason.AsLoop
      // From an external peer ORIGINATOR_ID and CLUSTER_LIST have been discarded by `wire` already.
      return (traits & Trait.OriginatorLoop) !== 0 ? Reason.OriginatorLoop : Reason.ClusterLoop
    }
    if (this.peers.accepts[peer] === 0) return Reason.Policy
    if (peer !== 0 && this.store.nextHops.reachable[this.store.nextHop[set]] === 0) return Reason.NextHopUnreachable
    return Reason.Best
  }

  /** The smaller, the better, at this step. */
  private keyOf(path: PathRef, step: number): number {
    const store = this.store
    const set = this.paths.attributes[path]
    const peer = this.paths.peer[path]
    switch (step) {
      case Reason.Local:
        return peer === 0 ? 0 : 1
      case Reason.LocalPref:
        return -store.localPref[set]
      case Reason.AsPathLength:
        return store.pathLength[set]
      case Reason.Origin:
        return store.origin[set]
      case Reason.External:
        return this.peers.external[peer] === 1 ? 0 : 1
      case Reason.IgpMetric:
        return store.nextHops.metrics[store.nextHop[set]]
      case Reason.RouterId:
        return store.originatorId[set] !== 0 ? store.originatorId[set] : this.peers.routerId[peer]
      case Reason.ClusterLength:
        return store.clusterLength[set]
      case Reason.PeerAddress:
        return this.peers.rank[peer]
      default:
        return this.paths.pathIdOf(path)
    }
  }

  private eliminate(count: number, step: number): number {
    const candidates = this.candidates
    let best = this.keyOf(candidates[0], step)
    let differ = false
    for (let index = 1; index < count; index++) {
      const key = this.keyOf(candidates[index], step)
      if (key !== best) differ = true
      if (key < best) best = key
    }
    if (!differ) return count
    let kept = 0
    for (let index = 0; index < count; index++) {
      const path = candidates[index]
      if (this.keyOf(path, step) === best) candidates[kept++] = path
      else this.paths.reason[path] = step
    }
    return kept
  }

  /** RFC 4271 §9.1.2.2 c: a path goes if another from the same neighbouring AS has a lower MED; none counts as 0. */
  private eliminateByMed(count: number): number {
    const { candidates, store } = this
    const { attributes, reason } = this.paths
    let differ = false
    for (let index = 1; index < count; index++) {
      if (store.med[attributes[candidates[index]]] !== store.med[attributes[candidates[0]]]) differ = true
    }
    if (!differ) return count
    for (let index = 0; index < count; index++) {
      const set = attributes[candidates[index]]
      for (let other = 0; other < count; other++) {
        const rival = attributes[candidates[other]]
        if (store.neighborAs[rival] !== store.neighborAs[set] || store.med[rival] >= store.med[set]) continue
        reason[candidates[index]] = Reason.Med
        break
      }
    }
    let kept = 0
    for (let index = 0; index < count; index++) {
      if (reason[candidates[index]] !== Reason.Med) candidates[kept++] = candidates[index]
    }
    return kept
  }

  private toFront(head: PathRef, best: PathRef): PathRef {
    if (head === best) return head
    const { next } = this.paths
    let before = head
    while (next[before] !== best) before = next[before]
    next[before] = next[best]
    next[best] = head
    return best
  }

  private growCandidates(): void {
    const larger = new Uint32Array(this.candidates.length * 2)
    larger.set(this.candidates)
    this.candidates = larger
  }
}
