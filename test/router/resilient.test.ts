// Groups of the kind that the configuration asks for, over changes of that kind: no route is without a group meanwhile, and in the end there
// are no others.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isOwnId } from "../../src/ksync/index.ts"
import { NetlinkFlag, NetlinkType, NetlinkWriter, putNexthopGroup } from "../../src/netlink/index.ts"
import type { KernelConfig } from "../../src/router/config.ts"
import { kernelConfig } from "./forwarding-foreign.ts"
import { World } from "./forwarding-world.ts"

type Shape = NonNullable<KernelConfig["groups"]>

const SMALL: Shape = { buckets: 8, idleTimer: 6000, unbalancedTimer: 0 }
const PATIENT: Shape = { buckets: 8, idleTimer: 30_000, unbalancedTimer: 60_000 }
const LARGE: Shape = { buckets: 64, idleTimer: 6000, unbalancedTimer: 0 }

const begin = (groups: Shape | undefined, seed = 1): World => {
  const more = groups === undefined ? {} : { groups }
  const here = new World(seed, undefined, "remove", more).start()
  return here.link(2, "east").link(3, "west").address(2, "10.0.1.1/24").address(3, "10.0.2.1/24").settle()
}

const reshape = (here: World, groups: Shape | undefined): World => {
  here.forwarding.setKernel({ ...kernelConfig, ...(groups === undefined ? {} : { groups }) })
  return here
}

const groupsOf = (here: World) =>
  [...here.kernel.nexthops.values()].filter(({ id, members }) => isOwnId(id) && members !== undefined)
const shapesOf = (here: World) => groupsOf(here).map(({ resilient }) => resilient)

const A = "20.0.0.0/16"
const B = "30.0.0.0/16"
const BOTH = "10.0.1.2@east*1 10.0.2.2@west*1"

describe("resilient groups", () => {
  it("are made, and taken over by the next run without a word", () => {
    const here = begin(SMALL).announce(A, "10.0.1.2", "10.0.2.2").settle()
    expect([here.routes(), shapesOf(here)]).toEqual([{ [A]: BOTH }, [SMALL]])
    const after = here.restart()
    after.announce(A, "10.0.1.2", "10.0.2.2").settle().forwarding.initialSyncDone()
    expect([[...after.settle().sent.keys()], after.routes()]).toEqual([[], { [A]: BOTH }])
  })

  it("get other timers in place, and another number of buckets by a group that their routes move to", () => {
    const here = begin(SMALL).announce(A, "10.0.1.2", "10.0.2.2").announce(B, "10.0.1.2", "10.0.2.2").settle()
    const [{ id }] = groupsOf(here)
    here.sent.clear()
    reshape(here, PATIENT).settle()
    expect([groupsOf(here).map((group) => group.id), shapesOf(here)]).toEqual([[id], [PATIENT]])
    expect([...here.sent]).toEqual([[NetlinkType.NewNexthop, 1]])
    here.sent.clear()
    reshape(here, LARGE)
    for (let turn = 0; turn < 50; turn++) {
      here.turn()
      expect(here.routes()).toEqual({ [A]: BOTH, [B]: BOTH })
    }
    expect(shapesOf(here.settle())).toEqual([LARGE])
    expect([...here.sent].sort()).toEqual([
      [NetlinkType.NewNexthop, 1],
      [NetlinkType.DelNexthop, 1],
      [NetlinkType.NewRoute, 2]
    ])
  })

  it("take the place of others, and give it back", () => {
    const here = begin(undefined).announce(A, "10.0.1.2", "10.0.2.2").settle()
    expect(shapesOf(reshape(here, SMALL).settle())).toEqual([SMALL])
    expect(shapesOf(reshape(here, undefined).settle())).toEqual([undefined])
    expect(here.routes()).toEqual({ [A]: BOTH })
  })

  it("left over with other timers are taken over and changed, with other buckets they go", () => {
    for (const [left, count] of [
      [PATIENT, 1],
      [LARGE, 2]
    ] as const) {
      const here = begin(left).announce(A, "10.0.1.2", "10.0.2.2").settle()
      const after = new World(2, here.kernel, "remove", { groups: SMALL }).start()
      after.announce(A, "10.0.1.2", "10.0.2.2").settle()
      expect(groupsOf(after)).toHaveLength(count)
      after.forwarding.initialSyncDone()
      expect([shapesOf(after.settle()), after.routes()]).toEqual([[SMALL], { [A]: BOTH }])
    }
  })

  it("get their timers back when another program changes them", () => {
    const here = begin(SMALL).announce(A, "10.0.1.2", "10.0.2.2").settle()
    const [{ id, members = [] }] = groupsOf(here)
    const w = new NetlinkWriter(new Uint8Array(256))
    putNexthopGroup(w, { seq: 7, flags: NetlinkFlag.Replace, id, protocol: 186, members, resilient: PATIENT })
    here.foreign(w.bytes.slice(0, w.length))
    expect(shapesOf(here)).toEqual([PATIENT])
    expect([shapesOf(here.settle()), groupsOf(here).map((group) => group.id)]).toEqual([[SMALL], [id]])
  })

  it("that the kernel refuses are shown with its words, and their routes wait", () => {
    const here = begin({ ...SMALL, buckets: 0 })
      .announce(A, "10.0.1.2")
      .settle()
    const rows = [...here.forwarding.showKernel({ waiting: "" })] as ReadonlyArray<Record<string, unknown>>
    expect(rows).toEqual([
      expect.objectContaining({ kind: "group", error: "permanent: EINVAL Number of buckets needs to be non-0" }),
      expect.objectContaining({ kind: "route", waitingFor: expect.stringContaining("group") })
    ])
  })

  it("law: whatever happens on the way, the end is that of a start with the last wish, and nothing is left of what was", () => {
    const shape = fc.constantFrom(undefined, SMALL, PATIENT, LARGE)
    const move = fc.oneof(
      fc.record({ shape }),
      fc.record({
        prefix: fc.constantFrom(A, B, "40.0.0.0/16"),
        via: fc.subarray(["10.0.1.2", "10.0.1.3", "10.0.2.2"])
      }),
      fc.record({ turns: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ hurt: fc.nat({ max: 7 }) }),
      fc.constant({ loses: true }),
      fc.constant({ faults: true }),
      fc.constant({ flaps: true })
    )
    fc.assert(
      fc.property(fc.nat(), shape, fc.array(move, { maxLength: 20 }), (seed, first, moves) => {
        const here = begin(first, seed)
        let last: Shape | undefined = first
        const wanted = new Map<string, ReadonlyArray<string>>()
        for (const one of moves) {
          if ("shape" in one) {
            last = one.shape
            reshape(here, last)
          } else if ("prefix" in one) {
            if (one.via.length === 0) {
              wanted.delete(one.prefix)
              here.withdraw(one.prefix)
            } else {
              wanted.set(one.prefix, one.via)
              here.announce(one.prefix, ...one.via)
            }
          } else if ("turns" in one) for (let turn = 0; turn < one.turns; turn++) here.turn()
          else if ("hurt" in one) here.foreignNexthopDelete(one.hurt)
          else if ("loses" in one) here.loseReplies = 1
          else if ("faults" in one) here.world({ _tag: "FaultsArmed", errno: 12, count: 2 })
          else {
            here.world({ _tag: "CarrierChanged", index: 2, carrier: false })
            here.world({ _tag: "CarrierChanged", index: 2, carrier: true })
          }
        }
        here.loseReplies = 0
        here.world({ _tag: "FaultsArmed", errno: 0, count: 0 }).settle().pass(20)
        const plain = begin(last)
        for (const [prefix, via] of wanted) plain.announce(prefix, ...via)
        plain.settle()
        const end = (world: World) => [world.routes(), shapesOf(world), world.nexthopCount()]
        expect(end(here)).toEqual(end(plain))
        expect(here.inspector.wrong).toEqual([])
      }),
      { numRuns: 200 }
    )
  })
})
