// Which path-lists lead back to themselves. The control graph may have cycles, so that breaking one is noticed; the forwarding graph
// never has: a path whose way passes through its own path-list again is left out, the other paths of that list still forward.
// Such paths are exactly those inside a strongly connected component; Tarjan's algorithm, iterative because chains may be long.
import type { PathList } from "./path-lists.ts"

interface Node {
  readonly list: PathList
  index: number
  low: number
  onStack: boolean
  component: number
  next: number
}

/** For each path-list given, which of its paths are looped. `lists` must hold every path-list that can be reached. */
export const findLoops = (lists: Iterable<PathList>): Map<PathList, ReadonlyArray<boolean>> => {
  const nodes = new Map<PathList, Node>()
  for (const list of lists) {
    nodes.set(list, { list, index: -1, low: -1, onStack: false, component: -1, next: 0 })
  }
  const stack: Array<Node> = []
  let counter = 0
  let components = 0
  for (const root of nodes.values()) {
    if (root.index !== -1) continue
    const calls: Array<Node> = [root]
    while (calls.length > 0) {
      const node = calls[calls.length - 1]
      if (node.index === -1) {
        node.index = node.low = counter++
        node.onStack = true
        stack.push(node)
      }
      const child = nextUnvisited(node, nodes)
      if (child !== undefined) {
        calls.push(child)
        continue
      }
      calls.pop()
      const caller = calls[calls.length - 1]
      if (caller !== undefined) caller.low = Math.min(caller.low, node.low)
      if (node.low !== node.index) continue
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        member.onStack = false
        member.component = components
        if (member === node) break
      }
      components++
    }
  }
  const result = new Map<PathList, ReadonlyArray<boolean>>()
  for (const node of nodes.values()) {
    result.set(
      node.list,
      node.list.paths.map(
        ({ nextHop }) => nextHop.via !== undefined && nodes.get(nextHop.via)?.component === node.component
      )
    )
  }
  return result
}

/** The next child of a node that no call has entered yet; lows of the others are taken on the way. */
const nextUnvisited = (node: Node, nodes: ReadonlyMap<PathList, Node>): Node | undefined => {
  while (node.next < node.list.paths.length) {
    const via = node.list.paths[node.next++].nextHop.via
    const child = via === undefined ? undefined : nodes.get(via)
    if (child === undefined) continue
    if (child.index === -1) return child
    if (child.onStack) node.low = Math.min(node.low, child.index)
  }
  return undefined
}
