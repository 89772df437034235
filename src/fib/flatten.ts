// From paths to the neighbours that the kernel is told: a nexthop group cannot hold another group, so recursion is flattened here.
// A leaf's weight is its share of each path, put over a common denominator: Σ path weight · (LCM of the lists' sums / sum of the list)
// · weight in the list. Weights are reduced and scaled into what every kernel accepts.
import { PATHS_PER_LIST_MAX } from "../machine/index.ts"
import type { Adjacency, Leaf, NextHop, PathList } from "./path-lists.ts"
import { Constraint, labelsKey } from "./paths.ts"

/** Kernels before 6.12 have eight bits for a weight. */
export const WEIGHT_MAX = 256

/** What a path-list comes down to, from what the path-lists come down to that it goes through. */
export interface Outcome {
  readonly leaves: ReadonlyArray<Leaf>
  /** Of the next preference that is usable: installed in their place when they fail. */
  readonly reserve: ReadonlyArray<Leaf>
  readonly preference: number
  readonly metric: number
}

/** Of the paths, those of the lowest preference that leads anywhere are used. */
export const outcomeOf = (list: PathList): Outcome => {
  let used: Outcome | undefined
  const preferences = [...new Set(list.paths.map((path) => path.preference))]
  // What is said to have failed is used only if there is nothing else.
  if (list.exitFailed) preferences.push(preferences.shift()!)
  for (const preference of preferences) {
    const leaves = flatten(list, preference)
    if (leaves.length === 0) continue
    if (used !== undefined) return { ...used, reserve: leaves }
    used = { leaves, reserve: reserveBeyond(list, preference), preference, metric: metricOf(list, preference) }
  }
  return used ?? UNUSABLE
}

/** A list with one way on has in reserve what that way has. */
const reserveBeyond = (list: PathList, preference: number): ReadonlyArray<Leaf> => {
  const usable = list.paths.filter((path, index) => path.preference === preference && isPathUsable(list, index))
  const [{ nextHop, labels }] = usable
  if (usable.length > 1 || nextHop.adjacency !== undefined || nextHop.via === undefined) return NO_LEAVES
  return labelled(nextHop.via.reserve, labels)
}

/**
 * The leaves with one in reserve beside them, with the smallest share there is. A group whose members are all on one link is emptied by
 * the kernel when that link loses its carrier, and with it go the routes, silently; one with a member elsewhere is not.
 */
export const withStandby = (leaves: ReadonlyArray<Leaf>, reserve: ReadonlyArray<Leaf>): ReadonlyArray<Leaf> => {
  if (leaves.length === 0 || leaves.length === PATHS_PER_LIST_MAX) return leaves
  const { ifindex, family } = leaves[0].adjacency
  if (leaves.some(({ adjacency }) => adjacency.ifindex !== ifindex)) return leaves
  const other = reserve.find(({ adjacency }) => adjacency.ifindex !== ifindex && adjacency.family === family)
  if (other === undefined) return leaves
  const largest = leaves.reduce((most, { weight }) => Math.max(most, weight), 0)
  const scale = Math.max(1, Math.floor(STANDBY_SHARES / largest))
  const scaled = leaves.map(({ adjacency, weight }) => ({ adjacency, weight: weight * scale }))
  return [...scaled, { adjacency: other.adjacency, weight: 1 }].sort((a, b) =>
    a.adjacency.key < b.adjacency.key ? -1 : 1
  )
}

/** Whether packets may go by the path: it does not lead back here, and what covers its next hop is what was asked for. */
export const isPathUsable = (list: PathList, index: number): boolean => {
  const { nextHop, constraint } = list.paths[index]
  if (list.looped[index] || nextHop.isDown) return false
  if ((constraint & Constraint.Host) !== 0 && !nextHop.isHost) return false
  if ((constraint & Constraint.Attached) !== 0 && nextHop.neighbour === undefined) return false
  return leavesThrough(nextHop).length > 0
}

/** The leaves of the paths of one preference; canonical: sorted, reduced, without duplicates. */
export const flatten = (list: PathList, preference: number): ReadonlyArray<Leaf> => {
  const parts: Array<{ readonly weight: number; readonly leaves: ReadonlyArray<Leaf>; readonly sum: number }> = []
  list.paths.forEach((path, index) => {
    if (path.preference !== preference || !isPathUsable(list, index)) return
    const leaves = labelled(leavesThrough(path.nextHop), path.labels)
    parts.push({ weight: path.weight, leaves, sum: leaves.reduce((total, leaf) => total + leaf.weight, 0) })
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

const leavesThrough = ({ adjacency, via }: NextHop): ReadonlyArray<Leaf> =>
  adjacency !== undefined ? [{ adjacency, weight: 1 }] : (via?.leaves ?? NO_LEAVES)

/** The labels of the path stand behind those that take packets to its next hop. */
const labelled = (leaves: ReadonlyArray<Leaf>, labels: ReadonlyArray<number>): ReadonlyArray<Leaf> =>
  labels.length === 0
    ? leaves
    : leaves.map(({ adjacency, weight }) => {
        const stack = [...adjacency.labels, ...labels]
        const plain = adjacency.key.slice(0, adjacency.key.length - labelsKey(adjacency.labels).length)
        return { adjacency: { ...adjacency, key: `${plain}${labelsKey(stack)}`, labels: stack }, weight }
      })

/** Steps of recursion to the nearest neighbour, and what the routes on the way cost. */
const metricOf = (list: PathList, preference: number): number => {
  let least = Number.POSITIVE_INFINITY
  list.paths.forEach(({ nextHop, preference: own }, index) => {
    if (own !== preference || !isPathUsable(list, index)) return
    const beyond = nextHop.adjacency !== undefined || nextHop.via === undefined ? 0 : nextHop.via.metric + 1
    least = Math.min(least, beyond + nextHop.cost)
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

/** Of the largest leaf beside one in reserve. */
const STANDBY_SHARES = WEIGHT_MAX - 1

/** Denominators from here on are not kept exactly: the shares are rounded instead. */
const INEXACT = 2 ** 24

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

const leastCommonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b

const NO_LEAVES: ReadonlyArray<Leaf> = []
const UNUSABLE: Outcome = { leaves: NO_LEAVES, reserve: NO_LEAVES, preference: 0, metric: 0 }
