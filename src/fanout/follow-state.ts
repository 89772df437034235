// What the client's machine is told, asks for and holds; the machine itself is in follow.ts.
import { defineOps, type Micros, type OpOf, type Seed } from "../machine/index.ts"
import type { ReceivedMessage } from "./message.ts"

export interface FollowSettings {
  /** By hub: whether it is local, and so preferred. */
  readonly hubs: ReadonlyArray<{ readonly isLocal: boolean }>
  /** "own": keys that `readKey` does not know are dropped and counted. */
  readonly keys: "own" | "all"
  readonly hostname: string
  readonly info: string
  readonly version: string
  /** The stream asked for; empty: the hub's default. */
  readonly syncerType: string
  /** Offer decoder restarts with snappy. */
  readonly compression: boolean
  readonly dialTimeoutMs: number
  /** A hub that says nothing for so long is gone: three of its pings. */
  readonly readTimeoutMs: number
  readonly retryLeastMs: number
  readonly retryMostMs: number
  /** Away from a local hub: when to try it again. */
  readonly returnAfterMs: number
  /** Out of sync for so long, the table is called stale; 0: never. */
  readonly staleAfterMs: number
  /** Whether a stale table is withdrawn. Otherwise it stays in use. */
  readonly withdrawStale: boolean
}

export const FOLLOW_DEFAULTS: Omit<FollowSettings, "hubs" | "hostname" | "version"> = {
  keys: "own",
  info: "",
  syncerType: "",
  compression: true,
  dialTimeoutMs: 10_000,
  readTimeoutMs: 30_000,
  retryLeastMs: 500,
  retryMostMs: 30_000,
  returnAfterMs: 60_000,
  staleAfterMs: 300_000,
  withdrawStale: false
}

export type FollowEvent =
  | { readonly _tag: "Started"; readonly at: Micros }
  | { readonly _tag: "Stopped"; readonly at: Micros }
  | { readonly _tag: "Connected"; readonly at: Micros; readonly conn: number }
  /** Also: could not be dialled, or said what cannot be decoded. */
  | { readonly _tag: "Closed"; readonly at: Micros; readonly conn: number; readonly reason: string }
  | { readonly _tag: "Received"; readonly at: Micros; readonly conn: number; readonly message: ReceivedMessage }
  /** Comes several times within each of the settings' times. */
  | { readonly _tag: "Tick"; readonly at: Micros }

export const followEffects = defineOps({
  /** Connect to `settings.hubs[hub]`; report Connected or Closed. */
  Dial: [1, "conn", "hub"],
  Close: [2, "conn"],
  /** Write `state.outgoing[index]`. */
  Send: [3, "conn", "index"],
  /** What comes after the message just given is a new stream. */
  RestartDecoder: [4, "conn", "isCompressed"],
  /** `state.changes`, all of them, in order. */
  Deliver: [5, "count"],
  /** The table is what the hub has. Follows the deliveries that made it so. */
  InSync: [6, "hub"],
  /** The hub is gone or no longer in sync itself; the table stays. */
  OutOfSync: [7],
  /** Out of sync for `staleAfterMs`. */
  Stale: [8]
})

export type FollowEffect = OpOf<typeof followEffects>

/** One route key's new value; null: it is gone. */
export interface FollowChange {
  readonly key: string
  readonly value: Uint8Array | null
}

export interface Held {
  readonly value: Uint8Array
  /** Of the connection that named it last; another than the current one is deleted when that is in sync. */
  generation: number
}

export interface FollowCounters {
  dials: number
  failures: number
  sessions: number
  updates: number
  /** Named again by a new hub and the same as before: not reported. */
  unchanged: number
  unreadableKeys: number
  synthesisedDeletes: number
  pings: number
}

type Phase = "Stopped" | "Waiting" | "Dialling" | "Streaming"

export class FollowState {
  readonly settings: FollowSettings
  phase: Phase = "Stopped"
  seed: Seed
  /** The connection that is dialled or followed; its number is its generation. */
  conn = 0
  hub = 0
  /** Meanwhile dialled, because it is local and `hub` is not. */
  probe: { readonly conn: number; readonly hub: number; readonly since: Micros } | undefined = undefined
  lastConn = 0
  /** Hubs in the order in which they are tried, and the place in it. */
  order: Array<number> = []
  place = 0
  /** In a row, since a hub was last in sync. */
  failures = 0
  retryAt: Micros = 0
  returnAt: Micros = 0
  /** Dialled at, or last heard of. */
  heardAt: Micros = 0
  /** The hub has said so on this connection, and has not taken it back. */
  inSync = false
  /** It has said so at least once on this connection. */
  wasInSync = false
  /** When the table was last known to be what a hub has; 0: never. */
  syncedAt: Micros = 0
  outOfSyncAt: Micros = 0
  isStale = false
  lastError = ""
  serverVersion = ""
  readonly table: Map<string, Held> = new Map()
  /** In sync at some time, with this hub or another: from then on a new connection's table is compared first. */
  wasEverInSync = false
  /** What differs so far, until the new connection is in sync. */
  readonly pending: Map<string, Uint8Array> = new Map()
  readonly counters: FollowCounters = {
    dials: 0,
    failures: 0,
    sessions: 0,
    updates: 0,
    unchanged: 0,
    unreadableKeys: 0,
    synthesisedDeletes: 0,
    pings: 0
  }
  /** What the effects of the last step name. */
  readonly outgoing: Array<Uint8Array> = []
  readonly changes: Array<FollowChange> = []

  constructor(settings: FollowSettings, seed: Seed) {
    this.settings = settings
    this.seed = seed
  }
}
