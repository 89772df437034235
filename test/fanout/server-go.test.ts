// The hub, as it runs, against the Go peer as its follower: every generation, and every way in which a client can misbehave.
import { createHash } from "node:crypto"
import { connect } from "node:net"
import { afterEach, expect } from "vitest"
import { type CacheInput, SERVE_DEFAULTS, SyncStatus, type Update, UpdateType } from "../../src/fanout/index.ts"
import { FanoutServer, type FanoutServerOptions } from "../../src/runtime/fanout-server.ts"
import { GobPeer } from "../support/gob-peer.ts"
import { requirement } from "../support/requirements.ts"

const go = requirement("go", "gobpeer")

const open: Array<FanoutServer> = []
const peers: Array<GobPeer> = []

afterEach(() => {
  for (const peer of peers.splice(0)) peer.stop()
  for (const server of open.splice(0)) server.stop()
})

const update = (index: number, value: string | null = "value", updateType: UpdateType = UpdateType.New): Update => ({
  key: `/backwalk/v1/route/main/ipv4-unicast/10.${index >> 16}.${(index >> 8) & 255}.${index & 255}-32`,
  value: value === null ? null : new Uint8Array(Buffer.from(`${value} ${index}`)),
  revision: String(index),
  v3ResourceVersion: "",
  ttlNanoseconds: 0,
  updateType: value === null ? UpdateType.Deleted : updateType
})

/** 2000 octets in hexadecimal digits that no compression makes less than 2000. */
const incompressible = (index: number): string =>
  createHash("shake256", { outputLength: 2000 }).update(`${index}`).digest("hex")

const table = (count: number): CacheInput => ({
  _tag: "Updates",
  updates: Array.from({ length: count }, (_, index) => update(index))
})
const IN_SYNC: CacheInput = { _tag: "Status", status: SyncStatus.InSync }

const serve = async (
  options: Partial<FanoutServerOptions> = {},
  inputs: ReadonlyArray<CacheInput> = [table(2345), IN_SYNC]
) => {
  const said: Array<string> = []
  const server = new FanoutServer({
    ...SERVE_DEFAULTS,
    version: "test",
    seed: 1,
    tickMs: 10,
    say: (message) => said.push(message),
    ...options
  })
  open.push(server)
  server.offer(inputs)
  const endpoint = await server.listen("127.0.0.1:0")
  const client = (...args: ReadonlyArray<string>): GobPeer => {
    const peer = new GobPeer(["client", "-addr", endpoint, ...args])
    peers.push(peer)
    return peer
  }
  return { server, endpoint, client, said }
}

const GENERATIONS = [
  ["of v3.2.5", ["-proto", "v325"]],
  ["of today, plain", ["-proto", "modern", "-restart=false"]],
  ["of today, restarting without compression", ["-proto", "modern", "-snappy=false"]],
  ["of today, compressed", ["-proto", "modern"]]
] as const

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

go.describe("a Go follower of our hub", () => {
  for (const [title, args] of GENERATIONS) {
    go.it(`${title} gets the snapshot and is in sync`, async () => {
      const { client } = await serve()
      const peer = client("-quiet", ...args)
      expect(await peer.exit()).toBe(0)
      expect(peer.lines.at(-1)).toMatchObject({ why: "in-sync", kvs: 2345, live: 2345, status: 2 })
    })

    go.it(`${title} gets what changes, pings, and a status that is taken back`, async () => {
      const { client, server } = await serve({ pingIntervalMs: 20, pongTimeoutMs: 5000 })
      const peer = client("-forever", ...args)
      await until(() => peer.lines.some((line) => line["type"] === "MsgSyncStatus"))
      server.offer([
        { _tag: "Updates", updates: [update(1, null), update(9999), update(3, "other", UpdateType.Updated)] }
      ])
      server.offer([{ _tag: "Status", status: SyncStatus.ResyncInProgress }])
      await until(() => peer.lines.some((line) => JSON.stringify(line["msg"]) === '{"SyncStatus":1}'))
      await until(() => server.state.counters.pongs > 2)
      const deltas = peer.lines.filter((line) => line["type"] === "MsgKVs").at(-1)!
      const { KVs } = deltas["msg"] as { readonly KVs: ReadonlyArray<{ readonly UpdateType: number }> }
      expect(KVs.map((kv) => kv.UpdateType)).toEqual([UpdateType.Deleted, UpdateType.New, UpdateType.Updated])
      expect(server.state.clients.size).toBe(1)
      expect(server.metrics.prometheus(server.state)).toMatch(/typha_ping_latency_count [1-9]/)
    })
  }

  go.it("of another stream is turned away", async () => {
    const { client, said } = await serve()
    expect(await client("-proto", "modern", "-syncer", "bgp").exit()).toBe(1)
    expect(said).toEqual([expect.stringContaining("its hello asks for what is not served")])
  })

  for (const [sent, reason] of [
    ["nil", "it sent what a client does not send"],
    ["int", "it sent what a client does not send"],
    ["status", "it sent what a client does not send"],
    ["hello2", "it sent what a client does not send"]
  ] as const) {
    go.it(`that sends ${sent} after its hello is dropped`, async () => {
      const { client, said, server } = await serve()
      expect(await client("-forever", "-send", sent).exit()).toBe(1)
      await until(() => server.state.clients.size === 0)
      expect(said[0]).toContain(reason)
    })
  }

  go.it("that sends text after its hello is dropped once it has to pong", async () => {
    const { client, said } = await serve({ pingIntervalMs: 20, pongTimeoutMs: 100 })
    expect(await client("-forever", "-send", "garbage").exit()).toBe(1)
    expect(said).toHaveLength(1)
  })

  go.it("that never pongs is dropped", async () => {
    const { client, said } = await serve({ pingIntervalMs: 20, pongTimeoutMs: 200 })
    expect(await client("-forever", "-no-pong").exit()).toBe(1)
    expect(said[0]).toContain("it answered no ping in time")
  })

  go.it("that sends no hello is dropped at the deadline, and nobody waits for it meanwhile", async () => {
    const { client, said } = await serve({ handshakeTimeoutMs: 1500 })
    const silent = client("-no-hello", "-forever")
    const good = client("-quiet")
    expect(await good.exit()).toBe(0)
    expect(said).toEqual([])
    expect(await silent.exit()).toBe(1)
    expect(said[0]).toContain("it sent no hello in time")
  })

  go.it("that stops reading is dropped and harms nobody", async () => {
    const { client, server, said } = await serve({ writeTimeoutMs: 1000 }, [table(100_000), IN_SYNC])
    client("-slow", "1h", "-rcvbuf", "4096", "-forever", "-quiet")
    await until(() => server.state.clients.size === 1)
    const good = client("-quiet", "-proto", "modern")
    expect(await good.exit()).toBe(0)
    expect(good.lines.at(-1)).toMatchObject({ live: 100_000, status: 2 })
    await until(() => said.some((line) => line.includes("it took nothing for too long")))
  })

  go.it("that is slow gets everything in the end, several crumbs to a message", async () => {
    const { client, server } = await serve({ minBatchingAgeMs: 1 }, [])
    const peer = client("-proto", "modern", "-slow", "2ms", "-quiet")
    await until(() => [...server.state.clients.values()].some(({ phase }) => phase === "Streaming"))
    for (let index = 0; index < 3000; index++) {
      server.offer([{ _tag: "Updates", updates: [update(index, incompressible(index))] }])
      if (index % 100 === 0) await new Promise(setImmediate)
    }
    server.offer([IN_SYNC])
    expect(await peer.exit()).toBe(0)
    expect(peer.lines.at(-1)).toMatchObject({ live: 3000 })
    expect(peer.lines.at(-1)!["kvMsgs"]).toBeLessThan(2500)
  })

  go.it("finds nobody there once the hub has drained", async () => {
    const { client, server, endpoint } = await serve({ drainTimeoutMs: 200, drainIntervalMs: 50 })
    const five = Array.from({ length: 5 }, () => client("-forever", "-quiet"))
    await until(() => [...server.state.clients.values()].filter(({ phase }) => phase === "Streaming").length === 5)
    await server.drain()
    expect(await Promise.all(five.map((peer) => peer.exit()))).toEqual([1, 1, 1, 1, 1])
    const refused = await new Promise<string>((resolve) => {
      const [host, port] = endpoint.split(":")
      connect({ host, port: Number(port) }).once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
    })
    expect(refused).toBe("ECONNREFUSED")
  })

  go.it("is let go where a hub has too many, until it has as many as it should", async () => {
    const { client, server } = await serve({ dropIntervalMs: 20 })
    for (let index = 0; index < 6; index++) client("-forever", "-quiet")
    await until(() => [...server.state.clients.values()].filter(({ phase }) => phase === "Streaming").length === 6)
    server.limit(4)
    await until(() => server.state.clients.size === 4)
    expect(server.state.counters.dropped).toBe(2)
  })
})
