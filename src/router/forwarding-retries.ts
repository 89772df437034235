// When what failed is tried again: each thing by itself, after a pause that doubles from a fifth of a second to a minute with each failure
// in a row, and each minute for what will hardly succeed. Things that failed equally often share a timer. Pauses are shortened by chance (by up to a
// quarter), so that many daemons that failed together do not try together.
import { BACK_OFF_LEVELS, type Retried } from "../ksync/index.ts"
import { jitter, type Seed } from "../machine/index.ts"
import { ForwardingTimer } from "./forwarding-timer.ts"

const RETRY_MS_MIN = 200
const RETRY_MS_MAX = 60_000

export type ArmTimer = (kind: number, milliseconds: number) => void

export class Retries {
  private seed: Seed
  private readonly isArmed: Array<boolean> = new Array<boolean>(BACK_OFF_LEVELS).fill(false)

  /** @param seed where chance begins */
  constructor(seed: Seed) {
    this.seed = seed
  }

  /** Arms what is needed and not armed yet. */
  arm(things: ReadonlyArray<Retried>, arm: ArmTimer): void {
    for (let level = 0; level < BACK_OFF_LEVELS; level++) {
      if (this.isArmed[level] || !things.some((thing) => thing.isWaiting(level))) continue
      this.isArmed[level] = true
      arm(ForwardingTimer.BackOff + level, this.jittered(Math.min(RETRY_MS_MIN * 2 ** level, RETRY_MS_MAX)))
    }
  }

  fired(things: ReadonlyArray<Retried>, level: number): void {
    this.isArmed[level] = false
    for (const thing of things) thing.retry(level)
  }

  private jittered(milliseconds: number): number {
    const [seed, jittered] = jitter(this.seed, milliseconds)
    this.seed = seed
    return jittered
  }
}
