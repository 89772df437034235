// RFC 4271 §8.2.2 as a table: state × event × guards → actions in order, next state. One function per state, a case per row, no logic
// beyond the guards; the machine in connection.ts performs the actions. Where the RFC contradicts itself or a later one amends it, the
// decision stands as a comment at its case. docs/machines/session.md is printed from here.
import type { ConnectionEventTag, ConnectionState } from "./connection-alphabet.ts"

/** What a row may depend on besides state and event. */
export interface Guards {
  /** DelayOpen is configured. */
  readonly delayOpen: boolean
  readonly delayOpenRunning: boolean
  readonly idleHoldRunning: boolean
  /** DampPeerOscillations. */
  readonly damp: boolean
  /** PassiveTcpEstablishment. */
  readonly passive: boolean
  /** SendNOTIFICATIONwithoutOPEN. */
  readonly earlyNotification: boolean
  /** CollisionDetectEstablishedState. */
  readonly collisionDetectEstablished: boolean
  /** RFC 4271 §6.8 says that this connection is the one to close. */
  readonly lost: boolean
  /** A newer connection of the peer takes the place of one on which it has said nothing (ADR-0025). */
  readonly supersedes: boolean
  /** The peer announced graceful restart for a family, and we help (RFC 4724 §4.2). */
  readonly gracefulRestart: boolean
}

/** The RFC's actions, and its notation for each in docs/machines/session.md. */
export const ACTIONS = {
  Initialise: "INIT",
  Adopt: "INIT2",
  Supersede: "TX N, DROP the silent one",
  Agree: "negotiate",
  Listen: "LISTEN",
  Dial: "DIAL",
  Drop: "DROP",
  Release: "REL",
  ForgetRoutes: "RIB-",
  ResetCount: "CRC=0",
  CountFailure: "CRC+1",
  Damp: "DAMP?",
  StartConnectRetry: "CRT!",
  StopConnectRetry: "CRT0",
  StartDelayOpen: "DOT!",
  StopDelayOpen: "DOT0",
  StopIdleHold: "IHT0",
  StartLargeHold: "HT=240s",
  StartHold: "HT=neg",
  StopHold: "HT0",
  StartKeepalive: "KA!",
  StartSendHold: "SHT!",
  SendOpen: "TX OPEN",
  SendKeepalive: "TX KA",
  SendNotification: "TX N",
  ProcessUpdate: "process UPDATE",
  RaiseUp: "session up",
  RaiseStart: "raise E6 or E7",
  RaiseAgain: "raise the event again",
  Track: "track second connection",
  AllowRequest: "allow SYN",
  RefuseRequest: "refuse SYN",
  CloseStray: "close the stray connection"
} as const
export type Action = keyof typeof ACTIONS

export interface Transition {
  readonly next: ConnectionState
  readonly actions: ReadonlyArray<Action>
}

export const transition = (state: ConnectionState, event: ConnectionEventTag, guards: Guards): Transition => {
  switch (state) {
    case "Idle":
      return fromIdle(event, guards)
    case "Connect":
      return fromConnect(event, guards)
    case "Active":
      return fromActive(event, guards)
    case "OpenSent":
      return fromOpenSent(event, guards)
    case "OpenConfirm":
      return fromOpenConfirm(event)
    case "Established":
      return fromEstablished(event, guards)
  }
}

const to = (next: ConnectionState, ...actions: ReadonlyArray<Action>): Transition => ({ next, actions })

const fromIdle = (event: ConnectionEventTag, guards: Guards): Transition => {
  switch (event) {
    case "ManuallyStarted":
    case "AutomaticallyStarted":
      return to("Connect", "Initialise", "ResetCount", "StartConnectRetry", "Dial", "Listen")
    case "ManuallyStartedPassive":
    case "AutomaticallyStartedPassive":
      return to("Active", "Initialise", "ResetCount", "StartConnectRetry", "Listen")
    // The count is kept, or the back-off would never grow.
    case "AutomaticallyStartedDamped":
      if (guards.idleHoldRunning) return to("Idle")
      return to("Connect", "Initialise", "StartConnectRetry", "Dial", "Listen")
    case "AutomaticallyStartedDampedPassive":
      if (guards.idleHoldRunning) return to("Idle")
      return to("Active", "Initialise", "StartConnectRetry", "Listen")
    // An operator's stop really stops.
    case "ManuallyStopped":
      return to("Idle", "StopIdleHold")
    case "IdleHoldExpired":
      return guards.damp ? to("Idle", "StopIdleHold", "RaiseStart") : to("Idle")
    // The RFC's list of other events leaves this one out.
    case "ConnectionRequested":
      return to("Idle", "RefuseRequest")
    case "TcpAcknowledged":
    case "TcpConfirmed":
      return to("Idle", "CloseStray")
    // Nothing is owned in Idle: whatever else arrives is late.
    default:
      return to("Idle")
  }
}

const fromConnect = (event: ConnectionEventTag, guards: Guards): Transition => {
  switch (event) {
    // The RFC goes to Idle without damping, which an automatic start makes a loop of dials. A dial that came to nothing waits for the
    // next one where the peer can still reach us.
    case "TcpFailed":
      if (guards.delayOpenRunning) return to("Active", "StartConnectRetry", "StopDelayOpen", "Listen")
      return to("Active", "Drop", "StartConnectRetry", "Listen")
    case "ConnectRetryExpired":
      return to("Connect", "Drop", "StartConnectRetry", "StopDelayOpen", "Dial", "Listen")
    case "ManuallyStopped":
      return to("Idle", "Drop", "Release", "ResetCount", "StopConnectRetry")
    default:
      return beforeOpen("Connect", event, guards)
  }
}

const fromActive = (event: ConnectionEventTag, guards: Guards): Transition => {
  switch (event) {
    // The RFC restarts ConnectRetry and goes to Idle, where it means nothing: the automatic start owns the retry.
    case "TcpFailed":
      return to("Idle", "StopDelayOpen", "Release", "StopConnectRetry", "CountFailure", "Damp")
    // A passive peer waits: the RFC would let it dial.
    case "ConnectRetryExpired":
      return guards.passive ? to("Active") : to("Connect", "StartConnectRetry", "Dial", "Listen")
    case "ManuallyStopped":
      if (guards.delayOpenRunning && guards.earlyNotification) {
        return to("Idle", "SendNotification", "Release", "Drop", "ResetCount", "StopConnectRetry")
      }
      return to("Idle", "Release", "Drop", "ResetCount", "StopConnectRetry")
    default:
      return beforeOpen("Active", event, guards)
  }
}

/** What Connect and Active have in common: our OPEN is not sent yet. */
const beforeOpen = (state: "Connect" | "Active", event: ConnectionEventTag, guards: Guards): Transition => {
  switch (event) {
    case "ManuallyStarted":
    case "AutomaticallyStarted":
    case "ManuallyStartedPassive":
    case "AutomaticallyStartedPassive":
    case "AutomaticallyStartedDamped":
    case "AutomaticallyStartedDampedPassive":
    case "SendHoldExpired":
      return to(state)
    // In Connect the RFC forgets to stop both timers; a timer that does not run has nothing to say.
    case "DelayOpenExpired":
      if (!guards.delayOpenRunning) return to(state)
      return to("OpenSent", "StopConnectRetry", "StopDelayOpen", "SendOpen", "StartLargeHold")
    case "ConnectionRequested":
      return to(state, "AllowRequest")
    case "StrangerRequested":
      return to(state, "RefuseRequest")
    case "TcpAcknowledged":
    case "TcpConfirmed":
      if (guards.supersedes) return to(state, "StopConnectRetry", "Supersede", "Adopt", "StartDelayOpen")
      if (guards.delayOpen) return to(state, "StopConnectRetry", "Adopt", "StartDelayOpen")
      return to("OpenSent", "StopConnectRetry", "Adopt", "SendOpen", "StartLargeHold")
    case "DelayedOpenReceived":
      if (!guards.delayOpenRunning || guards.lost) return failed()
      return to(
        "OpenConfirm",
        "StopConnectRetry",
        "StopDelayOpen",
        "Agree",
        "SendOpen",
        "SendKeepalive",
        "StartKeepalive",
        "StartHold"
      )
    case "HeaderMalformed":
    case "OpenMalformed":
      return guards.earlyNotification ? failed("SendNotification") : failed()
    case "VersionRefused":
      return guards.delayOpenRunning ? to("Idle", "StopConnectRetry", "StopDelayOpen", "Release", "Drop") : failed()
    default:
      return failed()
  }
}

const fromOpenSent = (event: ConnectionEventTag, guards: Guards): Transition => {
  switch (event) {
    case "ManuallyStopped":
      return to("Idle", "SendNotification", "StopConnectRetry", "Release", "Drop", "ResetCount")
    // A peer has one connection that it began: a newer one says that it has given up the one on which it said nothing.
    case "TcpConfirmed":
      if (!guards.supersedes) return to("OpenSent", "Track")
      return guards.delayOpen
        ? to("Active", "StopHold", "Supersede", "Adopt", "StartDelayOpen", "Listen")
        : to("OpenSent", "StopHold", "Supersede", "Adopt", "SendOpen", "StartLargeHold")
    case "TcpAcknowledged":
    case "ConnectionRequested":
      return to("OpenSent", "Track")
    // The RFC forgets the large hold timer.
    case "TcpFailed":
      return to("Active", "Drop", "StopHold", "StartConnectRetry", "Listen")
    case "OpenReceived":
    case "DelayedOpenReceived":
      if (guards.lost) return failed("SendNotification")
      return to(
        "OpenConfirm",
        "StopDelayOpen",
        "StopConnectRetry",
        "Agree",
        "SendKeepalive",
        "StartKeepalive",
        "StartHold"
      )
    case "VersionRefused":
      return to("Idle", "StopConnectRetry", "Release", "Drop")
    // The RFC's list answers a NOTIFICATION with a NOTIFICATION; its §6.4 does not want that.
    case "NotificationReceived":
      return failed()
    case "AutomaticallyStopped":
    case "HoldExpired":
    case "HeaderMalformed":
    case "OpenMalformed":
    case "CollisionLost":
    case "KeepaliveReceived":
    case "UpdateReceived":
    case "UpdateMalformed":
      return failed("SendNotification")
    // Starts mean nothing any more, and no other timer runs here: one that fires is late.
    default:
      return to("OpenSent")
  }
}

const fromOpenConfirm = (event: ConnectionEventTag): Transition => {
  switch (event) {
    case "KeepaliveReceived":
      return to("Established", "StartHold", "StartSendHold", "RaiseUp")
    case "KeepaliveExpired":
      return to("OpenConfirm", "SendKeepalive", "StartKeepalive")
    case "ManuallyStopped":
      return to("Idle", "SendNotification", "Release", "Drop", "ResetCount", "StopConnectRetry")
    case "TcpConfirmed":
    case "TcpAcknowledged":
    case "ConnectionRequested":
      return to("OpenConfirm", "Track")
    case "VersionRefused":
      return to("Idle", "StopConnectRetry", "Release", "Drop")
    case "TcpFailed":
    case "NotificationReceived":
      return failed()
    // A second OPEN on the same connection is no collision but an error (RFC 6608); one that reveals a lost collision is a Cease.
    case "OpenReceived":
    case "DelayedOpenReceived":
    case "AutomaticallyStopped":
    case "HoldExpired":
    case "HeaderMalformed":
    case "OpenMalformed":
    case "CollisionLost":
    case "UpdateReceived":
    case "UpdateMalformed":
      return failed("SendNotification")
    default:
      return to("OpenConfirm")
  }
}

const fromEstablished = (event: ConnectionEventTag, guards: Guards): Transition => {
  switch (event) {
    case "UpdateReceived":
      return to("Established", "ProcessUpdate", "StartHold")
    case "KeepaliveReceived":
      return to("Established", "StartHold")
    case "KeepaliveExpired":
      return to("Established", "SendKeepalive", "StartKeepalive", "StartSendHold")
    case "ManuallyStopped":
      return to("Idle", "SendNotification", "StopConnectRetry", "ForgetRoutes", "Release", "Drop", "ResetCount")
    // A peer that restarts gracefully comes back on a new connection before the old one is seen to die (RFC 4724 §5).
    case "TcpAcknowledged":
    case "TcpConfirmed":
      if (!guards.gracefulRestart) return to("Established", "Track")
      return to(
        "Connect",
        "ForgetRoutes",
        "Release",
        "Drop",
        "Initialise",
        "ResetCount",
        "StartConnectRetry",
        "RaiseAgain"
      )
    case "ConnectionRequested":
      return to("Established", "Track")
    // The RFC has no damping for these: a peer that keeps sending NOTIFICATIONs would never be damped.
    case "TcpFailed":
    case "NotificationReceived":
    case "VersionRefused":
      return fallen()
    // Without the attribute the event must not be raised.
    case "CollisionLost":
      return guards.collisionDetectEstablished ? fallen("SendNotification") : to("Established")
    case "SendHoldExpired":
      return to(
        "Idle",
        "SendNotification",
        "ForgetRoutes",
        "Release",
        "StopConnectRetry",
        "Drop",
        "CountFailure",
        "Damp"
      )
    // The RFC forgets the routes of a peer whose hold timer expires, does not examine an OPEN, and calls a bad header an error of
    // the machine: here the first are withdrawn, the second is answered as RFC 6608 asks, the third as §6.1 does.
    case "HoldExpired":
    case "OpenReceived":
    case "DelayedOpenReceived":
    case "AutomaticallyStopped":
    case "HeaderMalformed":
    case "OpenMalformed":
    case "UpdateMalformed":
      return fallen("SendNotification")
    default:
      return to("Established")
  }
}

/** To Idle as a failure, before Established. `first` is what is said, if anything. */
const failed = (...first: ReadonlyArray<Action>): Transition =>
  to("Idle", ...first, "StopConnectRetry", "StopDelayOpen", "Release", "Drop", "CountFailure", "Damp")

/** To Idle as a failure, out of Established: the routes go too. */
const fallen = (...first: ReadonlyArray<Action>): Transition =>
  to("Idle", ...first, "StopConnectRetry", "ForgetRoutes", "Release", "Drop", "CountFailure", "Damp")
