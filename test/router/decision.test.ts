// What an operator may want of the decision process beyond RFC 4271 §9.1.2.2: each option as two routes that only it tells apart, in
// both orders of arrival, with the step at which the other one lost (RFC 4271 §9.1.2.2, RFC 4456 §9, RFC 5004).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig, RouterConfig } from "../../src/router/index.ts"
import type { Attributes } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { announcement, rowsOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"
const PREFIX = "192.0.2.0/24"

interface Offer {
  readonly peer: string
  readonly asn: number
  readonly path: ReadonlyArray<number>
  readonly rest?: Partial<Attributes>
  readonly config?: Partial<PeerConfig>
  readonly id?: string
}

const driverOf = (offers: ReadonlyArray<Offer>, config: Partial<RouterConfig> = {}) => {
  const driver = new Driver(
    configOf(
      offers.map(({ peer, asn, config: own }) => peerConfig(peer, asn, own)),
      config
    )
  )
  const conns = new Map<string, ConnId>(
    offers.map(({ peer, asn, id }) => [peer, driver.establish(peer, { asn, id: id ?? peer })])
  )
  const tell = ({ peer, path, rest, asn }: Offer): void => {
    const inside = asn === LOCAL_AS ? { localPref: 100 } : {}
    driver.hear(conns.get(peer)!, announcement(path, [PREFIX], { ...inside, ...rest }))
  }
  return { driver, tell }
}

const reasons = (driver: Driver): Record<string, unknown> =>
  Object.fromEntries(rowsOf(driver, { prefix: PREFIX }).map((row) => [row["peer"], row["reason"]]))

const external = (peer: string, asn: number, path: ReadonlyArray<number>, rest: Partial<Attributes> = {}): Offer => ({
  peer,
  asn,
  path,
  rest
})

type Case = readonly [what: string, config: Partial<RouterConfig>, winner: Offer, loser: Offer, reason: string]

const cases: ReadonlyArray<Case> = [
  [
    "MED decides nothing between two neighbouring ASes [§9.1.2.2 c]",
    {},
    external(A, 64502, [64502], { med: 20 }),
    external(B, 64503, [64503], { med: 10 }),
    "router id"
  ],
  [
    "always-compare-med",
    { bestPath: { alwaysCompareMed: true } },
    external(B, 64503, [64503], { med: 10 }),
    external(A, 64502, [64502], { med: 20 }),
    "MED"
  ],
  [
    "a MED that is missing is the lowest",
    {},
    external(B, 64502, [64502]),
    external(A, 64502, [64502], { med: 1 }),
    "MED"
  ],
  [
    "med-missing-as-worst",
    { bestPath: { medMissingAsWorst: true } },
    external(B, 64502, [64502], { med: 4_294_967_294 }),
    external(A, 64502, [64502]),
    "MED"
  ],
  [
    "ignore-as-path-length",
    { bestPath: { ignoreAsPathLength: true } },
    external(A, 64502, [64502, 64510, 64511]),
    external(B, 64503, [64503]),
    "router id"
  ],
  ["the length of AS_PATH", {}, external(B, 64503, [64503]), external(A, 64502, [64502, 64510]), "AS path length"],
  [
    "weight is before everything that a route says",
    {},
    { ...external(B, 64503, [64503, 64510, 64511]), config: { weight: 10 } },
    external(A, 64502, [64502]),
    "weight"
  ],
  [
    "the local preference of routes that have none",
    { localPreference: 50 },
    { peer: A, asn: LOCAL_AS, path: [64502, 64510], rest: { localPref: 60 } },
    external(B, 64503, [64503]),
    "local preference"
  ]
]

describe("the decision process and its options", () => {
  it.each(cases)("%s, whichever comes first", (_, config, winner, loser, reason) => {
    for (const order of [
      [winner, loser],
      [loser, winner]
    ]) {
      const { driver, tell } = driverOf([winner, loser], config)
      for (const offer of order) tell(offer)
      expect(reasons(driver)).toEqual({ [winner.peer]: "best", [loser.peer]: reason })
    }
  })

  it("compares MED in groups: the paths of one AS lose to each other before anybody else is asked [RFC 4271 §9.1.2.2 c]", () => {
    const offers = [
      external(A, 64502, [64502], { med: 20 }),
      external(B, 64503, [64503], { med: 30 }),
      { ...external(C, 64502, [64502], { med: 10 }), id: "10.0.0.9" }
    ]
    fc.assert(
      fc.property(fc.shuffledSubarray(offers, { minLength: 3 }), (order) => {
        const { driver, tell } = driverOf(offers)
        for (const offer of order) tell(offer)
        expect(reasons(driver)).toEqual({ [A]: "MED", [B]: "best", [C]: "router id" })
      })
    )
  })
})

describe("the external path that is best already [RFC 5004]", () => {
  const older = { bestPath: { preferOlder: true } }
  const low = external(A, 64502, [64502])
  const high = external(B, 64503, [64503])

  it("stays best against a lower router id, and the other one lost for being newer [§3]", () => {
    const { driver, tell } = driverOf([low, high], older)
    tell(high)
    tell(low)
    expect(reasons(driver)).toEqual({ [A]: "newer external path", [B]: "best" })
  })

  it("gives way without the option", () => {
    const { driver, tell } = driverOf([low, high])
    tell(high)
    tell(low)
    expect(reasons(driver)).toEqual({ [A]: "best", [B]: "router id" })
  })

  it("gives way to one that is better at any step before", () => {
    const { driver, tell } = driverOf([low, high], older)
    tell({ ...high, path: [64503, 64510] })
    tell(low)
    expect(reasons(driver)).toEqual({ [A]: "best", [B]: "AS path length" })
  })

  it("is no better than another session with the same router [§3]", () => {
    const twins = [low, { ...high, id: A }]
    const { driver, tell } = driverOf(twins, older)
    tell(high)
    tell(low)
    expect(reasons(driver)).toEqual({ [A]: "best", [B]: "peer address" })
  })

  it("does not depend on the order within one step: nothing was best yet", () => {
    const { driver } = driverOf([low, high], older)
    const conns = [...driver.state.connections.keys()]
    driver.step(
      { _tag: "Bytes", conn: conns[1]!, bytes: announcement(high.path, [PREFIX]) },
      { _tag: "Bytes", conn: conns[0]!, bytes: announcement(low.path, [PREFIX]) }
    )
    expect(reasons(driver)).toEqual({ [A]: "best", [B]: "router id" })
  })

  it("is asked about anew when the option comes and goes on a running router", () => {
    const { driver, tell } = driverOf([low, high], older)
    tell(high)
    tell(low)
    const config = configOf([peerConfig(A, 64502), peerConfig(B, 64503)])
    driver.command({ command: "configure", config, seed: 1 })
    driver.settle()
    expect(reasons(driver)).toEqual({ [A]: "best", [B]: "router id" })
  })
})
