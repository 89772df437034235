// Ranges of peers with any AS number in a confederation: who connects may be a member of it, one of our own member AS, or the world, and hears
// the AS number that is ours towards him. RFC 5065 §4, RFC 4271 §6.2
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import { decodeNotification, decodeOpen, isFault, keepalive, MessageType } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, openOf, peerConfig } from "./driver.ts"
import { advertised, announcement, peerRow, rowsOf } from "./far-side.ts"

const CONFEDERATION = 64500
const MEMBER_AS = 65010
const WORLD = "10.1.0.1"
const MEMBER = "10.1.0.2"
const OURS = "10.1.0.3"
const SEQUENCE = 2
const CONFED_SEQUENCE = 3

const bench = (rest: Partial<PeerConfig> = {}): Driver => {
  const range: PeerConfig = { ...peerConfig("10.1.0.0/16", 0, rest), type: rest.type ?? "external" }
  return new Driver(
    configOf([], {
      confederation: { identifier: CONFEDERATION, members: [MEMBER_AS] },
      dynamic: [{ range: "10.1.0.0/16", limit: 9, peer: range }]
    })
  )
}

/** The peer speaks first. What we said in our OPEN; nothing, if we refused. */
const meet = (driver: Driver, address: string, asn: number): { conn: ConnId; said: number | undefined } => {
  const conn = driver.accept(address)
  driver.hear(conn, openOf({ asn, id: address }))
  const open = driver.messages(conn).find((bytes) => bytes[18] === MessageType.Open)
  driver.hear(conn, keepalive())
  driver.settle()
  if (open === undefined) return { conn, said: undefined }
  const decoded = decodeOpen(open, 0, open.length)
  const said = isFault(decoded)
    ? []
    : decoded.capabilities.flatMap((one) => (one._tag === "FourOctetAs" ? [one.asn] : []))
  return { conn, said: said[0] }
}

const refusal = (driver: Driver, conn: ConnId) => {
  const said = driver.messages(conn).at(-1)!
  return decodeNotification(said, 0, said.length)
}

describe("a peer with any AS number, in a confederation", () => {
  it("hears the confederation's number if it is outside, and our member AS if it is inside [RFC 5065 §4]", () => {
    const driver = bench()
    expect(meet(driver, WORLD, 64999).said).toBe(CONFEDERATION)
    expect(meet(driver, MEMBER, MEMBER_AS).said).toBe(LOCAL_AS)
    expect(meet(driver, OURS, LOCAL_AS).said).toBe(LOCAL_AS)
    expect(peerRow(driver, WORLD)).toMatchObject({ state: "Established", type: "external", asn: 64999 })
    expect(peerRow(driver, MEMBER)).toMatchObject({ state: "Established", type: "external", asn: MEMBER_AS })
    expect(peerRow(driver, OURS)).toMatchObject({ state: "Established", type: "internal", asn: LOCAL_AS })
  })

  it("is told and believed what it is: members of members, the world of none [RFC 5065 §4.1, §5]", () => {
    const driver = bench()
    const world = meet(driver, WORLD, 64999)
    const member = meet(driver, MEMBER, MEMBER_AS)
    meet(driver, OURS, LOCAL_AS)
    const asPath = [
      { type: CONFED_SEQUENCE, members: [MEMBER_AS] },
      { type: SEQUENCE, members: [64777] }
    ]
    driver.hear(member.conn, announcement([], ["20.0.0.0/8"], { asPath, localPref: 130 }))
    driver.hear(world.conn, announcement([64999], ["30.0.0.0/8"]))
    driver.settle()
    expect(rowsOf(driver, { peer: MEMBER })).toMatchObject([{ localPref: 130, reason: "best" }])
    expect(advertised(driver, WORLD)).toMatchObject([{ prefix: "20.0.0.0/8", asPath: `${CONFEDERATION} 64777` }])
    expect(advertised(driver, MEMBER)).toMatchObject([{ prefix: "30.0.0.0/8", asPath: `(${LOCAL_AS}) 64999` }])
    expect(advertised(driver, OURS).map(({ prefix, asPath }) => [prefix, asPath])).toEqual([
      ["20.0.0.0/8", `(${MEMBER_AS}) 64777`],
      ["30.0.0.0/8", "64999"]
    ])
  })

  it("needs no policy inside, and one outside [RFC 8212 §2]", () => {
    const driver = bench({ policyOpen: false })
    const world = meet(driver, WORLD, 64999)
    const ours = meet(driver, OURS, LOCAL_AS)
    driver.hear(world.conn, announcement([64999], ["30.0.0.0/8"]))
    driver.hear(ours.conn, announcement([], ["20.0.0.0/8"], { localPref: 100 }))
    driver.settle()
    expect(peerRow(driver, WORLD)).toMatchObject({ prefixes: { received: 1, accepted: 0 } })
    expect(peerRow(driver, OURS)).toMatchObject({ prefixes: { received: 1, accepted: 1 } })
  })

  it("is refused with 2/2 as somebody with the number of the whole confederation, which is nobody's [RFC 4271 §6.2]", () => {
    const driver = bench()
    const conn = driver.accept(WORLD)
    driver.hear(conn, openOf({ asn: CONFEDERATION }))
    expect(refusal(driver, conn)).toMatchObject({ code: 2, subcode: 2 })
  })

  it("hears the confederation's number after a while if it says nothing, and is refused if it then is inside", () => {
    const driver = bench()
    const conn = driver.accept(MEMBER)
    driver.pass(61_000)
    expect(driver.messages(conn)[0]?.[18]).toBe(MessageType.Open)
    driver.hear(conn, openOf({ asn: MEMBER_AS }))
    expect(refusal(driver, conn)).toMatchObject({ code: 2, subcode: 2 })
  })

  it("is outside whatever it says where it is to be a client of our route server", () => {
    const driver = bench({ type: "route-server-client" })
    expect(meet(driver, WORLD, 64999).said).toBe(CONFEDERATION)
  })
})
