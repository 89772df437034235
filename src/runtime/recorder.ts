// Records what the daemon is about to believe. `append` returns when the batch is with the system: a crash of the daemon loses
// nothing, a crash of the machine at most what the system had not yet written. A full disk or any other failure stops recording with
// one loud line and shows in `show log`; routing goes on (ADR-0004).
import { Clock, Context, Effect, Layer } from "effect"
import type { Batch } from "../eventlog/index.ts"
import { LogFiles } from "./recorder-files.ts"
import { type RecorderOptions, type RecorderStats, RunRecording } from "./recorder-run.ts"

export type { RecorderOptions, RecorderStats } from "./recorder-run.ts"

export class Recorder extends Context.Service<
  Recorder,
  {
    /** Resolves when the batch has been written, or recording has stopped. Never fails. */
    readonly append: (batch: Batch) => Effect.Effect<void>
    /** What `show log` says. */
    readonly stats: () => RecorderStats
  }
>()("backwalk/runtime/Recorder") {
  /** Nothing is recorded. */
  static readonly none: Layer.Layer<Recorder> = Layer.succeed(Recorder, {
    append: () => Effect.void,
    stats: () => OFF
  })

  /** A new file `backwalk-STARTED.log` per run, closed and brought to the disk with the layer's scope. */
  static readonly directory = (options: RecorderOptions): Layer.Layer<Recorder> =>
    Layer.effect(
      Recorder,
      Effect.gen(function* () {
        const files = yield* LogFiles
        const startedAt = options.startedAt ?? (yield* Clock.currentTimeMillis) * 1000
        const run = yield* Effect.acquireRelease(
          Effect.sync(() => new RunRecording(files, { ...options, startedAt })),
          (run) =>
            Effect.suspend(() => {
              const failure = run.close()
              return failure === ""
                ? Effect.void
                : Effect.logError(`the end of the log ${run.filePath} may be missing: ${failure}`)
            })
        )
        const announceStop = Effect.suspend(() => Effect.logError(stopped(run, options.directory)))
        if (run.stopReason === "") yield* Effect.logInfo(`recording to ${run.filePath}`)
        else yield* announceStop
        return {
          append: (batch) =>
            Effect.suspend(() => {
              if (run.stopReason !== "") return Effect.void
              run.append(batch)
              return run.stopReason === "" ? Effect.void : announceStop
            }),
          stats: () => run.stats()
        }
      })
    )
}

const stopped = (run: RunRecording, directory: string): string =>
  `recording stopped: ${run.stopReason}. Routing goes on; ` +
  (run.filePath === ""
    ? `there is no log of this run in ${directory}`
    : `${run.filePath} ends after batch ${run.stats().lastSeq}`)

const OFF: RecorderStats = {
  directory: "",
  file: "",
  state: "off",
  bytes: 0,
  keepBytes: 0,
  batches: 0,
  records: 0,
  lastSeq: -1,
  reason: "",
  oldFiles: 0,
  oldBytes: 0,
  deletedFiles: 0
}
