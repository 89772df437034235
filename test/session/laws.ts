// The laws of the session machines, each with the property that checks it; docs/machines/session.md lists them by name. Random events
// alone seldom get a session up, so walks mix them with a script that does.
import fc from "fast-check"
import { expect } from "vitest"
import {
  CONNECTION_STATES,
  type Connection,
  type ConnectionEffect,
  type ConnectionEvent,
  connectionOf,
  createConnection,
  createPeer,
  floorMs,
  IDLE_HOLD_MAX_S,
  idleHoldMs,
  isArmed,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  peerStateName,
  redialMs,
  reduceConnection,
  reducePeer,
  TimerKind
} from "../../src/session/index.ts"
import {
  arbitraryConnectionEvent,
  arbitraryPeerEvent,
  arbitraryPeerSettings,
  FIRST_CONN
} from "../../src/testing/peer-events.ts"
import { freeze } from "../support/freeze.ts"

export interface Law {
  readonly law: string
  readonly check: () => void
}
