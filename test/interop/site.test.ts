// A site: two speakers publish what they chose into a store, a hub serves what is in it, a follower forwards by it. A speaker that goes takes
// its routes along; what both have stays.
import { afterEach, expect } from "vitest"
import { EtcdCluster } from "../support/etcd-cluster.ts"
import { GobPeer } from "../support/gob-peer.ts"
import { requirement } from "../support/requirements.ts"
import { type RunningDaemon, startDaemon, until } from "../support/running-daemon.ts"

const closing: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const start = async (text: string): Promise<RunningDaemon> => {
  const started = await startDaemon(text)
  closing.push(started.stop)
  return started
}

const daemonOf = (id: string, fanout: string, prefixes: ReadonlyArray<string> = []): Promise<RunningDaemon> =>
  start(`
router: { asn: 65000, id: ${id} }
listen: ["127.0.0.1:0"]
kernel: { model: true }
originate: [${prefixes.map((prefix) => `{ prefix: ${prefix} }`).join(", ")}]
fanout: ${fanout}
`)

interface Shown {
  readonly serve: { readonly listening: ReadonlyArray<string>; readonly inSync: boolean; readonly keys: number }
  readonly store: { readonly serve: { readonly inSync: boolean }; readonly publish: { readonly waiting: number } }
}

const shown = ({ daemon }: RunningDaemon): Shown => daemon.query("fanout", {}) as Shown
const fanOutPrefixes = ({ daemon }: RunningDaemon): ReadonlyArray<string> =>
  [...(daemon.query("fib", {}) as Iterable<{ readonly prefix: string; readonly source: string }>)]
    .filter(({ source }) => source === "fan-out")
    .map(({ prefix }) => prefix)
    .sort()

const etcd = requirement("etcd")
const go = requirement("etcd", "go", "gobpeer")

etcd.describe("a site", () => {
  etcd.it("has one table, of all its speakers, and says when it cannot know it", async () => {
    const store = await EtcdCluster.start(1)
    closing.push(() => store.stop())
    const etcdAt = `etcd: ["${store.endpoints[0]}"]`
    await daemonOf("127.0.0.1", `{ store: { ${etcdAt} } }`, ["198.51.100.0/24", "198.18.0.0/24"])
    const second = await daemonOf("127.0.0.2", `{ store: { ${etcdAt} } }`, ["198.51.100.0/24", "198.19.0.0/24"])
    const hub = await daemonOf(
      "127.0.0.3",
      `{ serve: { listen: ["127.0.0.1:0"] }, store: { ${etcdAt}, publish: false } }`
    )
    await until("the hub is in sync with the store", () => shown(hub).serve.inSync)
    const follower = await daemonOf("127.0.0.4", `{ follow: { hubs: ["${shown(hub).serve.listening[0]}"] } }`)
    await until("all routes are there", () => fanOutPrefixes(follower).length === 3)
    expect(fanOutPrefixes(follower)).toEqual(["198.18.0.0/24", "198.19.0.0/24", "198.51.100.0/24"])
    await second.stop()
    await until("the second speaker's routes are gone", () => fanOutPrefixes(follower).length === 2)
    expect(fanOutPrefixes(follower)).toEqual(["198.18.0.0/24", "198.51.100.0/24"])
    expect(hub.daemon.query("health", {})).toMatchObject({ status: "ok" })
    store.pause(0)
    await until("the hub says that it is out of sync", () => !shown(hub).serve.inSync)
    expect(hub.daemon.query("health", {})).toMatchObject({ status: "degraded" })
    expect(fanOutPrefixes(follower)).toEqual(["198.18.0.0/24", "198.51.100.0/24"])
    store.resume(0)
    await until("it is in sync again", () => shown(hub).serve.inSync)
  })

  go.it("passes other people's keys on as they are, and only those that it was told to", async () => {
    const store = await EtcdCluster.start(1)
    closing.push(() => store.stop())
    await store.put("/calico/v1/host/node1/bird_ip", "10.0.0.1")
    await store.put("/registry/secrets/nobodys-business", "x")
    const passing = `store: { etcd: ["${store.endpoints[0]}"], pass: ["/calico/"] }`
    const hub = await daemonOf("127.0.0.3", `{ serve: { listen: ["127.0.0.1:0"] }, ${passing} }`, ["198.51.100.0/24"])
    await until("the hub is in sync with the store", () => shown(hub).serve.inSync && shown(hub).serve.keys === 3)
    const peer = new GobPeer(["client", "-addr", shown(hub).serve.listening[0], "-proto", "modern"])
    expect(await peer.exit()).toBe(0)
    const text = JSON.stringify(peer.lines)
    expect(text).toContain('"Key":"/calico/v1/host/node1/bird_ip"')
    expect(text).toContain(Buffer.from("10.0.0.1").toString("hex"))
    expect(text).toContain("/backwalk/v1/route/main/ipv4-unicast/198.51.100.0-24")
    expect(text).not.toContain("nobodys-business")
  })
})
