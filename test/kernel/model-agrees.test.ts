// The model kernel is worth what this test is worth: the same random scripts on it and on the real kernel, in a namespace, must be
// answered in the same words, tell the same news and leave the same objects, step by step.
import fc from "fast-check"
import { expect } from "vitest"
import { withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"
import { modelPlayer, realPlayer } from "./both.ts"
import { scripts } from "./script.ts"

const needs = requirement("root", "namespaces", "ip")

const described = (step: object): string => ("what" in step ? String(step.what) : JSON.stringify(step))

needs.describe("the model kernel and the real one agree", () => {
  needs.it(
    "on replies, news and objects, over random scripts",
    async () => {
      await fc.assert(
        fc.asyncProperty(scripts, (script) =>
          withNamespace("agree", (namespace) => {
            const model = modelPlayer()
            const real = realPlayer(namespace)
            try {
              for (const [number, step] of script.entries()) {
                const where = `step ${number}: ${described(step)}`
                expect({ where, ...model.play(step) }).toEqual({ where, ...real.play(step) })
                expect({ where, left: model.list() }).toEqual({ where, left: real.list() })
              }
            } finally {
              real.close()
            }
          })
        ),
        { numRuns: Number(process.env["BACKWALK_AGREE_RUNS"] ?? 12), endOnFailure: true }
      )
    },
    120_000
  )
})
