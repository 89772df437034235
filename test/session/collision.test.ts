// Collision of connections: the pure rule by examples, and two speakers that dial each other in a small network whose deliveries come
// in any order. Whatever the order, one session remains and both ends agree which.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  createPeer,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  peerStateName,
  reducePeer,
  resolveCollision,
  type TimerKind
} from "../../src/session/index.ts"

const ids = { localId: 20, localAs: 64500, remoteId: 10, remoteAs: 64501 }
const side = (initiator: "local" | "remote", state: "Active" | "OpenSent" | "OpenConfirm" | "Established") => ({
  initiator,
  state
})

describe("resolveCollision", () => {
  it("keeps the connection that the speaker with the higher identifier began [RFC 4271 §6.8]", () => {
    const higher = { ...ids, localId: 0xffff_ffff }
    const lower = { ...ids, localId: 1 }
    const [ours, theirs] = [side("local", "OpenSent"), side("remote", "OpenSent")]
    expect(resolveCollision(ours, side("remote", "OpenConfirm"), higher, false)).toBe("keep-new")
    expect(resolveCollision(theirs, side("local", "OpenConfirm"), higher, false)).toBe("keep-other")
    expect(resolveCollision(ours, side("remote", "OpenConfirm"), lower, false)).toBe("keep-other")
    expect(resolveCollision(theirs, side("local", "OpenConfirm"), lower, false)).toBe("keep-new")
  })

  it("lets the higher AS decide between equal identifiers, and nobody win when both are equal [RFC 6286 §2.3]", () => {
    const equal = { ...ids, remoteId: 20 }
    expect(resolveCollision(side("remote", "OpenSent"), side("local", "OpenConfirm"), equal, false)).toBe("keep-new")
    const same = { ...equal, remoteAs: 64500 }
    expect(resolveCollision(side("remote", "OpenSent"), side("local", "OpenConfirm"), same, false)).toBe("duplicate")
  })

  it("leaves an Established connection alone unless configured otherwise [RFC 4271 §6.8]", () => {
    const received = side("local", "OpenSent")
    expect(resolveCollision(received, side("remote", "Established"), ids, false)).toBe("keep-other")
    expect(resolveCollision(received, side("remote", "Established"), ids, true)).toBe("keep-new")
  })

  it("is none with a connection on which the peer has not spoken: it may be giving that one up", () => {
    expect(resolveCollision(side("local", "OpenSent"), side("remote", "Active"), ids, false)).toBe("none")
    expect(resolveCollision(side("local", "OpenSent"), side("remote", "OpenSent"), ids, false)).toBe("none")
  })

  it("keeps, of two that the peer began, the one that is further on", () => {
    expect(resolveCollision(side("remote", "OpenSent"), side("remote", "OpenConfirm"), ids, false)).toBe("keep-other")
  })
})

const settings = (localId: number, localAs: number, holdTimeS: number): PeerSettings => ({
  localAs,
  localId,
  remoteAs: 0,
  passive: false,
  holdTimeS,
  connectRetryS: 120,
  idleHoldS: 5,
  delayOpenS: 0,
  dampPeerOscillations: true,
  families: [0],
  addPathReceive: false,
  addPathSend: false,
  extendedMessage: false,
  hostname: ""
})

/** A connection as the network knows it: a number at either end, and what is on its way to each. */
interface Link {
  readonly ends: readonly [number, number]
  readonly queues: readonly [Array<PeerEvent>, Array<PeerEvent>]
  readonly closed: [boolean, boolean]
}

/** Two speakers. Every choice, which message or signal arrives next, is taken from `choices`. */
class Network {
  readonly peers: [Peer, Peer]
  readonly links: Array<Link> = []
  readonly choices: Array<number>
  /** The peers' own timers: what waits to be tried again. */
  readonly retries = new Map<string, { readonly end: 0 | 1; readonly timer: TimerKind; readonly atMs: number }>()
  accepted = 0x8000_0000
  nowMs = 0

  constructor(ids: readonly [number, number], holds: readonly [number, number], choices: ReadonlyArray<number>) {
    this.peers = [0, 1].map((end) =>
      createPeer(settings(ids[end]!, 64500 + end, holds[end]!), { firstConn: 0x1_0000 * (end + 1), seed: end + 1 })
    ) as [Peer, Peer]
    this.choices = [...choices]
  }

  give(end: 0 | 1, event: PeerEvent): void {
    const [peer, effects] = reducePeer(this.peers[end], event)
    this.peers[end] = peer
    for (const effect of effects) this.perform(end, effect)
  }

  /** Delivers what is on its way until nothing is. */
  settle(): void {
    for (let deliveries = 0; deliveries < 1000; deliveries++) {
      const waiting = this.links.flatMap((link) =>
        ([0, 1] as const).filter((end) => link.queues[end].length > 0).map((end) => ({ link, end }))
      )
      if (waiting.length === 0) return
      const { link, end } = waiting[(this.choices.pop() ?? 0) % waiting.length]!
      const event = link.queues[end].shift()!
      if (!link.closed[end]) this.give(end, event)
      if (event._tag === "Closed") link.closed[end] = true
    }
    throw new Error("the network never comes to rest")
  }

  /** Lets time pass until the first speaker tries again. */
  retry(): void {
    const first = [...this.retries].sort(([, one], [, other]) => one.atMs - other.atMs)[0]
    if (first === undefined) return
    const [key, { end, timer, atMs }] = first
    this.retries.delete(key)
    this.nowMs = atMs
    this.give(end, { _tag: "TimerFired", conn: 0, timer })
  }

  private perform(end: 0 | 1, effect: PeerEffect): void {
    if (effect._tag === "ArmTimer" && effect.conn === 0) {
      const { timer, milliseconds } = effect
      this.retries.set(`${end}/${timer}`, { end, timer, atMs: this.nowMs + milliseconds })
    }
    if (effect._tag === "CancelTimer" && effect.conn === 0) this.retries.delete(`${end}/${effect.timer}`)
    if (effect._tag === "Dial") this.dial(end, effect.conn)
    if (effect._tag === "SendOpen")
      this.send(end, effect.conn, (conn) => ({ _tag: "OpenReceived", conn, open: effect.open }))
    if (effect._tag === "SendKeepalive") this.send(end, effect.conn, (conn) => ({ _tag: "KeepaliveReceived", conn }))
    if (effect._tag === "SendNotification") {
      const { fault } = effect
      this.send(end, effect.conn, (conn) => ({ _tag: "NotificationReceived", conn, fault }))
    }
    if (effect._tag === "Close") {
      this.send(end, effect.conn, (conn) => ({ _tag: "Closed", conn, cause: "" }))
      for (const link of this.links) if (link.ends[end] === effect.conn) link.closed[end] = true
    }
  }

  private dial(from: 0 | 1, conn: number): void {
    const to = from === 0 ? 1 : 0
    const acceptedConn = this.accepted++
    const link: Link = {
      ends: from === 0 ? [conn, acceptedConn] : [acceptedConn, conn],
      queues: [[], []],
      closed: [false, false]
    }
    link.queues[from].push({ _tag: "Dialled", conn })
    link.queues[to].push({ _tag: "Accepted", conn: acceptedConn })
    this.links.push(link)
  }

  private send(from: 0 | 1, conn: number, event: (conn: number) => PeerEvent): void {
    const to = from === 0 ? 1 : 0
    const link = this.links.find(({ ends, closed }) => ends[from] === conn && !closed[from])
    link?.queues[to].push(event(link.ends[to]))
  }
}

describe("two speakers that dial each other", () => {
  const identifiers = fc.constantFrom<readonly [number, number]>([1, 2], [2, 1], [7, 7])
  const holds = fc.constantFrom<readonly [number, number]>([90, 90], [0, 90], [9, 30])
  const choices = fc.array(fc.nat(1000), { maxLength: 120 })

  it("end with one session, the same at both ends, in whatever order things arrive [RFC 4271 §6.8]", () => {
    fc.assert(
      fc.property(identifiers, holds, choices, (pair, times, order) => {
        const network = new Network(pair, times, order)
        network.give(0, { _tag: "Enabled" })
        network.give(1, { _tag: "Enabled" })
        network.settle()
        for (let rounds = 0; rounds < RETRIES_MAX && !established(network); rounds++) {
          network.retry()
          network.settle()
        }
        expect(network.peers.map(peerStateName)).toEqual(["Established", "Established"])
        const open = network.links.filter(({ closed }) => !closed[0] && !closed[1])
        expect(open.map(({ ends }) => ends)).toEqual([network.peers.map(({ main }) => main.conn)])
        expect(network.peers.map(({ second }) => second)).toEqual([undefined, undefined])
      }),
      { numRuns: 500 }
    )
  })

  it("keep, when both connections are up before any OPEN arrives, the one of the higher identifier", () => {
    for (const [pair, winner] of [
      [[1, 2], 1],
      [[2, 1], 0]
    ] as const) {
      const network = new Network(pair, [90, 90], [])
      network.give(0, { _tag: "Enabled" })
      network.give(1, { _tag: "Enabled" })
      for (const end of [0, 1] as const) {
        for (const link of end === 0 ? network.links : network.links.toReversed()) {
          network.give(end, link.queues[end].shift()!)
        }
      }
      for (const end of [0, 1] as const) {
        for (const link of network.links) network.give(end, link.queues[end].shift()!)
      }
      network.settle()
      expect(network.peers.map(({ main }) => main.conn)).toEqual(network.links[winner]!.ends)
      expect(network.peers.map(peerStateName)).toEqual(["Established", "Established"])
    }
  })
})

const established = ({ peers }: Network): boolean => peers.every((peer) => peerStateName(peer) === "Established")

/** An order in which each end gives up what the other keeps costs both connections; a few retries must do, or it would go on for ever. */
const RETRIES_MAX = 4
