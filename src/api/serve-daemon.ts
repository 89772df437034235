// The seam to a daemon of this process: its face as runtime offers it becomes the port that the API asks, and the API is served for as
// long as the daemon runs.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Daemon } from "../runtime/index.ts"
import { DaemonPort, type DaemonPortService, NotFound, type QueryName, type QueryParams } from "./daemon-port.ts"
import { type ApiAddresses, type ApiError, type ApiOptions, serveApi } from "./server.ts"

export const portOf = (daemon: Daemon): DaemonPortService => ({
  query: (name, params) =>
    Effect.suspend(() => {
      const answer = daemon.query(name, params)
      return answer === undefined
        ? Effect.fail(new NotFound({ message: nothing(name, params) }))
        : Effect.succeed(answer)
    }),
  command: daemon.command,
  events: daemon.events
})

const nothing = (name: QueryName, { prefix }: QueryParams): string => {
  if (name !== "graph") return `this daemon has no ${name}`
  return prefix === undefined ? "this daemon has no graph yet" : `there is no forwarding entry for ${prefix}`
}

/** Until the scope closes. */
export const serveDaemon = (daemon: Daemon, options: ApiOptions): Effect.Effect<ApiAddresses, ApiError, Scope.Scope> =>
  serveApi(options).pipe(Effect.provideService(DaemonPort, portOf(daemon)))
