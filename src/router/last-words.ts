// Why a peer's last session or try ended, for its operator. A failed dial comes every few seconds and says little; a NOTIFICATION comes once
// and says why: so each has a place of its own, and what a second connection suffered while another one lives is nobody's reason.
import { isoTime, type Micros } from "../machine/index.ts"
import {
  connectionOf,
  foremost,
  hasTcp,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  TimerKind
} from "../session/index.ts"
import { communicationOf, describeNotification, type Fault } from "../wire/index.ts"
import type { RouterPeer } from "./peer.ts"

export interface LastNotification {
  readonly direction: "sent" | "received"
  readonly fault: Fault
  readonly at: Micros
}

export interface LastConnectError {
  readonly text: string
  readonly at: Micros
}

/** What a step of the session machine says about ends. `before` is the machine as it was; `peer.machine` as it is. */
export const noteEnd = (
  peer: RouterPeer,
  before: Peer,
  event: PeerEvent,
  effects: ReadonlyArray<PeerEffect>,
  now: Micros
): void => {
  const failed = connectError(peer.machine, before, event)
  if (failed !== undefined) peer.lastConnectError = { text: failed, at: now }
  const received = notificationIn(event)
  if (received !== undefined && "conn" in event && isTheirs(peer.machine, before, event.conn)) {
    peer.lastNotification = { direction: "received", fault: received, at: now }
    peer.lastError = `received ${describeNotification(received)}`
  }
  for (const effect of effects) {
    if (effect._tag !== "SendNotification" || !isTheirs(peer.machine, before, effect.conn)) continue
    peer.lastNotification = { direction: "sent", fault: effect.fault, at: now }
    peer.lastError = `sent ${describeNotification(effect.fault)}`
  }
}

export const lastErrorText = (peer: RouterPeer): string => peer.lastError || (peer.lastConnectError?.text ?? "")

export const lastNotificationJson = (last: LastNotification | undefined): Record<string, unknown> | null =>
  last === undefined
    ? null
    : {
        direction: last.direction,
        code: last.fault.code,
        subcode: last.fault.subcode,
        text: describeNotification(last.fault),
        communication: communicationOf(last.fault) ?? null,
        at: isoTime(last.at)
      }

export const lastConnectErrorJson = (last: LastConnectError | undefined): Record<string, unknown> | null =>
  last === undefined ? null : { text: last.text, at: isoTime(last.at) }

/** The connection was the peer's, and no other one of it is up. */
const isTheirs = (after: Peer, before: Peer, conn: number): boolean => {
  if (connectionOf(before, conn) === undefined) return false
  const living = foremost(after)
  return !hasTcp(living) || living.conn === conn
}

/** A dial, or a connection on which nothing was agreed, came to nothing without a word. */
const connectError = (after: Peer, before: Peer, event: PeerEvent): string | undefined => {
  if (event._tag === "TimerFired") {
    const timedOut = event.timer === TimerKind.ConnectRetry && before.main.conn !== 0 && !hasTcp(before.main)
    return timedOut ? after.lastError : undefined
  }
  if (event._tag !== "DialFailed" && event._tag !== "Closed") return undefined
  const connection = connectionOf(before, event.conn)
  if (connection === undefined || connection.state === "Established" || !isTheirs(after, before, event.conn))
    return undefined
  return after.lastError
}

const notificationIn = (event: PeerEvent): Fault | undefined =>
  event._tag === "NotificationReceived" ? event.fault : undefined
