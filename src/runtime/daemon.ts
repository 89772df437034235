// The daemon as an Effect program. Sources offer records into one inbox, each in its own scope; the middle is a stream of what waits:
// stamp, record, step, perform; the sinks are the interpreter's services. Nothing here knows what BGP is (ADR-0011, ADR-0013).
// Interrupting the daemon is asking it to stop: it says goodbye to its peers first, but not for longer than SHUTDOWN_MS.
import { randomBytes } from "node:crypto"
import { Effect, Fiber, Layer, PubSub, type Scope, Stream } from "effect"
import type { LoadedConfig } from "../config/index.ts"
import type { EventRecord } from "../eventlog/index.ts"
import { BATCH_BYTES_MAX, KERNEL_FED_BATCH_BYTES_MAX } from "../machine/index.ts"
import type { Command, Notice, RouterConfig } from "../router/index.ts"
import { Core } from "./core.ts"
import { sayNotice, stderrLogger } from "./diary.ts"
import { makeFanout } from "./fanout.ts"
import { cutIntoBatches, Inbox } from "./inbox.ts"
import { perform } from "./interpreter.ts"
import type { Kernel } from "./kernel.ts"
import { configureCommand, type Daemon, daemonFace, Orders, reloadOnHangup, tcpPeers } from "./orders.ts"
import { type DaemonFailed, kernelOf, recorderOf } from "./outfit.ts"
import { Recorder } from "./recorder.ts"
import { releaseStartMemory } from "./start-memory.ts"
import { Timers } from "./timers.ts"
import { type ListenFailed, Transport } from "./transport.ts"
import { warmUp } from "./warm-up.ts"
import { makeWorld } from "./world.ts"

export interface DaemonOptions<E = never, R = never> {
  /** Serves people and scripts. Started before the first event, ended after the last. */
  readonly surface?: (daemon: Daemon) => Effect.Effect<unknown, E, R>
  /** Instead of the kernel that the configuration asks for. */
  readonly kernel?: Layer.Layer<Kernel, DaemonFailed, Inbox>
  readonly programVersion?: string
  /** Whoever held hangups back while the daemon started lets go of them, and says whether one came. */
  readonly takeHangups?: () => boolean
  /** Practise on made-up tables until a peer has something to tell. */
  readonly warmUp?: boolean
  /** Where what the daemon says goes, instead of stderr. */
  readonly diary?: Layer.Layer<never>
}

/** Runs until it is interrupted, and then ends cleanly, or until it cannot go on. */
export const runDaemon = <E = never, R = never>(
  config: LoadedConfig,
  options: DaemonOptions<E, R> = {}
): Effect.Effect<void, E | DaemonFailed | ListenFailed, Exclude<R, Scope.Scope>> =>
  Effect.suspend(() => {
    const seed = randomBytes(4).readUInt32LE()
    const core = new Core(seed, config.daemon.log !== undefined)
    const services = Layer.mergeAll(Transport.layer(), Timers.layer, options.kernel ?? kernelOf(config.router)).pipe(
      Layer.provideMerge(Inbox.layer)
    )
    return Effect.scoped(daemon(config, core, seed, options)).pipe(
      Effect.provide(services),
      // Sockets and kernel are closed by now: whatever is still leased was forgotten.
      Effect.ensuring(Effect.suspend(() => reportLeaks(core))),
      Effect.provide(recorderOf(config.daemon.log, seed, options.programVersion)),
      Effect.provide(options.diary ?? stderrLogger)
    ) as Effect.Effect<void, E | DaemonFailed | ListenFailed, Exclude<R, Scope.Scope>>
  })

const daemon = Effect.fnUntraced(function* <E, R>(
  config: LoadedConfig,
  core: Core,
  seed: number,
  options: DaemonOptions<E, R>
) {
  const inbox = yield* Inbox
  const transport = yield* Transport
  const recorder = yield* Recorder
  const orders = new Orders(inbox)
  const notices = yield* PubSub.sliding<Notice>(NOTICES_KEPT)
  const { world, listening, news, failed } = yield* makeWorld()
  const fanout = yield* makeFanout(config.daemon.fanout, options.programVersion ?? "", seed, inbox)

  const take = Effect.fnUntraced(function* (records: ReadonlyArray<EventRecord>) {
    const batch = core.stamp(records)
    yield* recorder.append(batch)
    const answer = orders.about(records, core.state)
    core.step(batch)
    perform(core.state, core.out, world)
    fanout.took(core.state, batch.seq)
    inbox.taken(records)
    transport.taken(records)
    answer()
    for (const notice of news.splice(0)) yield* Effect.andThen(sayNotice(notice), PubSub.publish(notices, notice))
    // To the event loop and back: sockets and timers have their turn between any two batches.
    yield* Effect.yieldNow
  })
  const batchBytes = config.router.kernel === undefined ? BATCH_BYTES_MAX : KERNEL_FED_BATCH_BYTES_MAX
  const routing = Stream.fromQueue(inbox.queue).pipe(
    Stream.runForEachArray((waiting) => Effect.forEach(cutIntoBatches(waiting, batchBytes), take, { discard: true })),
    Effect.andThen(Effect.suspend(() => take(core.lastRecords()))),
    Effect.tapCause((cause) =>
      Effect.logError(`batch ${core.seq}: this is a defect; the log up to here shows it`, cause)
    )
  )

  const parts = { config, core, orders, notices, seed, listening, recorder: recorder.stats, transport, fanout }
  const face = daemonFace(parts)
  yield* options.surface?.(face) ?? Effect.void
  yield* reloadOnHangup(face, options.takeHangups)
  for (const problem of transport.configure(tcpPeers(config.router))) yield* Effect.logError(problem)
  inbox.offerNow(commandRecord(configureCommand(config.router, seed)))
  const running = yield* Effect.forkScoped(routing)
  yield* Effect.forkScoped(Effect.andThen(settle(core, config.router, options.warmUp === true), releaseStartMemory))
  yield* Effect.raceFirst(Fiber.join(running), failed).pipe(
    Effect.onInterrupt(() => {
      inbox.offerNow(commandRecord({ command: "shutdown" }))
      const limit = setTimeout(() => inbox.end(), SHUTDOWN_MS)
      return Effect.ensuring(
        Effect.all([Fiber.await(running), fanout.drain], { concurrency: 2, discard: true }),
        Effect.sync(() => clearTimeout(limit))
      )
    })
  )
})

/** Resolves when nothing of the start is under way any more. */
const settle = (core: Core, config: RouterConfig, warms: boolean): Effect.Effect<void, never, Scope.Scope> => {
  const isBusy = (): boolean => {
    const { counters, followed, stopping } = core.state
    return counters.updatesIn > 0 || followed.count > 0 || stopping
  }
  const steps = [Effect.sleep(SETTLED_MS), warms ? warmUp({ isBusy, config }) : Effect.void]
  return Effect.all(steps, { concurrency: 2, discard: true })
}

const commandRecord = (command: Command): EventRecord => ({ _tag: "Command", json: JSON.stringify(command) })

const reportLeaks = ({ state }: Core): Effect.Effect<void> => {
  const leaks = state.pool.describeLeaks()
  return leaks === "" ? Effect.void : Effect.logWarning(leaks)
}

/** Peers that do not take our goodbye, or a kernel that does not answer, hold us up for so long at most. */
const SHUTDOWN_MS = 10_000
/** After this nothing of the start is under way any more; what a fast peer brings meanwhile only comes to be read again. */
const SETTLED_MS = 500
/** Notices that a slow reader of the event stream may lag behind. */
const NOTICES_KEPT = 1024
