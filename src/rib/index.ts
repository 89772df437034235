// rib: what we know, what we chose, what we tell whom. Prefix table, attribute store, adj-in, decision process, adj-out and packing.
// A batch of messages is learned first and settled once, so that several changes of one prefix cost one decision.

export { AdjIn, readPrefix } from "./adj-in.ts"
export { type Identity, LOCAL_PREF_DEFAULT, Trait } from "./attribute-facts.ts"
export { type AttributeId, AttributeStore, CARRIED } from "./attribute-store.ts"
export { putTail, tailOf } from "./carried.ts"
export type { Membership } from "./carry-over.ts"
export { maskOfSession } from "./class-mask.ts"
export { Decision } from "./decide.ts"
export type { DecisionOptions, MultipathOptions } from "./decision-options.ts"
export { ExportClass, type RouteTold } from "./export-class.ts"
export type { Transmit } from "./exporter.ts"
export { KeyTable } from "./key-table.ts"
export { Member, Walk } from "./member.ts"
export type { Multipath } from "./multipath.ts"
export { type NextHopId, NextHops } from "./next-hops.ts"
export { Packer } from "./packer.ts"
export { PassThrough } from "./pass-through.ts"
export { type PathRef, Paths } from "./paths.ts"
export {
  byFamily,
  isInternal,
  isOutside,
  LeftOver,
  NO_ROLE,
  type PeerFacts,
  PeerKind,
  RibPeers,
  SELF
} from "./peers.ts"
export { CLOSED, OPEN, type Policy, PolicyCache, REJECT, type Verdict } from "./policy.ts"
export { grown, type PrefixId, PrefixTable } from "./prefix-table.ts"
export { REASON_NAMES, Reason } from "./reason.ts"
export { type BestChanged, Rib, type RibOptions } from "./rib.ts"
export { RibTable } from "./rib-table.ts"
export { type ExportParameters, exportedNextHop, type RouteSource, writeAttributes } from "./transform.ts"
export type { HasRoom } from "./walker.ts"
