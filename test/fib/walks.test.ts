// What a walk owes to the children of its parent: the laws of the default policy.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ChildLists, Edges, Place, WALK_POLICIES, Walks } from "../../src/fib/index.ts"

const REASONS = [1, 2, 64] as const

/** One parent, number 0, and what its children saw. */
class Family {
  readonly lists = new ChildLists(64, 2)
  readonly walks = new Walks(this.lists, { policy: WALK_POLICIES.corrected })
  readonly seen: Array<readonly [child: number, reason: number]> = []

  constructor(children: number) {
    for (let child = children - 1; child >= 0; child--) this.lists.addChild(0, child)
  }

  start(reason: number, priority = 1): this {
    this.walks.start(0, reason, { priority })
    return this
  }

  grant(nodes: number): this {
    const before = this.seen.length
    const used = this.walks.quantum(nodes, (child, reason) => this.seen.push([child, reason]))
    expect(used).toBeLessThanOrEqual(nodes)
    expect(new Set(this.seen.slice(before).map(([child]) => child)).size).toBeLessThanOrEqual(nodes)
    return this
  }

  /** Each child and reason that was seen, once, in order. */
  shown(): ReadonlyArray<string> {
    return [...new Set(this.seen.map(([child, reason]) => `${child} for ${reason}`))].sort()
  }
}

describe("walks", () => {
  it("that merge visit what each of them would have visited, and not more often", () => {
    const walk = fc.record({ reason: fc.constantFrom(...REASONS), priority: fc.nat(1), before: fc.nat(4) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(walk, { minLength: 2, maxLength: 5 }), (children, walks) => {
        const together = new Family(children)
        for (const { reason, priority, before } of walks) together.grant(before).start(reason, priority)
        together.grant(10_000)
        const apart = walks.map(({ reason }) => new Family(children).start(reason).grant(10_000))
        expect(together.shown()).toEqual([...new Set(apart.flatMap((family) => family.shown()))].sort())
        expect(together.seen.length).toBeLessThanOrEqual(apart.reduce((sum, { seen }) => sum + seen.length, 0))
        expect(together.walks.pending).toBe(false)
      })
    )
  })

  it("have shown every child the final state of its parent when all is quiet", () => {
    const child = fc.nat(9)
    const step = fc.oneof(
      fc.record({ change: fc.constantFrom(...REASONS), now: fc.boolean(), priority: fc.nat(1) }),
      fc.record({ grant: fc.nat(3) }),
      fc.record({ add: child, place: fc.constantFrom(Place.Front, Place.Back), class: fc.nat(2) }),
      fc.record({ remove: child })
    )
    // At its nth visit a child leaves, or leaves and comes again, or changes the parent itself.
    const hook = fc.record({
      child,
      nth: fc.integer({ min: 1, max: 3 }),
      does: fc.constantFrom("leave", "move", "change")
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(hook, { maxLength: 4 }), (steps, hooks) => {
        const lists = new ChildLists(0, 1, 3)
        const edges = new Edges(lists, 4)
        const walks = new Walks(lists, { edges })
        const edgeOf = new Map<number, number>()
        const believed = new Map<number, number>()
        const visits = new Map<number, number>()
        let state = 0
        const add = (one: number, place: number, childClass: number): void => {
          if (edgeOf.has(one)) return
          believed.set(one, state)
          edgeOf.set(one, edges.add(0, one, place, childClass))
        }
        const remove = (one: number): void => {
          const edge = edgeOf.get(one)
          if (edge === undefined) return
          edgeOf.delete(one)
          believed.delete(one)
          edges.remove(edge)
        }
        const change = (reason: number, now: boolean, priority = 1): void => {
          state++
          if (now) walks.startNow(0, reason, visit)
          else walks.start(0, reason, { priority })
        }
        const visit = (one: number): void => {
          // Only those are visited that are there.
          expect(edgeOf.has(one)).toBe(true)
          believed.set(one, state)
          const nth = (visits.get(one) ?? 0) + 1
          visits.set(one, nth)
          for (const hooked of hooks.filter((other) => other.child === one && other.nth === nth)) {
            if (hooked.does === "change") change(1, false)
            else remove(one)
            if (hooked.does === "move") add(one, Place.Front, 0)
          }
        }
        for (const one of steps) {
          if ("change" in one) change(one.change, one.now, one.priority)
          else if ("grant" in one) expect(walks.quantum(one.grant, visit)).toBeLessThanOrEqual(one.grant)
          else if ("add" in one) add(one.add, one.place, one.class)
          else remove(one.remove)
        }
        while (walks.pending) walks.quantum(5, visit)
        expect([...believed].filter(([, seen]) => seen !== state)).toEqual([])
        for (const one of edgeOf.keys()) remove(one)
        expect(lists.isHeld(0)).toBe(false)
      }),
      { numRuns: 400 }
    )
  })

  it("for n changes of one parent before a grant are one walk, and one visit per child", () => {
    const family = new Family(4)
    for (let time = 0; time < 50; time++) family.start(2)
    const { scheduledLow, merged, waiting } = family.walks.statistics()
    expect({ scheduledLow, merged, waiting }).toEqual({ scheduledLow: 1, merged: 49, waiting: 1 })
    family.grant(100)
    expect(family.seen).toEqual([0, 1, 2, 3].map((child) => [child, 2]))
    expect(family.walks.statistics().finished).toBe(1)
  })

  it("stop at the budget and go on where they stopped", () => {
    const family = new Family(3).start(1).grant(2)
    family.lists.addChild(0, 9)
    family.grant(0).grant(9)
    expect(family.seen.map(([child]) => child)).toEqual([0, 1, 2])
  })

  it("end with their last child: the grant that visits it leaves nothing behind", () => {
    const family = new Family(2).start(1).grant(2)
    expect(family.walks.pending).toBe(false)
    expect(family.lists.front(0)).toBe(1)
  })

  it("of a parent that its owner let go keep it until they end", () => {
    const released: Array<number> = []
    const lists = new ChildLists(4, 1, 1, { listReleased: (list) => released.push(list) })
    const walks = new Walks(lists)
    lists.hold(0)
    lists.addChild(0, 1)
    walks.start(0, 1)
    lists.letGo(0)
    lists.removeChild(0, 1)
    expect([released.slice(), lists.isHeld(0)]).toEqual([[], true])
    walks.quantum(9, () => expect.unreachable("no child is left"))
    expect(released).toEqual([0])
  })
})

describe("a walk that is started by its size", () => {
  const started = (children: number, nodes: number) => {
    const lists = new ChildLists(64, 1)
    for (let child = 0; child < children; child++) lists.addChild(0, child)
    const walks = new Walks(lists, { synchronousMax: 4 })
    const seen: Array<number> = []
    const steps = walks.startSized(0, 2, nodes, (child) => seen.push(child))
    return { steps, seen: seen.length, pending: walks.pending }
  }

  it("visits few children at once and lets many wait, also few where nothing more may be visited now", () => {
    expect(started(4, 100)).toEqual({ steps: 4, seen: 4, pending: false })
    expect(started(5, 100)).toEqual({ steps: 0, seen: 0, pending: true })
    expect(started(4, 3)).toEqual({ steps: 0, seen: 0, pending: true })
    expect(started(0, 100)).toEqual({ steps: 0, seen: 0, pending: false })
  })
})
