// Talks to a running daemon over its control socket: plain HTTP from node:http, because a command that only asks a question should
// start fast. What the socket or the daemon refuses becomes a sentence and an exit status.
import { type IncomingMessage, request } from "node:http"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import { ExitStatus, type Failure, fail } from "./failure.ts"
import { print } from "./output.ts"

export interface Call {
  readonly socket: string
  readonly method: "GET" | "POST"
  readonly path: string
  readonly body?: unknown
}

/** The answer's body, not read yet; anything but success has become a failure. */
export const call = (options: Call): Effect.Effect<IncomingMessage, Failure> =>
  Effect.callback<IncomingMessage, Failure>((resume) => {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body)
    const sent = request({
      socketPath: options.socket,
      method: options.method,
      path: options.path,
      headers: { host: "localhost", ...(body === undefined ? {} : { "content-type": "application/json" }) }
    })
    sent.once("response", (response) => resume(Effect.succeed(response)))
    sent.once("error", (error) => resume(Effect.fail(unreachable(options.socket, error))))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  }).pipe(
    Effect.flatMap((response) => {
      const status = response.statusCode ?? 0
      return status >= 200 && status < 300
        ? Effect.succeed(response)
        : Effect.flatMap(textOf(response), refused(status))
    })
  )

export const callJson = (options: Call): Effect.Effect<unknown, Failure> =>
  call(options).pipe(Effect.flatMap(textOf), Effect.flatMap(parsed))

const parsed = (text: string): Effect.Effect<unknown, Failure> =>
  Effect.try({
    try: () => JSON.parse(text) as unknown,
    catch: () => fail(ExitStatus.No, "the daemon's answer is not JSON; are both of the same version?")
  })

export const textOf = (response: IncomingMessage): Effect.Effect<string, Failure> =>
  Effect.tryPromise({
    try: async () => {
      response.setEncoding("utf8")
      let text = ""
      for await (const chunk of response) text += chunk as string
      return text
    },
    catch: cutShort
  })

/** Rows as they come: the socket is read no faster than `take` takes them. Gives their number. */
export const eachLine = (
  response: IncomingMessage,
  take: (line: string) => Promise<void>
): Effect.Effect<number, Failure> =>
  Effect.tryPromise({
    try: async () => {
      let lines = 0
      for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (line === "") continue
        lines++
        await take(line)
      }
      // readline ends the same way for a table that is complete and for one that was cut off.
      if (!response.complete) throw new Error("cut short")
      return lines
    },
    catch: cutShort
  })

/** The bytes of a table straight to stdout. Gives the number of rows. */
export const passOn = (response: IncomingMessage): Effect.Effect<number, Failure> =>
  Effect.tryPromise({
    try: async () => {
      let rows = 0
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) rows++
        await print(chunk)
      }
      return rows
    },
    catch: cutShort
  })

const NEWLINE = 10

const cutShort = (): Failure => fail(ExitStatus.Unreachable, "the daemon went away in the middle of its answer")

const unreachable = (socket: string, error: NodeJS.ErrnoException): Failure => {
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return fail(
        ExitStatus.Permission,
        `permission denied for the control socket ${socket}: run as the daemon's user, or as root`
      )
    default:
      return fail(
        ExitStatus.Unreachable,
        `no daemon answers on ${socket} (${error.code ?? error.message}): start one with \`backwalk run --config FILE\`, or name its socket with --socket PATH`
      )
  }
}

const refused =
  (status: number) =>
  (text: string): Effect.Effect<never, Failure> => {
    const message = refusalOf(text) ?? `the daemon answered with HTTP status ${status}`
    return Effect.fail(fail(status === 400 ? ExitStatus.Usage : ExitStatus.No, message))
  }

const refusalOf = (text: string): string | undefined => {
  try {
    const body = JSON.parse(text) as { readonly error?: unknown }
    return typeof body.error === "string" ? body.error : undefined
  } catch {
    return undefined
  }
}
