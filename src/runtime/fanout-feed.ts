// Our own table as followers get it: what the router has decided, with the state of its peers and of the hub itself. The table is in sync once
// every peer has told its own or had a minute for it; a hub that has lost all its peers says so, instead of being stale in silence.
import { bytesOf, hubKey, peerKey, SyncStatus, type Update, UpdateType } from "../fanout/index.ts"
import { MICROS_PER_SECOND } from "../machine/index.ts"
import { query, type RouterState } from "../router/index.ts"
import { nowMicros } from "./fanout-clock.ts"

/** Where our own table goes: to our followers, into the store of the site, or both. */
export interface FeedSink {
  readonly isKnown: (key: string) => boolean
  readonly offer: (updates: ReadonlyArray<Update>, status: SyncStatus | undefined) => void
}

/** What has changed since the last look. */
export class Feed {
  readonly #sink: FeedSink
  readonly #version: string
  readonly #peers = new Map<string, string>()
  #state: RouterState | undefined
  #sequence = 0
  #hub = ""
  #status: SyncStatus = SyncStatus.WaitForDatastore

  constructor(sink: FeedSink, version: string) {
    this.#sink = sink
    this.#version = version
  }

  took(state: RouterState, sequence: number): void {
    this.#state = state
    this.#sequence = sequence
    const updates = state.published.map(({ key, value }) => this.#update(key, value))
    // A session that comes or goes is told as a notice too.
    if (state.notices.length > 0) this.#describe(state, updates)
    this.#offer(state, updates)
  }

  /** Time alone may have brought it in sync. */
  look(): void {
    if (this.#state !== undefined) this.#offer(this.#state, [])
  }

  #offer(state: RouterState, updates: ReadonlyArray<Update>): void {
    const status = statusOf(state)
    const news = status === this.#status ? undefined : status
    this.#status = status
    if (updates.length > 0 || news !== undefined) this.#sink.offer(updates, news)
  }

  #update(key: string, value: Uint8Array | null): Update {
    const isKnown = this.#sink.isKnown(key)
    return {
      key,
      value,
      revision: String(this.#sequence),
      v3ResourceVersion: "",
      ttlNanoseconds: 0,
      updateType: value === null ? UpdateType.Deleted : isKnown ? UpdateType.Updated : UpdateType.New
    }
  }

  #describe(state: RouterState, updates: Array<Update>): void {
    if (state.config === undefined) return
    const { asn, id } = state.config.router
    const hub = JSON.stringify({ hub: id, asn, version: this.#version, hostname: state.config.hostname ?? "" })
    if (hub !== this.#hub) updates.push(this.#update(hubKey(id), bytesOf(hub)))
    this.#hub = hub
    const gone = new Set(this.#peers.keys())
    for (const { address, asn: peerAsn, name, state: phase } of query(state, "peers") as ReadonlyArray<PeerRow>) {
      const key = peerKey(id, address)
      const value = JSON.stringify({ address, asn: peerAsn, name, state: phase })
      gone.delete(key)
      if (this.#peers.get(key) === value) continue
      this.#peers.set(key, value)
      updates.push(this.#update(key, bytesOf(value)))
    }
    for (const key of gone) {
      this.#peers.delete(key)
      updates.push(this.#update(key, null))
    }
  }
}

interface PeerRow {
  readonly address: string
  readonly asn: number
  readonly name: string
  readonly state: string
}

const statusOf = (state: RouterState): SyncStatus => {
  if (!state.isConfigured) return SyncStatus.WaitForDatastore
  const peers = state.peers.filter((peer) => peer?.config.enabled === true)
  const isIsolated = peers.length > 0 && peers.every((peer) => peer!.established === 0)
  const hadTime = nowMicros() - state.startedAt > GRACE_SECONDS * MICROS_PER_SECOND
  const isSettled = !state.restarting && (state.initialSyncDone || hadTime)
  return isSettled && !isIsolated ? SyncStatus.InSync : SyncStatus.ResyncInProgress
}

/** For a peer that never tells its table, as the kernel's side waits too. */
const GRACE_SECONDS = 60
