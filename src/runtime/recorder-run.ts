// One run's log file. It takes batches until something fails or the space granted is used up; then it stops for good, because a log
// with a gap cannot be replayed, and says why. It never throws and never keeps a batch from being believed: recording is given up
// before routing is (ADR-0004). What is on disk stays good up to the last whole batch.
import { type Batch, BatchWriter, encodeHeader } from "../eventlog/index.ts"
import type { Micros } from "../machine/index.ts"
import type { LogFiles } from "./recorder-files.ts"

export interface RecorderOptions {
  /** One daemon per directory. Made if it is not there. */
  readonly directory: string
  /** Bytes that all logs of the directory may take together. Old runs are deleted, whole and oldest first, to stay below. */
  readonly keepBytes: number
  readonly programVersion: string
  /** The seed that the router was made with: a replay makes it with the same. */
  readonly seed: number
  /** Absent: now. */
  readonly startedAt?: Micros
}

export interface RecorderStats {
  readonly directory: string
  readonly file: string
  readonly state: "off" | "recording" | "stopped"
  /** Bytes of this run's file. */
  readonly bytes: number
  readonly keepBytes: number
  readonly batches: number
  readonly records: number
  /** -1: none yet. */
  readonly lastSeq: number
  /** Why recording stopped; empty while it goes on. */
  readonly reason: string
  /** Logs of earlier runs in the same directory, and those deleted by this run to stay below `keep`. */
  readonly oldFiles: number
  readonly oldBytes: number
  readonly deletedFiles: number
}

type Started = RecorderOptions & { readonly startedAt: Micros }

export class RunRecording {
  private readonly files: LogFiles
  private readonly options: Started
  private readonly writer = new BatchWriter(256 * 1024)
  private file: number | undefined
  private path = ""
  private bytes = 0
  private batches = 0
  private records = 0
  private lastSeq = -1
  private reason = ""
  /** Logs of earlier runs, oldest last. */
  private old: Array<{ readonly name: string; readonly bytes: number }> = []
  private oldBytes = 0
  private deletedFiles = 0

  constructor(files: LogFiles, options: Started) {
    this.files = files
    this.options = options
    const { directory, programVersion, startedAt, seed } = options
    try {
      files.makeDirectory(directory)
      this.findOld()
      this.create()
      this.put(encodeHeader({ programVersion, startedAt, seed }))
    } catch (cause) {
      this.stop(describe(cause))
    }
  }

  /** The path of this run's log. Set as soon as the file exists. */
  get filePath(): string {
    return this.path
  }

  get stopReason(): string {
    return this.reason
  }

  /** When this returns the batch is with the system, or recording has stopped. */
  append(batch: Batch): void {
    if (this.file === undefined) return
    this.writer.clear()
    this.writer.append(batch)
    try {
      this.put(this.writer.bytes.subarray(0, this.writer.length))
    } catch (cause) {
      this.stop(describe(cause))
    }
    if (this.file === undefined) return
    this.batches++
    this.records += batch.records.length
    this.lastSeq = batch.seq
  }

  stats(): RecorderStats {
    return {
      directory: this.options.directory,
      file: this.path,
      state: this.reason === "" ? "recording" : "stopped",
      bytes: this.bytes,
      keepBytes: this.options.keepBytes,
      batches: this.batches,
      records: this.records,
      lastSeq: this.lastSeq,
      reason: this.reason,
      oldFiles: this.old.length,
      oldBytes: this.oldBytes,
      deletedFiles: this.deletedFiles
    }
  }

  /** Brings everything to the disk. Returns what went wrong, or nothing. */
  close(): string {
    if (this.file === undefined) return ""
    const file = this.file
    this.file = undefined
    try {
      this.files.sync(file)
      this.files.close(file)
      return ""
    } catch (cause) {
      return describe(cause)
    }
  }

  private findOld(): void {
    this.old = this.files
      .list(this.options.directory)
      .filter(({ name }) => LOG_NAME.test(name))
      .sort((one, other) => (one.name < other.name ? 1 : -1))
    this.oldBytes = this.old.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  private create(): void {
    const base = `${this.options.directory}/backwalk-${stamp(this.options.startedAt)}`
    for (let attempt = 0; ; attempt++) {
      const path = attempt === 0 ? `${base}.log` : `${base}_${attempt}.log`
      try {
        this.file = this.files.create(path)
        this.path = path
        return
      } catch (cause) {
        // Two runs within one millisecond. `_` sorts behind `.`, so that the second stays behind the first.
        if (codeOf(cause) !== "EEXIST" || attempt === ATTEMPTS_MAX) throw cause
      }
    }
  }

  private put(bytes: Uint8Array): void {
    if (!this.makeRoom(bytes.length)) {
      this.stop(`the log of this run has reached the ${this.options.keepBytes} bytes that log.keep allows`)
      return
    }
    let from = 0
    while (from < bytes.length) {
      const written = this.files.write(this.file!, bytes, from, bytes.length)
      if (written === 0) throw new Error("the system writes nothing")
      from += written
    }
    this.bytes += bytes.length
  }

  private makeRoom(needed: number): boolean {
    while (this.oldBytes + this.bytes + needed > this.options.keepBytes) {
      const oldest = this.old.pop()
      if (oldest === undefined) return false
      this.oldBytes -= oldest.bytes
      this.files.remove(`${this.options.directory}/${oldest.name}`)
      this.deletedFiles++
    }
    return true
  }

  private stop(reason: string): void {
    this.reason = reason
    const file = this.file
    if (file === undefined) return
    try {
      // Half a batch may be there. A reader would tolerate it; without it the file is a whole log.
      this.files.truncate(file, this.bytes)
    } catch {
      // Then it is a torn tail.
    }
    const closed = this.close()
    if (closed !== "" && closed !== reason) this.reason = `${reason}; closing: ${closed}`
  }
}

/** `20261120T123456.789Z`: sorts by time and is a file name everywhere. */
const stamp = (at: Micros): string => new Date(at / 1000).toISOString().replaceAll("-", "").replaceAll(":", "")

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined)

const describe = (cause: unknown): string => {
  const code = codeOf(cause)
  if (code === "ENOSPC") return "the disk is full (ENOSPC)"
  if (code === "EDQUOT") return "the disk quota is used up (EDQUOT)"
  return cause instanceof Error ? cause.message : String(cause)
}

const LOG_NAME = /^backwalk-\d{8}T\d{6}\.\d{3}Z(_\d+)?\.log$/
const ATTEMPTS_MAX = 100
