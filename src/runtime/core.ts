// The router as the daemon holds it: its state, and what belongs to a run rather than to the state. Batches are stamped here with their
// number and time, and with digests where a checkpoint is due; nothing else in the daemon reads a clock for the router (ADR-0006).
import { type Batch, CheckpointCounter, type EventRecord } from "../eventlog/index.ts"
import { MICROS_PER_MS, type Micros, OpBuffer } from "../machine/index.ts"
import { createRouter, EFFECT_DIGEST_START, foldOps, type RouterState, router, stateDigest } from "../router/index.ts"
import { verifiesBuffers } from "./verify.ts"

export class Core {
  state: RouterState
  /** The operations of the last step. */
  readonly out: OpBuffer = new OpBuffer(1024)
  private readonly isRecorded: boolean
  private readonly checkpoints = new CheckpointCounter()
  private effectDigest: number = EFFECT_DIGEST_START
  /** The next batch's number. */
  seq = 0
  private lastAt: Micros = 0

  /** Digests are kept only for a run that is recorded: nobody else asks for them. */
  constructor(seed: number, isRecorded: boolean) {
    this.state = createRouter(seed, { verify: verifiesBuffers, capacity: FULL_TABLE })
    this.isRecorded = isRecorded
  }

  /** Makes a batch of records: this is the moment at which they happened. */
  stamp(records: ReadonlyArray<EventRecord>): Batch {
    this.lastAt = Math.max(this.lastAt, nowMicros())
    const isDue = this.isRecorded && this.checkpoints.isDue
    const batch: Batch = {
      seq: this.seq++,
      at: this.lastAt,
      records: isDue ? [this.checkpoint(), ...records] : records
    }
    this.checkpoints.note(batch)
    return batch
  }

  /** The records of a run's last batch: digests, so that a replay is compared to the very end. */
  lastRecords(): ReadonlyArray<EventRecord> {
    return this.isRecorded ? [this.checkpoint()] : []
  }

  /** The digests after everything so far. */
  private checkpoint(): EventRecord {
    return { _tag: "Checkpoint", stateDigest: stateDigest(this.state), effectDigest: this.effectDigest }
  }

  /** Steps the router; what it wants is in `out`. */
  step(batch: Batch): void {
    this.out.clear()
    this.state = router.step(this.state, batch, this.out)
    if (!this.isRecorded) return
    const { pool } = this.state
    this.effectDigest = foldOps(this.effectDigest, this.out, (lease) => pool.bytes(lease))
  }
}

/** A full table of the Internet: so the columns need not move while one is learned, and the collector hears of them once. */
const FULL_TABLE = 1 << 21

/** The time of day when the process started, counted on by a clock that never jumps: a corrected clock drops no session. */
const nowMicros = (): Micros => Math.floor((performance.timeOrigin + performance.now()) * MICROS_PER_MS)
