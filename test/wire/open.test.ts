// OPEN messages and capabilities: what three daemons really send, what comes back, and what is refused how.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryOpen } from "../../src/testing/wire.ts"
import {
  asnOf,
  type Capability,
  capabilityNames,
  decodeOpen,
  encodeCapabilities,
  encodeOpen,
  frame,
  isFault,
  namedCapabilities,
  type Open
} from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

const MARKER = "ffffffffffffffffffffffffffffffff"
const IPV4 = { afi: 1, safi: 1 }
const IPV6 = { afi: 2, safi: 1 }

/** An OPEN with these optional parameters, their length included. */
const openWith = (parameters: string): Uint8Array => {
  const bytes = hex(`${MARKER} 0000 01 04 fbf6 005a c0000201 ${parameters}`)
  bytes.set([bytes.length >> 8, bytes.length & 255], 16)
  return bytes
}

const decoded = (bytes: Uint8Array): Open => {
  const open = decodeOpen(bytes, 0, bytes.length)
  if (isFault(open)) throw new Error(`fault ${open.code}/${open.subcode}`)
  return open
}

const faultOf = (bytes: Uint8Array): string => {
  const open = decodeOpen(bytes, 0, bytes.length)
  return isFault(open) ? `${open.code}/${open.subcode} ${Buffer.from(open.data).toString("hex")}`.trim() : "none"
}

describe("an OPEN as sent by", () => {
  it("BIRD 2.0.12: all capabilities in one parameter, a 4-octet AS number behind AS_TRANS", () => {
    const open = decoded(
      hex(`${MARKER} 0059 01 04 5ba0 005a c0000209 3c 02 3a 0104 00010001 0104 00020001 0200 0600
        400a 0078 00010100 00020100 4104 fa56ea09 4504 00010103 4600 470e 00010100000e10 00020100000e10`)
    )
    const capabilities: ReadonlyArray<Capability> = [
      { _tag: "Multiprotocol", ...IPV4 },
      { _tag: "Multiprotocol", ...IPV6 },
      { _tag: "RouteRefresh" },
      { _tag: "ExtendedMessage" },
      {
        _tag: "GracefulRestart",
        restarting: false,
        notification: false,
        timeS: 120,
        families: [
          { ...IPV4, forwarding: false },
          { ...IPV6, forwarding: false }
        ]
      },
      { _tag: "FourOctetAs", asn: 4_200_000_009 },
      { _tag: "AddPath", families: [{ ...IPV4, mode: 3 }] },
      { _tag: "EnhancedRouteRefresh" },
      {
        _tag: "LongLivedGracefulRestart",
        families: [
          { ...IPV4, forwarding: false, timeS: 3600 },
          { ...IPV6, forwarding: false, timeS: 3600 }
        ]
      }
    ]
    expect(open).toEqual({ version: 4, asn: 23456, holdTime: 90, id: 0xc0000209, capabilities })
    expect(asnOf(open)).toBe(4_200_000_009)
  })

  it("FRR 8.4.4: a parameter per capability, with a role, a name and one that we do not know", () => {
    const { capabilities } = decoded(
      hex(`${MARKER} 0081 01 04 fbfd 00b4 c0000209 64 02060104 00010001 02060104 00020001 02028000 02020200 02024600
        02064104 0000fbfd 02020600 02030901 03 020a4508 00010103 00020101 02094907 056672722d3900
        020c400a c078 00010100 00020100 0210470e 00010180000e10 00020180000e10`)
    )
    expect(capabilities[2]).toEqual({ _tag: "Unknown", code: 128, value: new Uint8Array(0) })
    expect(capabilities.slice(7, 11)).toEqual([
      { _tag: "Role", role: 3 },
      {
        _tag: "AddPath",
        families: [
          { ...IPV4, mode: 3 },
          { ...IPV6, mode: 1 }
        ]
      },
      { _tag: "Fqdn", host: "frr-9", domain: "" },
      {
        _tag: "GracefulRestart",
        restarting: true,
        notification: true,
        timeS: 120,
        families: [
          { ...IPV4, forwarding: false },
          { ...IPV6, forwarding: false }
        ]
      }
    ])
    expect(capabilities[11]).toMatchObject({ _tag: "LongLivedGracefulRestart", families: [{ forwarding: true }, {}] })
  })

  it("GoBGP 3.10: with the name of the host and extended next hops", () => {
    const open = decoded(
      hex(`${MARKER} 0052 01 04 fbfe 005a c000020a 35 0233 0200 490402766d00 0104 00010001 4104 0000fbfe
        4006 4078 00010100 4707 00010100000e10 0506 000100010002 4504 00010103`)
    )
    expect(capabilityNames(open.capabilities)).toEqual([
      "route-refresh",
      "fqdn vm",
      "multiprotocol ipv4-unicast",
      "4-octet-as 64510",
      "graceful-restart 120 s",
      "long-lived-graceful-restart",
      "extended-next-hop ipv4-unicast via ipv6",
      "add-path ipv4-unicast send and receive"
    ])
  })
})

describe("the capabilities that a NOTIFICATION names [RFC 5492 §5]", () => {
  it("come back, as far as they can be read", () => {
    const capabilities: ReadonlyArray<Capability> = [
      { _tag: "Multiprotocol", ...IPV6 },
      { _tag: "EnhancedRouteRefresh" }
    ]
    const data = encodeCapabilities(capabilities)
    expect(namedCapabilities(data)).toEqual(capabilities)
    expect(namedCapabilities(data.subarray(0, data.length - 1))).toEqual(capabilities.slice(0, 1))
    expect(namedCapabilities(new Uint8Array(0))).toEqual([])
  })
})

describe("an OPEN", () => {
  it("comes back from its bytes, in the extended encoding too [RFC 9072]", () => {
    fc.assert(
      fc.property(arbitraryOpen, (open) => {
        const bytes = encodeOpen(open)
        expect(frame(bytes, 0, bytes.length, 4096)).toBe(bytes.length)
        expect(decoded(bytes)).toEqual(open)
      })
    )
  })

  it("is read in the extended encoding whatever its first length says, as long as it is not 0 [RFC 9072 §2]", () => {
    expect(decoded(openWith("01 ff 0007 02 0004 0200 4600")).capabilities).toEqual([
      { _tag: "RouteRefresh" },
      { _tag: "EnhancedRouteRefresh" }
    ])
  })

  it("may have no optional parameters", () => {
    expect(decoded(openWith("00")).capabilities).toEqual([])
  })

  it("keeps an ADD-PATH capability with an undefined mode as one that it does not understand [RFC 7911 §4]", () => {
    expect(decoded(openWith("08 0206 4504 00010104")).capabilities).toEqual([
      { _tag: "Unknown", code: 69, value: Uint8Array.of(0, 1, 1, 4) }
    ])
  })

  it("keeps a software version that is not as its draft says as bytes: it is for people only", () => {
    expect(decoded(openWith("08 0206 4b04 03616263")).capabilities).toEqual([
      { _tag: "SoftwareVersion", version: "abc" }
    ])
    expect(decoded(openWith("08 0206 4b04 04616263")).capabilities).toMatchObject([{ _tag: "Unknown", code: 75 }])
    expect(decoded(openWith("04 0202 4b00")).capabilities).toMatchObject([{ _tag: "Unknown", code: 75 }])
  })

  it("says at most 64 octets about its software, cut between characters", () => {
    const open = { version: 4, asn: 1, holdTime: 0, id: 1 }
    const bytes = encodeOpen({ ...open, capabilities: [{ _tag: "SoftwareVersion", version: "ä".repeat(40) }] })
    expect(decoded(bytes).capabilities).toEqual([{ _tag: "SoftwareVersion", version: "ä".repeat(32) }])
  })

  it("tells which families may have next hops of another [RFC 8950 §4]", () => {
    expect(decoded(openWith("0a 0208 0506 000100010002")).capabilities).toEqual([
      { _tag: "ExtendedNextHop", families: [{ ...IPV4, nextHopAfi: 2 }] }
    ])
  })

  it.each([
    ["of version 3", "03 fbf6 005a c0000201 00", "2/1 0004"],
    ["from AS 0", "04 0000 005a c0000201 00", "2/2"],
    ["from AS 0 in 4 octets", "04 5ba0 005a c0000201 08 0206 4104 00000000", "2/2"],
    ["with identifier 0", "04 fbf6 005a 00000000 00", "2/3"],
    ["with hold time 1", "04 fbf6 0001 c0000201 00", "2/6"],
    ["with hold time 2", "04 fbf6 0002 c0000201 00", "2/6"]
  ])("%s is refused [RFC 4271 §6.2, RFC 7607]", (_, body, fault) => {
    const bytes = hex(`${MARKER} 0000 01 ${body}`)
    bytes[17] = bytes.length
    expect(faultOf(bytes)).toBe(fault)
  })

  it.each([
    ["longer parameters than the message", "04 0202", "2/0"],
    ["shorter parameters than the message", "02 0202 0200", "2/0"],
    ["a parameter longer than the rest", "04 0203 0200", "2/0"],
    ["one octet of a parameter", "01 02", "2/0"],
    ["a capability longer than its parameter", "04 0202 0201", "2/0"],
    ["one octet of a capability", "03 0201 02", "2/0"],
    ["the parameter that once was authentication", "02 0100", "2/4"],
    ["a parameter that nobody knows", "03 0901 00", "2/4"],
    ["extended parameters longer than the message", "ff ff 0008 02 0004 0200 4600", "2/0"],
    ["an extended parameter longer than the rest", "ff ff 0007 02 0005 0200 4600", "2/0"]
  ])("with %s is refused [RFC 4271 §6.2]", (_, parameters, fault) => {
    expect(faultOf(openWith(parameters))).toBe(fault)
  })

  it.each([
    ["multiprotocol", "01", ["000100", "0001000100"]],
    ["route refresh", "02", ["00"]],
    ["extended message", "06", ["00"]],
    ["extended next hop", "05", ["00010001", "00010001000200"]],
    ["role", "09", ["", "0000"]],
    ["graceful restart", "40", ["", "00", "0078000101", "00780001010000"]],
    ["4-octet AS", "41", ["", "0000fd", "0000fde800"]],
    ["ADD-PATH", "45", ["000101", "0001010300"]],
    ["enhanced route refresh", "46", ["00"]],
    ["long-lived graceful restart", "47", ["000101", "0001018000000e10"]],
    ["FQDN", "49", ["", "05", "0161", "026101", "01610261", "0161016200"]]
  ])("with a %s capability of a wrong length is refused [RFC 5492 §3, RFC 4271 §6.2]", (_, code, values) => {
    for (const value of values) {
      const length = value.length / 2
      const head = [length + 4, 2, length + 2, Number.parseInt(code, 16), length]
      expect([value, faultOf(openWith(Buffer.from(head).toString("hex") + value))]).toEqual([value, "2/0"])
    }
  })
})
