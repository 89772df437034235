// Several paths for one prefix: which share the traffic, whichever came first, how much each gets, and what becomes of it when one goes
// (draft-ietf-idr-link-bandwidth §4; RFC 4271 leaves the rest to the implementation, ADR-0031).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { MultipathOptions } from "../../src/rib/index.ts"
import { query } from "../../src/router/index.ts"
import { type Attributes, encodeUpdate, parsePrefix } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { announcement, rowsOf } from "./far-side.ts"

const PREFIX = "192.0.2.0/24"
const EXTERNAL = ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4"]
const INTERNAL = ["10.0.2.1", "10.0.2.2"]

const options = (more: Partial<MultipathOptions> = {}): MultipathOptions => ({
  external: 8,
  internal: 8,
  relaxAsPath: false,
  linkBandwidth: true,
  ...more
})

const wordOf = (address: string): number => address.split(".").reduce((word, octet) => word * 256 + Number(octet), 0)

class Bench {
  readonly driver: Driver
  readonly conns: Map<string, number>

  constructor(multipath: MultipathOptions | undefined) {
    const peers = [
      ...EXTERNAL.map((peer) => peerConfig(peer, 64502)),
      ...INTERNAL.map((peer) => peerConfig(peer, LOCAL_AS))
    ]
    this.driver = new Driver(configOf(peers, multipath === undefined ? {} : { bestPath: { multipath } }))
    this.conns = new Map(
      peers.map(({ address, asn }) => [address, this.driver.establish(address, { asn, id: address })])
    )
  }

  /** A route by way of the peer itself. */
  tell(peer: string, path: ReadonlyArray<number>, rest: Partial<Attributes> = {}): this {
    const nextHop = { family: 4, words: [wordOf(peer)] } as const
    const inside = INTERNAL.includes(peer) ? { localPref: 100 } : {}
    this.driver.hear(this.conns.get(peer)!, announcement(path, [PREFIX], { nextHop, ...inside, ...rest }))
    return this
  }

  withdraw(peer: string): this {
    const update = encodeUpdate({ withdrawn: [parsePrefix(PREFIX)!] }, { as4: true, addPath: [] })
    this.driver.hear(this.conns.get(peer)!, update)
    return this
  }

  /** Next hops and weights, as forwarding has them. */
  get used(): ReadonlyArray<readonly [string, number]> {
    const rows = [...(query(this.driver.state, "fib", { prefix: PREFIX }) as Iterable<Record<string, never>>)]
    const hops: ReadonlyArray<{ readonly address: string; readonly weight: number }> = rows[0]?.["nextHops"] ?? []
    return hops.map(({ address, weight }) => [address, weight] as const).sort()
  }

  /** The paths that say that they share, with reason and weight. */
  get shown(): ReadonlyArray<unknown> {
    const rows = rowsOf(this.driver, { prefix: PREFIX }).filter((row) => row["multipath"] === true)
    return rows.map((row) => [row["peer"], row["reason"], row["weight"]])
  }
}

/** A link bandwidth in bytes per second; 0x40: it does not leave the AS. */
const bandwidth = (bytesPerSecond: number, type = 0x40): Partial<Attributes> => {
  const view = new DataView(new ArrayBuffer(4))
  view.setFloat32(0, bytesPerSecond)
  return { extendedCommunities: [[((type << 24) | (0x04 << 16) | 64502) >>> 0, view.getUint32(0)]] }
}

describe("several paths for one prefix", () => {
  it("share the traffic where nothing but the tie-breakers tells them apart", () => {
    const bench = new Bench(options())
    for (const peer of EXTERNAL.slice(0, 3)) bench.tell(peer, [64502, 64510])
    expect(bench.used).toEqual([
      ["10.0.1.1", 1],
      ["10.0.1.2", 1],
      ["10.0.1.3", 1]
    ])
    expect(bench.shown).toEqual([
      ["10.0.1.1", "best", 1],
      ["10.0.1.2", "router id", 1],
      ["10.0.1.3", "router id", 1]
    ])
  })

  it("are one path unless the operator asks", () => {
    const bench = new Bench(undefined)
    for (const peer of EXTERNAL) bench.tell(peer, [64502])
    expect([bench.used, bench.shown]).toEqual([[["10.0.1.1", 1]], []])
  })

  it.each([
    ["a longer AS_PATH", { path: [64502, 64510, 64511] }],
    ["a higher MED from the same neighbour", { rest: { med: 1 } }],
    ["a worse ORIGIN", { rest: { origin: 2 } }]
  ])("leave out one with %s", (_, { path = [64502, 64510], rest = {} }: { path?: Array<number>; rest?: object }) => {
    const bench = new Bench(options())
    bench.tell(EXTERNAL[0]!, [64502, 64510]).tell(EXTERNAL[1]!, path, rest)
    expect(bench.used).toEqual([["10.0.1.1", 1]])
  })

  it("have the same AS_PATH, or with relax-as-path the same length", () => {
    const usedWith = (relaxAsPath: boolean) =>
      new Bench(options({ relaxAsPath })).tell(EXTERNAL[0]!, [64502, 64510]).tell(EXTERNAL[1]!, [64502, 64511]).used
        .length
    expect([usedWith(false), usedWith(true)]).toEqual([1, 2])
  })

  it("go different ways: of several by one next hop the first counts", () => {
    const bench = new Bench(options({ linkBandwidth: false }))
    const nextHop = { family: 4, words: [wordOf(EXTERNAL[0]!)] } as const
    bench.tell(EXTERNAL[0]!, [64502]).tell(EXTERNAL[1]!, [64502], { nextHop }).tell(EXTERNAL[2]!, [64502])
    expect(bench.used.map(([address]) => address)).toEqual([EXTERNAL[0], EXTERNAL[2]])
    expect(bench.shown.map((row) => (row as ReadonlyArray<unknown>)[0])).toEqual([EXTERNAL[0], EXTERNAL[2]])
  })

  it("are external or internal, never both", () => {
    const bench = new Bench(options())
    for (const peer of [...INTERNAL, ...EXTERNAL.slice(0, 2)]) bench.tell(peer, [64502])
    expect(bench.used.map(([address]) => address)).toEqual(["10.0.1.1", "10.0.1.2"])
    for (const peer of EXTERNAL.slice(0, 2)) bench.withdraw(peer)
    expect(bench.used.map(([address]) => address)).toEqual(["10.0.2.1", "10.0.2.2"])
  })

  it("have each a next hop of its own", () => {
    const bench = new Bench(options())
    bench
      .tell(EXTERNAL[0]!, [64502])
      .tell(EXTERNAL[1]!, [64502], { nextHop: { family: 4, words: [wordOf(EXTERNAL[0]!)] } })
    expect(bench.used).toEqual([["10.0.1.1", 1]])
  })

  it("are as many as may be, whichever came first", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(EXTERNAL, { minLength: 4 }), fc.constantFrom(1, 2, 3), (order, external) => {
        const bench = new Bench(options({ external }))
        for (const peer of order) bench.tell(peer, [64502])
        expect(bench.used.map(([address]) => address)).toEqual(EXTERNAL.slice(0, external))
      })
    )
  })

  it("share among those that are left when one goes, and its combination is given back", () => {
    const bench = new Bench(options())
    for (const peer of EXTERNAL.slice(0, 3)) bench.tell(peer, [64502])
    bench.withdraw(EXTERNAL[0]!)
    expect([bench.used.length, bench.driver.state.sharedNextHops.count]).toEqual([2, 1])
    bench.withdraw(EXTERNAL[1]!)
    expect([bench.used, bench.driver.state.sharedNextHops.count]).toEqual([[["10.0.1.3", 1]], 0])
    bench.withdraw(EXTERNAL[2]!)
    expect([bench.used, bench.driver.state.sharedNextHops.count]).toEqual([[], 0])
  })

  it("become one again when the operator takes the option back", () => {
    const bench = new Bench(options())
    for (const peer of EXTERNAL) bench.tell(peer, [64502])
    const { config } = bench.driver.state
    bench.driver.command({ command: "configure", config: { ...config, bestPath: {} }, seed: 1 })
    bench.driver.settle()
    expect([bench.used, bench.driver.state.sharedNextHops.count]).toEqual([[["10.0.1.1", 1]], 0])
  })
})

describe("shares by link bandwidth [draft-ietf-idr-link-bandwidth §4]", () => {
  const usedWith = (more: Partial<MultipathOptions>, ...rates: ReadonlyArray<Partial<Attributes>>) => {
    const bench = new Bench(options(more))
    for (const [index, rate] of rates.entries()) bench.tell(EXTERNAL[index]!, [64502], rate)
    return bench.used.map(([, weight]) => weight)
  }

  it.each([
    ["1 to 10", [125e6, 1250e6], [1, 10]],
    ["2 to 5", [250e6, 625e6], [2, 5]],
    ["equal", [125e6, 125e6, 125e6], [1, 1, 1]],
    ["1 to 255", [1e6, 255e6], [1, 255]]
  ])("are %s as the bandwidths are", (_, rates, weights) => {
    expect(usedWith({}, ...rates.map((rate) => bandwidth(rate)))).toEqual(weights)
  })

  it("are at least 1 where the range is too small", () => {
    expect(usedWith({}, bandwidth(1), bandwidth(1e9))).toEqual([1, 255])
  })

  it("are shown with the paths", () => {
    const bench = new Bench(options())
    bench.tell(EXTERNAL[0]!, [64502], bandwidth(125e6)).tell(EXTERNAL[1]!, [64502], bandwidth(1250e6))
    expect(bench.shown).toEqual([
      ["10.0.1.1", "best", 1],
      ["10.0.1.2", "router id", 10]
    ])
  })

  it("are equal where a path says no bandwidth, or none that is a number", () => {
    expect(usedWith({}, bandwidth(125e6), {})).toEqual([1, 1])
    expect(usedWith({}, bandwidth(125e6), bandwidth(Number.NaN))).toEqual([1, 1])
    expect(usedWith({}, bandwidth(125e6), bandwidth(-1))).toEqual([1, 1])
  })

  it("are none where all are equal: a prefix without bandwidths and one with equal ones go the same way, and either may go first", () => {
    const other = ["198.51.100.0/24"]
    for (const first of [PREFIX, other[0]!]) {
      const bench = new Bench(options())
      // Somebody looks: from now on there are entries.
      expect(query(bench.driver.state, "fib")).toBeDefined()
      for (const peer of EXTERNAL.slice(0, 2)) {
        const nextHop = { family: 4, words: [wordOf(peer)] } as const
        bench.tell(peer, [64502], bandwidth(125e6))
        bench.driver.hear(bench.conns.get(peer)!, announcement([64502], other, { nextHop }))
        const rate = bandwidth(peer === EXTERNAL[0] ? 125e6 : 250e6)
        bench.driver.hear(bench.conns.get(peer)!, announcement([64502], ["203.0.113.0/24"], { nextHop, ...rate }))
      }
      expect(bench.driver.state.sharedNextHops.count).toBe(2)
      const withdrawn = [first, first === PREFIX ? other[0]! : PREFIX].map((text) => parsePrefix(text)!)
      for (const prefix of withdrawn) {
        const update = encodeUpdate({ withdrawn: [prefix] }, { as4: true, addPath: [] })
        bench.driver.hear(bench.conns.get(EXTERNAL[0]!)!, update)
      }
      expect(bench.driver.state.sharedNextHops.count).toBe(1)
    }
  })

  it("come from the transitive form too", () => {
    expect(usedWith({}, bandwidth(125e6, 0), bandwidth(250e6))).toEqual([1, 2])
  })

  it("are equal if the operator does not want them", () => {
    expect(usedWith({ linkBandwidth: false }, bandwidth(125e6), bandwidth(1250e6))).toEqual([1, 1])
  })

  it("change with the bandwidth alone", () => {
    const bench = new Bench(options())
    bench.tell(EXTERNAL[0]!, [64502], bandwidth(1e6)).tell(EXTERNAL[1]!, [64502], bandwidth(1e6))
    bench.tell(EXTERNAL[1]!, [64502], bandwidth(3e6))
    expect(bench.used).toEqual([
      ["10.0.1.1", 1],
      ["10.0.1.2", 3]
    ])
  })
})
