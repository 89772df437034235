// The paths that traffic to one prefix is spread over: those that no step of the decision process before the tie-breakers tells from the
// best one, with the same AS_PATH as it (or the same length, if the operator relaxes that), each with a next hop of its own. Which of
// too many are used is decided by the tie-breakers, and so does not depend on the order of arrival. Their weights come from the link
// bandwidth that they carry, if all of them carry one (draft-ietf-idr-link-bandwidth §4).
import type { AttributeStore } from "./attribute-store.ts"
import type { MultipathOptions } from "./decision-options.ts"
import type { PathRef, Paths } from "./paths.ts"
import type { RibPeers } from "./peers.ts"
import { INELIGIBLE, Reason } from "./reason.ts"

/** Largest weight that any consumer takes. */
const WEIGHT_MAX = 255
/** How far a rounded weight may be from the true proportion before a larger scale is tried. */
const WEIGHT_ERROR = 0.01

export class Multipath {
  /** How many paths share the traffic; 0: it is not shared. */
  count = 0
  /** They, the best one first. */
  readonly members: Array<PathRef> = []
  /** One for each member; empty: all the same. Never as many equal ones. */
  readonly weights: Array<number> = []
  private readonly store: AttributeStore
  private readonly paths: Paths
  private readonly peers: RibPeers
  private options: MultipathOptions | undefined

  constructor(store: AttributeStore, paths: Paths, peers: RibPeers) {
    this.store = store
    this.paths = paths
    this.peers = peers
  }

  configure(options: MultipathOptions | undefined): void {
    this.options = options
  }

  /** Who shares the traffic of the prefix whose paths were decided on and begin at `head`: `members`, if `count` is not 0. */
  gather(head: PathRef): number {
    this.count = 0
    if (this.options === undefined || head === 0) return 0
    const { next, peer, reason } = this.paths
    if (next[head] === 0 || reason[head] !== Reason.Best) return 0
    const most = this.peers.outside[peer[head]] === 1 ? this.options.external : this.options.internal
    if (most < 2 || peer[head] === 0) return 0
    const { members } = this
    members.length = 1
    members[0] = head
    // Who lost to a tie-breaker only is as good as the best one.
    for (let path = next[head]; path !== 0; path = next[path]) {
      if (reason[path] >= Reason.Age && reason[path] < INELIGIBLE && this.isAlike(head, path)) this.insert(path, most)
    }
    this.weights.length = 0
    if (members.length === 1) return 0
    this.count = members.length
    if (this.options.linkBandwidth) this.weigh()
    return this.count
  }

  /** Keeps the best `most` in order, the first of them in its place, and of several with one next hop the best: they are few, however many come. */
  private insert(path: PathRef, most: number): void {
    const { members } = this
    if (members.length === most && this.compare(members[most - 1], path) <= 0) return
    const hop = this.nextHopOf(path)
    let same = 0
    while (same < members.length && this.nextHopOf(members[same]) !== hop) same++
    if (same === 0 || (same < members.length && this.compare(members[same], path) <= 0)) return
    // Whoever stands last goes, unless one with the same next hop does.
    let place = same < members.length ? same : members.length < most ? members.length : most - 1
    for (; place > 1 && this.compare(members[place - 1], path) > 0; place--) members[place] = members[place - 1]
    members[place] = path
  }

  private nextHopOf(path: PathRef): number {
    return this.store.nextHop[this.paths.attributes[path]]
  }

  /** By the hash of AS_PATH: that two paths of one length agree in it by chance makes them share, and nothing worse. */
  private isAlike(best: PathRef, path: PathRef): boolean {
    const { attributes } = this.paths
    return this.options!.relaxAsPath || this.store.pathHash[attributes[best]] === this.store.pathHash[attributes[path]]
  }

  /** By the steps of the decision process that come after. */
  private compare(one: PathRef, other: PathRef): number {
    const { attributes, peer } = this.paths
    const { store, peers } = this
    return (
      this.idOf(one) - this.idOf(other) ||
      store.clusterLength[attributes[one]] - store.clusterLength[attributes[other]] ||
      peers.rank[peer[one]] - peers.rank[peer[other]] ||
      this.paths.pathIdOf(one) - this.paths.pathIdOf(other)
    )
  }

  private idOf(path: PathRef): number {
    const originator = this.store.originatorId[this.paths.attributes[path]]
    return originator !== 0 ? originator : this.peers.routerId[this.paths.peer[path]]
  }

  /** Whole numbers in the proportion of the bandwidths; none where a path does not say one. */
  private weigh(): void {
    const { store, members, weights } = this
    const { attributes } = this.paths
    let least = Number.POSITIVE_INFINITY
    let most = 0
    for (const member of members) {
      const bandwidth = store.bandwidth[attributes[member]]
      if (bandwidth === 0) return
      least = Math.min(least, bandwidth)
      most = Math.max(most, bandwidth)
    }
    const scale = this.scaleOf(least, most)
    for (const member of members) {
      weights.push(Math.max(1, Math.round(store.bandwidth[attributes[member]] * scale)))
    }
    // Equal weights are none: one way to share has one name.
    if (weights.every((weight) => weight === weights[0])) weights.length = 0
  }

  /** The smallest scale that gets all proportions right, else the one that makes the most of the range. */
  private scaleOf(least: number, most: number): number {
    const bandwidths = this.members.map((member) => this.store.bandwidth[this.paths.attributes[member]])
    for (let times = 1; (most / least) * times <= WEIGHT_MAX; times++) {
      const exact = bandwidths.map((bandwidth) => (bandwidth / least) * times)
      if (exact.every((weight) => Math.abs(weight - Math.round(weight)) <= weight * WEIGHT_ERROR)) return times / least
    }
    return WEIGHT_MAX / most
  }
}
