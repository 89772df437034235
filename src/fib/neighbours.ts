// Neighbours: a gateway on a link, or the link itself. Each is a node below its link, and the next hops that lead to it are its children,
// so that what happens to a link is a walk from the link down, and what happens to one neighbour is a walk from there.

import { assert } from "../machine/index.ts"
import type { Address } from "../wire/index.ts"
import type { Edge } from "./edges.ts"
import { type Graph, type NodeHandle, NodeType } from "./graph.ts"
import type { Interfaces } from "./interfaces.ts"
import type { Adjacency } from "./path-lists.ts"
import { addressKey, NO_LABELS } from "./paths.ts"

export interface Neighbour {
  readonly id: number
  readonly node: NodeHandle
  readonly adjacency: Adjacency
  readonly linkEdge: Edge
}

export class Neighbours {
  private readonly graph: Graph
  private readonly interfaces: Interfaces
  private readonly all: Array<Neighbour | undefined> = []
  private readonly free: Array<number> = []
  private readonly byKey = new Map<string, Neighbour>()
  private readonly links = new Map<number, NodeHandle>()
  /** Keys of neighbours that a session, or whoever watches them, says are down; they need not be in use. */
  private readonly down = new Set<string>()

  constructor(graph: Graph, interfaces: Interfaces) {
    this.graph = graph
    this.interfaces = interfaces
  }

  intern(address: Address | undefined, family: 4 | 6, ifindex: number): Neighbour {
    const key = adjacencyKey(address, family, ifindex)
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const id = this.free.pop() ?? this.all.length
    const node = this.graph.create(NodeType.Neighbour, id)
    const linkEdge = this.graph.link(this.linkNode(ifindex), node)
    const adjacency = {
      key,
      family: address?.family ?? family,
      words: address?.words ?? [],
      ifindex,
      labels: NO_LABELS
    }
    const neighbour = { id, node, adjacency, linkEdge }
    this.all[id] = neighbour
    this.byKey.set(key, neighbour)
    return neighbour
  }

  get(id: number): Neighbour {
    const neighbour = this.all[id]
    assert(neighbour !== undefined, "a neighbour that does not exist")
    return neighbour
  }

  /** Nothing leads there any more. */
  remove(id: number): void {
    const { node, linkEdge, adjacency } = this.get(id)
    this.graph.unlink(linkEdge)
    this.graph.destroy(node)
    this.byKey.delete(adjacency.key)
    this.all[id] = undefined
    this.free.push(id)
  }

  isUsable({ adjacency }: Neighbour): boolean {
    return this.interfaces.isUp(adjacency.ifindex) && !this.down.has(adjacency.key)
  }

  /** Returns the neighbour if that is news to somebody. */
  setState(address: Address, ifindex: number, isUp: boolean): Neighbour | undefined {
    const key = adjacencyKey(address, address.family, ifindex)
    if (this.down.has(key) !== isUp) return undefined
    if (isUp) this.down.delete(key)
    else this.down.add(key)
    return this.byKey.get(key)
  }

  isDown(key: string): boolean {
    return this.down.has(key)
  }

  /** The link's node; undefined where nothing leads to it. */
  linkOf(ifindex: number): NodeHandle | undefined {
    return this.links.get(ifindex)
  }

  /** The last neighbour of a link is gone. */
  removeLink(ifindex: number): void {
    const node = this.links.get(ifindex)
    if (node === undefined) return
    this.links.delete(ifindex)
    this.graph.destroy(node)
  }

  values(): ReadonlyArray<Neighbour> {
    return this.all.filter((neighbour) => neighbour !== undefined)
  }

  private linkNode(ifindex: number): NodeHandle {
    const known = this.links.get(ifindex)
    if (known !== undefined) return known
    const node = this.graph.create(NodeType.Link, ifindex)
    this.links.set(ifindex, node)
    return node
  }
}

const adjacencyKey = (address: Address | undefined, family: 4 | 6, ifindex: number): string =>
  `${address === undefined ? `${family}:` : addressKey(address)} ${ifindex}`
