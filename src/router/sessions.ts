// Performs what a peer's session machine asks for. The machine decides; here its effects become operations of the router, and a
// session that comes up or goes down reaches the RIB.
import type { ConnId } from "../eventlog/index.ts"
import { MICROS_PER_MS, type OpBuffer, unreachable } from "../machine/index.ts"
import { maskOfSession } from "../rib/index.ts"
import {
  connectionOf,
  type Negotiated,
  type PeerEffect,
  type PeerEvent,
  peerStateName,
  reducePeer,
  TimerKind
} from "../session/index.ts"
import {
  encodeNotification,
  encodeOpen,
  FAMILY_NAMES,
  type Family,
  formatAddress,
  isRouted,
  keepalive,
  parseAddress
} from "../wire/index.ts"
import { addressOf, exportParameters, factsOf, intakeOf, isLinkLocal, originOf } from "./agreement.ts"
import { Connection } from "./connection.ts"
import { routerEffects } from "./effects.ts"
import { noteEnd } from "./last-words.ts"
import type { RouterPeer } from "./peer.ts"
import { refreshForgotten, refreshReceived } from "./refresh.ts"
import { restartAbandoned, sessionLost, sessionResumed } from "./restart.ts"
import type { RouterState } from "./state.ts"

/** Gives a peer's machine an event and performs what it answers. */
export const deliver = (state: RouterState, peer: RouterPeer, event: PeerEvent, out: OpBuffer): void => {
  const before = peerStateName(peer.machine)
  const { machine: known } = peer
  const [machine, effects] = reducePeer(known, event)
  peer.machine = machine
  noteEnd(peer, known, event, effects, state.now)
  for (const effect of effects) perform(state, peer, effect, out)
  if (isFinal(event)) restartAbandoned(state, peer, out)
  const after = peerStateName(machine)
  if (after === before) return
  peer.since = state.now
  state.notice(
    {
      kind: "peer-state",
      level: "info",
      peer: peer.config.address,
      message: `${peer.config.address}: ${before} -> ${after}`,
      details: { from: before, to: after, event: event._tag }
    },
    out
  )
}

/** The operator does not want the session, or not as it was: then nothing is kept for its return. */
const isFinal = (event: PeerEvent): boolean =>
  event._tag === "Disabled" || (event._tag === "ResetRequested" && event.graceful !== true)

const perform = (state: RouterState, peer: RouterPeer, effect: PeerEffect, out: OpBuffer): void => {
  const { code } = routerEffects
  switch (effect._tag) {
    case "Dial":
      state.connections.set(effect.conn, new Connection(effect.conn, peer.index))
      out.put(code.Dial, effect.conn, peer.index)
      return
    case "Close": {
      const conn = state.connections.get(effect.conn)
      if (conn === undefined || conn.closing) return
      conn.closing = true
      out.put(code.Close, effect.conn, effect.abort ? 1 : 0)
      return
    }
    case "SendOpen":
      send(state, effect.conn, encodeOpen(effect.open), out)
      return
    case "SendKeepalive":
      send(state, effect.conn, keepalive(), out)
      return
    case "SendNotification":
      send(state, effect.conn, encodeNotification(effect.fault), out)
      return
    case "ArmTimer":
      armTimer(state, peer, effect, out)
      return
    case "CancelTimer":
      state.timers.cancel({ peer: peer.index, conn: effect.conn, kind: effect.timer }, out)
      return
    case "SessionUp":
      sessionUp(state, peer, effect.conn, effect.negotiated, out)
      return
    case "SessionDown":
      sessionDown(state, peer, effect, out)
      return
    case "ProcessRefresh":
      refreshReceived(state, peer, effect, out)
      return
    case "Superseded":
      superseded(state, peer, effect, out)
      return
    case "Gone":
      state.departing.add(peer.index)
      return
    case "ProcessUpdate":
    case "Ignored":
      return
    default:
      unreachable(effect)
      return
  }
}

/** Counts every one and names the first: who holds a peer's place by silence may do so for ever. */
const superseded = (
  state: RouterState,
  peer: RouterPeer,
  { conn: id, by }: Extract<PeerEffect, { readonly _tag: "Superseded" }>,
  out: OpBuffer
): void => {
  if (state.counters.supersededSilent++ >= SILENT_SAID_MAX) return
  const [old, next] = [state.connections.get(id)?.remote, state.connections.get(by)?.remote]
  const message = `connection from ${old} closed: it has sent no OPEN, and the peer has connected again from ${next}`
  state.notice({ kind: "connection-superseded", level: "warning", peer: peer.config.address, message }, out)
}

/** The hold timer of a connection fires: where its OPEN has not come, and the peer began it, that is counted and named. */
export const openOverdue = (
  state: RouterState,
  peer: RouterPeer,
  { conn, remote }: Connection,
  out: OpBuffer
): void => {
  const connection = connectionOf(peer.machine, conn)
  if (connection?.state !== "OpenSent" || connection.initiator !== "remote") return
  if (state.counters.openTimeouts++ >= SILENT_SAID_MAX) return
  const message = `connection from ${remote} closed: it has sent no OPEN in time`
  state.notice({ kind: "open-timeout", level: "warning", peer: peer.config.address, message }, out)
}

const SILENT_SAID_MAX = 100

/** RFC 9687: the send hold timer runs from the oldest bytes that have not left; while a drain is awaited it is not started again. */
const armTimer = (
  state: RouterState,
  peer: RouterPeer,
  effect: Extract<PeerEffect, { readonly _tag: "ArmTimer" }>,
  out: OpBuffer
): void => {
  const owner = { peer: peer.index, conn: effect.conn, kind: effect.timer }
  if (effect.timer === TimerKind.SendHold) {
    const conn = state.connections.get(effect.conn)
    if (conn === undefined || (conn.drainingBytes > 0 && state.timers.isArmed(owner))) return
    if (conn.drainingBytes === 0 && conn.unsentBytes > 0) awaitDrain(conn, out)
  }
  state.timers.arm(owner, effect.milliseconds, out)
}

/** Asks to be told when everything that was sent so far has left. */
export const awaitDrain = (conn: Connection, out: OpBuffer): void => {
  conn.beginDraining()
  out.put(routerEffects.code.WantDrained, conn.conn)
}

const send = (state: RouterState, id: ConnId, message: Uint8Array, out: OpBuffer): void => {
  const conn = state.connections.get(id)
  if (conn !== undefined && !conn.closing) state.sendControl(conn, message, out)
}

const sessionUp = (state: RouterState, peer: RouterPeer, id: ConnId, negotiated: Negotiated, out: OpBuffer): void => {
  const conn = state.connections.get(id)
  if (conn === undefined) return
  const { rib } = state
  const config = state.config!
  const { peers } = rib.adjIn
  rib.judge(peer.index, factsOf(config, peer, negotiated, peers.rank[peer.index]))
  const { as4, addPathReceive: addPath, extendedMessage: extended } = negotiated
  conn.session = {
    negotiated,
    context: { as4, addPath, extended, carried: carriedOf(negotiated), ...originOf(config, peer, negotiated) },
    mask: maskOfSession(peers.outside[peer.index] === 1, as4, extended, negotiated.families, addPath),
    intake: intakeOf(config, peer, negotiated),
    memberships: [],
    disabled: 0,
    lastHeardAt: state.now,
    graceGiven: false
  }
  out.put(routerEffects.code.Expect, id, conn.messageBytesMax)
  peer.established = id
  peer.agreed = negotiated
  noteOwnAddress(state, peer, conn.local)
  peer.endOfRib.fill(false)
  peer.lastError = ""
  peer.lastConnectError = undefined
  for (const family of negotiated.families) {
    const parameters = exportParameters(config, peer, conn.local, negotiated, family as Family)
    conn.session.memberships.push(rib.join(parameters, peer.index))
  }
  sessionResumed(state, peer, negotiated, out)
  state.counters.sessionsUp++
  const families = negotiated.families.map((family) => FAMILY_NAMES[family]).join(", ")
  state.notice(
    {
      kind: "peer-up",
      level: "info",
      peer: peer.config.address,
      message: `${peer.config.address} (AS ${negotiated.remoteAs}) is up: ${families}`
    },
    out
  )
}

/** A link-local address may be somebody else's on another link; and who speaks from our own address is on this host, and means itself. */
const noteOwnAddress = (state: RouterState, peer: RouterPeer, local: string): void => {
  const address = parseAddress(addressOf(local))
  if (address === undefined || (address.family === 6 && isLinkLocal(address.words))) return
  const text = formatAddress(address)
  if (text === formatAddress(peer.address) || state.ownAddresses.has(text)) return
  state.ownAddresses.add(text)
  const { nextHops } = state.rib.store
  const known = nextHops.find(address)
  if (known === -1 || nextHops.reachable[known] === 0) return
  nextHops.reachable[known] = 0
  state.rib.nextHopChanged(known)
}

/** The families beyond the routed ones, as bits. */
const carriedOf = ({ families }: Negotiated): number =>
  families.reduce((bits, family) => (isRouted(family) ? bits : bits | (1 << family)), 0)

const sessionDown = (
  state: RouterState,
  peer: RouterPeer,
  { conn: id, reason, retain }: Extract<PeerEffect, { readonly _tag: "SessionDown" }>,
  out: OpBuffer
): void => {
  const conn = state.connections.get(id)
  if (peer.established !== id || conn?.session === undefined) return
  const { memberships, negotiated } = conn.session
  peer.established = 0
  peer.lastError = reason
  conn.session = undefined
  for (const membership of memberships) state.rib.leave(membership)
  for (const family of negotiated.families as ReadonlyArray<Family>) refreshForgotten(state, peer, family, out)
  sessionLost(state, peer, negotiated, retain && !state.stopping, out)
  state.counters.sessionsDown++
  state.notice(
    {
      kind: "peer-down",
      level: "warning",
      peer: peer.config.address,
      message: `${peer.config.address} is down: ${reason}`
    },
    out
  )
}

/**
 * The hold timer fired. In Established, messages only note when they came: if one came within the hold time the timer is armed for the
 * rest. If none did, it gets one more moment, in which bytes that wait behind a busy loop are read.
 */
export const holdStillRuns = (state: RouterState, peer: RouterPeer, conn: Connection, out: OpBuffer): boolean => {
  const { session } = conn
  if (session === undefined || session.negotiated.holdTimeS === 0) return false
  const silentMs = (state.now - session.lastHeardAt) / MICROS_PER_MS
  const restMs = session.negotiated.holdTimeS * 1000 - silentMs
  if (restMs <= 0 && session.graceGiven) return false
  if (restMs <= 0) session.graceGiven = true
  state.timers.arm(
    { peer: peer.index, conn: conn.conn, kind: TimerKind.Hold },
    restMs <= 0 ? HOLD_GRACE_MS : Math.ceil(restMs),
    out
  )
  return true
}

const HOLD_GRACE_MS = 200
