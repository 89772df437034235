// The next hop of a prefix's second-best path in reserve: which it is, who shares it, and what happens when the exit's session ends
// before anything is decided anew.
import { describe, expect, it } from "vitest"
import type { AttributeStore } from "../../src/rib/index.ts"
import { SharedNextHops } from "../../src/router/shared-next-hops.ts"
import { parseAddress, parsePrefix } from "../../src/wire/index.ts"
import { World } from "./forwarding-world.ts"

const A = parseAddress("10.0.1.2")!
const B = parseAddress("10.0.2.2")!
/** As much of a store as next hops need. */
const store = {
  nextHops: { addresses: [A, B], text: (id: number) => ["10.0.1.2", "10.0.2.2"][id] }
} as unknown as AttributeStore

const COUNT = 300

/** Prefixes that leave by A, with B in reserve. */
const worldOf = (shared: SharedNextHops): World => {
  const world = new World().link(2, "east").address(2, "10.0.1.1/24").link(3, "west").address(3, "10.0.2.1/24").start()
  for (let index = 0; index < COUNT; index++) decide(world, shared, index, 0, 1)
  world.settle()
  world.sent.clear()
  return world
}

const decide = (world: World, shared: SharedNextHops, index: number, used: number, reserve: number): void => {
  const { words, length } = parsePrefix(`20.${index >> 8}.${index & 255}.0/24`)!
  const { tables, forwarding } = world
  const known = tables[0].find(words, 0, length)
  const id = known === -1 ? tables[0].intern(words, 0, length) : known
  forwarding.setBgp(0, id, shared.useWithReserve(forwarding, 0, id, used, reserve, store))
}

const exits = (world: World): ReadonlyArray<string> => [...new Set(Object.values(world.routes()))].sort()
const requests = (world: World): number => [...world.sent.values()].reduce((sum, count) => sum + count, 0)

describe("the second-best exit", () => {
  it("takes over with one request for all prefixes when the session with the first one ends", () => {
    const shared = new SharedNextHops()
    const world = worldOf(shared)
    expect(exits(world)).toEqual(["10.0.1.2@east*1"])
    shared.exitFailed(world.forwarding, A, store)
    world.settle()
    expect([exits(world), requests(world)]).toEqual([["10.0.2.2@west*1"], 1])
  })

  it("gives way again to the first one once somebody decides for that", () => {
    const shared = new SharedNextHops()
    const world = worldOf(shared)
    shared.exitFailed(world.forwarding, A, store)
    world.settle()
    decide(world, shared, 7, 0, 1)
    expect(exits(world.settle())).toEqual(["10.0.1.2@east*1"])
  })

  it("is not touched when it is the one whose session ends", () => {
    const shared = new SharedNextHops()
    const world = worldOf(shared)
    shared.exitFailed(world.forwarding, B, store)
    expect([exits(world.settle()), requests(world)]).toEqual([["10.0.1.2@east*1"], 0])
  })

  it("leaves nothing behind when nobody uses the pair any more", () => {
    const shared = new SharedNextHops()
    const world = worldOf(shared)
    shared.exitFailed(world.forwarding, A, store)
    const { pathList } = world.forwarding.fib.entries[0]
    for (let id = 0; id < pathList.length; id++) {
      world.forwarding.clearBgp(0, id)
      shared.release(world.forwarding, 0, id)
    }
    world.settle().pass()
    expect([shared.count, world.routes(), world.nexthopCount()]).toEqual([0, {}, 0])
  })
})
