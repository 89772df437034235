// The follower, as it runs, against the Go peer as its hub: every generation, every fault, hubs that come and go.
import { afterEach, expect } from "vitest"
import { FOLLOW_DEFAULTS } from "../../src/fanout/index.ts"
import { FanoutClient, type FollowNews, type FollowOptions } from "../../src/runtime/fanout-client.ts"
import { GobPeer } from "../support/gob-peer.ts"
import { requirement } from "../support/requirements.ts"

const go = requirement("go", "gobpeer")

const clients: Array<FanoutClient> = []
const peers: Array<GobPeer> = []

afterEach(() => {
  for (const client of clients.splice(0)) client.stop()
  for (const peer of peers.splice(0)) peer.stop()
})

const hub = async (...args: ReadonlyArray<string>) => {
  const peer = new GobPeer(["server", "-addr", "127.0.0.1:0", ...args])
  peers.push(peer)
  const port = Number(((await peer.line("listening"))["addr"] as string).split(":").at(-1))
  return { peer, port }
}

/** A follower, what it reported, and the table that this makes. */
const follow = (ports: ReadonlyArray<number>, options: Partial<FollowOptions> = {}) => {
  const news: Array<FollowNews["_tag"]> = []
  const view = new Map<string, string>()
  const client = new FanoutClient({
    ...FOLLOW_DEFAULTS,
    hostname: "node-1",
    version: "test",
    keys: "all",
    retryLeastMs: 20,
    retryMostMs: 100,
    tickMs: 10,
    seed: 1,
    hubs: ports.map((port) => ({ host: "127.0.0.1", port, isLocal: false })),
    onNews: (each) => {
      news.push(each._tag)
      if (each._tag !== "Changed") return
      for (const { key, value } of each.changes) {
        if (value === null) view.delete(key)
        else view.set(key, Buffer.from(value).toString())
      }
    },
    ...options
  })
  clients.push(client)
  client.start()
  return { client, news, view }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

go.describe("a follower of a Go hub", () => {
  for (const [title, args] of [
    ["of v3.2.5", ["-proto", "v325"]],
    ["of today, plain", ["-proto", "modern", "-restart=false"]],
    ["of today, restarting without compression", ["-proto", "modern", "-snappy=false"]],
    ["of today, compressed", ["-proto", "modern"]]
  ] as const) {
    go.it(`${title} has its table, follows what changes, and answers its pings`, async () => {
      const { port, peer } = await hub(
        ...args,
        "-kvs",
        "2345",
        "-deltas",
        "20",
        "-delta-every",
        "5ms",
        "-ping-every",
        "20ms"
      )
      const { client, news, view } = follow([port])
      await until(() => news.includes("InSync") && client.status().pings > 2)
      await until(() => [...view.values()].some((value) => value.includes('"gen":19')))
      // Every fifth change is a deletion; none comes back.
      await until(() => view.size < 2345)
      expect(client.status()).toMatchObject({ inSync: true, keys: view.size, lastError: null })
      await until(() => peer.lines.filter((line) => line["type"] === "MsgPong").length > 2)
    })
  }

  for (const [fault, error] of [
    ["truncate", /ended|missing|closed/],
    ["huge", /bytes/],
    ["unknown-name", /no\.Such/],
    ["dup-type", /second definition/],
    ["garbage", /./],
    ["zero-len", /./],
    ["close", /closed/]
  ] as const) {
    go.it(`that misbehaves (${fault}) loses it, which keeps its table and tries again`, async () => {
      const { port } = await hub("-kvs", "50", "-fault", fault, "-statuses", "1")
      const { client, news, view } = follow([port])
      await until(() => client.status().failures > 1)
      expect(client.status().lastError).toMatch(error)
      expect(view.size).toBe(50)
      expect(news).not.toContain("InSync")
    })
  }

  for (const fault of ["nil", "int", "hello2"]) {
    go.it(`that says what is no news (${fault}) is passed over`, async () => {
      const { port } = await hub("-kvs", "50", "-fault", fault)
      const { client, news } = follow([port])
      await until(() => news.includes("InSync"))
      expect(client.status().failures).toBe(0)
    })
  }

  go.it("that falls silent is given up", async () => {
    const { port } = await hub("-kvs", "50", "-fault", "silent")
    const { client } = follow([port], { readTimeoutMs: 200 })
    await until(() => client.status().failures > 0)
    expect(client.status().lastError).toBe("the hub is silent")
  })

  go.it("keeps its table when that dies, and takes the next hub's without withdrawing what both have", async () => {
    const one = await hub("-kvs", "500")
    const other = await hub("-kvs", "300")
    const { client, news, view } = follow([one.port, other.port], {
      hubs: [
        { host: "127.0.0.1", port: one.port, isLocal: true },
        { host: "127.0.0.1", port: other.port, isLocal: false }
      ]
    })
    await until(() => news.includes("InSync"))
    expect(view.size).toBe(500)
    news.length = 0
    one.peer.stop()
    await until(() => news.includes("InSync"))
    // Only at the end, those that the other does not have.
    expect(news).toEqual(["OutOfSync", "Changed", "InSync"])
    expect(view.size).toBe(300)
    expect(client.status()).toMatchObject({ synthesisedDeletes: 200, unchanged: 300 })
  })

  go.it("drops and counts keys that it cannot read", async () => {
    const { port } = await hub("-kvs", "50")
    const { client, news, view } = follow([port], { keys: "own" })
    await until(() => news.includes("InSync"))
    expect(view.size).toBe(0)
    expect(client.status().unreadableKeys).toBe(50)
  })
})
