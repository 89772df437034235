// The captured streams that live in the repository, one JSON object a line (test/vectors/gob.ts says what the fields mean).
import { readFileSync } from "node:fs"
import { join } from "node:path"

export interface CapturedCase {
  readonly name: string
  readonly group: string
  readonly hex: string
  readonly json?: unknown
  readonly n: number
  readonly target?: string
}

export const CAPTURED: ReadonlyArray<CapturedCase> = readFileSync(
  join(import.meta.dirname, "../vectors/data/gob.jsonl"),
  "utf8"
)
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line))

export const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

export const captured = (name: string): CapturedCase => {
  const found = CAPTURED.find((row) => row.name === name)
  if (found === undefined) throw new Error(`no captured case ${name}`)
  return found
}
