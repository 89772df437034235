// Attributes that came in an extended message and fit into no other: who speaks no extended messages is not told. RFC 8654 §4
import { describe, expect, it } from "vitest"
import { decodeNlri, formatPrefix } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { advertised, announcement, peerRow } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"
const PREFIX = "10.1.0.0/16"

const long = (first: number): Uint8Array =>
  announcement([65002], [PREFIX], { communities: Array.from({ length: 1100 }, (_, at) => first + at) })

describe("attributes too long for a peer", () => {
  const scene = () => {
    const extendedMessage = true
    const driver = new Driver(
      configOf([
        peerConfig(A, 65002, { extendedMessage }),
        peerConfig(B, 65003),
        peerConfig(C, 65004, { extendedMessage })
      ])
    )
    const a = driver.establish(A, { asn: 65002, extendedMessage })
    const b = driver.establish(B, { asn: 65003 })
    const c = driver.establish(C, { asn: 65004, extendedMessage })
    driver.settle()
    driver.messages(b)
    driver.messages(c)
    return { driver, a, b, c }
  }

  it("are withdrawn from it, neither shown nor counted as told, and go to the others [RFC 8654 §4]", () => {
    const { driver, a, b, c } = scene()
    driver.hear(a, announcement([65002], [PREFIX]))
    expect([driver.updates(b).length, driver.updates(c).length]).toEqual([1, 1])
    driver.hear(a, long(1))
    const [withdrawal] = driver.updates(b)
    expect([...decodeNlri(withdrawal!, 21, 24, 4, false)].map(formatPrefix)).toEqual([PREFIX])
    expect([advertised(driver, B), peerRow(driver, B)]).toMatchObject([[], { prefixes: { advertised: 0 } }])
    expect(driver.updates(c).map(({ length }) => length > 4096)).toEqual([true])
    expect([advertised(driver, C).length, peerRow(driver, C)]).toMatchObject([1, { prefixes: { advertised: 1 } }])
  })

  it("are no news to it as long as they are, and it hears of what follows", () => {
    const { driver, a, b } = scene()
    driver.hear(a, long(1), long(2))
    expect(driver.messages(b)).toEqual([])
    driver.hear(a, announcement([65002], [PREFIX]))
    expect([driver.updates(b).length, advertised(driver, B).length]).toEqual([1, 1])
  })

  it("are not told to one that comes later", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { extendedMessage: true }), peerConfig(B, 65003)]))
    const a = driver.establish(A, { asn: 65002, extendedMessage: true })
    driver.hear(a, long(1), announcement([65002], ["10.2.0.0/16"]))
    const b = driver.establish(B, { asn: 65003 })
    driver.settle()
    const [told, endOfRib] = driver.updates(b)
    expect([...decodeNlri(told!, told!.length - 3, told!.length, 4, false)].map(formatPrefix)).toEqual(["10.2.0.0/16"])
    expect([endOfRib!.length, advertised(driver, B).length]).toEqual([23, 1])
  })
})
