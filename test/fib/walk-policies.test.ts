// Each rule in which the default walks differ from the source's, one by one: what the default does, and what it does with the rule
// turned back. docs/machines/fib.md names these tests beside the rules.
import { describe, expect, it } from "vitest"
import { Histogram, WALK_POLICIES, type WalkPolicy } from "../../src/fib/index.ts"
import { InPlaceWorld, type StartAction, type WalkAction, type WalkProgram } from "./walk-worlds.ts"

const { corrected } = WALK_POLICIES
const QUIET: WalkProgram = { propagate: new Map(), hooks: [] }

interface Script {
  readonly children?: Readonly<Record<number, ReadonlyArray<number>>>
  readonly actions: ReadonlyArray<WalkAction>
  readonly program?: Partial<WalkProgram>
}

/** Visits as `node/reason`, with `children` in the order in which they are visited. */
const run = (
  turnedBack: Partial<WalkPolicy>,
  { children = { 0: [1, 2, 3] }, actions, program }: Script
): InPlaceWorld => {
  const world = new InPlaceWorld({ ...QUIET, ...program }, { ...corrected, ...turnedBack })
  for (const [parent, list] of Object.entries(children)) {
    for (const child of list.toReversed()) world.do({ op: "link", parent: Number(parent), child })
  }
  for (const action of actions) world.do(action)
  return world
}

const visits = (world: InPlaceWorld): string =>
  world.visits.map(({ node, context }) => `${node}/${context.reason}`).join(" ")

const waiting = (reason: number, more: Partial<StartAction> = {}): WalkAction => ({
  op: "async",
  parent: 0,
  reason,
  ...more
})
const grant = (quota: number): WalkAction => ({ op: "process", quota })

describe("by default, walks", () => {
  it("hand over all contexts when they merge (Q1)", () => {
    const script: Script = {
      actions: [waiting(1), grant(1), ...[2, 4].map((reason) => waiting(reason, { priority: 0 })), grant(99)]
    }
    expect(visits(run({}, script))).toBe("1/1 1/2 1/4 2/1 2/2 2/4 3/1 3/2 3/4")
    expect(visits(run({ handsOverAll: false }, script))).toBe("1/1 1/2 1/4 2/1 2/2 3/1 3/2")
  })

  it("skip no sibling of a child that leaves while it is visited (Q2)", () => {
    const script: Script = {
      actions: [waiting(1), grant(99)],
      program: { hooks: [{ node: 1, nth: 1, action: { op: "unlink", parent: 0, child: 1 } }] }
    }
    expect(visits(run({}, script))).toBe("1/1 2/1 3/1")
    expect(visits(run({ skipsNobody: false }, script))).toBe("1/1 3/1")
  })

  it("that a more urgent walk merges into become as urgent (Q3)", () => {
    const script: Script = {
      children: { 0: [1, 2, 3], 4: [5] },
      actions: [
        waiting(1, { parent: 4, reason: 1, priority: 1 }),
        waiting(1),
        { op: "unlink", parent: 0, child: 1 },
        waiting(1, { priority: 0 }),
        grant(99)
      ]
    }
    expect(visits(run({}, script))).toBe("2/1 3/1 5/1")
    expect(visits(run({ promotes: false }, script))).toBe("5/1 2/1 3/1")
  })

  it("that merge on their way take the place of the one that they end (Q3)", () => {
    const script: Script = {
      children: { 0: [1, 2, 3], 4: [5], 6: [7] },
      actions: [
        waiting(1),
        grant(1),
        waiting(1, { parent: 4 }),
        waiting(1, { priority: 0 }),
        waiting(1, { parent: 6, priority: 0 }),
        grant(99)
      ]
    }
    expect(visits(run({}, script))).toBe("1/1 1/1 2/1 3/1 7/1 5/1")
    expect(visits(run({ promotes: false }, script))).toBe("1/1 1/1 7/1 2/1 3/1 5/1")
  })

  it("unite the flags of contexts that become one, so that what may not be put off is not (Q4)", () => {
    // Node 1 walks on to 0, its own parent: the forced walk meets the one that it comes out of, which then knows that it must not wait.
    const script: Script = {
      actions: [waiting(1), grant(1)],
      program: { hooks: [{ node: 1, nth: 1, action: { op: "sync", parent: 0, reason: 1, isForced: true } }] }
    }
    expect(visits(run({}, script))).toBe("1/1 2/1 3/1")
    expect(visits(run({ unites: false }, script))).toBe("1/1")
  })

  it("keep contexts apart whose data differs (Q4)", () => {
    const script: Script = { actions: [waiting(16, { data: 7 }), waiting(16, { data: 8 }), grant(99)] }
    expect(run({}, script).visits.map(({ context }) => context.data)).toEqual([7, 8, 7, 8, 7, 8])
    expect(run({ unites: false }, script).visits.map(({ context }) => context.data)).toEqual([7, 7, 7])
  })

  it("are not started where only walks are in the list (Q5)", () => {
    const script: Script = {
      children: { 0: [1] },
      actions: [waiting(1), { op: "unlink", parent: 0, child: 1 }, waiting(2)]
    }
    expect(run({}, script).statistics().started).toBe(1)
    expect(run({ countsChildren: false }, script).statistics().started).toBe(2)
  })

  it("are counted in the last bucket where they are beyond the histogram (Q6)", () => {
    const [clamped, lost] = [true, false].map((clamps) => {
      const histogram = new Histogram(128, 2, clamps)
      histogram.count(256)
      return histogram.buckets()
    })
    expect(clamped).toEqual([{ from: 254, count: 1 }])
    expect(lost).toEqual([])
  })

  it("are served in the order of their start (Q7)", () => {
    const script: Script = {
      children: { 0: [1], 4: [5] },
      actions: [waiting(1), waiting(1, { parent: 4 }), grant(99)]
    }
    expect(visits(run({}, script))).toBe("1/1 5/1")
    expect(visits(run({ isFair: false }, script))).toBe("5/1 1/1")
  })

  it("count nodes, not contexts, and do nothing with a grant of nothing (budget)", () => {
    const script: Script = { actions: [waiting(1), waiting(2), grant(0), grant(2)] }
    expect(visits(run({}, script))).toBe("1/1 1/2 2/1 2/2")
    expect(visits(run({ budget: "visits" }, { actions: [waiting(1), grant(0)] }))).toBe("1/1")
  })

  it("join one that waits and has visited nobody, unless they must be done now", () => {
    const script: Script = { actions: [waiting(1), waiting(2)] }
    expect(run({}, script).childrenOf(0)).toEqual(["W", 1, 2, 3])
    expect(run({ joinsAtStart: false }, script).childrenOf(0)).toEqual(["W", "W", 1, 2, 3])
    const now = run({}, { actions: [waiting(1), { op: "sync", parent: 0, reason: 2 }] })
    expect(visits(now)).toBe("1/1 1/2 2/1 2/2 3/1 3/2")
    expect(now.statistics().waiting).toBe(0)
  })

  it("show nothing more to a child that left while it was visited", () => {
    const script: Script = {
      actions: [waiting(1), waiting(2), grant(99)],
      program: { hooks: [{ node: 1, nth: 1, action: { op: "unlink", parent: 0, child: 1 } }] }
    }
    expect(visits(run({}, script))).toBe("1/1 2/1 2/2 3/1 3/2")
    expect(visits(run({ sparesDeparted: false }, script))).toBe("1/1 1/2 2/1 2/2 3/1 3/2")
  })

  it("that may not be put off count one level of depth, as any other", () => {
    const script: Script = { actions: [waiting(1, { isForced: true })] }
    expect(run({}, script).visits[0].context.depth).toBe(1)
    expect(run({ forcesOnce: false }, script).visits[0].context.depth).toBe(2)
  })

  it("look for a more urgent walk before each next one", () => {
    const script: Script = {
      children: { 0: [1], 2: [3], 4: [5] },
      actions: [waiting(1), waiting(1, { parent: 4 }), grant(99)],
      program: { hooks: [{ node: 1, nth: 1, action: { op: "async", parent: 2, reason: 1, priority: 0 } }] }
    }
    expect(visits(run({}, script))).toBe("1/1 3/1 5/1")
    expect(visits(run({ looksUpAgain: false }, script))).toBe("1/1 5/1")
  })
})

describe("under every policy, walks", () => {
  it("end at a depth of 32, so that a loop does (WALK_DEPTH_MAX)", () => {
    const chain = Object.fromEntries(Array.from({ length: 40 }, (_, node) => [node, [node + 1]]))
    const propagate = new Map(Array.from({ length: 41 }, (_, node) => [node, "sync"] as const))
    for (const policy of [{}, WALK_POLICIES.source]) {
      const world = run(policy, {
        children: chain,
        actions: [{ op: "sync", parent: 0, reason: 1 }],
        program: { propagate }
      })
      expect(world.visits.length).toBe(32)
      expect(world.statistics().tooDeep).toBe(1)
    }
  })

  it("that meet themselves in a loop leave the rest to the walk below", () => {
    const propagate = new Map([0, 1, 2, 3].map((node) => [node, "sync"] as const))
    const loop: Script = {
      children: { 0: [3, 2, 1], 1: [0] },
      actions: [{ op: "sync", parent: 0, reason: 1 }],
      program: { propagate }
    }
    expect(run({}, loop).visits.map(({ node }) => node)).toEqual([3, 2, 1, 0, 3, 2])
  })

  it("that are synchronous finish what a waiting walk has left", () => {
    const world = run({}, { actions: [waiting(1), grant(1), { op: "sync", parent: 0, reason: 1 }] })
    expect(visits(world)).toBe("1/1 1/1 2/1 3/1")
    expect(world.statistics().waiting).toBe(0)
  })

  it("keep the last 128 that finished, the latest first, and the first sixteen of their reasons", () => {
    const world = run({}, { actions: [] })
    for (let round = 0; round < 200; round++) world.do({ op: "sync", parent: 0, reason: round + 1 })
    for (let reason = 1; reason <= 20; reason++) world.do(waiting(reason))
    world.do(grant(99))
    const { lastFinished, finished, visitsPerWalk } = world.statistics()
    expect(finished).toBe(201)
    expect(lastFinished.length).toBe(128)
    expect(lastFinished[0].reasons).toEqual(Array.from({ length: 16 }, (_, at) => at + 1))
    expect([lastFinished[1].reasons, lastFinished[127].reasons]).toEqual([[200], [74]])
    expect(visitsPerWalk).toEqual([{ from: 0, count: 201 }])
  })
})
