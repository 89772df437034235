// Whole routers under virtual time and faults: the same final kernel whatever happens in between, every run replays, every lease
// returns, and one seed decides all. A failing seed is printed; it alone reproduces the run.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { replayWorldRouter, type World } from "../../src/testing/world.ts"
import { divergences, isConverged, kernelOf, kernelRoutes, PREFIXES, rowOfRouters, twoRouters } from "./world.ts"

const MINUTE_MS = 60_000

/** Something goes wrong, or right again, and time passes. */
const faults: ReadonlyArray<readonly [name: string, happen: (world: World) => void]> = [
  ["cut", (world) => world.cut("left", "right")],
  ["mend", (world) => world.mend("left", "right")],
  ["break connections", (world) => world.breakConnections("left", "right")],
  ["reset peer", (world) => world.command("left", { command: "peer", address: "10.0.0.2", action: "reset" })],
  ["restart right", (world) => void world.restart("right")],
  ["restart left", (world) => void world.restart("left")],
  ["withdraw", (world) => world.command("right", { command: "withdraw", prefix: PREFIXES[0]! })],
  ["kernel errors", (world) => world.kernel("left", { _tag: "FaultsArmed", errno: 12, count: 3 })],
  ["lost notifications", (world) => world.kernel("left", { _tag: "LossesArmed", count: 2 })]
]

/** What is in the kernel of `left` when nothing goes wrong. */
const undisturbedKernel = (): unknown => {
  const world = twoRouters({ seed: 0 })
  world.advance(MINUTE_MS)
  return kernelOf(world.router("left"))
}

const heal = (world: World): void => {
  world.mend("left", "right")
  for (const prefix of PREFIXES) world.command("right", { command: "announce", route: { prefix, communities: [] } })
}

describe("virtual world", () => {
  it("brings a route from one router into the kernel of the other", () => {
    const world = twoRouters({ seed: 1 })
    expect(world.runUntil(() => isConverged(world), MINUTE_MS)).toBe(true)
  })

  it("takes routes away when the link is silent for longer than the hold time, and brings them back [RFC 4271 §6.5]", () => {
    const world = twoRouters({ seed: 2 })
    expect(world.runUntil(() => isConverged(world), MINUTE_MS)).toBe(true)
    world.cut("left", "right")
    expect(world.runUntil(() => kernelRoutes(world.router("left")).length === 0, MINUTE_MS)).toBe(true)
    world.mend("left", "right")
    expect(world.runUntil(() => isConverged(world), 5 * MINUTE_MS)).toBe(true)
  })

  it("takes routes away when they are withdrawn, and leaves the others", () => {
    const world = twoRouters({ seed: 3 })
    expect(world.runUntil(() => isConverged(world), MINUTE_MS)).toBe(true)
    world.command("right", { command: "withdraw", prefix: PREFIXES[0]! })
    const left = (): string => kernelRoutes(world.router("left")).join()
    expect(world.runUntil(() => left() === PREFIXES[1], MINUTE_MS)).toBe(true)
  })

  it("ends a shutdown with closed connections, an empty kernel where that is asked for, and no lease held", () => {
    const world = twoRouters({ seed: 4 })
    expect(world.runUntil(() => isConverged(world), MINUTE_MS)).toBe(true)
    world.command("left", { command: "shutdown" })
    const left = world.router("left")
    expect(world.runUntil(() => left.isStopped, MINUTE_MS)).toBe(true)
    world.advance(MINUTE_MS)
    expect(kernelRoutes(left)).toEqual([])
    expect(left.state.pool.describeLeaks()).toBe("")
  })

  it("is decided by its seed alone", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const [one, other] = [twoRouters({ seed }), twoRouters({ seed })]
        for (const world of [one, other]) world.advance(20_000)
        expect(one.digest()).toBe(other.digest())
      }),
      { numRuns: 5 }
    )
  })

  it("converges to the same kernel whatever went wrong before, and every run replays with equal digests", () => {
    const expected = undisturbedKernel()
    const steps = fc.array(fc.tuple(fc.constantFrom(...faults), fc.integer({ min: 0, max: 15_000 })), { maxLength: 6 })
    fc.assert(
      fc.property(fc.nat(), steps, fc.boolean(), (seed, happenings, bothDial) => {
        const world = twoRouters({ seed }, bothDial)
        for (const [[, happen], milliseconds] of happenings) {
          happen(world)
          world.advance(milliseconds)
        }
        heal(world)
        world.advance(10 * MINUTE_MS)
        expect(kernelOf(world.router("left"))).toEqual(expected)
        expect(divergences(world)).toBe("")
        const leaks = (): string =>
          ["left", "right"].map((name) => world.router(name).state.pool.describeLeaks()).join("")
        world.runUntil(() => leaks() === "", MINUTE_MS)
        expect(leaks()).toBe("")
      }),
      { numRuns: 25 }
    )
  })

  it("carries a route along a row of routers, each by way of the one before it", () => {
    const world = rowOfRouters({ seed: 6 }, 5)
    world.advance(MINUTE_MS)
    for (const host of [2, 3, 4, 5]) {
      expect(kernelOf(world.router(`r${host}`))).toEqual({
        routes: PREFIXES.map((prefix) => `${prefix} via 10.0.0.${host - 1} metric 20`),
        nexthops: 2
      })
    }
    world.crash("r2")
    world.advance(MINUTE_MS)
    for (const host of [3, 4, 5]) expect(kernelRoutes(world.router(`r${host}`))).toEqual([])
    for (const host of [1, 2, 3, 4, 5]) {
      expect(replayWorldRouter(world.router(`r${host}`)).divergence).toBeUndefined()
    }
  })

  it("verifies checkpoints when it replays, so that agreement means something", () => {
    const world = twoRouters({ seed: 5 })
    world.advance(MINUTE_MS)
    const replayed = replayWorldRouter(world.router("left"))
    expect(replayed.checkpoints).toBeGreaterThan(2)
    expect(replayed.effectDigest).toBe(world.router("left").effectDigest)
  })
})
