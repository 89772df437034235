// The client's side of the protocol: one machine that keeps a copy of a hub's table. It dials one hub after another with growing pauses,
// prefers a local one, and forgets nothing when a connection ends: the next snapshot is compared with what is held, and only what differs
// is reported. Nothing is withdrawn before the hub has said that it is in sync; what it did not name by then is deleted (§3.9, and what
// upstream's clients learned since v3.31). Who follows keeps forwarding while every hub is gone, and says how old its table is.
import {
  deepClone,
  draw,
  fold,
  hashBytes,
  hashText,
  type Machine,
  MICROS_PER_MS,
  type Micros,
  type OpBuffer,
  type Seed
} from "../machine/index.ts"
import { type FollowEvent, type FollowSettings, FollowState, followEffects, type Held } from "./follow-state.ts"
import type { GoTime } from "./go-time.ts"
import { ZERO_TIME } from "./go-time.ts"
import { type ReceivedMessage, SyncStatus } from "./message.ts"
import { encodeMessage, preambleOf } from "./message-encoder.ts"
import { readKey } from "./route-key.ts"
import type { UpdateBatch } from "./updates.ts"

export const createFollow = (settings: FollowSettings, seed: Seed): FollowState => new FollowState(settings, seed)

export const followMachine: Machine<FollowState, FollowEvent> = {
  name: "fan-out client",
  step: (state, event, out) => {
    state.outgoing.length = 0
    state.changes.length = 0
    take(state, event, out)
    return state
  },
  clone: deepClone,
  digest: (state) => {
    let sum = 0
    for (const [key, { value, generation }] of state.table) {
      sum = (sum + fold(fold(hashText(key), hashBytes(value, 0, value.length)), generation)) >>> 0
    }
    for (const [key, value] of state.pending) {
      sum = (sum + fold(hashText(key), hashBytes(value, 0, value.length) ^ 1)) >>> 0
    }
    const numbers = [state.conn, state.hub, state.place, state.failures, state.seed, state.probe?.conn ?? 0]
    const times = [state.retryAt, state.returnAt, state.heardAt, state.syncedAt, state.outOfSyncAt]
    const words = [
      ...numbers,
      ...times,
      Number(state.inSync),
      Number(state.isStale),
      Number(state.wasEverInSync),
      hashText(state.phase)
    ]
    return words.reduce(fold, sum)
  }
}

/** How long ago the table was last known to be a hub's, in milliseconds; `undefined`: never. */
export const tableAgeMs = (state: FollowState, now: Micros): number | undefined =>
  state.syncedAt === 0 ? undefined : Math.max(0, Math.floor((now - state.syncedAt) / MICROS_PER_MS))

const take = (state: FollowState, event: FollowEvent, out: OpBuffer): void => {
  switch (event._tag) {
    case "Started":
      if (state.phase !== "Stopped") return
      state.outOfSyncAt = event.at
      state.phase = "Waiting"
      dial(state, event.at, out)
      return
    case "Stopped":
      if (state.phase === "Stopped") return
      closeProbe(state, out)
      leave(state, event.at, out)
      state.phase = "Stopped"
      return
    case "Connected":
      connected(state, event.conn, event.at, out)
      return
    case "Closed":
      if (event.conn === state.probe?.conn) abandonProbe(state, event.at)
      else if (event.conn === state.conn && isBusy(state)) failed(state, event.reason, event.at, out)
      return
    case "Received":
      if (event.conn === state.conn && state.phase === "Streaming") received(state, event.message, event.at, out)
      return
    case "Tick":
      tick(state, event.at, out)
      return
  }
}

const isBusy = ({ phase }: FollowState): boolean => phase === "Dialling" || phase === "Streaming"

const dial = (state: FollowState, at: Micros, out: OpBuffer): void => {
  if (state.settings.hubs.length === 0) return
  if (state.place >= state.order.length) {
    state.order = shuffled(state)
    state.place = 0
  }
  state.hub = state.order[state.place++]
  state.conn = ++state.lastConn
  state.phase = "Dialling"
  state.heardAt = at
  state.counters.dials++
  out.put(code.Dial, state.conn, state.hub)
}

/** Local hubs first, then the others in random order, so that followers spread over what is left; last the one that was just lost. */
const shuffled = (state: FollowState): Array<number> => {
  const ranked = state.settings.hubs.map(({ isLocal }, hub) => {
    const [seed, bits] = draw(state.seed)
    state.seed = seed
    const isLast = state.conn !== 0 && hub === state.hub
    return { hub, rank: (isLocal ? 0 : isLast ? 2 : 1) * 2 ** 32 + bits }
  })
  return ranked.sort((one, other) => one.rank - other.rank || one.hub - other.hub).map(({ hub }) => hub)
}

const connected = (state: FollowState, conn: number, at: Micros, out: OpBuffer): void => {
  if (conn === state.probe?.conn) {
    // The new snapshot is compared with what the old hub said: nothing flaps.
    const { hub } = state.probe
    state.probe = undefined
    leave(state, at, out)
    state.conn = conn
    state.hub = hub
  } else if (conn !== state.conn || state.phase !== "Dialling") {
    out.put(code.Close, conn)
    return
  }
  state.phase = "Streaming"
  state.wasInSync = false
  state.pending.clear()
  state.heardAt = at
  state.counters.sessions++
  if (!isLocal(state)) state.returnAt = at + jittered(state, state.settings.returnAfterMs)
  const { hostname, info, version, syncerType, compression } = state.settings
  const hello = encodeMessage({
    _tag: "ClientHello",
    hostname,
    info,
    version,
    syncerType,
    supportsDecoderRestart: compression,
    supportedCompressionAlgorithms: compression ? ["snappy"] : [],
    supportsModernPolicyKeys: true,
    clientConnId: conn
  })
  send(state, preambleOf("client"), out)
  send(state, hello, out)
}

const isLocal = (state: FollowState): boolean => state.settings.hubs[state.hub]?.isLocal === true

const send = (state: FollowState, bytes: Uint8Array, out: OpBuffer): void => {
  out.put(code.Send, state.conn, state.outgoing.push(bytes) - 1)
}

const received = (state: FollowState, message: ReceivedMessage, at: Micros, out: OpBuffer): void => {
  state.heardAt = at
  if (state.inSync) state.syncedAt = at
  switch (message._tag) {
    case "ServerHello":
      state.serverVersion = message.version
      // A hub of the first releases knows one stream and does not name it.
      if (state.settings.syncerType !== "" && ![state.settings.syncerType, ""].includes(message.syncerType)) {
        out.put(code.Close, state.conn)
        failed(state, `the hub serves "${message.syncerType}"`, at, out)
      }
      return
    case "Updates":
      takeUpdates(state, message.updates, out)
      return
    case "SyncStatus":
      statusSaid(state, message.status, at, out)
      return
    case "Ping":
      state.counters.pings++
      send(state, encodeMessage(pongTo(message.timestamp)), out)
      return
    case "DecoderRestart":
      restart(state, message.compressionAlgorithm, at, out)
      return
    default:
      // Nothing that a hub should say, and nothing that does harm.
      return
  }
}

const pongTo = (pingTimestamp: GoTime) => ({ _tag: "Pong", pingTimestamp, pongTimestamp: ZERO_TIME }) as const

const restart = (state: FollowState, algorithm: string, at: Micros, out: OpBuffer): void => {
  if (algorithm !== "" && algorithm !== "snappy") {
    out.put(code.Close, state.conn)
    failed(state, `the hub compresses with "${algorithm}", which was not offered`, at, out)
    return
  }
  out.put(code.RestartDecoder, state.conn, algorithm === "snappy" ? 1 : 0)
  send(state, encodeMessage({ _tag: "Acknowledgement" }), out)
}

const takeUpdates = (state: FollowState, updates: UpdateBatch, out: OpBuffer): void => {
  const { counters, settings, table, pending } = state
  for (let index = 0; index < updates.count; index++) {
    const key = updates.key(index)
    counters.updates++
    const held = table.get(key)
    if (held === undefined && settings.keys === "own" && readKey(key) === undefined) {
      counters.unreadableKeys++
      continue
    }
    const value = updates.value(index)
    if (value === null) taken(state, key, held)
    else if (held !== undefined && sameBytes(held.value, value)) {
      held.generation = state.conn
      pending.delete(key)
      counters.unchanged++
    } else {
      // The received bytes are the decoder's, and of a whole message.
      const own = new Uint8Array(value)
      if (!isComparing(state)) put(state, key, own)
      else {
        pending.set(key, own)
        if (held !== undefined) held.generation = state.conn
      }
    }
  }
  deliver(state, out)
}

/**
 * A hub other than the last one, or the same again, tells its table: perhaps from a snapshot that is a little older than what is held, with
 * what has changed since behind it. What differs is kept back until it is in sync, so that nothing goes back and forth.
 */
const isComparing = ({ wasEverInSync, wasInSync }: FollowState): boolean => wasEverInSync && !wasInSync

const put = (state: FollowState, key: string, value: Uint8Array): void => {
  state.table.set(key, { value, generation: state.conn })
  state.changes.push({ key, value })
}

/** A key is gone; before the hub is in sync it may be one that comes back, and is left to be deleted then. */
const taken = (state: FollowState, key: string, held: Held | undefined): void => {
  state.pending.delete(key)
  if (held === undefined) return
  if (state.wasInSync) remove(state, key)
  else held.generation = NEVER
}

const remove = (state: FollowState, key: string): void => {
  state.table.delete(key)
  state.changes.push({ key, value: null })
}

const deliver = (state: FollowState, out: OpBuffer): void => {
  if (state.changes.length > 0) out.put(code.Deliver, state.changes.length)
}

const statusSaid = (state: FollowState, status: number, at: Micros, out: OpBuffer): void => {
  if (status !== SyncStatus.InSync) {
    fallOut(state, at, out)
    return
  }
  if (!state.wasInSync) {
    for (const [key, { generation }] of state.table) {
      if (generation === state.conn) continue
      remove(state, key)
      state.counters.synthesisedDeletes++
    }
    for (const [key, value] of state.pending) put(state, key, value)
    state.pending.clear()
    deliver(state, out)
  }
  const isNews = !state.inSync
  state.wasInSync = true
  state.wasEverInSync = true
  state.inSync = true
  state.isStale = false
  state.failures = 0
  // Whoever is lost next time begins with the local hubs again.
  state.order = []
  state.place = 0
  state.syncedAt = at
  if (isNews) out.put(code.InSync, state.hub)
}

const fallOut = (state: FollowState, at: Micros, out: OpBuffer): void => {
  if (!state.inSync) return
  state.inSync = false
  state.outOfSyncAt = at
  out.put(code.OutOfSync)
}

/** The connection is given up, and what is held stays. */
const leave = (state: FollowState, at: Micros, out: OpBuffer): void => {
  if (isBusy(state)) out.put(code.Close, state.conn)
  fallOut(state, at, out)
}

const closeProbe = (state: FollowState, out: OpBuffer): void => {
  if (state.probe !== undefined) out.put(code.Close, state.probe.conn)
  state.probe = undefined
}

const failed = (state: FollowState, reason: string, at: Micros, out: OpBuffer): void => {
  const wasInSync = state.wasInSync && state.phase === "Streaming"
  fallOut(state, at, out)
  state.lastError = reason
  state.counters.failures++
  state.phase = "Waiting"
  state.wasInSync = false
  closeProbe(state, out)
  // Hubs not tried yet are tried soon; once all have failed, the pauses grow. A little chance keeps thousands from coming at once.
  const { retryLeastMs, retryMostMs, hubs } = state.settings
  if (!wasInSync) state.failures++
  const rounds = Math.min(16, Math.floor(Math.max(0, state.failures - 1) / Math.max(1, hubs.length)))
  state.retryAt = at + jittered(state, Math.min(retryMostMs, retryLeastMs * 2 ** rounds))
}

/** Microseconds: half to all of the duration. */
const jittered = (state: FollowState, milliseconds: number): Micros => {
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  return Math.floor(milliseconds * MICROS_PER_MS * (0.5 + bits / 2 ** 33))
}

const tick = (state: FollowState, at: Micros, out: OpBuffer): void => {
  const { settings } = state
  if (state.phase === "Stopped") return
  if (state.phase === "Waiting" && at >= state.retryAt) dial(state, at, out)
  const patienceMs = state.phase === "Dialling" ? settings.dialTimeoutMs : settings.readTimeoutMs
  if (isBusy(state) && at - state.heardAt > patienceMs * MICROS_PER_MS) {
    out.put(code.Close, state.conn)
    failed(state, state.phase === "Dialling" ? "no connection in time" : "the hub is silent", at, out)
  }
  if (state.probe !== undefined && at - state.probe.since > settings.dialTimeoutMs * MICROS_PER_MS) {
    out.put(code.Close, state.probe.conn)
    abandonProbe(state, at)
  }
  if (state.phase === "Streaming" && !isLocal(state) && state.probe === undefined && at >= state.returnAt) {
    probeLocal(state, at, out)
  }
  if (!state.inSync && !state.isStale && settings.staleAfterMs > 0) {
    if (at - state.outOfSyncAt >= settings.staleAfterMs * MICROS_PER_MS) becomeStale(state, out)
  }
}

const probeLocal = (state: FollowState, at: Micros, out: OpBuffer): void => {
  const hub = state.settings.hubs.findIndex((each) => each.isLocal)
  if (hub === -1) return
  state.probe = { conn: ++state.lastConn, hub, since: at }
  state.counters.dials++
  out.put(code.Dial, state.probe.conn, hub)
}

const abandonProbe = (state: FollowState, at: Micros): void => {
  state.probe = undefined
  state.returnAt = at + jittered(state, state.settings.returnAfterMs)
}

const becomeStale = (state: FollowState, out: OpBuffer): void => {
  state.isStale = true
  if (state.settings.withdrawStale) {
    for (const key of state.table.keys()) remove(state, key)
    // Nothing is left that could go back and forth.
    for (const [key, value] of state.pending) put(state, key, value)
    state.pending.clear()
    state.wasEverInSync = false
    deliver(state, out)
  }
  out.put(code.Stale)
}

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}

/** No connection has this number. */
const NEVER = 0

const { code } = followEffects
