// What the daemon says while it runs: one line for each thing that somebody may want to know, on stderr, through Effect's logger, so
// that an embedder can send it elsewhere.
import { Cause, Effect, type Layer, Logger } from "effect"
import type { Notice } from "../router/index.ts"

/** `2026-01-31T23:59:59.123Z WARN message`, one line even if the message has more. */
export const stderrLogger: Layer.Layer<never> = Logger.layer([
  Logger.make(({ date, logLevel, message, cause }) => {
    const texts = (Array.isArray(message) ? message : [message]).map((part) =>
      typeof part === "string" ? part : JSON.stringify(part)
    )
    if (cause.reasons.length > 0) texts.push(Cause.pretty(cause))
    const text = texts.join(" ").trimEnd().replaceAll("\n", "\n  ")
    process.stderr.write(`${date.toISOString()} ${LEVELS[logLevel] ?? logLevel} ${text}\n`)
  })
])

const LEVELS: Readonly<Record<string, string>> = { Info: "INFO", Warn: "WARN", Error: "ERROR", Debug: "DEBUG" }

export const sayNotice = ({ level, message }: Notice): Effect.Effect<void> => {
  switch (level) {
    case "error":
      return Effect.logError(message)
    case "warning":
      return Effect.logWarning(message)
    case "info":
      return Effect.logInfo(message)
  }
}
