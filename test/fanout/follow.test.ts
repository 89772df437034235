// The client's machine, told by hand what a hub would do: what it reports, what it keeps, whom it dials and when.
import { describe, expect, it } from "vitest"
import {
  createFollow,
  encodeMessage,
  FOLLOW_DEFAULTS,
  type FollowEffect,
  type FollowEvent,
  type FollowSettings,
  followEffects,
  followMachine,
  MessageDecoder,
  preambleOf,
  type ReceivedMessage,
  SyncStatus,
  tableAgeMs,
  type Update,
  UpdateType
} from "../../src/fanout/index.ts"
import { MICROS_PER_SECOND, OpBuffer } from "../../src/machine/index.ts"

const SETTINGS: FollowSettings = {
  ...FOLLOW_DEFAULTS,
  hostname: "node-1",
  version: "test",
  hubs: [{ isLocal: false }, { isLocal: true }, { isLocal: false }]
}

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))
const KEY = (last: number) => `/backwalk/v1/route/main/ipv4-unicast/10.0.0.${last}-32`

const update = (key: string, value: string | null): Update => ({
  key,
  value: value === null ? null : text(value),
  revision: "1",
  v3ResourceVersion: "",
  ttlNanoseconds: 0,
  updateType: value === null ? UpdateType.Deleted : UpdateType.New
})

/** The machine with a clock and a view of what it has reported. */
class Run {
  state
  seconds = 1
  readonly #out = new OpBuffer()
  readonly view = new Map<string, string>()
  readonly said: Array<string> = []

  constructor(settings: Partial<FollowSettings> = {}, seed = 7) {
    this.state = createFollow({ ...SETTINGS, ...settings }, seed)
  }

  step(event: Omit<FollowEvent, "at">): ReadonlyArray<FollowEffect> {
    this.#out.clear()
    this.state = followMachine.step(
      this.state,
      { ...event, at: this.seconds * MICROS_PER_SECOND } as FollowEvent,
      this.#out
    )
    const effects = followEffects.decode(this.#out)
    for (const effect of effects) {
      if (effect._tag !== "Deliver") {
        if (["InSync", "OutOfSync", "Stale"].includes(effect._tag)) this.said.push(effect._tag)
        continue
      }
      for (const { key, value } of this.state.changes) {
        const short = key.slice(key.lastIndexOf("/") + 1)
        this.said.push(`${value === null ? "-" : "+"}${short}`)
        if (value === null) this.view.delete(key)
        else this.view.set(key, Buffer.from(value).toString())
      }
    }
    return effects
  }

  /** Through the codec, as a hub would send it. */
  hear(...messages: ReadonlyArray<Parameters<typeof encodeMessage>[0]>): ReadonlyArray<FollowEffect> {
    return messages.flatMap((sent) => {
      const decoder = new MessageDecoder()
      decoder.push(Buffer.concat([preambleOf("server"), encodeMessage(sent)]))
      const next = decoder.next()
      if (next._tag !== "Message") throw new Error("not a message")
      return this.step({ _tag: "Received", conn: this.state.conn, message: next.message } as never)
    })
  }

  updates(...updates: ReadonlyArray<Update>): ReadonlyArray<FollowEffect> {
    return this.hear({ _tag: "Updates", updates })
  }

  status(status: SyncStatus = SyncStatus.InSync): ReadonlyArray<FollowEffect> {
    return this.hear({ _tag: "SyncStatus", status })
  }

  connect(): ReadonlyArray<FollowEffect> {
    return this.step({ _tag: "Connected", conn: this.state.conn } as never)
  }

  lose(): ReadonlyArray<FollowEffect> {
    return this.step({ _tag: "Closed", conn: this.state.conn, reason: "cut" } as never)
  }

  /** Lets time pass until the next dial. */
  redial(): FollowEffect {
    for (let tries = 0; tries < 1000; tries++) {
      this.seconds += 0.25
      const dialled = this.step({ _tag: "Tick" } as never).find(({ _tag }) => _tag === "Dial")
      if (dialled !== undefined) return dialled
    }
    throw new Error("it does not dial")
  }
}

const synchronised = (settings: Partial<FollowSettings> = {}): Run => {
  const run = new Run(settings)
  run.step({ _tag: "Started" } as never)
  run.connect()
  run.updates(update(KEY(1), "a"), update(KEY(2), "b"))
  run.status()
  return run
}

describe("a follower", () => {
  it("dials the local hub first", () => {
    const run = new Run()
    expect(run.step({ _tag: "Started" } as never)).toEqual([{ _tag: "Dial", conn: 1, hub: 1 }])
  })

  it("says hello with everything that it supports, behind the definitions", () => {
    const run = new Run()
    run.step({ _tag: "Started" } as never)
    run.connect()
    const decoder = new MessageDecoder()
    decoder.push(Buffer.concat([...run.state.outgoing]))
    expect(decoder.next()).toMatchObject({
      message: {
        hostname: "node-1",
        supportsDecoderRestart: true,
        supportedCompressionAlgorithms: ["snappy"],
        supportsModernPolicyKeys: true
      }
    })
  })

  it("reports routes as they come, and in sync behind them", () => {
    const run = synchronised()
    expect(run.said).toEqual(["+10.0.0.1-32", "+10.0.0.2-32", "InSync"])
  })

  it("withdraws nothing when its hub is gone, and nothing when the next one names the same", () => {
    const run = synchronised()
    run.lose()
    run.redial()
    run.connect()
    run.updates(update(KEY(1), "a"), update(KEY(2), "b"))
    run.status()
    expect(run.said.slice(3)).toEqual(["OutOfSync", "InSync"])
    expect(run.state.counters.unchanged).toBe(2)
  })

  it("deletes what the next hub did not name, once that is in sync and not before", () => {
    const run = synchronised()
    run.lose()
    run.redial()
    run.connect()
    run.updates(update(KEY(2), "c"), update(KEY(3), "d"))
    expect([...run.view.keys()]).toEqual([KEY(1), KEY(2)])
    run.status()
    expect(Object.fromEntries(run.view)).toEqual({ [KEY(2)]: "c", [KEY(3)]: "d" })
    expect(run.state.counters.synthesisedDeletes).toBe(1)
  })

  it("does not go back to an older value, nor to a key that is gone, on the way through a hub's snapshot", () => {
    const run = synchronised()
    run.lose()
    run.redial()
    run.connect()
    run.updates(update(KEY(1), "older"), update(KEY(2), "b"), update(KEY(9), "gone meanwhile"))
    run.updates(update(KEY(1), "a"), update(KEY(9), null))
    run.status()
    expect(run.said.slice(3)).toEqual(["OutOfSync", "InSync"])
  })

  it("keeps a key that a new hub deletes before it is in sync: it may come back until then", () => {
    const run = synchronised()
    run.lose()
    run.redial()
    run.connect()
    run.updates(update(KEY(1), "a"), update(KEY(2), "b"), update(KEY(1), null))
    expect(run.view.has(KEY(1))).toBe(true)
    run.updates(update(KEY(1), "a"))
    run.status()
    expect(run.view.size).toBe(2)
    expect(run.said.slice(3)).toEqual(["OutOfSync", "InSync"])
  })

  it("is not in sync while the hub's own source is not", () => {
    const run = synchronised()
    run.status(SyncStatus.ResyncInProgress)
    run.status()
    expect(run.said.slice(3)).toEqual(["OutOfSync", "InSync"])
    expect(run.view.size).toBe(2)
  })

  it("drops and counts keys that it cannot read", () => {
    const run = synchronised()
    run.updates(update("/calico/v1/Ready", "true"), update("/backwalk/v1/route/main/ipv4-unicast/10.0.0.1-8", "x"))
    expect(run.state.counters.unreadableKeys).toBe(2)
    expect(run.view.size).toBe(2)
  })

  it("answers a ping with its time, to the nanosecond", () => {
    const run = synchronised()
    const timestamp = { seconds: 63_000_000_000n, nanoseconds: 123_456_789, zone: "utc" } as const
    run.hear({ _tag: "Ping", timestamp })
    const decoder = new MessageDecoder()
    decoder.push(Buffer.concat([preambleOf("client"), ...run.state.outgoing]))
    expect(decoder.next()).toMatchObject({ message: { _tag: "Pong", pingTimestamp: timestamp } })
  })

  it("gives a silent hub up and dials another, later each time all have failed", () => {
    const run = synchronised({ readTimeoutMs: 30_000 })
    run.seconds += 31
    expect(run.step({ _tag: "Tick" } as never).map(({ _tag }) => _tag)).toEqual(["Close", "OutOfSync"])
    const waits: Array<number> = []
    const hubs = new Set<number>()
    for (let failure = 0; failure < 12; failure++) {
      const before = run.seconds
      hubs.add((run.redial() as { readonly hub: number }).hub)
      waits.push(run.seconds - before)
      run.lose()
    }
    expect(hubs).toEqual(new Set([0, 1, 2]))
    expect(Math.max(...waits.slice(9))).toBeGreaterThan(2 * Math.max(...waits.slice(0, 3)))
  })

  it("goes back to the local hub when that answers again, without a moment without a table", () => {
    const run = new Run()
    run.step({ _tag: "Started" } as never)
    run.lose()
    expect(run.redial()).not.toMatchObject({ hub: 1 })
    run.connect()
    run.updates(update(KEY(1), "a"))
    run.status()
    run.seconds += 25
    run.hear({ _tag: "Ping", timestamp: { seconds: 1n, nanoseconds: 0, zone: "utc" } })
    run.seconds += 25
    run.hear({ _tag: "Ping", timestamp: { seconds: 1n, nanoseconds: 0, zone: "utc" } })
    run.seconds += 25
    expect(run.step({ _tag: "Tick" } as never)).toEqual([{ _tag: "Dial", conn: 3, hub: 1 }])
    const old = run.state.conn
    const effects = run.step({ _tag: "Connected", conn: 3 } as never)
    expect(effects[0]).toEqual({ _tag: "Close", conn: old })
    expect(run.state.hub).toBe(1)
    run.updates(update(KEY(1), "a"))
    run.status()
    expect(run.said).toEqual(["+10.0.0.1-32", "InSync", "OutOfSync", "InSync"])
  })

  it("says how old its table is, and that it is stale; it withdraws it only where told so", () => {
    for (const withdrawStale of [false, true]) {
      const run = synchronised({ staleAfterMs: 60_000, withdrawStale })
      const then = run.seconds
      run.lose()
      for (let tick = 0; tick < 300; tick++) {
        run.seconds += 0.25
        if (run.step({ _tag: "Tick" } as never).some(({ _tag }) => _tag === "Dial")) run.lose()
      }
      expect(tableAgeMs(run.state, run.seconds * MICROS_PER_SECOND)).toBe((run.seconds - then) * 1000)
      expect(run.said.at(-1)).toBe("Stale")
      expect(run.view.size).toBe(withdrawStale ? 0 : 2)
    }
  })

  it("restarts its decoder when the hub says so, and acknowledges", () => {
    const run = synchronised()
    const effects = run.hear({ _tag: "DecoderRestart", message: "", compressionAlgorithm: "snappy" })
    expect(effects).toEqual([
      { _tag: "RestartDecoder", conn: 1, isCompressed: 1 },
      { _tag: "Send", conn: 1, index: 0 }
    ])
  })

  it("leaves a hub that compresses in a way that nobody offered", () => {
    const run = synchronised()
    const effects = run.hear({ _tag: "DecoderRestart", message: "", compressionAlgorithm: "zstd" })
    expect(effects.map(({ _tag }) => _tag)).toEqual(["Close", "OutOfSync"])
  })

  it("ignores what a connection says that it has given up", () => {
    const run = synchronised()
    run.lose()
    const message = { _tag: "SyncStatus", status: SyncStatus.InSync } as ReceivedMessage
    expect(run.step({ _tag: "Received", conn: 1, message } as never)).toEqual([])
  })
})
