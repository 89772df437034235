// The world around a real router, in memory: connections that take bytes, timers on a virtual clock, quanta and drains answered at
// once. It performs what the router asks for and checks what no router may ever do, whatever its peers say.
import { ConnectionChange, type ConnId, type EventRecord } from "../../src/eventlog/index.ts"
import { indexOf, OpBuffer } from "../../src/machine/index.ts"
import {
  createRouter,
  type RouterConfig,
  type RouterState,
  type router,
  routerEffects,
  spanFrom,
  spanTo
} from "../../src/router/index.ts"
import { frame } from "../../src/wire/index.ts"

/** What is tested: the router's own step, or a canary's. */
export type Step = typeof router.step

/** A law of this world was broken. Thrown, because it comes up in the middle of performing. */
export class LawBroken extends Error {
  override readonly name = "LawBroken"
}

/** One of the router's connections as its other end sees it. */
export class Wire {
  readonly conn: ConnId
  /** Messages that came from the router and were not taken yet. */
  readonly messages: Array<Uint8Array> = []
  /** The router closed it. */
  closed = false
  /** Type of the last message that came; 0: none. */
  lastType = 0
  private pending: Uint8Array = new Uint8Array(0)

  constructor(conn: ConnId) {
    this.conn = conn
  }

  receive(bytes: Uint8Array): void {
    if (this.closed) throw new LawBroken("bytes are sent on a connection that was closed")
    let stream = bytes
    if (this.pending.length > 0) {
      stream = new Uint8Array(this.pending.length + bytes.length)
      stream.set(this.pending)
      stream.set(bytes, this.pending.length)
    }
    let at = 0
    while (at < stream.length) {
      const length = frame(stream, at, stream.length, 65535)
      if (length < 0) throw new LawBroken(`the router sends a header that is none (1/${-length})`)
      if (length === 0 || at + length > stream.length) break
      if (this.lastType === 3) throw new LawBroken("something follows a NOTIFICATION")
      const message = stream.slice(at, at + length)
      this.lastType = message[18]
      this.messages.push(message)
      at += length
    }
    this.pending = stream.slice(at)
  }
}

/** Operations that one step may ask for: a constant and a share of what came in. */
const OPERATIONS_MAX = 2000
/** Steps until nothing waits any more. */
const SETTLING_STEPS_MAX = 2000

export class LiveWorld {
  readonly state: RouterState = createRouter(1)
  readonly wires: Map<ConnId, Wire> = new Map()
  nowMs = 0
  private readonly step: Step
  private readonly out = new OpBuffer()
  private readonly timers = new Map<number, { readonly timer: number; readonly atMs: number }>()
  private waiting: Array<EventRecord> = []
  private seq = 0

  constructor(config: RouterConfig, step: Step) {
    this.step = step
    this.feed({ _tag: "Command", json: JSON.stringify({ command: "configure", config, seed: 1 }) })
  }

  /** Takes records in one batch and everything that follows from them. */
  feed(...records: ReadonlyArray<EventRecord>): void {
    this.batch(records)
    for (let steps = 0; this.waiting.length > 0; steps++) {
      if (steps > SETTLING_STEPS_MAX) throw new LawBroken("the router asks for quanta without end")
      this.batch(this.waiting.splice(0))
    }
  }

  connect(conn: ConnId, remote: string, local: string): Wire {
    const wire = new Wire(conn)
    this.wires.set(conn, wire)
    this.feed(change(conn, ConnectionChange.Accepted, remote, local))
    return wire
  }

  /** The other end closes; nothing where we have. */
  hangUp(wire: Wire): void {
    if (wire.closed) return
    wire.closed = true
    this.wires.delete(wire.conn)
    this.feed(change(wire.conn, ConnectionChange.Closed))
  }

  /** Fires the next timer. */
  passTime(): void {
    let next: { readonly timer: number; readonly atMs: number } | undefined
    for (const each of this.timers.values()) if (next === undefined || each.atMs < next.atMs) next = each
    if (next === undefined) throw new LawBroken("the router waits for nothing")
    this.timers.delete(indexOf(next.timer))
    this.nowMs = Math.max(this.nowMs, next.atMs)
    this.feed({ _tag: "Timer", timer: next.timer })
  }

  get timersArmed(): number {
    return this.timers.size
  }

  private batch(records: ReadonlyArray<EventRecord>): void {
    const { out, state } = this
    out.clear()
    const bytes = records.reduce((sum, record) => sum + (record._tag === "Bytes" ? record.bytes.length : 0), 0)
    this.step(state, { seq: this.seq++, at: this.nowMs * 1000, records }, out)
    if (out.length > OPERATIONS_MAX + bytes) throw new LawBroken(`${out.length} operations for ${bytes} bytes`)
    for (let index = 0; index < out.length; index++)
      this.perform(out.code(index), out.a(index), out.b(index), out.c(index))
  }

  private perform(operation: number, a: number, b: number, c: number): void {
    const { pool } = this.state
    switch (operation) {
      case code.Send: {
        const wire = this.wires.get(a)
        if (wire === undefined) throw new LawBroken("bytes are sent on a connection that is not there")
        wire.receive(pool.bytes(b).subarray(spanFrom(c), spanTo(c)))
        pool.release(b)
        return
      }
      case code.Close: {
        const wire = this.wires.get(a)
        if (wire === undefined || wire.closed) throw new LawBroken("a connection is closed twice")
        wire.closed = true
        this.wires.delete(a)
        this.waiting.push(change(a, ConnectionChange.Closed))
        return
      }
      case code.WantDrained:
        this.waiting.push(change(a, ConnectionChange.Drained))
        return
      case code.WantQuantum:
        this.waiting.push({ _tag: "Quantum", nodes: a })
        return
      case code.ArmTimer:
        this.timers.set(indexOf(a), { timer: a, atMs: this.nowMs + b })
        return
      case code.CancelTimer:
        this.timers.delete(indexOf(a))
        return
      case code.Notice:
      case code.Expect:
      case code.Listen:
        return
      default:
        throw new LawBroken(`operation ${routerEffects.nameOf(operation) ?? operation}, which nothing calls for`)
    }
  }
}

const { code } = routerEffects

const change = (conn: ConnId, what: ConnectionChange, remote = "", local = ""): EventRecord => ({
  _tag: "Connection",
  conn,
  change: what,
  remote,
  local,
  cause: ""
})
