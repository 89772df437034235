// What the daemon says while it runs: one line for each thing that somebody may want to know, on stderr, through Effect's logger, so
// that an embedder can send it elsewhere.
import { Cause, Effect, type Layer, Logger } from "effect"
import type { LoadedConfig } from "../config/index.ts"
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

export const sayNotice = (notice: Notice): Effect.Effect<void> =>
  notice.level === "warning" ? Effect.logWarning(notice.message) : Effect.logInfo(notice.message)

/** What is allowed and probably not meant, and what this version does not do yet though the configuration asks for it. */
export const sayWarnings = (config: LoadedConfig): Effect.Effect<void> => {
  const peers = config.router.peers
  const unprotected = peers.filter((peer) => peer.password !== "" || peer.ttlSecurity || peer.multihop !== 0)
  const undone = unprotected.map(
    ({ address }) => `peer ${address}: password, ttl-security and multihop are not applied to its connections yet`
  )
  return Effect.forEach(undone, (warning) => Effect.logWarning(warning), { discard: true })
}
