// The scenarios of the source's unit tests (reference §5) as transcripts: of the graph with the model kernel below it, and of walks alone.
// UPDATE=1 rewrites the files; read the difference before you keep it.
import { describe, expect, it } from "vitest"
import { playScenario, scenarioNames } from "../scenarios/harness.ts"
import { GraphStage } from "./graph-stage.ts"
import { WalkStage } from "./walk-stage.ts"

for (const [what, make] of [
  ["graphs", () => new GraphStage()],
  ["walks", () => new WalkStage()]
] as const) {
  describe(`a transcript of ${what}`, () => {
    const directory = `${import.meta.dirname}/${what}`
    for (const name of scenarioNames(directory)) {
      it(name, () => {
        const { expected, actual } = playScenario(name, directory, make())
        expect(actual).toBe(expected)
      })
    }
  })
}
