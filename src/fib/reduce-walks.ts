// Walk merging as a reducer in the textbook sense: (state, event) → (state, effects), arguments left alone. It says in thirty lines
// what the columns of `Walks` do in place; tests, diagrams and readers use this one, and a test holds the two equal step by step.

/** An element of a parent's child list: a child, or the marker of a walk that stands before the children it has not visited. */
export type WalkElement =
  | { readonly _tag: "Child"; readonly child: number }
  | { readonly _tag: "Marker"; readonly walk: number }

export interface WalkState {
  readonly list: number
  /** Reasons in the order in which they arose; each is shown to every child that is left. */
  readonly contexts: ReadonlyArray<number>
}

export interface WalksState {
  /** Child lists by parent, front first. */
  readonly lists: Readonly<Record<number, ReadonlyArray<WalkElement>>>
  readonly walks: Readonly<Record<number, WalkState>>
  /** Walks by number, in the order of their start. */
  readonly queue: ReadonlyArray<number>
  readonly nextWalk: number
}

export type WalksEvent =
  | { readonly _tag: "Started"; readonly list: number; readonly reason: number }
  | { readonly _tag: "ChildAdded"; readonly list: number; readonly child: number }
  | { readonly _tag: "ChildRemoved"; readonly list: number; readonly child: number }
  /** Work may be done: so many children may be visited. */
  | { readonly _tag: "Granted"; readonly nodes: number }

export type WalksEffect =
  | { readonly _tag: "Visit"; readonly child: number; readonly reason: number }
  | { readonly _tag: "Merged"; readonly list: number }
  | { readonly _tag: "Finished"; readonly list: number }

export const noWalks: WalksState = { lists: {}, walks: {}, queue: [], nextWalk: 0 }

export const reduceWalks = (
  state: WalksState,
  event: WalksEvent
): readonly [WalksState, ReadonlyArray<WalksEffect>] => {
  switch (event._tag) {
    case "ChildAdded":
      return [withList(state, event.list, [{ _tag: "Child", child: event.child }, ...listOf(state, event.list)]), []]
    case "ChildRemoved":
      return [
        withList(
          state,
          event.list,
          listOf(state, event.list).filter((element) => !isChild(element, event.child))
        ),
        []
      ]
    case "Started": {
      const elements = listOf(state, event.list)
      if (!elements.some((element) => element._tag === "Child")) return [state, []]
      // A walk that has visited nobody yet takes the reason along: n changes before a quantum are one walk.
      const front = elements[0]
      if (front._tag === "Marker")
        return [merged(state, [event.reason], front.walk), [{ _tag: "Merged", list: event.list }]]
      const walk = state.nextWalk
      const placed = withList(state, event.list, [{ _tag: "Marker", walk }, ...elements])
      const walks = { ...state.walks, [walk]: { list: event.list, contexts: [event.reason] } }
      return [{ ...placed, walks, queue: [...state.queue, walk], nextWalk: walk + 1 }, []]
    }
    case "Granted":
      return granted(state, event.nodes)
  }
}

const granted = (before: WalksState, nodes: number): readonly [WalksState, ReadonlyArray<WalksEffect>] => {
  let state = before
  const effects: Array<WalksEffect> = []
  let left = nodes
  while (state.queue.length > 0 && left > 0) {
    const [next, done] = advance(state, state.queue[0])
    state = next
    effects.push(...done)
    if (done.some((effect) => effect._tag === "Visit")) left--
  }
  return [state, effects]
}

/** One step of one walk: it visits the child behind its marker, or merges into the walk that stands there, or ends. */
const advance = (state: WalksState, walk: number): readonly [WalksState, ReadonlyArray<WalksEffect>] => {
  const { list, contexts } = state.walks[walk]
  const elements = listOf(state, list)
  const at = elements.findIndex((element) => element._tag === "Marker" && element.walk === walk)
  const next = elements[at + 1]
  if (next === undefined) return [ended(state, walk), [{ _tag: "Finished", list }]]
  if (next._tag === "Marker") {
    return [ended(merged(state, contexts, next.walk), walk), [{ _tag: "Merged", list }]]
  }
  const moved = [...elements.slice(0, at), next, elements[at], ...elements.slice(at + 2)]
  return [
    withList(state, list, moved),
    contexts.map((reason) => ({ _tag: "Visit", child: next.child, reason }) as const)
  ]
}

/** Everything before the walk ahead has seen the contexts from behind; whoever comes after must see them too, all of them. */
const merged = (state: WalksState, contexts: ReadonlyArray<number>, into: number): WalksState => {
  const ahead = state.walks[into]
  const fresh = contexts.filter((context, index) => context !== (contexts[index - 1] ?? ahead.contexts.at(-1)))
  return { ...state, walks: { ...state.walks, [into]: { ...ahead, contexts: [...ahead.contexts, ...fresh] } } }
}

const ended = (state: WalksState, walk: number): WalksState => {
  const { [walk]: finished, ...walks } = state.walks
  const elements = listOf(state, finished.list).filter((element) => element._tag !== "Marker" || element.walk !== walk)
  return { ...withList(state, finished.list, elements), walks, queue: state.queue.filter((queued) => queued !== walk) }
}

const listOf = (state: WalksState, list: number): ReadonlyArray<WalkElement> => state.lists[list] ?? []

const withList = (state: WalksState, list: number, elements: ReadonlyArray<WalkElement>): WalksState => ({
  ...state,
  lists: { ...state.lists, [list]: elements }
})

const isChild = (element: WalkElement, child: number): boolean => element._tag === "Child" && element.child === child
