// The decision process of RFC 4271 §9.1.2 with RFC 4456 §9 and RFC 5065 §5.3. Every step looks at all candidates that are left and
// removes the worse ones, noting why each was removed; MED is compared within each neighbouring AS only. Because a step depends on the
// set of candidates and not on their order, the result does not depend on the order of arrival, unless the operator wants RFC 5004.
// Before everything else stands RFC 9494 §4.3: what is stale for long is preferred to nothing. Which steps there are and what they
// compare beyond the RFC is the operator's (ADR-0031).
import { assert } from "../machine/index.ts"
import { type Family, isRouted, RoleValue } from "../wire/index.ts"
import { Trait } from "./attribute-facts.ts"
import type { AttributeStore } from "./attribute-store.ts"
import type { DecisionOptions } from "./decision-options.ts"
import { Multipath } from "./multipath.ts"
import type { PathRef, Paths } from "./paths.ts"
import { hasEnded, Import, NO_ROLE, type RibPeers } from "./peers.ts"
import { REJECT } from "./policy.ts"
import { INELIGIBLE, Reason } from "./reason.ts"

/** Traits that may make a path ineligible. */
const SUSPICIOUS = Trait.AsLoop | Trait.OriginatorLoop | Trait.ClusterLoop | Trait.OnlyToCustomer
const MED_WORST = 0xffff_ffff
/** So many paths are compared each with each, rather than by a map. */
const FEW = 16

export class Decision {
  /** Which paths beside the best one share the traffic. */
  readonly multipath: Multipath
  private readonly store: AttributeStore
  private readonly paths: Paths
  private readonly peers: RibPeers
  private options: DecisionOptions = {}
  private candidates = new Uint32Array(64)
  private others = new Uint32Array(16)
  /** By place among the candidates: beaten by MED. */
  private beaten = new Uint8Array(64)
  /** By neighbouring AS: the lowest MED. */
  private readonly lowest = new Map<number, number>()
  /** Reasons are noted: it is the decision of the table itself. */
  private noting = true
  /** A path was removed by MED in the last decision: without its rival it might have been better than the one that won. */
  removedByMed = false
  /** Of the family at hand, see RibPeers. */
  private generation: Uint8Array
  private endedBefore: Uint8Array
  /** Next hops of the family at hand are resolved. */
  private resolves = true

  constructor(store: AttributeStore, paths: Paths, peers: RibPeers) {
    this.store = store
    this.paths = paths
    this.peers = peers
    this.multipath = new Multipath(store, paths, peers)
    this.generation = peers.generation[0]
    this.endedBefore = peers.endedBefore[0]
  }

  /** From now on. What was decided before is as it was. */
  configure(options: DecisionOptions): void {
    this.options = options
    this.multipath.configure(options.multipath)
  }

  /** The family whose prefixes are decided until the next call. */
  begin(family: Family): void {
    this.generation = this.peers.generation[family]
    this.endedBefore = this.peers.endedBefore[family]
    this.resolves = isRouted(family)
  }

  /**
   * The best of some paths that are eligible, such as those that one peer may have. Leaves no reasons. `paths` holds at least one;
   * `existing` is that of them which is the best of all already, and stays so where only the tie-breakers speak for another, if the operator
   * wants that (RFC 5004); 0: none is.
   */
  choose(paths: Uint32Array, count: number, existing: PathRef = 0): PathRef {
    while (this.candidates.length < count) this.growCandidates()
    for (let index = 0; index < count; index++) this.candidates[index] = paths[index]
    this.noting = false
    const left = this.breakTies(this.preferExisting(this.reduce(count), existing))
    this.noting = true
    assert(left > 0, "nobody wins among paths that are eligible")
    return this.candidates[0]
  }

  /** Decides among the list that starts at `head`; returns the list with the best path first. Reasons are written to the paths. */
  run(head: PathRef): PathRef {
    const { next, reason } = this.paths
    if (next[head] === 0) {
      reason[head] = this.ineligibility(head)
      return head
    }
    const existing = reason[head] === Reason.Best ? head : 0
    let count = 0
    for (let path = head; path !== 0; path = next[path]) {
      const why = this.ineligibility(path)
      reason[path] = why
      if (why !== Reason.Best) continue
      if (count === this.candidates.length) this.growCandidates()
      this.candidates[count++] = path
    }
    if (this.breakTies(this.preferExisting(this.reduce(count), existing)) === 0) return head
    return this.toFront(head, this.candidates[0])
  }

  /** Step after step, until one is left or only the tie-breakers are. */
  private reduce(count: number): number {
    this.removedByMed = false
    if (count > 1) count = this.narrow(count)
    for (let step: number = Reason.Med; count > 1 && step < Reason.Age; step++) {
      const grouped = step === Reason.Med && this.options.alwaysCompareMed !== true
      count = grouped ? this.eliminateByMed(count) : this.eliminate(count, step)
    }
    return count
  }

  private breakTies(count: number): number {
    for (let step: number = Reason.RouterId; count > 1 && step < INELIGIBLE; step++) count = this.eliminate(count, step)
    return count
  }

  /** The next hop of the best of the other eligible paths that go another way than the one at `head`; -1: there is none. */
  secondTo(head: PathRef): number {
    const { next, reason, attributes, peer } = this.paths
    const { nextHop } = this.store
    const used = nextHop[attributes[head]]
    let count = 0
    for (let path = next[head]; path !== 0; path = next[path]) {
      if (reason[path] >= INELIGIBLE || peer[path] === 0 || nextHop[attributes[path]] === used) continue
      if (count === this.others.length) {
        const larger = new Uint32Array(this.others.length * 2)
        larger.set(this.others)
        this.others = larger
      }
      this.others[count++] = path
    }
    if (count === 0) return -1
    const { removedByMed } = this
    const second = this.choose(this.others, count)
    this.removedByMed = removedByMed
    return nextHop[attributes[second]]
  }

  isEligible(path: PathRef): boolean {
    return this.paths.reason[path] < INELIGIBLE
  }

  private ineligibility(path: PathRef): number {
    const set = this.paths.attributes[path]
    const peer = this.paths.peer[path]
    // Left over from a session that ended, and not purged yet.
    const generation = this.paths.generation[path]
    const now = this.generation[peer]
    if (generation !== now && hasEnded(generation, now, this.endedBefore[peer])) return Reason.SessionEnded
    if ((this.store.traits[set] & SUSPICIOUS) !== 0 && peer !== 0) {
      const suspicion = this.suspicion(set, peer)
      if (suspicion !== Reason.Best) return suspicion
    }
    if (this.peers.accepts[peer] !== Import.Open && !this.passesPolicy(path, peer)) return Reason.Policy
    if (peer !== 0 && this.resolves && this.store.nextHops.reachable[this.store.nextHop[set]] === 0) {
      return Reason.NextHopUnreachable
    }
    return Reason.Best
  }

  private passesPolicy(path: PathRef, peer: number): boolean {
    const policy = this.peers.policy[peer]
    return policy !== undefined && policy.verdict(this.paths.receivedOf(path)) !== REJECT
  }

  /** Loops (RFC 4271 §9.1.2, RFC 4456 §8) and leaks (RFC 9234 §5). */
  private suspicion(set: number, peer: number): number {
    const { store, peers } = this
    const traits = store.traits[set]
    if (store.ownAsCount[set] > peers.ownAsAllowed[peer]) return Reason.AsLoop
    // From an external peer ORIGINATOR_ID and CLUSTER_LIST have been discarded by `wire` already.
    if ((traits & Trait.OriginatorLoop) !== 0) return Reason.OriginatorLoop
    if ((traits & Trait.ClusterLoop) !== 0) return Reason.ClusterLoop
    const role = peers.role[peer]
    if ((traits & Trait.OnlyToCustomer) === 0 || role === NO_ROLE || !this.resolves) return Reason.Best
    if (role === RoleValue.Customer || role === RoleValue.RouteServerClient) return Reason.RouteLeak
    return role === RoleValue.Peer && store.onlyToCustomer[set] !== peers.asn[peer] ? Reason.RouteLeak : Reason.Best
  }

  /** The smaller, the better, at this step. */
  private keyOf(path: PathRef, step: number): number {
    const store = this.store
    const set = this.paths.attributes[path]
    const peer = this.paths.peer[path]
    switch (step) {
      case Reason.LongLivedStale:
        return store.traits[set] & Trait.LongLivedStale
      case Reason.Local:
        return peer === 0 ? 0 : 1
      case Reason.Weight:
        return -this.peers.weight[peer]
      case Reason.LocalPref:
        return -store.localPref[set]
      case Reason.AsPathLength:
        return this.options.ignoreAsPathLength === true ? 0 : store.pathLength[set]
      case Reason.Origin:
        return store.origin[set]
      case Reason.Med:
        return this.medOf(set)
      case Reason.External:
        return this.peers.outside[peer] === 1 ? 0 : 1
      case Reason.IgpMetric:
        return this.resolves ? store.nextHops.metrics[store.nextHop[set]] : 0
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

  /** RFC 4271 §9.1.2.2 c: none counts as the lowest, unless the operator says the highest. */
  private medOf(set: number): number {
    const { store, options } = this
    return options.medMissingAsWorst === true && (store.traits[set] & Trait.HasMed) === 0 ? MED_WORST : store.med[set]
  }

  /**
   * All steps before MED at once. Each compares a path by itself, so that the best of all is the best at each of them, and another path
   * goes at the first at which it differs from that one.
   */
  private narrow(count: number): number {
    const candidates = this.candidates
    let best = candidates[0]
    let differ = false
    for (let index = 1; index < count; index++) {
      const path = candidates[index]
      const step = this.stepBeforeMed(path, best)
      if (step === Reason.Best) continue
      differ = true
      if (this.keyOf(path, step) < this.keyOf(best, step)) best = path
    }
    if (!differ) return count
    let kept = 0
    for (let index = 0; index < count; index++) {
      const path = candidates[index]
      const step = path === best ? Reason.Best : this.stepBeforeMed(path, best)
      if (step === Reason.Best) candidates[kept++] = path
      else if (this.noting) this.paths.reason[path] = step
    }
    return kept
  }

  /** The first step before MED at which two paths differ; Best: none. */
  private stepBeforeMed(one: PathRef, other: PathRef): number {
    const { store, peers } = this
    const { attributes, peer } = this.paths
    const a = attributes[one]
    const b = attributes[other]
    const from = peer[one]
    const rival = peer[other]
    if (((store.traits[a] ^ store.traits[b]) & Trait.LongLivedStale) !== 0) return Reason.LongLivedStale
    if (from !== rival) {
      if (from === 0 || rival === 0) return Reason.Local
      if (peers.weight[from] !== peers.weight[rival]) return Reason.Weight
    }
    if (a === b) return Reason.Best
    if (store.localPref[a] !== store.localPref[b]) return Reason.LocalPref
    if (store.pathLength[a] !== store.pathLength[b] && this.options.ignoreAsPathLength !== true) {
      return Reason.AsPathLength
    }
    return store.origin[a] !== store.origin[b] ? Reason.Origin : Reason.Best
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
      else if (this.noting) this.paths.reason[path] = step
    }
    return kept
  }

  /** RFC 4271 §9.1.2.2 c: a path goes if another from the same neighbouring AS has a lower MED. */
  private eliminateByMed(count: number): number {
    const { beaten, candidates } = this
    const { attributes, reason } = this.paths
    let differ = false
    for (let index = 1; index < count; index++) {
      if (this.medOf(attributes[candidates[index]]) !== this.medOf(attributes[candidates[0]])) differ = true
    }
    if (!differ) return count
    if (count > FEW) this.beatMany(count)
    else this.beatFew(count)
    let kept = 0
    for (let index = 0; index < count; index++) {
      if (beaten[index] === 0) candidates[kept++] = candidates[index]
      else if (this.noting) reason[candidates[index]] = Reason.Med
    }
    this.removedByMed = kept < count
    return kept
  }

  private beatFew(count: number): void {
    const { beaten, candidates, store } = this
    const { attributes } = this.paths
    for (let index = 0; index < count; index++) {
      const set = attributes[candidates[index]]
      beaten[index] = 0
      for (let other = 0; other < count; other++) {
        const rival = attributes[candidates[other]]
        if (store.neighborAs[rival] !== store.neighborAs[set] || this.medOf(rival) >= this.medOf(set)) continue
        beaten[index] = 1
        break
      }
    }
  }

  /** The same, at the cost of their number and not of its square. */
  private beatMany(count: number): void {
    const { beaten, candidates, lowest, store } = this
    const { attributes } = this.paths
    lowest.clear()
    for (let index = 0; index < count; index++) {
      const set = attributes[candidates[index]]
      const known = lowest.get(store.neighborAs[set])
      if (known === undefined || this.medOf(set) < known) lowest.set(store.neighborAs[set], this.medOf(set))
    }
    for (let index = 0; index < count; index++) {
      const set = attributes[candidates[index]]
      beaten[index] = this.medOf(set) > lowest.get(store.neighborAs[set])! ? 1 : 0
    }
    lowest.clear()
  }

  /** RFC 5004 §3: the external path that is best already stays so, except against one of the same router. */
  private preferExisting(count: number, existing: PathRef): number {
    if (count < 2 || existing === 0 || this.options.preferOlder !== true) return count
    const { candidates } = this
    const { peer, reason } = this.paths
    const { outside, routerId } = this.peers
    if (outside[peer[existing]] === 0 || !candidates.subarray(0, count).includes(existing)) return count
    let kept = 0
    for (let index = 0; index < count; index++) {
      const path = candidates[index]
      if (path === existing || routerId[peer[path]] === routerId[peer[existing]]) candidates[kept++] = path
      else if (this.noting) reason[path] = Reason.Age
    }
    return kept
  }

  private toFront(head: PathRef, best: PathRef): PathRef {
    if (head !== best) this.paths.toFront(head, best)
    return best
  }

  private growCandidates(): void {
    const larger = new Uint32Array(this.candidates.length * 2)
    larger.set(this.candidates)
    this.candidates = larger
    this.beaten = new Uint8Array(larger.length)
  }
}
