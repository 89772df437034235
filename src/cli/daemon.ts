// The commands that become the daemon. Everything heavy is behind the front doors of runtime and api, and loaded only here.
import * as Effect from "effect/Effect"
import { loadConfig } from "../config/index.ts"
import { takeHangups } from "./early-hangup.ts"
import { VERSION } from "./version.ts"

const load = Effect.promise(() => Promise.all([import("../runtime/index.ts"), import("../api/index.ts")]))

export const run = (file: string) =>
  Effect.gen(function* () {
    const config = yield* loadConfig(file)
    const [{ runDaemon }, { serveDaemon }] = yield* load
    yield* runDaemon(config, {
      programVersion: VERSION,
      takeHangups,
      warmUp: process.env["BACKWALK_WARM_UP"] !== "no",
      surface: (daemon) =>
        Effect.gen(function* () {
          for (const warning of config.warnings) yield* Effect.logWarning(warning)
          const { socket, http } = yield* serveDaemon(daemon, config.daemon.api)
          yield* Effect.logInfo(`control socket ${socket}${http === "" ? "" : `, looking glass ${http}`}`)
        })
    })
  })

export const demo = (options: { readonly once: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const [{ runDemo }, { serveDaemon }] = yield* load
    yield* runDemo({ ...options, programVersion: VERSION, serve: serveDaemon })
  })
