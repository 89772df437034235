// Who has to go: clients that do not greet, do not answer, take nothing or fall behind; one too many, so that another hub gets it; and in
// the end all of them, one after the other, so that the other hubs are not overrun.
import { draw, MICROS_PER_MS, type Micros, type OpBuffer } from "../machine/index.ts"
import { type Client, DropReason, type ServeState, serveEffects } from "./serve-state.ts"

export const closeClient = (state: ServeState, client: Client, reason: DropReason, out: OpBuffer): void => {
  state.clients.delete(client.conn)
  state.counters.droppedBy[reason]++
  out.put(serveEffects.code.Close, client.conn, reason)
}

/** Everything that time brings, but pings. */
export const tick = (state: ServeState, at: Micros, out: OpBuffer): void => {
  for (const client of state.clients.values()) {
    const reason = overdue(state, client, at)
    if (reason !== undefined) closeClient(state, client, reason, out)
  }
  boundHistory(state, out)
  rebalance(state, at, out)
  drainSome(state, at, out)
}

const overdue = (state: ServeState, client: Client, at: Micros): DropReason | undefined => {
  const { settings } = state
  const isOver = (since: Micros, limitMs: number): boolean => at - since > limitMs * MICROS_PER_MS
  if (client.phase === "Hello")
    return isOver(client.acceptedAt, settings.handshakeTimeoutMs) ? DropReason.NoHello : undefined
  if (client.writingSince !== 0 && isOver(client.writingSince, settings.writeTimeoutMs)) return DropReason.WriteTimeout
  if (client.phase === "Streaming") {
    if (isOver(client.pongAt, settings.pongTimeoutMs)) return DropReason.NoPong
    return isTooFarBehind(state, client, at) ? DropReason.FellBehind : undefined
  }
  const isAwaited = client.phase === "AwaitsRestart" || client.phase === "AwaitsStream"
  // While the piece before it is still on its way, the client cannot know that it is asked.
  if (!isAwaited || client.writingSince !== 0) return undefined
  return isOver(client.phaseSince, settings.pongTimeoutMs) ? DropReason.NoAcknowledgement : undefined
}

/** A client that is new may be so for a while, until it has caught up once: its snapshot took its time (v3.20). */
export const isTooFarBehind = (state: ServeState, client: Client, at: Micros): boolean => {
  const { settings, cache } = state
  const crumb = cache.crumb(client.next)
  if (crumb === undefined || cache.newest.at - crumb.at <= settings.maxFallBehindMs * MICROS_PER_MS) return false
  if (client.hasCaughtUp || at - client.phaseSince > settings.gracePeriodMs * MICROS_PER_MS) return true
  if (!client.usedGrace) state.counters.graceUsed++
  client.usedGrace = true
  return false
}

/** The clients that stand furthest back go until the trail is short enough without them. */
const boundHistory = (state: ServeState, out: OpBuffer): void => {
  const { cache, clients, settings } = state
  let bytes = cache.historyBytes
  if (bytes <= settings.historyBytesMax) return
  const reading = [...clients.values()].filter(({ phase }) => phase !== "Hello" && phase !== "AwaitsRestart")
  reading.sort((one, other) => one.next - other.next)
  let at = cache.crumbs[0].sequence
  for (const client of reading) {
    for (; at < client.next; at++) bytes -= cache.crumb(at)?.sizeBytes ?? 0
    if (bytes <= settings.historyBytesMax) return
    closeClient(state, client, DropReason.HistoryFull, out)
  }
}

/** One too many goes, chosen by chance, and a while later the next: it finds another hub (§3.5). */
const rebalance = (state: ServeState, at: Micros, out: OpBuffer): void => {
  if (at < state.nextDropAt || state.drain !== undefined) return
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  state.nextDropAt = at + Math.floor(state.settings.dropIntervalMs * MICROS_PER_MS * (1 + bits / 2 ** 32 / 10))
  if (state.clients.size <= state.limit) return
  state.counters.dropped++
  closeClient(state, anyClient(state), DropReason.Rebalanced, out)
}

const drainSome = (state: ServeState, at: Micros, out: OpBuffer): void => {
  const { drain } = state
  if (drain === undefined) return
  for (; state.clients.size > 0 && at >= drain.nextAt; drain.nextAt += drain.intervalMicros) {
    closeClient(state, anyClient(state), DropReason.Draining, out)
  }
}

const anyClient = (state: ServeState): Client => {
  const [seed, bits] = draw(state.seed)
  state.seed = seed
  return [...state.clients.values()][bits % state.clients.size]
}

export interface ConnectionLimitOptions {
  readonly hubs: number
  /** Nodes that follow. */
  readonly nodes: number
  /** Connections that each node has. */
  readonly streams: number
  readonly lower: number
  readonly upper: number
}

/**
 * How many clients a hub should have at most, so that they spread and one hub may fail: a fifth more than an even share among the others.
 * The original forgot for years that a node has several connections and dropped healthy ones (calico#5662).
 */
export const connectionLimit = ({ hubs, nodes, streams, lower, upper }: ConnectionLimitOptions): number => {
  if (hubs <= 1) return upper
  const share = 1 + Math.floor(Math.floor((nodes * streams * 120) / (hubs - 1)) / 100)
  return Math.min(upper, Math.max(lower, share))
}
