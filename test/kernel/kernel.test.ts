// The Kernel service against the real kernel, in a namespace of its own: what is sent arrives, what happens is told, and what cannot be
// told is said to be lost.
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { Context, Effect, Exit, Layer, Queue, Scope } from "effect"
import { expect } from "vitest"
import { type EventRecord, KernelChannel } from "../../src/eventlog/index.ts"
import {
  decodeError,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  eachMessage,
  HEADER_BYTES,
  type Link,
  messagesOf,
  NeighbourState,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putAddress,
  putDump,
  putLinkState,
  putNexthop,
  putNexthopGroup,
  putVethPair,
  RouteProtocol,
  RouteType,
  requestAck,
  writeRoute,
  writeRouteDelete
} from "../../src/netlink/index.ts"
import { canManageKernel, Kernel, type KernelOptions, type KernelService } from "../../src/runtime/kernel.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"

const needs = requirement("root", "namespaces", "ip")

interface Harness {
  readonly namespace: Namespace
  readonly kernel: KernelService
  /** The next record of the channel; others that come first are kept. */
  readonly next: (channel: KernelChannel) => Promise<Uint8Array>
  readonly run: <A>(effect: Effect.Effect<A>) => Promise<A>
}

const withKernel = (tag: string, options: Partial<KernelOptions>, use: (harness: Harness) => Promise<void>) =>
  withNamespace(tag, async (namespace) => {
    const inbox = Effect.runSync(Queue.unbounded<EventRecord>())
    const kept: Array<EventRecord & { readonly _tag: "Kernel" }> = []
    const scope = Effect.runSync(Scope.make())
    const layer = Kernel.real({
      offer: (record) => Effect.asVoid(Queue.offer(inbox, record)),
      namespace: namespace.path,
      ...options
    })
    const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
    const next = async (channel: KernelChannel): Promise<Uint8Array> => {
      for (;;) {
        const at = kept.findIndex((record) => record.channel === channel)
        if (at >= 0) return kept.splice(at, 1)[0].bytes
        const record = await Effect.runPromise(Queue.take(inbox))
        if (record._tag === "Kernel") kept.push(record)
      }
    }
    try {
      await use({ namespace, kernel: Context.get(context, Kernel), next, run: Effect.runPromise })
    } finally {
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  })

const LINKS = `sysctl -qw net.ipv4.nexthop_compat_mode=0 net.ipv6.conf.default.addr_gen_mode=1
  ip link add v0 index 10 type veth peer name v1 index 11
  ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0`

const LEAF = 100
const GROUP = 200
const protocol = RouteProtocol.Bgp

/** Leaf and group by our own codec; the reply to the group is the last. */
const wayOut = (): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(512))
  const create = NetlinkFlag.Create | NetlinkFlag.Replace
  putNexthop(w, { seq: 1, flags: create, id: LEAF, family: 4, gateway: [0x0a000002], ifindex: 10, protocol })
  const members = [{ id: LEAF, weight: 1 }]
  putNexthopGroup(w, { seq: 2, flags: create | NetlinkFlag.Ack, id: GROUP, protocol, members })
  return w.bytes.slice(0, w.length)
}

const COUNT = 1000

/** Batch of routes or deletions in 100.64.0.0/10, acknowledged at its end. */
const batch = (from: number, to: number, remove: boolean): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(64 * 1024))
  let last = 0
  for (let index = from; index < to; index++) {
    last = w.length
    const words = [(0x64400000 + index * 256) >>> 0]
    if (remove) writeRouteDelete(w, index, 0, 4, words, 0, 24, 254, protocol, 20)
    else writeRoute(w, index, 0x500, 4, words, 0, 24, 254, protocol, 20, GROUP, RouteType.Unicast)
  }
  requestAck(w.bytes, last)
  return w.bytes.slice(0, w.length)
}

const inBatches = async ({ kernel, next, run }: Harness, remove: boolean): Promise<number> => {
  let failures = 0
  for (let from = 0; from < COUNT; from += 250) {
    await run(kernel.send(batch(from, from + 250, remove), from + 249))
    const replies = await next(KernelChannel.Reply)
    for (const { at, end } of messagesOf(replies)) if (decodeError(replies, at, end).errno !== 0) failures++
  }
  return failures
}

const dumpRequest = (seq: number): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(64))
  putDump(w, { seq, kind: "route", family: 4, table: 254, protocol })
  return w.bytes.slice(0, w.length)
}

/** All routes of a dump, up to its DONE. */
const dumpRoutes = async ({ kernel, next, run }: Harness, seq: number): Promise<ReadonlyArray<number>> => {
  const found: Array<number> = []
  await run(kernel.dump(dumpRequest(seq), seq))
  for (let done = false; !done; ) {
    const part = await next(KernelChannel.Dump)
    eachMessage(part, (type, _flags, _seq, _port, at, end) => {
      if (type === NetlinkType.Done) done = true
      else found.push(decodeRoute(part, at, end).words[0])
    })
  }
  return found
}

/** What was told of nexthops and of our routes, up to the news of a link that `last` recognises: it comes after what it took along. */
const toldUntil = async ({ next }: Harness, last: (link: Link) => boolean): Promise<ReadonlyArray<string>> => {
  const told: Array<string> = []
  for (let seen = false; !seen; ) {
    const bytes = await next(KernelChannel.Notification)
    eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
      seen ||= type === NetlinkType.NewLink && last(decodeLink(bytes, at, end))
      const route = type === NetlinkType.DelRoute ? decodeRoute(bytes, at, end) : undefined
      if (route?.protocol === protocol) told.push("route")
      if (type === NetlinkType.DelNexthop || type === NetlinkType.NewNexthop) told.push("nexthop")
    })
  }
  return told
}

needs.describe("the Kernel service on the real kernel", () => {
  needs.it("puts 1,000 routes in, lists them, and takes them out again", () =>
    withKernel("routes", {}, async (harness) => {
      harness.namespace.sh(LINKS)
      await harness.run(harness.kernel.send(wayOut(), 2))
      expect(decodeFirst(await harness.next(KernelChannel.Reply))).toMatchObject({ errno: 0, seq: 2 })
      expect(await inBatches(harness, false)).toBe(0)
      expect(harness.namespace.sh("ip route show proto bgp | wc -l").trim()).toBe("1000")
      expect(harness.namespace.sh("ip route show 100.64.0.0/24").trim()).toContain("nhid 200 proto bgp metric 20")
      expect(new Set(await dumpRoutes(harness, 77)).size).toBe(COUNT)
      expect(await inBatches(harness, true)).toBe(0)
      expect(await dumpRoutes(harness, 78)).toEqual([])
    })
  )

  needs.it("loses nexthops, groups and routes with the carrier, and is told of the link alone", () =>
    withKernel("carrier", {}, async (harness) => {
      harness.namespace.sh(LINKS)
      await harness.run(harness.kernel.send(wayOut(), 2))
      await harness.next(KernelChannel.Reply)
      expect(await inBatches(harness, false)).toBe(0)
      await toldUntil(harness, ({ index, usable }) => index === 10 && usable)
      harness.namespace.sh("ip link set v1 down")
      const told = await toldUntil(harness, ({ index, usable }) => index === 10 && !usable)
      harness.namespace.sh("ip link add marker type veth peer name other")
      expect([...told, ...(await toldUntil(harness, ({ name }) => name === "marker"))]).toEqual([])
      expect(await dumpRoutes(harness, 79)).toEqual([])
      expect(harness.namespace.sh("ip nexthop show").trim()).toBe("")
    })
  )

  needs.it("does not hear of its own routes, but of other people's", () =>
    withKernel("foreign", {}, async (harness) => {
      harness.namespace.sh(LINKS)
      await harness.run(harness.kernel.send(wayOut(), 2))
      await harness.run(harness.kernel.send(batch(0, 10, false), 9))
      harness.namespace.sh("ip route add 203.0.113.0/24 via 10.0.0.9 proto static")
      const heard: Array<number> = []
      while (!heard.includes(0xcb007100)) {
        const bytes = await harness.next(KernelChannel.Notification)
        eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
          if (type === NetlinkType.NewRoute) heard.push(decodeRoute(bytes, at, end).words[0])
        })
      }
      expect(heard.filter((prefix) => prefix >>> 22 === 0x64400000 >>> 22)).toEqual([])
    })
  )

  needs.it("hears of neighbours that come, fail and go, and not of those that only grow stale", () =>
    withKernel("neighbours", {}, async (harness) => {
      harness.namespace.sh(`${LINKS}
        ip neigh replace 10.0.0.8 lladdr 02:00:00:00:00:08 dev v0 nud stale
        ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud reachable; ip neigh del 10.0.0.9 dev v0
        ip link add marker type veth peer name other`)
      const told: Array<string> = []
      for (let seen = false; !seen; ) {
        const bytes = await harness.next(KernelChannel.Notification)
        eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
          seen ||= type === NetlinkType.NewLink && decodeLink(bytes, at, end).name === "marker"
          if (type !== NetlinkType.NewNeighbour && type !== NetlinkType.DelNeighbour) return
          const { family, words, state } = decodeNeighbour(bytes, at, end)
          if (family === 4) told.push(`${type} .${words[0] & 255} ${state}`)
        })
      }
      const { NewNeighbour, DelNeighbour } = NetlinkType
      const { Reachable, Failed } = NeighbourState
      expect(told).toEqual([
        `${NewNeighbour} .9 ${Reachable}`,
        `${NewNeighbour} .9 ${Failed}`,
        `${DelNeighbour} .9 ${Failed}`
      ])
    })
  )

  needs.it("answers errors with their text, and the rest of the batch is done", () =>
    withKernel("errors", {}, async (harness) => {
      const w = new NetlinkWriter(new Uint8Array(512))
      writeRoute(w, 1, 0x500, 4, [0x64400000], 0, 24, 254, protocol, 20, 4711, RouteType.Unicast)
      writeRoute(w, 2, 0x504, 4, [0x64400000], 0, 24, 254, protocol, 20, 0, RouteType.Blackhole)
      await harness.run(harness.kernel.send(w.bytes.slice(0, w.length), 2))
      const replies = await harness.next(KernelChannel.Reply)
      expect(messagesOf(replies).map(({ at, end }) => decodeError(replies, at, end))).toMatchObject([
        { seq: 1, errno: 22, text: "Nexthop id does not exist" },
        { seq: 2, errno: 0 }
      ])
    })
  )

  needs.it("says that replies are lost when the socket cannot hold them, and goes on", () =>
    withKernel("lost", { receiveBufferBytes: 4096 }, async (harness) => {
      const w = new NetlinkWriter(new Uint8Array(64 * 1024))
      for (let seq = 1; seq <= 500; seq++) writeRouteDelete(w, seq, 4, 4, [0x64400000], 0, 24, 254, protocol, 20)
      await harness.run(harness.kernel.send(w.bytes.slice(0, w.length), 500))
      await harness.next(KernelChannel.ReplyLost)
      await harness.run(harness.kernel.send(batch(0, 1, true), 0))
      expect(decodeFirst(await harness.next(KernelChannel.Reply))).toMatchObject({ seq: 0, errno: 3 })
    })
  )

  needs.it("answers each of several batches that were handed over at once, in their order, every message refused", () =>
    withKernel("several", {}, async (harness) => {
      const batches = Array.from({ length: 40 }, (_, index) => batch(index * 256 + 1, index * 256 + 257, true))
      await harness.run(
        Effect.forEach(batches, (bytes, index) => harness.kernel.send(bytes, index * 256 + 256), {
          concurrency: "unbounded",
          discard: true
        })
      )
      for (let index = 0; index < batches.length; index++) {
        const replies = await harness.next(KernelChannel.Reply)
        const errors = messagesOf(replies).map(({ at, end }) => decodeError(replies, at, end))
        expect(errors.map(({ seq }) => seq)).toEqual(Array.from({ length: 256 }, (_, at) => index * 256 + 1 + at))
        expect(new Set(errors.map(({ errno }) => errno))).toEqual(new Set([3]))
      }
    })
  )

  needs.it(
    "says that a batch which the kernel cut short is lost, and so is what went out with it; then it goes on",
    () =>
      withKernel("cut", {}, async (harness) => {
        const send = (bytes: Uint8Array, lastSeq: number) => harness.kernel.send(bytes, lastSeq)
        const cut = batch(11, 21, true)
        // A length that makes no sense, in the middle.
        cut[messagesOf(cut)[5].at - HEADER_BYTES] = 1
        await harness.run(
          Effect.all([send(batch(1, 11, true), 10), send(cut, 20), send(batch(21, 31, true), 30)], {
            concurrency: "unbounded",
            discard: true
          })
        )
        expect(messagesOf(await harness.next(KernelChannel.Reply))).toHaveLength(10)
        await harness.next(KernelChannel.ReplyLost)
        await harness.next(KernelChannel.ReplyLost)
        await harness.run(send(batch(31, 41, true), 40))
        expect(messagesOf(await harness.next(KernelChannel.Reply))).toHaveLength(10)
      })
  )

  needs.it("says that notifications are lost when nobody could read them in time", () =>
    withKernel("overrun", { receiveBufferBytes: 4096 }, async (harness) => {
      harness.namespace.sh(`${LINKS}
        for n in $(seq 1 200); do echo "route add 198.18.$n.0/24 via 10.0.0.9"; done | ip -batch -
        for n in $(seq 1 200); do echo "route del 198.18.$n.0/24"; done | ip -batch -`)
      expect(await harness.next(KernelChannel.Overrun)).toHaveLength(0)
    })
  )

  needs.it("makes links and addresses by itself", () =>
    withKernel("links", {}, async (harness) => {
      const w = new NetlinkWriter(new Uint8Array(1024))
      putVethPair(w, { seq: 1, flags: NetlinkFlag.Ack, name: "bw0", peer: "bw1" })
      await harness.run(harness.kernel.send(w.bytes.slice(0, w.length), 1))
      expect(decodeFirst(await harness.next(KernelChannel.Reply))).toMatchObject({ errno: 0 })
      const index = Number(
        harness.namespace.sh("cat /sys/class/net/bw0/ifindex 2>/dev/null || ip -o link show bw0 | cut -d: -f1")
      )
      w.reset(new Uint8Array(1024))
      putLinkState(w, { seq: 2, flags: 0, ifindex: index, up: true })
      putAddress(w, { seq: 3, flags: 0, family: 4, words: [0x0a090001], length: 24, ifindex: index })
      putAddress(w, {
        seq: 4,
        flags: NetlinkFlag.Ack,
        family: 6,
        words: [0x20010db8, 0, 0, 9],
        length: 64,
        ifindex: index
      })
      await harness.run(harness.kernel.send(w.bytes.slice(0, w.length), 4))
      expect(decodeFirst(await harness.next(KernelChannel.Reply))).toMatchObject({ seq: 4, errno: 0 })
      expect(harness.namespace.sh("ip -br addr show bw0")).toMatch(/10\.9\.0\.1\/24 2001:db8::9\/64/)
    })
  )

  needs.it("turns nexthop compatibility off", () =>
    withKernel("compat", {}, async (harness) => {
      expect(await harness.run(harness.kernel.prepare())).toBeUndefined()
      expect(harness.namespace.sh("sysctl -n net.ipv4.nexthop_compat_mode").trim()).toBe("0")
    })
  )

  needs.it("closes its sockets with the scope", async () => {
    const sockets = (): number => readdirSync("/proc/self/fd").length
    const before = sockets()
    await withKernel("scope", {}, async () => {
      expect(sockets()).toBeGreaterThanOrEqual(before + 3)
    })
    expect(sockets()).toBe(before)
  })

  needs.it("says in one sentence that CAP_NET_ADMIN is missing and what to do", () => {
    const program = `
      import { Effect, Layer } from "effect"
      import { canManageKernel, Kernel } from ${JSON.stringify(new URL("../../src/runtime/kernel.ts", import.meta.url).pathname)}
      const may = await Effect.runPromise(canManageKernel())
      const failure = await Effect.runPromise(Effect.scoped(Layer.build(Kernel.real({ offer: () => Effect.void }))).pipe(Effect.flip))
      console.log(JSON.stringify({ may, tag: failure._tag, capability: failure.capability, message: failure.message }))`
    const setpriv = [
      "--bounding-set=-net_admin",
      "--inh-caps=-net_admin",
      "unshare",
      "-n",
      process.execPath,
      "--input-type=module",
      "-e",
      program
    ]
    const said = execFileSync("setpriv", setpriv, { encoding: "utf8", cwd: new URL("../..", import.meta.url).pathname })
    expect(JSON.parse(said)).toMatchObject({ may: false, tag: "KernelUnavailable", capability: "CAP_NET_ADMIN" })
    expect(JSON.parse(said).message).toMatch(/CAP_NET_ADMIN.*run as root/)
  })

  needs.it("may change the kernel as root of a namespace", () =>
    withNamespace("may", async ({ path }) => {
      expect(await Effect.runPromise(canManageKernel(path))).toBe(true)
    })
  )
})

const decodeFirst = (bytes: Uint8Array) => {
  const [{ at, end }] = messagesOf(bytes)
  return decodeError(bytes, at, end)
}
