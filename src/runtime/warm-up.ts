// What a full table needs of the code is practised before there is one. A program that has just started runs unoptimised code, and a
// daemon is given its peers' tables exactly then: the compiler would work beside it for the first third of a table. So, once it
// listens and as long as no peer has told it a route, the daemon plays made-up tables to routers of their own, through the very functions
// that a real one goes through (ADR-0050). In slices, so that timers and sockets have their turn, with pauses in which the compiler
// catches up; it ends as soon as there is something real to do, and nothing of it is seen by the daemon's router.
import { Effect, type Scope } from "effect"
import type { RouterConfig } from "../router/index.ts"
import { asnOf, nextHopOf, WarmUpRouter } from "./warm-up-router.ts"
import { syntheticTable, syntheticWithdrawals, type TableShape } from "./warm-up-table.ts"

type Practised = Pick<RouterConfig, "router" | "kernel">

export interface WarmUpOptions {
  /** Whether there is something real to do. Asked before each step. */
  readonly isBusy: () => boolean
  /** What the daemon is, and whether it writes to a kernel. */
  readonly config: Practised
  /** What is done, a step at a time. */
  readonly practice?: Iterator<void>
  /** Processor time of the daemon's thread for all of it, in milliseconds. */
  readonly budgetMs?: number
}

/** Resolves when all was practised, when there is something real to do, or when the budget is spent. What it needs to keep is kept with the scope. */
export const warmUp = Effect.fnUntraced(function* (options: WarmUpOptions): Effect.fn.Return<void, never, Scope.Scope> {
  const { config, isBusy, practice = practise(yield* anchor(config), config), budgetMs = WARM_UP_MS } = options
  const begun = processorMs()
  const slice = (): boolean => {
    const start = performance.now()
    while (performance.now() - start < SLICE_MS) {
      if (isBusy() || processorMs() - begun >= budgetMs || practice.next().done === true) return false
    }
    return true
  }
  while (slice()) yield* Effect.sleep(PAUSE_MS)
})

/**
 * A small router with sessions and a few routes, as long as the scope. Of a kind of object of which there is none the collector forgets
 * what it looked like, and with it what was compiled for it.
 */
const anchor = ({ router }: Practised): Effect.Effect<WarmUpRouter, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new WarmUpRouter(router, 2, "external")),
    (small) => Effect.sync(() => small.close())
  )

/** Everything that a table goes through, a step at a time; the same every time. What is met most comes last: it is compiled for good then. */
export function* practise(small: WarmUpRouter, { router, kernel }: Practised): Generator<void> {
  yield* small.play(0, syntheticTable(shape(0, SMALL_PREFIXES)))
  if (kernel !== undefined) {
    // From a speaker into the kernel, and out of it again.
    const forwarder = new WarmUpRouter(router, 1, "external", kernel)
    yield* forwarder.play(0, syntheticTable(shape(0, KERNEL_ROUTES)))
    yield* forwarder.lose(0)
    forwarder.close()
  }
  // Clients of a route server, which get messages as they came.
  const server = new WarmUpRouter(router, CLIENTS, "route-server-client")
  yield* server.play(0, syntheticTable(shape(0, SERVER_PREFIXES)))
  yield* server.lose(0)
  server.close()
  // Several paths for each prefix, and the best one goes.
  const choice = new WarmUpRouter(router, SPEAKERS + 1, "external")
  for (let peer = 0; peer < SPEAKERS; peer++) yield* choice.play(peer, syntheticTable(shape(peer, CHOICE_PREFIXES)))
  yield* choice.play(0, syntheticWithdrawals(shape(0, CHOICE_PREFIXES)))
  for (let peer = 1; peer < SPEAKERS; peer++) yield* choice.lose(peer)
  choice.close()
  // One in, one out.
  const transit = new WarmUpRouter(router, 2, "external")
  yield* transit.play(0, syntheticTable(shape(0, TRANSIT_PREFIXES)))
  yield* transit.lose(0)
  transit.close()
}

const shape = (peer: number, prefixes: number): TableShape => ({
  prefixes,
  asn: asnOf(peer),
  nextHop: nextHopOf(peer),
  seed: 7,
  pathSeed: 11 * peer + 1
})

/** Time that this thread was given by a processor: on a busy machine little of what passes. */
const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Four times what it takes on the machine of docs/PERFORMANCE.md. */
const WARM_UP_MS = 600
/** After so long whoever waits has its turn. */
const SLICE_MS = 4
/** The compiler has a thread of its own and may find a core free. */
const PAUSE_MS = 4
const SMALL_PREFIXES = 300
const KERNEL_ROUTES = 4_000
const TRANSIT_PREFIXES = 30_000
const CHOICE_PREFIXES = 7_000
const SERVER_PREFIXES = 15_000
const SPEAKERS = 3
const CLIENTS = 4
