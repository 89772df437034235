// Confederations (RFC 5065): what we call ourselves to whom, what a path is inside and outside, loops, preferences that cross member ASes,
// and what is malformed.
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import {
  type Attributes,
  asPathText,
  decodeAttributes,
  decodeOpen,
  isFault,
  MessageType,
  scanUpdate,
  UpdateView
} from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { announcement, rowsOf } from "./far-side.ts"

const WORLD = "10.0.0.2"
const MEMBER = "10.0.0.3"
const INSIDE = "10.0.0.4"
const CLIENT = "10.0.0.5"
const CONFEDERATION = 64500
const MEMBER_AS = 65010
const WORLD_AS = 64502

const driverOf = () => {
  const driver = new Driver(
    configOf(
      [
        peerConfig(WORLD, WORLD_AS),
        peerConfig(MEMBER, MEMBER_AS),
        peerConfig(INSIDE, LOCAL_AS),
        peerConfig(CLIENT, LOCAL_AS, { type: "route-reflector-client" })
      ],
      { confederation: { identifier: CONFEDERATION, members: [MEMBER_AS] } }
    )
  )
  const asns = { [WORLD]: WORLD_AS, [MEMBER]: MEMBER_AS, [INSIDE]: LOCAL_AS, [CLIENT]: LOCAL_AS }
  const conns = Object.fromEntries(
    Object.entries(asns).map(([peer, asn]) => [peer, driver.establish(peer, { asn, id: peer })])
  )
  const opens = Object.fromEntries(Object.entries(conns).map(([peer, conn]) => [peer, ownAsIn(driver, conn)]))
  return { driver, conns, opens }
}

const ownAsIn = (driver: Driver, conn: ConnId): number | undefined => {
  const message = driver.messages(conn).find((bytes) => bytes[18] === MessageType.Open)!
  const open = decodeOpen(message, 0, message.length)
  if (isFault(open)) return undefined
  return open.capabilities.flatMap((one) => (one._tag === "FourOctetAs" ? [one.asn] : []))[0]
}

const toldTo = (driver: Driver, conn: ConnId): Attributes | undefined => {
  const bytes = driver.updates(conn).at(-1)
  if (bytes === undefined) return undefined
  const view = new UpdateView()
  const context = { as4: true, addPath: [], external: false, confederation: true, extended: false }
  expect([scanUpdate(view, bytes, 0, bytes.length, context), view.notes]).toEqual([0, []])
  return decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
}

const pathOf = (attributes: Attributes | undefined): string | undefined =>
  attributes?.asPath === undefined ? undefined : asPathText(attributes.asPath)

const sequence = (type: number, ...members: ReadonlyArray<number>) => ({ type, members })
const PREFIX = "192.0.2.0/24"

/** What everybody hears of a route of one peer: its AS_PATH, LOCAL_PREF and MED. */
const heard = (from: string, asPath: Attributes["asPath"], rest: Partial<Attributes> = {}) => {
  const { driver, conns } = driverOf()
  driver.hear(conns[from]!, announcement([], [PREFIX], { asPath: asPath!, ...rest }))
  return Object.fromEntries(
    Object.entries(conns).map(([peer, conn]) => {
      const told = toldTo(driver, conn)
      return [peer, told === undefined ? undefined : [pathOf(told), told.localPref, told.med]]
    })
  )
}

describe("a member of a confederation [RFC 5065]", () => {
  it("is the confederation to the world, and its member AS to everybody else [§4]", () => {
    expect(driverOf().opens).toEqual({
      [WORLD]: CONFEDERATION,
      [MEMBER]: LOCAL_AS,
      [INSIDE]: LOCAL_AS,
      [CLIENT]: LOCAL_AS
    })
  })

  it("tells another member what the world says behind its own number, with preference and MED [§4.1, §5]", () => {
    expect(heard(WORLD, [sequence(2, WORLD_AS)], { med: 7 })).toEqual({
      [WORLD]: undefined,
      [MEMBER]: [`(${LOCAL_AS}) ${WORLD_AS}`, 100, 7],
      [INSIDE]: [`${WORLD_AS}`, 100, 7],
      [CLIENT]: [`${WORLD_AS}`, 100, 7]
    })
  })

  it("tells the world what another member says without a word of members [§4.1 c]", () => {
    const path = [sequence(3, MEMBER_AS, 65011), sequence(2, 64999)]
    expect(heard(MEMBER, path, { localPref: 150, med: 3 })).toEqual({
      [WORLD]: [`${CONFEDERATION} 64999`, undefined, undefined],
      [MEMBER]: undefined,
      [INSIDE]: [`(${MEMBER_AS} 65011) 64999`, 150, 3],
      [CLIENT]: [`(${MEMBER_AS} 65011) 64999`, 150, 3]
    })
  })

  it("puts its number in front of the members that a route has passed [§4.1 b]", () => {
    const told = heard(INSIDE, [sequence(3, 65012), sequence(2, 64999)], { localPref: 90 })
    expect([told[MEMBER], told[WORLD]]).toEqual([
      [`(${LOCAL_AS} 65012) 64999`, 90, undefined],
      [`${CONFEDERATION} 64999`, undefined, undefined]
    ])
  })

  it("makes a sequence of its own in front of a confederation set [§4.1 b]", () => {
    const told = heard(INSIDE, [sequence(4, 65012, 65013), sequence(2, 64999)], { localPref: 90 })
    expect(told[MEMBER]?.[0]).toBe(`(${LOCAL_AS}) [65012,65013] 64999`)
  })

  it.each([
    ["its member AS in a confederation sequence", [sequence(3, MEMBER_AS, LOCAL_AS)]],
    ["the confederation in a sequence", [sequence(3, MEMBER_AS), sequence(2, 64999, CONFEDERATION)]]
  ])("takes %s for a loop [§4]", (_, asPath) => {
    const { driver, conns } = driverOf()
    driver.hear(conns[MEMBER]!, announcement([], [PREFIX], { asPath, localPref: 100 }))
    expect(rowsOf(driver, { prefix: PREFIX })[0]?.["reason"]).toBe("AS loop")
  })

  it("does not mind its own number among ASes of the world, where it means somebody else", () => {
    const { driver, conns } = driverOf()
    driver.hear(conns[WORLD]!, announcement([WORLD_AS, LOCAL_AS], [PREFIX]))
    expect(rowsOf(driver, { prefix: PREFIX })[0]?.["reason"]).toBe("best")
  })

  it("counts no members in the length of a path, and takes other members for inside [§5.3]", () => {
    const { driver, conns } = driverOf()
    const asPath = [sequence(3, MEMBER_AS, 65011, 65012), sequence(2, 64999)]
    driver.hear(conns[MEMBER]!, announcement([], [PREFIX], { asPath, localPref: 100 }))
    driver.hear(conns[WORLD]!, announcement([WORLD_AS], [PREFIX]))
    expect(rowsOf(driver, { prefix: PREFIX }).map((row) => [row["peer"], row["reason"]])).toEqual([
      [WORLD, "best"],
      [MEMBER, "internal against external"]
    ])
  })

  it.each([
    ["a sequence of members from the world", WORLD, [sequence(3, 65011), sequence(2, WORLD_AS)]],
    ["a set of members from the world", WORLD, [sequence(2, WORLD_AS), sequence(4, 65011)]],
    ["a path from another member that does not begin with members", MEMBER, [sequence(2, 64999)]],
    ["an empty path from another member", MEMBER, []]
  ])("takes %s as withdrawn [§5, RFC 7606 §7.2]", (_, peer, asPath) => {
    const { driver, conns } = driverOf()
    driver.hear(conns[peer]!, announcement([], [PREFIX], { asPath }))
    expect([rowsOf(driver, { prefix: PREFIX }), driver.state.counters.updatesTreatedAsWithdraw]).toEqual([[], 1])
  })

  it("keeps what reflectors say to each other within the member AS [RFC 4456 §8]", () => {
    const { driver, conns } = driverOf()
    const rest = { localPref: 100, originatorId: 0x0a000063, clusterList: [0x0a000064] }
    driver.hear(conns[CLIENT]!, announcement([64999], [PREFIX], rest))
    const told = [toldTo(driver, conns[MEMBER]!), toldTo(driver, conns[INSIDE]!)]
    expect(told.map((one) => [one?.originatorId, one?.clusterList])).toEqual([
      [undefined, undefined],
      [0x0a000063, [0x0a000001, 0x0a000064]]
    ])
  })

  it("does not tell NO_EXPORT beyond the confederation, nor NO_EXPORT_SUBCONFED beyond the member AS [RFC 1997]", () => {
    const told = (community: number) =>
      Object.entries(heard(CLIENT, [sequence(2, 64999)], { localPref: 100, communities: [community] }))
        .filter(([, what]) => what !== undefined)
        .map(([peer]) => peer)
    expect([told(0xffffff01), told(0xffffff03)]).toEqual([[MEMBER, INSIDE], [INSIDE]])
  })
})
