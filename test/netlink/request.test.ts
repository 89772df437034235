// Our requests beside those of iproute2 6.1, captured as it sent them (sequence number and all).
import { describe, expect, it } from "vitest"
import {
  NetlinkFlag,
  NetlinkWriter,
  putDump,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRoute,
  putRouteDelete,
  RouteProtocol,
  RouteType
} from "../../src/netlink/index.ts"
import { captured, hex } from "./hex.ts"

const SEQ = 0x6b0163e0
const ADD = NetlinkFlag.Create | NetlinkFlag.Exclusive | NetlinkFlag.Ack
const REPLACE = NetlinkFlag.Create | NetlinkFlag.Replace | NetlinkFlag.Ack
const protocol = RouteProtocol.Bgp

const written = (put: (w: NetlinkWriter) => void): string => {
  const w = new NetlinkWriter(new Uint8Array(256))
  put(w)
  return hex(w.bytes.subarray(0, w.length))
}

const route = (over: object) => ({
  seq: SEQ,
  flags: ADD,
  family: 4 as const,
  words: [0xc0000200],
  wordsAt: 0,
  length: 24,
  table: 254,
  protocol,
  metric: 20,
  groupId: 10,
  type: RouteType.Unicast,
  ...over
})

describe("requests are the bytes that iproute2 sends", () => {
  it("ip nexthop add id 1 via 10.0.0.2 dev v0 protocol bgp", () => {
    expect(
      written((w) =>
        putNexthop(w, { seq: SEQ, flags: ADD, id: 1, family: 4, gateway: [0x0a000002], ifindex: 3, protocol })
      )
    ).toBe(
      captured(`30 00 00 00 68 00 05 06 e0 63 01 6b 00 00 00 00 02 00 ba 00 00 00 00 00 08 00 01 00 01 00 00 00
        08 00 06 00 0a 00 00 02 08 00 05 00 03 00 00 00`)
    )
  })

  it("ip nexthop add id 2 via 10.0.0.3 dev v0 onlink protocol bgp", () => {
    const leaf = { seq: SEQ, flags: ADD, id: 2, family: 4, gateway: [0x0a000003], ifindex: 3, onlink: true } as const
    expect(written((w) => putNexthop(w, { ...leaf, protocol }))).toBe(
      captured(`30 00 00 00 68 00 05 06 e0 63 01 6b 00 00 00 00 02 00 ba 00 04 00 00 00 08 00 01 00 02 00 00 00
        08 00 06 00 0a 00 00 03 08 00 05 00 03 00 00 00`)
    )
  })

  it("ip nexthop add id 1 encap mpls 16/17 via 10.0.0.2 dev v0 protocol bgp", () => {
    const leaf = {
      seq: SEQ,
      flags: ADD,
      id: 1,
      family: 4,
      gateway: [0x0a000002],
      ifindex: 3,
      labels: [16, 17]
    } as const
    expect(written((w) => putNexthop(w, { ...leaf, protocol }))).toBe(
      captured(`48 00 00 00 68 00 05 06 e0 63 01 6b 00 00 00 00 02 00 ba 00 00 00 00 00 08 00 01 00 01 00 00 00
        10 00 08 80 0c 00 01 00 00 01 00 00 00 01 11 00 06 00 07 00 01 00 00 00
        08 00 06 00 0a 00 00 02 08 00 05 00 03 00 00 00`)
    )
  })

  it("ip nexthop add id 3 blackhole protocol bgp", () => {
    const blackhole = { seq: SEQ, flags: ADD, id: 3, family: 4, ifindex: 0, blackhole: true } as const
    expect(written((w) => putNexthop(w, { ...blackhole, protocol }))).toBe(
      captured(`24 00 00 00 68 00 05 06 e0 63 01 6b 00 00 00 00 02 00 ba 00 00 00 00 00 08 00 01 00 03 00 00 00
        04 00 04 00`)
    )
  })

  it("ip nexthop add id 6 via 2001:db8::2 dev v0 protocol bgp", () => {
    const gateway = [0x20010db8, 0, 0, 2]
    expect(
      written((w) => putNexthop(w, { seq: SEQ, flags: ADD, id: 6, family: 6, gateway, ifindex: 3, protocol }))
    ).toBe(
      captured(`3c 00 00 00 68 00 05 06 e0 63 01 6b 00 00 00 00 0a 00 ba 00 00 00 00 00 08 00 01 00 06 00 00 00
        14 00 06 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02 08 00 05 00 03 00 00 00`)
    )
  })

  it("ip nexthop replace id 10 group 1,200/2,100 protocol bgp", () => {
    const members = [
      { id: 1, weight: 200 },
      { id: 2, weight: 100 }
    ]
    expect(written((w) => putNexthopGroup(w, { seq: SEQ, flags: REPLACE, id: 10, protocol, members }))).toBe(
      captured(`34 00 00 00 68 00 05 05 e0 63 01 6b 00 00 00 00 00 00 ba 00 00 00 00 00 08 00 01 00 0a 00 00 00
        14 00 02 00 01 00 00 00 c7 00 00 00 02 00 00 00 63 00 00 00`)
    )
  })

  it("ip nexthop del id 10", () => {
    expect(written((w) => putNexthopDelete(w, SEQ, 10, NetlinkFlag.Ack))).toBe(
      captured("20 00 00 00 69 00 05 00 e0 63 01 6b 00 00 00 00 00 00 00 00 00 00 00 00 08 00 01 00 0a 00 00 00")
    )
  })

  it("ip route add 192.0.2.0/24 nhid 10 proto bgp metric 20", () => {
    expect(written((w) => putRoute(w, route({})))).toBe(
      captured(`34 00 00 00 18 00 05 06 e0 63 01 6b 00 00 00 00 02 18 00 00 fe ba 00 01 00 00 00 00 08 00 01 00
        c0 00 02 00 08 00 1e 00 0a 00 00 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip route replace 192.0.2.0/24 nhid 10 proto bgp metric 20 table 70000", () => {
    expect(written((w) => putRoute(w, route({ flags: REPLACE, table: 70000 })))).toBe(
      captured(`3c 00 00 00 18 00 05 05 e0 63 01 6b 00 00 00 00 02 18 00 00 00 ba 00 01 00 00 00 00 08 00 01 00
        c0 00 02 00 08 00 1e 00 0a 00 00 00 08 00 06 00 14 00 00 00 08 00 0f 00 70 11 01 00`)
    )
  })

  it("ip -6 route add 2001:db8:1::/48 nhid 11 proto bgp metric 20", () => {
    const words = [0x20010db8, 0x00010000, 0, 0]
    expect(written((w) => putRoute(w, route({ family: 6, words, length: 48, groupId: 11 })))).toBe(
      captured(`40 00 00 00 18 00 05 06 e0 63 01 6b 00 00 00 00 0a 30 00 00 fe ba 00 01 00 00 00 00 14 00 01 00
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 00 08 00 1e 00 0b 00 00 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip route add default nhid 10 proto bgp metric 20", () => {
    expect(written((w) => putRoute(w, route({ words: [0], length: 0 })))).toBe(
      captured(`2c 00 00 00 18 00 05 06 e0 63 01 6b 00 00 00 00 02 00 00 00 fe ba 00 01 00 00 00 00 08 00 1e 00
        0a 00 00 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip -6 route add default nhid 2 proto bgp metric 20, which names the destination", () => {
    expect(written((w) => putRoute(w, route({ family: 6, words: [0, 0, 0, 0], length: 0, groupId: 2 })))).toBe(
      captured(`40 00 00 00 18 00 05 06 e0 63 01 6b 00 00 00 00 0a 00 00 00 fe ba 00 01 00 00 00 00 14 00 01 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 08 00 1e 00 02 00 00 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip -6 route del 2001:db8:1::/48 proto bgp metric 20 table 100", () => {
    const words = [0x20010db8, 0x00010000, 0, 0]
    const removal = route({ family: 6, words, length: 48, table: 100, flags: NetlinkFlag.Ack })
    expect(written((w) => putRouteDelete(w, removal))).toBe(
      captured(`38 00 00 00 19 00 05 00 e0 63 01 6b 00 00 00 00 0a 30 00 00 64 ba 00 00 00 00 00 00 14 00 01 00
        20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip route add blackhole 198.51.100.0/24 proto bgp metric 20", () => {
    expect(written((w) => putRoute(w, route({ words: [0xc6336400], type: RouteType.Blackhole })))).toBe(
      captured(`2c 00 00 00 18 00 05 06 e0 63 01 6b 00 00 00 00 02 18 00 00 fe ba 00 06 00 00 00 00 08 00 01 00
        c6 33 64 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip route add unreachable 198.51.101.0/24 proto bgp metric 20", () => {
    expect(written((w) => putRoute(w, route({ words: [0xc6336500], type: RouteType.Unreachable })))).toBe(
      captured(`2c 00 00 00 18 00 05 06 e0 63 01 6b 00 00 00 00 02 18 00 00 fe ba 00 07 00 00 00 00 08 00 01 00
        c6 33 65 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip route del 192.0.2.0/24 proto bgp metric 20", () => {
    expect(written((w) => putRouteDelete(w, route({ flags: NetlinkFlag.Ack })))).toBe(
      captured(`2c 00 00 00 19 00 05 00 e0 63 01 6b 00 00 00 00 02 18 00 00 fe ba ff 00 00 00 00 00 08 00 01 00
        c0 00 02 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip -4 route show proto bgp table 254", () => {
    const dump = { seq: 0x6b0163f7, kind: "route", family: 4, table: 254, protocol } as const
    expect(written((w) => putDump(w, dump))).toBe(
      captured(`24 00 00 00 1a 00 01 03 f7 63 01 6b 00 00 00 00 02 00 00 00 00 ba 00 00 00 00 00 00 08 00 0f 00
        fe 00 00 00`)
    )
  })

  it("ip nexthop show", () => {
    expect(written((w) => putDump(w, { seq: 0x6b0163f7, kind: "nexthop", family: 0 }))).toBe(
      captured("18 00 00 00 6a 00 01 03 f7 63 01 6b 00 00 00 00 00 00 00 00 00 00 00 00")
    )
  })
})
