// One peer as data: what its operator wants, the connections there are, and what it remembers between tries. Also the work in which an
// event is worked off: a list of events for the connections and the effects so far, so that nothing recurses.
import type { Seed } from "../machine/index.ts"
import type { PeerEffect, PeerEvent } from "./alphabet.ts"
import { type Connection, createConnection, hasTcp } from "./connection.ts"
import { CONNECTION_STATES, type ConnectionEvent, type ConnectionState } from "./connection-alphabet.ts"
import type { Negotiated } from "./negotiation.ts"
import type { ConnId, PeerSettings } from "./settings.ts"

export interface Peer {
  readonly settings: PeerSettings
  /** What the operator wants. Only another word of the operator changes it, or the end of a dynamic peer. */
  readonly administrative: "Enabled" | "Disabled" | "Removed"
  /** The peer's own machine: there from the start, in Idle while nothing is wanted or tried. */
  readonly main: Connection
  /** A second connection, until an OPEN decides which of the two stays. */
  readonly second: Connection | undefined
  /** Dials in a row that brought no OPEN: how long to wait for the next. */
  readonly failedDials: number
  /** Ceases in a row with which the peer said that it does not want us (RFC 4486 §4). */
  readonly refusals: number
  /** It sent too many prefixes, and only the operator may start it again. */
  readonly suspended: boolean
  readonly seed: Seed
  /** Why the last connection or attempt ended; empty: none has. */
  readonly lastError: string
}

/** `firstConn` begins a range of 65536 numbers for this peer's dials; the range's first number itself is not used. */
export const createPeer = (
  settings: PeerSettings,
  options: { readonly firstConn: ConnId; readonly seed: Seed }
): Peer => ({
  settings,
  administrative: "Disabled",
  main: createConnection(settings, (options.firstConn & 0xffff) === 0 ? options.firstConn + 1 : options.firstConn),
  second: undefined,
  failedDials: 0,
  refusals: 0,
  suspended: false,
  seed: options.seed,
  lastError: ""
})

/**
 * The peer under other settings, for a configuration that changed. Nothing happens to what runs: a session lives on with what it agreed on,
 * and the next one, or the next timer, goes by the new settings. Where that is not enough the caller resets the peer; see `needsReset`.
 */
export const replaceSettings = (peer: Peer, settings: PeerSettings): Peer => ({
  ...peer,
  settings,
  main: { ...peer.main, settings },
  second: peer.second === undefined ? undefined : { ...peer.second, settings }
})

/** The state of the connection that is furthest on: what a person means by the peer's state. */
export const peerStateName = (peer: Peer): ConnectionState => foremost(peer).state

/** The connection that is furthest on. */
export const foremost = (peer: Peer): Connection =>
  peer.second !== undefined && rank(peer.second) > rank(peer.main) ? peer.second : peer.main

/** The connection with this number, if it is the peer's. */
export const connectionOf = (peer: Peer, conn: ConnId): Connection | undefined => {
  if (conn === 0) return undefined
  if (peer.main.conn === conn) return peer.main
  return peer.second?.conn === conn ? peer.second : undefined
}

/** What the Established connection agreed on, if there is one. */
export const negotiatedOf = (peer: Peer): Negotiated | undefined =>
  peerStateName(peer) === "Established" ? foremost(peer).negotiated : undefined

/** The connection is a dial that has not been answered. */
export const isDialling = (peer: Peer, conn: ConnId): boolean => {
  const connection = connectionOf(peer, conn)
  return connection !== undefined && !hasTcp(connection)
}

/** Nothing is left of it: no socket, no dial. */
export const isFallen = (connection: Connection): boolean =>
  connection.state === "Idle" || (connection.state === "Active" && connection.conn === 0)

const rank = (connection: Connection): number => CONNECTION_STATES.indexOf(connection.state)

/** One event being worked off. `conn` 0 addresses the main machine. */
export interface Work {
  peer: Peer
  /** Milliseconds that the next idle hold is to last, where this event decides it. */
  idleHoldMs: number | undefined
  readonly queue: Array<{ readonly conn: ConnId; readonly event: ConnectionEvent }>
  readonly effects: Array<PeerEffect>
}

export const feed = (work: Work, conn: ConnId, event: ConnectionEvent): void => {
  work.queue.push({ conn, event })
}

export const ignore = (work: Work, event: PeerEvent): void => {
  work.effects.push({ _tag: "Ignored", conn: "conn" in event ? event.conn : 0, event: event._tag })
}
