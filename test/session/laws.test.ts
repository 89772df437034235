// Runs the laws of the session machines, and sees to it that the walks which they are checked over lead somewhere.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CONNECTION_STATES, peerStateName } from "../../src/session/index.ts"
import { LAWS } from "./laws.ts"
import { consistentWalk, stepsOf } from "./walk.ts"

describe("law", () => {
  it.each(LAWS.map(({ law, check }) => [law, check] as const))("%s", (_, check) => check())
})

describe("the walks", () => {
  it("reach every state, collisions, and sessions that go up and down", () => {
    const steps = fc.sample(consistentWalk, { numRuns: 200, seed: 4271 }).flatMap(stepsOf)
    expect(new Set(steps.map(({ after }) => peerStateName(after))).size).toBe(CONNECTION_STATES.length)
    expect(steps.some(({ after }) => after.second !== undefined)).toBe(true)
    const tags = new Set(steps.flatMap(({ effects }) => effects.map(({ _tag }) => _tag)))
    for (const tag of ["SessionUp", "SessionDown", "ProcessUpdate", "SendNotification"] as const)
      expect(tags).toContain(tag)
  })
})
