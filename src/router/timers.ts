// Timers by handle. A timer belongs to a connection (or to the peer itself) and a kind; arming it again takes the same slot under a
// new generation, so that an expiry which is already on its way is recognised as stale and dropped (ADR-0009).
import { type Handle, indexOf, type OpBuffer, Slots } from "../machine/index.ts"
import { routerEffects } from "./effects.ts"

export interface TimerOwner {
  /** Peer number; 0 for the router's own timers. */
  readonly peer: number
  /** Connection, or 0 for the peer's own timers. */
  readonly conn: number
  readonly kind: number
}

export class Timers {
  private readonly slots = new Slots()
  private readonly owners: Array<TimerOwner | undefined> = []
  private readonly armed = new Map<string, Handle>()

  arm(owner: TimerOwner, milliseconds: number, out: OpBuffer): void {
    const key = keyOf(owner)
    const before = this.armed.get(key)
    if (before !== undefined) this.slots.release(before)
    const handle = this.slots.acquire()
    this.owners[indexOf(handle)] = owner
    this.armed.set(key, handle)
    out.put(routerEffects.code.ArmTimer, handle, Math.max(0, Math.round(milliseconds)))
  }

  isArmed(owner: TimerOwner): boolean {
    return this.armed.has(keyOf(owner))
  }

  cancel(owner: TimerOwner, out: OpBuffer): void {
    const key = keyOf(owner)
    const handle = this.armed.get(key)
    if (handle === undefined) return
    this.forget(key, handle)
    out.put(routerEffects.code.CancelTimer, handle)
  }

  /** Cancels whatever a connection has armed. */
  cancelAll(conn: number, out: OpBuffer): void {
    for (const [key, handle] of this.armed) {
      if (this.owners[indexOf(handle)]!.conn !== conn) continue
      this.forget(key, handle)
      out.put(routerEffects.code.CancelTimer, handle)
    }
  }

  /** Whose timer fired; `undefined` for a stale expiry. The timer is no longer armed. */
  fired(handle: Handle): TimerOwner | undefined {
    if (!this.slots.holds(handle)) return undefined
    const owner = this.owners[indexOf(handle)]!
    this.forget(keyOf(owner), handle)
    return owner
  }

  get size(): number {
    return this.armed.size
  }

  private forget(key: string, handle: Handle): void {
    this.armed.delete(key)
    this.owners[indexOf(handle)] = undefined
    this.slots.release(handle)
  }
}

const keyOf = (owner: TimerOwner): string => `${owner.peer}/${owner.conn}/${owner.kind}`
