// The server's side of the protocol: one machine for all clients of a hub. It says who gets what next and who has to go; bytes are put
// together once and named by every effect that sends them. Nothing is queued for a client but what it is being sent: it has a place on the
// trail of breadcrumbs, and goes on from there when what it was given has left our memory. So a slow one costs nobody else anything, and
// what it holds back is bounded in time (§3.4) and in bytes.
import {
  deepClone,
  draw,
  fold,
  hashText,
  type Machine,
  MICROS_PER_MS,
  type Micros,
  type OpBuffer,
  type Seed
} from "../machine/index.ts"
import { goTimeOfUnixNanos, unixNanosOf } from "./go-time.ts"
import type { ClientHello, ReceivedMessage, SyncStatus } from "./message.ts"
import { encodeMessage, preambleOf } from "./message-encoder.ts"
import { closeClient, isTooFarBehind, tick } from "./serve-care.ts"
import {
  type Client,
  type ClientPhase,
  DropReason,
  Framing,
  Metric,
  type ServeEvent,
  type ServeSettings,
  ServeState,
  serveEffects
} from "./serve-state.ts"
import { discardBefore, joinCrumbs, type SnapshotCache, snapshotCache, takeSnapshot } from "./snapshot-cache.ts"

export const createServe = (settings: ServeSettings, seed: Seed): ServeState => new ServeState(settings, seed)

export const serveMachine: Machine<ServeState, ServeEvent> = {
  name: "fan-out server",
  step: (state, event, out) => {
    state.outgoing.length = 0
    take(state, event, out)
    if (state.drain !== undefined && state.clients.size === 0 && !state.isDrained) {
      state.isDrained = true
      out.put(code.Drained)
    }
    return state
  },
  clone: deepClone,
  digest: (state) => {
    let sum = snapshotCache.digest(state.cache)
    for (const client of state.clients.values()) {
      const { conn, piece, next, lastStatus, writingSince, pingAt, pongAt, phase } = client
      sum = (sum + [conn, piece, next, lastStatus, writingSince, pingAt, pongAt, hashText(phase)].reduce(fold, 1)) >>> 0
    }
    return [state.seed, state.limit, state.nextDropAt, state.drain?.nextAt ?? 0].reduce(fold, sum)
  }
}

const take = (state: ServeState, event: ServeEvent, out: OpBuffer): void => {
  if (event._tag === "Accepted") {
    accepted(state, event.conn, event.address, event.at, out)
    return
  }
  if (event._tag === "Offered") {
    const before = state.cache.newest.sequence
    snapshotCache.step(state.cache, event, out)
    if (state.cache.newest.sequence !== before) published(state, before, event.at, out)
    return
  }
  if (event._tag === "Tick") {
    tick(state, event.at, out)
    sendPings(state, event.at, out)
    return
  }
  if (event._tag === "Limited") {
    state.limit = event.connections
    return
  }
  if (event._tag === "Drain") {
    beginDrain(state, event.at, out)
    return
  }
  const client = state.clients.get(event.conn)
  if (client === undefined) return
  if (event._tag === "Received") received(state, client, event.message, event.at, out)
  else if (event._tag === "Written") written(state, client, event.at, out)
  else if (event._tag === "Closed") state.clients.delete(client.conn)
  else {
    state.lastFault = `${client.address}: ${event.reason}`
    closeClient(state, client, DropReason.Broken, out)
  }
}

const accepted = (state: ServeState, conn: number, address: string, at: Micros, out: OpBuffer): void => {
  state.counters.accepted++
  if (state.drain !== undefined) {
    out.put(code.Close, conn, DropReason.Draining)
    return
  }
  state.clients.set(conn, {
    conn,
    address,
    acceptedAt: at,
    phase: "Hello",
    phaseSince: at,
    hostname: "",
    info: "",
    version: "",
    isCompressed: false,
    snapshot: undefined,
    piece: 0,
    next: 0,
    lastStatus: 0,
    cameAt: 0,
    writingSince: 0,
    pingAt: 0,
    isPingDue: false,
    pongAt: 0,
    latencyMicros: 0,
    hasCaughtUp: false,
    idleSince: at,
    usedGrace: false
  })
}

const received = (state: ServeState, client: Client, message: ReceivedMessage, at: Micros, out: OpBuffer): void => {
  if (client.phase === "Hello" && message._tag === "ClientHello") greet(state, client, message, at, out)
  else if (client.phase === "AwaitsRestart" && message._tag === "Acknowledgement") beginSnapshot(state, client, at, out)
  else if (client.phase === "AwaitsStream" && message._tag === "Acknowledgement") {
    send(state, client, preambleOf("server"), Framing.FramedStart, at, out)
    beginStream(state, client, at)
  } else if (message._tag === "Pong" && client.phase !== "Hello") {
    state.counters.pongs++
    client.pongAt = at
    const sentAt = Number(unixNanosOf(message.pingTimestamp) / 1000n)
    client.latencyMicros = Math.max(0, at - sentAt)
    observe(Metric.PingLatency, client.latencyMicros, out)
  } else closeClient(state, client, DropReason.UnexpectedMessage, out)
}

const greet = (state: ServeState, client: Client, hello: ClientHello, at: Micros, out: OpBuffer): void => {
  const { settings } = state
  const syncerType = hello.syncerType === "" ? settings.syncerTypes[0] : hello.syncerType
  client.hostname = hello.hostname
  client.info = hello.info
  client.version = hello.version
  if (!settings.syncerTypes.includes(syncerType)) {
    closeClient(state, client, DropReason.BadHello, out)
    return
  }
  send(state, client, preambleOf("server"), Framing.Plain, at, out)
  const answer = encodeMessage({
    _tag: "ServerHello",
    version: settings.version,
    syncerType,
    supportsNodeResourceUpdates: true,
    serverConnId: client.conn
  })
  send(state, client, answer, Framing.Plain, at, out)
  const algorithms = hello.supportedCompressionAlgorithms
  if (settings.compression && hello.supportsDecoderRestart && algorithms.includes("snappy")) {
    send(state, client, RESTART, Framing.Plain, at, out)
    enter(client, "AwaitsRestart", at)
  } else beginSnapshot(state, client, at, out)
}

const enter = (client: Client, phase: ClientPhase, at: Micros): void => {
  client.phase = phase
  client.phaseSince = at
}

/** Pieces are sent one after the other, each when the one before it is out. */
const beginSnapshot = (state: ServeState, client: Client, at: Micros, out: OpBuffer): void => {
  client.isCompressed = client.phase === "AwaitsRestart"
  client.snapshot = takeSnapshot(state.cache)
  client.next = client.snapshot.sequence + 1
  // A shared snapshot may be a little old: who comes is in sync with what there was when it came, not with what there had been.
  client.cameAt = state.cache.newest.sequence
  enter(client, "Snapshot", at)
  if (client.isCompressed) send(state, client, preambleOf("server"), Framing.FramedStart, at, out)
  if (client.writingSince === 0) advance(state, client, at, out)
}

const beginStream = (state: ServeState, client: Client, at: Micros): void => {
  enter(client, "Streaming", at)
  client.pongAt = at
  client.pingAt = at + pingPause(state)
}

/** The interval, and up to a tenth more. */
const pingPause = (state: ServeState): Micros => {
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  return Math.floor(state.settings.pingIntervalMs * MICROS_PER_MS * (1 + bits / 2 ** 32 / 10))
}

const written = (state: ServeState, client: Client, at: Micros, out: OpBuffer): void => {
  if (client.writingSince !== 0) observe(Metric.WriteLatency, at - client.writingSince, out)
  client.writingSince = 0
  advance(state, client, at, out)
}

/** The next of what a client has to get. Called when nothing is on its way to it. */
const advance = (state: ServeState, client: Client, at: Micros, out: OpBuffer): void => {
  if (client.phase === "Snapshot") sendPiece(state, client, at, out)
  if (client.phase !== "Streaming") return
  if (client.isPingDue) sendPing(state, client, at, out)
  sendCrumbs(state, client, at, out)
}

const sendPiece = (state: ServeState, client: Client, at: Micros, out: OpBuffer): void => {
  const { pieces, status } = client.snapshot!
  if (client.piece < pieces.length) {
    send(state, client, pieces[client.piece++], framingOf(client), at, out)
    if (client.piece < pieces.length) return
  }
  // The last piece is on its way, or there was none.
  client.snapshot = undefined
  observe(Metric.SnapshotSend, at - client.phaseSince, out)
  if (client.isCompressed) {
    send(state, client, RESTART, Framing.Framed, at, out)
    client.lastStatus = 0
    enter(client, "AwaitsStream", at)
    return
  }
  beginStream(state, client, at)
  sendStatus(state, client, status, at, out)
}

const framingOf = ({ isCompressed }: Client): Framing => (isCompressed ? Framing.Framed : Framing.Plain)

const sendStatus = (state: ServeState, client: Client, status: SyncStatus, at: Micros, out: OpBuffer): void => {
  if (status === client.lastStatus || client.next <= client.cameAt) return
  client.lastStatus = status
  send(state, client, STATUS_MESSAGES[status], framingOf(client), at, out)
}

/** Messages as long as there is something, and not too much at a time. */
const sendCrumbs = (state: ServeState, client: Client, at: Micros, out: OpBuffer): void => {
  const { newest } = state.cache
  for (let budget = SEND_BYTES; budget > 0 && client.next <= newest.sequence; ) {
    if (isTooFarBehind(state, client, at)) {
      closeClient(state, client, DropReason.FellBehind, out)
      return
    }
    budget -= sendNext(state, client, at, out)
  }
  if (client.next <= newest.sequence) {
    state.counters.crumbsAtOnce++
    return
  }
  // That of its snapshot, where no crumb came since.
  sendStatus(state, client, newest.status, at, out)
  client.hasCaughtUp = true
  client.idleSince = at
}

/** One message: a crumb as it is where the client keeps up, several together where it does not (§3.4). Its bytes. */
const sendNext = (state: ServeState, client: Client, at: Micros, out: OpBuffer): number => {
  const { cache, settings } = state
  const { newest } = cache
  const from = client.next
  const first = cache.crumb(from)!
  let last = first
  if (newest.at - first.at >= settings.minBatchingAgeMs * MICROS_PER_MS) {
    let count = first.updates.length
    while (count < settings.maxMessageSize && last !== newest) {
      last = cache.crumb(last.sequence + 1)!
      count += last.updates.length
    }
  }
  client.next = last.sequence + 1
  const message = joinCrumbs(cache, from, last.sequence)
  if (message !== undefined) {
    send(state, client, message, framingOf(client), at, out)
    state.counters.messages++
    observe(Metric.ClientLatency, at - first.at, out)
    observe(Metric.UpdatesPerMessage, updateCountOf(cache, from, last.sequence), out)
  }
  sendStatus(state, client, last.status, at, out)
  return message?.length ?? 0
}

const updateCountOf = (cache: SnapshotCache, from: number, to: number): number => {
  let count = 0
  for (let sequence = from; sequence <= to; sequence++) count += cache.crumb(sequence)!.updates.length
  return count
}

/** New crumbs: to everybody who waits for them. The bytes are the same for all. */
const published = (state: ServeState, before: number, at: Micros, out: OpBuffer): void => {
  for (let sequence = before + 1; sequence <= state.cache.newest.sequence; sequence++) {
    observe(Metric.CrumbSize, state.cache.crumb(sequence)!.updates.length, out)
  }
  for (const client of state.clients.values()) {
    if (client.phase !== "Streaming" || client.writingSince !== 0) continue
    state.counters.crumbsWaited++
    observe(Metric.NextCrumbLatency, at - client.idleSince, out)
    sendCrumbs(state, client, at, out)
  }
  trim(state)
}

const trim = (state: ServeState): void => {
  let oldest = state.cache.newest.sequence + 1
  for (const { next, phase } of state.clients.values()) {
    if (phase !== "Hello" && phase !== "AwaitsRestart") oldest = Math.min(oldest, next)
  }
  discardBefore(state.cache, oldest)
}

const sendPings = (state: ServeState, at: Micros, out: OpBuffer): void => {
  for (const client of state.clients.values()) {
    if (client.phase !== "Streaming" || at < client.pingAt) continue
    client.pingAt = at + pingPause(state)
    client.isPingDue = true
    if (client.writingSince === 0) sendPing(state, client, at, out)
  }
  trim(state)
}

const sendPing = (state: ServeState, client: Client, at: Micros, out: OpBuffer): void => {
  client.isPingDue = false
  state.counters.pings++
  const timestamp = goTimeOfUnixNanos(BigInt(at) * 1000n)
  send(state, client, encodeMessage({ _tag: "Ping", timestamp }), framingOf(client), at, out)
}

const send = (
  state: ServeState,
  client: Client,
  bytes: Uint8Array,
  framing: Framing,
  at: Micros,
  out: OpBuffer
): void => {
  const { outgoing } = state
  // Nearly always what the client before this one got.
  let index = outgoing.lastIndexOf(bytes)
  if (index === -1) index = outgoing.push(bytes) - 1
  out.put(code.Send, client.conn, index, framing)
  if (client.writingSince === 0) client.writingSince = at
}

const beginDrain = (state: ServeState, at: Micros, out: OpBuffer): void => {
  if (state.drain !== undefined) return
  const { drainTimeoutMs, drainIntervalMs } = state.settings
  const intervalMs = Math.min(drainIntervalMs, drainTimeoutMs / Math.max(1, state.clients.size))
  state.drain = { intervalMicros: Math.floor(intervalMs * MICROS_PER_MS), nextAt: at }
  out.put(code.StopListening)
  tick(state, at, out)
}

const observe = (metric: number, value: number, out: OpBuffer): void => {
  out.put(code.Observe, metric, Math.min(0xffff_ffff, Math.max(0, value)))
}

const { code } = serveEffects
/** What is handed to a connection at a time; a small one waits for what is left. */
const SEND_BYTES = 128 * 1024
const RESTART = encodeMessage({ _tag: "DecoderRestart", message: "a new stream", compressionAlgorithm: "snappy" })
const STATUS_MESSAGES = [0, 1, 2].map((status) => encodeMessage({ _tag: "SyncStatus", status }))
