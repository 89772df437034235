// A failed member is deleted, which takes it out of all groups at once: one request, and for IPv6 no work for each route.
import { describe, expect, it } from "vitest"
import { NetlinkType } from "../../src/netlink/index.ts"
import { address } from "../fib/graph-world.ts"
import { World } from "../router/forwarding-world.ts"

const world = (): World =>
  new World().link(2, "east").address(2, "10.0.1.1/24").link(3, "west").address(3, "10.0.2.1/24").start()

const sentOf = (here: World, type: number): number => here.sent.get(type) ?? 0

describe("a member that fails", () => {
  it("goes out of several groups by one delete, and comes back by replaces", () => {
    const here = world().route("20.0.0.0/8", ["10.0.1.2", "10.0.2.2"])
    here.route("30.0.0.0/8", ["10.0.1.2 weight 2", "10.0.1.3", "10.0.2.2"]).settle()
    here.sent.clear()
    here.forwarding.neighbourState(address("10.0.2.2"), 3, false)
    expect(here.settle().routes()).toEqual({
      "20.0.0.0/8": "10.0.1.2@east*1",
      "30.0.0.0/8": "10.0.1.2@east*2 10.0.1.3@east*1"
    })
    expect([...here.sent]).toEqual([[NetlinkType.DelNexthop, 1]])
    here.forwarding.neighbourState(address("10.0.2.2"), 3, true)
    expect(here.settle().routes()).toEqual({
      "20.0.0.0/8": "10.0.1.2@east*1 10.0.2.2@west*1",
      "30.0.0.0/8": "10.0.1.2@east*2 10.0.1.3@east*1 10.0.2.2@west*1"
    })
  })

  it("is left out by a replace where a group is to have something else in its place", () => {
    const here = world().route("20.0.0.0/8", ["10.0.1.2", "10.0.2.2 pref 1"]).settle()
    here.sent.clear()
    here.forwarding.neighbourState(address("10.0.1.2"), 2, false)
    expect(here.settle().routes()).toEqual({ "20.0.0.0/8": "10.0.2.2@west*1" })
    expect([sentOf(here, NetlinkType.NewNexthop), sentOf(here, NetlinkType.DelNexthop)]).toEqual([1, 1])
  })

  it("is asked for again when the answer to its delete is lost", () => {
    const here = world().route("20.0.0.0/8", ["10.0.1.2", "10.0.2.2"]).settle()
    here.loseReplies = 1
    here.forwarding.neighbourState(address("10.0.2.2"), 3, false)
    here.settle().pass()
    expect(here.routes()).toEqual({ "20.0.0.0/8": "10.0.1.2@east*1" })
    here.withdraw("20.0.0.0/8").settle().pass()
    expect([here.nexthopCount(), here.forwarding.kernelSide!.sync.counters().violations]).toEqual([0, 0])
  })
})
