// What others change of ours is put right, in place; what others have of their own is left alone, even where it took our place.
import { describe, expect, it } from "vitest"
import { KernelChannel } from "../../src/eventlog/index.ts"
import { isOwnId } from "../../src/ksync/index.ts"
import {
  conditionNames,
  conditionOf,
  NeighbourState,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putRoute
} from "../../src/netlink/index.ts"
import { ForwardingTimer } from "../../src/router/forwarding-timer.ts"
import { doublesIn } from "./forwarding-foreign.ts"
import { kernelConfig, World } from "./forwarding-world.ts"

const PREFIX = "20.0.0.0/16"
const TAKEN = "its place, which a route of another program has"
const WAYS = "10.0.1.2@east*1 10.0.1.3@east*1"

const begin = (seed = 1): World => {
  const here = new World(seed).start().foreignRoutes().link(2, "east").address(2, "10.0.1.1/24")
  here.settle().forwarding.initialSyncDone()
  return here.announce(PREFIX, "10.0.1.2", "10.0.1.3").settle()
}

const ids = (here: World): ReadonlyArray<number> => [...here.kernel.nexthops.keys()].filter(isOwnId).sort()
const kernelRoute = (here: World) => here.kernel.tables[4].get(254)!
const protocolsAt = (here: World): ReadonlyArray<number> =>
  [...kernelRoute(here).values()].flat().flatMap(({ words, protocol }) => (words[0] === 0x1400_0000 ? [protocol] : []))
const row = (here: World) =>
  ([...here.forwarding.showKernel()] as ReadonlyArray<{ key: string; state: string; error: string | null }>).find(
    ({ key }) => key === PREFIX
  )

describe("what another program does to what is ours", () => {
  it("gives a changed nexthop its content back under its number, so that nothing that stands on it moves", () => {
    const here = begin()
    const before = ids(here)
    here.sent.clear()
    here.foreignNexthopChange(0).settle()
    expect([here.routes(), ids(here)]).toEqual([{ [PREFIX]: WAYS }, before])
    expect([...here.sent]).toEqual([[NetlinkType.NewNexthop, 1]])
  })

  it("gives a changed group its members back under its number", () => {
    const here = begin()
    const before = ids(here)
    const group = [...here.kernel.nexthops.values()]
      .filter(({ id }) => isOwnId(id))
      .findIndex(({ members }) => members !== undefined)
    here.sent.clear()
    here.foreignNexthopChange(group).settle()
    expect([here.routes(), ids(here)]).toEqual([{ [PREFIX]: WAYS }, before])
    expect([...here.sent]).toEqual([[NetlinkType.NewNexthop, 1]])
  })

  it("is seen in a dump where the news of it was lost", () => {
    const here = begin()
    here.world({ _tag: "LossesArmed", count: 1 }).foreignNexthopChange(0)
    expect(here.routes()).not.toEqual({ [PREFIX]: WAYS })
    here.settle()
    expect(here.routes()).toEqual({ [PREFIX]: WAYS })
  })

  it("puts a route back that somebody changed in our name", () => {
    const here = begin().foreignRoute(PREFIX, 186)
    expect(here.routes()).toEqual({})
    expect(here.settle().routes()).toEqual({ [PREFIX]: WAYS })
  })

  it("removes what somebody put beside ours in our name, before it or behind it, without a moment in which nothing is there", () => {
    for (const behind of [true, false]) {
      const here = begin().foreignRouteBeside(PREFIX, 186, behind)
      expect(doublesIn(here.kernel)).toEqual([PREFIX])
      for (let turn = 0; turn < 12; turn++) {
        here.turn()
        expect(protocolsAt(here)).not.toEqual([])
      }
      expect([here.settle().routes(), doublesIn(here.kernel)]).toEqual([{ [PREFIX]: WAYS }, []])
    }
  })

  it("removes it also where ours is to move meanwhile, and the group that ours may still point at stays as long", () => {
    for (let seed = 0; seed < 40; seed++) {
      const here = begin(seed).foreignRouteBeside(PREFIX, 186, seed % 2 === 0)
      for (let turn = 0; turn < seed % 4; turn++) here.turn()
      here.announce(PREFIX, "10.0.1.4")
      for (let turn = 0; turn < 12; turn++) {
        here.turn()
        expect({ seed, turn, there: protocolsAt(here).length > 0 }).toEqual({ seed, turn, there: true })
      }
      expect([here.settle().routes(), doublesIn(here.kernel)]).toEqual([{ [PREFIX]: "10.0.1.4@east*1" }, []])
      expect({ seed, wrong: here.inspector.wrong }).toEqual({ seed, wrong: [] })
    }
  })

  it("removes what somebody put beside ours in our name when only a dump shows it", () => {
    const here = begin().foreignRouteBeside(PREFIX, 186, true).deafen()
    here.forwarding.timer(ForwardingTimer.Reread, here.out)
    expect([here.settle().routes(), doublesIn(here.kernel)]).toEqual([{ [PREFIX]: WAYS }, []])
    here.foreignRouteBeside(PREFIX, 186, true)
    const next = here.restart().announce(PREFIX, "10.0.1.2", "10.0.1.3")
    next.forwarding.initialSyncDone()
    expect([next.settle().routes(), doublesIn(next.kernel)]).toEqual([{ [PREFIX]: WAYS }, []])
  })

  it("reports a route of somebody else's that he put before ours, takes ours out, and leaves one behind ours alone", () => {
    const behind = begin().foreignRouteBeside(PREFIX, 4, true).settle()
    expect([protocolsAt(behind), row(behind)]).toMatchObject([[186, 4], { state: "IN_SYNC", error: null }])
    const before = begin().foreignRouteBeside(PREFIX, 4, false).settle()
    expect([protocolsAt(before), row(before)]).toMatchObject([[4], { error: "conflict: EEXIST", waitingFor: TAKEN }])
    before.foreignRouteDelete(PREFIX).settle()
    expect([before.routes(), row(before)]).toMatchObject([{ [PREFIX]: WAYS }, { state: "IN_SYNC", error: null }])
  })

  it("removes what somebody put in our name behind somebody else's, and leaves that alone", () => {
    const here = begin().foreignRoute(PREFIX, 4).settle().foreignRouteBeside(PREFIX, 186, true)
    expect(protocolsAt(here)).toEqual([4, 186])
    here.settle().pass(3)
    expect([protocolsAt(here), row(here)]).toMatchObject([[4], { error: "conflict: EEXIST" }])
  })

  it("removes a route that somebody made in our name and that nobody wants", () => {
    const here = begin().foreignRoute("60.0.0.0/24", 186).settle()
    expect(
      [...here.kernel.tables[4].get(254)!.values()].flat().filter(({ words }) => words[0] === 0x3c00_0000)
    ).toEqual([])
  })

  it("reports a route that took the place of ours, leaves it alone, and is back at once when it goes", () => {
    const here = begin().foreignRoute(PREFIX, 4).settle().pass(3)
    expect(protocolsAt(here)).toEqual([4])
    expect(row(here)).toMatchObject({ state: "ADD_DEFER", error: "conflict: EEXIST", waitingFor: TAKEN, path: [TAKEN] })
    const told: Array<string> = []
    here.forwarding.drainNotices((_level, message) => told.push(message))
    expect(told).toEqual([
      `another program has a route for ${PREFIX} with our table and metric: it is left alone, and ours waits`
    ])
    expect(here.forwarding.showWalks()).toMatchObject({ kernel: { errors: { EEXIST: expect.any(Number) } } })
    here.foreignRouteDelete(PREFIX).settle()
    expect(here.routes()).toEqual({ [PREFIX]: WAYS })
    expect(row(here)).toMatchObject({ state: "IN_SYNC", error: null })
  })

  it("does not replace a foreign route when the answer to our own request was lost", () => {
    const here = new World().start().link(2, "east").address(2, "10.0.1.1/24").foreignRoutes().foreignRoute(PREFIX, 4)
    here.settle().loseReplies = 1
    here.announce(PREFIX, "10.0.1.2").settle().pass(3)
    expect(protocolsAt(here)).toEqual([4])
    expect(row(here)).toMatchObject({ error: "conflict: EEXIST" })
  })

  it("repairs what is changed again and again with pauses, and says so once", () => {
    const here = begin()
    for (let time = 0; time < 6; time++) here.foreignRoute(PREFIX, 186).settle()
    expect(here.routes()).toEqual({})
    expect(row(here)).toMatchObject({ error: "contested: another program has undone it 4 times" })
    expect(here.pass(1).routes()).toEqual({ [PREFIX]: WAYS })
  })
})

describe("what the kernel says of a route beside its content", () => {
  /** News of a route of ours under no program's port: the kernel tells what its hardware made of it. */
  const told = (here: World, flags: number): World => {
    const id = here.forwarding.kernelSide!.sync.routes[0].told[here.tables[0].find([0x1400_0000], 0, 16)]
    const w = new NetlinkWriter(new Uint8Array(256))
    const key = {
      family: 4,
      words: [0x1400_0000],
      wordsAt: 0,
      length: 16,
      table: 254,
      metric: kernelConfig.metric
    } as const
    putRoute(w, { ...key, seq: 0, flags: NetlinkFlag.Replace, protocol: 186, groupId: id, type: 1 })
    new DataView(w.bytes.buffer).setUint32(16 + 8, flags, true)
    here.forwarding.kernelBytes(KernelChannel.Notification, w.bytes.subarray(0, w.length), here.out)
    return here
  }
  const flagsOf = (here: World): unknown => (row(here) as { readonly flags?: unknown } | undefined)?.flags

  it("is shown as iproute2 names it, is no change by somebody else, and goes with the route", () => {
    const here = begin()
    here.sent.clear()
    expect(flagsOf(here)).toBe(undefined)
    expect(flagsOf(told(here, 0x4000 | 8).settle())).toEqual(["offload", "rt_offload"])
    expect(flagsOf(told(here, 0x2000_0000).settle())).toEqual(["rt_offload_failed"])
    expect([here.sent.size, here.forwarding.kernelSide!.sync.counters().altered]).toEqual([0, 0])
    here.withdraw(PREFIX).settle().announce(PREFIX, "10.0.1.2", "10.0.1.3").settle()
    expect([row(here)?.state, flagsOf(here)]).toEqual(["IN_SYNC", undefined])
  })

  it("changes nothing about a request that is under way", () => {
    const here = begin().announce(PREFIX, "10.0.1.2")
    here.isBusy = true
    for (let turn = 0; turn < 20; turn++) here.turn()
    expect(row(here)?.state).toBe("SYNC_WAIT")
    here.sent.clear()
    told(here, 0x8000)
    here.isBusy = false
    here.settle()
    expect([here.routes(), here.sent.get(NetlinkType.NewRoute) ?? 0]).toEqual([{ [PREFIX]: "10.0.1.2@east*1" }, 0])
  })

  it("is a byte of the flags of routes and nexthops", () => {
    const every = 1 | 16 | 8 | 64 | 0x4000 | 0x8000 | 0x2000_0000
    const names = ["dead", "linkdown", "offload", "trap", "rt_offload", "rt_trap", "rt_offload_failed"]
    expect([conditionNames(conditionOf(every)), conditionOf(every), conditionOf(~every)]).toEqual([names, 0x7f, 0])
  })
})

describe("news while a dump is read", () => {
  it("is believed where the dump is older, in whatever order the two sockets are read", () => {
    for (let seed = 0; seed < 200; seed++) {
      const here = begin(seed)
      here.forwarding.timer(ForwardingTimer.Reread, here.out)
      for (let turn = 0; turn < seed % 9; turn++) here.turn()
      here.foreignDelete(PREFIX).foreignRoute("60.0.0.0/24", 186).settle()
      const left = [...here.kernel.tables[4].get(254)!.values()].flat().filter(({ words }) => words[0] === 0x3c00_0000)
      expect([seed, here.routes(), left]).toEqual([seed, { [PREFIX]: WAYS }, []])
    }
  })
})

describe("a dump that fails", () => {
  it("says nothing about what it did not show: it is asked for again, and after some tries with a pause", () => {
    const here = begin()
    const before = ids(here)
    here.sent.clear()
    here.failDumps = 5
    here.world({ _tag: "LossesArmed", count: 1 }).foreignDelete(PREFIX).settle()
    expect([here.routes(), [...here.sent], here.dumps.length]).toEqual([{}, [], 12])
    here.pass(1)
    expect([here.routes(), ids(here), [...here.sent]]).toEqual([
      { [PREFIX]: WAYS },
      before,
      [[NetlinkType.NewRoute, 1]]
    ])
  })
})

describe("a request that gets no answer on its own", () => {
  const notices = (here: World): ReadonlyArray<string> => {
    const told: Array<string> = []
    here.forwarding.drainNotices((_level, message) => told.push(message))
    return told
  }

  it("is given up also while others are answered all the time", () => {
    const here = begin()
    here.malformed = "50.0.0.0/24"
    here.announce(here.malformed, "10.0.1.2")
    for (let round = 0; round < 40; round++) {
      here.announce(`60.0.${round}.0/24`, "10.0.1.2")
      for (let turn = 0; turn < 3; turn++) here.turn()
    }
    expect(notices(here)).toEqual(["the kernel refused a request (EIO: the kernel does not answer)"])
    here.settle()
    expect(Object.keys(here.routes())).toHaveLength(41)
  })

  it("is not given up because others got none before it", () => {
    const here = begin()
    here.loseReplies = 5
    for (let number = 0; number < 4; number++) here.announce(`60.0.${number}.0/24`, "10.0.1.2", "10.0.1.3")
    here.settle().pass(3)
    expect([notices(here), Object.keys(here.routes()).length]).toEqual([[], 5])
  })
})

describe("once an hour", () => {
  it("everything is read again, and what nobody told of is put right", () => {
    const here = begin()
    here.foreignNexthopChange(0).deafen().settle()
    expect(here.routes()).not.toEqual({ [PREFIX]: WAYS })
    here.forwarding.timer(ForwardingTimer.Reread, here.out)
    expect(here.settle().routes()).toEqual({ [PREFIX]: WAYS })
  })
})

describe("what the kernel believes of a neighbour", () => {
  const believed = (here: World): ReadonlyArray<unknown> =>
    ([...here.forwarding.showKernel()] as ReadonlyArray<{ kind: string; key: string; neighbour: string | null }>)
      .filter(({ kind }) => kind === "nexthop")
      .map(({ key, neighbour }) => `${key}: ${neighbour}`)

  it("is shown with the nexthop, and changes nothing else", () => {
    const here = begin()
    const neighbour = { _tag: "NeighbourAdded", family: 4, ifindex: 2, linkLayerAddress: [2, 0, 0, 0, 0, 2] } as const
    here.world({ ...neighbour, words: [0x0a00_0102], state: NeighbourState.Stale })
    here.world({ ...neighbour, words: [0x0a00_0103], state: NeighbourState.Failed })
    expect(believed(here)).toEqual(["10.0.1.2 dev east: null", "10.0.1.3 dev east: null"])
    here.forwarding.timer(ForwardingTimer.Reread, here.out)
    here.settle()
    expect(believed(here)).toEqual(["10.0.1.2 dev east: reachable", "10.0.1.3 dev east: failed"])
    expect(here.routes()).toEqual({ [PREFIX]: WAYS })
  })
})

describe("a restart", () => {
  it("adopts what the same batch wants that says that all is told", () => {
    const here = begin()
    const before = ids(here)
    const next = here.restart()
    next.announce(PREFIX, "10.0.1.2", "10.0.1.3").forwarding.initialSyncDone()
    next.settle()
    expect([next.routes(), ids(next), [...next.sent]]).toEqual([{ [PREFIX]: WAYS }, before, []])
  })
})

describe("a group whose change got no answer", () => {
  it("is written again although what is wanted is by now what it was before", () => {
    const here = begin().link(3, "west").address(3, "10.0.2.1/24")
    const by = (via: string): void => here.forwarding.setStatic([{ prefix: "30.0.0.1/32", via: [via], distance: 1 }])
    by("10.0.2.2")
    // All leaves stay in use, so that what changes is the group alone.
    here.announce("40.0.0.0/24", "10.0.2.2").announce("50.0.0.0/24", "10.0.1.2", "30.0.0.1").settle()
    const before = here.routes()
    here.loseReplies = 1
    by("10.0.1.3")
    here.turn()
    here.serve(1)
    expect(here.routes()).not.toEqual(before)
    by("10.0.2.2")
    expect(here.settle().routes()).toEqual(before)
  })
})
