// When the next batch should begin with a Checkpoint. Decided by counting what was recorded, never by a clock, so that two runs with
// the same input have their checkpoints at the same places. Digests are kept as the state changes, so a checkpoint costs next to
// nothing; how often is a question of how closely a divergence is to be located (ADR-0004).
import type { Batch } from "./batch.ts"

export interface CheckpointPolicy {
  readonly everyBatches: number
  readonly everyRecords: number
}

export const DEFAULT_CHECKPOINTS: CheckpointPolicy = { everyBatches: 64, everyRecords: 4096 }

/** Counts since the last checkpoint. Whichever bound is reached first is due; the start of a run is not. */
export class CheckpointCounter {
  private readonly policy: CheckpointPolicy
  private batches = 0
  private records = 0

  constructor(policy: CheckpointPolicy = DEFAULT_CHECKPOINTS) {
    this.policy = policy
  }

  /** Whether the batch about to be stamped should begin with a Checkpoint. */
  get isDue(): boolean {
    return this.batches >= this.policy.everyBatches || this.records >= this.policy.everyRecords
  }

  /** Counts a batch that was stamped; one that holds a Checkpoint starts the count again. */
  note(batch: Batch): void {
    if (batch.records.some((record) => record._tag === "Checkpoint")) {
      this.batches = 0
      this.records = 0
    }
    this.batches++
    this.records += batch.records.length
  }
}
