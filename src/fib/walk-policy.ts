// What a walk carries, and in which points walks may behave differently. `corrected` is what runs. `source` is the engine that this one
// follows, with the two of its defects corrected that lose work (Q1, Q2); captured cases are replayed under it. Each rule is a value, so
// that one machine is both and the difference between them can be read here and in docs/machines/fib.md.

/** Why a walk runs, as a set of bits. */
export const WalkReason = {
  /** The parent was resolved for the first time. */
  Resolve: 1,
  /** The parent became usable, or unusable, or moved to another group: children must look again. */
  Evaluate: 2,
  InterfaceUp: 4,
  InterfaceDown: 8,
  InterfaceBind: 16,
  InterfaceDelete: 32,
  AdjacencyUpdate: 64,
  AdjacencyMtu: 128,
  AdjacencyDown: 256
} as const

const WALK_REASON_NAMES: ReadonlyArray<string> = [
  "resolve",
  "evaluate",
  "interface up",
  "interface down",
  "interface bind",
  "interface delete",
  "adjacency update",
  "adjacency mtu",
  "adjacency down"
]

export const walkReasonText = (reason: number): string =>
  WALK_REASON_NAMES.filter((_, bit) => (reason & (1 << bit)) !== 0).join(", ") || `#${reason}`

export const WalkFlag = {
  /** The children must be gone from the parent before it changes: nobody below may put the walk off. */
  ForceSynchronous: 1
} as const

/** Walks that wait are served strictly by priority. */
export const WalkPriority = { High: 0, Low: 1 } as const
export const WALK_PRIORITY_NAMES: ReadonlyArray<string> = ["high", "low"]

/** What is shown to a child. A visitor that walks on hands its depth along, so that a loop ends somewhere. */
export interface WalkContext {
  readonly reason: number
  readonly flags: number
  /** How many walks led here, this one included. */
  readonly depth: number
  /** What belongs to the reason, such as the table that an interface was bound to; 0 for most. */
  readonly data: number
}

/** How a walk is asked for. */
export interface WalkStart {
  readonly flags?: number
  /** The depth of the context that its starter was visited with; 0 for the first walk. */
  readonly depth?: number
  readonly data?: number
  /** Of a walk that waits. */
  readonly priority?: number
}

/** False everywhere is the engine as it was found, except `budget`. The letters name its defects as docs/machines/fib.md does. */
export interface WalkPolicy {
  /** Q1: a walk that merges hands over all of its contexts, not only the oldest. */
  readonly handsOverAll: boolean
  /** Q2: a child that unlinks itself while it is visited does not make the walk step over its sibling. */
  readonly skipsNobody: boolean
  /** Q3: a waiting walk that a more urgent one merges into becomes as urgent. */
  readonly promotes: boolean
  /** Q4: contexts that become one unite their flags, and are one only if their data is the same too. */
  readonly unites: boolean
  /** Q5: the marker of a walk is no child. */
  readonly countsChildren: boolean
  /** Q6: what is beyond a histogram counts in its last bucket. */
  readonly clamps: boolean
  /** Q7: waiting walks of one priority are served in the order of their start, not the latest first. */
  readonly isFair: boolean
  /**
   * `visits`: contexts shown, looked at after each step, so that a grant of nothing makes one step. `nodes`: steps, looked at before
   * each; a walk ends with its last child and needs no further step to find out.
   */
  readonly budget: "visits" | "nodes"
  /** A start joins a waiting walk that has visited nobody, so that n changes are one walk from the beginning. */
  readonly joinsAtStart: boolean
  /** A child that left while it was visited is not shown the contexts that remain. */
  readonly sparesDeparted: boolean
  /** A start that may not be put off counts one level of depth, not two. */
  readonly forcesOnce: boolean
  /** An urgent walk that arose while others were served is served before the next of those, not in the next grant. */
  readonly looksUpAgain: boolean
}

export const WALK_POLICIES: { readonly source: WalkPolicy; readonly corrected: WalkPolicy } = {
  source: {
    handsOverAll: true,
    skipsNobody: true,
    promotes: false,
    unites: false,
    countsChildren: false,
    clamps: false,
    isFair: false,
    budget: "visits",
    joinsAtStart: false,
    sparesDeparted: false,
    forcesOnce: false,
    looksUpAgain: false
  },
  corrected: {
    handsOverAll: true,
    skipsNobody: true,
    promotes: true,
    unites: true,
    countsChildren: true,
    clamps: true,
    isFair: true,
    budget: "nodes",
    joinsAtStart: true,
    sparesDeparted: true,
    forcesOnce: true,
    looksUpAgain: true
  }
}
