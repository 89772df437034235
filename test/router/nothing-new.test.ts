// A route in which nothing changed that a peer is told is not told again; whoever is told the difference hears of it (RFC 4271 §9.2).
import { expect, it } from "vitest"
import { type Attributes, decodeAttributes, encodeRouteRefresh, scanUpdate, UpdateView } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { announcement, establishWith } from "./far-side.ts"

const FROM = "10.0.0.2"
const OUTSIDE = "10.0.0.3"
const INSIDE = "10.0.0.4"
const CLIENT = "10.0.0.5"
const SERVED = "10.0.0.6"
const ASNS = { [FROM]: 65002, [OUTSIDE]: 65003, [INSIDE]: LOCAL_AS, [CLIENT]: LOCAL_AS, [SERVED]: 65006 }
const PREFIX = "192.0.2.0/24"

const routerWith = () => {
  const driver = new Driver(
    configOf([
      peerConfig(FROM, ASNS[FROM]),
      peerConfig(OUTSIDE, ASNS[OUTSIDE]),
      peerConfig(INSIDE, LOCAL_AS),
      peerConfig(CLIENT, LOCAL_AS, { type: "route-reflector-client" }),
      peerConfig(SERVED, ASNS[SERVED], { type: "route-server-client" })
    ])
  )
  const conns = Object.fromEntries(
    Object.entries(ASNS).map(([peer, asn]) => [peer, establishWith(driver, peer, asn)] as const)
  )
  return { driver, conns }
}

const view = new UpdateView()

/** What each peer has been told since it was asked last. */
const heard = ({ driver, conns }: ReturnType<typeof routerWith>): Record<string, ReadonlyArray<Attributes>> => {
  driver.settle()
  return Object.fromEntries(
    Object.entries(conns).map(([peer, conn]) => [
      peer,
      driver.updates(conn).map((bytes) => {
        scanUpdate(view, bytes, 0, bytes.length, { as4: true, addPath: [], external: false, extended: false })
        return decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
      })
    ])
  )
}

const counts = (told: Record<string, ReadonlyArray<Attributes>>): Record<string, number> =>
  Object.fromEntries(Object.entries(told).map(([peer, updates]) => [peer, updates.length]))

it.each<readonly [string, Partial<Attributes>, ReadonlyArray<string>]>([
  ["a MED, which stays in our AS and with clients of a route server [§5.1.4]", { med: 7 }, [INSIDE, CLIENT, SERVED]],
  [
    "a next hop, which is ours outside [§5.1.3]",
    { nextHop: { family: 4, words: [0x0a000009] } },
    [INSIDE, CLIENT, SERVED]
  ],
  ["a community of the AS alone [RFC 4360 §6]", { extendedCommunities: [[0x4004fde8, 1]] }, [INSIDE, CLIENT, SERVED]],
  ["a community", { communities: [0xfde80001] }, [OUTSIDE, INSIDE, CLIENT, SERVED]],
  [
    "an attribute that nobody knows and that is not transitive [§9]",
    { unknown: [{ flags: 0x80, type: 98, value: Uint8Array.of(1) }] },
    [SERVED]
  ]
])("%s: only who is told it hears of the change", (_, change, told) => {
  const bench = routerWith()
  bench.driver.hear(bench.conns[FROM]!, announcement([65002], [PREFIX]))
  heard(bench)
  bench.driver.hear(bench.conns[FROM]!, announcement([65002], [PREFIX], change))
  expect(counts(heard(bench))).toEqual({
    ...Object.fromEntries(Object.keys(ASNS).map((peer) => [peer, told.includes(peer) ? 1 : 0]))
  })
  // What is told from now on is what the route has become.
  bench.driver.hear(bench.conns[OUTSIDE]!, encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 }))
  expect(counts(heard(bench))[OUTSIDE]).toBe(1)
})

it("a best path that moves to a peer whose route looks the same is told to the old one's peer only, and withdrawn from the new one's", () => {
  const bench = routerWith()
  bench.driver.hear(bench.conns[OUTSIDE]!, announcement([65010], [PREFIX], { med: 7 }))
  bench.driver.hear(bench.conns[FROM]!, announcement([65010], [PREFIX], { med: 9 }))
  heard(bench)
  bench.driver.hear(bench.conns[FROM]!, announcement([65010], [PREFIX], { med: 5 }))
  const told = heard(bench)
  expect([told[OUTSIDE]!.map(({ asPath }) => asPath?.length), told[FROM]!.map(({ asPath }) => asPath)]).toEqual([
    [1],
    [undefined]
  ])
})

it("a best path that moves from a peer outside to one inside, and looks the same to others outside, is not told to them", () => {
  const bench = routerWith()
  bench.driver.hear(bench.conns[FROM]!, announcement([65010], [PREFIX]))
  heard(bench)
  bench.driver.hear(bench.conns[INSIDE]!, announcement([65010], [PREFIX], { localPref: 200 }))
  // Who had it from outside hears of LOCAL_PREF now, and who announced it first that there is another one.
  expect(counts(heard(bench))).toEqual({ [FROM]: 1, [OUTSIDE]: 0, [INSIDE]: 1, [CLIENT]: 1, [SERVED]: 0 })
})

const CONFEDERATION = { identifier: 65500, members: [65010] }
const MEMBER = "10.0.0.7"

it.each([
  ["to a peer outside of the confederation", OUTSIDE, [0]],
  ["to a client of a route server", SERVED, [0]],
  ["inside, where they are told, it is news", INSIDE, [1]]
] as const)(
  "segments that stay in the confederation are no news when they change [RFC 5065 §5.3]: %s",
  (_, peer, news) => {
    const type = peer === SERVED ? "route-server-client" : peer === INSIDE ? "internal" : "external"
    const driver = new Driver(
      configOf([peerConfig(MEMBER, 65010), peerConfig(peer, ASNS[peer], { type })], { confederation: CONFEDERATION })
    )
    const from = establishWith(driver, MEMBER, 65010)
    const to = establishWith(driver, peer, ASNS[peer])
    const say = (inner: ReadonlyArray<number>): ReadonlyArray<number> => {
      const asPath = [
        { type: 3, members: [65010, ...inner] },
        { type: 2, members: [64510] }
      ] as const
      driver.hear(from, announcement([], [PREFIX], { asPath, localPref: 100 }))
      driver.settle()
      return [driver.updates(to).length]
    }
    expect(say([])).toEqual([1])
    expect([say([65011]), say([65011, 65012])]).toEqual([news, news])
  }
)

it("numbers that the operator has replaced by ours are no news when one of them becomes the other", () => {
  const driver = new Driver(configOf([peerConfig(FROM, 65002), peerConfig(OUTSIDE, 65003, { asOverride: true })]))
  const from = establishWith(driver, FROM, 65002)
  const to = establishWith(driver, OUTSIDE, 65003)
  const say = (asn: number): number => {
    driver.hear(from, announcement([65002, asn], [PREFIX]))
    driver.settle()
    return driver.updates(to).length
  }
  // Our own number is only let in where it is allowed for.
  expect([say(65003), say(65004), say(65003)]).toEqual([1, 1, 1])
  const loose = new Driver(
    configOf([peerConfig(FROM, 65002, { allowOwnAs: 1 }), peerConfig(OUTSIDE, 65003, { asOverride: true })])
  )
  const source = establishWith(loose, FROM, 65002)
  const listener = establishWith(loose, OUTSIDE, 65003)
  for (const asn of [65003, LOCAL_AS]) loose.hear(source, announcement([65002, asn], [PREFIX]))
  loose.settle()
  expect(loose.updates(listener).length).toBe(1)
})
