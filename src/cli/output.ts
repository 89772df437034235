// What commands print. Data goes to stdout and waits for whoever reads it; words about it go to stderr. A reader that has seen enough
// (`| head`) ends the command without complaint.
import { once } from "node:events"
import * as Effect from "effect/Effect"

let isWatched = false

const watchForClosedPipe = (): void => {
  if (isWatched) return
  isWatched = true
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0)
    throw error
  })
}

/** Resolves when the text has been taken, so that a table of any length needs no more memory than a pipe. */
export const print = async (text: string | Uint8Array): Promise<void> => {
  watchForClosedPipe()
  if (!process.stdout.write(text)) await once(process.stdout, "drain")
}

export const say = (text: string): Effect.Effect<void> => Effect.promise(() => print(`${text}\n`))

export const warn = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${text}\n`))

export const sayJson = (value: unknown): Effect.Effect<void> => say(JSON.stringify(value))
