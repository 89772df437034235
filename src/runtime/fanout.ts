// Everything that a daemon has to do with fan-out, put together as its configuration says: followers that are served, hubs that are followed,
// a store that the speakers of a site share. Each is loaded if it is configured: most daemons have none of them.
import { Effect, type Scope } from "effect"
import type { FanoutSettings } from "../config/index.ts"
import type { CacheInput } from "../fanout/index.ts"
import type { RouterState } from "../router/index.ts"
import { Feed, type FeedSink } from "./fanout-feed.ts"
import type { Follower } from "./fanout-follower.ts"
import type { Hub } from "./fanout-hub.ts"
import type { SiteStore } from "./fanout-store.ts"
import type { BoundedInbox } from "./inbox.ts"
import type { DaemonFailed } from "./outfit.ts"

export interface Fanout {
  /** After each step of the router. */
  readonly took: (state: RouterState, sequence: number) => void
  readonly show: (state: RouterState) => Readonly<Record<string, unknown>>
  /** Whether what is served and what is followed is what it should be; undefined: there is neither. */
  readonly isInSync: () => boolean | undefined
  readonly prometheus: () => string
  /** Lets the clients go, one after the other. */
  readonly drain: Effect.Effect<void>
}

/** Lasts as long as the scope. */
export const makeFanout = Effect.fnUntraced(function* (
  settings: FanoutSettings | undefined,
  version: string,
  seed: number,
  inbox: BoundedInbox
): Effect.fn.Return<Fanout, DaemonFailed, Scope.Scope> {
  const hub = settings?.serve && (yield* (yield* loadHub).makeHub(settings.serve, version, seed))
  const offer = (inputs: ReadonlyArray<CacheInput>): void => hub?.offer(inputs)
  const store = settings?.store && (yield* (yield* loadStore).makeSiteStore(settings.store, seed, offer))
  const isServingStore = settings?.store?.serve === true
  const feed =
    hub === undefined && store === undefined
      ? undefined
      : new Feed(sinkOf(isServingStore ? undefined : hub, store), version)
  if (feed !== undefined) {
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(() => feed.look(), LOOK_MS)),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
  }
  const follower =
    settings?.follow && (yield* (yield* loadFollower).makeFollower(settings.follow, version, seed, inbox))
  return {
    took: (state, sequence) => feed?.took(state, sequence),
    show: (state) => ({
      serve: hub?.show() ?? null,
      follow: follower?.show(state) ?? null,
      store: store?.show() ?? null
    }),
    isInSync: () => bothInSync(hub, follower),
    prometheus: () => hub?.prometheus() ?? "",
    drain: hub?.drain ?? Effect.void
  }
})

const loadHub = Effect.promise(() => import("./fanout-hub.ts"))
const loadStore = Effect.promise(() => import("./fanout-store.ts"))
const loadFollower = Effect.promise(() => import("./fanout-follower.ts"))

const sinkOf = (hub: Hub | undefined, store: SiteStore | undefined): FeedSink => ({
  isKnown: (key) => hub?.isKnown(key) === true,
  offer: (updates, status) => {
    const inputs: Array<CacheInput> = updates.length === 0 ? [] : [{ _tag: "Updates", updates }]
    if (status !== undefined) inputs.push({ _tag: "Status", status })
    hub?.offer(inputs)
    for (const { key, value } of updates) store?.publish(key as string, value)
  }
})

const bothInSync = (hub: Hub | undefined, follower: Follower | undefined): boolean | undefined =>
  hub === undefined && follower === undefined ? undefined : hub?.isInSync() !== false && follower?.isInSync() !== false

const LOOK_MS = 1000
