// The child lists of the textbook form: arrays, front first, with the markers of walks between the children; and what becomes of the
// contexts of a walk when another meets it. What `ChildLists` does with links, said with words.
import type { WalkContext, WalkPolicy } from "./walk-policy.ts"

/** An element of a parent's child list: a child, or the marker of a walk that stands before the children it has not visited. */
export type WalkElement =
  | { readonly _tag: "Child"; readonly child: number; readonly class: number }
  /** It is of the class that it stands in. */
  | { readonly _tag: "Marker"; readonly walk: number; readonly class: number }

type Elements = ReadonlyArray<WalkElement>

export const hasChild = (elements: Elements, child: number): boolean =>
  elements.some((element) => element._tag === "Child" && element.child === child)

/** Children of a lower class stand first; within a class a new child goes to the front, or to the back. */
export const added = (
  elements: Elements,
  one: { readonly child: number; readonly place: "Front" | "Back"; readonly class: number }
): Elements => {
  const first = elements.findIndex((element) =>
    one.place === "Front" ? element.class >= one.class : element.class > one.class
  )
  const at = first === -1 ? elements.length : first
  return elements.toSpliced(at, 0, { _tag: "Child", child: one.child, class: one.class })
}

export const removed = (elements: Elements, child: number): Elements =>
  elements.filter((element) => element._tag !== "Child" || element.child !== child)

export const withoutMarker = (elements: Elements, walk: number): Elements =>
  elements.filter((element) => element._tag !== "Marker" || element.walk !== walk)

export const behindMarker = (elements: Elements, walk: number): WalkElement | undefined =>
  elements[indexOfMarker(elements, walk) + 1]

/** The marker moves over the element behind it. */
export const advanced = (elements: Elements, walk: number): Elements => {
  const at = indexOfMarker(elements, walk)
  const over = elements[at + 1]
  return elements.toSpliced(at, 2, over, { _tag: "Marker", walk, class: over.class })
}

/** Only the latest context can be the same one: what came before it was shown in between. */
export const joined = (
  policy: WalkPolicy,
  contexts: ReadonlyArray<WalkContext>,
  context: WalkContext
): ReadonlyArray<WalkContext> => {
  const last = contexts[contexts.length - 1]
  const isSame = last.reason === context.reason && (!policy.unites || last.data === context.data)
  if (!isSame) return [...contexts, context]
  // The larger depth: in a loop a walk meets itself, and with the smaller one it would never end.
  const depth = Math.max(last.depth, context.depth)
  return contexts.with(-1, { ...last, depth, flags: policy.unites ? last.flags | context.flags : last.flags })
}

const indexOfMarker = (elements: Elements, walk: number): number =>
  elements.findIndex((element) => element._tag === "Marker" && element.walk === walk)
