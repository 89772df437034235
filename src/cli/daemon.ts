// The commands that become the daemon. Everything heavy is behind runtime's front door and loaded only here.
import * as Effect from "effect/Effect"
import { loadConfig } from "../config/index.ts"
import { warn } from "./output.ts"

export const run = (file: string) =>
  Effect.gen(function* () {
    const config = yield* loadConfig(file)
    for (const warning of config.warnings) yield* warn(`${file}: ${warning}`)
    const { runDaemon } = yield* Effect.promise(() => import("../runtime/index.ts"))
    yield* runDaemon(config)
  })

export const demo = (options: { readonly once: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const { runDemo } = yield* Effect.promise(() => import("../runtime/index.ts"))
    yield* runDemo(options)
  })
