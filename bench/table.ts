// The table that benches feed: made by the generator of the bench harness, which stands beside the checkout. Deterministic, with the
// Internet's distribution of prefix lengths and of prefixes per attribute set.
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const HARNESS = join(import.meta.dirname, "..", "..", "shared", "bench")
const WORK = process.env["BENCH_DIR"] ?? join(tmpdir(), "backwalk-bench")

export const harness = (): string => {
  if (!existsSync(join(HARNESS, "src", "gen.c"))) {
    throw new Error("the bench harness is not there: it belongs beside this checkout, as ../shared/bench")
  }
  return HARNESS
}

/** A program of the harness, compiled. */
export const tool = (name: string): string => {
  const source = join(harness(), "src")
  const binary = join(WORK, "bin", name)
  mkdirSync(join(WORK, "bin"), { recursive: true })
  if (!existsSync(binary)) {
    execFileSync("cc", ["-O2", `-I${source}`, "-o", binary, join(source, `${name}.c`), "-lm", "-lpthread"])
  }
  return binary
}

/** The file of a stream of UPDATE messages with so many IPv4 prefixes. */
export const tableFile = (prefixes: number, senderAs = 64501, seed = 1, pathSeed = 1): string => {
  const file = join(WORK, "data", `bench-${prefixes}-${senderAs}-${seed}-${pathSeed}.upd`)
  mkdirSync(join(WORK, "data"), { recursive: true })
  if (!existsSync(file)) {
    const options = { n: prefixes, o: file, a: senderAs, h: "10.99.1.1", s: seed, p: pathSeed }
    execFileSync(
      tool("gen"),
      Object.entries(options).flatMap(([flag, value]) => [`-${flag}`, String(value)])
    )
  }
  return file
}

export const table = (prefixes: number, senderAs = 64501, seed = 1, pathSeed = 1): Uint8Array =>
  new Uint8Array(readFileSync(tableFile(prefixes, senderAs, seed, pathSeed)))
