// Static routes as the configuration has them: distances are preferences of one list, links are waited for by name, and what stays the
// same is left alone.
import { describe, expect, it } from "vitest"
import { World } from "./forwarding-world.ts"

const world = (): World =>
  new World().link(2, "east").address(2, "10.0.1.1/24").link(3, "west").address(3, "10.0.2.1/24").start()

describe("static routes", () => {
  it("for one prefix stand in for each other by distance when the nearer one leads nowhere", () => {
    const here = world()
    here.forwarding.setStatic([
      { prefix: "20.0.0.0/8", via: ["10.0.1.2"], distance: 1 },
      { prefix: "20.0.0.0/8", via: ["10.0.2.2"], distance: 200 }
    ])
    expect(here.settle().routes()).toEqual({ "20.0.0.0/8": "10.0.1.2@east*1" })
    here.world({ _tag: "CarrierChanged", index: 2, carrier: false }).settle()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "10.0.2.2@west*1" })
    here.world({ _tag: "CarrierChanged", index: 2, carrier: true }).settle()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "10.0.1.2@east*1" })
  })

  it("that name a link wait for one of that name, and follow the name to another link", () => {
    const here = world()
    here.forwarding.setStatic([{ prefix: "20.0.0.0/8", via: ["fe80::2%north"], distance: 1 }])
    expect(here.settle().routes()).toEqual({})
    here.link(7, "north").settle()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "fe80::2@north*1" })
    here.world({ _tag: "LinkRemoved", index: 7 }).settle()
    expect(here.routes()).toEqual({})
    here.link(7, "north").settle()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "fe80::2@north*1" })
  })

  it("may have IPv6 next hops for IPv4 prefixes (RFC 8950)", () => {
    const here = world().address(2, "2001:db8::1/64")
    here.forwarding.setStatic([{ prefix: "20.0.0.0/8", via: ["2001:db8::2"], distance: 1 }])
    expect(here.settle().routes()).toEqual({ "20.0.0.0/8": "2001:db8::2@east*1" })
  })

  it("discard packets by a type of route, and are adopted after a restart", () => {
    const here = world()
    const routes = (["blackhole", "unreachable", "prohibit"] as const).map((discard, index) => ({
      prefix: `${64 + index}.0.0.0/8`,
      via: [],
      discard,
      distance: 1
    }))
    here.forwarding.setStatic(routes)
    const types = (one: World) => [...one.kernel.tables[4].get(254)!.values()].flat().map(({ type }) => type)
    expect(types(here.settle()).filter((type) => type > 5)).toEqual([6, 7, 8])
    const next = here.restart()
    next.forwarding.setStatic(routes)
    next.forwarding.initialSyncDone()
    expect(next.settle().forwarding.kernelSide!.sync.counters()).toMatchObject({ requests: 0, violations: 0 })
    next.forwarding.setStatic([{ prefix: "64.0.0.0/8", via: ["10.0.1.2"], distance: 1 }])
    expect(next.settle().routes()).toEqual({ "64.0.0.0/8": "10.0.1.2@east*1" })
  })

  it("that stay the same cost nothing when the configuration is read again", () => {
    const here = world()
    const routes = [{ prefix: "20.0.0.0/8", via: ["10.0.1.2"], distance: 1 }]
    here.forwarding.setStatic(routes)
    const { requests } = here.settle().forwarding.kernelSide!.sync.counters()
    here.forwarding.setStatic([...routes])
    expect(here.settle().forwarding.kernelSide!.sync.counters().requests).toBe(requests)
  })
})

describe("a reserve as standby", () => {
  it("keeps a group that is on one link from being emptied when that link loses its carrier", () => {
    const here = new World(1, undefined, "remove", { standby: true })
    here.link(2, "east").address(2, "10.0.1.1/24").link(3, "west").address(3, "10.0.2.1/24").start()
    here.route("20.0.0.0/8", ["10.0.1.2", "10.0.2.2 pref 1"]).settle()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "10.0.1.2@east*255 10.0.2.2@west*1" })
    const before = here.forwarding.kernelSide!.sync.counters().requests
    here.world({ _tag: "CarrierChanged", index: 2, carrier: false }).settle()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "10.0.2.2@west*1" })
    expect(here.forwarding.kernelSide!.sync.counters().requests).toBe(before)
  })
})
