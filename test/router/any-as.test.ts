// Ranges of peers with any AS number: what a peer is, external or internal, is known from its OPEN on. RFC 4271 §1.1, §5.1.5
import { describe, expect, it } from "vitest"
import type { PeerConfig } from "../../src/router/index.ts"
import { decodeNotification, encodeEndOfRib } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, openOf, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith, peerRow, rowsOf } from "./far-side.ts"

const FOREIGN = "10.0.0.2"
const OTHER_FOREIGN = "10.0.0.3"
const OURS = "10.1.0.1"
const OURS_TOO = "10.1.0.2"

const bench = (rest: Partial<PeerConfig> = {}): Driver => {
  const range: PeerConfig = { ...peerConfig("10.1.0.0/16", 0, rest), type: rest.type ?? "external" }
  return new Driver(
    configOf([peerConfig(FOREIGN, 65002), peerConfig(OTHER_FOREIGN, 65003)], {
      dynamic: [{ range: "10.1.0.0/16", limit: 5, peer: range }]
    })
  )
}

describe("a peer of a range with any AS number", () => {
  it("is external with another AS number than ours, and internal with ours", () => {
    const driver = bench()
    establishWith(driver, "10.1.0.9", 65009)
    establishWith(driver, OURS, LOCAL_AS)
    expect(peerRow(driver, "10.1.0.9")).toMatchObject({ state: "Established", type: "external", asn: 65009 })
    expect(peerRow(driver, OURS)).toMatchObject({ state: "Established", type: "internal", asn: LOCAL_AS })
  })

  it("that is internal is told paths without our AS number and with LOCAL_PREF [RFC 4271 §5.1.5]", () => {
    const driver = bench()
    establishWith(driver, OURS, LOCAL_AS)
    const foreign = establishWith(driver, FOREIGN, 65002)
    driver.hear(foreign, announcement([65002], ["20.0.0.0/8"]), encodeEndOfRib(0))
    driver.settle()
    expect(advertised(driver, OURS)).toMatchObject([{ prefix: "20.0.0.0/8", asPath: "65002", localPref: 100 }])
  })

  it("that is internal is believed its LOCAL_PREF, and not told to another internal one [RFC 4271 §9.2]", () => {
    const driver = bench()
    const ours = establishWith(driver, OURS, LOCAL_AS)
    establishWith(driver, OURS_TOO, LOCAL_AS)
    establishWith(driver, FOREIGN, 65002)
    driver.hear(ours, announcement([], ["20.0.0.0/8"], { localPref: 250 }), encodeEndOfRib(0))
    driver.settle()
    expect(rowsOf(driver, { peer: OURS })).toMatchObject([{ localPref: 250, reason: "best" }])
    expect(advertised(driver, OURS_TOO)).toEqual([])
    expect(advertised(driver, FOREIGN)).toMatchObject([{ prefix: "20.0.0.0/8", asPath: String(LOCAL_AS) }])
  })

  it("that is internal needs no policy, as one that is external does [RFC 8212 §2]", () => {
    const driver = bench({ policyOpen: false })
    const ours = establishWith(driver, OURS, LOCAL_AS)
    const theirs = establishWith(driver, "10.1.0.9", 65009)
    driver.hear(ours, announcement([], ["20.0.0.0/8"], { localPref: 100 }))
    driver.hear(theirs, announcement([65009], ["30.0.0.0/8"]))
    driver.settle()
    expect(peerRow(driver, OURS)).toMatchObject({ prefixes: { received: 1, accepted: 1 } })
    expect(peerRow(driver, "10.1.0.9")).toMatchObject({ prefixes: { received: 1, accepted: 0 } })
  })

  it("is another one after it came back with another AS number", () => {
    const driver = bench()
    const first = establishWith(driver, OURS, LOCAL_AS)
    driver.closeFrom(first)
    driver.settle()
    establishWith(driver, OURS, 65010)
    expect(peerRow(driver, OURS)).toMatchObject({ type: "external", asn: 65010 })
  })

  it.each([
    ["it is to be a client of our route server", { type: "route-server-client" }],
    ["we have another AS number towards the range", { localAs: LOCAL_AS + 1000 }]
  ] as ReadonlyArray<readonly [string, Partial<PeerConfig>]>)(
    "is refused with 2/2 if it has our AS number and %s [RFC 4271 §6.2]",
    (_, rest) => {
      const driver = bench(rest)
      const conn = driver.accept(OURS)
      driver.hear(conn, openOf({ asn: rest.localAs ?? LOCAL_AS }))
      const said = driver.messages(conn).at(-1)!
      expect(decodeNotification(said, 0, said.length)).toMatchObject({ code: 2, subcode: 2 })
      expect(peerRow(driver, OURS)).toEqual({})
      expect(driver.closed.has(conn)).toBe(true)
    }
  )
})
