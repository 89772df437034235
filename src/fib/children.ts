// Who depends on whom, from parent to child: one doubly linked list per path-list and address family. A child is an element of at most
// one list, so the links are two columns indexed by the child and an entry costs eight bytes here. Walks stand in the same lists as
// markers, so that children may come and go while a walk is suspended (ADR-0008).
import { assert } from "../machine/index.ts"
import { grown } from "./columns.ts"

/** What a link points to: child + 1, -(marker + 1), or 0 for the end. */
export type Element = number

export const elementOfChild = (child: number): Element => child + 1
export const elementOfMarker = (marker: number): Element => -(marker + 1)
export const isMarker = (element: Element): boolean => element < 0
export const childOf = (element: Element): number => element - 1
export const markerOf = (element: Element): number => -element - 1

/** Lists of one address family, numbered by path-list. */
export class ChildLists {
  private heads: Int32Array
  /** Children only: a marker is no child (quirk Q5 of the source). */
  private counts: Uint32Array
  private next: Int32Array
  private previous: Int32Array
  private markerNext: Array<Element> = []
  private markerPrevious: Array<Element> = []

  constructor(children: number, lists: number) {
    this.next = new Int32Array(children)
    this.previous = new Int32Array(children)
    this.heads = new Int32Array(lists)
    this.counts = new Uint32Array(lists)
  }

  /** Room for children below `children`. */
  fit(children: number): void {
    if (this.next.length >= children) return
    this.next = grown(this.next, children)
    this.previous = grown(this.previous, children)
  }

  /** Room for lists below `lists`. */
  fitLists(lists: number): void {
    if (this.heads.length >= lists) return
    const length = Math.max(lists, this.heads.length * 2)
    this.heads = grown(this.heads, length)
    this.counts = grown(this.counts, length)
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

  /** New children go to the front: they have read their parent's present state and a walk on its way need not visit them. */
  addChild(list: number, child: number): void {
    const { next, previous, heads } = this
    const element = child + 1
    const head = heads[list]
    next[child] = head
    previous[child] = 0
    if (head > 0) previous[head - 1] = element
    else if (head < 0) this.markerPrevious[-head - 1] = element
    heads[list] = element
    this.counts[list]++
  }

  removeChild(list: number, child: number): void {
    const { next, previous } = this
    const before = previous[child]
    const after = next[child]
    if (before === 0) this.heads[list] = after
    else this.setNext(before, after)
    if (after !== 0) this.setPrevious(after, before)
    this.counts[list]--
  }

  addMarker(list: number, marker: number): void {
    const head = this.heads[list]
    this.markerNext[marker] = head
    this.markerPrevious[marker] = 0
    if (head !== 0) this.setPrevious(head, elementOfMarker(marker))
    this.heads[list] = elementOfMarker(marker)
  }

  removeMarker(list: number, marker: number): void {
    const before = this.markerPrevious[marker]
    const after = this.markerNext[marker]
    if (before === 0) this.heads[list] = after
    else this.setNext(before, after)
    if (after !== 0) this.setPrevious(after, before)
  }

  /** Moves a marker one element towards the end. */
  advanceMarker(list: number, marker: number): void {
    const element = elementOfMarker(marker)
    const over = this.markerNext[marker]
    assert(over !== 0, "a marker at the end of its list cannot advance")
    const before = this.markerPrevious[marker]
    const after = this.after(over)
    if (before === 0) this.heads[list] = over
    else this.setNext(before, over)
    this.setPrevious(over, before)
    this.setNext(over, element)
    this.markerPrevious[marker] = over
    this.markerNext[marker] = after
    if (after !== 0) this.setPrevious(after, element)
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
