// From paths to the neighbours that the kernel is told: a nexthop group cannot hold another group, so recursion is flattened here.
// A leaf's weight is its share of each path, put over a common denominator: Σ path weight · (LCM of the lists' sums / sum of the list)
// · weight in the list. Weights are reduced and scaled into what every kernel accepts.
import { PATHS_PER_LIST_MAX } from "../machine/index.ts"
import type { Adjacency, Leaf, PathList } from "./path-lists.ts"

/** Kernels before 6.12 have eight bits for a weight. */
export const WEIGHT_MAX = 256

/** The leaves of a path-list, from those of the path-lists it goes through; canonical: sorted, reduced, without duplicates. */
export const flatten = (list: PathList): ReadonlyArray<Leaf> => {
  const parts: Array<{ readonly weight: number; readonly leaves: ReadonlyArray<Leaf>; readonly sum: number }> = []
  list.paths.forEach(({ nextHop, weight }, index) => {
    if (list.looped[index]) return
    const leaves = nextHop.adjacency !== undefined ? [{ adjacency: nextHop.adjacency, weight: 1 }] : nextHop.via?.leaves
    if (leaves === undefined || leaves.length === 0) return
    parts.push({ weight, leaves, sum: leaves.reduce((total, leaf) => total + leaf.weight, 0) })
  })
  if (parts.length === 0) return NO_LEAVES
  const exact = parts.reduce((multiple, { sum }) => Math.min(INEXACT, leastCommonMultiple(multiple, sum)), 1)
  const shares = new Map<string, { readonly adjacency: Adjacency; weight: number }>()
  for (const { weight, leaves, sum } of parts) {
    for (const leaf of leaves) {
      const part = (weight * leaf.weight * exact) / sum
      const share = exact < INEXACT ? part : Math.max(1, Math.round(part))
      const same = shares.get(leaf.adjacency.key)
      if (same === undefined) shares.set(leaf.adjacency.key, { adjacency: leaf.adjacency, weight: share })
      else same.weight += share
    }
  }
  const sorted = [...shares.values()].sort((a, b) => (a.adjacency.key < b.adjacency.key ? -1 : 1))
  return normalise(sorted.slice(0, PATHS_PER_LIST_MAX))
}

/** Steps of recursion to the nearest neighbour; infinite where there is none. */
export const metricOf = (list: PathList): number => {
  let least = Number.POSITIVE_INFINITY
  list.paths.forEach(({ nextHop }, index) => {
    if (list.looped[index]) return
    if (nextHop.adjacency !== undefined) least = 0
    else if (nextHop.via !== undefined && nextHop.via.leaves.length > 0) least = Math.min(least, nextHop.via.metric + 1)
  })
  return least
}

export const sameLeaves = (a: ReadonlyArray<Leaf>, b: ReadonlyArray<Leaf>): boolean =>
  a.length === b.length &&
  a.every((leaf, index) => leaf.adjacency.key === b[index].adjacency.key && leaf.weight === b[index].weight)

const normalise = (leaves: ReadonlyArray<Leaf>): ReadonlyArray<Leaf> => {
  const divisor = leaves.reduce((common, leaf) => greatestCommonDivisor(common, leaf.weight), 0)
  const largest = leaves.reduce((most, leaf) => Math.max(most, leaf.weight / divisor), 0)
  const scale = largest > WEIGHT_MAX ? WEIGHT_MAX / largest : 1
  return leaves.map(({ adjacency, weight }) => ({
    adjacency,
    weight: Math.max(1, Math.round((weight / divisor) * scale))
  }))
}

/** Denominators from here on are not kept exactly: the shares are rounded instead. */
const INEXACT = 2 ** 24

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

const leastCommonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b

const NO_LEAVES: ReadonlyArray<Leaf> = []
