// What a session is configured with, and the timers it may run. The optional session attributes of RFC 4271 §8.1.1 stand here under
// the names of this program; those that a configuration rarely sets may be left out and take the value named beside them.

/** Identity of a TCP connection or an attempt at one. 0 stands for none: a timer with connection 0 is the peer's own. */
export type ConnId = number

/** Timers of RFC 4271 §8.1.1 and RFC 9687. ConnectRetry and IdleHold run while there is no connection: they are the peer's own. */
export const TimerKind = { ConnectRetry: 0, Hold: 1, Keepalive: 2, DelayOpen: 3, IdleHold: 4, SendHold: 5 } as const
export type TimerKind = (typeof TimerKind)[keyof typeof TimerKind]

export const TIMER_NAMES = ["ConnectRetry", "Hold", "Keepalive", "DelayOpen", "IdleHold", "SendHold"] as const

export interface PeerSettings {
  readonly localAs: number
  /** Refused where any AS number would do: with it the session would be internal, and is not meant to be; absent: none. */
  readonly excludedAs?: number
  /**
   * Where any AS number would do: those of our confederation, our own member AS among them, to whom we are that member AS (RFC 5065 §4).
   * Who the peer is its OPEN says, so ours should wait for it (`delayOpenS`).
   */
  readonly inside?: { readonly localAs: number; readonly members: ReadonlyArray<number> }
  /** BGP Identifier, as an unsigned word. */
  readonly localId: number
  /** 0: whatever the peer says. */
  readonly remoteAs: number
  /** PassiveTcpEstablishment: never dial. */
  readonly passive: boolean
  /** 0 (no keepalives, no hold timer) or at least 3. */
  readonly holdTimeS: number
  readonly connectRetryS: number
  /** Wait before the first retry after a failure; see back-off.ts for how it grows. */
  readonly idleHoldS: number
  /** 0: DelayOpen is off. */
  readonly delayOpenS: number
  /** Off: every retry waits `idleHoldS`; on: the wait grows. */
  readonly dampPeerOscillations: boolean
  /** Family indices of `wire`. */
  readonly families: ReadonlyArray<number>
  readonly addPathReceive: boolean
  readonly addPathSend: boolean
  readonly extendedMessage: boolean
  /** Empty: no FQDN capability. */
  readonly hostname: string
  /** AllowAutomaticStart; absent: true. */
  readonly allowAutomaticStart?: boolean
  /** AllowAutomaticStop; absent: true. */
  readonly allowAutomaticStop?: boolean
  /** SendNOTIFICATIONwithoutOPEN; absent: false. */
  readonly sendNotificationWithoutOpen?: boolean
  /** CollisionDetectEstablishedState; absent: false. */
  readonly collisionDetectEstablished?: boolean
  /** Short for `gracefulRestart` that only helps; absent: false. */
  readonly gracefulRestartHelper?: boolean
  /** Absent: we send End-of-RIB, keep no peer's routes and ask nobody to keep ours. */
  readonly gracefulRestart?: GracefulRestartSettings
  /** Seconds for which peers may keep our routes after the restart time, as a last resort (RFC 9494); absent or 0: not announced. */
  readonly longLivedTimeS?: number
  /** RFC 6793; absent: true. */
  readonly fourOctetAs?: boolean
  /** RFC 7313; absent: true. */
  readonly enhancedRouteRefresh?: boolean
  /** IPv4 prefixes with IPv6 next hops (RFC 8950); absent: false. */
  readonly extendedNextHop?: boolean
  /** Empty or absent: not announced. */
  readonly softwareVersion?: string
  /** What we are to an external peer (RFC 9234); absent: nothing is said. */
  readonly role?: PeerRole
  /** Refuse a peer that does not say what it is; absent: false. */
  readonly roleStrict?: boolean
  /** Seconds in Idle after too many prefixes; 0: until the operator enables it; absent: as after any failure. */
  readonly prefixRestartS?: number
  /** Seconds for the peer's OPEN on a connection that it began itself; absent: the 240 that RFC 4271 suggests. */
  readonly openWaitS?: number
  /** Created by a connection from a range of addresses: never dials, and is gone with its last connection; absent: false. */
  readonly dynamic?: boolean
}

/** RFC 4724 and RFC 8538, both roles. */
export interface GracefulRestartSettings {
  /** Keep the routes of a peer that restarts. */
  readonly helper: boolean
  /** How long peers are to wait for us; 0: they need not. At most 4095. */
  readonly restartTimeS: number
  /** The F bit of every family: forwarding goes on while we are away. */
  readonly forwardingPreserved: boolean
  /** The R bit: we have just restarted and have not told all routes yet. */
  readonly restarting: boolean
}

/** RFC 9234 §4: what we are to the peer. */
export type PeerRole = "provider" | "rs" | "rs-client" | "customer" | "peer"

/** Never dials: it is told to, or it is not there to be dialled. */
export const isPassive = (settings: PeerSettings): boolean => settings.passive || settings.dynamic === true

/** RFC 4271 §10: the hold time between our OPEN and the peer's, when nothing is negotiated yet. */
export const LARGE_HOLD_S = 240
/** How long a connection may go without the peer's OPEN. Who dialled wanted something to answer; who was dialled owes strangers less. */
export const openWaitS = (initiator: "local" | "remote", settings: PeerSettings): number =>
  initiator === "remote" ? (settings.openWaitS ?? LARGE_HOLD_S) : LARGE_HOLD_S
/** RFC 9687 §4.4: a peer that reads nothing for so long is dead, even if it still talks. */
export const SEND_HOLD_MIN_S = 8 * 60
/** RFC 4271 §4.4: KEEPALIVE messages are not sent more often than once per second. */
export const KEEPALIVE_MIN_MS = 1000
