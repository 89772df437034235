// What an event means beside its transition: the NOTIFICATION that answers it, the words for it, and whether the peer's routes may be
// kept as stale. Pure leaves of the connection machine.
import { CeaseSubcode, describeNotification, ErrorCode, type Fault, MessageType } from "../wire/index.ts"
import type { Connection } from "./connection.ts"
import type { ConnectionEvent } from "./connection-alphabet.ts"
import { fault, hardReset, notifications, unexpected } from "./faults.ts"
import type { Negotiated } from "./negotiation.ts"

/** The NOTIFICATION that a case with TX N sends. */
export const answerTo = (connection: Connection, event: ConnectionEvent): Fault => {
  switch (event._tag) {
    case "ManuallyStopped":
    case "AutomaticallyStopped":
      return ceaseFor(connection.negotiated, event.fault)
    case "HoldExpired":
      return notifications.holdTimerExpired()
    case "SendHoldExpired":
      return notifications.sendHoldTimerExpired()
    case "HeaderMalformed":
    case "OpenMalformed":
      return event.fault
    case "UpdateMalformed":
      return connection.state === "Established" ? event.fault : unexpected(subcodeOf(connection), event.messageType)
    case "UpdateReceived":
      return unexpected(subcodeOf(connection), event.messageType)
    case "KeepaliveReceived":
      return unexpected(subcodeOf(connection), MessageType.Keepalive)
    case "OpenReceived":
    case "DelayedOpenReceived":
      return event.lost && mayCollide(connection)
        ? notifications.connectionCollision()
        : unexpected(subcodeOf(connection), MessageType.Open)
    case "CollisionLost":
      return notifications.connectionCollision()
    default:
      return fault(ErrorCode.StateMachine, subcodeOf(connection))
  }
}

/** Why a session ended, in a few words for people. */
export const reasonOf = (event: ConnectionEvent): string => {
  switch (event._tag) {
    case "ManuallyStopped":
    case "AutomaticallyStopped":
    case "HeaderMalformed":
    case "OpenMalformed":
    case "UpdateMalformed":
      return `sent ${describeNotification(event.fault)}`
    case "NotificationReceived":
    case "VersionRefused":
      return `received ${describeNotification(event.fault)}`
    case "HoldExpired":
      return "hold timer expired"
    case "SendHoldExpired":
      return "send hold timer expired: the peer does not read"
    case "TcpFailed":
      return event.cause === "" ? "connection closed" : `connection failed: ${event.cause}`
    case "CollisionLost":
      return "lost a connection collision"
    case "OpenReceived":
    case "DelayedOpenReceived":
      return event.lost ? "lost a connection collision" : "unexpected OPEN"
    case "KeepaliveReceived":
      return "unexpected KEEPALIVE"
    case "UpdateReceived":
      return event.messageType === MessageType.RouteRefresh ? "unexpected ROUTE-REFRESH" : "unexpected UPDATE"
    case "TcpAcknowledged":
    case "TcpConfirmed":
      return "the peer restarts gracefully"
    default:
      return event._tag
  }
}

/**
 * Which ends leave the routes of a peer that restarts gracefully in place. Without a NOTIFICATION: always (RFC 4724 §4.2). With one, whoever
 * sent it: where the N bit was exchanged and it is no Hard Reset (RFC 8538 §4).
 */
export const retainsRoutes = (connection: Connection, event: ConnectionEvent): boolean => {
  const restart = connection.negotiated?.gracefulRestart
  if (restart === undefined) return false
  switch (event._tag) {
    case "TcpFailed":
    case "TcpAcknowledged":
    case "TcpConfirmed":
    // The NOTIFICATION is a courtesy to a peer that does not read (RFC 9687 §4.4): it sees a connection that fails.
    case "SendHoldExpired":
      return true
    case "NotificationReceived":
    case "VersionRefused":
      return restart.notification && !isHardReset(event.fault)
    default:
      return restart.notification && !isHardReset(answerTo(connection, event))
  }
}

const isHardReset = ({ code, subcode }: Fault): boolean =>
  code === ErrorCode.Cease && subcode === CeaseSubcode.HardReset

/** RFC 8538 §3.2: what must end the routes too is wrapped, once both sides set the N bit. */
export const hardened = (negotiated: Negotiated | undefined, cause: Fault): Fault =>
  negotiated?.gracefulNotification === true && !isHardReset(cause) ? hardReset(cause) : cause

const ceaseFor = (negotiated: Negotiated | undefined, cause: Fault): Fault =>
  cause.code === ErrorCode.Cease && HARD.has(cause.subcode) ? hardened(negotiated, cause) : cause

/** An Established connection takes part in collisions only when configured to. */
const mayCollide = (connection: Connection): boolean =>
  connection.state !== "Established" || connection.settings.collisionDetectEstablished === true

/** RFC 6608 §3. */
const subcodeOf = (connection: Connection): number => {
  switch (connection.state) {
    case "OpenSent":
      return 1
    case "OpenConfirm":
      return 2
    case "Established":
      return 3
    default:
      return 0
  }
}

const HARD: ReadonlySet<number> = new Set([
  CeaseSubcode.MaximumPrefixes,
  CeaseSubcode.AdministrativeShutdown,
  CeaseSubcode.PeerDeconfigured
])
