// The alphabets of a peer as the router sees it: what can happen to it, and what it asks for. Events name the connection that they
// belong to, so that a late one is recognised (ADR-0009); effects are performed in the order in which they stand.
import type { Fault, Open } from "../wire/index.ts"
import type { Negotiated } from "./negotiation.ts"
import type { ConnId, TimerKind } from "./settings.ts"

export type PeerEvent =
  /** The operator, or the configuration at start, wants the session. */
  | { readonly _tag: "Enabled" }
  /** The operator does not; `communication` is told to the peer (RFC 9003). */
  | { readonly _tag: "Disabled"; readonly communication: string }
  /** Stop and start again. `graceful`: the peer may keep our routes meanwhile, where RFC 8538 was agreed on. */
  | { readonly _tag: "ResetRequested"; readonly graceful?: boolean; readonly communication?: string }
  /** The peer left the configuration; `replaced`: another one with its address takes its place (RFC 4486 §4: subcode 6, not 3). */
  | { readonly _tag: "Removed"; readonly replaced?: boolean }
  | { readonly _tag: "Accepted"; readonly conn: ConnId }
  | { readonly _tag: "Dialled"; readonly conn: ConnId }
  | { readonly _tag: "DialFailed"; readonly conn: ConnId; readonly cause: string }
  | { readonly _tag: "Closed"; readonly conn: ConnId; readonly cause: string }
  /** `conn` is 0 for the peer's own timers. */
  | { readonly _tag: "TimerFired"; readonly conn: ConnId; readonly timer: TimerKind }
  | { readonly _tag: "OpenReceived"; readonly conn: ConnId; readonly open: Open }
  | { readonly _tag: "KeepaliveReceived"; readonly conn: ConnId }
  | { readonly _tag: "UpdateReceived"; readonly conn: ConnId }
  | { readonly _tag: "NotificationReceived"; readonly conn: ConnId; readonly fault: Fault }
  /** A message that asks for a reset: `fault` answers it, `messageType` is the type that its header gave. */
  | { readonly _tag: "Malformed"; readonly conn: ConnId; readonly fault: Fault; readonly messageType: number }
  | {
      readonly _tag: "RefreshReceived"
      readonly conn: ConnId
      readonly afi: number
      readonly safi: number
      readonly subtype: number
    }
  /** Somebody who watches the path to the peer says that it is gone (RFC 5882 §4, RFC 9384). */
  | { readonly _tag: "BfdDown" }
  /** More prefixes of a family than the configuration allows. */
  | { readonly _tag: "PrefixLimitExceeded"; readonly conn: ConnId; readonly family: number; readonly limit: number }

export type PeerEffect =
  | { readonly _tag: "Dial"; readonly conn: ConnId }
  /** `abort`: at once, without waiting for what was sent to leave. */
  | { readonly _tag: "Close"; readonly conn: ConnId; readonly abort: boolean }
  | { readonly _tag: "SendOpen"; readonly conn: ConnId; readonly open: Open }
  | { readonly _tag: "SendKeepalive"; readonly conn: ConnId }
  | { readonly _tag: "SendNotification"; readonly conn: ConnId; readonly fault: Fault }
  /** Replaces the timer if it runs. A SendHold timer is left alone while earlier bytes still wait in our memory (RFC 9687). */
  | {
      readonly _tag: "ArmTimer"
      readonly conn: ConnId
      readonly timer: TimerKind
      readonly milliseconds: number
    }
  | { readonly _tag: "CancelTimer"; readonly conn: ConnId; readonly timer: TimerKind }
  /** Established: tell the tables, then send them, then End-of-RIB. */
  | { readonly _tag: "SessionUp"; readonly conn: ConnId; readonly negotiated: Negotiated }
  /** Established no longer. `retain`: keep the routes as stale, for the peer restarts gracefully (RFC 4724, RFC 8538). */
  | {
      readonly _tag: "SessionDown"
      readonly conn: ConnId
      readonly reason: string
      readonly retain: boolean
      readonly fault?: Fault
    }
  /** The UPDATE at hand may be believed. */
  | { readonly _tag: "ProcessUpdate"; readonly conn: ConnId }
  | {
      readonly _tag: "ProcessRefresh"
      readonly conn: ConnId
      readonly afi: number
      readonly safi: number
      readonly subtype: number
    }
  /** `conn` had brought no OPEN when the peer connected again, as `by`: it is closed (ADR-0025). */
  | { readonly _tag: "Superseded"; readonly conn: ConnId; readonly by: ConnId }
  /** A dynamic peer has lost its last connection: nothing more will come of it. The last effect of its life. */
  | { readonly _tag: "Gone"; readonly conn: ConnId }
  /** The event came too late, or means nothing here. Counted, shown, nothing else. */
  | { readonly _tag: "Ignored"; readonly conn: ConnId; readonly event: PeerEvent["_tag"] }
