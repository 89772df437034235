// Collisions in every order there is: two speakers that both want one session, all that can be on its way, and every sequence in which it
// can arrive. In each of them exactly one connection remains and both ends agree which (RFC 4271 §6.8, RFC 6286 §2.3).
import { describe, expect, it } from "vitest"
import { createPeer, type PeerSettings, peerStateName } from "../../src/session/index.ts"
import { SETTINGS } from "./scene.ts"
import { give, openLinks, outcomes, type Speakers, speakers, verdictOf } from "./two-speakers.ts"

const BASE: PeerSettings = { ...SETTINGS, remoteAs: 0 }

const IDENTITIES: ReadonlyArray<readonly [name: string, one: Partial<PeerSettings>, other: Partial<PeerSettings>]> = [
  ["the first has the higher identifier", { localId: 9, localAs: 64500 }, { localId: 5, localAs: 64501 }],
  ["the second has the higher identifier", { localId: 5, localAs: 64501 }, { localId: 9, localAs: 64500 }],
  ["an identifier is past 2^31", { localId: 0xffff_fff0, localAs: 64500 }, { localId: 5, localAs: 64501 }],
  [
    "the identifiers are equal, the first has the higher AS",
    { localId: 7, localAs: 64502 },
    { localId: 7, localAs: 64501 }
  ],
  [
    "the identifiers are equal, the second has the higher AS",
    { localId: 7, localAs: 64500 },
    { localId: 7, localAs: 64501 }
  ],
  ["both are of one AS", { localId: 9, localAs: 64500 }, { localId: 5, localAs: 64500 }]
]

const VARIANTS: ReadonlyArray<readonly [name: string, one: Partial<PeerSettings>, other: Partial<PeerSettings>]> = [
  ["both dial", {}, {}],
  ["one waits for OPENs", { delayOpenS: 5 }, {}],
  ["hold time is 0", { holdTimeS: 0 }, {}],
  ["Established takes part at one end", { collisionDetectEstablished: true }, {}],
  ["Established takes part at both ends", { collisionDetectEstablished: true }, { collisionDetectEstablished: true }],
  ["Established takes part at the other end", {}, { collisionDetectEstablished: true }]
]

const worldOf = (one: Partial<PeerSettings>, other: Partial<PeerSettings>): Speakers =>
  speakers([
    { ...BASE, ...one },
    { ...BASE, ...other }
  ])

describe("in every order", () => {
  const cases = IDENTITIES.flatMap(([who, ...ids]) => VARIANTS.map(([how, ...changes]) => ({ who, how, ids, changes })))

  it.each(cases)("one session remains when $who and $how", ({ ids, changes }) => {
    const { atRest, worlds } = outcomes(worldOf({ ...ids[0], ...changes[0] }, { ...ids[1], ...changes[1] }))
    expect(worlds).toBeGreaterThan(10)
    expect([...new Set(atRest.map(verdictOf))].filter((verdict) => !verdict.startsWith("one begun by"))).toEqual([])
  })
})

/** The peer of a speaker that is only listening. */
const OTHER = { localId: 0x0a000002, localAs: 64501 }

describe("when one speaker only listens", () => {
  it("one session remains, begun by the other, once it listens", () => {
    const world = give(worldOf({ passive: true }, OTHER), 0, { _tag: "Enabled" })
    const { atRest } = outcomes({ ...world, operators: [[], world.operators[1]] })
    expect(new Set(atRest.map(verdictOf))).toEqual(new Set(["one begun by 1"]))
  })
})

describe("when both claim to be the same speaker", () => {
  it("no session remains, and each end says why [RFC 6286 §2.2]", () => {
    const { atRest } = outcomes(worldOf({ localId: 7, localAs: 64500 }, { localId: 7, localAs: 64500 }))
    for (const world of atRest) {
      expect(openLinks(world)).toEqual([])
      expect(world.peers.some(({ lastError }) => lastError.includes("Bad BGP Identifier"))).toBe(true)
    }
  })
})

describe("when the peer has started anew and the old session is still believed in", () => {
  /** The second speaker begins again, with nothing; the first still has a session with what it was. */
  const restarted = (one: Partial<PeerSettings>, other: Partial<PeerSettings>): Speakers => {
    const both = worldOf(one, other)
    const up = outcomes({ ...give(both, 0, { _tag: "Enabled" }), operators: [[], both.operators[1]] }).atRest[0]!
    const old = openLinks(up)[0]!
    const fresh = createPeer({ ...BASE, ...other }, { firstConn: 0x3_0000, seed: 3 })
    const gone = { ...old, closed: [false, true] as const, queues: [[CLOSED(old.ends[0])], []] as const }
    return {
      peers: [up.peers[0], fresh],
      links: up.links.with(up.links.indexOf(old), gone),
      operators: [[], [{ _tag: "Enabled" }]]
    }
  }
  const CLOSED = (conn: number) => ({ _tag: "Closed", conn, cause: "ECONNRESET" }) as const
  const RESTART = { gracefulRestart: { helper: true, restartTimeS: 120, forwardingPreserved: true, restarting: false } }

  it("the new connection loses with 6/7, or comes up once the end of the old one is seen [RFC 4271 §6.8]", () => {
    const world = restarted({ passive: true }, OTHER)
    const found = new Set(outcomes(world).atRest.map((one) => verdictOf(one).replace(/:.*/, "")))
    expect(found).toEqual(new Set(["none", "one begun by 1"]))
    for (const { peers } of outcomes(silently(world)).atRest) {
      expect(peers.map(peerStateName)).toEqual(["Established", "Idle"])
      expect(peers[1].lastError).toBe("received Cease, Connection Collision Resolution")
    }
  })

  it("the new connection takes its place in every order where the peer restarts gracefully [RFC 4724 §5]", () => {
    const { atRest } = outcomes(silently(restarted({ passive: true, ...RESTART }, { ...OTHER, ...RESTART })))
    expect(new Set(atRest.map(verdictOf))).toEqual(new Set(["one begun by 1"]))
  })

  /** Nothing tells the first speaker that the old connection is dead. */
  const silently = (world: Speakers): Speakers => ({
    ...world,
    links: world.links.map((link) => ({ ...link, queues: [[], []] }))
  })
})
