// Walks in place and walks as a reducer are one machine; and what a walk owes to the children of its parent.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ChildLists, noWalks, reduceWalks, Walks, type WalksEvent, type WalksState } from "../../src/fib/index.ts"
import { arbitraryWalksEvent } from "../../src/testing/forwarding.ts"

/** The columns and the reducer side by side. */
class Pair {
  readonly lists = new ChildLists(16, 8)
  readonly walks = new Walks(this.lists)
  state: WalksState = noWalks
  /** Which list a child is in: it can be in one only. */
  readonly home = new Map<number, number>()

  /** Applies an event to both; returns the visits of both, as `child/reason`. */
  step(event: WalksEvent): readonly [ReadonlyArray<string>, ReadonlyArray<string>] {
    if (event._tag === "ChildAdded" && this.home.has(event.child)) return [[], []]
    if (event._tag === "ChildRemoved" && this.home.get(event.child) !== event.list) return [[], []]
    const [next, effects] = reduceWalks(this.state, event)
    this.state = next
    const visits: Array<string> = []
    switch (event._tag) {
      case "ChildAdded":
        this.home.set(event.child, event.list)
        this.lists.addChild(event.list, event.child)
        break
      case "ChildRemoved":
        this.home.delete(event.child)
        this.lists.removeChild(event.list, event.child)
        break
      case "Started":
        this.walks.start(event.list, event.reason)
        break
      case "Granted":
        this.walks.quantum(event.nodes, (child, reason) => visits.push(`${child}/${reason}`))
    }
    return [visits, effects.flatMap((effect) => (effect._tag === "Visit" ? [`${effect.child}/${effect.reason}`] : []))]
  }
}

describe("walks", () => {
  it("visit in place what the reducer says, in the same order", () => {
    fc.assert(
      fc.property(fc.array(arbitraryWalksEvent, { maxLength: 60 }), (events) => {
        const pair = new Pair()
        for (const event of events) {
          const [visits, said] = pair.step(event)
          expect(visits).toEqual(said)
          expect(pair.walks.statistics().waiting).toBe(pair.state.queue.length)
        }
      })
    )
  })

  it("show every reason to every child that was there when it arose and stayed", () => {
    fc.assert(
      fc.property(fc.array(arbitraryWalksEvent, { maxLength: 60 }), (events) => {
        const pair = new Pair()
        const owed = new Map<number, Set<number>>()
        const settle = (visits: ReadonlyArray<string>) => {
          for (const visit of visits) {
            const [child, reason] = visit.split("/").map(Number)
            owed.get(child)?.delete(reason)
          }
        }
        for (const event of events) {
          if (event._tag === "Started") {
            for (const [child, list] of pair.home) {
              if (list === event.list) owed.set(child, (owed.get(child) ?? new Set()).add(event.reason))
            }
          }
          const before = pair.home.get(event._tag === "ChildRemoved" ? event.child : -1)
          if (event._tag === "ChildRemoved" && before === event.list) owed.delete(event.child)
          settle(pair.step(event)[0])
        }
        settle(pair.step({ _tag: "Granted", nodes: 10_000 })[0])
        expect([...owed.values()].filter((reasons) => reasons.size > 0)).toEqual([])
        expect(pair.walks.pending).toBe(false)
      })
    )
  })

  it("of one parent for one reason before a quantum cost one visit per child", () => {
    const pair = new Pair()
    for (const child of [1, 2, 3, 4]) pair.step({ _tag: "ChildAdded", list: 0, child })
    for (let time = 0; time < 5; time++) pair.step({ _tag: "Started", list: 0, reason: 1 })
    expect(pair.step({ _tag: "Granted", nodes: 100 })[0]).toEqual(["4/1", "3/1", "2/1", "1/1"])
  })

  it("hand over all reasons when they merge (Q1)", () => {
    const pair = new Pair()
    for (const child of [1, 2]) pair.step({ _tag: "ChildAdded", list: 0, child })
    for (const reason of [1, 2, 3]) pair.step({ _tag: "Started", list: 0, reason })
    expect(pair.step({ _tag: "Granted", nodes: 100 })[0]).toEqual(["2/1", "2/2", "2/3", "1/1", "1/2", "1/3"])
  })

  it("skip no sibling when a child removes itself while it is visited (Q2)", () => {
    const lists = new ChildLists(8, 2)
    const walks = new Walks(lists)
    for (const child of [1, 2, 3]) lists.addChild(0, child)
    walks.start(0, 1)
    const visits: Array<number> = []
    walks.quantum(100, (child) => {
      visits.push(child)
      lists.removeChild(0, child)
    })
    expect(visits).toEqual([3, 2, 1])
    expect(lists.front(0)).toBe(0)
  })

  it("stop at the budget and go on where they stopped", () => {
    const lists = new ChildLists(8, 2)
    const walks = new Walks(lists)
    for (const child of [1, 2, 3]) lists.addChild(1, child)
    walks.start(1, 1)
    const visits: Array<number> = []
    expect(walks.quantum(2, (child) => visits.push(child))).toBe(2)
    lists.addChild(1, 4)
    expect(walks.quantum(9, (child) => visits.push(child))).toBe(1)
    expect(visits).toEqual([3, 2, 1])
  })
})
