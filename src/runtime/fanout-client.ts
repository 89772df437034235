// The interpreter of the client's machine (`fanout/follow.ts`): sockets, TLS, the clock. What the machine reports goes to one listener:
// follower mode feeds it into the forwarding side. Nothing here decides.
import { createConnection, type Socket } from "node:net"
import { Effect, type Scope } from "effect"
import {
  CLIENT_LIMITS,
  createFollow,
  type FollowChange,
  type FollowEvent,
  type FollowSettings,
  type FollowState,
  followEffects,
  followMachine,
  tableAgeMs
} from "../fanout/index.ts"
import { OpBuffer } from "../machine/index.ts"
import { nowMicros } from "./fanout-clock.ts"
import { FanoutReader, snappyBlocks } from "./fanout-reader.ts"
import { connectTls, type FanoutTls } from "./fanout-tls.ts"

/** What a follower hears, in this order. The listener must not keep `changes`. */
export type FollowNews =
  /** New values of route keys; null: gone. */
  | { readonly _tag: "Changed"; readonly changes: ReadonlyArray<FollowChange> }
  /** The table is what this hub has. */
  | { readonly _tag: "InSync"; readonly hub: string }
  /** No hub at the moment; the table stays in use. */
  | { readonly _tag: "OutOfSync"; readonly reason: string }
  /** Out of sync for longer than `staleAfterMs`. */
  | { readonly _tag: "Stale" }

export interface FollowHub {
  readonly host: string
  readonly port: number
  readonly isLocal: boolean
}

export interface FollowOptions extends Omit<FollowSettings, "hubs"> {
  readonly hubs: ReadonlyArray<FollowHub>
  readonly tls?: FanoutTls
  readonly seed: number
  readonly onNews: (news: FollowNews) => void
  /** How often the machine is told the time; several times within the shortest of the times in the settings. */
  readonly tickMs?: number
}

export class FanoutClient {
  readonly #options: FollowOptions
  #state: FollowState
  readonly #out = new OpBuffer()
  readonly #links = new Map<number, { readonly socket: Socket; readonly reader: FanoutReader }>()
  #ticking: NodeJS.Timeout | undefined
  #reason = ""
  #isPaused = false

  constructor(options: FollowOptions) {
    this.#options = options
    const compression = options.compression && snappyBlocks !== undefined
    this.#state = createFollow({ ...options, compression }, options.seed)
  }

  start(): void {
    this.#ticking ??= setInterval(() => this.#step({ _tag: "Tick", at: nowMicros() }), this.#options.tickMs ?? 250)
    this.#step({ _tag: "Started", at: nowMicros() })
  }

  stop(): void {
    clearInterval(this.#ticking)
    this.#step({ _tag: "Stopped", at: nowMicros() })
    for (const { socket } of this.#links.values()) socket.destroy()
  }

  /** Nothing is read until `resume`: the hub waits, for as long as it will. */
  pause(): void {
    this.#isPaused = true
    for (const { socket } of this.#links.values()) socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    for (const { socket } of this.#links.values()) socket.resume()
  }

  /** For `show fanout` and health. */
  status() {
    const { phase, hub, inSync, isStale, table, counters, lastError, serverVersion } = this.#state
    const named = this.#options.hubs[hub]
    const ageMs = tableAgeMs(this.#state, nowMicros())
    return {
      hub: phase === "Streaming" && named !== undefined ? `${named.host}:${named.port}` : null,
      hubVersion: phase === "Streaming" ? serverVersion : null,
      phase: phase.toLowerCase(),
      inSync,
      stale: isStale,
      keys: table.size,
      ageSeconds: ageMs === undefined ? null : ageMs / 1000,
      lastError: lastError === "" ? null : lastError,
      ...counters
    }
  }

  /** What it holds now; not to be changed. */
  get table(): FollowState["table"] {
    return this.#state.table
  }

  #step(event: FollowEvent): void {
    const out = this.#out
    out.clear()
    this.#state = followMachine.step(this.#state, event, out)
    this.#perform()
  }

  #perform(): void {
    const out = this.#out
    for (let index = 0; index < out.length; index++) {
      const a = out.a(index)
      switch (out.code(index)) {
        case code.Dial:
          this.#dial(a, out.b(index))
          break
        case code.Close:
          this.#close(a)
          break
        case code.Send:
          this.#links.get(a)?.socket.write(this.#state.outgoing[out.b(index)])
          break
        case code.RestartDecoder:
          this.#links.get(a)?.reader.restart(out.b(index) === 1)
          break
        case code.Deliver:
          this.#options.onNews({ _tag: "Changed", changes: this.#state.changes })
          break
        case code.InSync: {
          const { host, port } = this.#options.hubs[a]
          this.#options.onNews({ _tag: "InSync", hub: `${host}:${port}` })
          break
        }
        case code.OutOfSync:
          this.#options.onNews({ _tag: "OutOfSync", reason: this.#reason })
          break
        case code.Stale:
          this.#options.onNews({ _tag: "Stale" })
          break
      }
    }
  }

  #dial(conn: number, hub: number): void {
    const { hubs, tls } = this.#options
    const { host, port } = hubs[hub]
    const plain = createConnection({ host, port, noDelay: true })
    const socket = tls === undefined ? plain : connectTls(plain, tls)
    const reader = new FanoutReader(CLIENT_LIMITS)
    this.#links.set(conn, { socket, reader })
    if (this.#isPaused) socket.pause()
    const closed = (reason: string): void => {
      if (!this.#links.delete(conn)) return
      socket.destroy()
      plain.destroy()
      this.#reason = reason
      this.#step({ _tag: "Closed", at: nowMicros(), conn, reason })
    }
    socket.once(tls === undefined ? "connect" : "secureConnect", () =>
      this.#step({ _tag: "Connected", at: nowMicros(), conn })
    )
    socket.on("data", (bytes: Buffer) => {
      const problem = reader.read(bytes, (message) => {
        // A step may have closed it.
        if (this.#links.has(conn)) this.#step({ _tag: "Received", at: nowMicros(), conn, message })
      })
      if (problem !== undefined) closed(problem)
    })
    socket.on("error", (error) => closed(error.message))
    plain.on("error", (error) => closed(error.message))
    socket.on("close", () => closed("the hub has closed the connection"))
  }

  /** What was written goes out; nothing more is read. */
  #close(conn: number): void {
    const link = this.#links.get(conn)
    this.#links.delete(conn)
    link?.socket.destroy()
  }
}

/** Follows for as long as the scope lasts. */
export const follow = (options: FollowOptions): Effect.Effect<FanoutClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new FanoutClient(options)
      client.start()
      return client
    }),
    (client) => Effect.sync(() => client.stop())
  )

const { code } = followEffects
