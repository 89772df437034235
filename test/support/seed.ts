// The one number that decides what all properties of a run look at (ADR-0055). Run by vitest before each file of tests. Without
// BACKWALK_SEED each property looks elsewhere, as fast-check does by itself. With `--repeats N` the seeds count up, one each time.
import fc from "fast-check"
import { beforeEach } from "vitest"
import { givenSeed } from "./tree-seed.ts"

const seed = givenSeed()

if (seed !== undefined) {
  // For what is drawn while tests are collected, outside of any of them.
  fc.configureGlobal({ seed, includeErrorInReport: true })
  beforeEach(({ task }) =>
    fc.configureGlobal({ seed: (seed + (task.result?.repeatCount ?? 0)) | 0, includeErrorInReport: true })
  )
}
