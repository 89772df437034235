// fib: the forwarding graph and the walks that keep it true. Entries with prioritised sources, path-lists shared by content, recursive
// resolution with loop detection, next-hop tracking for the decision process, and walks that tell children of a changed parent.

export { ChildLists } from "./children.ts"
export { EntryFlag, EntryTable, SOURCE_NAMES, SourceRank, type SourceRecord } from "./entries.ts"
export { Fib, type FibListener, type FibOptions, type Reachability } from "./fib.ts"
export { flatten, sameLeaves, WEIGHT_MAX } from "./flatten.ts"
export { type Interface, type InterfaceAddress, Interfaces } from "./interfaces.ts"
export { findLoops } from "./loops.ts"
export {
  type Adjacency,
  addressKey,
  isUsable,
  type Leaf,
  type NextHop,
  type Path,
  type PathList,
  PathLists
} from "./path-lists.ts"
export {
  noWalks,
  reduceWalks,
  type WalkElement,
  type WalkState,
  type WalksEffect,
  type WalksEvent,
  type WalksState
} from "./reduce-walks.ts"
export { type Visit, WalkReason, type WalkStatistics, Walks } from "./walks.ts"
