// Cases of several kinds in one file: walks, shares of buckets, maps around paths that are down, and scenarios of the graph.
import { bucketPaths, mapAround, normaliseWeights, stickyPaths } from "../../src/fib/index.ts"
import { checkFibScenario } from "./fib-scenarios.ts"
import { checkFibWalk } from "./fib-walk.ts"
import type { Outcome } from "./kinds.ts"

interface BucketCase {
  readonly name: string
  readonly weights: ReadonlyArray<number>
  readonly down?: ReadonlyArray<number>
  readonly tolerance?: number
  readonly maxBuckets?: number
  readonly expect: Readonly<Record<string, unknown>>
}

export const checkFibCase = (value: unknown): Outcome => {
  const { kind, name } = value as { readonly kind: string; readonly name: string }
  switch (kind) {
    case "walk":
      return checkFibWalk(value)
    case "fib":
      return checkFibScenario(value)
    case "ucmp":
    case "lbmap":
    case "sticky":
      return { name, problems: bucketProblems(kind, value as BucketCase) }
    default:
      return { name, problems: [`no such kind of case: ${kind}`] }
  }
}

const bucketProblems = (kind: "ucmp" | "lbmap" | "sticky", one: BucketCase): ReadonlyArray<string> => {
  const shares = normaliseWeights(one.weights, {
    ...(one.tolerance === undefined ? {} : { tolerance: one.tolerance }),
    ...(one.maxBuckets === undefined ? {} : { bucketsMax: one.maxBuckets })
  })
  const isDown = (path: number): boolean => one.down?.includes(path) === true
  const results: Readonly<Record<string, unknown>> = {
    nBuckets: bucketPaths(shares).length,
    ...(kind === "ucmp" ? { fill: shares.map(({ path, buckets }) => [path, buckets]) } : {}),
    ...(kind === "lbmap" ? { map: mapAround(shares, isDown) } : {}),
    ...(kind === "sticky" ? { bucketsByPath: stickyPaths(shares, isDown) } : {})
  }
  return Object.entries(one.expect).flatMap(([what, there]) => {
    const here = JSON.stringify(results[what])
    return JSON.stringify(there) === here ? [] : [`${what} ${JSON.stringify(there)} there, ${here} here`]
  })
}
