// A daemon that follows another: its forwarding is the hub's table, and stays when the hub goes; the run replays from its log.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import { type Batch, LogReader } from "../../src/eventlog/index.ts"
import { createRouter, foldOps, releaseEffects, replay, router } from "../../src/router/index.ts"
import { type RunningDaemon, startDaemon, until } from "../support/running-daemon.ts"

const running: Array<RunningDaemon> = []
const folders: Array<string> = []
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const start = async (text: string): Promise<RunningDaemon> => {
  const started = await startDaemon(text)
  running.push(started)
  return started
}

const hubWith = (port: number, ...prefixes: ReadonlyArray<string>): Promise<RunningDaemon> =>
  start(`
router: { asn: 65000, id: 127.0.0.1 }
listen: ["127.0.0.1:0"]
kernel: { model: true }
originate: [${prefixes.map((prefix) => `{ prefix: ${prefix} }`).join(", ")}]
fanout: { serve: { listen: ["127.0.0.1:${port}"] } }
`)

const followerOf = (rest: string, log = ""): Promise<RunningDaemon> =>
  start(`
router: { asn: 65000, id: 192.0.2.9 }
listen: ["127.0.0.1:0"]
kernel: { model: true }
fanout: { follow: { ${rest} } }
${log === "" ? "" : `log: { directory: ${log}, keep: 64MiB }`}
`)

interface Shown {
  readonly serve: { readonly listening: ReadonlyArray<string>; readonly inSync: boolean }
  readonly follow: {
    readonly inSync: boolean
    readonly stage: string
    readonly hub: string | null
    readonly routes: number
    readonly ageSeconds: number
    readonly keys: number
  }
}

const shown = ({ daemon }: RunningDaemon): Shown => daemon.query("fanout", {}) as Shown
const portOf = (hub: RunningDaemon): number => Number(shown(hub).serve.listening[0].split(":").at(-1))
const prefixes = ({ daemon }: RunningDaemon): ReadonlyArray<string> =>
  [...(daemon.query("fib", {}) as Iterable<{ readonly prefix: string; readonly source: string }>)]
    .filter(({ source }) => source === "fan-out")
    .map(({ prefix }) => prefix)
    .sort()

describe("a daemon that follows a hub", () => {
  it("forwards by the hub's table, follows its changes, and keeps the table when the hub is gone", async () => {
    const hub = await hubWith(0, "198.51.100.0/24", "203.0.113.0/24")
    const follower = await followerOf(`hubs: ["127.0.0.1:${portOf(hub)}"]`)
    await until("the follower is in sync", () => shown(follower).follow.stage === "in-sync")
    expect(prefixes(follower)).toEqual(["198.51.100.0/24", "203.0.113.0/24"])
    expect(follower.daemon.query("health", {})).toMatchObject({ status: "ok", fanout: { inSync: true } })
    await Effect.runPromise(hub.daemon.command({ command: "withdraw", prefix: "203.0.113.0/24" }))
    await until("the withdrawal has come", () => prefixes(follower).length === 1)
    await hub.stop()
    await until("the follower knows", () => shown(follower).follow.stage === "out-of-sync")
    expect(prefixes(follower)).toEqual(["198.51.100.0/24"])
    expect(shown(follower).follow).toMatchObject({ inSync: false, hub: null, routes: 1 })
    expect(shown(follower).follow.ageSeconds).toBeGreaterThanOrEqual(0)
    expect(follower.daemon.query("health", {})).toMatchObject({ status: "degraded", fanout: { inSync: false } })
  })

  it("takes over the table of another hub, and only what differs changes", async () => {
    const first = await hubWith(0, "198.51.100.0/24", "203.0.113.0/24")
    const second = await hubWith(0, "198.51.100.0/24", "198.18.0.0/24")
    const follower = await followerOf(
      `hubs: [{ address: "127.0.0.1:${portOf(first)}", local: true }, { address: "127.0.0.1:${portOf(second)}", local: false }]`
    )
    await until("the follower is in sync", () => shown(follower).follow.stage === "in-sync")
    expect(prefixes(follower)).toEqual(["198.51.100.0/24", "203.0.113.0/24"])
    await first.stop()
    await until("the other hub is followed", () => prefixes(follower).includes("198.18.0.0/24"))
    await until("in sync again", () => shown(follower).follow.stage === "in-sync")
    expect(prefixes(follower)).toEqual(["198.18.0.0/24", "198.51.100.0/24"])
  })

  it("replays from its log: what the hub said is recorded", async () => {
    const folder = mkdtempSync(join(tmpdir(), "backwalk-follower-"))
    folders.push(folder)
    const hub = await hubWith(0, "198.51.100.0/24", "203.0.113.0/24")
    const follower = await followerOf(`hubs: ["127.0.0.1:${portOf(hub)}"]`, folder)
    await until("the follower is in sync", () => shown(follower).follow.stage === "in-sync")
    await follower.stop()
    const file = readdirSync(folder).find((name) => name.endsWith(".log"))!
    const reader = new LogReader()
    reader.push(readFileSync(join(folder, file)))
    const batches: Array<Batch> = []
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) batches.push(batch)
    const replayed = replay(router, createRouter(reader.header!.seed), batches, {
      digestOf: (digest, out, state) => foldOps(digest, out, (lease) => state.pool.bytes(lease)),
      settle: (out, state) => releaseEffects(out, (lease) => state.pool.release(lease))
    })
    expect(replayed.divergence).toBeUndefined()
    expect([replayed.checkpoints > 0, replayed.state.followed.count]).toEqual([true, 2])
  })
})
