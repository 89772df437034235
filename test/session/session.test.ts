// The peer machine by examples: what the transcripts do not say, and its face as a machine with operations.
import { describe, expect, it } from "vitest"
import { OpBuffer } from "../../src/machine/index.ts"
import {
  buildOpen,
  createPeer,
  digestPeer,
  negotiatedOf,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  peerStateName,
  reducePeer,
  sessionEffects,
  sessionMachine,
  TimerKind
} from "../../src/session/index.ts"

const SETTINGS: PeerSettings = {
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
const FIRST = 0x5_0000
const ACCEPTED = 0x8000_0007
const OPEN = buildOpen({ ...SETTINGS, localAs: 64501, localId: 0x0a000002 })

const run = (
  events: ReadonlyArray<PeerEvent>,
  settings: Partial<PeerSettings> = {}
): readonly [Peer, ReadonlyArray<PeerEffect>] =>
  events.reduce<readonly [Peer, ReadonlyArray<PeerEffect>]>(
    ([peer], event) => reducePeer(peer, event),
    [createPeer({ ...SETTINGS, ...settings }, { firstConn: FIRST, seed: 7 }), []]
  )

const ENABLED: PeerEvent = { _tag: "Enabled" }
const accepted = (conn: number): PeerEvent => ({ _tag: "Accepted", conn })
const opened = (conn: number): PeerEvent => ({ _tag: "OpenReceived", conn, open: OPEN })
const kept = (conn: number): PeerEvent => ({ _tag: "KeepaliveReceived", conn })
const fired = (timer: TimerKind, conn = 0): PeerEvent => ({ _tag: "TimerFired", conn, timer })
const ESTABLISHED = [ENABLED, accepted(ACCEPTED), opened(ACCEPTED), kept(ACCEPTED)]

const tagsOf = (effects: ReadonlyArray<PeerEffect>): ReadonlyArray<string> => effects.map(({ _tag }) => _tag)

describe("a peer", () => {
  it("takes the peer's connection while it dials, and gives its dial up once the session is there", () => {
    const [peer] = run([ENABLED, accepted(ACCEPTED)])
    expect(peerStateName(peer)).toBe("OpenSent")
    expect([peer.main.conn, peer.second?.conn]).toEqual([FIRST + 1, ACCEPTED])
    const [after, effects] = run(ESTABLISHED)
    expect(effects).toContainEqual({ _tag: "Close", conn: FIRST + 1, abort: true })
    expect([after.main.conn, after.second]).toEqual([ACCEPTED, undefined])
  })

  it("gives its dial up with the peer's connection when that fails, and waits before it tries again", () => {
    const fault = { code: 6, subcode: 5, data: new Uint8Array(0) }
    const [peer, effects] = run([ENABLED, accepted(ACCEPTED), { _tag: "NotificationReceived", conn: ACCEPTED, fault }])
    expect(effects).toContainEqual({ _tag: "Close", conn: FIRST + 1, abort: true })
    expect(effects).toContainEqual({ _tag: "CancelTimer", conn: 0, timer: TimerKind.ConnectRetry })
    expect(peerStateName(peer)).toBe("Idle")
    expect(peer.lastError).toBe("received Cease, Connection Rejected")
  })

  it("keeps its dial when the peer closes its own connection for it [RFC 4271 §6.8]", () => {
    const fault = { code: 6, subcode: 7, data: new Uint8Array(0) }
    const [peer] = run([ENABLED, accepted(ACCEPTED), { _tag: "NotificationReceived", conn: ACCEPTED, fault }])
    expect([peerStateName(peer), peer.main.conn]).toEqual(["Connect", FIRST + 1])
  })

  it("keeps what was negotiated with the connection", () => {
    const [peer] = run(ESTABLISHED)
    expect(negotiatedOf(peer)).toMatchObject({ remoteAs: 64501, holdTimeS: 90, families: [0] })
    const [after] = reducePeer(peer, { _tag: "Closed", conn: ACCEPTED, cause: "" })
    expect(negotiatedOf(after)).toBeUndefined()
  })

  it("numbers its dials within its range and begins again after 65535", () => {
    const [peer] = run([ENABLED])
    const last = { ...peer, main: { ...peer.main, nextConn: FIRST + 0xffff } }
    const [again, first] = reducePeer(last, fired(TimerKind.ConnectRetry))
    const [, second] = reducePeer(again, fired(TimerKind.ConnectRetry))
    expect(first).toContainEqual({ _tag: "Dial", conn: FIRST + 0xffff })
    expect(second).toContainEqual({ _tag: "Dial", conn: FIRST + 1 })
  })

  it("never dials while passive, and waits where the RFC's machine would dial", () => {
    const [peer, effects] = run([ENABLED, fired(TimerKind.ConnectRetry)], { passive: true })
    expect(peerStateName(peer)).toBe("Active")
    expect(effects).toEqual([])
  })

  it("says why it stops, and to a removed peer that it is gone [RFC 4486]", () => {
    const subcodes = (["Disabled", "Removed", "ResetRequested"] as const).map((_tag) => {
      const [, effects] = run([...ESTABLISHED, { _tag, communication: "" }])
      const said = effects.find((effect) => effect._tag === "SendNotification")
      return said?._tag === "SendNotification" ? `${said.fault.code}/${said.fault.subcode}` : ""
    })
    expect(subcodes).toEqual(["6/2", "6/3", "6/4"])
  })

  it("tries again by itself after a reset, not after a stop", () => {
    const [reset] = run([...ESTABLISHED, { _tag: "ResetRequested" }, fired(TimerKind.IdleHold)])
    expect(peerStateName(reset)).toBe("Connect")
    const [, effects] = run([...ESTABLISHED, { _tag: "Disabled", communication: "" }])
    expect(tagsOf(effects)).not.toContain("ArmTimer")
  })

  it("stays away when it is removed, whoever asks", () => {
    const [peer, effects] = run([ENABLED, { _tag: "Removed" }, { _tag: "Disabled", communication: "" }, ENABLED])
    expect(peer.administrative).toBe("Removed")
    expect(effects).toEqual([{ _tag: "Ignored", conn: 0, event: "Enabled" }])
  })

  it("waits for the peer's OPEN before its own when DelayOpen is on [RFC 4271 §8.1.1]", () => {
    const [, waiting] = run([ENABLED, accepted(ACCEPTED)], { delayOpenS: 5 })
    expect(tagsOf(waiting)).not.toContain("SendOpen")
    const [peer, effects] = run([ENABLED, accepted(ACCEPTED), opened(ACCEPTED)], { delayOpenS: 5 })
    expect(tagsOf(effects)).toEqual(["CancelTimer", "SendOpen", "SendKeepalive", "ArmTimer", "ArmTimer"])
    expect(peerStateName(peer)).toBe("OpenConfirm")
  })

  it("ends the session when nothing was heard for the hold time, with code 4 [RFC 4271 §6.5]", () => {
    const [peer, effects] = run([...ESTABLISHED, fired(TimerKind.Hold, ACCEPTED)])
    expect(peerStateName(peer)).toBe("Idle")
    const order = ["SendNotification", "SessionDown", "Close"]
    expect(tagsOf(effects).filter((tag) => order.includes(tag))).toEqual(order)
  })

  it("does not wait for a peer that reads nothing to read that it is closed [RFC 9687]", () => {
    const [, effects] = run([...ESTABLISHED, fired(TimerKind.SendHold, ACCEPTED)])
    expect(effects).toContainEqual({ _tag: "Close", conn: ACCEPTED, abort: true })
  })

  it("answers a bad NOTIFICATION with nothing [RFC 4271 §6.4]", () => {
    const fault = { code: 1, subcode: 2, data: new Uint8Array(0) }
    const [, effects] = run([...ESTABLISHED, { _tag: "Malformed", conn: ACCEPTED, fault, messageType: 3 }])
    expect(tagsOf(effects)).toContain("SessionDown")
    expect(tagsOf(effects)).not.toContain("SendNotification")
  })

  it("hands a ROUTE-REFRESH on in Established, and takes one before it as an error of the peer [RFC 6608]", () => {
    const refresh: PeerEvent = { _tag: "RefreshReceived", conn: ACCEPTED, afi: 1, safi: 1, subtype: 0 }
    expect(run([...ESTABLISHED, refresh])[1]).toEqual([{ ...refresh, _tag: "ProcessRefresh" }])
    expect(run([...ESTABLISHED.slice(0, 3), refresh])[1]).toContainEqual({
      _tag: "SendNotification",
      conn: ACCEPTED,
      fault: { code: 5, subcode: 2, data: Uint8Array.of(5) }
    })
  })

  it("forgets a failure for each keepalive interval that a session lives through", () => {
    const [peer] = run(ESTABLISHED)
    const troubled = { ...peer, main: { ...peer.main, connectRetryCount: 2 } }
    const [calmer] = reducePeer(troubled, fired(TimerKind.Keepalive, ACCEPTED))
    expect(calmer.main.connectRetryCount).toBe(1)
  })

  it("ignores a timer that does not run, and says so", () => {
    const [peer, effects] = run([...ESTABLISHED, fired(TimerKind.ConnectRetry)])
    expect(peerStateName(peer)).toBe("Established")
    expect(effects).toEqual([{ _tag: "Ignored", conn: 0, event: "TimerFired" }])
  })

  it("sends a KEEPALIVE at most once per second [RFC 4271 §4.4]", () => {
    const [, effects] = run([...ESTABLISHED.slice(0, 2), opened(ACCEPTED)], { holdTimeS: 3 })
    const keepalive = effects.find((effect) => effect._tag === "ArmTimer" && effect.timer === TimerKind.Keepalive)
    expect(keepalive).toMatchObject({ milliseconds: 1000 })
  })
})

describe("the session machine", () => {
  it("speaks in operations what the reducer says in effects", () => {
    const out = new OpBuffer()
    const [peer] = run([])
    sessionMachine.step(peer, ENABLED, out)
    const [, effects] = reducePeer(peer, ENABLED)
    expect(sessionEffects.decode(out)).toEqual(effects)
  })

  it("tells states apart by their digests", () => {
    const digests = ESTABLISHED.map((_, count) => digestPeer(run(ESTABLISHED.slice(0, count + 1))[0]))
    expect(new Set(digests).size).toBe(ESTABLISHED.length)
    expect(digestPeer(run(ESTABLISHED)[0])).toBe(digests.at(-1))
  })
})
