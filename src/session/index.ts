// session: one peer. The RFC 4271 connection machine (a table, and a reducer that performs it) and the peer machine above it: what
// the operator wants, which connections there are, collision, back-off, negotiation. Textbook reducers over plain immutable data:
// they live at the speed of people and timers. What is negotiated belongs to the connection.

export type { PeerEffect, PeerEvent } from "./alphabet.ts"
export { buildOpen, capabilityKey, needsReset, withheldAfter } from "./announcement.ts"
export { floorMs, IDLE_HOLD_MAX_S, IDLE_HOLD_MIN_S, idleHoldMs, isJittered, redialMs } from "./back-off.ts"
export { type CollisionIdentities, type CollisionSide, type CollisionVerdict, resolveCollision } from "./collision.ts"
export {
  accepts,
  type Connection,
  createConnection,
  guardsOf,
  hasTcp,
  isArmed,
  reduceConnection,
  timerOwner
} from "./connection.ts"
export {
  CONNECTION_EVENTS,
  CONNECTION_STATES,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionEventTag,
  type ConnectionState
} from "./connection-alphabet.ts"
export { cease, ceaseSaying, hardReset, notifications, prefixLimit, unexpected } from "./faults.ts"
export { digestPeer, encodePeerEffect, sessionEffects, sessionMachine } from "./machine.ts"
export { type GracefulRestart, type LongLivedFamily, type Negotiated, negotiate } from "./negotiation.ts"
export {
  connectionOf,
  createPeer,
  foremost,
  negotiatedOf,
  type Peer,
  peerStateName,
  replaceSettings
} from "./peer.ts"
export type { RoleAgreement } from "./role.ts"
export { reducePeer } from "./session.ts"
export {
  type ConnId,
  type GracefulRestartSettings,
  isPassive,
  LARGE_HOLD_S,
  type PeerRole,
  type PeerSettings,
  SEND_HOLD_MIN_S,
  TIMER_NAMES,
  TimerKind
} from "./settings.ts"
export {
  ACTIONS as CONNECTION_ACTIONS,
  type Action as ConnectionAction,
  type Guards as ConnectionGuards,
  type Transition as ConnectionTransition,
  transition as connectionTransition
} from "./transition.ts"
