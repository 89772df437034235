// The warm-up: a table is practised on routers of its own before there is a real one, and nobody can tell but by the clock. ADR-0050
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Fiber, Logger } from "effect"
import { describe, expect, it } from "vitest"
import type { LoadedConfig } from "../../src/config/index.ts"
import { type Batch, LogReader } from "../../src/eventlog/index.ts"
import { OpBuffer } from "../../src/machine/index.ts"
import { createRouter, query, router, stateDigest } from "../../src/router/index.ts"
import { runDaemon } from "../../src/runtime/daemon.ts"
import type { Daemon } from "../../src/runtime/orders.ts"
import { practise, warmUp } from "../../src/runtime/warm-up.ts"
import { asnOf, nextHopOf, WarmUpRouter } from "../../src/runtime/warm-up-router.ts"
import { syntheticTable, syntheticWithdrawals, type TableShape } from "../../src/runtime/warm-up-table.ts"

const IDENTITY = { asn: 65000, id: "192.0.2.1" }

const shape = (peer: number, prefixes: number): TableShape => ({
  prefixes,
  asn: asnOf(peer),
  nextHop: nextHopOf(peer),
  seed: 7,
  pathSeed: peer
})
const table = (peer: number, prefixes = 2000): Uint8Array => syntheticTable(shape(peer, prefixes))

interface KernelRow {
  readonly kind: string
  readonly state: string
}

const isInstalled = ({ kind, state }: KernelRow): boolean => kind === "route" && state === "IN_SYNC"

const all = (steps: Generator<void>): number => {
  let count = 0
  while (steps.next().done !== true) count++
  return count
}

describe("the warm-up's table", () => {
  it("is UPDATEs in which a router finds no fault, and all of it is announced on", () => {
    const transit = new WarmUpRouter(IDENTITY, 2, "external")
    all(transit.play(0, table(0)))
    const { counters, rib } = transit.state
    expect(counters.updatesTreatedAsWithdraw).toBe(0)
    expect(counters.sessionsDown).toBe(0)
    expect(rib.adjIn.paths.count).toBeGreaterThan(1500)
    expect(transit.state.peerAt(2).messages.out).toBeGreaterThan(100)
  })

  it("says of the same prefixes what another speaker says of them", () => {
    const choice = new WarmUpRouter(IDENTITY, 3, "external")
    all(choice.play(0, table(0)))
    const alone = choice.state.rib.adjIn.paths.count
    all(choice.play(1, table(1)))
    expect(choice.state.rib.adjIn.paths.count).toBe(2 * alone)
    expect(choice.state.rib.tables[0].prefixes.count).toBe(alone)
  })
})

describe("a router of the warm-up", () => {
  it("hears the End-of-RIB, and forgets what is withdrawn prefix by prefix", () => {
    const transit = new WarmUpRouter(IDENTITY, 2, "external")
    all(transit.play(0, table(0)))
    expect(transit.state.peerAt(1).endOfRib[0]).toBe(true)
    all(transit.play(0, syntheticWithdrawals(shape(0, 2000))))
    expect(transit.state.rib.adjIn.paths.count).toBe(0)
    expect(transit.state.counters.sessionsDown).toBe(0)
  })

  it("passes messages on as they came between clients of a route server", () => {
    const server = new WarmUpRouter(IDENTITY, 3, "route-server-client")
    all(server.play(0, table(0)))
    expect(server.state.rib.packer.unchanged.messages).toBeGreaterThan(0)
  })

  it("has forgotten everything and holds no bytes when its speaker is gone", () => {
    const transit = new WarmUpRouter(IDENTITY, 2, "external")
    all(transit.play(0, table(0)))
    all(transit.lose(0))
    transit.close()
    expect(transit.state.rib.adjIn.paths.count).toBe(0)
    expect(transit.state.rib.tables[0].prefixes.count).toBe(0)
    expect(transit.state.pool.describeLeaks()).toBe("")
  })

  it("puts its routes into the kernel that it has, and takes them out again", () => {
    const forwarder = new WarmUpRouter(IDENTITY, 1, "external", {
      table: 254,
      metric: 20,
      onExit: "keep",
      model: false
    })
    const { state } = forwarder
    const inKernel = (): number => [...(query(state, "kernel", {}) as Iterable<KernelRow>)].filter(isInstalled).length
    all(forwarder.play(0, table(0, 300)))
    expect(inKernel()).toBe(state.rib.adjIn.paths.count)
    expect(inKernel()).toBeGreaterThan(250)
    all(forwarder.lose(0))
    forwarder.close()
    expect(inKernel()).toBe(0)
    expect(state.pool.describeLeaks()).toBe("")
  })

  it("comes to the same state every time", () => {
    const digests = [1, 2].map(() => {
      const transit = new WarmUpRouter(IDENTITY, 2, "external")
      all(transit.play(0, table(0)))
      return stateDigest(transit.state)
    })
    expect(digests[0]).toBe(digests[1])
  })
})

const run = (effect: ReturnType<typeof warmUp>): Promise<void> => Effect.runPromise(Effect.scoped(effect))

/** Steps that never end, counted. */
const endless = (onStep: () => void): Iterator<void> => ({
  next: () => {
    onStep()
    return { done: false, value: undefined }
  }
})

describe("the warm-up", () => {
  it("leaves the digest of the router that is at work as it was", () => {
    const real = createRouter(1)
    const { peers, ...rest } = CONFIG.router
    const json = JSON.stringify({ command: "configure", seed: 1, config: { ...rest, peers } })
    router.step(real, { seq: 0, at: 1, records: [{ _tag: "Command", json }] }, new OpBuffer(64))
    const before = stateDigest(real)
    all(practise(new WarmUpRouter(IDENTITY, 2, "external"), { router: IDENTITY }))
    expect(stateDigest(real)).toBe(before)
  })

  it("practises until it is through", async () => {
    const steps = [1, 2, 3].values()
    await run(
      warmUp({
        config: { router: IDENTITY },
        isBusy: () => false,
        practice: steps as unknown as Iterator<void>,
        budgetMs: Infinity
      })
    )
    expect(steps.next().done).toBe(true)
  })

  it("ends in the middle when there is something real to do, before its next step", async () => {
    let steps = 0
    const practice = endless(() => steps++)
    await run(warmUp({ config: { router: IDENTITY }, isBusy: () => steps === 5, practice, budgetMs: Infinity }))
    expect(steps).toBe(5)
  })

  it("ends when its processor time is spent, however much there is to practise", async () => {
    let steps = 0
    const practice = endless(() => steps++)
    // The thread may have spent it before the first step: on a collection of the heap, say.
    while (steps === 0) await run(warmUp({ config: { router: IDENTITY }, isBusy: () => false, practice, budgetMs: 1 }))
    expect(steps).toBeGreaterThan(0)
  })

  it("takes no step without a budget", async () => {
    let steps = 0
    await run(
      warmUp({ config: { router: IDENTITY }, isBusy: () => false, practice: endless(() => steps++), budgetMs: 0 })
    )
    expect(steps).toBe(0)
  })

  it("lets timers and sockets have their turn, and does not outlive its scope", async () => {
    let steps = 0
    const practice = endless(() => steps++)
    const fiber = Effect.runFork(
      Effect.scoped(warmUp({ config: { router: IDENTITY }, isBusy: () => false, practice, budgetMs: Infinity }))
    )
    // A timer of ours comes while it practises.
    do await new Promise((resolve) => setTimeout(resolve, 1))
    while (steps === 0)
    await Effect.runPromise(Fiber.interrupt(fiber))
    const atEnd = steps
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(atEnd).toBeGreaterThan(0)
    expect(steps).toBe(atEnd)
  })
})

const CONFIG: LoadedConfig = {
  path: "",
  warnings: [],
  daemon: { api: { socket: "", http: "" }, log: undefined },
  router: {
    router: { asn: 65000, id: "192.0.2.1" },
    listen: [],
    peers: [],
    static: [],
    originate: [{ prefix: "203.0.113.0/24", communities: [] }]
  }
}

describe("a daemon that warms up", () => {
  it("records nothing of it, counts nothing of it, and ends at once when told to while it does", async () => {
    const directory = mkdtempSync(join(tmpdir(), "backwalk-warm-up-"))
    try {
      const config = { ...CONFIG, daemon: { ...CONFIG.daemon, log: { directory, keepBytes: 2 ** 20 } } }
      const health = await Effect.runPromise(
        Effect.gen(function* () {
          const face = yield* Deferred.make<Daemon>()
          const options = { warmUp: true, diary: Logger.layer([]) }
          const surface = (daemon: Daemon): Effect.Effect<boolean> => Deferred.succeed(face, daemon)
          const running = yield* Effect.forkChild(Effect.orDie(runDaemon(config, { ...options, surface })))
          const daemon = yield* Deferred.await(face)
          yield* daemon.command({ command: "withdraw", prefix: "198.51.100.0/24" })
          yield* Effect.sleep("50 millis")
          const answer = daemon.query("health", {})
          yield* Fiber.interrupt(running)
          return answer as Record<string, unknown>
        })
      )
      const reader = new LogReader()
      reader.push(readFileSync(join(directory, readdirSync(directory)[0])))
      const batches: Array<Batch> = []
      for (let batch = reader.next(); batch !== undefined; batch = reader.next()) batches.push(batch)
      const kinds = new Set(batches.flatMap(({ records }) => records.map(({ _tag }) => _tag)))
      expect([...kinds].sort()).toEqual(["Checkpoint", "Command"])
      expect(JSON.stringify(health)).not.toContain("198.51.100")
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
