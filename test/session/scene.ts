// A peer that is brought to where a test begins: settings, the events of a session that comes up, and what a step asked for.
import {
  buildOpen,
  createPeer,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  reducePeer,
  type TimerKind
} from "../../src/session/index.ts"
import type { Fault, Open } from "../../src/wire/index.ts"

export const SETTINGS: PeerSettings = {
  localAs: 64500,
  localId: 0x0a000001,
  remoteAs: 64501,
  passive: false,
  holdTimeS: 90,
  connectRetryS: 120,
  idleHoldS: 5,
  delayOpenS: 0,
  dampPeerOscillations: true,
  families: [0],
  addPathReceive: false,
  addPathSend: false,
  extendedMessage: false,
  hostname: ""
}

export const FIRST = 0x5_0000
/** Connections that the peer began, apart from our dials. */
export const ACCEPTED = 0x8000_0007

/** What the peer would send if it were configured like this. */
export const openOf = (changes: Partial<PeerSettings> = {}): Open =>
  buildOpen({ ...SETTINGS, localAs: 64501, localId: 0x0a000002, remoteAs: 64500, ...changes })

export const ENABLED: PeerEvent = { _tag: "Enabled" }
export const accepted = (conn = ACCEPTED): PeerEvent => ({ _tag: "Accepted", conn })
export const opened = (open = openOf(), conn = ACCEPTED): PeerEvent => ({ _tag: "OpenReceived", conn, open })
export const kept = (conn = ACCEPTED): PeerEvent => ({ _tag: "KeepaliveReceived", conn })
export const closed = (conn = ACCEPTED): PeerEvent => ({ _tag: "Closed", conn, cause: "ECONNRESET" })
export const fired = (timer: TimerKind, conn = 0): PeerEvent => ({ _tag: "TimerFired", conn, timer })
export const faultOf = (code: number, subcode: number, ...data: ReadonlyArray<number>): Fault => ({
  code,
  subcode,
  data: Uint8Array.from(data)
})
export const notified = (fault: Fault, conn = ACCEPTED): PeerEvent => ({ _tag: "NotificationReceived", conn, fault })

/** A session on the connection that the peer began. */
export const established = (open = openOf()): ReadonlyArray<PeerEvent> => [ENABLED, accepted(), opened(open), kept()]

export const peerOf = (changes: Partial<PeerSettings> = {}): Peer =>
  createPeer({ ...SETTINGS, ...changes }, { firstConn: FIRST, seed: 7 })

/** The peer after the events, and what the last of them asked for. */
export const run = (
  events: ReadonlyArray<PeerEvent>,
  from: Peer | Partial<PeerSettings> = {}
): readonly [Peer, ReadonlyArray<PeerEffect>] =>
  events.reduce<readonly [Peer, ReadonlyArray<PeerEffect>]>(
    ([peer], event) => reducePeer(peer, event),
    ["main" in from ? from : peerOf(from), []]
  )

export const pick = <Tag extends PeerEffect["_tag"]>(
  effects: ReadonlyArray<PeerEffect>,
  tag: Tag
): Extract<PeerEffect, { _tag: Tag }> | undefined =>
  effects.find((effect): effect is Extract<PeerEffect, { _tag: Tag }> => effect._tag === tag)

/** `6/2` or `5/1 2`: the NOTIFICATION that was sent; empty for none. */
export const said = (effects: ReadonlyArray<PeerEffect>): string => {
  const fault = pick(effects, "SendNotification")?.fault
  return fault === undefined ? "" : [`${fault.code}/${fault.subcode}`, ...fault.data].join(" ")
}
