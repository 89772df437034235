// Several batches of kernel requests under way at once (ADR-0056): how many, what may follow what, and what becomes of news meanwhile.
import { describe, expect, it } from "vitest"
import { ENTRY_STATE_NAMES, NEXTHOP_ID_FIRST, RouteFlag } from "../../src/ksync/index.ts"
import { KERNEL_BATCH_MESSAGES_MAX, KERNEL_BATCHES_UNDER_WAY_MAX } from "../../src/machine/index.ts"
import { NetlinkFlag, NetlinkType, NetlinkWriter, putNexthop } from "../../src/netlink/index.ts"
import { parsePrefix } from "../../src/wire/index.ts"
import { World } from "./forwarding-world.ts"

const ONE = "198.51.100.0/24"

const twoLinks = (): World =>
  new World().link(2, "east").link(3, "west").address(2, "10.0.1.1/24").address(3, "10.0.2.1/24").start()

const announceMany = (world: World, count: number): World => {
  for (let index = 0; index < count; index++) world.announce(`20.${index >> 8}.${index & 255}.0/24`, "10.0.1.2")
  return world
}

const requestsOf = (world: World): number => [...world.sent.values()].reduce((sum, count) => sum + count, 0)

const stateOf = (world: World, prefix: string): string => {
  const { words, length } = parsePrefix(prefix)!
  const { sync } = world.forwarding.kernelSide!
  return ENTRY_STATE_NAMES[sync.routes[0].state[world.tables[0].find(words, 0, length)] & RouteFlag.State]
}

/** A route whose first request is under way, and a kernel that does not get to it. */
const underWay = (): World => {
  const world = twoLinks()
  world.isBusy = true
  world.announce(ONE, "10.0.1.2").turn()
  expect(stateOf(world, ONE)).toBe("SYNC_WAIT")
  return world
}

const release = (world: World): World => {
  world.isBusy = false
  return world.settle()
}

describe("while the kernel is busy", () => {
  it("as many requests are sent as may be under way, and the rest as soon as there is room", () => {
    const world = twoLinks()
    world.isBusy = true
    const most = KERNEL_BATCHES_UNDER_WAY_MAX * KERNEL_BATCH_MESSAGES_MAX
    announceMany(world, most + 500)
    for (let turn = 0; turn < 10; turn++) world.turn()
    expect(requestsOf(world)).toBe(most)
    expect(world.inspector.mostUnderWay).toBe(KERNEL_BATCHES_UNDER_WAY_MAX)
    release(world)
    expect(Object.keys(world.routes()).length).toBe(most + 500)
    expect(world.inspector.wrong).toEqual([])
  })

  it("a route that changes and changes again is asked for once more, with what was said last", () => {
    const world = underWay()
    world.announce(ONE, "10.0.2.2").turn()
    expect(stateOf(world, ONE)).toBe("NEED_SYNC")
    world.announce(ONE, "10.0.1.2", "10.0.2.2").turn()
    world.announce(ONE, "10.0.2.2").turn()
    world.sent.clear()
    release(world)
    expect(world.routes()).toEqual({ [ONE]: "10.0.2.2@west*1" })
    expect(world.sent.get(NetlinkType.NewRoute)).toBe(1)
    expect(world.nexthopCount()).toBe(2)
  })

  it("a route that is withdrawn is deleted once it is there, and one that comes back in time stays", () => {
    const world = underWay()
    world.withdraw(ONE).turn()
    expect(stateOf(world, ONE)).toBe("DEL_DEFER_SYNC")
    world.announce(ONE, "10.0.1.2").turn()
    expect(stateOf(world, ONE)).toBe("NEED_SYNC")
    world.withdraw(ONE).turn()
    release(world)
    expect(world.routes()).toEqual({})
    expect(world.nexthopCount()).toBe(0)
  })

  it("a route that is wanted again while its delete is under way is added behind it", () => {
    const world = twoLinks().announce(ONE, "10.0.1.2").settle()
    world.isBusy = true
    world.withdraw(ONE).turn()
    expect(stateOf(world, ONE)).toBe("DEL_ACK_WAIT")
    world.announce(ONE, "10.0.1.2").turn()
    expect(stateOf(world, ONE)).toBe("RENEW_WAIT")
    world.withdraw(ONE).announce(ONE, "10.0.2.2").turn()
    release(world)
    expect(world.routes()).toEqual({ [ONE]: "10.0.2.2@west*1" })
    expect(world.inspector.wrong).toEqual([])
  })

  it("news of a route whose answer then is lost is not forgotten", () => {
    const world = underWay()
    world.withdraw(ONE).turn()
    world.loseReplies = 1
    release(world)
    expect(world.routes()).toEqual({})
    expect(world.nexthopCount()).toBe(0)
  })
})

describe("when a group is refused", () => {
  it("routes in later batches wait for it, and follow without a pause of their own when it is there", () => {
    const world = twoLinks()
    world.isBusy = true
    announceMany(world, 3 * KERNEL_BATCH_MESSAGES_MAX).turn()
    world.world({ _tag: "FaultsArmed", errno: 12, count: 2 })
    release(world)
    expect(world.routes()).toEqual({})
    expect([...world.forwarding.showKernel({ failed: "" })].length).toBeLessThanOrEqual(2)
    world.pass(1)
    expect(Object.keys(world.routes()).length).toBe(3 * KERNEL_BATCH_MESSAGES_MAX)
  })

  it("since somebody else has its number, it takes another, and nothing is left behind in the end", () => {
    const world = twoLinks()
    const writer = new NetlinkWriter(new Uint8Array(256))
    const flags = NetlinkFlag.Create | NetlinkFlag.Exclusive
    for (const id of [NEXTHOP_ID_FIRST, NEXTHOP_ID_FIRST + 1]) {
      putNexthop(writer, { seq: 1, flags, id, family: 4, ifindex: 1, blackhole: true, protocol: 4 })
    }
    world.world({ _tag: "Requested", port: 200, bytes: writer.bytes.slice(0, writer.length) })
    world.announce(ONE, "10.0.1.2").settle().pass()
    expect(world.routes()).toEqual({ [ONE]: "10.0.1.2@east*1" })
    world.withdraw(ONE).settle().pass()
    expect(world.nexthopCount()).toBe(2)
  })
})

describe("when a batch in the middle is cut", () => {
  it("what was sent behind it is asked for again, one batch at a time until the cause is found", () => {
    const world = twoLinks()
    world.isBusy = true
    world.malformed = "20.1.44.0/24"
    announceMany(world, 5 * KERNEL_BATCH_MESSAGES_MAX).turn()
    release(world)
    expect(Object.keys(world.routes()).length).toBe(5 * KERNEL_BATCH_MESSAGES_MAX - 1)
    expect([...world.forwarding.showKernel({ failed: "" })]).toMatchObject([
      { key: "20.1.44.0/24", error: "permanent: EIO the kernel does not answer" }
    ])
  })
})
