// The daemon seen from outside: questions, which are pure functions of the router's state between two steps and leave no trace, and
// orders, which go through the inbox like everything else and are answered when their batch has been stepped.
import { createHmac, randomBytes } from "node:crypto"
import { Deferred, Effect, FiberSet, type PubSub, Stream } from "effect"
import type { PoolStats } from "../buffers/index.ts"
import { type ConfigError, type LoadedConfig, loadConfig } from "../config/index.ts"
import type { EventRecord } from "../eventlog/index.ts"
import {
  type Command,
  keepsRoutesOverReset,
  type Notice,
  needsRestart,
  type PeerCommand,
  type PeerConfig,
  query,
  type RouterConfig,
  type RouterState
} from "../router/index.ts"
import type { Core } from "./core.ts"
import type { Fanout } from "./fanout.ts"
import type { BoundedInbox } from "./inbox.ts"
import type { RecorderStats } from "./recorder.ts"
import type { TcpPeer } from "./tcp-options.ts"
import type { TransportService, TransportStats } from "./transport.ts"

export interface OrderResult {
  readonly ok: boolean
  readonly message: string
}

/** What a running daemon offers to whoever serves people and scripts. */
export interface Daemon {
  /** `undefined`: nothing goes by that name. Arrays and objects are one value, any other iterable is a table of rows. */
  readonly query: (name: string, params: Readonly<Record<string, string>>) => unknown
  /** Resolves when the router has taken the command: its batch is recorded and stepped. */
  readonly command: (command: Command) => Effect.Effect<OrderResult>
  /** Notices from now on. A reader that falls far behind loses the oldest. */
  readonly events: Stream.Stream<Notice>
  /** The endpoints that we listen on, with the ports that the system gave. */
  readonly listening: () => ReadonlyArray<string>
  /** Reads the configuration file again and applies the difference. */
  readonly reload: Effect.Effect<OrderResult>
}

/** Orders under way, by the record that carries them. */
export class Orders {
  private readonly waiting = new Map<
    EventRecord,
    { readonly command: Command; readonly done: Deferred.Deferred<OrderResult> }
  >()
  private readonly inbox: BoundedInbox

  constructor(inbox: BoundedInbox) {
    this.inbox = inbox
  }

  readonly give = (command: Command): Effect.Effect<OrderResult> =>
    Effect.suspend(() => {
      const record: EventRecord = { _tag: "Command", json: JSON.stringify(command) }
      const done = Deferred.makeUnsafe<OrderResult>()
      this.waiting.set(record, { command, done })
      return Effect.andThen(this.inbox.offer(record), Deferred.await(done)).pipe(
        Effect.ensuring(Effect.sync(() => this.waiting.delete(record)))
      )
    })

  /** What the router is about to say to the orders in a batch; tells whoever gave them when it has been stepped. */
  about(records: ReadonlyArray<EventRecord>, state: RouterState): () => void {
    if (this.waiting.size === 0) return NOTHING_TO_TELL
    const answers = records.flatMap((record) => {
      const order = record._tag === "Command" ? this.waiting.get(record) : undefined
      return order === undefined ? [] : [{ done: order.done, result: resultOf(order.command, state) }]
    })
    return () => {
      for (const { done, result } of answers) Deferred.doneUnsafe(done, Effect.succeed(result))
    }
  }
}

const NOTHING_TO_TELL = (): void => undefined

/** The router takes every order and ignores those that name what is not there: here that becomes a sentence for whoever gave it. */
const resultOf = (command: Command, state: RouterState): OrderResult => {
  switch (command.command) {
    case "peer":
      return resultOfPeer(command, state)
    case "withdraw":
      return state.originated.has(command.prefix)
        ? { ok: true, message: `${command.prefix} is withdrawn` }
        : { ok: false, message: `${command.prefix} is not announced by us` }
    case "resync":
      return state.isConfigured && state.forwarding.kernelSide !== undefined
        ? { ok: true, message: "the kernel is read again" }
        : { ok: false, message: "there is no kernel: the configuration has no section kernel" }
    case "announce":
      return { ok: true, message: `${command.route.prefix} is announced` }
    case "configure":
      return { ok: true, message: "the configuration is applied" }
    case "shutdown":
      return { ok: true, message: "shutting down" }
  }
}

const resultOfPeer = ({ address, action, soft }: PeerCommand, state: RouterState): OrderResult => {
  const peer = state.peers[state.byAddress.get(address) ?? 0]
  if (peer === undefined) return { ok: false, message: `there is no peer ${address}` }
  if (action === "refresh" && peer.established === 0) {
    return { ok: false, message: `${address} is not up: there is nothing to refresh` }
  }
  if (action === "bfd-down" && peer.established === 0) {
    return { ok: false, message: `${address} is not up: there is no session that its path could end` }
  }
  if (action === "reset" && soft === true && !keepsRoutesOverReset(state, peer)) {
    const mend = "use refresh, which ends no session, or reset without --soft"
    return { ok: false, message: `${address} and we have not agreed to keep routes over a reset (RFC 8538); ${mend}` }
  }
  return { ok: true, message: `${address}: ${action}` }
}

export interface FaceParts {
  readonly config: LoadedConfig
  readonly core: Core
  readonly orders: Orders
  readonly notices: PubSub.PubSub<Notice>
  readonly seed: number
  readonly listening: ReadonlyArray<string>
  readonly recorder: () => RecorderStats
  readonly transport: TransportService
  readonly fanout: Fanout
}

interface Buffers {
  readonly pools: ReadonlyArray<PoolStats>
}

/** The router knows the blocks that it writes to; those that connections are read into belong to the transport. */
const withReceivePools = (answer: Buffers, { pools, ...transport }: TransportStats): object => ({
  ...answer,
  pools: [...answer.pools, ...pools],
  transport
})

export const daemonFace = (parts: FaceParts): Daemon => ({
  query: (name, params) => {
    if (name === "fanout") {
      // The metrics have names of their own, and are text.
      return params["format"] === "prometheus" ? parts.fanout.prometheus() : parts.fanout.show(parts.core.state)
    }
    const answer = name === "log" ? parts.recorder() : query(parts.core.state, name, params)
    if (name === "buffers") return withReceivePools(answer as Buffers, parts.transport.stats())
    if (name !== "health") return answer
    return withFollowers(withRefusals(answer as Health, parts.transport.stats()), parts.fanout)
  },
  command: parts.orders.give,
  events: Stream.fromPubSub(parts.notices),
  listening: () => parts.listening,
  reload: reload(parts)
})

/** A hub whose table is not what its source has is not well, nor is a follower without a hub: whoever asks is told so. */
const withFollowers = (health: object, fanout: Fanout): object => {
  const inSync = fanout.isInSync()
  if (inSync === undefined) return health
  const { status } = health as { readonly status: string }
  return { ...health, status: inSync || status !== "ok" ? status : "degraded", fanout: { inSync } }
}

interface Health {
  readonly refused: Readonly<Record<string, number>>
}

/** What the transport and the kernel turned away before the router heard of it. Packets are counted for the whole network namespace. */
const withRefusals = (health: Health, { refused, tcp }: TransportStats): object => {
  const unprotected = Object.values(tcp.refused).reduce((sum, count) => sum + count, 0)
  return {
    ...health,
    refused: { ...health.refused, tooManyConnections: refused - unprotected, unprotected },
    droppedPackets: {
      wrongTtl: tcp.lowTtl,
      md5Wrong: tcp.md5.wrong,
      md5Absent: tcp.md5.absent,
      md5Unexpected: tcp.md5.unexpected
    }
  }
}

const reload = ({ config, orders, seed, transport }: FaceParts): Effect.Effect<OrderResult> =>
  loadConfig(config.path).pipe(
    Effect.flatMap((loaded) => {
      if (needsRestart(config.router, loaded.router)) return Effect.succeed(RESTART_NEEDED)
      const isServedElsewhere = JSON.stringify(config.daemon) !== JSON.stringify(loaded.daemon)
      const warnings = isServedElsewhere ? [...loaded.warnings, SERVED_AS_BEFORE] : loaded.warnings
      return Effect.forEach(warnings, (warning) => Effect.logWarning(warning)).pipe(
        Effect.andThen(Effect.suspend(() => sayProblems(transport.configure(tcpPeers(loaded.router))))),
        Effect.andThen(orders.give(configureCommand(servedAs(config.router, loaded.router), seed)))
      )
    }),
    Effect.catchTag("ConfigError", (error: ConfigError) =>
      Effect.succeed({ ok: false, message: `the configuration stays as it was:\n${error.message}` })
    )
  )

/** Followers are served until the end as they were at the start: they must not be left with a table that stands still. */
const servedAs = ({ publish }: RouterConfig, { publish: _, ...loaded }: RouterConfig): RouterConfig =>
  publish === undefined ? loaded : { ...loaded, publish }

const sayProblems = (problems: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(problems, (problem) => Effect.logError(problem), { discard: true })

const RESTART_NEEDED: OrderResult = {
  ok: false,
  message: "the configuration stays as it was: a new router.asn, router.id, listen or kernel needs a restart"
}
const SERVED_AS_BEFORE = "api, log and fanout are read at start only: what is new there takes effect with a restart"

/** The configuration as the router gets it and the log records it: without passwords, but a changed one is a changed peer. */
export const configureCommand = (config: RouterConfig, seed: number): Command => ({
  command: "configure",
  seed,
  config: {
    ...config,
    peers: config.peers.map(withoutPassword),
    ...(config.dynamic === undefined
      ? {}
      : { dynamic: config.dynamic.map((range) => ({ ...range, peer: withoutPassword(range.peer) })) })
  }
})

const withoutPassword = (peer: PeerConfig): PeerConfig => ({
  ...peer,
  password: peer.password === "" ? "" : fingerprint(peer.password)
})

/** Whoever may connect or is dialled: the peers, and ranges under their prefix. */
export const tcpPeers = ({ peers, dynamic = [] }: RouterConfig): ReadonlyArray<TcpPeer> => [
  ...peers,
  ...dynamic.map(({ range, peer }) => ({ ...peer, address: range }))
]

const fingerprint = (secret: string): string => createHmac("sha256", RUN_KEY).update(secret).digest("hex").slice(0, 16)

/** Known to this process only, so that a recorded fingerprint cannot be guessed back. */
const RUN_KEY = randomBytes(32)

/** SIGHUP reads the configuration again, for as long as the scope lasts. `takeMissed`: whether one came before anybody could listen. */
export const reloadOnHangup = Effect.fnUntraced(function* (
  daemon: Pick<Daemon, "reload">,
  takeMissed: () => boolean = () => false
) {
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  const reload = Effect.flatMap(daemon.reload, ({ ok, message }) => (ok ? Effect.void : Effect.logError(message)))
  const onHangup = (): void => void run(reload)
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", onHangup)),
    () => Effect.sync(() => process.off("SIGHUP", onHangup))
  )
  if (takeMissed()) onHangup()
})
