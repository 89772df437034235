// The recorder: batches are with the system before they are believed, and no trouble with files ever reaches routing (ADR-0004).
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Logger } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Batch, encodeBatch, type LogEnd, LogReader, readLog } from "../../src/eventlog/index.ts"
import { Recorder, type RecorderOptions } from "../../src/runtime/recorder.ts"
import { fileChunks, LogFiles, nodeLogFiles } from "../../src/runtime/recorder-files.ts"
import { requirement } from "../support/requirements.ts"

let directory = ""
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "backwalk-recorder-")), "log")
})
afterEach(() => {
  rmSync(join(directory, ".."), { recursive: true, force: true })
})

const batch = (seq: number, size = 100): Batch => ({
  seq,
  at: 1_700_000_000_000_000 + seq,
  records: [{ _tag: "Bytes", conn: 1, bytes: new Uint8Array(size).fill(seq) }]
})

/** Runs a program with a recorder over the given files; returns its result and the error lines that were logged. */
const record = async <A>(
  program: (recorder: Recorder["Service"]) => Effect.Effect<A>,
  options: Partial<RecorderOptions> = {},
  files: LogFiles = nodeLogFiles
): Promise<{ readonly result: A; readonly errors: ReadonlyArray<string> }> => {
  const errors: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Error") errors.push(String(message))
  })
  const recorder = Recorder.directory({
    directory,
    keepBytes: 1_000_000,
    programVersion: "0",
    seed: 1,
    ...options
  })
  const result = await Effect.flatMap(Recorder, program).pipe(
    Effect.provide(recorder),
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(LogFiles, files),
    Effect.runPromise
  )
  return { result, errors }
}

const appendAll = (recorder: Recorder["Service"], count: number, size?: number) =>
  Effect.gen(function* () {
    for (let seq = 0; seq < count; seq++) yield* recorder.append(batch(seq, size))
    return recorder.stats()
  })

const read = (path: string): { readonly batches: Array<Batch>; readonly end: LogEnd; readonly reader: LogReader } => {
  const reader = new LogReader()
  const batches: Array<Batch> = []
  const log = readLog(fileChunks(path, 64), reader)
  for (let step = log.next(); ; step = log.next()) {
    if (step.done) return { batches, end: step.value, reader }
    batches.push(step.value)
  }
}

describe("recorder", () => {
  it("writes every batch of a run to one file, which reads back complete", async () => {
    const { result, errors } = await record((recorder) => appendAll(recorder, 5), {
      programVersion: "9.9.9",
      startedAt: 1_700_000_000_123_456,
      seed: 42
    })
    expect(result.file).toBe(`${directory}/backwalk-20231114T221320.123Z.log`)
    expect(result).toMatchObject({ state: "recording", batches: 5, records: 5, lastSeq: 4, reason: "" })
    const log = read(result.file)
    expect(log.reader.header).toMatchObject({ programVersion: "9.9.9", startedAt: 1_700_000_000_123_456, seed: 42 })
    expect(log.batches).toEqual([0, 1, 2, 3, 4].map((seq) => batch(seq)))
    expect(log.end).toEqual({ _tag: "Complete", at: result.bytes })
    expect(errors).toEqual([])
  })

  it("lets only its owner read what it records", async () => {
    const { result } = await record((recorder) => appendAll(recorder, 1))
    expect(statSync(result.file).mode & 0o777).toBe(0o600)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
  })

  it("has written a batch when append returns", async () => {
    await record((recorder) =>
      Effect.gen(function* () {
        for (let seq = 0; seq < 3; seq++) {
          yield* recorder.append(batch(seq))
          expect(read(recorder.stats().file).batches.at(-1)).toEqual(batch(seq))
        }
      })
    )
  })

  it("goes on with what is left when the system writes only a part", async () => {
    const { result } = await record(
      (recorder) => appendAll(recorder, 4),
      {},
      {
        ...nodeLogFiles,
        write: (file, bytes, from, to) => nodeLogFiles.write(file, bytes, from, Math.min(to, from + 7))
      }
    )
    expect(read(result.file)).toMatchObject({ batches: { length: 4 }, end: { _tag: "Complete" } })
  })

  it("stops with one loud line when the disk is full, keeps whole batches, and lets routing go on", async () => {
    let room = 500
    const full: LogFiles = {
      ...nodeLogFiles,
      write: (file, bytes, from, to) => {
        if (room === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" })
        const length = Math.min(room, to - from)
        room -= length
        return nodeLogFiles.write(file, bytes, from, from + length)
      }
    }
    const { result, errors } = await record((recorder) => appendAll(recorder, 10), {}, full)
    expect(result).toMatchObject({ state: "stopped", reason: "the disk is full (ENOSPC)", batches: 3, lastSeq: 2 })
    expect(errors).toEqual([
      `recording stopped: the disk is full (ENOSPC). Routing goes on; ${result.file} ends after batch 2`
    ])
    expect(read(result.file)).toMatchObject({ batches: { length: 3 }, end: { _tag: "Complete", at: result.bytes } })
  })

  requirement("dev-full").it("hears of a full disk from the system itself", async () => {
    const files: LogFiles = { ...nodeLogFiles, create: () => openSync("/dev/full", "w") }
    const { result, errors } = await record((recorder) => appendAll(recorder, 2), {}, files)
    expect(result).toMatchObject({ state: "stopped", batches: 0 })
    expect(result.reason).toContain("the disk is full (ENOSPC)")
    expect(errors.length).toBe(1)
  })

  it("does not keep the daemon from starting when no log can be made", async () => {
    writeFileSync(directory, "a file where the directory should be")
    const { result, errors } = await record((recorder) => appendAll(recorder, 2))
    expect(result).toMatchObject({ state: "stopped", file: "", batches: 0 })
    expect(errors).toEqual([expect.stringContaining("recording stopped: ")])
    expect(errors[0]).toContain(`there is no log of this run in ${directory}`)
  })

  it("deletes old runs, whole and oldest first, to stay below what may be kept", async () => {
    const started = [1, 2, 3].map((day) => 1_700_000_000_000_000 + day * 86_400_000_000)
    const files: Array<string> = []
    for (const startedAt of started) {
      const { result } = await record((recorder) => appendAll(recorder, 4), { startedAt })
      files.push(result.file)
    }
    writeFileSync(`${directory}/notes.log`, "not ours")
    const bytes = statSync(files[0]!).size
    const { result } = await record((recorder) => appendAll(recorder, 4), {
      startedAt: started[2]! + 1_000_000,
      keepBytes: 3 * bytes
    })
    expect(result).toMatchObject({ state: "recording", deletedFiles: 1, oldFiles: 2, oldBytes: 2 * bytes })
    expect(files.map((file) => existsSync(file))).toEqual([false, true, true])
    expect(existsSync(`${directory}/notes.log`)).toBe(true)
  })

  it("stops loudly when one run alone outgrows what may be kept", async () => {
    const keepBytes = 1000
    const { result, errors } = await record((recorder) => appendAll(recorder, 20), { keepBytes })
    expect(result.state).toBe("stopped")
    expect(result.reason).toBe("the log of this run has reached the 1000 bytes that log.keep allows")
    expect(result.bytes).toBeLessThanOrEqual(keepBytes)
    expect(result.bytes + encodeBatch(batch(9)).length).toBeGreaterThan(keepBytes)
    expect(errors.length).toBe(1)
    expect(read(result.file).end._tag).toBe("Complete")
  })

  it("gives two runs that start in the same millisecond two files", async () => {
    const startedAt = 1_700_000_000_000_000
    const { result: first } = await record((recorder) => appendAll(recorder, 1), { startedAt })
    const { result: second } = await record((recorder) => appendAll(recorder, 2), { startedAt })
    expect(
      readdirSync(directory)
        .sort()
        .map((name) => `${directory}/${name}`)
    ).toEqual([first.file, second.file])
    expect(read(first.file).batches.length).toBe(1)
    expect(read(second.file).batches.length).toBe(2)
  })

  it("says when the end of a log could not be brought to the disk", async () => {
    const { result, errors } = await record(
      (recorder) => appendAll(recorder, 1),
      {},
      {
        ...nodeLogFiles,
        sync: () => {
          throw new Error("EIO: i/o error, fsync")
        }
      }
    )
    expect(errors).toEqual([`the end of the log ${result.file} may be missing: EIO: i/o error, fsync`])
  })

  it("records nothing where nothing is configured", async () => {
    const stats = await Effect.flatMap(Recorder, (recorder) => appendAll(recorder, 3)).pipe(
      Effect.provide(Recorder.none),
      Effect.runPromise
    )
    expect(stats).toMatchObject({ state: "off", batches: 0, file: "" })
  })

  it("writes exactly the bytes that the format defines", async () => {
    const { result } = await record((recorder) => appendAll(recorder, 3))
    const tail = Buffer.concat([0, 1, 2].map((seq) => encodeBatch(batch(seq))))
    expect(readFileSync(result.file).subarray(-tail.length).equals(tail)).toBe(true)
  })
})
