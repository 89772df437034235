// Several speakers, one table: what this router chose goes into the site's store under a lease, and what all of them chose comes out of it for
// the followers. Which of the two a daemon does is its configuration's to say.
import { readFile } from "node:fs/promises"
import { Effect, Layer, type Scope } from "effect"
import type { FanoutStoreSettings } from "../config/index.ts"
import {
  barrierKey,
  bytesOf,
  type CacheInput,
  fenceKey,
  STORE_PREFIX,
  type StoreNews,
  StoreView,
  SyncStatus,
  storeKey,
  UpdateType
} from "../fanout/index.ts"
import { Etcd, type EtcdOptions } from "./etcd.ts"
import { DaemonFailed } from "./outfit.ts"
import { followStore, publishToStore } from "./store.ts"

export interface SiteStore {
  /** A key of this hub's own table, or null: it has none any more. */
  readonly publish: (key: string, value: Uint8Array | null) => void
  readonly show: () => Readonly<Record<string, unknown>>
}

/** `offer` gets what all speakers say. Lasts as long as the scope; then what this speaker published is gone at once. */
export const makeSiteStore = Effect.fnUntraced(function* (
  settings: FanoutStoreSettings,
  seed: number,
  offer: (inputs: ReadonlyArray<CacheInput>) => void
): Effect.fn.Return<SiteStore, DaemonFailed, Scope.Scope> {
  const options = yield* readOptions(settings)
  const services = yield* Layer.build(Etcd.layer(options))
  const view = new StoreView(settings.pass)
  const status = { inSync: false, reason: "not heard of yet", isPublishing: false, publishReason: "" }
  const said: Array<string> = []
  const pass = (news: ReadonlyArray<StoreNews>): void => {
    if (news.length > 0) offer([{ _tag: "Updates", updates: news.map(updateOf) }])
  }
  const following = followStore({
    // One watch has one range; the barrier lies in ours, so with others it is all that there is.
    prefix: settings.pass.length === 0 ? STORE_PREFIX : EVERYTHING,
    barrier: barrierKey(settings.name),
    seed,
    receiver: {
      beginListing: () => view.beginListing(),
      deliver: (updates) => Effect.sync(() => pass(view.take(updates))),
      endListing: () => pass(view.endListing()),
      reportSync: (inSync, reason) => {
        status.inSync = inSync
        status.reason = reason
        said.push(inSync ? "store: in sync" : `store: out of sync: ${reason}`)
        offer([{ _tag: "Status", status: inSync ? SyncStatus.InSync : SyncStatus.ResyncInProgress }])
      }
    }
  })
  if (settings.serve) yield* Effect.provide(following, services)
  const publisher = settings.publish
    ? yield* Effect.provide(
        publishToStore({
          fence: fenceKey(settings.name),
          fenceValue: bytesOf(JSON.stringify({ name: settings.name })),
          ttlS: settings.leaseS,
          seed,
          report: (isUp, reason) => {
            status.isPublishing = isUp
            status.publishReason = reason
            said.push(isUp ? "store: publishing" : `store: not publishing: ${reason}`)
          }
        }),
        services
      )
    : undefined
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.suspend(() => Effect.forEach(said.splice(0), (line) => Effect.logInfo(line), { discard: true })),
        Effect.sleep("200 millis")
      )
    )
  )
  return {
    publish: (key, value) => {
      const named = storeKey(settings.name, key)
      if (named !== undefined) publisher?.want(named, value ?? undefined)
    },
    show: () => ({
      endpoints: settings.endpoints,
      name: settings.name,
      serve: settings.serve
        ? { inSync: status.inSync, reason: status.reason, keys: view.size, foreign: view.foreign }
        : null,
      publish:
        publisher === undefined
          ? null
          : { up: status.isPublishing, reason: status.publishReason, waiting: publisher.waiting() }
    })
  }
})

/** Keys of every user of etcd begin with a slash. */
const EVERYTHING = "/"

const updateOf = ({ key, value, revision }: StoreNews) => ({
  key,
  value,
  revision,
  v3ResourceVersion: "",
  ttlNanoseconds: 0,
  updateType: value === null ? UpdateType.Deleted : UpdateType.Updated
})

const readOptions = (settings: FanoutStoreSettings): Effect.Effect<EtcdOptions, DaemonFailed> => {
  const { endpoints, tls } = settings
  if (tls === undefined) return Effect.succeed({ endpoints })
  return Effect.tryPromise({
    try: async () => {
      const [cert, key, ca] = await Promise.all(
        [tls.certificate, tls.key, tls.authority].map((file) => readFile(file, "utf8"))
      )
      return { endpoints, tls: { ca, cert, key } }
    },
    catch: (cause) => new DaemonFailed({ message: `store: TLS: ${(cause as Error).message}`, status: 1 })
  })
}
