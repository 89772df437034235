// Walks in place and walks as a textbook reducer are one machine, under every policy, whatever children do while they are visited.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { WALK_POLICIES, type WalkPolicy } from "../../src/fib/index.ts"
import { arbitraryWalkScript, NODE_NUMBERS } from "./walk-programs.ts"
import { EndlessWalks, InPlaceWorld, TextbookWorld } from "./walk-worlds.ts"

const { corrected, source } = WALK_POLICIES

/** Each preset, the engine as it was found, and the default with each of its rules turned back alone. */
const policies: ReadonlyArray<readonly [string, WalkPolicy]> = [
  ["corrected", corrected],
  ["source", source],
  ["found", { ...source, handsOverAll: false, skipsNobody: false }],
  ...(Object.keys(corrected) as ReadonlyArray<keyof WalkPolicy>)
    .filter((rule) => rule !== "clamps")
    .map((rule) => [`corrected without ${rule}`, turnedBack(rule)] as const)
]

function turnedBack(rule: keyof WalkPolicy): WalkPolicy {
  return { ...corrected, [rule]: rule === "budget" ? "visits" : false }
}

describe("the walks in place", () => {
  for (const [name, policy] of policies) {
    it(`do what the textbook form does, step by step: ${name}`, () => {
      fc.assert(
        fc.property(arbitraryWalkScript, ({ program, actions }) => {
          const inPlace = new InPlaceWorld(program, policy)
          const textbook = new TextbookWorld(program, policy)
          for (const action of actions) {
            if (!ends(() => inPlace.do(action))) {
              expect(ends(() => textbook.do(action))).toBe(false)
              return
            }
            textbook.do(action)
            expect(inPlace.visits).toEqual(textbook.visits)
            expect(inPlace.destroyed).toEqual(textbook.destroyed)
            expect(inPlace.statistics()).toEqual(textbook.statistics())
            for (const node of NODE_NUMBERS) expect(inPlace.childrenOf(node)).toEqual(textbook.childrenOf(node))
          }
        }),
        { numRuns: 15000 }
      )
    })
  }
})

/** Programs may hold loops in which walks multiply: both forms must then run on. */
const ends = (act: () => void): boolean => {
  try {
    act()
    return true
  } catch (error) {
    if (error instanceof EndlessWalks) return false
    throw error
  }
}
