// The demonstration's daemon and its two speakers, wherever they run: it says what it does, waits until everything is learned and
// programmed, and sums up.
import { join } from "node:path"
import { Deferred, Effect, type Scope } from "effect"
import type { LoadedConfig } from "../config/index.ts"
import type { PeerConfig } from "../router/index.ts"
import { runDaemon } from "./daemon.ts"
import { bridgeToTcp } from "./demo-bridge.ts"
import { DEMO_NETWORK, modelOfNetwork } from "./demo-network.ts"
import { startSpeaker } from "./demo-speaker.ts"
import { demoPrefixes, demoTable } from "./demo-table.ts"
import type { Daemon } from "./orders.ts"
import type { DaemonFailed } from "./outfit.ts"
import { PLAIN_PEER } from "./plain-peer.ts"
import type { ListenFailed } from "./transport.ts"

export interface DemoOptions<E, R> {
  readonly once: boolean
  /** The summary as JSON also without `once`. */
  readonly json: boolean
  readonly programVersion: string
  /** Serves the API of a daemon on a control socket and on loopback, and says where. */
  readonly serve: (
    daemon: Daemon,
    options: { readonly socket: string; readonly http: string }
  ) => Effect.Effect<{ readonly http: string }, E, R>
}

export interface DemoPlace {
  /** For the log, the sockets and whatever else. */
  readonly directory: string
  readonly mode: "netlink" | "model"
  /** Where the looking glass can be reached from outside; empty: as it is. */
  readonly lookingGlass: string
}

interface DemoPeer {
  readonly address: string
  readonly asn: number
  readonly from: number
  readonly to: number
  readonly nextHops: ReadonlyArray<number>
}

/** Two providers; most of what one announces the other announces too. */
const PEERS: ReadonlyArray<DemoPeer> = [
  { address: "127.0.0.2", asn: 64501, from: 0, to: 20_000, nextHops: [DEMO_NETWORK + 2, DEMO_NETWORK + 3] },
  { address: "127.0.0.3", asn: 64502, from: 8_000, to: 28_000, nextHops: [DEMO_NETWORK + 4] }
]
const PREFIXES = 28_000
const OWN_AS = 64500
const SEED = 20_260_131

export const runInside = <E, R>(
  options: DemoOptions<E, R>,
  place: DemoPlace
): Effect.Effect<void, E | DaemonFailed | ListenFailed, Exclude<R, Scope.Scope>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const startedAt = performance.now()
      const say = (text: string): void => void (options.once ? process.stderr : process.stdout).write(`${text}\n`)
      say(`A daemon (AS ${OWN_AS}) and two built-in speakers; ${KERNELS[place.mode]}.`)
      const prefixes = demoPrefixes(PREFIXES, SEED)
      const ports: Array<number> = []
      for (const { address, asn, from, to, nextHops } of PEERS) {
        const table = demoTable(prefixes.slice(from, to), { asn, nextHops, seed: SEED + asn })
        ports.push(yield* startSpeaker({ address, asn, id: nextHops[0], table }))
        say(`Speaker ${address} (AS ${asn}) plays ${table.prefixCount} prefixes.`)
      }
      const config = configOf(place, ports)
      const done = yield* Deferred.make<void>()
      const surface = Effect.fnUntraced(function* (daemon: Daemon) {
        const glass = yield* serveGlass(options, place, daemon)
        say(`Looking glass: ${glass}`)
        yield* Effect.forkScoped(
          Effect.gen(function* () {
            yield* converged(daemon, say)
            const summary = summaryOf(daemon, place, glass, performance.now() - startedAt)
            if (options.once || options.json) process.stdout.write(`${JSON.stringify(summary)}\n`)
            else sayWhatNext(summary, say)
            if (options.once) yield* Deferred.succeed(done, undefined)
          })
        )
      })
      const { programVersion } = options
      const kernel = place.mode === "model" ? { kernel: modelOfNetwork } : {}
      yield* Effect.raceFirst(runDaemon(config, { programVersion, surface, ...kernel }), Deferred.await(done)).pipe(
        Effect.ensuring(
          Effect.sync(() =>
            say(`Ended. The run is recorded; to replay it: backwalk replay ${place.directory}/log/*.log`)
          )
        )
      )
    })
  ) as Effect.Effect<void, E | DaemonFailed | ListenFailed, Exclude<R, Scope.Scope>>

const KERNELS = {
  netlink: "the kernel is that of a private network namespace, through netlink",
  model: "no network namespace can be made here, so the kernel is the built-in model"
} as const

const serveGlass = Effect.fnUntraced(function* <E, R>(options: DemoOptions<E, R>, place: DemoPlace, daemon: Daemon) {
  const socket = join(place.directory, "control.sock")
  const { http } = yield* options.serve(daemon, { socket, http: "127.0.0.1:0" })
  if (place.lookingGlass === "") return http
  yield* bridgeToTcp(join(place.directory, "looking-glass.sock"), http)
  return place.lookingGlass
})

const configOf = (place: DemoPlace, ports: ReadonlyArray<number>): LoadedConfig => ({
  path: "",
  warnings: [],
  daemon: {
    api: { socket: join(place.directory, "control.sock"), http: "" },
    log: { directory: join(place.directory, "log"), keepBytes: 1024 ** 3 }
  },
  router: {
    router: { asn: OWN_AS, id: "192.0.2.1" },
    listen: [],
    kernel: { table: 254, metric: 20, onExit: "keep", model: place.mode === "model" },
    peers: PEERS.map((peer, index) => peerConfig(peer, ports[index])),
    static: [],
    originate: [{ prefix: "203.0.113.0/24", communities: [] }]
  }
})

const peerConfig = ({ address, asn }: DemoPeer, port: number): PeerConfig => ({
  ...PLAIN_PEER,
  address,
  port,
  asn,
  type: "external",
  name: `speaker AS${asn}`,
  localAddress: "127.0.0.1",
  passive: false,
  holdTime: 90,
  connectRetry: 5,
  idleHold: 1
})

export interface DemoSummary {
  readonly peers: ReadonlyArray<unknown>
  readonly routes: number
  readonly fib: number
  readonly kernel: {
    readonly mode: string
    readonly routes: number
    readonly groups: number
    readonly nexthops: number
  }
  readonly elapsedMs: number
  readonly lookingGlass: string
  readonly controlSocket: string
  readonly log: string
}

const rowsOf = (daemon: Daemon, name: string): ReadonlyArray<Row> => [...(daemon.query(name, {}) as Iterable<Row>)]

type Row = Readonly<Record<string, unknown>>

/** Until every prefix is in the kernel, saying how far it is. */
const converged = Effect.fnUntraced(function* (daemon: Daemon, say: (text: string) => void) {
  let before = ""
  for (;;) {
    const programmed = inSync(daemon, "route")
    const learned = rowsOf(daemon, "peers").reduce((sum, peer) => sum + (peer["prefixes"] as Received).received, 0)
    const news = `Learned ${learned} routes, programmed ${programmed} of ${PREFIXES} prefixes.`
    if (news !== before) say(news)
    before = news
    if (programmed === PREFIXES && learned === PEERS.reduce((sum, { from, to }) => sum + to - from, 0)) return
    yield* Effect.sleep("200 millis")
  }
})

interface Received {
  readonly received: number
}

const inSync = (daemon: Daemon, kind: string): number =>
  rowsOf(daemon, "kernel").filter((row) => row["kind"] === kind && row["state"] === "IN_SYNC").length

const summaryOf = (daemon: Daemon, place: DemoPlace, lookingGlass: string, elapsedMs: number): DemoSummary => {
  const health = daemon.query("health", {}) as { readonly paths: number }
  const { file } = daemon.query("log", {}) as { readonly file: string }
  return {
    peers: rowsOf(daemon, "peers").map(({ address, asn, state, prefixes }) => ({ address, asn, state, prefixes })),
    routes: health.paths,
    fib: rowsOf(daemon, "fib").length,
    kernel: {
      mode: place.mode,
      routes: inSync(daemon, "route"),
      groups: inSync(daemon, "group"),
      nexthops: inSync(daemon, "nexthop")
    },
    elapsedMs: Math.round(elapsedMs),
    lookingGlass,
    controlSocket: join(place.directory, "control.sock"),
    log: file
  }
}

const sayWhatNext = (summary: DemoSummary, say: (text: string) => void): void => {
  const { kernel, routes, fib, elapsedMs } = summary
  say(
    `Converged after ${(elapsedMs / 1000).toFixed(1)} s: ${routes} routes learned, ${fib} entries in the forwarding graph,`
  )
  say(`${kernel.routes} kernel routes through ${kernel.groups} groups of ${kernel.nexthops} next hops.`)
  say(`Look around: ${summary.lookingGlass}`)
  say(`         or: backwalk --socket ${summary.controlSocket} show peers`)
  say("Ctrl-C ends it.")
}
