// Convergence that does not depend on the number of routes, on the real kernel: something fails below many routes, the requests are
// counted, by us and by a monitor that is not us, and the kernel is asked prefix by prefix where packets go now.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { expect } from "vitest"
import type { PathSpec } from "../../src/fib/index.ts"
import type { KernelConfig } from "../../src/router/config.ts"
import { parseAddress } from "../../src/wire/index.ts"
import { RealWorld } from "../router/forwarding-real.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"

const needs = requirement("root", "namespaces", "ip")

/** More than that is not a handful. */
const REQUESTS_MAX = 4
const SAMPLES = 200

const LINKS = `sysctl -qw net.ipv4.nexthop_compat_mode=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
  sysctl -qw net.ipv6.route.max_size=1000000 || true
  for n in 11 12; do
    ip link add v$n index $n type veth peer name p$n
    ip link set v$n up; ip link set p$n up
    ip addr add 10.0.$n.1/24 dev v$n; ip -6 addr add 2001:db8:$n::1/64 dev v$n nodad
  done`

const via = (text: string, more: Partial<PathSpec> = {}): PathSpec => ({ address: parseAddress(text)!, ...more })

/** Of `count` prefixes in a row, some at even distances: the links that packets to them leave by. */
const linksOf = (namespace: Namespace, from: string, count: number): ReadonlyArray<string> => {
  const addresses = Array.from({ length: SAMPLES }, (_, sample) => nth(from, Math.floor((sample * count) / SAMPLES)))
  const gets = addresses.map((address) => `route get ${address}`).join("\n")
  const shown = namespace.sh(`echo "${gets}" | ip -force -batch - 2>/dev/null || true`)
  const links = [...shown.matchAll(/ dev (\S+)/g)].map(([, link]) => link)
  return links.length === SAMPLES ? [...new Set(links)].sort() : [`only ${links.length} of ${SAMPLES}`]
}

/** An address in the n-th /24 or /48 from one on. */
const nth = (from: string, index: number): string => {
  const { family, words } = parseAddress(from.split("/")[0])!
  if (family === 4) {
    const word = words[0] + index * 256 + 1
    return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join(".")
  }
  const low = (words[1] >>> 16) + index
  return `${(words[0] >>> 16).toString(16)}:${((words[0] & 0xffff) + (low >>> 16)).toString(16)}:${(low & 0xffff).toString(16)}::1`
}

/** What another program hears of nexthops and routes while something happens. */
const overheard = async (namespace: Namespace, happen: () => Promise<void> | void): Promise<number> => {
  const file = join(tmpdir(), `${namespace.name}.monitor`)
  const shell = `exec ip netns exec ${namespace.name} ip monitor nexthop route > ${file}`
  const monitor = spawn("sh", ["-c", shell], { stdio: "ignore" })
  const said = (): ReadonlyArray<string> => readFileSync(file, "utf8").split("\n")
  const marked = async (mark: string): Promise<void> => {
    for (let tries = 0; tries < 500; tries++) {
      if (tries % 20 === 0) namespace.sh(`ip nexthop replace id ${mark} blackhole`)
      if (said().some((line) => line.includes(`id ${mark} `))) return
      await pause(10)
    }
    throw new Error("the monitor hears nothing")
  }
  try {
    namespace.sh(`touch ${file}`)
    await marked("7")
    const before = said().length
    await happen()
    await marked("8")
    return said()
      .slice(before - 1)
      .filter((line) => line !== "" && !/id [78] /.test(line)).length
  } finally {
    monitor.kill()
    namespace.sh(`rm -f ${file}`)
  }
}

const withWorld = (
  tag: string,
  use: (namespace: Namespace, world: RealWorld) => Promise<void>,
  more: Partial<KernelConfig> = {}
): Promise<void> =>
  withNamespace(tag, async (namespace) => {
    namespace.sh(LINKS)
    const world = new RealWorld(namespace, more)
    try {
      await use(namespace, world)
    } finally {
      world.close()
    }
  })

/** Counts what is asked of the kernel until `done`. */
const requestsUntil = (world: RealWorld, done: () => boolean): number => {
  const before = world.requests
  world.settle(done)
  return world.requests - before
}

const isDown = (world: RealWorld, ifindex: number) => (): boolean => !world.forwarding.fib.interfaces.isUp(ifindex)
const isUp = (world: RealWorld, ifindex: number) => (): boolean => world.forwarding.fib.interfaces.isUp(ifindex)

/** The link fails below routes that go both ways, and comes back. */
const loseCarrier = (tag: string, from: string, count: number, paths: ReadonlyArray<PathSpec>) =>
  withWorld(tag, async (namespace, world) => {
    world.announceMany(from, count, paths)
    world.settle()
    expect(world.forwarding.kernelSide!.sync.counters()).toMatchObject({ acknowledged: count + 3 })
    expect(linksOf(namespace, from, count)).toEqual(["v11", "v12"])
    const heard = await overheard(namespace, () => {
      namespace.sh("ip link set p11 down")
      expect(requestsUntil(world, isDown(world, 11))).toBeLessThanOrEqual(REQUESTS_MAX)
    })
    // The kernel says what became of the link's own routes; of ours, which it moved, it says nothing.
    expect(heard).toBeLessThanOrEqual(2 * REQUESTS_MAX)
    expect(linksOf(namespace, from, count)).toEqual(["v12"])
    namespace.sh("ip link set p11 up")
    expect(requestsUntil(world, isUp(world, 11))).toBeLessThanOrEqual(REQUESTS_MAX)
    expect(linksOf(namespace, from, count)).toEqual(["v11", "v12"])
    expect(world.forwarding.kernelSide!.sync.counters()).toMatchObject({ violations: 0, failed: 0 })
  })

needs.describe("when a link fails", () => {
  needs.it("100,000 IPv4 routes over two links go by the other one, and at most four requests are made", () =>
    loseCarrier("pic4", "20.0.0.0/24", 100_000, [via("10.0.11.2"), via("10.0.12.2")])
  )

  needs.it("so do 50,000 IPv6 routes", () =>
    loseCarrier("pic6", "2400::/48", 50_000, [via("2001:db8:11::2"), via("2001:db8:12::2")])
  )

  needs.it("and 50,000 IPv4 routes with IPv6 next hops (RFC 8950)", () =>
    loseCarrier("pic46", "20.0.0.0/24", 50_000, [via("2001:db8:11::2"), via("2001:db8:12::2")])
  )
})

/** Something is said to be so: everything that resolves through it moves from one link to the other. */
const move = (tag: string, from: string, nextHop: string, ways: readonly [string, string]) =>
  withWorld(tag, async (namespace, world) => {
    const host = `${nextHop}/${nextHop.includes(":") ? 128 : 32}`
    const [east, west] = ways.map((text, index) => ({ prefix: host, via: [text], distance: index + 1 }))
    world.forwarding.setStatic([east, west])
    world.announceMany(from, 50_000, [via(nextHop)])
    world.settle()
    expect(linksOf(namespace, from, 50_000)).toEqual(["v11"])
    world.forwarding.setStatic([west])
    // One moves them all. The route to the next hop itself gets a group, and the old group and its nexthop go.
    const heard = await overheard(namespace, () => {
      expect(requestsUntil(world, () => true)).toBeLessThanOrEqual(REQUESTS_MAX + 1)
    })
    expect(heard).toBeLessThanOrEqual(REQUESTS_MAX + 1)
    expect(linksOf(namespace, from, 50_000)).toEqual(["v12"])
  })

needs.describe("when the way to a next hop changes (PIC core)", () => {
  needs.it("50,000 recursive IPv4 routes go the new way with one request among five", () =>
    move("core4", "20.0.0.0/24", "192.0.2.1", ["10.0.11.2", "10.0.12.2"])
  )

  needs.it("50,000 recursive IPv6 routes go the new way with one request among five", () =>
    move("core6", "2400::/48", "2001:db8:ff::1", ["2001:db8:11::2", "2001:db8:12::2"])
  )
})

/** An exit fails while its link stays: the reserve takes over. */
const exitFails = (tag: string, from: string, exits: readonly [string, string]) =>
  withWorld(tag, async (namespace, world) => {
    world.announceMany(from, 50_000, [via(exits[0]), via(exits[1], { preference: 1 })])
    world.settle()
    expect(linksOf(namespace, from, 50_000)).toEqual(["v11"])
    expect(namespace.sh(`ip nexthop show via ${exits[1]} 2>/dev/null || ip nexthop`)).toContain(exits[1])
    const neighbour = parseAddress(exits[0])!
    for (const [present, link] of [
      [false, "v12"],
      [true, "v11"]
    ] as const) {
      const heard = await overheard(namespace, () => {
        world.forwarding.neighbourState(neighbour, 11, present)
        expect(requestsUntil(world, () => true)).toBeLessThanOrEqual(REQUESTS_MAX)
      })
      expect(heard).toBeLessThanOrEqual(REQUESTS_MAX)
      expect(linksOf(namespace, from, 50_000)).toEqual([link])
    }
  })

/** The link of what is used loses its carrier: with a standby on the other link the kernel itself moves the routes. */
const standbyTakesOver = (tag: string, from: string, exits: readonly [string, string]) =>
  withWorld(
    tag,
    async (namespace, world) => {
      world.announceMany(from, 50_000, [via(exits[0]), via(exits[1], { preference: 1 })])
      world.settle()
      expect(namespace.sh("ip nexthop")).toMatch(/group \S*,255/)
      namespace.sh("ip link set p11 down")
      expect(requestsUntil(world, isDown(world, 11))).toBeLessThanOrEqual(REQUESTS_MAX)
      expect(linksOf(namespace, from, 50_000)).toEqual(["v12"])
      namespace.sh("ip link set p11 up")
      expect(requestsUntil(world, isUp(world, 11))).toBeLessThanOrEqual(REQUESTS_MAX)
    },
    { standby: true }
  )

needs.describe("when the carrier below an exit fails, and the exit in reserve is a standby in the kernel", () => {
  needs.it("50,000 IPv4 routes go by it with at most four requests", () =>
    standbyTakesOver("standby4", "20.0.0.0/24", ["10.0.11.2", "10.0.12.2"])
  )

  needs.it("50,000 IPv6 routes go by it with at most four requests", () =>
    standbyTakesOver("standby6", "2400::/48", ["2001:db8:11::2", "2001:db8:12::2"])
  )
})

needs.describe("when an exit fails (PIC edge)", () => {
  needs.it("50,000 IPv4 routes go by the exit in reserve, whose nexthop was in the kernel before", () =>
    exitFails("edge4", "20.0.0.0/24", ["10.0.11.2", "10.0.12.2"])
  )

  needs.it("50,000 IPv6 routes go by the exit in reserve", () =>
    exitFails("edge6", "2400::/48", ["2001:db8:11::2", "2001:db8:12::2"])
  )
})

needs.describe("what the kernel keeps and what it drops", () => {
  needs.it(
    "an address goes and its nexthops stay, so we take them out; a neighbour that does not answer changes nothing",
    () =>
      withWorld("kept", async (namespace, world) => {
        world.announceMany("20.0.0.0/24", 10, [via("10.0.11.2")])
        world.settle()
        namespace.sh("ip neigh replace 10.0.11.2 dev v11 nud failed")
        expect(requestsUntil(world, () => true)).toBe(0)
        expect(linksOf(namespace, "20.0.0.0/24", 10)).toEqual(["v11"])
        namespace.sh("ip addr del 10.0.11.1/24 dev v11")
        world.settle(() => namespace.sh("ip route show proto bgp").trim() === "")
        expect(namespace.sh("ip nexthop").trim()).toBe("")
      })
  )

  needs.it("routes that discard are there by their type, and follow their source to a next hop and back", () =>
    withWorld("discard", async (namespace, world) => {
      const discarding = (["blackhole", "unreachable", "prohibit"] as const).flatMap((discard, index) => [
        { prefix: `${64 + index}.0.0.0/8`, via: [], discard, distance: 5 },
        { prefix: `2400:${index}::/32`, via: [], discard, distance: 5 }
      ])
      world.forwarding.setStatic(discarding)
      world.settle()
      const shown = namespace.sh("ip route show proto bgp; ip -6 route show proto bgp").trim().split("\n")
      expect(shown.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
        "blackhole 64.0.0.0/8",
        "unreachable 65.0.0.0/8",
        "prohibit 66.0.0.0/8",
        "blackhole 2400::/32",
        "unreachable 2400:1::/32",
        "prohibit 2400:2::/32"
      ])
      world.forwarding.setStatic([...discarding, { prefix: "65.0.0.0/8", via: ["10.0.11.2"], distance: 1 }])
      world.settle()
      expect(namespace.sh("ip route get 65.1.2.3")).toContain("via 10.0.11.2 dev v11")
      world.forwarding.setStatic(discarding)
      world.settle()
      expect(namespace.sh("ip route show proto bgp")).toContain("unreachable 65.0.0.0/8")
    })
  )

  needs.it(
    "a link that is removed takes along what named it, for good; another link of that name is another link",
    () =>
      withWorld("gone", async (namespace, world) => {
        world.announceMany("20.0.0.0/24", 10, [via("10.0.11.2", { ifindex: 11 })])
        world.settle()
        expect(linksOf(namespace, "20.0.0.0/24", 10)).toEqual(["v11"])
        namespace.sh("ip link del v11")
        world.settle(() => world.forwarding.fib.interfaces.get(11) === undefined)
        namespace.sh("ip link add v11 index 11 type veth peer name p11; ip link set v11 up; ip link set p11 up")
        namespace.sh("ip addr add 10.0.11.1/24 dev v11")
        world.settle(isUp(world, 11))
        expect(namespace.sh("ip route show proto bgp").trim()).toBe("")
        world.announceMany("20.0.0.0/24", 10, [via("10.0.11.2", { ifindex: 11 })])
        world.settle()
        expect(linksOf(namespace, "20.0.0.0/24", 10)).toEqual(["v11"])
      })
  )
})
