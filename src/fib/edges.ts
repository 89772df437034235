// Dependencies in a graph where a child may have several parents: each is an element of its own, handed out from a pool, in the list of
// its parent. Who holds the handle removes the dependency in constant time; a handle that is late, because its element went to another
// dependency since, is recognised by its generation (ADR-0009).
import { assert } from "../machine/index.ts"
import { type ChildLists, Place } from "./children.ts"
import { grown } from "./columns.ts"

/** element (24 bits) | generation (8 bits) << 24, as an unsigned word. */
export type Edge = number

const ELEMENT_BITS = 24
const ELEMENT_MASK = (1 << ELEMENT_BITS) - 1

export class Edges {
  readonly lists: ChildLists
  private children: Uint32Array
  private parents: Uint32Array
  /** The low 8 bits: the generation; the ninth: in use. */
  private states: Uint16Array
  /** Elements that are free, as a stack. */
  private free: Uint32Array
  private freeCount = 0
  private used = 0

  constructor(lists: ChildLists, capacity: number) {
    this.lists = lists
    this.children = new Uint32Array(capacity)
    this.parents = new Uint32Array(capacity)
    this.states = new Uint16Array(capacity)
    this.free = new Uint32Array(capacity)
    lists.fit(capacity)
  }

  get size(): number {
    return this.used - this.freeCount
  }

  /** The child now depends on the parent. */
  add(parent: number, child: number, place: number = Place.Front, childClass = 0): Edge {
    this.lists.fitLists(parent + 1)
    const element = this.freeCount > 0 ? this.free[--this.freeCount] : this.fresh()
    this.children[element] = child
    this.parents[element] = parent
    const generation = this.states[element]
    this.states[element] = generation | IN_USE
    if (place === Place.Front) this.lists.addChild(parent, element, childClass)
    else this.lists.addChildBehind(parent, element, childClass)
    return ((generation << ELEMENT_BITS) | element) >>> 0
  }

  remove(edge: Edge): void {
    assert(this.holds(edge), "removal of a dependency that is gone")
    const element = edge & ELEMENT_MASK
    this.states[element] = (this.states[element] + 1) & 0xff
    this.free[this.freeCount++] = element
    this.lists.removeChild(this.parents[element], element)
  }

  /** Whether the dependency is the one that the handle was given for. */
  holds(edge: Edge): boolean {
    return this.states[edge & ELEMENT_MASK] === (IN_USE | (edge >>> ELEMENT_BITS))
  }

  childOf(element: number): number {
    return this.children[element]
  }

  private fresh(): number {
    const element = this.used++
    assert(element <= ELEMENT_MASK, "more dependencies than a handle can name")
    if (element >= this.children.length) {
      const capacity = Math.max(64, this.children.length * 2)
      this.children = grown(this.children, capacity)
      this.parents = grown(this.parents, capacity)
      this.states = grown(this.states, capacity)
      this.free = grown(this.free, capacity)
      this.lists.fit(capacity)
    }
    return element
  }
}

const IN_USE = 0x100
