// The first steps of `npm test`: the compiler (types, and the purity of the pure rooms), the formatter and linter, and the bundle that
// is shipped. The linter is fetched by npx, never a dependency: its lock file entries are incomplete and would break `npm ci`.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { counted, exec, FAILED, lacking, PASSED, ROOT, type Step } from "./step.ts"

const BINARIES = join(ROOT, "node_modules/.bin")

export const types: Step = {
  name: "types",
  run: async () => ((await exec(join(BINARIES, "tsc"), ["-b"], { show: true })).code === 0 ? PASSED : FAILED)
}

export const lint: Step = {
  name: "lint",
  run: async () => {
    const ran = await exec("npx", ["--yes", biome(), "ci", "--colors=off", "."], { timeoutMs: 180_000 })
    if (ran.code === 0) return PASSED
    // npx speaks in npm errors when it cannot fetch the tool; the tool itself never does.
    if (/npm (error|ERR!)/.test(ran.output) && !/^Checked \d+ files/m.test(ran.output)) return lacking("biome")
    console.log(ran.output)
    return FAILED
  }
}

export const bundle: Step = {
  name: "bundle",
  run: async () => {
    const built = await exec(join(BINARIES, "rolldown"), ["-c"])
    if (built.code !== 0) console.log(built.output)
    const help = await exec(join(ROOT, "bin/backwalk"), ["--help"], { timeoutMs: 30_000 })
    return counted([
      ["rolldown builds dist/backwalk.mjs", built.code === 0 ? undefined : `exit ${built.code}`],
      ["the launcher starts it", help.code === 0 && /demo/.test(help.output) ? undefined : help.output.slice(0, 2000)]
    ])
  }
}

/** The exact version that `npm run lint` names. */
const biome = (): string => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"))
  return /@biomejs\/biome@[\d.]+/.exec(scripts.lint)![0]
}
