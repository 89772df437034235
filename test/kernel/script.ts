// Scripts that both kernels can play: requests as bytes, and what happens to links. Small pools of ids, prefixes and gateways, so that
// steps meet: most of the interest is in what is refused, replaced and taken along.
import fc from "fast-check"
import {
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRoute,
  putRouteDelete,
  putRule,
  putRuleDelete,
  RouteType,
  type RuleRequest
} from "../../src/netlink/index.ts"

export type Step =
  | { readonly _tag: "Ask"; readonly what: string; readonly bytes: Uint8Array; readonly seq: number }
  | { readonly _tag: "Carrier"; readonly index: number; readonly carrier: boolean }
  | { readonly _tag: "Administer"; readonly index: number; readonly up: boolean }
  /** The link's address of that family goes, or is there again. */
  | { readonly _tag: "Address"; readonly index: number; readonly family: 4 | 6; readonly present: boolean }

/** Two links, each with an address of either family. */
export const LINKS = [10, 12] as const

const { Create, Replace, Exclusive, Append, Ack } = NetlinkFlag
const flags = fc.constantFrom(
  Create | Replace,
  Create | Replace,
  Create | Exclusive,
  Create,
  Replace,
  Create | Append,
  0
)

const ask = (what: unknown, put: (w: NetlinkWriter) => void): Step => {
  const w = new NetlinkWriter(new Uint8Array(512))
  put(w)
  return { _tag: "Ask", what: JSON.stringify(what), bytes: w.bytes.slice(0, w.length), seq: SEQ }
}

const SEQ = 9
const BGP = 186
const STATIC = 4

const leafId = fc.integer({ min: 1, max: 4 })
/** 14 and 15 are resilient, if they are at all. */
const groupId = fc.integer({ min: 11, max: 15 })
const six = (subnet: number, host: number) => [0x20010db8, subnet << 16, 0, host]
const way = fc.constantFrom(
  { family: 4, gateway: [0x0a000102], ifindex: 10 } as const,
  { family: 4, gateway: [0x0a000103], ifindex: 10 } as const,
  { family: 4, gateway: [0x0a000202], ifindex: 12 } as const,
  { family: 6, gateway: six(1, 2), ifindex: 10 } as const,
  { family: 6, gateway: six(2, 2), ifindex: 12 } as const,
  { family: 6, gateway: [0xfe800000, 0, 0, 2], ifindex: 12 } as const,
  { family: 4, gateway: [0x0a000902], ifindex: 10 } as const,
  { family: 4, gateway: [0x0a000902], ifindex: 10, onlink: true } as const,
  { family: 6, gateway: six(9, 2), ifindex: 12 } as const,
  { family: 4, gateway: [0x0a000102], ifindex: 99 } as const,
  { family: 4, gateway: undefined, ifindex: 0, blackhole: true } as const,
  { family: 6, gateway: undefined, ifindex: 0, blackhole: true } as const
)

/** The kernel that the model was measured on has no mpls_iptunnel: labels are refused, whatever else is wrong or right. */
const labels = fc.constantFrom([], [], [], [], [], [100], [100, 200])

const leaf = fc
  .record({ id: leafId, flags, way, labels })
  .map((r) =>
    ask({ leaf: r }, (w) =>
      putNexthop(w, { seq: SEQ, id: r.id, flags: r.flags | Ack, protocol: BGP, labels: r.labels, ...r.way })
    )
  )

const member = fc.record({
  id: fc.oneof({ weight: 8, arbitrary: leafId }, groupId),
  weight: fc.integer({ min: 1, max: 300 })
})
/** Mostly the one that fits what is there. */
const resilient = fc.constantFrom(
  { buckets: 8, idleTimer: 6000, unbalancedTimer: 0 },
  { buckets: 8, idleTimer: 6000, unbalancedTimer: 0 },
  { buckets: 8, idleTimer: 12_000, unbalancedTimer: 30_000 },
  { buckets: 16, idleTimer: 6000, unbalancedTimer: 0 },
  { buckets: 1, idleTimer: 0, unbalancedTimer: 0 },
  { buckets: 0, idleTimer: 0, unbalancedTimer: 0 }
)
const members = fc.array(member, { minLength: 1, maxLength: 3 })
const group = fc
  .record({ id: groupId, flags, members })
  .map((r) => ask({ group: r }, (w) => putNexthopGroup(w, { ...r, seq: SEQ, flags: r.flags | Ack, protocol: BGP })))
const resilientGroup = fc
  .record({ id: fc.constantFrom(13, 14, 14, 14, 15, 15), flags, members, resilient })
  .map((r) => ask({ resilient: r }, (w) => putNexthopGroup(w, { ...r, seq: SEQ, flags: r.flags | Ack, protocol: BGP })))

const nexthopDelete = fc
  .oneof(leafId, groupId)
  .map((id) => ask({ deleteNexthop: id }, (w) => putNexthopDelete(w, SEQ, id, Ack)))

const key = fc.record({
  prefix: fc.constantFrom(
    { family: 4, words: [0xc0000200], length: 24 } as const,
    { family: 4, words: [0xc0000200], length: 25 } as const,
    { family: 4, words: [0xc0000201], length: 24 } as const,
    { family: 4, words: [0], length: 0 } as const,
    { family: 6, words: six(0x77, 0), length: 48 } as const,
    { family: 6, words: [0, 0, 0, 0], length: 0 } as const
  ),
  metric: fc.constantFrom(20, 30),
  protocol: fc.constantFrom(BGP, BGP, STATIC),
  table: fc.constantFrom(254, 254, 254, 70000)
})

const type = fc.constantFrom<number>(
  RouteType.Unicast,
  RouteType.Unicast,
  RouteType.Unicast,
  RouteType.Blackhole,
  RouteType.Unreachable,
  RouteType.Prohibit
)
const route = fc
  .record({ key, flags, type, groupId: fc.oneof({ weight: 6, arbitrary: groupId }, leafId) })
  .map(({ key: { prefix, ...rest }, ...r }) =>
    ask({ route: { ...prefix, ...rest, ...r } }, (w) =>
      putRoute(w, { ...prefix, ...rest, ...r, wordsAt: 0, seq: SEQ, flags: r.flags | Ack })
    )
  )

/** A route that names its way itself, as people and other daemons write them: by a link, and perhaps a gateway on it. */
const plain = fc
  .record({
    flags,
    protocol: fc.constantFrom(BGP, STATIC),
    metric: fc.constantFrom(20, 30),
    way: fc.constantFrom(
      { family: 4, words: [0xc0000200], length: 24, gateway: [0x0a000102], ifindex: 10 } as const,
      { family: 4, words: [0xc0000200], length: 24, gateway: [0x0a000202], ifindex: 12 } as const,
      { family: 4, words: [0xc0000200], length: 25, gateway: undefined, ifindex: 12 } as const
    )
  })
  .map((r) =>
    ask({ plain: r }, (w) => {
      const { family, words, length, gateway, ifindex } = r.way
      const start = w.begin(NetlinkType.NewRoute, r.flags | Ack | NetlinkFlag.Request, SEQ, 0)
      for (const byte of [2, length, 0, 0, 254, r.protocol, gateway === undefined ? 253 : 0, RouteType.Unicast])
        w.u8(byte)
      w.u32(0)
      w.attributeWords(1, words, 0, family === 4 ? 1 : 4)
      if (gateway !== undefined) w.attributeWords(5, gateway, 0, 1)
      w.attribute32(4, ifindex)
      w.attribute32(6, r.metric)
      w.end(start)
    })
  )

const routeDelete = fc
  .record({ key, absent: fc.boolean() })
  .map(({ key: { prefix, table, ...rest }, absent }) =>
    ask({ deleteRoute: { ...prefix, ...rest, table, absent } }, (w) =>
      putRouteDelete(w, { ...prefix, ...rest, table: absent ? 555 : table, wordsAt: 0, seq: SEQ, flags: Ack })
    )
  )

/** Few priorities and tables, so that rules are like each other; 9999 is a table that nobody else names. */
const selector = fc.constantFrom(
  { family: 4 },
  { family: 4, from: { words: [0x0a010000], length: 16 } },
  { family: 4, from: { words: [0x0a010000], length: 24 } },
  { family: 4, to: { words: [0x0a020000], length: 16 } },
  { family: 4, from: { words: [0x0a010000], length: 16 }, to: { words: [0x0a020000], length: 16 } },
  { family: 4, inInterface: "v10" },
  { family: 4, inInterface: "nowhere" },
  { family: 4, mark: 7 },
  { family: 4, mark: 7, markMask: 0xff },
  { family: 4, mark: 0, markMask: 0xff },
  { family: 6 },
  { family: 6, from: { words: six(1, 0), length: 48 } },
  { family: 6, mark: 7, inInterface: "v12" }
) as fc.Arbitrary<Omit<RuleRequest, "priority" | "table" | "protocol" | "seq" | "flags">>
const rule = fc.record({
  selector,
  priority: fc.constantFrom(100, 100, 200, 32_766, 40_000),
  table: fc.constantFrom(254, 70, 70_000, 9999),
  protocol: fc.constantFrom(BGP, BGP, BGP, STATIC)
})
const ruleAdd = fc
  .record({ rule, flags: fc.constantFrom(Create | Exclusive, Create | Exclusive, Create) })
  .map(({ rule: { selector, ...rest }, flags: how }) =>
    ask({ rule: { ...selector, ...rest }, how }, (w) =>
      putRule(w, { ...selector, ...rest, seq: SEQ, flags: how | Ack })
    )
  )
const ruleDelete = fc.record({ rule, isAnybodys: fc.boolean() }).map(({ rule: { selector, ...rest }, isAnybodys }) => {
  const wanted = { ...selector, ...rest, ...(isAnybodys ? { protocol: 0 } : {}) }
  return ask({ deleteRule: wanted }, (w) => putRuleDelete(w, { ...wanted, seq: SEQ, flags: Ack }))
})

const index = fc.constantFrom(...LINKS)
const carrier = fc.record({ _tag: fc.constant("Carrier" as const), index, carrier: fc.boolean() })
const address = fc.record({
  _tag: fc.constant("Address" as const),
  index,
  family: fc.constantFrom(4 as const, 6 as const),
  present: fc.boolean()
})
const administer = fc.record({ _tag: fc.constant("Administer" as const), index, up: fc.boolean() })

const leafOf = (id: number, family: 4 | 6, gateway: ReadonlyArray<number>, ifindex: number): Step =>
  ask({ leafOf: id }, (w) =>
    putNexthop(w, { seq: SEQ, flags: Create | Ack, id, family, gateway, ifindex, protocol: BGP })
  )
const groupOf = (id: number, ...ids: ReadonlyArray<number>): Step =>
  ask({ groupOf: id, ids }, (w) => {
    putNexthopGroup(w, {
      seq: SEQ,
      flags: Create | Ack,
      id,
      protocol: BGP,
      members: ids.map((id) => ({ id, weight: 1 }))
    })
  })

/** Something to stand on: a leaf of each family on each link, a group of either family, and a mixed one. */
const PRELUDE: ReadonlyArray<Step> = [
  leafOf(1, 4, [0x0a000102], 10),
  leafOf(2, 4, [0x0a000202], 12),
  leafOf(3, 6, six(1, 2), 10),
  leafOf(4, 6, six(2, 2), 12),
  groupOf(11, 1, 2),
  groupOf(12, 3, 4),
  groupOf(13, 2, 3)
]

const steps = fc.array(
  fc.oneof<Array<fc.WeightedArbitrary<Step>>>(
    { weight: 6, arbitrary: leaf },
    { weight: 6, arbitrary: group },
    { weight: 10, arbitrary: route },
    { weight: 5, arbitrary: resilientGroup },
    { weight: 6, arbitrary: ruleAdd },
    { weight: 4, arbitrary: ruleDelete },
    { weight: 2, arbitrary: nexthopDelete },
    { weight: 3, arbitrary: routeDelete },
    { weight: 1, arbitrary: carrier },
    { weight: 1, arbitrary: administer },
    { weight: 2, arbitrary: plain },
    { weight: 1, arbitrary: address }
  ),
  { minLength: 20, maxLength: 60, size: "max" }
)

export const scripts: fc.Arbitrary<ReadonlyArray<Step>> = steps.map((rest) => [...PRELUDE, ...rest])
