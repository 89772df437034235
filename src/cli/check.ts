// `check`: says whether a configuration is good, without a daemon. Errors leave through ConfigError, with file, line and column.
import * as Effect from "effect/Effect"
import { type ConfigError, configJsonSchema, loadConfig } from "../config/index.ts"
import type { PeerConfig, RouterConfig } from "../router/index.ts"
import { ExitStatus, type Failure, fail } from "./failure.ts"
import { say, sayJson, warn } from "./output.ts"

export const check = (file: string | undefined, json: boolean): Effect.Effect<void, ConfigError | Failure> =>
  Effect.gen(function* () {
    if (file === undefined) {
      return yield* fail(ExitStatus.Usage, "check: name the configuration file, or use --schema")
    }
    const { router, daemon, warnings } = yield* loadConfig(file)
    if (json) {
      return yield* sayJson({ ok: true, warnings, router: withoutPasswords(router), daemon })
    }
    for (const warning of warnings) yield* warn(`${file}: ${warning}`)
    const kernel = router.kernel === undefined ? "no kernel" : `kernel table ${router.kernel.table}`
    const peers = `${count(router.peers.length, "peer")}${ranges(router.dynamic?.length ?? 0)}`
    yield* say(`${file}: good: AS ${router.router.asn}, ${peers}, ${kernel}`)
  })

const withoutPasswords = (router: RouterConfig): RouterConfig => ({
  ...router,
  peers: router.peers.map(withoutPassword),
  ...(router.dynamic === undefined
    ? {}
    : { dynamic: router.dynamic.map((range) => ({ ...range, peer: withoutPassword(range.peer) })) })
})

const withoutPassword = (peer: PeerConfig): PeerConfig => ({ ...peer, password: peer.password === "" ? "" : "(set)" })

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`
const ranges = (number: number): string => (number === 0 ? "" : `, ${count(number, "range")}`)

export const printSchema: Effect.Effect<void> = Effect.suspend(() => say(JSON.stringify(configJsonSchema(), null, 2)))
