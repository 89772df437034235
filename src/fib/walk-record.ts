// What walks have done, for `show walks`: counters, three histograms and the walks that finished last. There is no clock here: how long
// a walk took is counted in grants that it lived through.

/** A walk that is over. */
export interface FinishedWalk {
  readonly parent: number
  /** Contexts shown to children. */
  readonly visits: number
  /** Which grant was the latest when it started, and when it ended. */
  readonly startedAt: number
  readonly endedAt: number
  readonly isSynchronous: boolean
  /** It met another walk of the same parent, which took its contexts over. */
  readonly isMerged: boolean
  /** The first sixteen. */
  readonly reasons: ReadonlyArray<number>
}

/** What a grant came to. */
export interface Drained {
  readonly steps: number
  readonly used: number
  readonly granted: number
  /** The budget ended before the work. */
  readonly isSuspended: boolean
}

export interface HistogramBucket {
  /** Values from here up to the next bucket. */
  readonly from: number
  readonly count: number
}

/** What happened so far. */
export interface WalkStatistics {
  /** Asked for, where there were children. */
  readonly started: number
  readonly merged: number
  readonly finished: number
  readonly visits: number
  readonly waiting: number
  readonly waitingHigh: number
  readonly waitingLow: number
  /** Walks that were put off, and those that a grant has brought to an end, by priority. */
  readonly scheduledHigh: number
  readonly scheduledLow: number
  readonly completedHigh: number
  readonly completedLow: number
  readonly synchronous: number
  /** Walks that were not begun because they were too deep: there is a loop. */
  readonly tooDeep: number
  readonly grants: number
  readonly grantsSuspended: number
  readonly stepsPerGrant: ReadonlyArray<HistogramBucket>
  /** In 64ths of the grant. */
  readonly usePerGrant: ReadonlyArray<HistogramBucket>
  readonly visitsPerWalk: ReadonlyArray<HistogramBucket>
  /** The latest first. */
  readonly lastFinished: ReadonlyArray<FinishedWalk>
}

export class Histogram {
  private readonly counts: Uint32Array
  private readonly width: number
  private readonly clamps: boolean

  /** `clamps`: what is beyond the last bucket counts there; otherwise it counts nowhere (quirk Q6 of the source). */
  constructor(buckets: number, width: number, clamps: boolean) {
    this.counts = new Uint32Array(buckets)
    this.width = width
    this.clamps = clamps
  }

  count(value: number): void {
    const bucket = Math.floor(value / this.width)
    if (bucket < this.counts.length) this.counts[bucket]++
    else if (this.clamps) this.counts[this.counts.length - 1]++
  }

  /** The buckets that are not empty. */
  buckets(): ReadonlyArray<HistogramBucket> {
    const found: Array<HistogramBucket> = []
    this.counts.forEach((count, bucket) => {
      if (count > 0) found.push({ from: bucket * this.width, count })
    })
    return found
  }
}

export class WalkRecord {
  started = 0
  merged = 0
  tooDeep = 0
  visits = 0
  grants = 0
  private finishedCount = 0
  private suspended = 0
  private synchronous = 0
  private readonly scheduled = [0, 0]
  private readonly completed = [0, 0]
  private readonly stepsPerGrant: Histogram
  private readonly usePerGrant: Histogram
  private readonly visitsPerWalk: Histogram
  private readonly ring: Array<FinishedWalk> = []

  constructor(clamps: boolean) {
    this.stepsPerGrant = new Histogram(BUCKETS, STEPS_WIDTH, clamps)
    this.usePerGrant = new Histogram(BUCKETS, 1, clamps)
    this.visitsPerWalk = new Histogram(VISIT_BUCKETS, VISIT_WIDTH, clamps)
  }

  synchronousStarted(): void {
    this.started++
    this.synchronous++
  }

  waitingStarted(priority: number, joined: boolean): void {
    this.started++
    if (joined) this.merged++
    else this.scheduled[priority]++
  }

  finished(walk: FinishedWalk): void {
    if (walk.isMerged) this.merged++
    this.ring[this.finishedCount++ % FINISHED_KEPT] = walk
    this.visitsPerWalk.count(walk.visits)
  }

  /** A grant brought a walk to its end. */
  completedAt(priority: number): void {
    this.completed[priority]++
  }

  drained({ steps, used, granted, isSuspended }: Drained): void {
    if (isSuspended) this.suspended++
    this.stepsPerGrant.count(steps)
    this.usePerGrant.count(granted === 0 ? 0 : Math.floor((used * QUOTA_PARTS) / granted))
  }

  statistics(waiting: readonly [number, number]): WalkStatistics {
    return {
      started: this.started,
      merged: this.merged,
      finished: this.finishedCount,
      visits: this.visits,
      waiting: waiting[0] + waiting[1],
      waitingHigh: waiting[0],
      waitingLow: waiting[1],
      scheduledHigh: this.scheduled[0],
      scheduledLow: this.scheduled[1],
      completedHigh: this.completed[0],
      completedLow: this.completed[1],
      synchronous: this.synchronous,
      tooDeep: this.tooDeep,
      grants: this.grants,
      grantsSuspended: this.suspended,
      stepsPerGrant: this.stepsPerGrant.buckets(),
      usePerGrant: this.usePerGrant.buckets(),
      visitsPerWalk: this.visitsPerWalk.buckets(),
      lastFinished: this.lastFinished()
    }
  }

  private lastFinished(): ReadonlyArray<FinishedWalk> {
    const at = this.finishedCount % FINISHED_KEPT
    const inOrder =
      this.finishedCount <= FINISHED_KEPT ? this.ring : [...this.ring.slice(at), ...this.ring.slice(0, at)]
    return inOrder.toReversed()
  }
}

export const FINISHED_KEPT = 128
export const REASONS_KEPT = 16
const BUCKETS = 128
const STEPS_WIDTH = 64
const QUOTA_PARTS = 64
const VISIT_BUCKETS = 1024
const VISIT_WIDTH = 1024
