// The server's machine by hand: who is dropped and who is not, at which moment, and what the others get meanwhile.
import { describe, expect, it } from "vitest"
import {
  type CacheInput,
  connectionLimit,
  createServe,
  DropReason,
  MessageDecoder,
  preambleOf,
  SERVE_DEFAULTS,
  type ServeEvent,
  type ServeSettings,
  SyncStatus,
  serveEffects,
  serveMachine,
  UpdateType
} from "../../src/fanout/index.ts"
import { MICROS_PER_MS, OpBuffer } from "../../src/machine/index.ts"

const HELLO = {
  _tag: "ClientHello",
  hostname: "node",
  info: "",
  version: "",
  syncerType: "",
  supportsDecoderRestart: false,
  supportedCompressionAlgorithms: [],
  supportsModernPolicyKeys: true,
  clientConnId: 0
} as const

const keys = (count: number, value: string): CacheInput => ({
  _tag: "Updates",
  updates: Array.from({ length: count }, (_, index) => ({
    key: `/key/${index}`,
    value: new Uint8Array(Buffer.from(value)),
    revision: "1",
    v3ResourceVersion: "",
    ttlNanoseconds: 0,
    updateType: UpdateType.New
  }))
})
const IN_SYNC: CacheInput = { _tag: "Status", status: SyncStatus.InSync }

const kindOf = (bytes: Uint8Array): string => {
  const decoder = new MessageDecoder()
  decoder.push(Buffer.concat([preambleOf("server"), bytes]))
  const next = decoder.next()
  if (next._tag !== "Message") return next._tag
  return next.message._tag === "Updates" ? `${next.message.updates.count} updates` : next.message._tag
}

class Run {
  state
  now = 1_000_000_000
  readonly dropped: Array<readonly [conn: number, reason: number]> = []

  constructor(settings: Partial<ServeSettings> = {}) {
    this.state = createServe({ ...SERVE_DEFAULTS, pongTimeoutMs: 1_000_000, version: "", ...settings }, 1)
  }

  step(event: Omit<ServeEvent, "at">) {
    const out = new OpBuffer()
    this.state = serveMachine.step(this.state, { ...event, at: this.now } as ServeEvent, out)
    const effects = serveEffects.decode(out)
    for (const effect of effects) if (effect._tag === "Close") this.dropped.push([effect.conn, effect.reason])
    return effects
  }

  offer(...inputs: ReadonlyArray<CacheInput>) {
    return this.step({ _tag: "Offered", inputs } as never)
  }

  pass(milliseconds: number) {
    this.now += milliseconds * MICROS_PER_MS
    return this.step({ _tag: "Tick" } as never)
  }

  written(conn: number) {
    return this.step({ _tag: "Written", conn } as never)
  }

  /** A client that has said hello and was sent the first of what it gets. */
  connect(conn: number): void {
    this.step({ _tag: "Accepted", conn, address: `node-${conn}` } as never)
    this.step({ _tag: "Received", conn, message: HELLO } as never)
  }

  /** … and has taken everything. */
  stream(conn: number): void {
    this.connect(conn)
    while (this.state.clients.get(conn)?.writingSince !== 0) this.written(conn)
  }
}

describe("the server", () => {
  it("sends one change to all who wait for it as the same bytes, named once", () => {
    const run = new Run()
    run.offer(keys(3, "a"), IN_SYNC)
    for (const conn of [1, 2, 3]) run.stream(conn)
    const sends = run.offer(keys(1, "b")).filter(({ _tag }) => _tag === "Send")
    expect(sends.map((send) => (send as { readonly index: number }).index)).toEqual([0, 0, 0])
    expect(run.state.outgoing).toHaveLength(1)
  })

  it("drops who falls too far behind, and the others do not notice", () => {
    const run = new Run({ maxFallBehindMs: 1000 })
    run.offer(keys(3, "a"), IN_SYNC)
    run.stream(1)
    run.stream(2)
    for (let change = 0; change < 4; change++) {
      run.now += 400 * MICROS_PER_MS
      run.offer(keys(1, `b${change}`))
      run.written(2)
    }
    expect(run.dropped).toEqual([])
    run.pass(10)
    run.now += 400 * MICROS_PER_MS
    run.offer(keys(1, "c"))
    run.pass(10)
    expect(run.dropped).toEqual([[1, DropReason.FellBehind]])
    expect(run.state.clients.get(2)?.next).toBe(run.state.cache.newest.sequence + 1)
  })

  it("counts nobody as behind while nothing happens: age is that of the newest breadcrumb (§3.4)", () => {
    const run = new Run({ maxFallBehindMs: 1000, writeTimeoutMs: 1_000_000 })
    run.offer(keys(3, "a"), IN_SYNC)
    run.stream(1)
    run.offer(keys(1, "b"))
    run.offer(keys(1, "c"))
    run.pass(60_000)
    expect(run.dropped).toEqual([])
  })

  it("gives a new client grace until it has caught up once: its snapshot took its time", () => {
    const run = new Run({ maxFallBehindMs: 500, gracePeriodMs: 1000, writeTimeoutMs: 60_000 })
    run.offer(keys(3, "a"), IN_SYNC)
    run.connect(1)
    for (let change = 0; change < 5; change++) {
      run.now += 500 * MICROS_PER_MS
      run.offer(keys(1, `b${change}`))
      run.pass(0)
    }
    for (let writes = 0; writes < 10; writes++) run.written(1)
    expect(run.dropped).toEqual([])
    expect(run.state.counters.graceUsed).toBe(1)
    expect(run.state.clients.get(1)?.hasCaughtUp).toBe(true)
  })

  it("gives none to one that has caught up before", () => {
    const run = new Run({ maxFallBehindMs: 500, gracePeriodMs: 100_000, writeTimeoutMs: 60_000 })
    run.offer(keys(3, "a"), IN_SYNC)
    run.stream(1)
    run.offer(keys(1, "b"))
    run.offer(keys(1, "c"))
    run.now += 600 * MICROS_PER_MS
    run.offer(keys(1, "d"))
    run.pass(0)
    expect(run.dropped).toEqual([[1, DropReason.FellBehind]])
    expect(run.state.counters.graceUsed).toBe(0)
  })

  it("drops who takes nothing within the deadline, during the snapshot too", () => {
    const run = new Run({ writeTimeoutMs: 1000 })
    run.offer(keys(3, "a"), IN_SYNC)
    run.connect(1)
    run.pass(999)
    expect(run.dropped).toEqual([])
    run.pass(2)
    expect(run.dropped).toEqual([[1, DropReason.WriteTimeout]])
  })

  it("lets the slowest go when what they hold back takes too much memory", () => {
    const run = new Run({ historyBytesMax: 10_000 })
    run.offer(keys(3, "a"), IN_SYNC)
    run.stream(1)
    run.stream(2)
    for (let change = 0; change < 20; change++) {
      run.offer(keys(10, `${change} ${"x".repeat(100)}`))
      run.written(2)
      run.pass(1)
    }
    expect(run.dropped).toEqual([[1, DropReason.HistoryFull]])
    run.offer(keys(1, "last"))
    expect(run.state.cache.historyBytes).toBeLessThan(10_000)
  })

  it("forgets breadcrumbs that nobody will read", () => {
    const run = new Run()
    run.offer(keys(3, "a"), IN_SYNC)
    run.stream(1)
    for (let change = 0; change < 500; change++) {
      run.offer(keys(3, `b${change}`))
      run.written(1)
    }
    expect(run.state.cache.crumbs.length).toBeLessThan(50)
  })

  it("says what its source says: in sync, and no longer", () => {
    const run = new Run()
    run.offer(keys(3, "a"))
    run.stream(1)
    expect(run.state.clients.get(1)?.lastStatus).toBe(SyncStatus.WaitForDatastore)
    run.offer(IN_SYNC)
    expect(run.state.clients.get(1)?.lastStatus).toBe(SyncStatus.InSync)
    run.written(1)
    run.offer({ _tag: "Status", status: SyncStatus.ResyncInProgress })
    expect(run.state.clients.get(1)?.lastStatus).toBe(SyncStatus.ResyncInProgress)
  })

  it("says in sync to who gets a shared snapshot when it has what there was when it came", () => {
    const run = new Run()
    run.offer(keys(50, "a"), IN_SYNC)
    run.stream(1)
    run.offer(keys(2, "b"))
    run.connect(2)
    expect(run.state.cache.counters.snapshotsReused).toBe(1)
    run.written(2)
    // The snapshot, what has changed since, the status.
    expect(run.state.outgoing.map((bytes) => kindOf(bytes))).toEqual(["50 updates", "2 updates", "SyncStatus"])
    expect(run.state.clients.get(2)).toMatchObject({
      lastStatus: SyncStatus.InSync,
      next: run.state.cache.newest.sequence + 1
    })
  })

  it("lets one after the other go when it ends, over no more than the time it has (§5.1)", () => {
    for (const [timeoutMs, ticks] of [
      [300_000, [1, 2, 3, 4, 5]],
      [2500, [1, 3, 5]]
    ] as const) {
      const run = new Run({ drainTimeoutMs: timeoutMs, drainIntervalMs: 1000 })
      run.offer(IN_SYNC)
      for (const conn of [1, 2, 3, 4, 5]) run.stream(conn)
      run.step({ _tag: "Drain" } as never)
      expect(run.dropped.length).toBe(ticks[0])
      for (const count of ticks.slice(1)) {
        run.pass(1000)
        expect(run.dropped.length).toBe(count)
      }
      expect(run.state.isDrained).toBe(true)
    }
  })

  it("is drained at once where nobody is there", () => {
    expect(new Run().step({ _tag: "Drain" } as never).map(({ _tag }) => _tag)).toEqual(["StopListening", "Drained"])
  })

  it("has the original's table of connection limits, and counts every connection of a node (§3.5, calico#5662)", () => {
    const limit = (hubs: number, nodes: number, streams = 1) =>
      connectionLimit({ hubs, nodes, streams, lower: 11, upper: 101 })
    const table = [limit(1, 10), limit(10, 10), limit(10, 500), limit(2, 500), limit(5, 100), limit(5, 200)]
    expect(table).toEqual([101, 11, 67, 101, 31, 61])
    expect(connectionLimit({ hubs: 10, nodes: 500, streams: 3, lower: 11, upper: 10_000 })).toBe(201)
  })
})
