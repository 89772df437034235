// buffers: who owns bytes. Pools of blocks with counted leases; the capability mask that says whether received bytes can be read by a
// peer as they are. Nothing here reads the bytes.

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
export { BlockPool, type Lease, type PoolOptions, type PoolStats } from "./pool.ts"
