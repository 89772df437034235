// Timers by slot. A slot has one timer: arming it again replaces. An expiry reports the handle that it was armed under, and nothing
// else: whether anybody still wants it is the router's business (ADR-0009). Node keeps timers of equal duration in one list under one
// system timer, so that ten thousand of them cost nothing while they wait.
import { Context, Effect, Layer } from "effect"
import type { EventRecord } from "../eventlog/index.ts"
import { type Handle, indexOf } from "../machine/index.ts"
import { Inbox } from "./inbox.ts"

export interface TimersService {
  readonly arm: (timer: Handle, milliseconds: number) => void
  readonly cancel: (timer: Handle) => void
  /** Timers that wait. */
  readonly count: () => number
}

export class Timers extends Context.Service<Timers, TimersService>()("backwalk/runtime/Timers") {
  /** Expiries are offered; all timers are cancelled with the scope. */
  static readonly layer: Layer.Layer<Timers, never, Inbox> = Layer.effect(
    Timers,
    Effect.acquireRelease(
      Effect.map(Inbox, (inbox) => new SlotTimers((record) => inbox.offerNow(record))),
      (timers) => Effect.sync(() => timers.cancelAll())
    )
  )
}

/** The longest wait that the system takes; longer ones are waited for in parts. */
const WAIT_MS_MAX = 0x7fff_ffff

class SlotTimers implements TimersService {
  private readonly offer: (record: EventRecord) => void
  private readonly slots = new Map<number, NodeJS.Timeout>()

  constructor(offer: (record: EventRecord) => void) {
    this.offer = offer
  }

  readonly arm = (timer: Handle, milliseconds: number): void => {
    const slot = indexOf(timer)
    clearTimeout(this.slots.get(slot))
    const wait = Math.min(milliseconds, WAIT_MS_MAX)
    this.slots.set(
      slot,
      setTimeout(() => {
        this.slots.delete(slot)
        if (milliseconds > wait) this.arm(timer, milliseconds - wait)
        else this.offer({ _tag: "Timer", timer })
      }, wait)
    )
  }

  readonly cancel = (timer: Handle): void => {
    const slot = indexOf(timer)
    clearTimeout(this.slots.get(slot))
    this.slots.delete(slot)
  }

  readonly count = (): number => this.slots.size

  cancelAll(): void {
    for (const timeout of this.slots.values()) clearTimeout(timeout)
    this.slots.clear()
  }
}
