// Weights as numbers of buckets, the way a forwarding plane with a table of buckets shares traffic (UCMP), and what becomes of the
// buckets of a path that goes down. The kernel's hash-threshold groups take weights as they are; its resilient groups, and whoever has
// a table, need these. Pure functions of small arrays.
import { assert } from "../machine/index.ts"

/** So many buckets of a table for one path, in the order in which the table is filled. */
export interface Share {
  readonly path: number
  readonly buckets: number
}

export interface Normalisation {
  /** The sum of deviations that is accepted, as a part of the table. */
  readonly tolerance?: number
  readonly bucketsMax?: number
}

/**
 * The smallest power of two that holds the weights well enough. Paths that get nothing make the table larger; in the largest they are
 * left out, and all that come after them. Light paths stand first, except of two, where the heavier does.
 */
export const normaliseWeights = (
  weights: ReadonlyArray<number>,
  { tolerance = 0.1, bucketsMax = BUCKETS_MAX }: Normalisation = {}
): ReadonlyArray<Share> => {
  assert(weights.length > 0, "a table of buckets has a path")
  const sorted = weights.map((weight, path) => ({ weight, path })).sort((a, b) => a.weight - b.weight)
  if (sorted.length === 2 && sorted[0].weight !== sorted[1].weight) sorted.reverse()
  if (sorted.length <= 2 && sorted[0].weight === sorted[sorted.length - 1].weight) {
    return sorted.map(({ path }) => ({ path, buckets: 1 }))
  }
  const sum = sorted.reduce((total, { weight }) => total + weight, 0)
  // All weights zero: they are equal.
  if (sum === 0)
    return normaliseWeights(
      weights.map(() => 1),
      { tolerance, bucketsMax }
    )
  for (let size = Math.min(bucketsMax, powerOfTwo(weights.length)); ; size *= 2) {
    const { shares, deviation } = shareOut(sorted, sum, size)
    if (deviation <= tolerance * size || size >= bucketsMax) return shares
  }
}

const shareOut = (
  sorted: ReadonlyArray<{ readonly weight: number; readonly path: number }>,
  sum: number,
  size: number
): { readonly shares: ReadonlyArray<Share>; readonly deviation: number } => {
  const shares: Array<Share> = []
  let left = size
  let deviation = 0
  for (const { weight, path } of sorted) {
    const exact = (weight * size) / sum
    const buckets = Math.min(left, Math.floor(exact + 0.5))
    if (buckets === 0) {
      deviation = size
      break
    }
    left -= buckets
    deviation += Math.abs(exact - buckets)
    shares.push({ path, buckets })
  }
  // What rounding left over goes to the first.
  if (shares.length > 0) shares[0] = { path: shares[0].path, buckets: shares[0].buckets + left }
  return { shares, deviation }
}

/** The path of each bucket. */
export const bucketPaths = (shares: ReadonlyArray<Share>): ReadonlyArray<number> =>
  shares.flatMap(({ path, buckets }) => new Array<number>(buckets).fill(path))

/**
 * Where each bucket's traffic goes while some paths are down: to itself, or, taking turns, to the buckets of paths that are up. Shared
 * by all routes over the same paths, so that one change of the map moves them all. With nobody up each bucket stays itself.
 */
export const mapAround = (shares: ReadonlyArray<Share>, isDown: (path: number) => boolean): ReadonlyArray<number> => {
  const paths = bucketPaths(shares)
  const usable = paths.flatMap((path, bucket) => (isDown(path) ? [] : [bucket]))
  let turn = 0
  return paths.map((path, bucket) => (isDown(path) && usable.length > 0 ? usable[turn++ % usable.length] : bucket))
}

/** The path of each bucket when only the buckets of paths that are down may move: they take turns over the paths that are up. */
export const stickyPaths = (shares: ReadonlyArray<Share>, isDown: (path: number) => boolean): ReadonlyArray<number> => {
  const usable = shares.flatMap(({ path }) => (isDown(path) ? [] : [path]))
  let turn = 0
  return bucketPaths(shares).map((path) => (isDown(path) && usable.length > 0 ? usable[turn++ % usable.length] : path))
}

/** The smallest power of two that is not below. */
const powerOfTwo = (atLeast: number): number => 2 ** Math.ceil(Math.log2(atLeast))

/** The largest table that the source makes. */
const BUCKETS_MAX = 8192
