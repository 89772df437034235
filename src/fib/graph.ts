// The shared part of the forwarding graph as one graph: nodes of several types behind typed handles, dependencies from parent to child
// between them, and the walks that go along those. A node is a number in columns; what it stands for is in the table of its type. A
// handle says type and generation, so that one that is late is recognised (ADR-0009). A node lives as long as its owner, a child or a
// walk holds it: one that its owner let go lives on, incomplete, until the last child lets go.
import { assert } from "../machine/index.ts"
import { ChildLists, Place, type ReleaseListener } from "./children.ts"
import { grown } from "./columns.ts"
import { type Edge, Edges } from "./edges.ts"
import { WalkReason } from "./walk-policy.ts"
import { type Visit, Walks } from "./walks.ts"

export const NodeType = {
  /** An entry through which something resolves; the millions of others are columns only. */
  Entry: 1,
  PathList: 2,
  NextHop: 3,
  Neighbour: 4,
  Link: 5
} as const
export type NodeType = (typeof NodeType)[keyof typeof NodeType]
export const NODE_TYPE_NAMES: ReadonlyArray<string> = ["none", "entry", "path-list", "next hop", "neighbour", "link"]

/** node (21 bits) | generation (8 bits) << 21 | type (3 bits) << 29, as an unsigned word. */
export type NodeHandle = number

/** Children that use their parent for traffic are told before those that keep it in reserve. */
export const ChildClass = { Used: 0, Reserve: 1 } as const
const CHILD_CLASSES = 2

const NODE_BITS = 21
const NODE_MASK = (1 << NODE_BITS) - 1
const GENERATION_MASK = 0xff
const TYPE_SHIFT = 29
const CAPACITY_MIN = 64

/** Told when nothing holds a node any more. Whoever owns it may destroy it, now or later. */
export interface NodeListener {
  nodeReleased(type: NodeType, value: number): void
}

export class Graph implements ReleaseListener {
  readonly walks: Walks
  private readonly lists: ChildLists
  private readonly edges: Edges
  private readonly listener: NodeListener
  private types: Uint8Array = new Uint8Array(CAPACITY_MIN)
  private generations: Uint8Array = new Uint8Array(CAPACITY_MIN)
  /** What the node stands for: an index into the table of its type. */
  private values: Uint32Array = new Uint32Array(CAPACITY_MIN)
  private readonly free: Array<number> = []
  private used = 0

  constructor(listener: NodeListener) {
    this.listener = listener
    this.lists = new ChildLists(CAPACITY_MIN, CAPACITY_MIN, CHILD_CLASSES, this)
    this.edges = new Edges(this.lists, CAPACITY_MIN)
    this.walks = new Walks(this.lists, { edges: this.edges })
  }

  /** A node that nothing holds yet. */
  create(type: NodeType, value: number): NodeHandle {
    const node = this.free.pop() ?? this.fresh()
    this.types[node] = type
    this.values[node] = value
    return ((type << TYPE_SHIFT) | (this.generations[node] << NODE_BITS) | node) >>> 0
  }

  destroy(handle: NodeHandle): void {
    const node = this.nodeOf(handle)
    assert(!this.lists.isHeld(node), "a node that something holds is not destroyed")
    this.types[node] = 0
    this.generations[node] = (this.generations[node] + 1) & GENERATION_MASK
    this.free.push(node)
  }

  /** Whether the handle is of a node that there is. */
  exists(handle: NodeHandle): boolean {
    const node = handle & NODE_MASK
    const generation = (handle >>> NODE_BITS) & GENERATION_MASK
    return handle !== 0 && this.types[node] === handle >>> TYPE_SHIFT && this.generations[node] === generation
  }

  typeOf(handle: NodeHandle): NodeType {
    return (handle >>> TYPE_SHIFT) as NodeType
  }

  valueOf(handle: NodeHandle): number {
    return this.values[this.nodeOf(handle)]
  }

  /** Somebody beside the children holds the node. */
  lock(handle: NodeHandle): void {
    this.lists.hold(this.nodeOf(handle))
  }

  unlock(handle: NodeHandle): void {
    this.lists.letGo(this.nodeOf(handle))
  }

  isHeld(handle: NodeHandle): boolean {
    return this.lists.isHeld(this.nodeOf(handle))
  }

  /** The child now depends on the parent, which it holds by that. */
  link(parent: NodeHandle, child: NodeHandle, childClass: number = ChildClass.Used, place: number = Place.Front): Edge {
    assert(this.exists(child), "a child that is gone")
    return this.edges.add(this.nodeOf(parent), child, place, childClass)
  }

  /** May release the parent. */
  unlink(edge: Edge): void {
    this.edges.remove(edge)
  }

  childCount(handle: NodeHandle): number {
    return this.lists.count(this.nodeOf(handle))
  }

  /** The children, those in use first. For showing and testing; who wants to tell them something walks. */
  childrenOf(handle: NodeHandle): ReadonlyArray<NodeHandle> {
    const children: Array<NodeHandle> = []
    for (let at = this.lists.front(this.nodeOf(handle)); at !== 0; at = this.lists.after(at)) {
      if (at > 0) children.push(this.edges.childOf(at - 1))
    }
    return children
  }

  /** Tells the children before it returns, those in use first. A child that walks on hands its depth along. */
  walk(handle: NodeHandle, reason: number = WalkReason.Evaluate, visit: Visit, flags = 0, depth = 0): void {
    this.walks.startNow(this.nodeOf(handle), reason, visit, { flags, depth })
  }

  /** How many nodes there are. */
  get size(): number {
    return this.used - this.free.length
  }

  get edgeCount(): number {
    return this.edges.size
  }

  listReleased(node: number): void {
    this.listener.nodeReleased(this.types[node] as NodeType, this.values[node])
  }

  private nodeOf(handle: NodeHandle): number {
    assert(this.exists(handle), "a handle of a node that is gone")
    return handle & NODE_MASK
  }

  private fresh(): number {
    const node = this.used++
    assert(node <= NODE_MASK, "more shared nodes than a handle can name")
    if (node >= this.types.length) {
      const capacity = this.types.length * 2
      this.types = grown(this.types, capacity)
      this.generations = grown(this.generations, capacity)
      this.values = grown(this.values, capacity)
    }
    this.lists.fitLists(node + 1)
    return node
  }
}
