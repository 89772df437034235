// Random programs for walks: a small graph, mostly without loops, whose nodes walk on or change the graph while they are visited.
import fc from "fast-check"
import type { Propagation, WalkAction, WalkProgram } from "./walk-worlds.ts"

export interface WalkScript {
  readonly program: WalkProgram
  readonly actions: ReadonlyArray<WalkAction>
}

const NODES = 7

const edge = fc
  .tuple(fc.nat(NODES - 1), fc.nat(NODES - 1), fc.integer({ min: 0, max: 19 }))
  // One in twenty leads back, so that there are loops.
  .map(([a, b, chance]): readonly [number, number] =>
    chance > 0 ? [Math.min(a, b), Math.max(a, b)] : [Math.max(a, b), Math.min(a, b)]
  )
  .filter(([parent, child]) => parent !== child)

const link: fc.Arbitrary<WalkAction> = fc
  .tuple(edge, fc.constantFrom(false, false, true), fc.constantFrom(0, 0, 1, 2))
  .map(([[parent, child], atBack, childClass]) => ({ op: "link", parent, child, atBack, class: childClass }))

const unlink: fc.Arbitrary<WalkAction> = edge.map(([parent, child]) => ({ op: "unlink", parent, child }))

const start: fc.Arbitrary<WalkAction> = fc.record({
  op: fc.constantFrom("sync" as const, "async" as const, "async" as const, "async" as const),
  parent: fc.nat(2),
  reason: fc.constantFrom(1, 2, 64),
  priority: fc.nat(1),
  isForced: fc.constantFrom(false, false, false, true),
  data: fc.constantFrom(0, 0, 0, 1)
})

const process: fc.Arbitrary<WalkAction> = fc
  .constantFrom(0, 1, 2, 3, 5, 1000)
  .map((quota) => ({ op: "process", quota }))

const propagation = fc.tuple(fc.nat(NODES - 1), fc.constantFrom<Propagation>("sync", "asyncLow", "asyncHigh"))

const hook = fc.record({
  node: fc.nat(NODES - 1),
  nth: fc.integer({ min: 1, max: 3 }),
  action: fc.oneof(unlink, link, start)
})

export const arbitraryWalkScript: fc.Arbitrary<WalkScript> = fc
  .record({
    edges: fc.array(link, { minLength: 3, maxLength: 14 }),
    propagate: fc.array(propagation, { maxLength: 4 }),
    hooks: fc.array(hook, { maxLength: 3 }),
    actions: fc.array(
      fc.oneof(
        { arbitrary: start, weight: 4 },
        { arbitrary: process, weight: 4 },
        { arbitrary: link, weight: 1 },
        { arbitrary: unlink, weight: 2 }
      ),
      { maxLength: 14 }
    )
  })
  .map(({ edges, propagate, hooks, actions }) => ({
    program: { propagate: new Map(propagate), hooks },
    actions: [...edges, ...actions]
  }))

export const NODE_NUMBERS: ReadonlyArray<number> = Array.from({ length: NODES }, (_, node) => node)
