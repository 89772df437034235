// What the server's machine is told, asks for and holds; the machine itself is in serve.ts.
import { defineOps, type Micros, type OpOf, type Seed } from "../machine/index.ts"
import type { ReceivedMessage } from "./message.ts"
import { CACHE_DEFAULTS, type CacheInput, type CacheSettings, type Snapshot, SnapshotCache } from "./snapshot-cache.ts"

export interface ServeSettings extends CacheSettings {
  readonly version: string
  /** Streams that are served; a client that asks for another is turned away. Who asks for none gets the first. */
  readonly syncerTypes: ReadonlyArray<string>
  /** Restart decoders and compress for those who can. */
  readonly compression: boolean
  readonly handshakeTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  /** For one piece of at most some 256 KiB. */
  readonly writeTimeoutMs: number
  readonly maxFallBehindMs: number
  /** From the end of its snapshot a client may be so long behind until it has caught up once. */
  readonly gracePeriodMs: number
  /** A crumb younger than this is sent by itself. */
  readonly minBatchingAgeMs: number
  readonly dropIntervalMs: number
  /** Shutting down: all are gone after this, and no two sooner after each other than `drainIntervalMs` where time allows. */
  readonly drainTimeoutMs: number
  readonly drainIntervalMs: number
  /** Of the trail that slow clients hold; past it the slowest go. */
  readonly historyBytesMax: number
}

/** The original's, in its newest release where releases differ. */
export const SERVE_DEFAULTS: Omit<ServeSettings, "version"> = {
  ...CACHE_DEFAULTS,
  syncerTypes: ["felix"],
  compression: true,
  handshakeTimeoutMs: 10_000,
  pingIntervalMs: 10_000,
  pongTimeoutMs: 60_000,
  writeTimeoutMs: 120_000,
  maxFallBehindMs: 300_000,
  gracePeriodMs: 300_000,
  minBatchingAgeMs: 100,
  dropIntervalMs: 1000,
  drainTimeoutMs: 10_000,
  drainIntervalMs: 1000,
  historyBytesMax: 256 * 1024 * 1024
}

export type ServeEvent =
  | { readonly _tag: "Accepted"; readonly at: Micros; readonly conn: number; readonly address: string }
  | { readonly _tag: "Received"; readonly at: Micros; readonly conn: number; readonly message: ReceivedMessage }
  /** What came cannot be decoded, or TLS was refused. */
  | { readonly _tag: "Faulted"; readonly at: Micros; readonly conn: number; readonly reason: string }
  /** Everything that was sent to it has left our memory. */
  | { readonly _tag: "Written"; readonly at: Micros; readonly conn: number }
  | { readonly _tag: "Closed"; readonly at: Micros; readonly conn: number }
  | { readonly _tag: "Offered"; readonly at: Micros; readonly inputs: ReadonlyArray<CacheInput> }
  /** Comes several times within each of the settings' times. */
  | { readonly _tag: "Tick"; readonly at: Micros }
  /** How many clients this hub should have at most (see `connectionLimit`). */
  | { readonly _tag: "Limited"; readonly at: Micros; readonly connections: number }
  | { readonly _tag: "Drain"; readonly at: Micros }

/** How a `Send` is framed: as it is, in snappy's frames, or as the first of a compressed stream. */
export const Framing = { Plain: 0, Framed: 1, FramedStart: 2 } as const
export type Framing = (typeof Framing)[keyof typeof Framing]

export const serveEffects = defineOps({
  /** Write `state.outgoing[index]`; once all that this step sent to it is out, report Written. The bytes are shared and stay as they are. */
  Send: [1, "conn", "index", "framing"],
  /** `reason` of `DropReason`; what was sent need not go out. */
  Close: [2, "conn", "reason"],
  StopListening: [3],
  /** No client is left, and none will come. */
  Drained: [4],
  /** For the metrics: `value` is microseconds, or a count. */
  Observe: [5, "metric", "value"]
})

export type ServeEffect = OpOf<typeof serveEffects>

export const DropReason = {
  NoHello: 1,
  BadHello: 2,
  UnexpectedMessage: 3,
  Broken: 4,
  NoPong: 5,
  NoAcknowledgement: 6,
  WriteTimeout: 7,
  FellBehind: 8,
  Rebalanced: 9,
  Draining: 10,
  HistoryFull: 11
} as const
export type DropReason = (typeof DropReason)[keyof typeof DropReason]

export const DROP_REASONS: Readonly<Record<DropReason, string>> = {
  1: "it sent no hello in time",
  2: "its hello asks for what is not served",
  3: "it sent what a client does not send",
  4: "its stream cannot be read",
  5: "it answered no ping in time",
  6: "it did not acknowledge a restart in time",
  7: "it took nothing for too long",
  8: "it fell too far behind",
  9: "there are more clients than this hub should have",
  10: "the hub is shutting down",
  11: "what it still has to get takes too much memory"
}

export const Metric = {
  SnapshotSend: 1,
  ClientLatency: 2,
  WriteLatency: 3,
  NextCrumbLatency: 4,
  PingLatency: 5,
  UpdatesPerMessage: 6,
  CrumbSize: 7
} as const

export type ClientPhase = "Hello" | "AwaitsRestart" | "Snapshot" | "AwaitsStream" | "Streaming"

export interface Client {
  readonly conn: number
  readonly address: string
  readonly acceptedAt: Micros
  phase: ClientPhase
  /** Since when it is waited for in this phase. */
  phaseSince: Micros
  hostname: string
  info: string
  version: string
  isCompressed: boolean
  snapshot: Snapshot | undefined
  piece: number
  /** The next crumb to send. */
  next: number
  lastStatus: number
  /** The newest breadcrumb when it came: before it has that one, no status is said. */
  cameAt: number
  /** 0: nothing is on its way. */
  writingSince: Micros
  pingAt: Micros
  isPingDue: boolean
  pongAt: Micros
  /** Of the last ping, in microseconds. */
  latencyMicros: number
  /** It has been up to date once since its snapshot. */
  hasCaughtUp: boolean
  /** Since when it has had everything. */
  idleSince: Micros
  usedGrace: boolean
}

export interface ServeCounters {
  accepted: number
  /** By rebalancing. */
  dropped: number
  /** By `DropReason`, all of them. */
  readonly droppedBy: Array<number>
  crumbsAtOnce: number
  crumbsWaited: number
  graceUsed: number
  messages: number
  pings: number
  pongs: number
}

export class ServeState {
  readonly settings: ServeSettings
  readonly cache: SnapshotCache
  readonly clients: Map<number, Client> = new Map()
  seed: Seed
  limit: number = Number.MAX_SAFE_INTEGER
  nextDropAt: Micros = 0
  /** Undefined: not shutting down. */
  drain: { readonly intervalMicros: Micros; nextAt: Micros } | undefined = undefined
  isDrained = false
  /** The last fault that a stream had, and whose. */
  lastFault = ""
  readonly counters: ServeCounters = {
    accepted: 0,
    dropped: 0,
    droppedBy: new Array(12).fill(0),
    crumbsAtOnce: 0,
    crumbsWaited: 0,
    graceUsed: 0,
    messages: 0,
    pings: 0,
    pongs: 0
  }
  /** What the effects of the last step name, each once, whoever it goes to. */
  readonly outgoing: Array<Uint8Array> = []

  constructor(settings: ServeSettings, seed: Seed) {
    // A pong timeout that two pings do not fit into would drop the healthy (§3.2).
    const isTooShort = settings.pongTimeoutMs <= 2 * settings.pingIntervalMs
    this.settings = isTooShort ? { ...settings, pongTimeoutMs: 6 * settings.pingIntervalMs } : settings
    this.cache = new SnapshotCache(settings)
    this.seed = seed
  }
}
