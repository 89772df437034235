// The walk engine on one core: dependencies added and removed, children visited, a million of them at once and while they come and go.
import { ChildLists, type Edge, Edges, Walks } from "../src/fib/index.ts"
import type { Row } from "./run.ts"

const PARENTS = 64

/** Nanoseconds per item of the fastest of some rounds: others share the machine. */
const fastest = (items: number, prepare: () => () => void, rounds = 5): number => {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const work = prepare()
    const start = process.hrtime.bigint()
    work()
    least = Math.min(least, Number(process.hrtime.bigint() - start) / items)
  }
  return least
}

const row = (bench: string, nanoseconds: number, children: number, budget: string): Row => ({
  bench: `walks: ${bench}`,
  measured: `${nanoseconds.toFixed(1)} ns (${((nanoseconds * children) / 1e6).toFixed(1)} ms for ${children})`,
  budget
})

/** A parent with so many entries, as the forwarding graph has them, linked in an order in which no neighbour is near in memory. */
const entries = (children: number): ChildLists => {
  const lists = new ChildLists(children, PARENTS)
  for (let index = 0; index < children; index++) lists.addChild(1, (index * 7919) % children)
  return lists
}

export const run = (children: number): ReadonlyArray<Row> => {
  const handles = new Uint32Array(children)
  const edges = new Edges(new ChildLists(children, PARENTS), children)
  const fill = (): void => {
    for (let child = 0; child < children; child++) handles[child] = edges.add(child % PARENTS, child)
  }
  const empty = (): void => {
    for (let child = 0; child < children; child++) edges.remove(handles[(child * 7919) % children] as Edge)
  }
  const add = fastest(children, () => {
    if (edges.size > 0) empty()
    return fill
  })
  const remove = fastest(children, () => {
    if (edges.size === 0) fill()
    return empty
  })
  const lists = entries(children)
  let home = 1
  const entryMove = fastest(children, () => () => {
    const to = 3 - home
    for (let child = 0; child < children; child++) {
      lists.removeChild(home, child)
      lists.addChild(to, child)
    }
    home = to
  })
  return [
    row("child added", add, children, "100 ns"),
    row("child removed", remove, children, "100 ns"),
    row("entry moved", entryMove, children, "200 ns"),
    ...visits(children)
  ]
}

const visits = (children: number): ReadonlyArray<Row> => {
  const lists = entries(children)
  const near = new ChildLists(children, PARENTS)
  for (let child = 0; child < children; child++) near.addChild(1, child)
  let seen = 0
  const visit = (child: number): void => {
    seen += child & 1
  }
  const walkAll = (list: ChildLists, nodes: number): number => {
    const walks = new Walks(list)
    return fastest(children, () => () => {
      walks.start(1, 2)
      let visited = 0
      while (walks.pending) visited += walks.quantum(nodes, visit)
      if (visited !== children) throw new Error(`${visited} children visited of ${children}`)
    })
  }
  const rows = [
    row("visit, neighbours near", walkAll(near, children), children, "50 ns; 1,000,000 in 100 ms"),
    row("visit, neighbours far", walkAll(lists, children), children, "50 ns; 1,000,000 in 100 ms"),
    row("visit, 4096 at a time", walkAll(lists, 4096), children, "50 ns; 1,000,000 in 100 ms")
  ]
  if (seen === 0) throw new Error("nobody was visited")
  return rows
}
