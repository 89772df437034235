// Follower mode in the core: what a hub says is what is forwarded by, resolved with our own links, and it stays when the hub goes.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type EventRecord, FollowedNews } from "../../src/eventlog/index.ts"
import { encodeChanges, encodeRouteValue, type RouteValue, routeKey } from "../../src/fanout/index.ts"
import { FollowedRoutes } from "../../src/router/followed.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { World } from "./forwarding-world.ts"

const HUB = "192.0.2.1"
const world = (): World =>
  new World().link(2, "east").address(2, "10.0.1.1/24").link(3, "west").address(3, "10.0.2.1/24").start()

const keyOf = (prefix: string): string =>
  routeKey("main", prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast", prefix)
const valueOf = (...addresses: ReadonlyArray<string>): RouteValue => ({
  nextHops: addresses.map((address) => ({ address, weight: 1 })),
  hub: HUB
})

class Follower {
  readonly world = world()
  readonly followed = new FollowedRoutes()

  hears(...changes: ReadonlyArray<readonly [prefix: string, value: RouteValue | null]>): this {
    const written = changes.map(([prefix, value]) => ({
      key: keyOf(prefix),
      value: value === null ? null : encodeRouteValue(value)
    }))
    for (const piece of encodeChanges(written)) this.say(FollowedNews.Changed, piece)
    return this
  }

  say(news: FollowedNews, bytes: Uint8Array = new Uint8Array(0)): this {
    this.followed.take(this.world.forwarding, news, bytes, 1_000_000)
    return this
  }

  routes(): Record<string, string> {
    return this.world.settle().routes() as Record<string, string>
  }
}

describe("a follower", () => {
  it("forwards by its hub's routes, over its own links and with the hub's weights", () => {
    const here = new Follower()
    here.hears(
      ["20.0.0.0/8", valueOf("10.0.1.2")],
      [
        "30.0.0.0/8",
        {
          nextHops: [
            { address: "10.0.1.2", weight: 3 },
            { address: "10.0.2.2", weight: 1 }
          ],
          hub: HUB
        }
      ]
    )
    expect(here.routes()).toEqual({
      "20.0.0.0/8": "10.0.1.2@east*1",
      "30.0.0.0/8": "10.0.1.2@east*3 10.0.2.2@west*1"
    })
  })

  it("keeps its routes while no hub answers, also when they are called stale", () => {
    const here = new Follower().hears(["20.0.0.0/8", valueOf("10.0.1.2")]).say(FollowedNews.InSync)
    here.say(FollowedNews.OutOfSync).say(FollowedNews.Stale)
    expect(here.followed.stage).toBe("stale")
    expect(here.routes()).toEqual({ "20.0.0.0/8": "10.0.1.2@east*1" })
  })

  it("finds the way to a hub by itself where the route is the hub's own", () => {
    const here = new Follower().hears(["20.0.0.0/8", valueOf()])
    expect(here.routes()).toEqual({})
    here.world.forwarding.setStatic([{ prefix: "192.0.2.0/24", via: ["10.0.2.2"], distance: 1 }])
    expect(here.routes()["20.0.0.0/8"]).toBe("10.0.2.2@west*1")
  })

  it("counts what it cannot read, and forwards by what it can", () => {
    const here = new Follower()
    const text = new TextEncoder()
    for (const piece of encodeChanges([
      { key: "/backwalk/v1/route/main/ipv4-unicast/20.0.0.0-8", value: text.encode("no JSON") },
      { key: "/backwalk/v1/route/main/ipv4-unicast/20.0.0.0/8", value: text.encode("{}") },
      { key: "/backwalk/v1/hub/192.0.2.1", value: text.encode("{}") },
      { key: keyOf("30.0.0.0/8"), value: encodeRouteValue(valueOf("10.0.1.2")) }
    ])) {
      here.say(FollowedNews.Changed, piece)
    }
    here.say(FollowedNews.Changed, Uint8Array.of(1, 2, 3))
    expect([here.followed.unreadable, here.followed.count]).toEqual([3, 1])
    expect(here.routes()).toEqual({ "30.0.0.0/8": "10.0.1.2@east*1" })
  })

  it("has in the kernel what the hub said last, whatever came before", () => {
    const prefix = fc.constantFrom("20.0.0.0/8", "20.1.0.0/16", "30.0.0.0/8", "2001:db8:1::/48")
    const hops4 = fc.subarray(["10.0.1.2", "10.0.1.3", "10.0.2.2"], { minLength: 1 })
    const change = fc.tuple(prefix, fc.option(hops4, { nil: null }))
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 }), (batches) => {
        const here = new Follower()
        const told = new Map<string, string>()
        for (const batch of batches) {
          here.hears(...batch.map(([each, hops]) => [each, hops === null ? null : valueOf(...hops)] as const))
          for (const [each, hops] of batch) {
            told.delete(each)
            // An IPv6 route over IPv4 next hops is none that Linux takes.
            if (hops !== null && !each.includes(":")) told.set(each, [...hops].sort().map(linked).join(" "))
          }
          expect(here.routes()).toEqual(Object.fromEntries(told))
        }
      }),
      { numRuns: 60 }
    )
  })
})

const linked = (address: string): string => `${address}@${address.startsWith("10.0.1.") ? "east" : "west"}*1`

describe("a follower's router", () => {
  const changed = (...prefixes: ReadonlyArray<string>): ReadonlyArray<EventRecord> =>
    encodeChanges(prefixes.map((prefix) => ({ key: keyOf(prefix), value: encodeRouteValue(valueOf("10.0.1.2")) }))).map(
      (bytes) => ({ _tag: "Followed", news: FollowedNews.Changed, bytes })
    )

  it("prefers what its own peers and its configuration say", () => {
    const driver = new Driver(configOf([peerConfig("10.0.0.2", 65002)], { follows: true, static: [STATIC] }))
    driver.step(...changed("20.0.0.0/8", "30.0.0.0/8"))
    driver.settle()
    const rows = [...driver.state.forwarding.showFib()] as ReadonlyArray<{ prefix: string; source: string }>
    expect(rows.map(({ prefix, source }) => [prefix, source]).sort()).toEqual([
      ["20.0.0.0/8", "static"],
      ["30.0.0.0/8", "fan-out"]
    ])
  })

  it("waits with what an earlier run left in the kernel until a hub has told its whole table", () => {
    const driver = new Driver(configOf([], { follows: true }))
    driver.settle()
    expect(driver.state.initialSyncDone).toBe(false)
    driver.step({ _tag: "Followed", news: FollowedNews.InSync, bytes: new TextEncoder().encode("hub1:5473") })
    expect([driver.state.initialSyncDone, driver.state.followed.hub]).toEqual([true, "hub1:5473"])
  })
})

const STATIC = { prefix: "20.0.0.0/8", via: ["10.0.0.9"], distance: 1 }
