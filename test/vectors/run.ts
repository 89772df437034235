// `npm run vectors -- KIND FILE…` replays captured cases through this project's own code: one JSON object a line. Prints the name of
// each case that fails and why, and ends with `N passed, N failed`; exit 1 if any failed, 2 if the request makes no sense.
import { readFileSync } from "node:fs"
import { KINDS, type Outcome } from "./kinds.ts"

const usage = (message: string): never => {
  console.error(message)
  process.exit(2)
}

const parseLines = (file: string): ReadonlyArray<{ readonly place: string; readonly value: unknown }> =>
  read(file)
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [parseLine(`${file}:${index + 1}`, line)]))

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    return usage(`${file}: ${(error as Error).message}`)
  }
}

const parseLine = (place: string, line: string): { readonly place: string; readonly value: unknown } => {
  try {
    return { place, value: JSON.parse(line) }
  } catch (error) {
    return usage(`${place}: no JSON: ${(error as Error).message}`)
  }
}

const [kind, ...files] = process.argv.slice(2)
const names = Object.keys(KINDS).sort().join(", ")
if (kind === undefined || files.length === 0) usage(`usage: npm run vectors -- KIND FILE…\nKIND: ${names}`)
const check = KINDS[kind!]
if (check === undefined) usage(`${kind}: no such kind. KIND: ${names}`)

/** A case that cannot even be read is one that is not met. */
const outcomeOf = (value: unknown): Outcome => {
  try {
    return check!(value)
  } catch (error) {
    return { name: String((value as { readonly name?: unknown } | null)?.name ?? ""), problems: [String(error)] }
  }
}

let failed = 0
let passed = 0
for (const { place, value } of files.flatMap(parseLines)) {
  const outcome = outcomeOf(value)
  if (outcome.problems.length === 0) passed++
  else {
    failed++
    console.log(`${place} ${outcome.name}`)
    for (const problem of outcome.problems) console.log(`  ${problem}`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
