// What one step of `npm test` is, and how steps are run, counted and summed up. A step that cannot run because this machine lacks
// something says so by name; it never passes over it.
import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { missingFile, recordMissing, remedy, requireAll } from "../support/available.ts"

export const ROOT = join(import.meta.dirname, "../..")

export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface Step {
  readonly name: string
  readonly run: () => Promise<Count>
}

export interface Result extends Count {
  readonly name: string
  readonly seconds: number
}

export const PASSED: Count = { passed: 1, failed: 0, skipped: 0 }
export const FAILED: Count = { passed: 0, failed: 1, skipped: 0 }

/** The step needs something that is not here: recorded, and failed where everything is required. */
export const lacking = (name: string): Count => {
  recordMissing(name)
  console.log(remedy(name))
  return requireAll() ? FAILED : { passed: 0, failed: 0, skipped: 1 }
}

/** One count for a list of checks, each printed with its outcome. */
export const counted = (checks: ReadonlyArray<readonly [title: string, fault: string | undefined]>): Count => {
  for (const [title, fault] of checks) console.log(fault === undefined ? `  ✓ ${title}` : `  × ${title}: ${fault}`)
  const failed = checks.filter(([, fault]) => fault !== undefined).length
  return { passed: checks.length - failed, failed, skipped: 0 }
}

export const runStep = async (step: Step): Promise<Result> => {
  console.log(`\n── ${step.name} ${"─".repeat(Math.max(3, 60 - step.name.length))}`)
  const start = process.hrtime.bigint()
  const count = await step.run().catch((error: unknown) => {
    console.log(error instanceof Error ? (error.stack ?? error.message) : String(error))
    return FAILED
  })
  return { name: step.name, ...count, seconds: Number(process.hrtime.bigint() - start) / 1e9 }
}

/** Prints the summary; the exit status. */
export const report = (results: ReadonlyArray<Result>, missing: ReadonlyArray<string>): 0 | 1 => {
  console.log(`\n── summary ${"─".repeat(53)}`)
  for (const { name, passed, failed, skipped, seconds } of results) {
    console.log(
      `${failed === 0 ? "✓" : "×"} ${name.padEnd(10)} ${lineOf({ passed, failed, skipped })}  (${seconds.toFixed(1)} s)`
    )
  }
  if (missing.length > 0) console.log(`\nnot there, and therefore not tested: ${missing.join(", ")}`)
  for (const name of missing) console.log(`  ${remedy(name)}`)
  const total = results.reduce(add, { passed: 0, failed: 0, skipped: 0 })
  // Whatever was missing must have failed a test where everything is required; if it failed none, the report does.
  const unnoticed = requireAll() && missing.length > 0 && total.failed === 0 ? missing.length : 0
  const failed = total.failed + unnoticed
  console.log(`\n${lineOf({ ...total, failed })}`)
  return failed === 0 && total.passed > 0 ? 0 : 1
}

/** `N passed, N failed`, and `, N skipped` where something was. */
export const lineOf = ({ passed, failed, skipped }: Count): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`

/** The names that were recorded as missing during this run, by whichever process. */
export const missingNames = {
  clear: (): void => rmSync(missingFile(), { force: true }),
  read: (): ReadonlyArray<string> => {
    if (!existsSync(missingFile())) return []
    return [...new Set(readFileSync(missingFile(), "utf8").trim().split("\n"))].sort()
  }
}

export interface Ran {
  readonly code: number
  readonly output: string
}

/** Runs a program to its end. `show` passes its output on as it comes; it is collected either way. */
export const exec = (
  command: string,
  args: ReadonlyArray<string>,
  options: {
    readonly cwd?: string
    readonly show?: boolean
    readonly env?: NodeJS.ProcessEnv
    readonly timeoutMs?: number
  } = {}
): Promise<Ran> =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      // The Node.js of the dependencies first, as npm does: this may have been started without npm.
      env: { ...process.env, PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 600_000
    })
    let output = ""
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
      if (options.show === true) process.stdout.write(chunk)
    }
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    child.on("error", (error) => resolve({ code: 127, output: `${output}${error.message}\n` }))
    child.on("close", (code) => resolve({ code: code ?? 1, output }))
  })

const add = (a: Count, b: Count): Count => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped
})
