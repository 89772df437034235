// The daemon as a hub: the server of followers with its sockets, certificates and limits. What it serves comes from fanout-feed.ts (our own
// table) or from fanout-store.ts (what all speakers of a site have chosen).
import { readFile } from "node:fs/promises"
import { createSecureContext } from "node:tls"
import { Effect, type Scope } from "effect"
import type { FanoutServeSettings, TlsFiles } from "../config/index.ts"
import {
  type CacheInput,
  connectionLimit,
  DROP_REASONS,
  Metric,
  SERVE_DEFAULTS,
  SyncStatus,
  syncStatusName
} from "../fanout/index.ts"
import type { FanoutMetrics } from "./fanout-metrics.ts"
import { FanoutServer } from "./fanout-server.ts"
import type { FanoutTls } from "./fanout-tls.ts"
import { DaemonFailed } from "./outfit.ts"

export interface Hub {
  /** What is served from now on. */
  readonly offer: (inputs: ReadonlyArray<CacheInput>) => void
  /** Whether followers have the key. */
  readonly isKnown: (key: string) => boolean
  readonly show: () => Readonly<Record<string, unknown>>
  readonly isInSync: () => boolean
  readonly prometheus: () => string
  /** Lets the clients go, one after the other. */
  readonly drain: Effect.Effect<void>
}

/** Serves for as long as the scope lasts. */
export const makeHub = Effect.fnUntraced(function* (
  settings: FanoutServeSettings,
  version: string,
  seed: number
): Effect.fn.Return<Hub, DaemonFailed, Scope.Scope> {
  const tls = settings.tls === undefined ? undefined : yield* readTls(settings.tls)
  const sayings = new Sayings()
  const server = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new FanoutServer({
          ...SERVE_DEFAULTS,
          ...settings.timers,
          syncerTypes: settings.streams,
          compression: settings.compression,
          version,
          seed,
          ...(tls === undefined ? {} : { tls }),
          say: (message) => sayings.say(message)
        })
    ),
    (running) => Effect.sync(() => running.stop())
  )
  const listening: Array<string> = []
  for (const endpoint of settings.listen) {
    const bound = yield* Effect.tryPromise({
      try: () => server.listen(endpoint),
      catch: (cause) =>
        new DaemonFailed({ message: `fan-out: cannot listen on ${endpoint}: ${(cause as Error).message}`, status: 1 })
    })
    listening.push(bound)
    yield* Effect.logInfo(`fan-out: followers are served on ${bound}`)
  }
  if (settings.limit !== undefined) server.limit(connectionLimit(settings.limit))
  yield* Effect.forkScoped(
    Effect.forever(Effect.andThen(sayings.write(server.metrics.logs), Effect.sleep("200 millis")))
  )
  return {
    offer: (inputs) => server.offer(inputs),
    isKnown: (key) => server.state.cache.entries.has(key),
    show: () => show(server, listening),
    isInSync: () => server.state.cache.newest.status === SyncStatus.InSync,
    prometheus: () => server.metrics.prometheus(server.state),
    drain: Effect.promise(() => server.drain())
  }
})

/** What the server says, a line each. Ten thousand clients that go at once are not ten thousand lines. */
export class Sayings {
  readonly #lines: Array<string> = []
  #dropped = 0

  say(line: string): void {
    if (this.#lines.length < LINES_WAITING_MAX) this.#lines.push(line)
    else this.#dropped++
  }

  /** Into the log; what could not go there is counted. */
  write(logs: FanoutMetrics["logs"]): Effect.Effect<void> {
    return Effect.suspend(() => {
      const lines = this.#lines.splice(0)
      if (this.#dropped > 0) lines.push(`fan-out: ${this.#dropped} more lines like these`)
      logs.dropped += this.#dropped
      this.#dropped = 0
      return Effect.forEach(
        lines,
        (line) => Effect.catchCause(Effect.logInfo(line), () => Effect.sync(() => logs.errors++)),
        {
          discard: true
        }
      )
    })
  }
}

/** Between two looks. */
const LINES_WAITING_MAX = 200

const show = (server: FanoutServer, listening: ReadonlyArray<string>): Record<string, unknown> => {
  const { cache, clients, counters, limit, drain } = server.state
  const { newest } = cache
  return {
    listening,
    status: syncStatusName(newest.status),
    inSync: newest.status === SyncStatus.InSync,
    draining: drain !== undefined,
    keys: cache.entries.size,
    sequence: newest.sequence,
    storeBytes: cache.storeBytes,
    historyBytes: cache.historyBytes,
    limit: limit === Number.MAX_SAFE_INTEGER ? null : limit,
    latencyP99Ms: server.metrics.quantile(Metric.ClientLatency, 0.99) * 1000,
    counters: {
      ...cache.counters,
      accepted: counters.accepted,
      messages: counters.messages,
      pings: counters.pings,
      pongs: counters.pongs,
      graceUsed: counters.graceUsed,
      rebalanced: counters.dropped
    },
    dropped: Object.fromEntries(
      Object.entries(DROP_REASONS).flatMap(([reason, text]) => {
        const count = counters.droppedBy[Number(reason)]
        return count === 0 ? [] : [[text, count]]
      })
    ),
    clients: [...clients.values()].map((client) => ({
      address: client.address,
      hostname: client.hostname,
      version: client.version,
      phase: client.phase,
      compressed: client.isCompressed,
      behind: client.phase === "Streaming" ? newest.sequence + 1 - client.next : null,
      latencyMs: client.latencyMicros / 1000
    }))
  }
}

/** Certificates are read at start. */
export const readTls = (files: TlsFiles): Effect.Effect<FanoutTls, DaemonFailed> =>
  Effect.tryPromise({
    try: async () => {
      const [cert, key, ca] = await Promise.all(
        [files.certificate, files.key, files.authority].map((file) => readFile(file))
      )
      const context = createSecureContext({ cert, key, ca, minVersion: "TLSv1.2" })
      return { context, commonName: files.commonName, uri: files.uri }
    },
    catch: (cause) => new DaemonFailed({ message: `fan-out: TLS: ${(cause as Error).message}`, status: 1 })
  })
