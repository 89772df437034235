// A family whose routes cannot be read: what the configuration makes of it. RFC 4760 §7, RFC 7606 §2, §5.3
import { describe, expect, it } from "vitest"
import type { PeerConfig } from "../../src/router/index.ts"
import { type Capability, decodeNotification, encodeUpdate, parseAddress, parsePrefix } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { announcement, establishWith, peerRow, routesOf } from "./far-side.ts"

const A = "10.0.0.2"
const IPV6: Capability = { _tag: "Multiprotocol", afi: 2, safi: 1 }
const BOTH: Partial<PeerConfig> = { families: ["ipv4-unicast", "ipv6-unicast"] }

const up = (rest: Partial<PeerConfig>, capabilities: ReadonlyArray<Capability> = [IPV6]) => {
  const driver = new Driver(configOf([peerConfig(A, 65002, { ...BOTH, ...rest })]))
  const conn = establishWith(driver, A, 65002, capabilities)
  driver.hear(conn, announcement([65002], ["20.0.0.0/8"]), ipv6("2001:db8::/32"))
  driver.settle()
  return { driver, conn }
}

const ipv6 = (text: string): Uint8Array =>
  encodeUpdate(
    {
      attributes: {
        origin: 0,
        asPath: [{ type: 2, members: [65002] }],
        mpReach: { afi: 2, safi: 1, nextHops: [parseAddress("2001:db8::2")!], nlri: [parsePrefix(text)!] }
      }
    },
    { as4: true, addPath: [false, false] }
  )

const message = (attributes: string, nlri: ReadonlyArray<number> = []): Uint8Array => {
  const bytes = Buffer.from(attributes.replaceAll(" ", ""), "hex")
  const body = [0, 0, 0, bytes.length, ...bytes, ...nlri]
  return Uint8Array.of(...Array<number>(16).fill(255), 0, 19 + body.length, 2, ...body)
}

const PLAIN = "40010100 40020602010000fdea"
/** A next hop of three octets. */
const BROKEN = "800e09 000201 03 200102 00 00"
const BROKEN_IPV4 = "800e09 000101 03 200102 00 00"

const answer = (driver: Driver, conn: number): string => {
  const said = driver.messages(conn).at(-1)!
  const { code, subcode } = decodeNotification(said, 0, said.length)
  return `${code}/${subcode}`
}

describe("a family whose routes cannot be read", () => {
  it("ends the session where nothing else is configured [RFC 7606 §7.11]", () => {
    const { driver, conn } = up({})
    driver.hear(conn, message(PLAIN + BROKEN))
    expect(answer(driver, conn)).toBe("3/9")
  })

  it("is not listened to any more where that is configured; the session and the other family stay [RFC 7606 §2]", () => {
    const { driver, conn } = up({ disableFamily: true })
    expect(routesOf(driver, A)).toEqual(["20.0.0.0/8 best", "2001:db8::/32 best"])
    driver.hear(conn, message(PLAIN + BROKEN))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["20.0.0.0/8 best"])
    driver.hear(conn, ipv6("2001:db8:1::/48"), message(PLAIN + BROKEN), announcement([65002], ["21.0.0.0/8"]))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["20.0.0.0/8 best", "21.0.0.0/8 best"])
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", disabledFamilies: ["ipv6-unicast"] })
    expect(driver.notices.filter((notice) => notice.includes("is not listened to"))).toEqual([
      `${A}: ipv6-unicast is not listened to until the next session (attribute 14: wrong length of the next hop)`
    ])
  })

  it("is listened to again in the next session", () => {
    const { driver, conn } = up({ disableFamily: true })
    driver.hear(conn, message(PLAIN + BROKEN))
    driver.closeFrom(conn)
    driver.pass(20_000)
    driver.settle()
    const again = establishWith(driver, A, 65002, [IPV6])
    driver.hear(again, ipv6("2001:db8::/32"))
    driver.settle()
    expect(routesOf(driver, A)).toEqual(["2001:db8::/32 best"])
    expect(peerRow(driver, A)).toMatchObject({ disabledFamilies: [] })
  })

  it("ends the session if it is the only one there is, or the last one that is left", () => {
    const single = up({ disableFamily: true }, [])
    single.driver.hear(single.conn, message(PLAIN + BROKEN_IPV4))
    expect(answer(single.driver, single.conn)).toBe("3/9")
    const { driver, conn } = up({ disableFamily: true })
    driver.hear(conn, message(PLAIN + BROKEN))
    driver.messages(conn)
    driver.hear(conn, message(PLAIN + BROKEN_IPV4))
    expect(answer(driver, conn)).toBe("3/9")
  })

  it("ends the session if its message speaks of another family too, which must not be lost", () => {
    for (const more of [
      message(`${PLAIN}4003040a000002${BROKEN}`, [8, 22]),
      message(`${PLAIN}${BROKEN}800f04 000101 00`)
    ]) {
      const { driver, conn } = up({ disableFamily: true })
      driver.hear(conn, more)
      expect(answer(driver, conn)).toBe("3/9")
    }
  })

  it("ends the session if nobody can tell which family it is", () => {
    const { driver, conn } = up({ disableFamily: true })
    driver.hear(conn, message(`${PLAIN}800e020002`))
    expect(answer(driver, conn)).toBe("3/9")
  })
})

it("IPv4 routes outside of MP_REACH_NLRI are passed over in a session that is for IPv6 alone [RFC 4760 §8]", () => {
  const driver = new Driver(configOf([peerConfig(A, 65002, { families: ["ipv6-unicast"] })]))
  const conn = establishWith(driver, A, 65002, [IPV6])
  driver.hear(conn, announcement([65002], ["20.0.0.0/8"]))
  driver.settle()
  expect(peerRow(driver, A)).toMatchObject({ state: "Established", families: ["ipv6-unicast"] })
  expect(routesOf(driver, A)).toEqual([])
})
