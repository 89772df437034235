// Who depends on whom, from parent to child: one doubly linked list per parent. Links are columns indexed by the element, so adding and
// removing cost the same wherever the element stands. Whoever uses the lists numbers the elements: an entry of the forwarding graph is a
// child of at most one path-list and is its own element (eight bytes); `Edges` hands out elements where a child has several parents.
// Walks stand in the same lists as markers, so that children may come and go while a walk is suspended (ADR-0008).
import { assert } from "../machine/index.ts"
import { grown } from "./columns.ts"

/** What a link points to: a child's element + 1, -(marker + 1), or 0 for the end. */
export type Element = number

export const elementOfMarker = (marker: number): Element => -(marker + 1)
export const isMarker = (element: Element): boolean => element < 0
export const markerOf = (element: Element): number => -element - 1

/** Where in its class a child goes. The front is before every walk on its way: who has read the parent's present state needs none. */
export const Place = { Front: 0, Back: 1 } as const

/** Told when nothing holds a parent any more: no child, no walk, no owner. Until then a parent that its owner let go lives on. */
export interface ReleaseListener {
  listReleased(list: number): void
}

export class ChildLists {
  private heads: Int32Array
  /** The last element of each class of each list; 0 where the class is empty. A marker is of the class that it stands in. */
  private tails: Int32Array
  /** Children only: a marker is no child (quirk Q5 of the source). */
  private counts: Uint32Array
  /** Owners of the parent. Children and walks hold it too, by standing in its list. */
  private holds: Uint32Array
  private next: Int32Array
  private previous: Int32Array
  private childClass: Uint8Array
  private markerNext: Array<Element> = []
  private markerPrevious: Array<Element> = []
  private markerClass: Array<number> = []
  private readonly classes: number
  private readonly listener: ReleaseListener | undefined
  private readonly linked: boolean

  /**
   * `classes`: children of a lower class stand before those of a higher one, and so are visited first. `linked: false`: children are
   * counted only, for lists that nobody ever walks.
   */
  constructor(elements: number, lists: number, classes = 1, listener?: ReleaseListener, linked = true) {
    assert(linked || classes === 1, "what is only counted has no order")
    this.classes = classes
    this.listener = listener
    this.linked = linked
    this.next = new Int32Array(linked ? elements : 0)
    this.previous = new Int32Array(linked ? elements : 0)
    this.childClass = new Uint8Array(classes > 1 ? elements : 0)
    this.heads = new Int32Array(lists)
    this.tails = new Int32Array(lists * classes)
    this.counts = new Uint32Array(lists)
    this.holds = new Uint32Array(lists)
  }

  /** Room for elements below `elements`. */
  fit(elements: number): void {
    if (!this.linked || this.next.length >= elements) return
    this.next = grown(this.next, elements)
    this.previous = grown(this.previous, elements)
    if (this.classes > 1) this.childClass = grown(this.childClass, elements)
  }

  /** Room for lists below `lists`. */
  fitLists(lists: number): void {
    if (this.heads.length >= lists) return
    const length = Math.max(lists, this.heads.length * 2)
    this.heads = grown(this.heads, length)
    this.tails = grown(this.tails, length * this.classes)
    this.counts = grown(this.counts, length)
    this.holds = grown(this.holds, length)
  }

  count(list: number): number {
    return this.counts[list] ?? 0
  }

  /** First element of the list, a child or a marker; 0 where the list is empty. */
  front(list: number): Element {
    return this.heads[list] ?? 0
  }

  after(element: Element): Element {
    return element > 0 ? this.next[element - 1] : this.markerNext[-element - 1]
  }

  /** Whether a child, a walk or an owner holds the parent. */
  isHeld(list: number): boolean {
    return this.count(list) > 0 || this.front(list) !== 0 || (this.holds[list] ?? 0) > 0
  }

  hold(list: number): void {
    this.fitLists(list + 1)
    this.holds[list]++
  }

  letGo(list: number): void {
    assert(this.holds[list] > 0, "a parent is let go by who holds it")
    this.holds[list]--
    this.checkReleased(list)
  }

  /** At the front of its class. Hot. */
  addChild(list: number, child: number, childClass = 0): void {
    if (!this.linked) {
      this.counts[list]++
      return
    }
    if (childClass > 0) {
      this.insert(list, child, childClass, this.lastBefore(list, childClass))
      return
    }
    const { next, previous, heads } = this
    const element = child + 1
    const head = heads[list]
    next[child] = head
    previous[child] = 0
    if (head > 0) previous[head - 1] = element
    else if (head < 0) this.markerPrevious[-head - 1] = element
    heads[list] = element
    this.counts[list]++
    if (this.classes > 1) this.childClass[child] = 0
    const tail = list * this.classes
    if (this.tails[tail] === 0) this.tails[tail] = element
  }

  /** At the back of its class: walks on their way will come by. */
  addChildBehind(list: number, child: number, childClass = 0): void {
    const last = this.tails[list * this.classes + childClass]
    this.insert(list, child, childClass, last === 0 ? this.lastBefore(list, childClass) : last)
    this.tails[list * this.classes + childClass] = child + 1
  }

  /** Hot. */
  removeChild(list: number, child: number): void {
    if (!this.linked) {
      if (--this.counts[list] === 0) this.checkReleased(list)
      return
    }
    const { next, previous, heads } = this
    const element = child + 1
    const before = previous[child]
    const after = next[child]
    if (before === 0) heads[list] = after
    else if (before > 0) next[before - 1] = after
    else this.markerNext[-before - 1] = after
    if (after > 0) previous[after - 1] = before
    else if (after < 0) this.markerPrevious[-after - 1] = before
    this.counts[list]--
    const tail = this.classes === 1 ? list : list * this.classes + this.childClass[child]
    if (this.tails[tail] === element) this.tails[tail] = this.inClass(before, tail - list * this.classes)
    if (heads[list] === 0) this.checkReleased(list)
  }

  addMarker(list: number, marker: number): void {
    assert(this.linked, "children that are only counted cannot be walked")
    const head = this.heads[list]
    const element = elementOfMarker(marker)
    this.markerNext[marker] = head
    this.markerPrevious[marker] = 0
    this.markerClass[marker] = 0
    if (head !== 0) this.setPrevious(head, element)
    this.heads[list] = element
    const tail = list * this.classes
    if (this.tails[tail] === 0) this.tails[tail] = element
  }

  removeMarker(list: number, marker: number): void {
    const before = this.markerPrevious[marker]
    const after = this.markerNext[marker]
    if (before === 0) this.heads[list] = after
    else this.setNext(before, after)
    if (after !== 0) this.setPrevious(after, before)
    const tail = list * this.classes + this.markerClass[marker]
    if (this.tails[tail] === elementOfMarker(marker)) this.tails[tail] = this.inClass(before, this.markerClass[marker])
    if (this.heads[list] === 0) this.checkReleased(list)
  }

  /** Moves a marker one element towards the end. Hot. */
  advanceMarker(list: number, marker: number): void {
    const element = elementOfMarker(marker)
    const over = this.markerNext[marker]
    assert(over !== 0, "a marker at the end of its list cannot advance")
    const before = this.markerPrevious[marker]
    const after = this.after(over)
    if (this.classes === 1) {
      if (this.tails[list] === over) this.tails[list] = element
    } else this.reclass(list, marker, before, over)
    if (before === 0) this.heads[list] = over
    else this.setNext(before, over)
    this.setPrevious(over, before)
    this.setNext(over, element)
    this.markerPrevious[marker] = over
    this.markerNext[marker] = after
    if (after !== 0) this.setPrevious(after, element)
  }

  private insert(list: number, child: number, childClass: number, before: Element): void {
    assert(childClass < this.classes, "a class that these lists do not have")
    const element = child + 1
    const after = before === 0 ? this.heads[list] : this.after(before)
    this.next[child] = after
    this.previous[child] = before
    if (before === 0) this.heads[list] = element
    else this.setNext(before, element)
    if (after !== 0) this.setPrevious(after, element)
    this.counts[list]++
    if (this.classes > 1) this.childClass[child] = childClass
    const tail = list * this.classes + childClass
    if (this.tails[tail] === 0) this.tails[tail] = element
  }

  /** The last element of the classes before one; 0 where those are empty. */
  private lastBefore(list: number, childClass: number): Element {
    for (let lower = childClass - 1; lower >= 0; lower--) {
      const last = this.tails[list * this.classes + lower]
      if (last !== 0) return last
    }
    return 0
  }

  /** A marker that moves over an element stands in that element's class from then on. */
  private reclass(list: number, marker: number, before: Element, over: Element): void {
    const element = elementOfMarker(marker)
    const from = this.markerClass[marker]
    const to = this.classOf(over)
    const first = list * this.classes
    if (this.tails[first + from] === element) this.tails[first + from] = this.inClass(before, from)
    if (this.tails[first + to] === over) this.tails[first + to] = element
    this.markerClass[marker] = to
  }

  private classOf(element: Element): number {
    if (element < 0) return this.markerClass[-element - 1]
    return this.classes === 1 ? 0 : this.childClass[element - 1]
  }

  /** The element if it is of the class, else 0. */
  private inClass(element: Element, wanted: number): Element {
    return element !== 0 && this.classOf(element) === wanted ? element : 0
  }

  private checkReleased(list: number): void {
    if (!this.isHeld(list)) this.listener?.listReleased(list)
  }

  private setNext(element: Element, to: Element): void {
    if (element > 0) this.next[element - 1] = to
    else this.markerNext[-element - 1] = to
  }

  private setPrevious(element: Element, to: Element): void {
    if (element > 0) this.previous[element - 1] = to
    else this.markerPrevious[-element - 1] = to
  }
}
