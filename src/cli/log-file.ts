// A recorded log as batches: opened by name, or the newest of a directory; read in chunks, so that a log of any size needs no more
// memory than its largest batch.
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { type Batch, type LogEnd, type LogHeader, LogReader, readLog } from "../eventlog/index.ts"
import { ExitStatus, type Failure, fail } from "./failure.ts"

export interface OpenLog {
  readonly path: string
  readonly header: LogHeader
  readonly batches: Iterable<Batch>
  /** How reading ended; set once the batches are exhausted. */
  readonly end: () => LogEnd | undefined
}

const CHUNK_BYTES = 1024 * 1024

/** The file is closed with the effect. */
export const withLog = <A>(name: string, use: (log: OpenLog) => Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
  Effect.acquireUseRelease(
    Effect.try({ try: () => open(name), catch: (cause) => unreadable(name, cause) }),
    ({ path, file }) =>
      Effect.suspend(() => {
        const log = openLog(path, file)
        return "header" in log ? use(log) : Effect.fail(fail(ExitStatus.No, `${path}: ${log.problem}`))
      }),
    ({ file }) => Effect.sync(() => closeSync(file))
  )

const open = (name: string): { readonly path: string; readonly file: number } => {
  const path = statSync(name).isDirectory() ? newest(name) : name
  return { path, file: openSync(path, "r") }
}

const newest = (directory: string): string => {
  // The name holds the time at which the run began.
  const names = readdirSync(directory).filter((name) => name.startsWith("backwalk-") && name.endsWith(".log"))
  const last = names.sort().at(-1)
  if (last === undefined) throw fail(ExitStatus.No, `${directory} holds no log (backwalk-….log)`)
  return join(directory, last)
}

const openLog = (path: string, file: number): OpenLog | { readonly problem: string } => {
  const reader = new LogReader()
  const generator = readLog(chunksOf(file), reader)
  let end: LogEnd | undefined
  const first = generator.next()
  if (first.done === true) end = first.value
  // A log without a batch still has a header; without a header, its end says what is wrong.
  if (reader.header === undefined) {
    return {
      problem: end === undefined || end._tag === "Complete" ? "this is no log" : `at byte ${end.at}: ${end.what}`
    }
  }
  const batches = function* (): Generator<Batch> {
    for (let next = first; ; next = generator.next()) {
      if (next.done === true) {
        end = next.value
        return
      }
      yield next.value
    }
  }
  return { path, header: reader.header, batches: batches(), end: () => end }
}

function* chunksOf(file: number): Generator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES)
    const length = readSync(file, chunk, 0, CHUNK_BYTES, null)
    if (length === 0) return
    yield chunk.subarray(0, length)
  }
}

const unreadable = (name: string, cause: unknown): Failure => {
  const { _tag, code, message } = cause as { readonly _tag?: string; readonly code?: string; readonly message: string }
  if (_tag === "Failure") return cause as Failure
  switch (code) {
    case "ENOENT":
      return fail(ExitStatus.No, `${name}: no such file`)
    case "EACCES":
      return fail(ExitStatus.Permission, `${name}: permission denied; run as the daemon's user, or as root`)
    default:
      return fail(ExitStatus.No, `${name}: ${message}`)
  }
}
