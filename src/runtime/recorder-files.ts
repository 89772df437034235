// The few things that a recorder asks of the file system, as a service, so that a test can hand it a disk that is full. The calls are
// synchronous on purpose: a batch must be with the system before it is believed, the write goes to the page cache in microseconds, and
// a trip to the thread pool would cost more than the write (ADR-0004). Failures are thrown as Node throws them; the recorder catches.

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync
} from "node:fs"
import { Context } from "effect"

export interface LogFiles {
  readonly makeDirectory: (path: string) => void
  /** Names and sizes of the plain files of a directory. */
  readonly list: (directory: string) => ReadonlyArray<{ readonly name: string; readonly bytes: number }>
  readonly remove: (path: string) => void
  /** Creates a file that is not there yet, readable by its owner only. */
  readonly create: (path: string) => number
  /** Writes some of the bytes from `from` to `to` and returns how many, as write(2) does. */
  readonly write: (file: number, bytes: Uint8Array, from: number, to: number) => number
  readonly truncate: (file: number, length: number) => void
  readonly sync: (file: number) => void
  readonly close: (file: number) => void
}

export const nodeLogFiles: LogFiles = {
  makeDirectory: (path) => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  },
  list: (directory) =>
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => ({ name: entry.name, bytes: statSync(`${directory}/${entry.name}`).size })),
  remove: unlinkSync,
  create: (path) => openSync(path, "wx", 0o600),
  write: (file, bytes, from, to) => writeSync(file, bytes, from, to - from),
  truncate: ftruncateSync,
  sync: fsyncSync,
  close: closeSync
}

/** The system's own files unless something else is provided. */
export const LogFiles: Context.Reference<LogFiles> = Context.Reference<LogFiles>("backwalk/runtime/LogFiles", {
  defaultValue: () => nodeLogFiles
})

/** The bytes of a file in fresh chunks, for `readLog`. Throws as Node does when the file cannot be read. */
export function* fileChunks(path: string, chunkBytes = 1024 * 1024): Generator<Uint8Array> {
  const file = openSync(path, "r")
  try {
    for (;;) {
      const chunk = new Uint8Array(chunkBytes)
      const length = readSync(file, chunk, 0, chunkBytes, null)
      if (length === 0) return
      yield chunk.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}
