// What a connection says once TCP is up, as events of its machine: OPENs are negotiated and their collisions resolved, malformed messages
// sorted by what answers them, messages that RFC 4271's machine does not know given a place in it.
import { afiOf, ErrorCode, type Fault, isFault, MessageType, type Open, OpenSubcode, safiOf } from "../wire/index.ts"
import type { PeerEvent } from "./alphabet.ts"
import { buildOpen } from "./announcement.ts"
import { resolveCollision } from "./collision.ts"
import { type Connection, hasTcp, isArmed } from "./connection.ts"
import type { ConnectionEvent } from "./connection-alphabet.ts"
import { notifications } from "./faults.ts"
import { negotiate, settingsFor } from "./negotiation.ts"
import { connectionOf, feed, ignore, type Peer, type Work } from "./peer.ts"
import { TimerKind } from "./settings.ts"

export type Heard = Exclude<
  PeerEvent,
  {
    readonly _tag:
      | "Enabled"
      | "Disabled"
      | "Removed"
      | "ResetRequested"
      | "BfdDown"
      | "Accepted"
      | "Dialled"
      | "DialFailed"
      | "Closed"
      | "TimerFired"
  }
>

/** From any other connection it is late. */
export const heard = (work: Work, event: Heard): void => {
  const connection = connectionOf(work.peer, event.conn)
  if (connection === undefined || !hasTcp(connection)) ignore(work, event)
  else translate(work, connection, event)
}

const translate = (work: Work, connection: Connection, event: Heard): void => {
  const { conn } = event
  switch (event._tag) {
    case "OpenReceived":
      feed(work, conn, judgeOpen(work, met(work, connection, event.open), event))
      break
    case "KeepaliveReceived":
      settle(work, connection)
      feed(work, conn, { _tag: "KeepaliveReceived" })
      break
    case "UpdateReceived":
      feed(work, conn, { _tag: "UpdateReceived", messageType: MessageType.Update })
      break
    case "NotificationReceived":
      feed(work, conn, {
        _tag: saysVersion(event.fault) ? "VersionRefused" : "NotificationReceived",
        fault: event.fault
      })
      break
    // The RFC's machine has no event for ROUTE-REFRESH: out of place it is one more unexpected message.
    case "RefreshReceived":
      if (connection.state === "Established") work.effects.push({ ...event, _tag: "ProcessRefresh" })
      else feed(work, conn, { _tag: "UpdateReceived", messageType: MessageType.RouteRefresh })
      break
    case "Malformed":
      feed(work, conn, translateMalformed(event))
      break
    case "PrefixLimitExceeded":
      limitPrefixes(work, event)
  }
}

const saysVersion = ({ code, subcode }: Fault): boolean => code === ErrorCode.Open && subcode === OpenSubcode.Version

const translateMalformed = (event: Extract<PeerEvent, { readonly _tag: "Malformed" }>): ConnectionEvent => {
  // RFC 4271 §6.4: a bad NOTIFICATION is never answered.
  if (event.messageType === MessageType.Notification) return { _tag: "NotificationReceived", fault: event.fault }
  if (event.fault.code === ErrorCode.Header) return { _tag: "HeaderMalformed", fault: event.fault }
  if (event.fault.code === ErrorCode.Open) return { _tag: "OpenMalformed", fault: event.fault }
  return { _tag: "UpdateMalformed", fault: event.fault, messageType: event.messageType }
}

/** A connection on which the peer spoke first: what we answer may depend on who it is. */
const met = (work: Work, connection: Connection, open: Open): Connection => {
  const { settings } = connection
  const fitting = connection.announced === undefined ? settingsFor(settings, open) : settings
  if (fitting === settings) return connection
  const known = { ...connection, settings: fitting }
  work.peer = work.peer.main === connection ? { ...work.peer, main: known } : { ...work.peer, second: known }
  return known
}

/** Negotiates, resolves a collision that the OPEN reveals (RFC 4271 §6.8), and says what the OPEN means to its connection. */
const judgeOpen = (
  work: Work,
  connection: Connection,
  event: Extract<PeerEvent, { readonly _tag: "OpenReceived" }>
): ConnectionEvent => {
  const { settings } = work.peer
  // Past OpenSent a second OPEN is an error whatever it says.
  if (connection.negotiated !== undefined) {
    return { _tag: "OpenReceived", negotiated: connection.negotiated, lost: false }
  }
  const { announced } = connection
  const asked = announced === undefined ? settingsFor(settings, event.open) : settings
  const negotiated = negotiate(asked, announced ?? buildOpen(asked, connection.withheld), event.open)
  if (isFault(negotiated)) return { _tag: "OpenMalformed", fault: negotiated }
  const tag = isArmed(connection, TimerKind.DelayOpen) ? "DelayedOpenReceived" : "OpenReceived"
  const other = work.peer.main === connection ? work.peer.second : work.peer.main
  if (other === undefined) return { _tag: tag, negotiated, lost: false }
  const detect = settings.collisionDetectEstablished === true
  if (!detect && isUndecided(work.peer, other, connection)) return { _tag: tag, negotiated, lost: false }
  switch (resolveCollision(connection, other, { ...settings, ...negotiated }, detect)) {
    case "duplicate":
      return { _tag: "OpenMalformed", fault: notifications.badIdentifier() }
    case "keep-other":
      // The table says nothing to a peer that has not heard our OPEN; this one would try again at once.
      if (tag === "DelayedOpenReceived") sayCollision(work, connection)
      return { _tag: tag, negotiated, lost: true }
    case "keep-new":
      feed(work, other.conn, { _tag: "CollisionLost" })
      return { _tag: tag, negotiated, lost: false }
    case "none":
      return { _tag: tag, negotiated, lost: false }
  }
}

const sayCollision = (work: Work, { conn }: Connection): void => {
  work.effects.push({ _tag: "SendNotification", conn, fault: notifications.connectionCollision() })
}

/**
 * A session is up beside a connection on which our OPEN is out already, and which wins by its initiator. Whether the peer was as far with
 * the session when it heard that OPEN cannot be known: if it was, it closes the other connection, if not, the session (RFC 4271 §6.8). So
 * neither is closed here until the peer has spoken; to close either would risk both.
 */
export const isUndecided = (peer: Peer, session: Connection, other: Connection): boolean => {
  const { settings } = peer
  const { negotiated } = session
  if (session.state !== "Established" || negotiated === undefined || other.announced === undefined) return false
  return resolveCollision(other, session, { ...settings, ...negotiated }, true) === "keep-new"
}

/** The KEEPALIVE that brings a connection up says that the peer decided for it: a session beside it ends first. */
const settle = (work: Work, connection: Connection): void => {
  const { main, second } = work.peer
  const other = connection === main ? second : main
  if (connection.state !== "OpenConfirm" || other?.state !== "Established") return
  feed(work, other.conn, { _tag: "AutomaticallyStopped", fault: notifications.connectionCollision() })
}

/** AutomaticStop with 6/1 (RFC 4486 §4), and the wait that the configuration sets: `prefixRestartS`. */
const limitPrefixes = (work: Work, event: Extract<PeerEvent, { readonly _tag: "PrefixLimitExceeded" }>): void => {
  const { family, limit, conn } = event
  const { settings, second } = work.peer
  if (settings.allowAutomaticStop === false) {
    ignore(work, event)
    return
  }
  const reason = notifications.maximumPrefixes(afiOf(family), safiOf(family), limit)
  const { prefixRestartS } = settings
  if (prefixRestartS !== undefined && prefixRestartS > 0) work.idleHoldMs = prefixRestartS * 1000
  work.peer = { ...work.peer, suspended: prefixRestartS === 0 }
  // A newcomer beside the session would bring the same prefixes.
  if (second !== undefined && second.conn !== conn) {
    feed(work, second.conn, { _tag: "AutomaticallyStopped", fault: reason })
  }
  feed(work, conn, { _tag: "AutomaticallyStopped", fault: reason })
}
