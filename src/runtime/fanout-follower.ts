// The daemon as a follower: what the client's machine reports becomes records for the router, in order, so that they are logged and replay.
// The router takes them at its own pace: while it does not, the hub's connection is not read.
import { hostname } from "node:os"
import { Effect, Queue, type Scope } from "effect"
import type { FanoutFollowSettings } from "../config/index.ts"
import { type EventRecord, FollowedNews } from "../eventlog/index.ts"
import { bytesOf, encodeChanges, FOLLOW_DEFAULTS } from "../fanout/index.ts"
import type { RouterState } from "../router/index.ts"
import { type FanoutClient, type FollowNews, follow } from "./fanout-client.ts"
import { readTls } from "./fanout-hub.ts"
import type { BoundedInbox } from "./inbox.ts"
import type { DaemonFailed } from "./outfit.ts"

export interface Follower {
  readonly show: (state: RouterState) => Readonly<Record<string, unknown>>
  readonly isInSync: () => boolean
}

/** Follows for as long as the scope lasts. */
export const makeFollower = Effect.fnUntraced(function* (
  settings: FanoutFollowSettings,
  version: string,
  seed: number,
  inbox: BoundedInbox
): Effect.fn.Return<Follower, DaemonFailed, Scope.Scope> {
  const tls = settings.tls === undefined ? undefined : yield* readTls(settings.tls)
  const said: Array<string> = []
  // Unbounded by type: above WAITING_MAX the connection is not read, so it grows by one read at most.
  const waiting = yield* Queue.unbounded<EventRecord>()
  const link: { client: FanoutClient | undefined; count: number } = { client: undefined, count: 0 }
  const client = yield* follow({
    ...FOLLOW_DEFAULTS,
    hubs: settings.hubs,
    hostname: hostname(),
    info: "backwalk",
    version,
    syncerType: settings.stream,
    compression: settings.compression,
    staleAfterMs: settings.staleAfterMs,
    withdrawStale: settings.withdrawStale,
    seed,
    ...(tls === undefined ? {} : { tls }),
    onNews: (news) => {
      const line = sentence(news)
      if (line !== "") said.push(line)
      for (const record of recordsOf(news)) {
        link.count++
        Queue.offerUnsafe(waiting, record)
      }
      if (link.count > WAITING_MAX) link.client?.pause()
    }
  })
  link.client = client
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        yield* inbox.offer(yield* Queue.take(waiting))
        if (--link.count === 0) client.resume()
        for (const line of said.splice(0)) yield* Effect.logInfo(line)
      })
    )
  )
  return {
    show: ({ followed }) => ({
      ...client.status(),
      routes: followed.count,
      unreadableRoutes: followed.unreadable,
      stage: followed.stage
    }),
    isInSync: () => client.status().inSync
  }
})

const recordsOf = (news: FollowNews): ReadonlyArray<EventRecord> => {
  switch (news._tag) {
    case "Changed":
      return encodeChanges(news.changes).map((bytes) => ({ _tag: "Followed", news: FollowedNews.Changed, bytes }))
    case "InSync":
      return [{ _tag: "Followed", news: FollowedNews.InSync, bytes: bytesOf(news.hub) }]
    case "OutOfSync":
      return [{ _tag: "Followed", news: FollowedNews.OutOfSync, bytes: NOTHING }]
    case "Stale":
      return [{ _tag: "Followed", news: FollowedNews.Stale, bytes: NOTHING }]
  }
}

const sentence = (news: FollowNews): string => {
  switch (news._tag) {
    case "Changed":
      return ""
    case "InSync":
      return `fan-out: in sync with the hub ${news.hub}`
    case "OutOfSync":
      return `fan-out: no hub: ${news.reason}; the table stays as it is`
    case "Stale":
      return "fan-out: the table is stale: no hub for long"
  }
}

const NOTHING = new Uint8Array(0)
/** Records of up to 64 KiB that wait for the router. */
const WAITING_MAX = 32
