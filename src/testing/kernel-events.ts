// Arbitraries for the model kernel: what happens to a network namespace, and requests written to it, sound, unsound and broken.
import fc from "fast-check"
import {
  Errno,
  type ModelKernelEvent,
  NetlinkFlag,
  NetlinkWriter,
  putDump,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRoute,
  putRouteDelete,
  putRule,
  putRuleDelete,
  RouteType
} from "../netlink/index.ts"

// Few of everything, so that events meet the same objects.
const seq = fc.integer({ min: 1, max: 1000 })
const flags = fc.constantFrom(
  NetlinkFlag.Ack,
  NetlinkFlag.Create | NetlinkFlag.Replace,
  NetlinkFlag.Create | NetlinkFlag.Exclusive | NetlinkFlag.Ack
)
const leaf = fc.integer({ min: 1, max: 4 })
const group = fc.integer({ min: 5, max: 7 })
const ifindex = fc.integer({ min: 1, max: 4 })
const words = fc.constantFrom([0xc000_0200], [0xc000_0201], [0xcb00_7100])
const table = fc.constant(254)
const protocol = fc.constantFrom(4, 186)

const written = (put: (w: NetlinkWriter) => void): Uint8Array => {
  const writer = new NetlinkWriter(new Uint8Array(4096))
  put(writer)
  return writer.bytes.slice(0, writer.length)
}

const route = fc
  .record({
    seq,
    flags,
    words,
    length: fc.constantFrom(24, 32),
    table,
    protocol,
    metric: fc.constantFrom(0, 20),
    groupId: group
  })
  .map((request) => ({ ...request, family: 4 as const, wordsAt: 0, type: RouteType.Unicast }))

const rule = fc.record({
  seq,
  flags,
  family: fc.constantFrom(4 as const, 6 as const),
  priority: fc.constantFrom(100, 200, 32_766),
  table: fc.constantFrom(254, 70_000),
  protocol,
  mark: fc.constantFrom(undefined, 7),
  inInterface: fc.constantFrom(undefined, "eth0")
})
const resilient = fc.record({
  buckets: fc.constantFrom(0, 8, 16),
  idleTimer: fc.constantFrom(0, 6000),
  unbalancedTimer: fc.constant(0)
})
const members = fc.array(fc.record({ id: leaf, weight: fc.constantFrom(1, 3) }), { minLength: 1, maxLength: 3 })

/** The bytes of one request. */
export const arbitraryKernelRequest: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .record({
      seq,
      flags,
      id: leaf,
      gateway: fc.option(words, { nil: undefined }),
      ifindex,
      protocol,
      labels: fc.constantFrom([], [], [100])
    })
    .map((request) => written((w) => putNexthop(w, { ...request, family: 4 }))),
  fc.record({ seq, flags, id: group, protocol, members }).map((request) => written((w) => putNexthopGroup(w, request))),
  fc
    .record({ seq, flags, id: group, protocol, members, resilient })
    .map((request) => written((w) => putNexthopGroup(w, request))),
  rule.map((request) => written((w) => putRule(w, request))),
  rule.map((request) => written((w) => putRuleDelete(w, request))),
  fc
    .tuple(seq, fc.oneof(leaf, group))
    .map(([number, id]) => written((w) => putNexthopDelete(w, number, id, NetlinkFlag.Ack))),
  route.map((request) => written((w) => putRoute(w, request))),
  route.map((request) => written((w) => putRouteDelete(w, request))),
  fc
    .record({
      seq,
      kind: fc.constantFrom("link", "address", "neighbour", "nexthop", "rule"),
      family: fc.constantFrom(0, 4)
    })
    .map((request) => written((w) => putDump(w, request))),
  fc.uint8Array({ maxLength: 64 })
)

export const arbitraryKernelEvent: fc.Arbitrary<ModelKernelEvent> = fc.oneof(
  {
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 2 }), fc.array(arbitraryKernelRequest, { minLength: 1, maxLength: 3 }))
      .map(
        ([port, requests]) =>
          ({ _tag: "Requested", port, bytes: Uint8Array.from(requests.flatMap((bytes) => [...bytes])) }) as const
      ),
    weight: 6
  },
  fc.record({
    _tag: fc.constant("LinkAdded" as const),
    name: fc.constantFrom("eth0", "eth1", "eth2"),
    up: fc.boolean(),
    carrier: fc.boolean()
  }),
  fc.record({ _tag: fc.constant("LinkRemoved" as const), index: ifindex }),
  fc.record({ _tag: fc.constant("LinkSet" as const), index: ifindex, up: fc.boolean() }),
  fc.record({ _tag: fc.constant("CarrierChanged" as const), index: ifindex, carrier: fc.boolean() }),
  fc.record({
    _tag: fc.constantFrom("AddressAdded" as const, "AddressRemoved" as const),
    family: fc.constant(4 as const),
    ifindex,
    words,
    length: fc.constantFrom(24, 32)
  }),
  fc.record({
    _tag: fc.constant("FaultsArmed" as const),
    errno: fc.constantFrom(...Object.values(Errno)),
    count: fc.nat(2)
  }),
  fc.record({ _tag: fc.constant("LossesArmed" as const), count: fc.nat(2) })
)
