// `npm run explore -- [MINUTES] [FILES…]`: the properties again and again, each time under other seeds, for what fails once in thousands of
// cases. Files take turns, as many at once as there are processors; within one start of vitest the seed counts up
// (test/support/seed.ts), as often as fits a turn. A failure stops nothing. At the end: how many cases each file had, and each failure with what runs it again.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join, relative } from "node:path"
import { exec, ROOT } from "./run/step.ts"
import { givenSeed } from "./support/tree-seed.ts"
import { readRepository } from "./tidy/repository.ts"
import { folderOf, importsOf, joinPath } from "./tidy/source.ts"

/** About how long one start of vitest is to take. */
const TURN_SECONDS = 20

const WORKERS = availableParallelism()
const TIMES_MAX = 1000

/** How much is shown of a failure, and how many of the same. */
const MESSAGE_LINES = 30
const AGAIN_LINES = 5

/** They need a kernel or somebody else's program: only where they are asked for by name. */
const WORLD = /^test\/(kernel|interop)\//

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly message: string
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: ReadonlyArray<{
      readonly fullName: string
      readonly status: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

interface Failure {
  readonly file: string
  readonly test: string
  /** The first of the seeds of this turn, and the last; a property that failed names its own. */
  readonly seeds: readonly [first: number, last: number]
  readonly message: string
}

/** What is known of a file: how often its tests were run, and how long once takes. */
interface Explored {
  times: number
  secondsEach: number
}

const tree = readRepository()

/** Whether a file draws from fast-check, itself or through a file of the tests. */
const isRandom = (path: string, seen = new Set<string>()): boolean => {
  if (seen.has(path) || !path.startsWith("test/") || !tree.has(path)) return false
  seen.add(path)
  return importsOf(tree.get(path)!).some(
    ({ specifier }) =>
      specifier === "fast-check" || (specifier.startsWith(".") && isRandom(joinPath(folderOf(path), specifier), seen))
  )
}

const chosenFiles = (wanted: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...tree.keys()].filter((path) => {
    if (!path.endsWith(".test.ts")) return false
    return wanted.length === 0 ? !WORLD.test(path) && isRandom(path) : wanted.some((part) => path.includes(part))
  })

interface Turn {
  readonly failures: ReadonlyArray<Failure>
  /** What it took, of each file. */
  readonly seconds: ReadonlyMap<string, number>
}

const turn = async (files: ReadonlyArray<string>, seed: number, times: number): Promise<Turn> => {
  const results = join(ROOT, ".cache/explore.json")
  mkdirSync(join(ROOT, ".cache"), { recursive: true })
  rmSync(results, { force: true })
  const ran = await exec(
    join(ROOT, "node_modules/.bin/vitest"),
    ["run", "--reporter=json", `--outputFile.json=${results}`, `--repeats=${times - 1}`, ...files],
    { env: { BACKWALK_SEED: `${seed}` }, timeoutMs: 3_600_000 }
  )
  const seeds = [seed, (seed + times - 1) | 0] as const
  const failure = (file: string, test: string, message: string): Failure => ({ file, test, seeds, message })
  const unknown = (message: string): ReadonlyArray<Failure> => [failure(files.join(" "), "", message)]
  if (!existsSync(results)) return { failures: unknown(ran.output), seconds: new Map() }
  const report: Report = JSON.parse(readFileSync(results, "utf8"))
  const seconds = new Map<string, number>()
  const failures = report.testResults.flatMap(({ name, message, startTime, endTime, assertionResults }) => {
    const file = relative(ROOT, name)
    seconds.set(file, (endTime - startTime) / 1000)
    const failed = assertionResults.filter(({ status }) => status === "failed")
    const found = failed.flatMap(({ fullName, failureMessages }) =>
      failureMessages.map((each) => failure(file, fullName, each))
    )
    return found.length === 0 && message !== "" ? [failure(file, "", message)] : found
  })
  return { failures: failures.length === 0 && ran.code !== 0 ? unknown(ran.output) : failures, seconds }
}

/** What runs it again. */
const again = ({ file, seeds: [first, last], message }: Failure): string => {
  const own = /\{ seed: (-?\d+), path: "([\d:]*)"/.exec(message)
  if (own === null) return `BACKWALK_SEED=N npx vitest run ${file}    N from ${first} to ${last}`
  return `BACKWALK_SEED=${own[1]} npx vitest run ${file}    path "${own[2]}"`
}

/** The message without what libraries say about themselves. */
const show = (failure: Failure): string => {
  const lines = failure.message.split("\n").filter((line) => line.trim() !== "" && !line.includes("/node_modules/"))
  const message = lines.slice(0, MESSAGE_LINES).map((line) => `    ${line}`)
  return [`× ${failure.file} > ${failure.test}`, `  ${again(failure)}`, ...message].join("\n")
}

/** Each test that failed once in full, then where else it did. */
const summary = (failures: ReadonlyArray<Failure>): string =>
  [...Map.groupBy(failures, ({ file, test }) => `${file} > ${test}`).values()]
    .map(([one, ...more]) =>
      [show(one!), ...more.slice(0, AGAIN_LINES).map((each) => `  ${again(each)}`), `  ${more.length + 1} times`].join(
        "\n"
      )
    )
    .join("\n\n")

const [first, ...others] = process.argv.slice(2)
const isTimed = first !== undefined && /^\d+(\.\d+)?$/.test(first)
const minutes = isTimed ? Number(first) : 10
const wanted = isTimed || first === undefined ? others : [first, ...others]
const files = chosenFiles(wanted)
if (files.length === 0 || wanted.some((part) => !files.some((file) => file.includes(part)))) {
  console.error("usage: npm run explore -- [MINUTES] [FILES…]: paths of tests, or parts of such")
  process.exit(2)
}

let seed = givenSeed() ?? Date.now() | 0
const end = Date.now() + minutes * 60_000
const explored = new Map<string, Explored>(files.map((file) => [file, { times: 0, secondsEach: TURN_SECONDS }]))
const failures: Array<Failure> = []
console.log(`${files.length} files, ${minutes} minutes, from seed ${seed}`)

for (let round = 0; Date.now() < end; round++) {
  // Those that take about as long are repeated as often.
  const order = [...explored.keys()].sort((a, b) => explored.get(a)!.secondsEach - explored.get(b)!.secondsEach)
  for (let at = 0; at < order.length && (round === 0 || Date.now() < end); at += WORKERS) {
    const together = order.slice(at, at + WORKERS)
    const slowest = explored.get(together.at(-1)!)!.secondsEach
    const times = Math.max(1, Math.min(TIMES_MAX, Math.floor(TURN_SECONDS / slowest)))
    const { failures: found, seconds } = await turn(together, seed, times)
    for (const file of together) {
      const known = explored.get(file)!
      known.times += times
      known.secondsEach = Math.max(0.001, (seconds.get(file) ?? TURN_SECONDS) / times)
    }
    seed = (seed + times) | 0
    failures.push(...found)
    console.log(`${times} times ${together.join(" ")}${found.length === 0 ? "" : `, ${found.length} failures`}`)
    if (found.length > 0) console.log(summary(found))
  }
}

console.log("\ntimes  file")
for (const [file, { times }] of explored) console.log(`${String(times).padStart(5)}  ${file}`)
console.log(`\n${failures.length === 0 ? "" : `${summary(failures)}\n\n`}${failures.length} failures`)
process.exitCode = failures.length === 0 ? 0 : 1
