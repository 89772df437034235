// What the kernel sent (captured on Linux 6.18), read; what we write, read back; and what nobody would send, survived.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  decodeAddressMessage,
  decodeDone,
  decodeError,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeRoute,
  Errno,
  eachMessage,
  errnoName,
  messagesOf,
  NEXTHOP_GROUP_REQUEST_BYTES,
  NEXTHOP_REQUEST_BYTES_MAX,
  NetlinkType,
  NetlinkWriter,
  putNexthop,
  putNexthopGroup,
  putRoute,
  ROUTE_REQUEST_BYTES_MAX,
  RouteType
} from "../../src/netlink/index.ts"

const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16))

const word = fc.integer({ min: 0, max: 0xffff_ffff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u8 = fc.integer({ min: 0, max: 0xff })

const routes = fc.constantFrom(4 as const, 6 as const).chain((family) =>
  fc.record({
    seq: word,
    flags: u16.map((bits) => bits & 0xf00),
    family: fc.constant(family),
    words: fc.array(word, { minLength: family === 4 ? 1 : 4, maxLength: family === 4 ? 1 : 4 }),
    wordsAt: fc.constant(0),
    length: fc.integer({ min: 1, max: family === 4 ? 32 : 128 }),
    table: fc.oneof(
      fc.integer({ min: 1, max: 255 }),
      word.filter((table) => table > 255)
    ),
    protocol: u8,
    metric: word,
    groupId: word,
    type: fc.constant(RouteType.Unicast)
  })
)

describe("what the kernel sends is read", () => {
  it("a route dump with two routes and the end", () => {
    const bytes =
      bytesOf(`3c 00 00 00 18 00 22 00 f7 63 01 6b 2c 1c 00 00 02 18 00 00 fe ba 00 01 00 00 00 00 08 00 0f 00
      fe 00 00 00 08 00 01 00 c0 00 02 00 08 00 06 00 14 00 00 00 08 00 1e 00 0a 00 00 00 34 00 00 00
      18 00 22 00 f7 63 01 6b 2c 1c 00 00 02 18 00 00 fe ba 00 06 00 00 00 00 08 00 0f 00 fe 00 00 00
      08 00 01 00 c0 00 03 00 08 00 06 00 14 00 00 00
      14 00 00 00 03 00 22 00 f7 63 01 6b 2c 1c 00 00 00 00 00 00`)
    const [first, second, done] = messagesOf(bytes)
    expect(decodeRoute(bytes, first.at, first.end)).toMatchObject({
      family: 4,
      words: [0xc0000200],
      length: 24,
      table: 254,
      protocol: 186,
      type: RouteType.Unicast,
      metric: 20,
      nexthopId: 10
    })
    expect(decodeRoute(bytes, second.at, second.end)).toMatchObject({ words: [0xc0000300], type: 6, nexthopId: 0 })
    expect(done.type).toBe(NetlinkType.Done)
    expect(decodeDone(bytes, done.at, done.end)).toEqual({ errno: 0, text: "" })
  })

  it("a leaf, a blackhole and a group of one", () => {
    const bytes =
      bytesOf(`30 00 00 00 68 00 02 00 f7 63 01 6b 38 1c 00 00 02 fd ba 00 00 00 00 00 08 00 01 00 01 00 00 00
      08 00 05 00 03 00 00 00 08 00 06 00 0a 00 00 02 24 00 00 00 68 00 02 00 f7 63 01 6b 38 1c 00 00
      02 00 ba 00 00 00 00 00 08 00 01 00 03 00 00 00 04 00 04 00 3c 00 00 00 68 00 02 00 f7 63 01 6b
      38 1c 00 00 00 00 ba 00 00 00 00 00 08 00 01 00 0a 00 00 00 06 00 03 00 00 00 00 00 0c 00 02 00
      01 00 00 00 00 00 00 00 08 00 0e 00 00 00 00 80`)
    const [leaf, blackhole, group] = messagesOf(bytes).map(({ at, end }) => decodeNexthop(bytes, at, end))
    expect(leaf).toMatchObject({ id: 1, family: 4, protocol: 186, ifindex: 3, gateway: [0x0a000002], blackhole: false })
    expect(blackhole).toMatchObject({ id: 3, blackhole: true, gateway: undefined, members: undefined })
    expect(group).toMatchObject({ id: 10, family: 0, members: [{ id: 1, weight: 1 }], groupType: 0 })
  })

  it("an error with the kernel's own words", () => {
    const bytes =
      bytesOf(`44 00 00 00 02 00 00 03 01 00 00 00 61 17 00 00 ea ff ff ff 2c 00 00 00 18 00 05 04 01 00 00 00
      00 00 00 00 1e 00 01 00 4e 65 78 74 68 6f 70 20 69 64 20 64 6f 65 73 20 6e 6f 74 20 65 78 69 73 74 00 00 00`)
    const [error] = messagesOf(bytes)
    expect(decodeError(bytes, error.at, error.end)).toEqual({
      errno: Errno.EINVAL,
      seq: 1,
      request: NetlinkType.NewRoute,
      text: "Nexthop id does not exist"
    })
    expect(errnoName(Errno.EINVAL)).toBe("EINVAL")
  })
})

describe("what is written is read back", () => {
  it("routes of both families in any table", () => {
    fc.assert(
      fc.property(routes, (route) => {
        const w = new NetlinkWriter(new Uint8Array(ROUTE_REQUEST_BYTES_MAX))
        putRoute(w, route)
        const [message] = messagesOf(w.bytes.subarray(0, w.length))
        expect(message).toMatchObject({ type: NetlinkType.NewRoute, flags: route.flags | 1, seq: route.seq })
        const { family, words, length, table, protocol, metric, groupId } = route
        const read = decodeRoute(w.bytes, message.at, message.end)
        expect(read).toMatchObject({ family, words, length, table, protocol, metric, nexthopId: groupId })
      })
    )
  })

  it("leaves", () => {
    fc.assert(
      fc.property(
        word,
        word,
        u8,
        fc.boolean(),
        fc.array(word, { minLength: 4, maxLength: 4 }),
        (id, ifindex, protocol, onlink, gateway) => {
          const w = new NetlinkWriter(new Uint8Array(NEXTHOP_REQUEST_BYTES_MAX))
          putNexthop(w, { seq: 7, flags: 0, id, family: 6, gateway, ifindex, onlink, protocol })
          const [{ at, end }] = messagesOf(w.bytes.subarray(0, w.length))
          expect(decodeNexthop(w.bytes, at, end)).toMatchObject({ id, family: 6, gateway, ifindex, onlink, protocol })
        }
      )
    )
  })

  it("groups with weights of 16 bits", () => {
    const member = fc.record({ id: word, weight: fc.integer({ min: 1, max: 65536 }) })
    fc.assert(
      fc.property(word, fc.array(member, { minLength: 1, maxLength: 64 }), (id, members) => {
        const w = new NetlinkWriter(new Uint8Array(NEXTHOP_GROUP_REQUEST_BYTES(members.length)))
        putNexthopGroup(w, { seq: 7, flags: 0, id, protocol: 186, members })
        expect(w.length).toBe(w.bytes.length)
        const [{ at, end }] = messagesOf(w.bytes)
        expect(decodeNexthop(w.bytes, at, end)).toMatchObject({ id, family: 0, members })
      })
    )
  })
})

describe("bytes from outside are judged, not trusted", () => {
  it("any bytes decode to something, and every message lies within them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const stopped = eachMessage(bytes, (_type, _flags, _seq, _port, at, end) => {
          expect(at).toBeLessThanOrEqual(end)
          expect(end).toBeLessThanOrEqual(bytes.length)
        })
        expect(stopped).toBeLessThanOrEqual(bytes.length)
        for (const decode of [
          decodeLink,
          decodeAddressMessage,
          decodeNeighbour,
          decodeNexthop,
          decodeRoute,
          decodeError,
          decodeDone
        ]) {
          expect(decode(bytes, Math.min(16, bytes.length), bytes.length)).toBeDefined()
        }
      })
    )
  })

  it("a message that is cut short ends the walk where it starts", () => {
    const bytes = bytesOf(
      "10 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 20 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00"
    )
    expect(eachMessage(bytes, () => {})).toBe(16)
    expect(messagesOf(bytes)).toHaveLength(1)
  })
})
