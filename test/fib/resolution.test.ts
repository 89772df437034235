// How paths of each kind resolve, what is asked of the way to a next hop, what is kept in reserve, and who is told when it changes.
import { describe, expect, it } from "vitest"
import { SourceRank } from "../../src/fib/index.ts"
import { address, GraphWorld, twoLinks } from "./graph-world.ts"

const PREFIX = "50.0.0.0/24"

describe("a next hop with its link", () => {
  it("is a neighbour there as long as the link carries traffic, whatever covers its address", () => {
    const world = twoLinks().route(PREFIX, ["99.0.0.1 dev east"])
    expect(world.forwarding(PREFIX)).toBe("99.0.0.1@east")
    expect(world.link("east", false).forwarding(PREFIX)).toBe("drop")
    expect(world.link("east").forwarding(PREFIX)).toBe("99.0.0.1@east")
  })

  it("may be link-local, for IPv4 too (RFC 8950, RFC 4291 §2.5.6)", () => {
    const world = twoLinks().route(PREFIX, ["fe80::2 dev east"]).route("2001:db8::/32", ["fe80::2 dev west"])
    expect([world.forwarding(PREFIX), world.forwarding("2001:db8::/32")]).toEqual(["fe80::2@east", "fe80::2@west"])
  })

  it("does not come back with a link of the same number: who wants it names it again", () => {
    const world = twoLinks().route(PREFIX, ["10.0.1.2 dev east"]).removeLink("east").link("east")
    world.subnet("east", "10.0.1.1/24")
    expect(world.forwarding(PREFIX)).toBe("drop")
    expect(world.route(PREFIX, ["10.0.1.2 dev east"]).forwarding(PREFIX)).toBe("10.0.1.2@east")
  })
})

describe("a link without a next hop", () => {
  it("takes whatever is addressed to it, and neighbours are found there through it", () => {
    const world = twoLinks().route("60.0.0.0/8", ["dev west"]).route(PREFIX, ["60.0.0.9"])
    expect([world.forwarding("60.0.0.0/8"), world.forwarding(PREFIX)]).toEqual(["@west", "60.0.0.9@west"])
    expect(world.link("west", false).forwarding(PREFIX)).toBe("drop")
  })
})

describe("an entry that discards, or receives", () => {
  it("is what it says, and no way to a next hop", () => {
    for (const kind of ["drop", "unreachable", "prohibit", "receive"]) {
      const world = twoLinks().route("0.0.0.0/0", ["10.0.1.2"]).route("60.0.0.0/8", [kind]).route(PREFIX, ["60.0.0.9"])
      expect([world.forwarding("60.0.0.0/8"), world.forwarding(PREFIX)]).toEqual([
        kind === "receive" ? "local" : kind,
        "drop"
      ])
    }
  })
})

describe("labels", () => {
  it("of a path stand behind those of the way to its next hop (RFC 3031 §3.14)", () => {
    const world = twoLinks().route("60.0.0.1/32", ["10.0.1.2 label 16"]).route(PREFIX, ["60.0.0.1 label 300/301"])
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east label 16/300/301")
  })

  it("tell apart two paths to one neighbour", () => {
    const world = twoLinks().route(PREFIX, ["10.0.1.2 label 16", "10.0.1.2 label 17", "10.0.1.2"])
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east, 10.0.1.2@east label 16, 10.0.1.2@east label 17")
  })
})

describe("a constraint", () => {
  it("host asks for a route to just that address, and the path waits while only a less specific one is there", () => {
    const world = twoLinks().route("60.0.0.0/28", ["10.0.2.2"]).route("60.0.0.1/32", ["10.0.1.2"])
    world.route(PREFIX, ["60.0.0.1 host"]).route("70.0.0.0/24", ["60.0.0.1"])
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east")
    world.route("60.0.0.1/32", [])
    expect([world.forwarding(PREFIX), world.forwarding("70.0.0.0/24")]).toEqual(["drop", "10.0.2.2@west"])
    expect(world.route("60.0.0.1/32", ["10.0.1.3"]).forwarding(PREFIX)).toBe("10.0.1.3@east")
  })

  it("host is met by a neighbour on a link of ours", () => {
    expect(twoLinks().route(PREFIX, ["10.0.1.2 host"]).forwarding(PREFIX)).toBe("10.0.1.2@east")
  })

  it("attached asks for a next hop on a link of ours", () => {
    const world = twoLinks().route("60.0.0.1/32", ["10.0.1.2"])
    world.route(PREFIX, ["60.0.0.1 attached"]).route("70.0.0.0/24", ["10.0.2.7 attached"])
    expect([world.forwarding(PREFIX), world.forwarding("70.0.0.0/24")]).toEqual(["drop", "10.0.2.7@west"])
    expect(world.subnet("west", "60.0.0.2/24").route("60.0.0.1/32", []).forwarding(PREFIX)).toBe("60.0.0.1@west")
  })
})

describe("a preference", () => {
  it("is used as long as one of its paths is usable; the next is kept in reserve", () => {
    const world = twoLinks().link("north").subnet("north", "10.0.3.1/24")
    world.route(PREFIX, ["10.0.1.2", "10.0.1.3", "10.0.2.2 pref 10", "10.0.3.2 pref 255"])
    expect([world.forwarding(PREFIX), world.reserve(PREFIX)]).toEqual(["10.0.1.2@east, 10.0.1.3@east", "10.0.2.2@west"])
    world.link("east", false)
    expect([world.forwarding(PREFIX), world.reserve(PREFIX)]).toEqual(["10.0.2.2@west", "10.0.3.2@north"])
    world.link("west", false)
    expect([world.forwarding(PREFIX), world.reserve(PREFIX)]).toEqual(["10.0.3.2@north", "drop"])
    world.link("east").link("west")
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east, 10.0.1.3@east")
  })

  it("that is higher is never mixed with a lower one, whatever the weights", () => {
    const world = twoLinks().route(PREFIX, ["10.0.1.2", "10.0.2.2 weight 200 pref 1"])
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east")
  })

  it("of a recursive path gives way when the route to its next hop goes", () => {
    const world = twoLinks().route("60.0.0.1/32", ["10.0.1.2"]).route("60.0.0.2/32", ["10.0.2.2"])
    world.route(PREFIX, ["60.0.0.1 host", "60.0.0.2 host pref 1"])
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east")
    expect(world.route("60.0.0.1/32", []).forwarding(PREFIX)).toBe("10.0.2.2@west")
  })
})

describe("weights", () => {
  it("are shares, up to 64 ways wide", () => {
    const world = twoLinks()
    const ways = Array.from({ length: 64 }, (_, index) => `10.0.1.${index + 2} weight ${index + 1}`)
    const forwarding = world.route(PREFIX, ways).forwarding(PREFIX).split(", ")
    expect([forwarding.length, forwarding[0], forwarding[63]]).toEqual([64, "10.0.1.2@east", "10.0.1.65@east*64"])
  })
})

describe("a session", () => {
  it("that says a neighbour is down takes it out, by name and by way of its subnet; the link stays up (RFC 5881)", () => {
    const world = twoLinks().route(PREFIX, ["10.0.1.2 dev east", "10.0.2.2"]).route("70.0.0.0/24", ["10.0.1.2"])
    world.fib.neighbourState(address("10.0.1.2"), 2, false)
    expect([world.forwarding(PREFIX), world.forwarding("70.0.0.0/24")]).toEqual(["10.0.2.2@west", "drop"])
    world.link("east", false).link("east")
    expect(world.forwarding("70.0.0.0/24")).toBe("drop")
    world.fib.neighbourState(address("10.0.1.2"), 2, true)
    expect([world.forwarding(PREFIX), world.forwarding("70.0.0.0/24")]).toEqual([
      "10.0.1.2@east, 10.0.2.2@west",
      "10.0.1.2@east"
    ])
  })

  it("may speak of a neighbour before anybody sends there", () => {
    const world = twoLinks()
    world.fib.neighbourState(address("10.0.1.2"), 2, false)
    expect(world.route(PREFIX, ["10.0.1.2"]).forwarding(PREFIX)).toBe("drop")
  })

  it("over several hops stops recursion through its address, not what names a link (RFC 5883)", () => {
    const world = twoLinks().route(PREFIX, ["10.0.1.2"]).route("70.0.0.0/24", ["10.0.1.2 dev east"])
    world.fib.sessionState(address("10.0.1.2"), false)
    expect([world.forwarding(PREFIX), world.forwarding("70.0.0.0/24")]).toEqual(["drop", "10.0.1.2@east"])
    world.fib.sessionState(address("10.0.1.2"), true)
    expect(world.forwarding(PREFIX)).toBe("10.0.1.2@east")
  })
})

describe("our own addresses", () => {
  it("stay ours while their link is down: no other route leads to them", () => {
    const world = twoLinks().route("0.0.0.0/0", ["10.0.2.2"]).route(PREFIX, ["10.0.1.1"]).link("east", false)
    expect([world.forwarding("10.0.1.1/32"), world.forwarding(PREFIX)]).toEqual(["local", "drop"])
    expect(world.removeLink("east").forwarding(PREFIX)).toBe("10.0.2.2@west")
  })
})

describe("the sources of an entry", () => {
  const RANKS = [SourceRank.FanOut, SourceRank.Bgp, SourceRank.Static, SourceRank.Api]

  it("take over from each other, the best first, in whatever order they come", () => {
    const world = twoLinks()
    for (const rank of RANKS.toReversed()) world.route(PREFIX, [`10.0.1.${rank + 10}`], rank)
    for (const rank of RANKS.toReversed()) {
      expect(world.forwarding(PREFIX)).toBe(`10.0.1.${rank + 10}@east`)
      world.route(PREFIX, [], rank)
    }
    expect(world.forwarding(PREFIX)).toBe("absent")
  })

  it("need no record where there is one of the many only, and let go of their path-lists", () => {
    const world = twoLinks()
    const [family, id] = world.prefix(PREFIX)
    const bgp = world.fib.internNextHops([address("10.0.1.2")])
    const hub = world.fib.internNextHops([address("10.0.2.2")])
    world.fib.setFanOut(family, id, hub)
    world.fib.setBgp(family, id, bgp)
    expect([world.forwarding(PREFIX), world.fib.entries[0].sourcesOf(id).length]).toEqual(["10.0.1.2@east", 2])
    world.fib.clearBgp(family, id)
    expect([world.forwarding(PREFIX), world.fib.entries[0].sourcesOf(id).length]).toEqual(["10.0.2.2@west", 1])
    world.fib.clearFanOut(family, id)
    world.fib.releasePaths(bgp)
    world.fib.releasePaths(hub)
    world.fib.settle()
    expect(world.fib.pathLists.lists.filter((list) => list?.kind === "recursive")).toEqual([])
  })

  it("say what it costs to go there, for who resolves through them", () => {
    const world = twoLinks().route("60.0.0.0/24", ["10.0.1.2"], SourceRank.Static, 1, 70)
    const set = world.fib.internNextHops([address("60.0.0.1")])
    expect(world.fib.reachability(set)).toEqual({ reachable: true, metric: 71 })
    world.route("60.0.0.0/24", ["10.0.1.2"], SourceRank.Api, 1, 5).fib.settle()
    expect(world.fib.reachability(set)).toEqual({ reachable: true, metric: 6 })
  })
})

describe("the shared nodes", () => {
  it("are gone when nobody wants anything any more", () => {
    const world = twoLinks().route("60.0.0.0/24", ["10.0.1.2"]).route(PREFIX, ["60.0.0.1", "10.0.2.2 dev west pref 5"])
    world.fib.settle()
    const before = new GraphWorld()
      .link("east")
      .link("west")
      .subnet("east", "10.0.1.1/24")
      .subnet("west", "10.0.2.1/24")
    expect(world.fib.graph.size).toBeGreaterThan(before.fib.graph.size)
    world.route(PREFIX, []).route("60.0.0.0/24", []).fib.settle()
    expect([world.fib.graph.size, world.fib.graph.edgeCount]).toEqual([before.fib.graph.size, 0])
  })

  it("live on, incomplete, while something still resolves through an entry that nobody wants", () => {
    const world = twoLinks().route("60.0.0.1/32", ["10.0.1.2"]).route(PREFIX, ["60.0.0.1"])
    world.fib.settle()
    const [, id] = world.prefix("60.0.0.1/32")
    world.route("60.0.0.1/32", [])
    expect(world.tables[0].holdersOf(id)).toBeGreaterThan(0)
    expect(world.route("60.0.0.1/32", ["10.0.2.2"]).forwarding(PREFIX)).toBe("10.0.2.2@west")
  })
})
