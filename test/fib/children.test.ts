// Child lists against a plain array, and what their handles and locks promise.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ChildLists, Edges, Place, type WalkElement } from "../../src/fib/index.ts"
import * as textbook from "../../src/fib/walk-lists.ts"

const CLASSES = 3

const contents = (edges: Edges, list: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let at = edges.lists.front(list); at !== 0; at = edges.lists.after(at)) found.push(edges.childOf(at - 1))
  return found
}

describe("child lists", () => {
  it("hold children by class, each class newest first except those that went to its back", () => {
    const step = fc.oneof(
      fc.record({ add: fc.nat(1), place: fc.constantFrom(Place.Front, Place.Back), class: fc.nat(CLASSES - 1) }),
      fc.record({ removeAt: fc.nat(30) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const edges = new Edges(new ChildLists(0, 1, CLASSES), 1)
        const expected: Array<ReadonlyArray<Array<number>>> = [0, 1].map(() => [[], [], []])
        const known: Array<{
          readonly list: number
          readonly class: number
          readonly child: number
          readonly edge: number
        }> = []
        steps.forEach((one, child) => {
          if ("add" in one) {
            known.push({
              list: one.add,
              class: one.class,
              child,
              edge: edges.add(one.add, child, one.place, one.class)
            })
            const members = expected[one.add][one.class]
            if (one.place === Place.Front) members.unshift(child)
            else members.push(child)
          } else if (known.length > 0) {
            const [gone] = known.splice(one.removeAt % known.length, 1)
            edges.remove(gone.edge)
            const members = expected[gone.list][gone.class]
            members.splice(members.indexOf(gone.child), 1)
          }
          expect([0, 1].map((list) => contents(edges, list))).toEqual(expected.map((classes) => classes.flat()))
          expect([0, 1].map((list) => edges.lists.count(list))).toEqual(
            expected.map((classes) => classes.flat().length)
          )
        })
      })
    )
  })

  it("are counted without links where nobody walks them, and let their parent go all the same", () => {
    const step = fc.record({ list: fc.nat(2), child: fc.nat(9), adds: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const [linked, counted] = [true, false].map((links) => {
          const released: Array<string> = []
          const lists = new ChildLists(10, 3, 1, { listReleased: (list) => released.push(`${at} ${list}`) }, links)
          const parents = new Map<number, number>()
          let at = 0
          const counts = steps.map(({ list, child, adds }) => {
            at++
            const parent = parents.get(child)
            if (adds && parent === undefined) {
              lists.addChild(list, child)
              parents.set(child, list)
            } else if (!adds && parent !== undefined) {
              lists.removeChild(parent, child)
              parents.delete(child)
            }
            return [0, 1, 2].map((one) => [lists.count(one), lists.isHeld(one)])
          })
          return { released, counts }
        })
        expect(counted).toEqual(linked)
      })
    )
    expect(() => new ChildLists(1, 1, 1, undefined, false).addMarker(0, 0)).toThrow("cannot be walked")
  })

  it("keep their order and their classes with markers among the children, as the textbook form does", () => {
    const child = fc.nat(7)
    const marker = fc.nat(1)
    const step = fc.oneof(
      fc.record({ add: child, place: fc.constantFrom("Front" as const, "Back" as const), class: fc.nat(CLASSES - 1) }),
      fc.record({ remove: child }),
      fc.record({ mark: marker }),
      fc.record({ advance: marker }),
      fc.record({ unmark: marker })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const lists = new ChildLists(8, 1, CLASSES)
        let elements: ReadonlyArray<WalkElement> = []
        const hasMarker = (walk: number): boolean => elements.some((one) => one._tag === "Marker" && one.walk === walk)
        for (const one of steps) {
          if ("add" in one) {
            if (textbook.hasChild(elements, one.add)) continue
            if (one.place === "Front") lists.addChild(0, one.add, one.class)
            else lists.addChildBehind(0, one.add, one.class)
            elements = textbook.added(elements, { child: one.add, place: one.place, class: one.class })
          } else if ("remove" in one) {
            if (!textbook.hasChild(elements, one.remove)) continue
            lists.removeChild(0, one.remove)
            elements = textbook.removed(elements, one.remove)
          } else if ("mark" in one) {
            if (hasMarker(one.mark)) continue
            lists.addMarker(0, one.mark)
            elements = [{ _tag: "Marker", walk: one.mark, class: 0 }, ...elements]
          } else if ("advance" in one) {
            if (!hasMarker(one.advance) || textbook.behindMarker(elements, one.advance) === undefined) continue
            lists.advanceMarker(0, one.advance)
            elements = textbook.advanced(elements, one.advance)
          } else if (hasMarker(one.unmark)) {
            lists.removeMarker(0, one.unmark)
            elements = textbook.withoutMarker(elements, one.unmark)
          }
          const found: Array<number> = []
          for (let at = lists.front(0); at !== 0; at = lists.after(at)) found.push(at)
          expect(found).toEqual(
            elements.map((member) => (member._tag === "Child" ? member.child + 1 : -(member.walk + 1)))
          )
        }
      }),
      { numRuns: 500 }
    )
  })

  it("tell when the last child, walk and owner of a parent are gone, in whatever order they go", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(["child", "marker", "owner"], { minLength: 3, maxLength: 3 }), (order) => {
        const released: Array<number> = []
        const lists = new ChildLists(4, 1, 1, { listReleased: (list) => released.push(list) })
        lists.hold(0)
        lists.addChild(0, 2)
        lists.addMarker(0, 0)
        for (const who of order) {
          expect(released).toEqual([])
          if (who === "child") lists.removeChild(0, 2)
          else if (who === "marker") lists.removeMarker(0, 0)
          else lists.letGo(0)
        }
        expect(released).toEqual([0])
      })
    )
  })
})

describe("edges", () => {
  it("recognise a handle whose element went to another dependency since (ADR-0009)", () => {
    const edges = new Edges(new ChildLists(0, 2), 1)
    const first = edges.add(0, 7)
    edges.remove(first)
    const second = edges.add(1, 8)
    expect([edges.holds(first), edges.holds(second)]).toEqual([false, true])
    expect(() => edges.remove(first)).toThrow("a dependency that is gone")
    expect(contents(edges, 1)).toEqual([8])
  })

  it("let a child have several parents, and a parent of its own be a child", () => {
    const edges = new Edges(new ChildLists(0, 1), 1)
    edges.add(0, 5)
    edges.add(5, 6)
    const other = edges.add(3, 5)
    edges.remove(other)
    expect([0, 3, 5].map((parent) => contents(edges, parent))).toEqual([[5], [], [6]])
    expect(edges.size).toBe(2)
  })
})
