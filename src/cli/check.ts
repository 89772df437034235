// `check`: says whether a configuration is good, without a daemon. Errors leave through ConfigError, with file, line and column.
import * as Effect from "effect/Effect"
import { type ConfigError, configJsonSchema, loadConfig } from "../config/index.ts"
import { ExitStatus, type Failure, fail } from "./failure.ts"
import { say, sayJson, warn } from "./output.ts"

export const check = (file: string | undefined, json: boolean): Effect.Effect<void, ConfigError | Failure> =>
  Effect.gen(function* () {
    if (file === undefined) {
      return yield* fail(ExitStatus.Usage, "check: name the configuration file, or use --schema")
    }
    const { router, daemon, warnings } = yield* loadConfig(file)
    if (json) {
      const peers = router.peers.map((peer) => ({ ...peer, password: peer.password === "" ? "" : "(set)" }))
      return yield* sayJson({ ok: true, warnings, router: { ...router, peers }, daemon })
    }
    for (const warning of warnings) yield* warn(`${file}: ${warning}`)
    const kernel = router.kernel === undefined ? "no kernel" : `kernel table ${router.kernel.table}`
    yield* say(`${file}: good: AS ${router.router.asn}, ${peerCount(router.peers.length)}, ${kernel}`)
  })

const peerCount = (count: number): string => (count === 1 ? "1 peer" : `${count} peers`)

export const printSchema: Effect.Effect<void> = Effect.suspend(() => say(JSON.stringify(configJsonSchema(), null, 2)))
