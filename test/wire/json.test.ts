// `backwalk decode`: messages as people and scripts see them.
import { describe, expect, it } from "vitest"
import {
  decodeToJson,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  FAMILY_NAMES,
  keepalive,
  shutdownCommunication
} from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

const PLAIN = { as4: true, addPath: [false, false] } as const
const IPV4_PREFIX = { family: 4, words: [0xc6336400], length: 24 } as const
const IPV6_PREFIX = { family: 6, words: [0x20010db8, 0, 0, 0], length: 32 } as const
const HOP = { family: 4, words: [0xc0000201] } as const
const PATH = [{ type: 2, members: [64500, 70000] }]

describe("decoding to JSON", () => {
  it("shows an OPEN with its capabilities by name", () => {
    const open = encodeOpen({
      version: 4,
      asn: 23456,
      holdTime: 90,
      id: 0xc0000201,
      capabilities: [
        { _tag: "Multiprotocol", afi: 2, safi: 1 },
        { _tag: "FourOctetAs", asn: 70000 },
        { _tag: "AddPath", families: [{ afi: 25, safi: 70, mode: 1 }] },
        { _tag: "Unknown", code: 128, value: Uint8Array.of(1) }
      ]
    })
    expect(decodeToJson(open, PLAIN)).toEqual([
      {
        type: "OPEN",
        length: open.length,
        version: 4,
        asn: 70000,
        holdTime: 90,
        id: "192.0.2.1",
        capabilities: [
          { code: 1, name: "multiprotocol", family: "ipv6-unicast" },
          { code: 65, name: "4-octet-as", asn: 70000 },
          { code: 69, name: "add-path", families: [{ family: "l2vpn-evpn", mode: 1 }] },
          { code: 128, name: "unknown", value: "01" }
        ]
      }
    ])
  })

  it("shows an UPDATE with the names of `show routes`", () => {
    const attributes = { origin: 2, asPath: PATH, nextHop: HOP, med: 5, communities: [0xfde80001] }
    const update = encodeUpdate({ withdrawn: [IPV4_PREFIX], attributes, nlri: [IPV4_PREFIX] }, PLAIN)
    expect(decodeToJson(update, PLAIN)).toEqual([
      {
        type: "UPDATE",
        length: update.length,
        verdict: "keep",
        withdrawn: ["198.51.100.0/24"],
        attributes: {
          origin: "incomplete",
          asPath: "64500 70000",
          nextHop: "192.0.2.1",
          med: 5,
          communities: ["65000:1"]
        },
        nlri: ["198.51.100.0/24"]
      }
    ])
  })

  it("shows multiprotocol routes with path identifiers", () => {
    const addPath = [false, true] as const
    const nextHops = [{ family: 6, words: [0x20010db8, 0, 0, 1] } as const]
    const mpReach = { afi: 2, safi: 1, nextHops, nlri: [{ ...IPV6_PREFIX, pathId: 7 }] }
    const update = encodeUpdate({ attributes: { origin: 0, asPath: PATH, mpReach } }, { as4: true, addPath })
    expect(decodeToJson(update, { as4: true, addPath })[0]).toMatchObject({
      attributes: {
        nextHop: "2001:db8::1",
        reach: {
          family: "ipv6-unicast",
          nextHops: ["2001:db8::1"],
          nlri: [{ prefix: "2001:db8::/32", pathId: 7 }]
        }
      }
    })
  })

  it("says what is wrong with an UPDATE and leaves out what is discarded [RFC 7606]", () => {
    const attributes = { origin: 0, asPath: PATH, nextHop: HOP, localPref: 200 }
    const update = encodeUpdate({ attributes, nlri: [IPV4_PREFIX] }, PLAIN)
    const [message] = decodeToJson(update, { ...PLAIN, external: true })
    expect(message).toMatchObject({ verdict: "discard", findings: [{ attribute: "LOCAL_PREF", verdict: "discard" }] })
    expect(message!["attributes"]).toEqual({ origin: "igp", asPath: "64500 70000", nextHop: "192.0.2.1" })
    expect(decodeToJson(update, PLAIN)[0]).toMatchObject({ attributes: { localPref: 200 } })
  })

  it("shows the fault of an UPDATE that ends the session", () => {
    const update = hex("ffffffffffffffffffffffffffffffff 0018 02 0000 0000 08")
    expect(decodeToJson(update, PLAIN)).toMatchObject([
      { type: "UPDATE", verdict: "reset", error: { code: 3, subcode: 10 } }
    ])
  })

  it("shows the other three, one after the other", () => {
    const data = shutdownCommunication("back at 4")
    const messages = [
      keepalive(),
      encodeRouteRefresh({ afi: 1, safi: 1, subtype: 2 }),
      encodeNotification({ code: 6, subcode: 2, data })
    ]
    expect(decodeToJson(Uint8Array.from(messages.flatMap((one) => [...one])), PLAIN)).toEqual([
      { type: "KEEPALIVE", length: 19 },
      { type: "ROUTE-REFRESH", length: 23, family: "ipv4-unicast", afi: 1, safi: 1, subtype: 2 },
      {
        type: "NOTIFICATION",
        length: 31,
        code: 6,
        subcode: 2,
        text: 'Cease, Administrative Shutdown: "back at 4"',
        data: "096261636b2061742034",
        communication: "back at 4"
      }
    ])
  })

  it("says where bytes stop being messages", () => {
    const two = Uint8Array.of(...keepalive(), 1, 2, 3)
    expect(decodeToJson(two, PLAIN)[1]).toEqual({ type: "incomplete", length: 3, offset: 19, expected: 19 })
    const broken = Uint8Array.of(...keepalive(), ...new Uint8Array(20))
    expect(decodeToJson(broken, PLAIN)[1]).toMatchObject({
      type: "invalid",
      offset: 19,
      error: { code: 1, subcode: 1 }
    })
  })

  it("gives nothing for nothing", () => {
    expect(decodeToJson(new Uint8Array(0), PLAIN)).toEqual([])
  })

  it("shows routes of families that are only carried in hexadecimal, with path identifiers where they were agreed on", () => {
    const route = `0221${"0000fde800000001"}${"00".repeat(10)}000000003002000000000100000641`
    const families = FAMILY_NAMES.map((name) => name === "l2vpn-evpn")
    const reach = (nlri: string): Uint8Array => {
      const value = hex(`001946040a00000200${nlri}`)
      const attributes = [...hex("40010100400200"), 0x80, 14, value.length, ...value]
      const body = [0, 0, 0, attributes.length, ...attributes]
      return Uint8Array.of(...new Array(16).fill(255), 0, body.length + 19, 2, ...body)
    }
    expect(decodeToJson(reach(route), PLAIN)[0]).toMatchObject({
      verdict: "keep",
      attributes: { origin: "igp", asPath: "" },
      reach: { family: "l2vpn-evpn", nextHop: "0x0a000002", nlri: [`0x${route}`] }
    })
    expect(decodeToJson(reach(`00000007${route}`), { ...PLAIN, addPath: families })[0]).toMatchObject({
      reach: { nlri: [{ nlri: `0x${route}`, pathId: 7 }] }
    })
    expect(decodeToJson(reach(route.slice(0, -2)), PLAIN)[0]).toMatchObject({ verdict: "reset" })
  })
})
