// Forwarding against the model kernel: what is wanted ends up in the kernel, whatever happens to it, and nothing of others is touched.

import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { isOwnId, REPAIRS_AT_ONCE } from "../../src/ksync/index.ts"
import { deepClone, OpBuffer } from "../../src/machine/index.ts"
import { createModelKernel } from "../../src/netlink/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import { createForwarding, type Params } from "../../src/router/forwarding.ts"
import { World } from "./forwarding-world.ts"

/** Two links with a subnet each. */
const twoLinks = (seed = 1): World =>
  new World(seed).link(2, "east").link(3, "west").address(2, "10.0.1.1/24").address(3, "10.0.2.1/24").start()

describe("forwarding", () => {
  it("installs a route over a connected next hop through a group of one", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
    expect(world.nexthopCount()).toBe(2)
  })

  it("leaves nothing behind when the last route is withdrawn", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2", "10.0.2.2").settle()
    world.withdraw("198.51.100.0/24").settle()
    expect(world.routes()).toEqual({})
    expect(world.nexthopCount()).toBe(0)
    expect(world.tables[0].count).toBe(4)
    expect(world.pool.leaks()).toEqual([])
  })

  it("resolves a next hop over a static route, and moves the routes with one replace when that goes", () => {
    const world = twoLinks()
    const [preferred, other] = [
      { prefix: "192.0.2.1/32", via: ["10.0.1.2"], distance: 1 },
      { prefix: "192.0.2.1/32", via: ["10.0.2.2"], distance: 5 }
    ]
    world.forwarding.setStatic([preferred, other])
    for (let index = 0; index < 600; index++) world.announce(`20.${index >> 8}.${index & 255}.0/24`, "192.0.2.1")
    world.settle()
    expect(new Set(Object.values(world.routes()))).toEqual(new Set(["10.0.1.2@east*1"]))
    world.sent.clear()
    world.forwarding.setStatic([other])
    world.settle()
    expect(new Set(Object.values(world.routes()))).toEqual(new Set(["10.0.2.2@west*1"]))
    expect([...world.sent.values()].reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(6)
  })

  it("makes a group anew that turns out to be gone when it is replaced, and puts its routes back at once", () => {
    const world = twoLinks()
    world.forwarding.setStatic([{ prefix: "192.0.2.1/32", via: ["10.0.1.2"], distance: 1 }])
    world.announce("198.51.100.0/24", "192.0.2.1").settle()
    const own = [...world.kernel.nexthops.values()].filter(({ id }) => isOwnId(id))
    const group = world.kernel.nexthops.get(
      world.forwarding.kernelSide!.sync.objects.groupOf(
        world.forwarding.fib.entries[0].pathList[world.tables[0].find([0xc633_6400], 0, 24)]
      )!.id
    )!
    // Nobody tells us.
    world.foreignNexthopDelete(own.indexOf(group)).deafen()
    expect(Object.keys(world.routes())).toEqual(["192.0.2.1/32"])
    world.forwarding.setStatic([{ prefix: "192.0.2.1/32", via: ["10.0.2.2"], distance: 1 }])
    expect(world.settle().routes()["198.51.100.0/24"]).toBe("10.0.2.2@west*1")
  })

  it("puts routes back when a link that lost its carrier returns", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").announce("203.0.113.0/24", "10.0.2.2").settle()
    world.world({ _tag: "CarrierChanged", index: 2, carrier: false }).settle()
    expect(world.routes()).toEqual({ "203.0.113.0/24": "10.0.2.2@west*1" })
    world.world({ _tag: "CarrierChanged", index: 2, carrier: true }).settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1", "203.0.113.0/24": "10.0.2.2@west*1" })
  })

  it("notices a link that was down and up again between two batches", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    world.world({ _tag: "CarrierChanged", index: 2, carrier: false })
    world.world({ _tag: "CarrierChanged", index: 2, carrier: true }).settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
    expect(world.nexthopCount()).toBe(2)
  })

  it("keeps a group whose other member is still there when a link fails", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2", "10.0.2.2").settle()
    world.world({ _tag: "CarrierChanged", index: 2, carrier: false }).settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.2.2@west*1" })
    world.world({ _tag: "CarrierChanged", index: 2, carrier: true }).settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1 10.0.2.2@west*1" })
  })

  it("takes routes away with the address that made their next hop reachable", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    world.removeAddress(2, "10.0.1.1/24").settle()
    expect(world.routes()).toEqual({})
    expect(world.nexthopCount()).toBe(0)
    world.address(2, "10.0.1.1/24").settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
  })

  it("asks again when the answers to a batch are lost", () => {
    const world = twoLinks()
    world.loseReplies = 3
    world.announce("198.51.100.0/24", "10.0.1.2").settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
    world.loseReplies = 2
    world.withdraw("198.51.100.0/24").settle()
    expect(world.routes()).toEqual({})
    expect(world.nexthopCount()).toBe(0)
  })

  it("installs after passing errors", () => {
    const world = twoLinks()
    world.world({ _tag: "FaultsArmed", errno: 12, count: 4 })
    world.announce("198.51.100.0/24", "10.0.1.2").settle()
    expect(world.routes()).toEqual({})
    world.pass()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
  })

  it("adopts what an earlier run left, without writing, and sweeps what nobody wants", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").announce("203.0.113.0/24", "10.0.2.2").settle()
    const next = world.restart()
    expect(Object.keys(next.routes())).toHaveLength(2)
    next.announce("198.51.100.0/24", "10.0.1.2").settle()
    expect(next.sent.size).toBe(0)
    next.forwarding.initialSyncDone()
    next.settle()
    expect(next.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
    expect(next.nexthopCount()).toBe(2)
  })

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "adopts it also when sources speak after %i steps of the start, before it is read",
    (turns) => {
      const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").announce("203.0.113.0/24", "10.0.2.2").settle()
      const next = world.restart(turns)
      next.announce("203.0.113.0/24", "10.0.2.2").announce("198.51.100.0/24", "10.0.1.2").settle()
      next.forwarding.initialSyncDone()
      next.settle()
      expect(next.sent.size).toBe(0)
      expect(next.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1", "203.0.113.0/24": "10.0.2.2@west*1" })
    }
  )

  it("finds by halves the one request that makes the kernel stop reading, and gives up on it alone", () => {
    const world = twoLinks()
    world.malformed = "20.0.77.0/24"
    for (let index = 0; index < 300; index++) world.announce(`20.${index >> 8}.${index & 255}.0/24`, "10.0.1.2")
    world.settle()
    expect(Object.keys(world.routes()).length).toBe(299)
    expect([...world.forwarding.showKernel({ failed: "" })]).toMatchObject([
      { key: "20.0.77.0/24", error: "permanent: EIO the kernel does not answer" }
    ])
    world.malformed = undefined
    world.pass()
    expect(Object.keys(world.routes()).length).toBe(300)
  })

  it("repairs at once what another program undoes now and then, and with pauses what it undoes again and again", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    for (let time = 0; time < REPAIRS_AT_ONCE; time++) {
      world.foreignDelete("198.51.100.0/24").settle()
      expect(Object.keys(world.routes())).toEqual(["198.51.100.0/24"])
    }
    world.foreignDelete("198.51.100.0/24").settle()
    expect(world.routes()).toEqual({})
    expect([...world.forwarding.showKernel({ failed: "" })]).toMatchObject([
      { key: "198.51.100.0/24", error: "contested: another program has undone it 4 times" }
    ])
    const told: Array<string> = []
    world.forwarding.drainNotices((_, message) => told.push(message))
    expect(told).toEqual(["another program keeps undoing 198.51.100.0/24: it is repaired with growing pauses"])
    world.pass(1)
    expect(Object.keys(world.routes())).toEqual(["198.51.100.0/24"])
  })

  it("reads again after an overrun only what of ours may have changed: no family without routes of ours", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    world.dumps = []
    world.world({ _tag: "LossesArmed", count: 1 }).foreignDelete("198.51.100.0/24").settle()
    expect(world.dumps).toEqual(["18/0", "22/0", "106/0", "26/2", "34/0", "30/0"])
    expect(Object.keys(world.routes())).toEqual(["198.51.100.0/24"])
  })

  it("makes a nexthop that others delete again and again anew with pauses, too", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    for (let time = 0; time <= REPAIRS_AT_ONCE; time++) {
      expect(Object.keys(world.routes())).toEqual(["198.51.100.0/24"])
      world.foreignNexthopDelete(0).foreignNexthopDelete(0).settle()
    }
    expect(world.routes()).toEqual({})
    world.pass()
    expect(Object.keys(world.routes())).toEqual(["198.51.100.0/24"])
  })

  it("forgets a fight that is over", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    for (let time = 0; time < REPAIRS_AT_ONCE; time++) world.foreignDelete("198.51.100.0/24").settle()
    world.pass()
    world.foreignDelete("198.51.100.0/24").settle()
    expect(Object.keys(world.routes())).toEqual(["198.51.100.0/24"])
  })

  it("explains what a route waits for, down to the link, and what has become of it", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").announce("203.0.113.0/24", "192.0.2.9").settle()
    const rows = (params: Params): ReadonlyArray<unknown> => [...world.forwarding.showKernel(params)]
    expect(rows({ waiting: "" })).toMatchObject([
      { key: "203.0.113.0/24", waitingFor: "a way to next hop 192.0.2.9", path: ["a way to next hop 192.0.2.9"] }
    ])
    world.announce("192.0.2.0/24", "10.0.2.7").world({ _tag: "CarrierChanged", index: 3, carrier: false }).settle()
    expect(rows({ waiting: "" })).toContainEqual(
      expect.objectContaining({
        key: "192.0.2.0/24",
        waitingFor: "a way to next hop 10.0.2.7",
        path: ["a way to next hop 10.0.2.7", "link west, which is down"]
      })
    )
    world.withdraw("192.0.2.0/24").world({ _tag: "CarrierChanged", index: 3, carrier: true }).settle()
    world.world({ _tag: "FaultsArmed", errno: 100, count: 1 }).announce("198.51.100.0/24", "10.0.2.2").settle()
    expect(rows({ waiting: "" })).toContainEqual(
      expect.objectContaining({
        key: "198.51.100.0/24",
        state: "CHANGE_DEFER",
        waitingFor: expect.stringMatching(/^group \d+$/),
        path: [
          expect.stringMatching(/^group \d+ \(ADD_DEFER; /),
          "nexthop 10.0.2.2 dev west (ADD_DEFER; dependency: ENETDOWN)",
          "its next try, for the kernel refused it"
        ],
        history: expect.arrayContaining(["SYNC_WAIT CHANGE_FAILED CHANGE_DEFER"])
      })
    )
  })

  it("removes everything of its own on shutdown where that is asked for", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    world.forwarding.shutdown(world.out)
    world.settle()
    expect(world.forwarding.done()).toBe(true)
    expect(world.routes()).toEqual({})
    expect(world.nexthopCount()).toBe(0)
  })

  it("leaves the kernel as it is from shutdown on where that is asked for, whatever the sessions say then", () => {
    const world = new World(1, createModelKernel(), "keep").link(2, "east").address(2, "10.0.1.1/24").start()
    world.announce("198.51.100.0/24", "10.0.1.2").settle()
    world.forwarding.shutdown(world.out)
    world.withdraw("198.51.100.0/24").settle()
    expect(world.forwarding.done()).toBe(true)
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
  })

  it("goes on alike as a copy, and leaves the original alone", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").announce("203.0.113.0/24", "10.0.2.2", "10.0.1.2")
    world.turn()
    const copy = deepClone(world)
    const before = world.forwarding.digest()
    copy.world({ _tag: "CarrierChanged", index: 2, carrier: false }).settle()
    expect(world.forwarding.digest()).toBe(before)
    world.world({ _tag: "CarrierChanged", index: 2, carrier: false }).settle()
    expect(world.forwarding.digest()).toBe(copy.forwarding.digest())
    expect(world.routes()).toEqual({ "203.0.113.0/24": "10.0.2.2@west*1" })
    expect(copy.routes()).toEqual(world.routes())
  })

  it("reports a route whose place somebody else has, and leaves that alone", () => {
    const world = new World(1)
      .foreignRoutes()
      .link(2, "east")
      .address(2, "10.0.1.1/24")
      .start()
      .announce("70.0.0.0/24", "10.0.1.2")
      .settle()
      .pass(2)
    const foreign = world.others()
    const failed = [...world.forwarding.showKernel({ failed: "" })] as Array<Record<string, unknown>>
    expect(failed).toMatchObject([{ kind: "route", key: "70.0.0.0/24", state: "ADD_DEFER", error: "conflict: EEXIST" }])
    expect(world.others()).toEqual(foreign)
    expect(world.routes()).toEqual({})
  })

  it("puts a route back that somebody deleted by hand", () => {
    const world = twoLinks().announce("198.51.100.0/24", "10.0.1.2").settle()
    world.foreignDelete("198.51.100.0/24").settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
  })

  it("says what a waiting object waits for", () => {
    const world = twoLinks()
    world.world({ _tag: "FaultsArmed", errno: 100, count: 3 })
    world.announce("198.51.100.0/24", "10.0.1.2").settle()
    const waiting = [...world.forwarding.showKernel({ waiting: "" })] as Array<Record<string, unknown>>
    expect(waiting.map(({ kind, state }) => [kind, state])).toEqual([
      ["group", "ADD_DEFER"],
      ["nexthop", "ADD_DEFER"],
      ["route", "ADD_DEFER"]
    ])
    expect(waiting[0]).toMatchObject({ waitingFor: "nexthop 10.0.1.2 dev east" })
    expect(waiting[1]).toMatchObject({ error: "dependency: ENETDOWN" })
    world.pass()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
  })

  it("without a kernel asks for nothing and takes every next hop for reachable", () => {
    const tables = [new PrefixTable(0), new PrefixTable(1)] as const
    const pool = new BlockPool(4096, "test")
    const forwarding = createForwarding({ kernel: undefined, tables, pool, capacityHint: 16 })
    const out = new OpBuffer()
    forwarding.start(out)
    const set = forwarding.internNextHops([{ family: 4, words: [0x0a000102] }])
    forwarding.setBgp(0, tables[0].intern([0x14000000], 0, 8), set)
    forwarding.flush(16, out)
    expect(forwarding.reachability(set)).toEqual({ reachable: true, metric: 0 })
    expect(out.length).toBe(0)
    expect([...forwarding.showFib()]).toMatchObject([{ prefix: "20.0.0.0/8", source: "bgp", kernel: null }])
    expect(forwarding.done() && !forwarding.pending()).toBe(true)
  })

  it("shows the graph from an entry down to the interface", () => {
    const world = twoLinks()
    world.forwarding.setStatic([{ prefix: "192.0.2.1/32", via: ["10.0.1.2"], distance: 1 }])
    world.announce("198.51.100.0/24", "192.0.2.1").settle()
    expect(world.forwarding.showGraph({ lookup: "198.51.100.7" })).toMatchObject({
      prefix: "198.51.100.0/24",
      nextHops: [{ address: "10.0.1.2", interface: "east", weight: 1 }],
      kernel: "IN_SYNC",
      graph: { paths: [{ nextHop: "192.0.2.1", covering: "192.0.2.1/32", via: { paths: [{ interface: "east" }] } }] }
    })
  })
})
