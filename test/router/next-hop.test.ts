// Next hops that are not simply an address of the prefix's family. RFC 8950, RFC 2545 §3
import { describe, expect, it } from "vitest"
import type { PeerConfig } from "../../src/router/index.ts"
import {
  type Attributes,
  type Capability,
  decodeAttributes,
  encodeUpdate,
  formatAddress,
  MessageType,
  parseAddress,
  parsePrefix,
  scanUpdate,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { announcement, establishWith, routesOf, rowsOf } from "./far-side.ts"
import { World } from "./forwarding-world.ts"

const A = "2001:db8::2"
const B = "2001:db8::3"
const V4 = "10.0.0.4"
const LOCAL_V6 = "[2001:db8::1]:179"
const PLAIN = { as4: true, addPath: [false, false] } as const
const EXTENDED: Capability = { _tag: "ExtendedNextHop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] }
const IPV6: Capability = { _tag: "Multiprotocol", afi: 2, safi: 1 }

/** An IPv4 or IPv6 route in MP_REACH_NLRI with these next hops. */
const reach = (prefix: string, nextHops: ReadonlyArray<string>, asn = 65002): Uint8Array => {
  const nlri = parsePrefix(prefix)!
  return encodeUpdate(
    {
      attributes: {
        origin: 0,
        asPath: asn === LOCAL_AS ? [] : [{ type: 2, members: [asn] }],
        ...(asn === LOCAL_AS ? { localPref: 100 } : {}),
        mpReach: {
          afi: nlri.family === 4 ? 1 : 2,
          safi: 1,
          nextHops: nextHops.map((text) => parseAddress(text)!),
          nlri: [nlri]
        }
      }
    },
    PLAIN
  )
}

/** The attributes of the last UPDATE with routes among messages. */
const lastOf = (messages: ReadonlyArray<Uint8Array>): Attributes => {
  const bytes = messages.filter((message) => message[18] === MessageType.Update).at(-1)!
  const view = new UpdateView()
  expect(scanUpdate(view, bytes, 0, bytes.length, { ...PLAIN, external: false, extended: false })).toBe(Verdict.Keep)
  return decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
}

const nextHopOf = (driver: Driver, peer: string): unknown => rowsOf(driver, { peer })[0]?.["nextHop"]

const driverOf = (...peers: ReadonlyArray<PeerConfig>): Driver => new Driver(configOf(peers))

describe("IPv4 routes with IPv6 next hops [RFC 8950]", () => {
  const extended = { extendedNextHop: true }

  it("are learned where both sides agreed on it, and told with our own address to the next such peer", () => {
    const driver = driverOf(peerConfig(A, 65002, extended), peerConfig(B, 65003, extended))
    const a = establishWith(driver, A, 65002, [EXTENDED], LOCAL_V6)
    const b = establishWith(driver, B, 65003, [EXTENDED], LOCAL_V6)
    driver.hear(a, reach("10.1.0.0/16", ["2001:db8::2"]))
    driver.settle()
    expect(nextHopOf(driver, A)).toBe("2001:db8::2")
    const { mpReach, nextHop } = lastOf(driver.messages(b))
    expect(nextHop).toBeUndefined()
    expect(mpReach).toMatchObject({ afi: 1, safi: 1, nlri: [{ family: 4, length: 16 }] })
    expect(mpReach!.nextHops.map(formatAddress)).toEqual(["2001:db8::1"])
  })

  it("are told to others with our IPv4 address in NEXT_HOP", () => {
    const driver = driverOf(peerConfig(A, 65002, extended), peerConfig(V4, 65004))
    const a = establishWith(driver, A, 65002, [EXTENDED], LOCAL_V6)
    const c = establishWith(driver, V4, 65004)
    driver.hear(a, reach("10.1.0.0/16", ["2001:db8::2"]))
    driver.settle()
    const { mpReach, nextHop } = lastOf(driver.messages(c))
    expect([mpReach, formatAddress(nextHop!)]).toEqual([undefined, "10.0.0.1"])
  })

  it("go on unchanged within our AS where the peer can read them, and with our own address where not", () => {
    const driver = driverOf(
      peerConfig(A, 65002, extended),
      peerConfig("10.0.0.5", LOCAL_AS, extended),
      peerConfig("10.0.0.6", LOCAL_AS)
    )
    const a = establishWith(driver, A, 65002, [EXTENDED], LOCAL_V6)
    const reads = establishWith(driver, "10.0.0.5", LOCAL_AS, [EXTENDED])
    const cannot = establishWith(driver, "10.0.0.6", LOCAL_AS)
    driver.hear(a, reach("10.1.0.0/16", ["2001:db8::2"]))
    driver.settle()
    expect(lastOf(driver.messages(reads)).mpReach!.nextHops.map(formatAddress)).toEqual(["2001:db8::2"])
    expect(formatAddress(lastOf(driver.messages(cannot)).nextHop!)).toBe("10.0.0.1")
  })

  it("are not told to a client of a route server that cannot read them: it hears of the next one, or nothing [RFC 7947 §2.2.1]", () => {
    const served = { type: "route-server-client" } as const
    const driver = driverOf(
      peerConfig(A, 65002, { ...extended, ...served }),
      peerConfig(V4, 65004, served),
      peerConfig("10.0.0.5", 65005, served)
    )
    const a = establishWith(driver, A, 65002, [EXTENDED], LOCAL_V6)
    const v4 = establishWith(driver, V4, 65004)
    const other = establishWith(driver, "10.0.0.5", 65005)
    driver.hear(a, reach("10.1.0.0/16", ["2001:db8::2"]))
    driver.settle()
    expect(driver.messages(v4)).toEqual([])
    const nextHop = { family: 4, words: [0x0a000005] } as const
    driver.hear(other, announcement([65005, 65006], ["10.1.0.0/16"], { nextHop }))
    driver.settle()
    expect(nextHopOf(driver, A)).toBe("2001:db8::2")
    expect(formatAddress(lastOf(driver.messages(v4)).nextHop!)).toBe("10.0.0.5")
  })

  it("are not learned where it was not agreed on", () => {
    const driver = driverOf(peerConfig(A, 65002))
    const a = establishWith(driver, A, 65002, [], LOCAL_V6)
    driver.hear(a, reach("10.1.0.0/16", ["2001:db8::2"]))
    expect(routesOf(driver, A)).toEqual([])
  })

  it("are not told to a peer to which we have no IPv4 address and no agreement", () => {
    const driver = driverOf(peerConfig(V4, 65004), peerConfig(B, 65003))
    const c = establishWith(driver, V4, 65004)
    const b = establishWith(driver, B, 65003, [], LOCAL_V6)
    driver.hear(c, announcement([65004], ["10.1.0.0/16"]))
    driver.settle()
    expect(driver.messages(b)).toEqual([])
  })

  it("are told with an IPv4 next hop in NEXT_HOP even if they came with it in MP_REACH_NLRI", () => {
    const driver = driverOf(
      peerConfig("10.0.0.5", LOCAL_AS),
      peerConfig("10.0.0.6", LOCAL_AS, { type: "route-reflector-client" })
    )
    const from = establishWith(driver, "10.0.0.5", LOCAL_AS)
    const to = establishWith(driver, "10.0.0.6", LOCAL_AS)
    driver.hear(from, reach("10.1.0.0/16", ["10.0.0.7"], LOCAL_AS))
    driver.settle()
    expect(formatAddress(lastOf(driver.messages(to)).nextHop!)).toBe("10.0.0.7")
  })
})

describe("a next hop that the configuration names", () => {
  const both = { families: ["ipv4-unicast", "ipv6-unicast"], nextHop: "2001:db8::7" } as const

  it("is told with routes of its family, which the session's own addresses cannot be", () => {
    const driver = driverOf(peerConfig(A, 65002, { families: both.families }), peerConfig(V4, 65004, both))
    const a = establishWith(driver, A, 65002, [IPV6], LOCAL_V6)
    const c = establishWith(driver, V4, 65004, [IPV6])
    driver.hear(a, reach("2001:db8:1::/48", [A]))
    driver.settle()
    expect(lastOf(driver.messages(c)).mpReach!.nextHops.map(formatAddress)).toEqual(["2001:db8::7"])
  })

  it("leaves the other family its own address", () => {
    const driver = driverOf(peerConfig("10.0.0.5", 65005), peerConfig(V4, 65004, both))
    const from = establishWith(driver, "10.0.0.5", 65005)
    const c = establishWith(driver, V4, 65004, [IPV6])
    driver.hear(from, announcement([65005], ["10.1.0.0/16"]))
    driver.settle()
    expect(formatAddress(lastOf(driver.messages(c)).nextHop!)).toBe("10.0.0.1")
  })

  it("is the only reason for which a peer hears routes of a family that the session has no address of", () => {
    const driver = driverOf(
      peerConfig(A, 65002, { families: both.families }),
      peerConfig(V4, 65004, { families: both.families })
    )
    const a = establishWith(driver, A, 65002, [IPV6], LOCAL_V6)
    const c = establishWith(driver, V4, 65004, [IPV6])
    driver.hear(a, reach("2001:db8:1::/48", [A]))
    driver.settle()
    expect(driver.messages(c)).toEqual([])
  })
})

describe("forwarding of IPv4 prefixes", () => {
  it("goes to an IPv6 neighbour and leaves nothing behind [RFC 8950 §5]", () => {
    const world = new World().link(2, "east").address(2, "2001:db8::1/64").start()
    world.announce("198.51.100.0/24", "2001:db8::2").settle()
    expect(world.routes()).toEqual({ "198.51.100.0/24": "2001:db8::2@east*1" })
    world.withdraw("198.51.100.0/24").settle()
    expect([world.routes(), world.nexthopCount()]).toEqual([{}, 0])
  })
})

describe("IPv6 next hops with a link-local part [RFC 2545 §3]", () => {
  const families = { families: ["ipv4-unicast", "ipv6-unicast"] } as const

  it.each([
    ["the global one of two", ["2001:db8::9", "fe80::2"], "2001:db8::9"],
    ["the peer's own address for a link-local one alone", ["fe80::2"], A],
    ["the peer's own address for a link-local one behind nothing", ["::", "fe80::2"], A],
    ["the peer's own address for two link-local ones", ["fe80::2", "fe80::2"], A]
  ])("are %s", (_, nextHops, expected) => {
    const driver = driverOf(peerConfig(A, 65002, families))
    const a = establishWith(driver, A, 65002, [IPV6], LOCAL_V6)
    driver.hear(a, reach("2001:db8:1::/48", nextHops))
    expect(nextHopOf(driver, A)).toBe(expected)
  })

  it("stay link-local from a peer with which we speak IPv4", () => {
    const driver = driverOf(peerConfig(V4, 65004, families))
    const a = establishWith(driver, V4, 65004, [IPV6])
    driver.hear(a, reach("2001:db8:1::/48", ["::", "fe80::2"], 65004))
    expect(nextHopOf(driver, V4)).toBe("fe80::2")
  })

  it("that differ in the link-local part only are one set of attributes", () => {
    const driver = driverOf(peerConfig(A, 65002, families))
    const a = establishWith(driver, A, 65002, [IPV6], LOCAL_V6)
    driver.hear(a, reach("2001:db8:1::/48", ["2001:db8::2", "fe80::2"]), reach("2001:db8:2::/48", ["2001:db8::2"]))
    expect(driver.state.rib.store.count).toBe(1)
  })
})

describe("our own address as a next hop [RFC 4271 §6.3]", () => {
  const served = (address: string, asn: number): PeerConfig => peerConfig(address, asn, { type: "route-server-client" })
  const OURS = { nextHop: { family: 4, words: [0x0a000001] } } as const

  it("is not reachable, also where nobody asks a kernel: a route server's client does not draw the others' traffic to it", () => {
    const driver = driverOf(served("10.0.0.2", 65002), served("10.0.0.3", 65003))
    const [a, b] = [establishWith(driver, "10.0.0.2", 65002), establishWith(driver, "10.0.0.3", 65003)]
    driver.hear(a, announcement([65002], ["192.0.2.0/24"], OURS))
    driver.settle()
    expect([routesOf(driver, "10.0.0.2"), driver.updates(b)]).toEqual([["192.0.2.0/24 next hop unreachable"], []])
    driver.hear(a, announcement([65002], ["192.0.2.0/24"]))
    expect([routesOf(driver, "10.0.0.2"), driver.updates(b).length]).toEqual([["192.0.2.0/24 best"], 1])
  })

  it("is none from the moment on that a session tells us it is ours", () => {
    const driver = driverOf(served("10.0.0.2", 65002), served("10.0.0.3", 65003))
    const a = establishWith(driver, "10.0.0.2", 65002, [], "10.0.0.9:179")
    driver.hear(a, announcement([65002], ["192.0.2.0/24"], OURS))
    expect(routesOf(driver, "10.0.0.2")).toEqual(["192.0.2.0/24 best"])
    establishWith(driver, "10.0.0.3", 65003, [], "10.0.0.1:179")
    expect(routesOf(driver, "10.0.0.2")).toEqual(["192.0.2.0/24 next hop unreachable"])
  })

  it("is that of a peer on this host which has the same one", () => {
    const driver = driverOf(served("127.0.0.1", 65002))
    const a = establishWith(driver, "127.0.0.1", 65002, [], "127.0.0.1:1790")
    const nextHop = { family: 4, words: [0x7f000001] } as const
    driver.hear(a, announcement([65002], ["192.0.2.0/24"], { nextHop }))
    expect(routesOf(driver, "127.0.0.1")).toEqual(["192.0.2.0/24 best"])
  })
})
