// What random schedules found, each as the shortest schedule that shows it. An inspector reads every batch: nothing may be deleted that a
// route of ours points at in the kernel; and in the end nothing may be left there that nobody knows.
import { describe, expect, it } from "vitest"
import { World } from "./forwarding-world.ts"

const PREFIX = "20.0.0.0/16"

const begin = (seed: number): World => {
  const here = new World(seed).start().link(2, "east").link(3, "west")
  here.address(2, "10.0.1.1/24").address(3, "10.0.2.1/24").settle().forwarding.initialSyncDone()
  return here.settle()
}

/** The carrier goes and comes; the news of it is on its way. */
const flap = (here: World): World =>
  here
    .world({ _tag: "CarrierChanged", index: 2, carrier: false })
    .world({ _tag: "CarrierChanged", index: 2, carrier: true })

const turns = (here: World, count: number): World => {
  for (let turn = 0; turn < count; turn++) here.turn()
  return here
}

/** All routes go; what is wrong, and how many nexthops of ours are left. */
const end = (here: World): readonly [ReadonlyArray<string>, number] => {
  here.loseReplies = 0
  here.settle().pass(10).withdraw(PREFIX).settle().pass(10)
  return [here.inspector.wrong, here.nexthopCount()]
}

describe("what random schedules found", () => {
  it("a group that a route may point at, because the answer was lost, is held until that is settled", () => {
    const here = flap(turns(begin(2).announce(PREFIX, "10.0.1.3"), 1)).announce(PREFIX, "10.0.1.2")
    here.loseReplies = 1
    expect(end(turns(here, 1))).toEqual([[], 0])
  })

  it("a group that was believed lost and is there has the routes that point at it", () => {
    expect(end(flap(turns(begin(0).announce(PREFIX, "10.0.1.2"), 1)))).toEqual([[], 0])
  })

  it("a group that was believed lost has also the routes whose answers were lost", () => {
    const here = flap(turns(begin(5).announce(PREFIX, "10.0.1.2"), 1))
    here.loseReplies = 1
    expect(end(turns(here, 1))).toEqual([[], 0])
  })

  it("news that a nexthop is deleted may be older than its repetition after a lost answer: the kernel is asked", () => {
    const here = begin(0).announce(PREFIX, "10.0.1.2")
    here.loseReplies = 1
    expect(end(turns(here, 2).foreignNexthopDelete(0))).toEqual([[], 0])
  })

  it("news of links while a dump is read does not take the place of the look at nexthops that a lost link asks for", () => {
    for (let seed = 0; seed < 60; seed++) {
      const here = flap(begin(seed * 7919)).announce(PREFIX, "10.0.1.3", "10.0.2.2")
      expect([seed, ...end(flap(flap(flap(here))))]).toEqual([seed, [], 0])
    }
  })
})
