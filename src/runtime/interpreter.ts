// Performs what the router asks for, in order. A switch and nothing else: each case hands its words to the service that can do it, and
// what comes of it is reported by that service as a record. An `if` about BGP here would mean that an effect lacks a field (ADR-0013).
import { Effect } from "effect"
import type { BlockPool, Lease } from "../buffers/index.ts"
import { assert, type OpBuffer } from "../machine/index.ts"
import { type Notice, type RouterState, routerEffects, spanFrom, spanTo } from "../router/index.ts"
import type { BoundedInbox } from "./inbox.ts"
import type { KernelService } from "./kernel.ts"
import type { TimersService } from "./timers.ts"
import type { TransportService } from "./transport.ts"

export interface World {
  readonly inbox: BoundedInbox
  readonly transport: TransportService
  readonly timers: TimersService
  readonly kernel: KernelService
  /** Starts what takes time and reports by itself. */
  readonly start: (effect: Effect.Effect<void>) => void
  readonly listen: (endpoint: string) => void
  readonly tell: (notice: Notice) => void
  readonly stopped: () => void
}

/** Performs the operations of one step. Leases come back when their bytes have left our memory, or never will. */
export const perform = (state: RouterState, out: OpBuffer, world: World): void => {
  const { inbox, transport, timers, kernel } = world
  const { pool } = state
  for (let index = 0; index < out.length; index++) {
    const a = out.a(index)
    const b = out.b(index)
    const c = out.c(index)
    switch (out.code(index)) {
      case code.Send:
        transport.send(a, pool.bytes(b).subarray(spanFrom(c), spanTo(c)), () => pool.release(b))
        break
      case code.Dial:
        transport.dial(a, state.peerAt(b).config)
        break
      case code.Close:
        transport.close(a, b === 1)
        break
      case code.WantDrained:
        transport.wantDrained(a)
        break
      case code.Expect:
        transport.expect(a, b)
        break
      case code.ArmTimer:
        timers.arm(a, b)
        break
      case code.CancelTimer:
        timers.cancel(a)
        break
      case code.KernelSend:
        world.start(returning(pool, a, kernel.send(pool.bytes(a).subarray(0, b), c)))
        break
      case code.KernelDump:
        world.start(returning(pool, a, kernel.dump(pool.bytes(a).subarray(0, b), c)))
        break
      case code.WantQuantum:
        inbox.offerNow({ _tag: "Quantum", nodes: a })
        break
      case code.Listen:
        world.listen(state.config!.listen[a])
        break
      case code.Unlisten:
        transport.unlisten()
        break
      case code.Notice:
        world.tell(state.notices[a])
        break
      case code.Stopped:
        world.stopped()
        break
      default:
        assert(false, `the router asks for operation ${out.code(index)}, which nobody performs`)
    }
  }
  transport.flush()
}

/** Gives the lease back when the effect is done, however it ends. */
const returning = (pool: BlockPool, lease: Lease, effect: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.ensuring(
    effect,
    Effect.sync(() => pool.release(lease))
  )

const { code } = routerEffects
