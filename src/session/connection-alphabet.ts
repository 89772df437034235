// The alphabets of the connection machine: the 29 events of RFC 4271 §8.1 and RFC 9687, and what the machine asks for. The numbers
// are the RFC's. Events carry what a case needs to act, already judged: an OPEN arrives with what was negotiated from it.
import type { Fault } from "../wire/index.ts"
import type { PeerEffect } from "./alphabet.ts"
import type { Negotiated } from "./negotiation.ts"
import type { ConnId } from "./settings.ts"

export const CONNECTION_STATES = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"] as const
export type ConnectionState = (typeof CONNECTION_STATES)[number]

export type ConnectionEvent =
  | { readonly _tag: "ManuallyStarted" }
  /** `fault` is the Cease that tells the peer why. */
  | { readonly _tag: "ManuallyStopped"; readonly fault: Fault }
  | { readonly _tag: "AutomaticallyStarted" }
  | { readonly _tag: "ManuallyStartedPassive" }
  | { readonly _tag: "AutomaticallyStartedPassive" }
  | { readonly _tag: "AutomaticallyStartedDamped" }
  | { readonly _tag: "AutomaticallyStartedDampedPassive" }
  | { readonly _tag: "AutomaticallyStopped"; readonly fault: Fault }
  | { readonly _tag: "ConnectRetryExpired" }
  | { readonly _tag: "HoldExpired" }
  | { readonly _tag: "KeepaliveExpired" }
  | { readonly _tag: "DelayOpenExpired" }
  | { readonly _tag: "IdleHoldExpired" }
  /** A SYN from the peer, where the system shows it (TrackTcpState). */
  | { readonly _tag: "ConnectionRequested"; readonly conn: ConnId }
  /** A SYN from somebody who is not the peer. */
  | { readonly _tag: "StrangerRequested"; readonly conn: ConnId }
  /** Our dial succeeded. */
  | { readonly _tag: "TcpAcknowledged"; readonly conn: ConnId }
  /** The peer's dial was accepted. `supersedes`: the one that this machine has from the peer has said nothing, and goes for it (ADR-0025). */
  | { readonly _tag: "TcpConfirmed"; readonly conn: ConnId; readonly supersedes?: boolean }
  /** The connection, or the attempt at one, is gone. */
  | { readonly _tag: "TcpFailed"; readonly cause: string }
  /** `lost`: the collision that this OPEN revealed (RFC 4271 §6.8) is to be lost by this connection. */
  | { readonly _tag: "OpenReceived"; readonly negotiated: Negotiated; readonly lost: boolean }
  | { readonly _tag: "DelayedOpenReceived"; readonly negotiated: Negotiated; readonly lost: boolean }
  | { readonly _tag: "HeaderMalformed"; readonly fault: Fault }
  | { readonly _tag: "OpenMalformed"; readonly fault: Fault }
  | { readonly _tag: "CollisionLost" }
  /** A NOTIFICATION that names the version: not a failure, a disagreement. */
  | { readonly _tag: "VersionRefused"; readonly fault: Fault }
  | { readonly _tag: "NotificationReceived"; readonly fault: Fault }
  | { readonly _tag: "KeepaliveReceived" }
  /** `messageType` tells an UPDATE from a ROUTE-REFRESH that comes before its time. */
  | { readonly _tag: "UpdateReceived"; readonly messageType: number }
  /** Only what RFC 7606 still answers with a reset; everything milder is an UpdateReceived. */
  | { readonly _tag: "UpdateMalformed"; readonly fault: Fault; readonly messageType: number }
  | { readonly _tag: "SendHoldExpired" }

export type ConnectionEventTag = ConnectionEvent["_tag"]

/** The RFC's number and name of each event. */
export const CONNECTION_EVENTS: ReadonlyArray<{
  readonly number: number
  readonly tag: ConnectionEventTag
  readonly rfcName: string
}> = [
  { number: 1, tag: "ManuallyStarted", rfcName: "ManualStart" },
  { number: 2, tag: "ManuallyStopped", rfcName: "ManualStop" },
  { number: 3, tag: "AutomaticallyStarted", rfcName: "AutomaticStart" },
  { number: 4, tag: "ManuallyStartedPassive", rfcName: "ManualStart_with_PassiveTcpEstablishment" },
  { number: 5, tag: "AutomaticallyStartedPassive", rfcName: "AutomaticStart_with_PassiveTcpEstablishment" },
  { number: 6, tag: "AutomaticallyStartedDamped", rfcName: "AutomaticStart_with_DampPeerOscillations" },
  {
    number: 7,
    tag: "AutomaticallyStartedDampedPassive",
    rfcName: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment"
  },
  { number: 8, tag: "AutomaticallyStopped", rfcName: "AutomaticStop" },
  { number: 9, tag: "ConnectRetryExpired", rfcName: "ConnectRetryTimer_Expires" },
  { number: 10, tag: "HoldExpired", rfcName: "HoldTimer_Expires" },
  { number: 11, tag: "KeepaliveExpired", rfcName: "KeepaliveTimer_Expires" },
  { number: 12, tag: "DelayOpenExpired", rfcName: "DelayOpenTimer_Expires" },
  { number: 13, tag: "IdleHoldExpired", rfcName: "IdleHoldTimer_Expires" },
  { number: 14, tag: "ConnectionRequested", rfcName: "TcpConnection_Valid" },
  { number: 15, tag: "StrangerRequested", rfcName: "Tcp_CR_Invalid" },
  { number: 16, tag: "TcpAcknowledged", rfcName: "Tcp_CR_Acked" },
  { number: 17, tag: "TcpConfirmed", rfcName: "TcpConnectionConfirmed" },
  { number: 18, tag: "TcpFailed", rfcName: "TcpConnectionFails" },
  { number: 19, tag: "OpenReceived", rfcName: "BGPOpen" },
  { number: 20, tag: "DelayedOpenReceived", rfcName: "BGPOpen with DelayOpenTimer running" },
  { number: 21, tag: "HeaderMalformed", rfcName: "BGPHeaderErr" },
  { number: 22, tag: "OpenMalformed", rfcName: "BGPOpenMsgErr" },
  { number: 23, tag: "CollisionLost", rfcName: "OpenCollisionDump" },
  { number: 24, tag: "VersionRefused", rfcName: "NotifMsgVerErr" },
  { number: 25, tag: "NotificationReceived", rfcName: "NotifMsg" },
  { number: 26, tag: "KeepaliveReceived", rfcName: "KeepAliveMsg" },
  { number: 27, tag: "UpdateReceived", rfcName: "UpdateMsg" },
  { number: 28, tag: "UpdateMalformed", rfcName: "UpdateMsgErr" },
  { number: 29, tag: "SendHoldExpired", rfcName: "SendHoldTimer_Expires" }
]

/** What the connection machine asks for: mostly what the peer machine passes on, and four things that it performs itself. */
export type ConnectionEffect =
  | PeerEffect
  /** Feed this event to the same machine next: through the work list, never by recursion. */
  | { readonly _tag: "Raise"; readonly event: ConnectionEvent }
  /** Another connection of the same peer: follow it with a machine of its own until its OPEN decides (RFC 4271 §6.8). */
  | { readonly _tag: "Track"; readonly conn: ConnId }
  | { readonly _tag: "AllowRequest"; readonly conn: ConnId }
  | { readonly _tag: "RefuseRequest"; readonly conn: ConnId }
