// Shares of buckets: the laws beside the captured cases.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bucketPaths, mapAround, normaliseWeights, stickyPaths } from "../../src/fib/index.ts"

const weights = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 24 })

describe("shares of buckets", () => {
  it("fill a table whose size is a power of two, with something for every path, near enough to the weights", () => {
    fc.assert(
      fc.property(weights, (given) => {
        const shares = normaliseWeights(given)
        const size = shares.reduce((sum, { buckets }) => sum + buckets, 0)
        expect(Number.isInteger(Math.log2(size))).toBe(true)
        expect(shares.map(({ path }) => path).toSorted((a, b) => a - b)).toEqual(given.map((_, path) => path))
        expect(shares.every(({ buckets }) => buckets > 0)).toBe(true)
        if (size === 8192) return
        const sum = given.reduce((total, weight) => total + weight, 0)
        // What rounding left over is not counted as a deviation, and goes to the first: hence twice the tolerance.
        const deviation = shares.reduce((d, { path, buckets }) => d + Math.abs(buckets - (given[path] * size) / sum), 0)
        expect(deviation).toBeLessThanOrEqual(0.2 * size)
      })
    )
  })

  it("leave out what finds no place in the largest table", () => {
    const shares = normaliseWeights(new Array<number>(8205).fill(1))
    expect([shares.length, bucketPaths(shares).length]).toEqual([8192, 8192])
  })

  it("move only the traffic of paths that are down, and only to paths that are up", () => {
    fc.assert(
      fc.property(weights, fc.array(fc.nat(23)), (given, down) => {
        const isDown = (path: number): boolean => down.includes(path)
        const shares = normaliseWeights(given)
        const paths = bucketPaths(shares)
        const isHopeless = given.every((_, path) => isDown(path))
        mapAround(shares, isDown).forEach((target, bucket) => {
          if (isHopeless || !isDown(paths[bucket])) expect(target).toBe(bucket)
          else expect(isDown(paths[target])).toBe(false)
        })
        stickyPaths(shares, isDown).forEach((path, bucket) => {
          if (isHopeless || !isDown(paths[bucket])) expect(path).toBe(paths[bucket])
          else expect(isDown(path)).toBe(false)
        })
      })
    )
  })
})
