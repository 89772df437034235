// The store's machines against a real etcd: what speakers publish is what hubs see, and nothing is lost when revisions are compacted, a
// leader stops, a lease runs out.

import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { Effect, Exit, Layer, Scope } from "effect"
import { afterEach, expect, it } from "vitest"
import { Etcd } from "../../src/runtime/etcd.ts"
import { followStore, publishToStore, type StorePublisher } from "../../src/runtime/store.ts"
import { EtcdCluster } from "../support/etcd-cluster.ts"
import { requirement } from "../support/requirements.ts"

const PREFIX = "/backwalk/"
const BARRIER = "/backwalk/barrier/hub1"
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** What one hub has of the store. */
class View {
  readonly keys = new Map<string, string>()
  readonly history: Array<string> = []
  isInSync = false
  reason = ""
  private listed: Set<string> | undefined

  readonly receiver = {
    beginListing: () => {
      this.listed = new Set()
      this.history.push("listing")
    },
    deliver: (updates: ReadonlyArray<{ readonly key: string; readonly value: Uint8Array | undefined }>) =>
      Effect.sync(() => {
        for (const { key, value } of updates) {
          this.listed?.add(key)
          if (value === undefined) this.keys.delete(key)
          else this.keys.set(key, new TextDecoder().decode(value))
        }
      }),
    endListing: () => {
      for (const key of [...this.keys.keys()]) if (!this.listed?.has(key)) this.keys.delete(key)
      this.listed = undefined
    },
    reportSync: (isInSync: boolean, reason: string) => {
      this.isInSync = isInSync
      this.reason = reason
      this.history.push(isInSync ? "in sync" : "out of sync")
    }
  }

  sorted(): Record<string, string> {
    return Object.fromEntries([...this.keys].sort())
  }
}

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const end = performance.now() + 30_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A wire that can be cut: connections through it fall, and new ones are refused until it is mended. */
class Wire {
  private readonly sockets = new Set<Socket>()
  private isCut = false
  url = ""

  static async to(endpoint: string): Promise<Wire> {
    const wire = new Wire()
    const server = createServer((near) => {
      const far = connect(Number(new URL(endpoint).port), "127.0.0.1")
      for (const socket of [near, far]) {
        wire.sockets.add(socket)
        socket.on("error", () => undefined).on("close", () => wire.sockets.delete(socket))
      }
      if (wire.isCut) wire.cut()
      near.pipe(far).pipe(near)
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    wire.url = `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`
    cleanups.push(async () => {
      wire.cut()
      server.close()
    })
    return wire
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.destroy()
  }

  mend(): void {
    this.isCut = false
  }
}

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const cluster = async (size: number): Promise<EtcdCluster> => {
  const started = await EtcdCluster.start(size)
  cleanups.push(() => started.stop())
  return started
}

/** Runs something scoped against the cluster; what is given back ends it. */
const opened = async <A>(
  endpoints: ReadonlyArray<string>,
  acquire: Effect.Effect<A, never, Etcd | Scope.Scope>
): Promise<readonly [A, () => Promise<void>]> => {
  const scope = Effect.runSync(Scope.make())
  const layer = Layer.buildWithScope(Etcd.layer({ endpoints }), scope)
  const value = await Effect.runPromise(
    Effect.flatMap(layer, (context) => Effect.provide(Scope.provide(acquire, scope), context)) as Effect.Effect<A>
  )
  let isOpen = true
  const close = async () => {
    if (isOpen) await Effect.runPromise(Scope.close(scope, Exit.void))
    isOpen = false
  }
  cleanups.push(close)
  return [value, close]
}

const follow = async (endpoints: ReadonlyArray<string>): Promise<View> => {
  const view = new View()
  await opened(endpoints, followStore({ prefix: PREFIX, barrier: BARRIER, seed: 1, receiver: view.receiver }))
  return view
}

const publish = (
  endpoints: ReadonlyArray<string>,
  fence: string,
  reports: Array<boolean> = []
): Promise<readonly [StorePublisher, () => Promise<void>]> =>
  opened(
    endpoints,
    publishToStore({ fence, fenceValue: text("up"), ttlS: 2, seed: 2, report: (isUp) => reports.push(isUp) })
  )

requirement("etcd").describe("a store", () => {
  it("gives a hub what a speaker publishes, page by page and change by change, and takes it back when the speaker stops", async () => {
    const { endpoints } = await cluster(1)
    const [speaker, stop] = await publish(endpoints, "/backwalk/speaker/a")
    const wanted = Object.fromEntries(Array.from({ length: 2500 }, (_, n) => [`/backwalk/route/${n}`, `value ${n}`]))
    for (const [key, value] of Object.entries(wanted)) speaker.want(key, text(value))
    await until("all is written", () => speaker.waiting() === 0)
    const view = await follow(endpoints)
    const expected = () => Object.fromEntries(Object.entries({ ...wanted, "/backwalk/speaker/a": "up" }).sort())
    await until("the view is complete", () => view.isInSync && view.keys.size === 2501)
    expect(view.sorted()).toEqual(expected())
    speaker.want("/backwalk/route/7", text("changed"))
    speaker.want("/backwalk/route/8", undefined)
    wanted["/backwalk/route/7"] = "changed"
    delete wanted["/backwalk/route/8"]
    await until(
      "the change has come",
      () => view.keys.size === 2500 && view.keys.get("/backwalk/route/7") === "changed"
    )
    expect(view.sorted()).toEqual(expected())
    await stop()
    await until("nothing is left", () => view.keys.size === 0)
    expect(view.history).toEqual(["listing", "in sync"])
  })

  it("publishes everything again under a new lease when the store has forgotten the old one", async () => {
    const store = await cluster(1)
    const reports: Array<boolean> = []
    const [speaker] = await publish(store.endpoints, "/backwalk/speaker/a", reports)
    speaker.want("/backwalk/route/1", text("one"))
    await until("it is written", async () => "/backwalk/route/1" in (await store.keys(PREFIX)))
    store.pause(0)
    await until("the speaker knows that it has lost the store", () => reports.at(-1) === false)
    speaker.want("/backwalk/route/2", text("two"))
    store.resume(0)
    await until("all is there again", () => reports.at(-1) === true && speaker.waiting() === 0)
    await until("both are there", async () => Object.keys(await store.keys(PREFIX)).length === 3)
  })

  it("goes on where it stopped after a cut, and lists again when what it missed was compacted away", async () => {
    const store = await cluster(1)
    await store.put("/backwalk/route/1", "one")
    const wire = await Wire.to(store.endpoints[0])
    const view = await follow([wire.url])
    await until("in sync", () => view.isInSync)
    wire.cut()
    await until("the cut is noticed", () => !view.isInSync)
    await store.put("/backwalk/route/2", "two")
    wire.mend()
    await until("the change has come", () => view.isInSync && view.keys.has("/backwalk/route/2"))
    expect(view.history).toEqual(["listing", "in sync", "out of sync", "in sync"])
    wire.cut()
    await until("the cut is noticed", () => !view.isInSync)
    await store.remove("/backwalk/route/1")
    await store.compact(await store.revision())
    expect(view.sorted()).toEqual({ "/backwalk/route/1": "one", "/backwalk/route/2": "two" })
    wire.mend()
    await until("in sync again", () => view.isInSync)
    expect(view.sorted()).toEqual({ "/backwalk/route/2": "two" })
    expect(view.history.slice(4)).toEqual(["out of sync", "listing", "in sync"])
  })

  it("loses nothing when the leader of three members stops", async () => {
    const store = await cluster(3)
    const leader = await store.leader()
    const endpoints = [leader, (leader + 1) % 3, (leader + 2) % 3].map((index) => store.endpoints[index])
    const [speaker] = await publish(endpoints, "/backwalk/speaker/a")
    const view = await follow(endpoints)
    for (let n = 0; n < 200; n++) speaker.want(`/backwalk/route/${n}`, text("before"))
    await until("all has come", () => view.isInSync && view.keys.size === 201)
    store.pause(leader)
    for (let n = 0; n < 200; n++) speaker.want(`/backwalk/route/${n}`, n % 2 === 0 ? undefined : text("after"))
    await until("the others have taken over", () => {
      const values = [...view.keys].filter(([key]) => key.includes("/route/"))
      return view.isInSync && values.length === 100 && values.every(([, value]) => value === "after")
    })
    store.resume(leader)
  })
})
