// The shared nodes: typed handles that know when they are late, locks, nodes that live on until their last child lets go, and who of
// the children is told first.
import { describe, expect, it } from "vitest"
import { ChildClass, Graph, type NodeListener, NodeType, Place, WalkReason } from "../../src/fib/index.ts"

class Released implements NodeListener {
  readonly seen: Array<readonly [number, number]> = []

  nodeReleased(type: NodeType, value: number): void {
    this.seen.push([type, value])
  }
}

const make = () => {
  const released = new Released()
  return { released, graph: new Graph(released) }
}

describe("the handle of a node", () => {
  it("says what it is of, and is late when the number went to another node", () => {
    const { graph } = make()
    const one = graph.create(NodeType.NextHop, 7)
    expect([graph.typeOf(one), graph.valueOf(one), graph.exists(one)]).toEqual([NodeType.NextHop, 7, true])
    graph.destroy(one)
    const other = graph.create(NodeType.NextHop, 7)
    expect([graph.exists(one), graph.exists(other), one === other]).toEqual([false, true, false])
    expect(() => graph.valueOf(one)).toThrow("a handle of a node that is gone")
  })

  it("of one type is none of another, also under the same number", () => {
    const { graph } = make()
    const link = graph.create(NodeType.Link, 3)
    graph.destroy(link)
    graph.create(NodeType.PathList, 3)
    expect(graph.exists(link)).toBe(false)
  })
})

describe("a node", () => {
  it("is released when its last child, walk and lock have let go, whichever is last", () => {
    const { graph, released } = make()
    const parent = graph.create(NodeType.Entry, 1)
    const child = graph.create(NodeType.NextHop, 2)
    const edge = graph.link(parent, child)
    graph.lock(parent)
    graph.unlink(edge)
    expect([graph.isHeld(parent), released.seen]).toEqual([true, []])
    graph.unlock(parent)
    expect([graph.isHeld(parent), released.seen]).toEqual([false, [[NodeType.Entry, 1]]])
  })

  it("that its owner let go lives on, incomplete, while it has a child", () => {
    const { graph, released } = make()
    const parent = graph.create(NodeType.PathList, 1)
    graph.lock(parent)
    const edge = graph.link(parent, graph.create(NodeType.NextHop, 2))
    graph.unlock(parent)
    expect(released.seen).toEqual([])
    expect(() => graph.destroy(parent)).toThrow("a node that something holds is not destroyed")
    graph.unlink(edge)
    expect(released.seen).toEqual([[NodeType.PathList, 1]])
  })

  it("tells those that use it before those that keep it in reserve, the newest first, and who came last at the back", () => {
    const { graph } = make()
    const parent = graph.create(NodeType.NextHop, 0)
    const childOf = (value: number) => graph.create(NodeType.PathList, value)
    graph.link(parent, childOf(1), ChildClass.Reserve)
    graph.link(parent, childOf(2), ChildClass.Used)
    graph.link(parent, childOf(3), ChildClass.Used)
    graph.link(parent, childOf(4), ChildClass.Used, Place.Back)
    graph.link(parent, childOf(5), ChildClass.Reserve)
    const told: Array<number> = []
    graph.walk(parent, WalkReason.AdjacencyDown, (child) => told.push(graph.valueOf(child)))
    expect(told).toEqual([3, 2, 4, 5, 1])
    expect(graph.childrenOf(parent).map((child) => graph.valueOf(child))).toEqual(told)
  })
})
