// What failed and only time will help: each thing waits by itself, the longer the more often it failed in a row. Pauses are levels, each
// twice as long as the one below; the highest is for what will hardly succeed. How long a level is, is the owner's affair.
import { ErrorClass } from "./errors.ts"

export const BACK_OFF_LEVELS = 10
/** The level of what will hardly succeed, and of what has failed so often that it is as rare. */
export const RARELY: number = BACK_OFF_LEVELS - 1

/** After `times` failures in a row before this one. */
const levelOf = (times: number, errorClass: ErrorClass): number =>
  errorClass === ErrorClass.Permanent || errorClass === ErrorClass.Conflict ? RARELY : Math.min(times, RARELY)

/** Something in which things wait for time. */
export interface Retried {
  isWaiting(level: number): boolean
  /** Tries again what waits on that level. */
  retry(level: number): void
}

export class BackOff<Thing> {
  private readonly waiting: Array<ReadonlyArray<Thing>> = Array.from({ length: BACK_OFF_LEVELS }, () => [])

  /** It failed, after `times` failures in a row; it must not be waiting already. */
  note(thing: Thing, errorClass: ErrorClass, times: number): void {
    ;(this.waiting[levelOf(times, errorClass)] as Array<Thing>).push(thing)
  }

  isWaiting(level: number): boolean {
    return this.waiting[level].length > 0
  }

  /** Whose time has come. */
  take(level: number): ReadonlyArray<Thing> {
    const things = this.waiting[level]
    this.waiting[level] = []
    return things
  }

  get size(): number {
    return this.waiting.reduce((sum, { length }) => sum + length, 0)
  }
}
