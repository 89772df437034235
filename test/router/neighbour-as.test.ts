// What AS numbers and roles do to routes between two external peers. RFC 4271 §9.1.2, RFC 7705, RFC 9234
import { describe, expect, it } from "vitest"
import type { PeerConfig } from "../../src/router/index.ts"
import { RoleValue } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith, routesOf, rowsOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const PREFIX = "10.1.0.0/16"

interface Sides {
  readonly a?: Partial<PeerConfig>
  readonly b?: Partial<PeerConfig>
}

/** A announces a route with this path and ONLY_TO_CUSTOMER; what becomes of it here and towards B. */
const pass = (
  { a = {}, b = {} }: Sides,
  path: ReadonlyArray<number>,
  otc = 0
): { readonly here: unknown; readonly told: unknown } => {
  const driver = new Driver(configOf([peerConfig(A, 65002, a), peerConfig(B, 65003, b)]))
  const from = establishWith(driver, A, 65002)
  establishWith(driver, B, 65003)
  const marked =
    otc === 0 ? {} : { unknown: [{ type: 35, flags: 0xc0, value: Uint8Array.of(0, 0, otc >> 8, otc & 255) }] }
  driver.hear(from, announcement(path, [PREFIX], marked))
  driver.settle()
  return { here: rowsOf(driver, { peer: A })[0], told: advertised(driver, B)[0] }
}

const pathOf = (row: unknown): unknown => (row as Readonly<Record<string, unknown>> | undefined)?.["asPath"]
const reasonOf = (row: unknown): unknown => (row as Readonly<Record<string, unknown>> | undefined)?.["reason"]

/** What ONLY_TO_CUSTOMER says, if it is there, optional and transitive and nothing else. */
const otcOf = (row: unknown): number | undefined => {
  const value = JSON.stringify(row).match(/"ONLY_TO_CUSTOMER","flags":192,"value":"(.{8})"/)?.[1]
  return value === undefined ? undefined : Number.parseInt(value, 16)
}

describe("AS_PATH", () => {
  it("gets our session's and our router's AS number where they differ, on the way in and out", () => {
    expect(pathOf(pass({ b: { localAs: 64999 } }, [65002]).told)).toBe(`64999 ${LOCAL_AS} 65002`)
    const { here, told } = pass({ a: { localAs: 64999 } }, [65002])
    expect(pathOf(here)).toBe("64999 65002")
    expect(pathOf(told)).toBe(`${LOCAL_AS} 64999 65002`)
  })

  it("has the peer's own AS number replaced by ours where that is wanted", () => {
    expect(pathOf(pass({ b: { asOverride: true } }, [65002, 65003, 65003]).told)).toBe(
      `${LOCAL_AS} 65002 ${LOCAL_AS} ${LOCAL_AS}`
    )
    expect(pathOf(pass({}, [65002, 65003]).told)).toBe(`${LOCAL_AS} 65002 65003`)
  })

  it.each([
    [0, 1, "AS loop"],
    [1, 1, "best"],
    [1, 2, "AS loop"],
    [2, 2, "best"]
  ])("with %i own AS numbers allowed and %i there is judged: %s", (allowOwnAs, count, reason) => {
    const path = [65002, ...Array<number>(count).fill(LOCAL_AS)]
    expect(reasonOf(pass({ a: { allowOwnAs } }, path).here)).toBe(reason)
  })
})

describe("roles", () => {
  it.each(["customer", "peer", "rs-client"])("mark what comes in while we are %s [RFC 9234 §5]", (role) => {
    expect(otcOf(pass({ a: { role } }, [65002]).here)).toBe(65002)
  })

  it.each(["provider", "rs"])("mark nothing that comes in while we are %s", (role) => {
    expect(otcOf(pass({ a: { role } }, [65002]).here)).toBeUndefined()
  })

  it.each([
    ["provider", 65002, "route leak"],
    ["rs", 65002, "route leak"],
    ["peer", 65009, "route leak"],
    ["peer", 65002, "best"],
    ["customer", 65009, "best"],
    ["rs-client", 65009, "best"]
  ])("judge a route marked before it came to us as %s, by %i: %s [RFC 9234 §5]", (role, otc, reason) => {
    expect(reasonOf(pass({ a: { role } }, [65002], otc).here)).toBe(reason)
  })

  it.each(["provider", "peer", "rs"])("mark what goes out while we are %s [RFC 9234 §5]", (role) => {
    expect(otcOf(pass({ b: { role } }, [65002]).told)).toBe(LOCAL_AS)
  })

  it.each(["customer", "peer", "rs-client"])(
    "keep a marked route from going out while we are %s [RFC 9234 §5]",
    (role) => {
      expect(pass({ b: { role } }, [65002], 65002).told).toBeUndefined()
      expect(pass({ b: { role } }, [65002]).told).toBeDefined()
    }
  )

  it("pass a mark on as it came, without the Partial bit", () => {
    expect(otcOf(pass({ b: { role: "provider" } }, [65002], 65002).told)).toBe(65002)
    expect(otcOf(pass({}, [65002], 65002).told)).toBe(65002)
  })

  it("refuse a peer whose role does not fit ours [RFC 9234 §4.2]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { role: "provider" })]))
    establishWith(driver, A, 65002, [{ _tag: "Role", role: RoleValue.Provider }])
    expect(driver.state.peerAt(1).established).toBe(0)
    expect(routesOf(driver, A)).toEqual([])
  })
})
