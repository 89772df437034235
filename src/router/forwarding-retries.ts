// When what failed is tried again: after a pause that doubles from a fifth of a second to a minute, and each minute for what will hardly
// succeed. Pauses are shortened by chance (by up to a quarter), so that many daemons that failed together do not try together.
import { jitter, type Seed } from "../machine/index.ts"
import { ForwardingTimer } from "./forwarding-timer.ts"

const RETRY_MS_MIN = 200
const RETRY_MS_MAX = 60_000

/** Something in which things wait for time. */
export interface Retried {
  readonly retries: { readonly soon: number; readonly rarely: number }
  retry(rarely: boolean): boolean
}

export type ArmTimer = (kind: ForwardingTimer, milliseconds: number) => void

export class Retries {
  private seed: Seed
  private pauseMs = RETRY_MS_MIN
  private isArmed = false
  private isRarelyArmed = false

  /** @param seed where chance begins */
  constructor(seed: Seed) {
    this.seed = seed
  }

  /** Arms what is needed and not armed yet. */
  arm(things: ReadonlyArray<Retried>, arm: ArmTimer): void {
    const soon = things.some(({ retries }) => retries.soon > 0)
    const rarely = things.some(({ retries }) => retries.rarely > 0)
    if (soon && !this.isArmed) {
      this.isArmed = true
      arm(ForwardingTimer.Retry, this.jittered(this.pauseMs))
    }
    if (!rarely || this.isRarelyArmed) return
    this.isRarelyArmed = true
    arm(ForwardingTimer.RetryRarely, this.jittered(RETRY_MS_MAX))
  }

  fired(things: ReadonlyArray<Retried>, kind: ForwardingTimer): void {
    if (kind === ForwardingTimer.RetryRarely) {
      this.isRarelyArmed = false
      for (const thing of things) thing.retry(true)
      return
    }
    this.isArmed = false
    const some = things.map((thing) => thing.retry(false)).includes(true)
    this.pauseMs = some ? Math.min(this.pauseMs * 2, RETRY_MS_MAX) : RETRY_MS_MIN
  }

  private jittered(milliseconds: number): number {
    const [seed, jittered] = jitter(this.seed, milliseconds)
    this.seed = seed
    return jittered
  }
}
