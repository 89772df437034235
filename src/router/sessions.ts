// Performs what a peer's session machine asks for. The machine decides; here its effects become operations of the router, and a
// session that comes up or goes down reaches the RIB.
import { ACCEPTED, type ConnId } from "../eventlog/index.ts"
import { MICROS_PER_MS, type OpBuffer, unreachable } from "../machine/index.ts"
import { type ExportParameters, PeerKind } from "../rib/index.ts"
import { type Negotiated, type PeerEffect, type PeerEvent, peerStateName, reducePeer, TimerKind } from "../session/index.ts"
import { describeNotification, encodeNotification, encodeOpen, FAMILY_NAMES, familyOf, keepalive, parseAddress } from "../wire/index.ts"
import type { PeerType } from "./config.ts"
import { Connection } from "./connection.ts"
import { routerEffects } from "./effects.ts"
import type { RouterPeer } from "./peer.ts"
import type { RouterState } from "./state.ts"

/** Gives a peer's machine an event and performs what it answers. */
export const deliver = (state: RouterState, peer: RouterPeer, event: PeerEvent, out: OpBuffer): void => {
  const before = peerStateName(peer.machine)
  const [machine, effects] = reducePeer(peer.machine, event)
  peer.machine = machine
  for (const effect of effects) perform(state, peer, effect, out)
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
      return send(state, effect.conn, encodeOpen(effect.open), out)
    case "SendKeepalive":
      return send(state, effect.conn, keepalive(), out)
    case "SendNotification":
      peer.lastError = `sent ${describeNotification(effect.fault)}`
      return send(state, effect.conn, encodeNotification(effect.fault), out)
    case "ArmTimer":
      return armTimer(state, peer, effect, out)
    case "CancelTimer":
      return state.timers.cancel({ peer: peer.index, conn: effect.conn, kind: effect.timer }, out)
    case "SessionUp":
      return sessionUp(state, peer, effect.conn, effect.negotiated, out)
    case "SessionDown":
      return sessionDown(state, peer, effect.conn, effect.reason, out)
    case "ProcessRefresh":
      return effect.subtype === 0 ? repeatTable(state, peer, familyOf(effect.afi, effect.safi)) : undefined
    case "ProcessUpdate":
    case "Ignored":
      return
    default:
      return unreachable(effect)
  }
}

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
  conn.drainingBytes = conn.unsentBytes
  out.put(routerEffects.code.WantDrained, conn.conn)
}

/** The adj-out of a family goes out again, as it is now (RFC 2918). */
export const repeatTable = (state: RouterState, peer: RouterPeer, family: number): void => {
  const { session } = state.connections.get(peer.established) ?? {}
  for (const { exportClass, member } of session?.memberships ?? []) {
    if (exportClass.parameters.family === family) exportClass.repeat(member)
  }
}

const send = (state: RouterState, id: ConnId, message: Uint8Array, out: OpBuffer): void => {
  const conn = state.connections.get(id)
  if (conn !== undefined && !conn.closing) state.sendControl(conn, message, out)
}

const sessionUp = (
  state: RouterState,
  peer: RouterPeer,
  id: ConnId,
  negotiated: Negotiated,
  out: OpBuffer
): void => {
  const conn = state.connections.get(id)
  if (conn === undefined) return
  const { rib } = state
  const kind = kindOf(peer.config.type)
  rib.adjIn.peers.set(peer.index, {
    kind,
    accepts: peer.config.policyOpen || kind !== PeerKind.External,
    routerId: negotiated.remoteId,
    rank: rankOf(state, peer)
  })
  const external = kind === PeerKind.External || kind === PeerKind.RouteServerClient
  conn.session = {
    negotiated,
    context: { as4: negotiated.as4, addPath: negotiated.addPathReceive, external, extended: negotiated.extendedMessage },
    memberships: [],
    lastHeardAt: state.now,
    graceGiven: false
  }
  peer.established = id
  peer.endOfRib = [false, false]
  peer.lastError = ""
  for (const family of negotiated.families) {
    const parameters = exportParameters(state, peer, conn, negotiated, family as 0 | 1)
    const exportClass = rib.classFor(JSON.stringify(parameters), parameters)
    conn.session.memberships.push({ exportClass, member: exportClass.join(peer.index) })
  }
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

const sessionDown = (state: RouterState, peer: RouterPeer, id: ConnId, reason: string, out: OpBuffer): void => {
  const conn = state.connections.get(id)
  if (peer.established !== id) return
  peer.established = 0
  peer.lastError = reason
  if (conn?.session !== undefined) {
    for (const { exportClass } of conn.session.memberships) state.rib.leaveClass(exportClass, peer.index)
    conn.session = undefined
  }
  state.rib.endSession(peer.index)
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

const exportParameters = (
  state: RouterState,
  peer: RouterPeer,
  conn: Connection,
  negotiated: Negotiated,
  family: 0 | 1
): ExportParameters => {
  const kind = kindOf(peer.config.type)
  const local = parseAddress(addressOf(conn.local))
  const router = state.config!.router
  return {
    family,
    kind,
    localAs: router.asn,
    clusterId: parseAddress(router.id)!.words[0],
    as4: negotiated.as4,
    messageBytesMax: negotiated.extendedMessage ? 65535 : 4096,
    nextHopSelf: local !== undefined && local.family === (family === 0 ? 4 : 6) ? local.words : [],
    open: peer.config.policyOpen || kind !== PeerKind.External
  }
}

/** The place of a peer's address among all peers' addresses (RFC 4271 §9.1.2.2 g). */
export const rankOf = (state: RouterState, peer: RouterPeer): number => {
  let rank = 0
  for (const other of state.peers) if (other !== undefined && compareAddresses(other, peer) < 0) rank++
  return rank
}

const compareAddresses = (one: RouterPeer, other: RouterPeer): number => {
  if (one.address.family !== other.address.family) return one.address.family - other.address.family
  const differing = one.address.words.findIndex((word, index) => word !== other.address.words[index])
  return differing === -1 ? 0 : one.address.words[differing] - other.address.words[differing]
}

export const kindOf = (type: PeerType): PeerKind => {
  switch (type) {
    case "external":
      return PeerKind.External
    case "internal":
      return PeerKind.Internal
    case "route-reflector-client":
      return PeerKind.ReflectorClient
    case "route-server-client":
      return PeerKind.RouteServerClient
  }
}

/** `address` out of `address:port` or `[address%scope]:port`. */
export const addressOf = (endpoint: string): string => {
  if (endpoint.startsWith("[")) return endpoint.slice(1, endpoint.indexOf("]")).replace(/%.*/, "")
  const colon = endpoint.lastIndexOf(":")
  return colon === -1 ? endpoint : endpoint.slice(0, colon)
}

/** A peer connected to us. Strangers are refused and counted. */
export const accept = (state: RouterState, id: ConnId, remote: string, local: string, out: OpBuffer): void => {
  if (state.connections.has(id)) return
  const address = addressOf(remote)
  const index = id >= ACCEPTED && !state.stopping ? state.byAddress.get(address) : undefined
  if (index === undefined) {
    state.counters.connectionsRefused++
    out.put(routerEffects.code.Close, id, 1)
    if (state.counters.connectionsRefused <= REFUSALS_SAID_MAX) {
      const message = `connection from ${remote} refused: no such peer`
      state.notice({ kind: "connection-refused", level: "warning", message }, out)
    }
    return
  }
  const conn = new Connection(id, index)
  conn.remote = remote
  conn.local = local
  state.connections.set(id, conn)
  deliver(state, state.peerAt(index), { _tag: "Accepted", conn: id }, out)
}

const REFUSALS_SAID_MAX = 100

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
