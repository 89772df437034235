// The commands that read a recorded log: cat, stats, replay and explain. A torn tail is what a crash leaves and is only mentioned; a
// log that is not what was written is a failure that names the byte.
import * as Effect from "effect/Effect"
import { batchToJson, describeLogEnd, type LogEnd } from "../eventlog/index.ts"
import { explainRun, questionFrom, replayRun, type Until } from "./core.ts"
import { ExitStatus, type Failure, fail } from "./failure.ts"
import { type OpenLog, withLog } from "./log-file.ts"
import { print, sayJson, warn } from "./output.ts"
import { describe } from "./tables.ts"
import { VERSION } from "./version.ts"

/** Says how reading ended, and fails when the log cannot be believed. */
const conclude = (log: OpenLog): Effect.Effect<void, Failure> => {
  const end = log.end()
  if (end === undefined || end._tag === "Complete") return Effect.void
  const sentence = `${log.path}: ${describeLogEnd(end)}`
  return end._tag === "Torn" ? warn(sentence) : Effect.fail(fail(ExitStatus.No, sentence))
}

const endJson = (end: LogEnd | undefined): unknown =>
  end === undefined
    ? undefined
    : { state: end._tag.toLowerCase(), at: end.at, ...("what" in end ? { what: end.what } : {}) }

export const cat = (name: string): Effect.Effect<void, Failure> =>
  withLog(name, (log) =>
    Effect.gen(function* () {
      yield* Effect.promise(async () => {
        for (const batch of log.batches) await print(`${JSON.stringify(batchToJson(batch))}\n`)
      })
      yield* conclude(log)
    })
  )

export const stats = (name: string, json: boolean): Effect.Effect<void, Failure> =>
  withLog(name, (log) =>
    Effect.gen(function* () {
      const records: Record<string, number> = {}
      let batches = 0
      let lastAt = log.header.startedAt
      let receivedBytes = 0
      for (const batch of log.batches) {
        batches++
        lastAt = batch.at
        for (const record of batch.records) {
          records[record._tag] = (records[record._tag] ?? 0) + 1
          if (record._tag === "Bytes") receivedBytes += record.bytes.length
        }
      }
      const answer = {
        file: log.path,
        programVersion: log.header.programVersion,
        startedAt: timeText(log.header.startedAt),
        lastAt: timeText(lastAt),
        seed: log.header.seed,
        batches,
        records,
        receivedBytes,
        end: endJson(log.end())
      }
      yield* json ? sayJson(answer) : Effect.promise(() => print(describe(answer)))
      yield* conclude(log)
    })
  )

export const replay = (options: {
  readonly file: string
  readonly until: string | undefined
  readonly json: boolean
}): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const until = untilFrom(options.until)
    if (typeof until === "string") return yield* fail(ExitStatus.Usage, until)
    yield* withLog(options.file, (log) =>
      Effect.gen(function* () {
        const { state: _, ...replayed } = replayRun(log.header.seed, log.batches, until)
        const { divergence } = replayed
        const answer = {
          file: log.path,
          programVersion: log.header.programVersion,
          ...replayed,
          end: endJson(log.end())
        }
        yield* options.json ? sayJson(answer) : Effect.promise(() => print(describe(answer)))
        if (divergence !== undefined) {
          const version =
            log.header.programVersion === VERSION ? "" : ` (recorded by version ${log.header.programVersion})`
          return yield* fail(
            ExitStatus.No,
            `${log.path}: the ${divergence.kind} diverged between batch ${divergence.agreedAt} and batch ${divergence.seq}${version}`
          )
        }
        yield* conclude(log)
      })
    )
  })

/** A number is a batch; anything else is a time, with the zone it names or ours. */
const untilFrom = (text: string | undefined): Until | string => {
  if (text === undefined) return {}
  if (/^\d+$/.test(text)) return { seq: Number(text) }
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds)
    ? `--until ${text}: expected the number of a batch or a time like 2026-01-31T12:00:00Z`
    : { at: milliseconds * 1000 }
}

const timeText = (micros: number): string => new Date(micros / 1000).toISOString()

export const explain = (options: {
  readonly file: string
  readonly question: {
    readonly route: string | undefined
    readonly peer: string | undefined
    readonly around: number | undefined
  }
  readonly json: boolean
}): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const { route, peer, around } = options.question
    const question = questionFrom({
      ...(route === undefined ? {} : { route }),
      ...(peer === undefined ? {} : { peer }),
      ...(around === undefined ? {} : { around })
    })
    if (typeof question === "string") return yield* fail(ExitStatus.Usage, `explain: ${question}`)
    yield* withLog(options.file, (log) =>
      Effect.gen(function* () {
        let found = 0
        yield* Effect.promise(async () => {
          for (const step of explainRun(log.header.seed, log.batches, question)) {
            found++
            await print(options.json ? `${JSON.stringify(step)}\n` : explanationText(step))
          }
        })
        yield* conclude(log)
        if (found === 0) return yield* fail(ExitStatus.No, `${log.path}: nothing in this run touched that`)
      })
    )
  })

const explanationText = (step: {
  readonly seq: number
  readonly at: string
  readonly because: ReadonlyArray<string>
  readonly notices: ReadonlyArray<string>
  readonly now: unknown
}): string => {
  const lines = [
    ...step.because.map((text) => `  because  ${text}`),
    ...step.notices.map((text) => `  notice   ${text}`)
  ]
  const now = describe(step.now, "    ")
  return `batch ${step.seq} at ${step.at}\n${lines.map((line) => `${line}\n`).join("")}${now.trim() === "" ? "" : `  now\n${now}`}`
}
