// fib: the forwarding graph and the walks that keep it true. Entries with prioritised sources, path-lists shared by content, recursive
// resolution with loop detection, next-hop tracking for the decision process, and walks that tell children of a changed parent.

export { bucketPaths, mapAround, type Normalisation, normaliseWeights, type Share, stickyPaths } from "./buckets.ts"
export { ChildLists, Place, type ReleaseListener } from "./children.ts"
export { type Edge, Edges } from "./edges.ts"
export { EntryFlag, EntryTable, SOURCE_NAMES, type Source, SourceRank, type SourceRecord } from "./entries.ts"
export { Fib, type FibOptions, type Reachability } from "./fib.ts"
export { flatten, isPathUsable, type Outcome, outcomeOf, sameLeaves, WEIGHT_MAX, withStandby } from "./flatten.ts"
export {
  ChildClass,
  Graph,
  NODE_TYPE_NAMES,
  type NodeHandle,
  type NodeListener,
  NodeType
} from "./graph.ts"
export { type Interface, type InterfaceAddress, Interfaces } from "./interfaces.ts"
export { findLoops } from "./loops.ts"
export { type Neighbour, Neighbours } from "./neighbours.ts"
export {
  type Adjacency,
  isUsable,
  type Leaf,
  type NextHop,
  type Path,
  type PathList,
  PathLists
} from "./path-lists.ts"
export { addressKey, Constraint, labelsKey, type PathSpec, type SpecialKind } from "./paths.ts"
export {
  noWalks,
  reduceWalks,
  type WalkFrame,
  type WalkGrant,
  type WalkState,
  type WalksEffect,
  type WalksEvent,
  type WalksState,
  walksUnder
} from "./reduce-walks.ts"
export type { FibListener } from "./sources.ts"
export type { WalkElement } from "./walk-lists.ts"
export {
  WALK_POLICIES,
  WALK_PRIORITY_NAMES,
  type WalkContext,
  WalkFlag,
  type WalkPolicy,
  WalkPriority,
  WalkReason,
  type WalkStart,
  walkReasonText
} from "./walk-policy.ts"
export {
  type Drained,
  type FinishedWalk,
  Histogram,
  type HistogramBucket,
  WalkRecord,
  type WalkStatistics
} from "./walk-record.ts"
export { type Visit, Walks, type WalksOptions } from "./walks.ts"
