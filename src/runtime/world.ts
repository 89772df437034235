// The interpreter's services put together, with what they need of a scope: things that take time run in fibers that end with the daemon.
import { Deferred, Effect, FiberSet, type Scope } from "effect"
import type { Notice } from "../router/index.ts"
import { Inbox } from "./inbox.ts"
import type { World } from "./interpreter.ts"
import { Kernel } from "./kernel.ts"
import { DaemonFailed } from "./outfit.ts"
import { Timers } from "./timers.ts"
import { type ListenFailed, Transport } from "./transport.ts"

export interface MadeWorld {
  readonly world: World
  /** Endpoints that we listen on. */
  readonly listening: ReadonlyArray<string>
  /** Notices of the step just performed. */
  readonly news: Array<Notice>
  /** Fails when the daemon cannot go on. */
  readonly failed: Effect.Effect<never, DaemonFailed | ListenFailed>
}

export const makeWorld = Effect.fnUntraced(function* (): Effect.fn.Return<
  MadeWorld,
  never,
  Inbox | Kernel | Timers | Transport | Scope.Scope
> {
  const inbox = yield* Inbox
  const transport = yield* Transport
  const kernel = yield* Kernel
  const timers = yield* Timers
  const start = yield* FiberSet.makeRuntime<never, void, never>()
  const failed = Deferred.makeUnsafe<never, ListenFailed>()
  const listening: Array<string> = []
  const news: Array<Notice> = []
  const lost = Effect.mapError(kernel.lost ?? Effect.never, ({ message }) => new DaemonFailed({ message, status: 1 }))
  const advice = yield* kernel.prepare()
  if (advice !== undefined) yield* Effect.logWarning(advice)

  const listen = (endpoint: string): Effect.Effect<void> =>
    transport.listen(endpoint).pipe(
      Effect.flatMap((bound) => {
        listening.push(bound)
        return Effect.logInfo(`listening on ${bound}`)
      }),
      Effect.catchTag("ListenFailed", (error) =>
        // A machine without IPv6 is a machine with fewer addresses, not a failure.
        error.code === "EAFNOSUPPORT" ? Effect.logWarning(error.message) : Deferred.fail(failed, error)
      ),
      Effect.asVoid
    )
  return {
    listening,
    news,
    failed: Effect.raceFirst(Deferred.await(failed), lost),
    world: {
      inbox,
      transport,
      timers,
      kernel,
      start,
      listen: (endpoint) => start(listen(endpoint)),
      tell: (notice) => news.push(notice),
      stopped: () => inbox.end()
    }
  }
})
