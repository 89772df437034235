// The daemon in this process: a configuration in, a session over real TCP, a log out. The speaker is the demonstration's.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Fiber, Logger, Schedule } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { LoadedConfig } from "../../src/config/index.ts"
import { type Batch, LogReader } from "../../src/eventlog/index.ts"
import { createRouter, foldOps, type PeerConfig, releaseEffects, replay, router } from "../../src/router/index.ts"
import { runDaemon } from "../../src/runtime/daemon.ts"
import { startSpeaker } from "../../src/runtime/demo-speaker.ts"
import { demoPrefixes, demoTable } from "../../src/runtime/demo-table.ts"
import type { Daemon } from "../../src/runtime/orders.ts"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-daemon-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const PREFIXES = 500
const SILENT = Logger.layer([])

const config = (peers: ReadonlyArray<Partial<PeerConfig>>, listen: ReadonlyArray<string> = []): LoadedConfig => ({
  path: "",
  warnings: [],
  daemon: { api: { socket: "", http: "" }, log: { directory, keepBytes: 1024 ** 3 } },
  router: {
    router: { asn: 65000, id: "192.0.2.1" },
    listen,
    peers: peers.map((peer) => ({ ...PEER, ...peer })),
    static: [],
    originate: [{ prefix: "203.0.113.0/24", communities: [] }]
  }
})

const PEER: PeerConfig = {
  address: "127.0.0.1",
  port: 1,
  asn: 64501,
  type: "external",
  name: "speaker",
  localAddress: "",
  passive: false,
  enabled: true,
  families: ["ipv4-unicast"],
  holdTime: 90,
  connectRetry: 5,
  idleHold: 1,
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0
}

/** Runs a daemon with `loaded` while `body` looks at it, then interrupts it. */
const withDaemon = <A>(loaded: LoadedConfig, body: (daemon: Daemon) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    const face = yield* Deferred.make<Daemon>()
    const surface = (daemon: Daemon): Effect.Effect<boolean> => Deferred.succeed(face, daemon)
    const running = yield* Effect.forkChild(Effect.orDie(runDaemon(loaded, { surface, diary: SILENT })))
    const result = yield* body(yield* Deferred.await(face))
    yield* Fiber.interrupt(running)
    return result
  })

/** Polls until it holds; the test's own deadline is the bound. */
const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.orDie
  )

const speaker = Effect.suspend(() => {
  const table = demoTable(demoPrefixes(PREFIXES, 7), { asn: 64501, nextHops: [0xc000_0202], seed: 7 })
  return Effect.orDie(startSpeaker({ address: "127.0.0.1", asn: 64501, id: 2, table }))
})

const received = (daemon: Daemon): number => {
  const [peer] = daemon.query("peers", {}) as ReadonlyArray<{ readonly prefixes: { readonly received: number } }>
  return peer?.prefixes.received ?? -1
}

const logBytes = (): Buffer => readFileSync(join(directory, readdirSync(directory)[0]))

describe("the daemon", () => {
  it("learns a table, ends cleanly when interrupted, and leaves a log that replays to equal digests", async () => {
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const port = yield* speaker
          yield* withDaemon(config([{ port }]), (daemon) => until(() => received(daemon) === PREFIXES))
        })
      )
    )
    const reader = new LogReader()
    reader.push(logBytes())
    const batches: Array<Batch> = []
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) batches.push(batch)
    const result = replay(router, createRouter(reader.header!.seed), batches, {
      digestOf: (digest, out, state) => foldOps(digest, out, (lease) => state.pool.bytes(lease)),
      settle: (out, state) => releaseEffects(out, (lease) => state.pool.release(lease))
    })
    expect(result.divergence).toBeUndefined()
    expect(result.checkpoints).toBeGreaterThan(0)
    expect(result.state.stopped).toBe(true)
    expect(batches.at(-1)?.records.at(-1)?._tag).toBe("Checkpoint")
  })

  it("answers an order when the router has taken it, and refuses one about nobody", async () => {
    const answers = await Effect.runPromise(
      withDaemon(config([{ passive: true }]), (daemon) =>
        Effect.gen(function* () {
          const refused = yield* daemon.command({ command: "peer", address: "192.0.2.99", action: "reset" })
          const announced = yield* daemon.command({
            command: "announce",
            route: { prefix: "198.51.100.0/24", communities: [] }
          })
          const rows = [...(daemon.query("routes", { prefix: "198.51.100.0/24" }) as Iterable<unknown>)]
          const withdrawn = yield* daemon.command({ command: "withdraw", prefix: "198.51.100.0/24" })
          const again = yield* daemon.command({ command: "withdraw", prefix: "198.51.100.0/24" })
          return { refused, announced, rows: rows.length, withdrawn, again }
        })
      )
    )
    expect(answers).toMatchObject({
      refused: { ok: false },
      announced: { ok: true },
      rows: 1,
      withdrawn: { ok: true },
      again: { ok: false }
    })
  })

  it("ends with what to do when a port that it is to listen on is taken", async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    const bound = other.address()
    const port = typeof bound === "object" && bound !== null ? bound.port : 0
    try {
      const failure = await Effect.runPromise(
        Effect.flip(runDaemon(config([], [`127.0.0.1:${port}`]), { diary: SILENT }))
      )
      expect(failure).toMatchObject({ _tag: "ListenFailed", status: 2 })
    } finally {
      other.close()
    }
  })

  it("records no password", async () => {
    const password = "correct horse battery staple"
    await Effect.runPromise(
      withDaemon(config([{ passive: true, password }]), (daemon) => until(() => received(daemon) === 0))
    )
    expect(logBytes().includes(password)).toBe(false)
  })

  it("gives nothing for a question that it does not know", async () => {
    const answer = await Effect.runPromise(
      withDaemon(config([]), (daemon) => Effect.sync(() => daemon.query("weather", {})))
    )
    expect(answer).toBeUndefined()
  })
})
