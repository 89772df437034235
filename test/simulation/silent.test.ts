// An intruder with the peer's own address, who connects again and again and never says anything: two routers have their session all the
// same, and keep it (ADR-0025). One seed decides when everything happens.
import fc from "fast-check"
import { expect, it } from "vitest"
import type { World } from "../../src/testing/world.ts"
import { divergences, isConverged, twoRouters } from "./world.ts"

const MINUTE_MS = 60_000
const intruder = { name: "intruder", addresses: [], offer: () => {} }

/** Connects to `left` as if it were `right`, until it holds or five minutes are over. */
const intrudeUntil = (world: World, everyMs: number, holds: () => boolean): boolean => {
  for (let conn = 1; conn * everyMs < 5 * MINUTE_MS; conn++) {
    world.network.dial(intruder, conn, "10.0.0.1", 179, "10.0.0.2")
    if (world.runUntil(holds, everyMs)) return true
  }
  return false
}

const counters = (world: World) => world.router("left").state.counters

it("two routers find each other beside somebody who connects every few moments and is silent", () => {
  fc.assert(
    fc.property(fc.nat(), fc.boolean(), fc.integer({ min: 50, max: 40_000 }), (seed, bothDial, everyMs) => {
      const world = twoRouters({ seed }, bothDial)
      world.network.attach(intruder)
      expect(intrudeUntil(world, everyMs, () => isConverged(world))).toBe(true)
      // A collision at the start may still be decided.
      world.advance(MINUTE_MS)
      expect(isConverged(world)).toBe(true)
      const { sessionsDown } = counters(world)
      expect(intrudeUntil(world, everyMs, () => counters(world).sessionsDown > sessionsDown)).toBe(false)
      expect(divergences(world)).toBe("")
    }),
    { numRuns: 15 }
  )
})

it("every connection that goes for a newer one is counted, and the first hundred are named", () => {
  const world = twoRouters({ seed: 7 })
  world.cut("left", "right")
  world.network.attach(intruder)
  intrudeUntil(world, 1000, () => false)
  expect(counters(world).supersededSilent).toBeGreaterThan(200)
})
