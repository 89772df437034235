// Every scenario's transcript is what happens. UPDATE=1 rewrites the files; read the difference before you keep it.
import { describe, expect, it } from "vitest"
import { playScenario, scenarioNames } from "./harness.ts"

describe("scenario", () => {
  for (const name of scenarioNames()) {
    it(name, () => {
      const { expected, actual } = playScenario(name)
      expect(actual).toBe(expected)
    })
  }
})
