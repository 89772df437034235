// The model kernel by itself: what the real one was measured to do, stated one fact at a time. That the facts are facts is shown by
// test/kernel/model-agrees.test.ts, which plays random scripts on both.
import { describe, expect, it } from "vitest"
import {
  askModelKernel,
  createModelKernel,
  decodeDone,
  decodeError,
  decodeLink,
  decodeNexthop,
  decodeRoute,
  Errno,
  type ModelKernel,
  type ModelKernelEvent,
  messagesOf,
  modelKernel,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putDump,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRoute,
  RouteType,
  requestAck,
  writeRoute
} from "../../src/netlink/index.ts"

const PORT = 7
const BGP = 186
const UPSERT = NetlinkFlag.Create | NetlinkFlag.Replace

const write = (put: (w: NetlinkWriter) => void, size = 4096): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(size))
  put(w)
  return w.bytes.slice(0, w.length)
}

const ask = (kernel: ModelKernel, put: (w: NetlinkWriter) => void) =>
  askModelKernel(kernel, { _tag: "Requested", port: PORT, bytes: write(put) })

const errors = (bytes: Uint8Array) => messagesOf(bytes).map(({ at, end }) => decodeError(bytes, at, end))

/** Two links with a leaf each (1 and 2), a group of both (10) and one of the first alone (11). */
const furnished = (): ModelKernel => {
  const kernel = createModelKernel()
  const events: ReadonlyArray<ModelKernelEvent> = [
    { _tag: "LinkAdded", name: "a", index: 2, up: true, carrier: true },
    { _tag: "LinkAdded", name: "b", index: 3, up: true, carrier: true },
    { _tag: "AddressAdded", family: 4, ifindex: 2, words: [0x0a000101], length: 24 },
    { _tag: "AddressAdded", family: 4, ifindex: 3, words: [0x0a000201], length: 24 }
  ]
  for (const event of events) askModelKernel(kernel, event)
  const { replies } = ask(kernel, (w) => {
    putNexthop(w, { seq: 1, flags: UPSERT, id: 1, family: 4, gateway: [0x0a000102], ifindex: 2, protocol: BGP })
    putNexthop(w, { seq: 2, flags: UPSERT, id: 2, family: 4, gateway: [0x0a000202], ifindex: 3, protocol: BGP })
    const both = [1, 2].map((id) => ({ id, weight: 1 }))
    putNexthopGroup(w, { seq: 3, flags: UPSERT, id: 10, protocol: BGP, members: both })
    putNexthopGroup(w, { seq: 4, flags: UPSERT | NetlinkFlag.Ack, id: 11, protocol: BGP, members: both.slice(0, 1) })
  })
  expect(errors(replies)).toMatchObject([{ seq: 4, errno: 0 }])
  return kernel
}

const putRoutes = (kernel: ModelKernel, from: number, to: number, groupId: number): void => {
  for (let start = from; start < to; start += 256) {
    const w = new NetlinkWriter(new Uint8Array(64 * 1024))
    let last = 0
    for (let index = start; index < Math.min(to, start + 256); index++) {
      last = w.length
      writeRoute(
        w,
        index,
        UPSERT,
        4,
        [(0x64000000 + index * 256) >>> 0],
        0,
        24,
        254,
        BGP,
        20,
        groupId,
        RouteType.Unicast
      )
    }
    requestAck(w.bytes, last)
    const bytes = w.bytes.subarray(0, w.length)
    const { replies } = askModelKernel(kernel, { _tag: "Requested", port: PORT, bytes })
    expect(errors(replies).map(({ errno }) => errno)).toEqual([0])
  }
}

const dumped = (kernel: ModelKernel, request: Omit<Parameters<typeof putDump>[1], "seq">) => {
  const { dumpParts, replies } = ask(kernel, (w) => putDump(w, { seq: 5, ...request }))
  expect(replies).toHaveLength(0)
  return dumpParts.flatMap((bytes) => messagesOf(bytes).map((message) => ({ bytes, ...message })))
}

const routesIn = (kernel: ModelKernel, table = 254) =>
  dumped(kernel, { kind: "route", family: 4, table, protocol: BGP }).flatMap(({ bytes, type, at, end }) =>
    type === NetlinkType.NewRoute ? [decodeRoute(bytes, at, end)] : []
  )

const nexthopsIn = (kernel: ModelKernel) =>
  dumped(kernel, { kind: "nexthop", family: 0 }).flatMap(({ bytes, type, at, end }) =>
    type === NetlinkType.NewNexthop ? [decodeNexthop(bytes, at, end)] : []
  )

describe("the model kernel", () => {
  it("drops nexthops with the carrier, shrinks groups, and tells of the link alone", () => {
    const kernel = furnished()
    putRoutes(kernel, 0, 3, 10)
    putRoutes(kernel, 3, 5, 11)
    const { notifications } = askModelKernel(kernel, { _tag: "CarrierChanged", index: 2, carrier: false })
    expect(messagesOf(notifications).map(({ type }) => type)).toEqual([NetlinkType.NewLink])
    const [{ at, end }] = messagesOf(notifications)
    expect(decodeLink(notifications, at, end)).toMatchObject({ index: 2, usable: false })
    expect(nexthopsIn(kernel).map(({ id }) => id)).toEqual([2, 10])
    expect(nexthopsIn(kernel)[1].members).toEqual([{ id: 2, weight: 1 }])
    expect(routesIn(kernel).map(({ nexthopId }) => nexthopId)).toEqual([10, 10, 10])
  })

  it("brings nothing back with the carrier", () => {
    const kernel = furnished()
    askModelKernel(kernel, { _tag: "CarrierChanged", index: 2, carrier: false })
    askModelKernel(kernel, { _tag: "CarrierChanged", index: 2, carrier: true })
    expect(nexthopsIn(kernel).map(({ id }) => id)).toEqual([2, 10])
  })

  it("tells of a nexthop's deletion and of the groups that it shrinks or empties, and never of their routes", () => {
    const kernel = furnished()
    putRoutes(kernel, 0, 2, 11)
    const { notifications } = ask(kernel, (w) => putNexthopDelete(w, 9, 1))
    const told = messagesOf(notifications).map(({ type, at, end }) => [type, decodeNexthop(notifications, at, end).id])
    expect(told).toEqual([
      [NetlinkType.DelNexthop, 1],
      [NetlinkType.DelNexthop, 11],
      [NetlinkType.NewNexthop, 10]
    ])
    expect(routesIn(kernel)).toEqual([])
  })

  it("leaves out what we caused, when asked with our port", () => {
    const kernel = furnished()
    const event = { _tag: "Requested", port: PORT, bytes: write((w) => putNexthopDelete(w, 9, 1)) } as const
    expect(askModelKernel(kernel, event, PORT).notifications).toHaveLength(0)
  })

  it("goes on after an error in the middle of a batch, and answers it and the last message only", () => {
    const kernel = furnished()
    const route = { family: 4 as const, wordsAt: 0, length: 24, table: 254, protocol: BGP, metric: 20, type: 1 }
    const { replies } = ask(kernel, (w) => {
      putRoute(w, { ...route, seq: 1, flags: UPSERT, words: [0xc0000200], groupId: 10 })
      putRoute(w, { ...route, seq: 2, flags: UPSERT, words: [0xc0000300], groupId: 99 })
      putRoute(w, { ...route, seq: 3, flags: UPSERT | NetlinkFlag.Ack, words: [0xc0000400], groupId: 10 })
    })
    expect(errors(replies)).toMatchObject([
      { seq: 2, errno: Errno.EINVAL, text: "Nexthop id does not exist" },
      { seq: 3, errno: 0 }
    ])
    expect(routesIn(kernel)).toHaveLength(2)
  })

  it("stops without a reply at a length that cannot be", () => {
    const kernel = furnished()
    const bytes = write((w) => putNexthopDelete(w, 1, 1, NetlinkFlag.Ack))
    bytes[0] = 12
    expect(askModelKernel(kernel, { _tag: "Requested", port: PORT, bytes }).replies).toHaveLength(0)
    expect(nexthopsIn(kernel)).toHaveLength(4)
  })

  it("shows a route on a group of only a blackhole as a blackhole route", () => {
    const kernel = furnished()
    ask(kernel, (w) => {
      putNexthop(w, { seq: 1, flags: UPSERT, id: 3, family: 4, ifindex: 0, blackhole: true, protocol: BGP })
      putNexthopGroup(w, { seq: 2, flags: UPSERT, id: 12, protocol: BGP, members: [{ id: 3, weight: 1 }] })
    })
    putRoutes(kernel, 0, 1, 12)
    expect(routesIn(kernel)).toMatchObject([{ type: RouteType.Blackhole, nexthopId: 12 }])
  })

  it("ends the dump of a table that is not there with ENOENT", () => {
    const [done] = dumped(furnished(), { kind: "route", family: 4, table: 777 })
    expect(decodeDone(done.bytes, done.at, done.end)).toEqual({
      errno: Errno.ENOENT,
      text: "ipv4: FIB table does not exist"
    })
  })

  it("has connected routes of its own that a filter by protocol leaves out", () => {
    const kernel = furnished()
    const all = dumped(kernel, { kind: "route", family: 4, table: 254 })
    const kept = all.flatMap(({ bytes, type, at, end }) =>
      type === NetlinkType.NewRoute ? [decodeRoute(bytes, at, end)] : []
    )
    expect(kept).toMatchObject([
      { words: [0x0a000100], length: 24, protocol: 2, ifindex: 2 },
      { words: [0x0a000200], length: 24, protocol: 2, ifindex: 3 }
    ])
    expect(routesIn(kernel)).toEqual([])
  })

  it("fails as often as it was told to, and does nothing then", () => {
    const kernel = furnished()
    askModelKernel(kernel, { _tag: "FaultsArmed", errno: Errno.ENOMEM, count: 1 })
    const remove = (w: NetlinkWriter) => putNexthopDelete(w, 9, 11, NetlinkFlag.Ack)
    expect(errors(ask(kernel, remove).replies)).toMatchObject([{ errno: Errno.ENOMEM }])
    expect(errors(ask(kernel, remove).replies)).toMatchObject([{ errno: 0 }])
  })

  it("loses as many notifications as it was told to, and says that it did", () => {
    const kernel = furnished()
    askModelKernel(kernel, { _tag: "LossesArmed", count: 1 })
    expect(askModelKernel(kernel, { _tag: "CarrierChanged", index: 2, carrier: false })).toMatchObject({
      overran: true,
      notifications: new Uint8Array(0)
    })
  })

  it("has one digest for one content, however it came about", () => {
    const one = furnished()
    const two = furnished()
    putRoutes(one, 0, 50, 10)
    putRoutes(two, 25, 60, 11)
    putRoutes(two, 0, 50, 10)
    expect(modelKernel.digest(two)).not.toBe(modelKernel.digest(one))
    ask(two, (w) => putNexthopDelete(w, 9, 11))
    ask(one, (w) => putNexthopDelete(w, 9, 11))
    expect(modelKernel.digest(two)).toBe(modelKernel.digest(one))
    expect(modelKernel.digest(modelKernel.clone(one))).toBe(modelKernel.digest(one))
  })

  it("holds 100,000 routes, lists them in parts, and drops them with their group", () => {
    const kernel = furnished()
    putRoutes(kernel, 0, 100_000, 11)
    expect(new Set(routesIn(kernel).map(({ words }) => words[0])).size).toBe(100_000)
    askModelKernel(kernel, { _tag: "CarrierChanged", index: 2, carrier: false })
    expect(routesIn(kernel)).toEqual([])
  })
})
