// `npm test`: everything in one run, with one summary. The steps in order: types, lint, bundle, tests, tests against the kernel and
// other people's daemons, the packed tarball from another package, the flake. What this machine lacks is reported by name at the end,
// and is a failure with BACKWALK_REQUIRE_ALL=1. The last line is `N passed, N failed` or `N passed, N failed, N skipped`.

import { tarball } from "./package/tarball.ts"
import { bundle, lint, types } from "./run/build.ts"
import { flake } from "./run/flake.ts"
import { missingNames, report, runStep, type Step } from "./run/step.ts"
import { unitTests, worldTests } from "./run/vitest.ts"

const steps: ReadonlyArray<Step> = [types, lint, bundle, unitTests, worldTests, tarball, flake]

const wanted = process.argv.slice(2)
const chosen = wanted.length === 0 ? steps : steps.filter(({ name }) => wanted.includes(name))
if (chosen.length === 0 || wanted.some((name) => !steps.some((step) => step.name === name))) {
  console.error(`usage: node test/run.ts [${steps.map(({ name }) => name).join("] [")}]`)
  process.exit(2)
}

missingNames.clear()
const results = []
for (const step of chosen) results.push(await runStep(step))
process.exitCode = report(results, missingNames.read())
