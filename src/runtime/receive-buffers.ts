// The memory that a connection is read into: blocks of a pool of its own, as a resource that lives in a scope. Small blocks until the OPENs are
// exchanged, so that thousands of silent connections cost little; then what the peer has use for (ADR-0046). What was read
// is a chunk of a block, and whoever keeps the chunk keeps the block; the last one frees it for the next read. When the connection
// goes its pool is closed, and lives until the last chunk that is still on its way to somebody has left.
import { Effect, type Scope } from "effect"
import { BlockPool, type BytesKeeper, type Lease, type PoolStats } from "../buffers/index.ts"
import { verifiesBuffers } from "./verify.ts"

/** A block before the OPEN exchange, and one after it; the latter holds the longest message there is (RFC 8654). */
export const SMALL_BLOCK_BYTES = 4096
export const LARGE_BLOCK_BYTES = 65536

/** Bytes that were read. The reader's reference is the keeper's to release. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly keeper: BytesKeeper
}

/** Closed with its scope. */
export const receiveBuffers = (name: string): Effect.Effect<ReceiveBuffers, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new ReceiveBuffers(name, verifiesBuffers)),
    (buffers) => Effect.sync(() => buffers.close())
  )

export class ReceiveBuffers {
  private readonly name: string
  private pool: BlockPool
  /** The block that is being filled, and how far; 0: none. */
  private block: Lease = 0
  private blockPool: BlockPool
  private at = 0
  private mayGrow = false
  private isClosed = false
  private readonly verify: boolean

  constructor(name: string, verify = false) {
    this.name = name
    this.verify = verify
    this.pool = new BlockPool(SMALL_BLOCK_BYTES, name, { verify })
    this.blockPool = this.pool
  }

  /**
   * The OPENs are exchanged. A peer that may send extended messages gets large blocks from the next read on; any other keeps small ones
   * until it fills one, so that sessions on which little happens stay as cheap as silent ones.
   */
  expect(messageBytesMax: number): void {
    if (messageBytesMax > SMALL_BLOCK_BYTES) this.enlarge()
    else this.mayGrow = true
  }

  /** Where the next bytes go: what is left of the block at hand, all of it again if nobody keeps any of it, or a new block. */
  next(): Uint8Array {
    if (this.block !== 0 && this.blockPool.count(this.block) === 1) this.at = 0
    const isStale = this.blockPool !== this.pool
    if (this.block !== 0 && (isStale || this.pool.blockBytes - this.at < this.pool.blockBytes / 4)) this.drop()
    if (this.block === 0) {
      this.blockPool = this.pool
      this.block = this.pool.acquire(this.name)
      this.at = 0
    }
    return this.blockPool.bytes(this.block).subarray(this.at)
  }

  /** So many bytes were read into what `next` gave last. */
  took(byteCount: number): Chunk {
    const { blockPool, block, at } = this
    const bytes = blockPool.bytes(block).subarray(at, at + byteCount)
    this.at += byteCount
    if (this.mayGrow && this.at === blockPool.blockBytes) this.enlarge()
    blockPool.retain(block)
    return { bytes, keeper: new BlockKeeper(blockPool, block) }
  }

  /** No more is read. Chunks that are still kept stay good. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.drop()
    this.pool.close()
  }

  stats(): PoolStats {
    return this.pool.stats()
  }

  private enlarge(): void {
    if (this.isClosed || this.pool.blockBytes === LARGE_BLOCK_BYTES) return
    this.mayGrow = false
    this.pool.close()
    this.pool = new BlockPool(LARGE_BLOCK_BYTES, this.name, { verify: this.verify })
  }

  private drop(): void {
    if (this.block !== 0) this.blockPool.release(this.block)
    this.block = 0
  }
}

class BlockKeeper implements BytesKeeper {
  private readonly pool: BlockPool
  private readonly block: Lease

  constructor(pool: BlockPool, block: Lease) {
    this.pool = pool
    this.block = block
  }

  readonly retain = (): void => this.pool.retain(this.block)
  readonly release = (): void => this.pool.release(this.block)
}
