// Defects of the source's routing, one test for each that can exist here, with its number in docs/rfc/source-defects.md; what is
// tested elsewhere is named there. RFC 4271 §9, RFC 4456, RFC 6793, RFC 7606
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import {
  AttributeFlag,
  type Attributes,
  decodeAttributes,
  decodeNlri,
  encodeUpdate,
  formatPrefix,
  parseAddress,
  parsePrefix,
  scanUpdate,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import { concat, configOf, Driver, LOCAL_AS, LOCAL_ID, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith, peerRow, routesOf, rowsOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"
const D = "10.0.0.5"
const PREFIX = "10.1.0.0/16"
const PLAIN = { as4: true, addPath: [false, false] } as const
const CLIENT: Partial<PeerConfig> = { type: "route-reflector-client" }

const wordOf = (text: string): number => parseAddress(text)!.words[0]!

const withdrawal = (...prefixes: ReadonlyArray<string>): Uint8Array =>
  encodeUpdate({ withdrawn: prefixes.map((text) => parsePrefix(text)!) }, PLAIN)

/** What these messages leave in the table of whoever hears them: the AS path of each prefix. */
const tableOf = (updates: ReadonlyArray<Uint8Array>): Readonly<Record<string, string>> => {
  const table = new Map<string, string>()
  const view = new UpdateView()
  for (const bytes of updates) {
    expect(scanUpdate(view, bytes, 0, bytes.length, { ...PLAIN, external: true, extended: false })).toBe(Verdict.Keep)
    const { asPath } = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
    for (const gone of decodeNlri(bytes, view.withdrawnAt, view.withdrawnEnd, 4, false))
      table.delete(formatPrefix(gone))
    for (const told of decodeNlri(bytes, view.nlriAt, view.nlriEnd, 4, false)) {
      table.set(formatPrefix(told), asPath!.flatMap(({ members }) => members).join(" "))
    }
  }
  return Object.fromEntries(table)
}

const external = (): { readonly driver: Driver; readonly a: ConnId; readonly b: ConnId } => {
  const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003)]))
  return { driver, a: establishWith(driver, A, 65002), b: establishWith(driver, B, 65003) }
}

/** Two peers of our own AS, the first a client: what one says is reflected to the other. */
const reflecting = (): { readonly driver: Driver; readonly client: ConnId; readonly other: ConnId } => {
  const driver = new Driver(configOf([peerConfig(A, LOCAL_AS, CLIENT), peerConfig(B, LOCAL_AS)]))
  return { driver, client: establishWith(driver, A, LOCAL_AS), other: establishWith(driver, B, LOCAL_AS) }
}

const toldOf = (driver: Driver, conn: ConnId): Attributes => {
  const [bytes] = driver.updates(conn)
  const view = new UpdateView()
  const context = { ...PLAIN, external: false, extended: false }
  expect(scanUpdate(view, bytes!, 0, bytes!.length, context)).toBe(Verdict.Keep)
  return decodeAttributes(bytes!, view.attributesAt, view.attributesEnd, true)
}

describe("prefixes", () => {
  // 1
  it("of one address and two lengths are two routes (there: one)", () => {
    const { driver, a, b } = external()
    driver.hear(a, announcement([65002], ["10.0.0.0/8"]), announcement([65002, 65010], ["10.0.0.0/16"]))
    expect(routesOf(driver, A)).toEqual(["10.0.0.0/8 best", "10.0.0.0/16 best"])
    driver.hear(a, withdrawal("10.0.0.0/8"))
    expect(tableOf(driver.updates(b))).toEqual({ "10.0.0.0/16": "65001 65002 65010" })
  })

  // 2
  it("may be the default route (there: dropped)", () => {
    const { driver, a, b } = external()
    driver.hear(a, announcement([65002], ["0.0.0.0/0"]))
    expect(routesOf(driver, A)).toEqual(["0.0.0.0/0 best"])
    expect(tableOf(driver.updates(b))).toEqual({ "0.0.0.0/0": "65001 65002" })
    driver.hear(a, withdrawal("0.0.0.0/0"))
    expect(routesOf(driver, A)).toEqual([])
    expect(formatPrefix(decodeNlri(driver.updates(b)[0]!, 21, 22, 4, false)[0]!)).toBe("0.0.0.0/0")
  })
})

describe("updates", () => {
  // 3
  it("take effect in the order of their arrival, wherever the stream is cut (there: a goroutine for each)", () => {
    const changes = fc.array(fc.option(fc.integer({ min: 65010, max: 65013 }), { freq: 2 }), {
      minLength: 1,
      maxLength: 8
    })
    fc.assert(
      fc.property(changes, fc.infiniteStream(fc.integer({ min: 1, max: 80 })), (paths, sizes) => {
        const { driver, a, b } = external()
        const stream = concat(
          paths.map((asn) => (asn === null ? withdrawal(PREFIX) : announcement([65002, asn], [PREFIX])))
        )
        for (let at = 0; at < stream.length; ) {
          const size = sizes.next().value
          driver.hear(a, stream.subarray(at, at + size))
          at += size
        }
        const last = paths.at(-1)
        expect(tableOf(driver.updates(b))).toEqual(last === null ? {} : { [PREFIX]: `65001 65002 ${last}` })
      }),
      { numRuns: 60 }
    )
  })
})

/** The steps of the decision, each with an attribute that wins it and one that loses it (RFC 4271 §9.1.2.2, RFC 4456 §9). */
const STEPS: ReadonlyArray<readonly [reason: string, winning: Partial<Attributes>, losing: Partial<Attributes>]> = [
  ["long-lived stale", {}, { communities: [0xffff_0006] }],
  ["local preference", { localPref: 200 }, { localPref: 100 }],
  ["AS path length", { asPath: [{ type: 2, members: [65010] }] }, { asPath: [{ type: 2, members: [65010, 65011] }] }],
  ["origin", { origin: 0 }, { origin: 2 }],
  ["MED", { med: 10 }, { med: 20 }],
  ["internal against external", {}, {}],
  ["IGP metric", { nextHop: parseAddress("10.0.0.20")! }, { nextHop: parseAddress("10.0.0.30")! }],
  ["router id", { originatorId: wordOf("10.0.0.40") }, { originatorId: wordOf("10.0.0.50") }],
  ["cluster list length", { clusterList: [7] }, { clusterList: [7, 8] }],
  ["peer address", {}, {}]
]

const named = (step: string): number => STEPS.findIndex(([reason]) => reason === step)

/** Attributes alike up to a step, won or lost there, and the other way round at every later one. */
const attributesFor = (step: number, wins: boolean): Partial<Attributes> =>
  Object.assign({}, ...STEPS.map(([, winning, losing], at) => (at < step || (at === step) === wins ? winning : losing)))

const deciding = (): { readonly driver: Driver; readonly conns: ReadonlyArray<ConnId> } => {
  const driver = new Driver(
    configOf([peerConfig(A, LOCAL_AS), peerConfig(B, LOCAL_AS), peerConfig(C, 65010), peerConfig(D, 65020)])
  )
  const asns = [LOCAL_AS, LOCAL_AS, 65010, 65020]
  return { driver, conns: [A, B, C, D].map((address, at) => establishWith(driver, address, asns[at]!)) }
}

/** The way to 10.0.0.30 is longer than that to 10.0.0.20: what the forwarding graph would say of them. */
const tellMetrics = (driver: Driver): void => {
  const { rib } = driver.state
  const { nextHops } = rib.store
  for (const [address, metric] of [
    ["10.0.0.20", 10],
    ["10.0.0.30", 20]
  ] as const) {
    const id = nextHops.intern(parseAddress(address)!)
    nextHops.metrics[id] = metric
    rib.nextHopChanged(id)
  }
  driver.step()
  driver.settle()
}

describe("the decision", () => {
  // 4
  it.each(STEPS.map(([reason]) => reason))(
    "is made by %s, whatever later steps would say and whatever came first (there: no MED, no IGP metric)",
    (reason) => {
      const step = named(reason)
      const byAddress = step === named("peer address")
      const isExternal = step === named("internal against external")
      // The peer with the lower address has the better of the last step, so that it must lose all others.
      const winner = isExternal ? 2 : byAddress ? 0 : 1
      const wins = attributesFor(step, true)
      // What is not carried between ASes is left to its default on both sides.
      const common = isExternal ? { localPref: 100 } : {}
      const loses = { ...attributesFor(step, false), ...common }
      const { originatorId: _, clusterList: __, localPref: ___, ...carried } = wins
      for (const winnerFirst of [true, false]) {
        const { driver, conns } = deciding()
        const said = [
          [conns[winner]!, announcement([], [PREFIX], isExternal ? carried : wins)],
          [conns[byAddress ? 1 : 0]!, announcement([], [PREFIX], loses)]
        ] as const
        for (const [conn, bytes] of winnerFirst ? said : said.toReversed()) driver.hear(conn, bytes)
        tellMetrics(driver)
        expect(routesOf(driver, [A, B, C][winner]!)).toEqual([`${PREFIX} best`])
        expect(routesOf(driver, byAddress ? B : A)).toEqual([`${PREFIX} ${reason}`])
      }
    }
  )

  it("prefers a route of our own to any that is learned", () => {
    const { driver, conns } = deciding()
    driver.hear(conns[0]!, announcement([], [PREFIX], { localPref: 500 }))
    driver.command({ command: "announce", route: { prefix: PREFIX, communities: [] } })
    expect(rowsOf(driver, {}).map(({ peer, reason }) => `${peer} ${reason}`)).toEqual(["local best", `${A} not local`])
  })

  it("is made by the path identifier between paths of one peer [RFC 7911 §3]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { addPath: { receive: true, send: 0 } })]))
    const a = driver.establish(A, { asn: 65002, addPathSend: true })
    const attributes = { origin: 0, asPath: [{ type: 2, members: [65002] }], nextHop: parseAddress(A)! }
    for (const pathId of [7, 3, 5]) {
      const nlri = [{ ...parsePrefix(PREFIX)!, pathId }]
      driver.hear(a, encodeUpdate({ attributes, nlri }, { as4: true, addPath: [true, true] }))
    }
    const rows = rowsOf(driver, { peer: A }).map(({ pathId, reason }) => `${pathId} ${reason}`)
    expect(rows.toSorted()).toEqual(["3 best", "5 path id", "7 path id"])
  })

  it("compares MED within one neighbouring AS only [RFC 4271 §9.1.2.2 c]", () => {
    const { driver, conns } = deciding()
    driver.hear(conns[0]!, announcement([65010], [PREFIX], { med: 20 }))
    driver.hear(conns[1]!, announcement([65011], [PREFIX], { med: 10 }))
    expect([routesOf(driver, A), routesOf(driver, B)]).toEqual([[`${PREFIX} best`], [`${PREFIX} peer address`]])
  })

  // 5
  it("law: what is advertised does not depend on the order of arrival (there: on that of a map)", () => {
    const paths = [
      [0, [65010, 65030], 20],
      [1, [65011, 65030], 10],
      [2, [65010, 65030], 10],
      [3, [65020, 65010], 0]
    ] as const
    const run = (order: ReadonlyArray<number>): ReadonlyArray<unknown> => {
      const { driver, conns } = deciding()
      for (const at of order) {
        const [peer, path, med] = paths[at]!
        driver.hear(conns[peer]!, announcement(path, [PREFIX], { med }))
      }
      return [A, B, C, D].map((address) => [routesOf(driver, address), advertised(driver, address)])
    }
    const expected = run([0, 1, 2, 3])
    const orders = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 })
    fc.assert(
      fc.property(orders, (order) => {
        expect(run(order)).toEqual(expected)
      }),
      { numRuns: 40 }
    )
  })

  // 6
  it("keeps every candidate when a better kind of source arrives (there: a hole among them)", () => {
    const { driver, conns } = deciding()
    for (const conn of conns.slice(0, 2)) driver.hear(conn, announcement([65010], [PREFIX]))
    for (const [at, asn] of [
      [2, 65010],
      [3, 65020]
    ] as const)
      driver.hear(conns[at]!, announcement([asn], [PREFIX]))
    const reasons = (): ReadonlyArray<string> => [A, B, C, D].flatMap((address) => routesOf(driver, address))
    const internal = `${PREFIX} internal against external`
    expect(reasons()).toEqual([internal, internal, `${PREFIX} best`, `${PREFIX} peer address`])
    for (const conn of [conns[2]!, conns[3]!, conns[0]!]) driver.hear(conn, withdrawal(PREFIX))
    expect(reasons()).toEqual([`${PREFIX} best`])
  })
})

/** What an attribute set may have beside what it must. */
const optional = fc.record(
  {
    med: fc.nat(),
    localPref: fc.integer({ min: 1, max: 1000 }),
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.constant({ asn: 70_000, address: 0x0a000001 }),
    communities: fc.array(fc.integer({ min: 1, max: 0xfffeffff }), { minLength: 1, maxLength: 80 }),
    originatorId: fc.constant(wordOf("10.0.0.77")),
    clusterList: fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 4 }),
    extendedCommunities: fc.array(fc.tuple(fc.constant(0x00020001), fc.nat()), { minLength: 1, maxLength: 4 }),
    largeCommunities: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 }),
    unknown: fc.constant([
      { type: 200, flags: AttributeFlag.Optional | AttributeFlag.Transitive, value: Uint8Array.of(1) }
    ])
  },
  { requiredKeys: [] }
)

describe("a reflector", () => {
  // 9, 10
  it("law: adds ORIGINATOR_ID and its own cluster id, and keeps all else (there: loses what comes behind) [RFC 4456 §8]", () => {
    fc.assert(
      fc.property(optional, (rest) => {
        const { driver, client, other } = reflecting()
        driver.hear(client, announcement([65010], [PREFIX], rest))
        expect(toldOf(driver, other)).toEqual({
          origin: 0,
          asPath: [{ type: 2, members: [65010] }],
          nextHop: parseAddress(A),
          localPref: 100,
          ...rest,
          originatorId: rest.originatorId ?? wordOf("10.0.0.99"),
          clusterList: [wordOf(LOCAL_ID), ...(rest.clusterList ?? [])],
          ...(rest.unknown && { unknown: rest.unknown.map((one) => ({ ...one, flags: one.flags | 0x20 })) })
        })
      }),
      { numRuns: 60 }
    )
  })

  // 11
  it("leaves next hop and LOCAL_PREF alone inside the AS (there: itself and the default) [RFC 4271 §5.1.3, §5.1.5]", () => {
    const { driver, client, other } = reflecting()
    const given = { nextHop: parseAddress("10.0.0.44")!, localPref: 70 }
    driver.hear(client, announcement([65010], [PREFIX], given))
    expect(toldOf(driver, other)).toMatchObject(given)
  })

  it("and a border router alike: the next hop of an external route stays towards our own AS", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, LOCAL_AS)]))
    const a = establishWith(driver, A, 65002)
    const b = establishWith(driver, B, LOCAL_AS)
    driver.hear(a, announcement([65002], [PREFIX], { nextHop: parseAddress("10.0.0.44")! }))
    expect(toldOf(driver, b)).toMatchObject({ nextHop: parseAddress("10.0.0.44"), localPref: 100 })
  })

  // 14
  it.each([
    ["cluster loop", { clusterList: [7, wordOf(LOCAL_ID)] }],
    ["originator loop", { originatorId: wordOf(LOCAL_ID) }]
  ])(
    "processes an UPDATE with a %s: withdrawals count, the older path is replaced (there: nothing) [RFC 4456 §8]",
    (reason, loop) => {
      const { driver, client, other } = reflecting()
      driver.hear(client, announcement([65010], [PREFIX, "10.2.0.0/16"]))
      driver.messages(other)
      const looped = announcement([65010], [PREFIX], loop)
      const view = new UpdateView()
      scanUpdate(view, looped, 0, looped.length, { ...PLAIN, external: false, extended: false })
      const attributes = decodeAttributes(looped, view.attributesAt, view.attributesEnd, true)
      const withdrawn = [parsePrefix("10.2.0.0/16")!]
      driver.hear(client, encodeUpdate({ withdrawn, attributes, nlri: [parsePrefix(PREFIX)!] }, PLAIN))
      expect(routesOf(driver, A)).toEqual([`${PREFIX} ${reason}`])
      const gone = driver
        .updates(other)
        .flatMap((bytes) => [...decodeNlri(bytes, 21, 21 + bytes[19]! * 256 + bytes[20]!, 4, false)])
      expect(gone.map(formatPrefix).toSorted()).toEqual([PREFIX, "10.2.0.0/16"])
      expect(advertised(driver, B)).toEqual([])
    }
  )
})

describe("peers", () => {
  // 12
  it("may send a looped path: it is kept and shown with its reason, and another takes its place (there: only skipped)", () => {
    const { driver, a, b } = external()
    driver.hear(b, announcement([65003, 65010, 65011], [PREFIX]))
    driver.hear(a, announcement([65002], [PREFIX]), announcement([65002, LOCAL_AS], [PREFIX]))
    expect([routesOf(driver, A), routesOf(driver, B)]).toEqual([[`${PREFIX} AS loop`], [`${PREFIX} best`]])
    expect(peerRow(driver, A)).toMatchObject({ prefixes: { received: 1 } })
    expect(tableOf(driver.updates(a))).toEqual({ [PREFIX]: "65001 65003 65010 65011" })
  })

  // 13
  it("hear nothing of it when another one's session comes up (there: everything again)", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003), peerConfig(C, 65004)]))
    const a = establishWith(driver, A, 65002)
    const b = establishWith(driver, B, 65003)
    driver.hear(a, announcement([65002], [PREFIX, "10.2.0.0/16"]))
    expect(driver.updates(b).length).toBe(1)
    establishWith(driver, C, 65004)
    driver.settle()
    expect([driver.messages(a), driver.messages(b)]).toEqual([[], []])
  })

  // 17
  it("that nobody knows may be named in a command and a question (there: a nil is dereferenced)", () => {
    const { driver } = external()
    const before = driver.digest
    for (const action of ["enable", "disable", "reset", "refresh"]) {
      driver.command({ command: "peer", address: "192.0.2.77", action })
    }
    expect([driver.digest, routesOf(driver, "192.0.2.77")]).toEqual([before, []])
  })
})
