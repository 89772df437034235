// buffers: who owns bytes. Pools of blocks with counted leases, one for each peer that bytes come from; the messages that lie in blocks, each
// with the record that says who needs it and what a reader must know; the capability mask that says whether received bytes can be read
// by a peer as they are; the updates received last, and what was rebuilt from them. Nothing here reads the bytes.

export {
  canPassThrough,
  hasBit,
  type Mask,
  MaskBit,
  type MessageFacts,
  maskOf,
  type Requirement,
  requirementOf,
  sourceRequirementOf
} from "./mask.ts"
export { MessageFlag, type MessageHandle, MessageTable } from "./messages.ts"
export { BlockPool, type BytesKeeper, type Lease, type PoolOptions, type PoolStats } from "./pool.ts"
export { type RecentStats, RecentUpdates } from "./recent-updates.ts"
export { RepackCache, type RepackStats } from "./repack-cache.ts"
