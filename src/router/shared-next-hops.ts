// Prefixes whose traffic several paths share, as the forwarding side knows them: a weighted set of next hops for each combination, held
// once, counted by the prefixes that use it, and given back with the last of them.
import { assert, fold } from "../machine/index.ts"
import { type AttributeStore, grown, type Multipath, type Paths, type PrefixId } from "../rib/index.ts"
import { type Address, formatAddress, type RoutedFamily } from "../wire/index.ts"
import type { Forwarding } from "./forwarding.ts"

interface Combination {
  /** Next hops in ascending order of their numbers, and their weights; no weights: all the same. */
  readonly nextHops: ReadonlyArray<number>
  readonly weights: ReadonlyArray<number>
  readonly hash: number
  readonly set: number
  uses: number
}

export class SharedNextHops {
  private readonly byHash = new Map<number, Array<Combination>>()
  private readonly bySet = new Map<number, Combination>()
  /** By family and prefix: the set that it uses; 0: none. */
  private readonly sets: [Uint32Array, Uint32Array] = [new Uint32Array(0), new Uint32Array(0)]
  /** What the prefix at hand is about to use, and what the one before it uses. */
  private readonly nextHops: Array<number> = []
  private readonly weights: Array<number> = []
  private last: Combination | undefined

  /** Combinations in use. */
  get count(): number {
    return this.bySet.size
  }

  /** The set for what `multipath` has gathered, which prefix `id` uses from now on. */
  use(
    forwarding: Forwarding,
    family: RoutedFamily,
    id: PrefixId,
    multipath: Multipath,
    paths: Paths,
    store: AttributeStore
  ): number {
    this.sort(multipath, paths, store)
    const { nextHops, weights } = this
    // Neighbours in a table often share: then nothing is made for them.
    const { last } = this
    const isLast = last !== undefined && last.uses > 0 && equal(last.nextHops, nextHops) && equal(last.weights, weights)
    const combination = isLast ? last : this.combine(forwarding, store, [...nextHops], [...weights])
    this.last = combination
    this.assign(forwarding, family, id, combination)
    return combination.set
  }

  /** Next hops in ascending order of their numbers, each with its weight. */
  private sort({ members, weights: given }: Multipath, paths: Paths, store: AttributeStore): void {
    const { nextHops, weights } = this
    nextHops.length = 0
    weights.length = 0
    for (let index = 0; index < members.length; index++) {
      const nextHop = store.nextHop[paths.attributes[members[index]]]
      let place = index
      for (; place > 0 && nextHops[place - 1] > nextHop; place--) {
        nextHops[place] = nextHops[place - 1]
        if (given.length > 0) weights[place] = weights[place - 1]
      }
      nextHops[place] = nextHop
      if (given.length > 0) weights[place] = given[index]
    }
  }

  private assign(forwarding: Forwarding, family: RoutedFamily, id: PrefixId, combination: Combination): void {
    combination.uses++
    this.release(forwarding, family, id)
    if (id >= this.sets[family].length) this.sets[family] = grown(this.sets[family], Math.max(1024, (id + 1) * 2))
    this.sets[family][id] = combination.set
  }

  /** As `use`: one next hop, and another one in reserve. */
  useWithReserve(
    forwarding: Forwarding,
    family: RoutedFamily,
    id: PrefixId,
    used: number,
    reserve: number,
    store: AttributeStore
  ): number {
    const { addresses } = store.nextHops
    const combination = this.combineOf([used, reserve], RESERVED, () =>
      forwarding.internPaths([{ address: addresses[used] }, { address: addresses[reserve], preference: 1 }])
    )
    this.assign(forwarding, family, id, combination)
    // Somebody has decided for it since: it is worth something again.
    forwarding.exitState(combination.set, true)
    return combination.set
  }

  /** The session with a peer is gone and nothing of it is kept: where it is the exit, the one in reserve takes over before anything is decided. */
  exitFailed(forwarding: Forwarding, address: Address, store: AttributeStore): void {
    const text = formatAddress(address)
    for (const { set, nextHops, weights } of this.bySet.values()) {
      if (isReserved(weights) && store.nextHops.text(nextHops[0]) === text) forwarding.exitState(set, false)
    }
  }

  /** Prefix `id` uses one next hop again, or none. */
  release(forwarding: Forwarding, family: RoutedFamily, id: PrefixId): void {
    if (this.bySet.size === 0) return
    const set = this.sets[family][id] ?? 0
    if (set === 0) return
    this.sets[family][id] = 0
    const combination = this.bySet.get(set)
    assert(combination !== undefined, "a prefix uses a combination of next hops that is not there")
    if (--combination.uses > 0) return
    this.bySet.delete(set)
    const alike = this.byHash.get(combination.hash)!.filter((other) => other !== combination)
    if (alike.length === 0) this.byHash.delete(combination.hash)
    else this.byHash.set(combination.hash, alike)
    // Somebody else may want the same.
    if (isReserved(combination.weights)) forwarding.exitState(set, true)
    forwarding.releaseNextHops(set)
  }

  private combine(
    forwarding: Forwarding,
    store: AttributeStore,
    nextHops: ReadonlyArray<number>,
    weights: ReadonlyArray<number>
  ): Combination {
    const addresses = nextHops.map((nextHop) => store.nextHops.addresses[nextHop])
    return this.combineOf(nextHops, weights, () => forwarding.internNextHops(addresses, weights))
  }

  private combineOf(
    nextHops: ReadonlyArray<number>,
    weights: ReadonlyArray<number>,
    intern: () => number
  ): Combination {
    const hash = [...nextHops, ...weights].reduce((sum, part) => fold(sum, part), nextHops.length)
    const known = this.byHash.get(hash) ?? []
    const same = known.find((one) => equal(one.nextHops, nextHops) && equal(one.weights, weights))
    if (same !== undefined) return same
    const made = { nextHops, weights, hash, set: intern(), uses: 0 }
    this.byHash.set(hash, [...known, made])
    this.bySet.set(made.set, made)
    return made
  }
}

/** In the place of weights: the second next hop is in reserve. */
const RESERVED: ReadonlyArray<number> = [1, 0]

const isReserved = (weights: ReadonlyArray<number>): boolean => weights[1] === 0

const equal = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean => {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}
