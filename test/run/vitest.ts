// The steps of `npm test` that run vitest, twice: what needs nothing but memory, files beside each other; then what needs a kernel
// namespace or somebody else's daemon, file after file, because those share the machine's network and two cores.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { givenSeed, treeSeed } from "../support/tree-seed.ts"
import { type Count, exec, FAILED, ROOT, type Step } from "./step.ts"

/** Folders of tests that reach outside the process. */
const WORLD = ["test/kernel", "test/interop"]

export const unitTests: Step = {
  name: "unit",
  run: () =>
    vitest(
      "unit",
      WORLD.flatMap((folder) => ["--exclude", `${folder}/**`])
    )
}

export const worldTests: Step = {
  name: "world",
  run: () => vitest("world", ["--no-file-parallelism", ...WORLD.filter((folder) => existsSync(join(ROOT, folder)))])
}

const vitest = async (name: string, args: ReadonlyArray<string>): Promise<Count> => {
  const results = join(ROOT, `.cache/vitest-${name}.json`)
  mkdirSync(join(ROOT, ".cache"), { recursive: true })
  rmSync(results, { force: true })
  const seed = givenSeed() ?? treeSeed(ROOT)
  console.log(`seed ${seed} of all properties; BACKWALK_SEED=… for another`)
  const ran = await exec(
    join(ROOT, "node_modules/.bin/vitest"),
    ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${results}`, ...args],
    { show: true, env: { BACKWALK_SEED: `${seed}` } }
  )
  if (!existsSync(results)) return FAILED
  return countOf(JSON.parse(readFileSync(results, "utf8")), ran.code)
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
}

/** vitest may fail without a failed test (an error outside of one, a file that does not load): that counts as one. */
const countOf = (report: Report, code: number): Count => ({
  passed: report.numPassedTests,
  failed: code === 0 ? report.numFailedTests : Math.max(1, report.numFailedTests),
  skipped: report.numPendingTests + report.numTodoTests
})
