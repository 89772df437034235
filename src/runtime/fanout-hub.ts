// The daemon as a hub: what the router has decided goes into the server, with the state of its peers and of the hub itself. The table is in
// sync once every peer has told its own or had a minute for it; a hub that has lost all its peers says so, instead of being stale in silence.
import { readFile } from "node:fs/promises"
import { createSecureContext } from "node:tls"
import { Effect, type Scope } from "effect"
import type { FanoutServeSettings, TlsFiles } from "../config/index.ts"
import {
  bytesOf,
  type CacheInput,
  connectionLimit,
  DROP_REASONS,
  hubKey,
  Metric,
  peerKey,
  SERVE_DEFAULTS,
  SyncStatus,
  syncStatusName,
  type Update,
  UpdateType
} from "../fanout/index.ts"
import { MICROS_PER_SECOND } from "../machine/index.ts"
import { query, type RouterState } from "../router/index.ts"
import { nowMicros } from "./fanout-clock.ts"
import { FanoutServer } from "./fanout-server.ts"
import type { FanoutTls } from "./fanout-tls.ts"
import { DaemonFailed } from "./outfit.ts"

export interface Hub {
  /** After each step of the router. */
  readonly took: (state: RouterState, sequence: number) => void
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
  const said: Array<string> = []
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
          say: (message) => said.push(message)
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
    Effect.forever(
      Effect.andThen(
        Effect.suspend(() => Effect.forEach(said.splice(0), (line) => Effect.logInfo(line), { discard: true })),
        Effect.sleep("200 millis")
      )
    )
  )
  const feed = new Feed(server, version)
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(() => feed.look(), LOOK_MS)),
    (timer) => Effect.sync(() => clearInterval(timer))
  )
  return {
    took: (state, sequence) => feed.took(state, sequence),
    show: () => show(server, listening),
    isInSync: () => server.state.cache.newest.status === SyncStatus.InSync,
    prometheus: () => server.metrics.prometheus(server.state),
    drain: Effect.promise(() => server.drain())
  }
})

/** What has changed since the last look, into the server. */
class Feed {
  readonly #server: FanoutServer
  readonly #version: string
  readonly #peers = new Map<string, string>()
  #state: RouterState | undefined
  #sequence = 0
  #hub = ""
  #status: SyncStatus = SyncStatus.WaitForDatastore

  constructor(server: FanoutServer, version: string) {
    this.#server = server
    this.#version = version
  }

  took(state: RouterState, sequence: number): void {
    this.#state = state
    this.#sequence = sequence
    const updates = state.published.map(({ key, value }) => this.#update(key, value))
    // A session that comes or goes is told as a notice too.
    if (state.notices.length > 0) this.#describe(state, updates)
    this.#offer(state, updates)
  }

  /** Time alone may have brought it in sync. */
  look(): void {
    if (this.#state !== undefined) this.#offer(this.#state, [])
  }

  #offer(state: RouterState, updates: ReadonlyArray<Update>): void {
    const inputs: Array<CacheInput> = updates.length === 0 ? [] : [{ _tag: "Updates", updates }]
    const status = statusOf(state)
    if (status !== this.#status) inputs.push({ _tag: "Status", status })
    this.#status = status
    if (inputs.length > 0) this.#server.offer(inputs)
  }

  #update(key: string, value: Uint8Array | null): Update {
    const isKnown = this.#server.state.cache.entries.has(key)
    return {
      key,
      value,
      revision: String(this.#sequence),
      v3ResourceVersion: "",
      ttlNanoseconds: 0,
      updateType: value === null ? UpdateType.Deleted : isKnown ? UpdateType.Updated : UpdateType.New
    }
  }

  #describe(state: RouterState, updates: Array<Update>): void {
    if (state.config === undefined) return
    const { asn, id } = state.config.router
    const hub = JSON.stringify({ hub: id, asn, version: this.#version, hostname: state.config.hostname ?? "" })
    if (hub !== this.#hub) updates.push(this.#update(hubKey(id), bytesOf(hub)))
    this.#hub = hub
    const gone = new Set(this.#peers.keys())
    for (const { address, asn: peerAsn, name, state: phase } of query(state, "peers") as ReadonlyArray<PeerRow>) {
      const key = peerKey(id, address)
      const value = JSON.stringify({ address, asn: peerAsn, name, state: phase })
      gone.delete(key)
      if (this.#peers.get(key) === value) continue
      this.#peers.set(key, value)
      updates.push(this.#update(key, bytesOf(value)))
    }
    for (const key of gone) {
      this.#peers.delete(key)
      updates.push(this.#update(key, null))
    }
  }
}

interface PeerRow {
  readonly address: string
  readonly asn: number
  readonly name: string
  readonly state: string
}

const statusOf = (state: RouterState): SyncStatus => {
  if (!state.isConfigured) return SyncStatus.WaitForDatastore
  const peers = state.peers.filter((peer) => peer?.config.enabled === true)
  const isIsolated = peers.length > 0 && peers.every((peer) => peer!.established === 0)
  const hadTime = nowMicros() - state.startedAt > GRACE_SECONDS * MICROS_PER_SECOND
  const isSettled = !state.restarting && (state.initialSyncDone || hadTime)
  return isSettled && !isIsolated ? SyncStatus.InSync : SyncStatus.ResyncInProgress
}

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

const LOOK_MS = 1000
/** For a peer that never tells its table, as the kernel's side waits too. */
const GRACE_SECONDS = 60
