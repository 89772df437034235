// Resilient groups, label stacks, prohibit routes and rules: the bytes that iproute2 6.1 sends for them, captured as it sent them, and there
// and back again.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  askModelKernel,
  createModelKernel,
  decodeError,
  decodeNeighbour,
  decodeNexthop,
  decodeRule,
  type ModelKernel,
  messagesOf,
  NeighbourState,
  NetlinkFlag,
  NetlinkWriter,
  putNeighbour,
  putNeighbourDelete,
  putNexthop,
  putNexthopGroup,
  putRoute,
  putRule,
  putRuleDelete,
  RouteProtocol,
  RouteType
} from "../../src/netlink/index.ts"
import { captured, hex } from "./hex.ts"

const SEQ = 0x6b01a3f4
const ADD = NetlinkFlag.Create | NetlinkFlag.Exclusive | NetlinkFlag.Ack
const protocol = RouteProtocol.Bgp
const add = { seq: SEQ, flags: ADD, protocol } as const

const written = (put: (w: NetlinkWriter) => void): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(256))
  put(w)
  return w.bytes.subarray(0, w.length)
}

const RESILIENT = { buckets: 32, idleTimer: 6000, unbalancedTimer: 30_000 }

describe("requests are the bytes that iproute2 sends", () => {
  it("ip nexthop add id 20 group 1/2,3 type resilient buckets 32 idle_timer 60 unbalanced_timer 300 protocol bgp", () => {
    const members = [
      { id: 1, weight: 1 },
      { id: 2, weight: 3 }
    ]
    expect(hex(written((w) => putNexthopGroup(w, { ...add, id: 20, members, resilient: RESILIENT })))).toBe(
      captured(`58 00 00 00 68 00 05 06 f4 a3 01 6b 00 00 00 00 00 00 ba 00 00 00 00 00 08 00 01 00 14 00 00 00
        14 00 02 00 01 00 00 00 00 00 00 00 02 00 00 00 02 00 00 00 1c 00 0c 80 06 00 01 00 20 00 00 00
        08 00 02 00 70 17 00 00 08 00 03 00 30 75 00 00 06 00 03 00 01 00 00 00`)
    )
  })

  it("ip nexthop add id 4 encap mpls 100/200 via 10.0.0.2 dev v0 protocol bgp (iproute2 leaves chance in two bytes of padding)", () => {
    const leaf = { ...add, id: 4, family: 4, labels: [100, 200], gateway: [0x0a000002], ifindex: 3 } as const
    expect(hex(written((w) => putNexthop(w, leaf)))).toBe(
      captured(`48 00 00 00 68 00 05 06 f4 a3 01 6b 00 00 00 00 02 00 ba 00 00 00 00 00 08 00 01 00 04 00 00 00
        10 00 08 80 0c 00 01 00 00 06 40 00 00 0c 81 00 06 00 07 00 01 00 00 00 08 00 06 00 0a 00 00 02
        08 00 05 00 03 00 00 00`)
    )
  })

  it("ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent", () => {
    const linkLayerAddress = [2, 0, 0, 0, 0, 9]
    const neighbour = {
      family: 4,
      words: [0x0a000009],
      ifindex: 3,
      linkLayerAddress,
      state: NeighbourState.Permanent
    } as const
    expect(hex(written((w) => putNeighbour(w, { seq: SEQ, flags: ADD, ...neighbour })))).toBe(
      captured(`30 00 00 00 1c 00 05 06 f4 a3 01 6b 00 00 00 00 02 00 00 00 03 00 00 00 80 00 00 00 08 00 01 00
        0a 00 00 09 0a 00 02 00 02 00 00 00 00 09 00 00`)
    )
  })

  it("ip neigh replace 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0 protocol bgp", () => {
    const linkLayerAddress = [2, 0, 0, 0, 0, 9]
    const words = [0x20010db8, 0, 0, 9]
    const neighbour = {
      family: 6,
      words,
      ifindex: 3,
      linkLayerAddress,
      state: NeighbourState.Permanent,
      protocol
    } as const
    const flags = NetlinkFlag.Create | NetlinkFlag.Replace | NetlinkFlag.Ack
    expect(hex(written((w) => putNeighbour(w, { seq: SEQ, flags, ...neighbour })))).toBe(
      captured(`44 00 00 00 1c 00 05 05 f4 a3 01 6b 00 00 00 00 0a 00 00 00 03 00 00 00 80 00 00 00 05 00 0c 00
        ba 00 00 00 14 00 01 00 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 09 0a 00 02 00 02 00 00 00 00 09 00 00`)
    )
  })

  it("ip neigh del 10.0.0.9 dev v0", () => {
    const neighbour = { seq: SEQ, flags: NetlinkFlag.Ack, family: 4, words: [0x0a000009], ifindex: 3 } as const
    expect(hex(written((w) => putNeighbourDelete(w, neighbour)))).toBe(
      captured(`24 00 00 00 1d 00 05 00 f4 a3 01 6b 00 00 00 00 02 00 00 00 03 00 00 00 80 00 00 00 08 00 01 00
        0a 00 00 09`)
    )
  })

  it("ip route add prohibit 198.51.102.0/24 proto bgp metric 20", () => {
    const route = {
      ...add,
      family: 4,
      words: [0xc6336600],
      wordsAt: 0,
      length: 24,
      table: 254,
      metric: 20,
      groupId: 0
    } as const
    expect(hex(written((w) => putRoute(w, { ...route, type: RouteType.Prohibit })))).toBe(
      captured(`2c 00 00 00 18 00 05 06 f4 a3 01 6b 00 00 00 00 02 18 00 00 fe ba 00 08 00 00 00 00
        08 00 01 00 c6 33 66 00 08 00 06 00 14 00 00 00`)
    )
  })

  it("ip rule add pref 1000 from 192.0.2.0/24 lookup 70000 protocol bgp", () => {
    const rule = {
      ...add,
      family: 4,
      priority: 1000,
      from: { words: [0xc0000200], length: 24 },
      table: 70_000
    } as const
    expect(hex(written((w) => putRule(w, rule)))).toBe(
      captured(`3c 00 00 00 20 00 05 06 f4 a3 01 6b 00 00 00 00 02 00 18 00 00 00 00 01 00 00 00 00
        08 00 06 00 e8 03 00 00 08 00 02 00 c0 00 02 00 08 00 0f 00 70 11 01 00 05 00 15 00 ba 00 00 00`)
    )
  })

  it("ip rule add pref 1001 to 198.51.100.0/24 iif v0 lookup 100 protocol bgp", () => {
    const to = { words: [0xc6336400], length: 24 }
    const rule = { ...add, family: 4, priority: 1001, to, inInterface: "v0", table: 100 } as const
    expect(hex(written((w) => putRule(w, rule)))).toBe(
      captured(`3c 00 00 00 20 00 05 06 f4 a3 01 6b 00 00 00 00 02 18 00 00 64 00 00 01 00 00 00 00
        08 00 06 00 e9 03 00 00 08 00 01 00 c6 33 64 00 07 00 03 00 76 30 00 00 05 00 15 00 ba 00 00 00`)
    )
  })

  it("ip -6 rule add pref 1002 fwmark 0x10/0xff lookup 100 protocol bgp", () => {
    const rule = { ...add, family: 6, priority: 1002, mark: 0x10, markMask: 0xff, table: 100 } as const
    expect(hex(written((w) => putRule(w, rule)))).toBe(
      captured(`3c 00 00 00 20 00 05 06 f4 a3 01 6b 00 00 00 00 0a 00 00 00 64 00 00 01 00 00 00 00
        08 00 06 00 ea 03 00 00 08 00 0a 00 10 00 00 00 08 00 10 00 ff 00 00 00 05 00 15 00 ba 00 00 00`)
    )
  })

  it("ip rule del pref 1000 from 192.0.2.0/24 lookup 70000 protocol bgp", () => {
    const from = { words: [0xc0000200], length: 24 }
    const rule = { seq: SEQ, flags: NetlinkFlag.Ack, protocol, family: 4, priority: 1000, from, table: 70_000 } as const
    expect(hex(written((w) => putRuleDelete(w, rule)))).toBe(
      captured(`3c 00 00 00 21 00 05 00 f4 a3 01 6b 00 00 00 00 02 00 18 00 00 00 00 00 00 00 00 00
        08 00 06 00 e8 03 00 00 08 00 02 00 c0 00 02 00 08 00 0f 00 70 11 01 00 05 00 15 00 ba 00 00 00`)
    )
  })
})

describe("the model kernel", () => {
  const ask = (kernel: ModelKernel, put: (w: NetlinkWriter) => void) => {
    const { replies } = askModelKernel(kernel, { _tag: "Requested", port: 1, bytes: written(put) })
    const [{ at, end }] = messagesOf(replies)
    return decodeError(replies, at, end)
  }
  const withLink = (pushesLabels: boolean): ModelKernel => {
    const kernel = createModelKernel({ pushesLabels })
    askModelKernel(kernel, { _tag: "LinkAdded", index: 2, name: "eth0", up: true, carrier: true })
    askModelKernel(kernel, { _tag: "AddressAdded", family: 4, ifindex: 2, words: [0x0a000001], length: 24 })
    return kernel
  }
  const leaf = { ...add, id: 4, family: 4, labels: [100], gateway: [0x0a000002], ifindex: 2 } as const

  it("refuses labels as the kernel does that it was measured on, and pushes them where it is told that mpls_iptunnel is there", () => {
    expect(ask(withLink(false), (w) => putNexthop(w, leaf))).toMatchObject({
      errno: 95,
      text: "lwt encapsulation type not supported"
    })
    const able = withLink(true)
    expect(ask(able, (w) => putNexthop(w, leaf))).toMatchObject({ errno: 0 })
    expect(able.nexthops.get(4)).toMatchObject({ labels: [100], gateway: [0x0a000002] })
  })

  it("deletes the first rule that has all that the request names, and refuses an exclusive one where one asks the same and more", () => {
    const kernel = createModelKernel()
    const rule = { ...add, family: 4, priority: 100, table: 70 } as const
    const special = { ...rule, from: { words: [0x0a010000], length: 16 } }
    expect(ask(kernel, (w) => putRule(w, special)).errno).toBe(0)
    expect(ask(kernel, (w) => putRule(w, rule)).errno).toBe(17)
    expect(ask(kernel, (w) => putRuleDelete(w, { ...rule, flags: NetlinkFlag.Ack })).errno).toBe(0)
    expect(kernel.rules[4].map(({ priority }) => priority)).toEqual([0, 32_766, 32_767])
    expect(ask(kernel, (w) => putRuleDelete(w, { ...rule, flags: NetlinkFlag.Ack })).errno).toBe(2)
  })
})

const word = fc.integer({ min: 0, max: 0xffff_ffff })

describe("what is written is read again", () => {
  it("label stacks and resilient groups", () => {
    const labels = fc.array(fc.integer({ min: 0, max: 0xfffff }), { minLength: 1, maxLength: 8 })
    const resilient = fc.record({ buckets: fc.integer({ min: 1, max: 65535 }), idleTimer: word, unbalancedTimer: word })
    fc.assert(
      fc.property(labels, resilient, (stack, settings) => {
        const leaf = written((w) =>
          putNexthop(w, { ...add, id: 1, family: 4, labels: stack, gateway: [1], ifindex: 2 })
        )
        const [one] = messagesOf(leaf)
        expect(decodeNexthop(leaf, one.at, one.end)).toMatchObject({ labels: stack, gateway: [1], ifindex: 2 })
        const group = written((w) =>
          putNexthopGroup(w, { ...add, id: 3, members: [{ id: 1, weight: 1 }], resilient: settings })
        )
        const [two] = messagesOf(group)
        expect(decodeNexthop(group, two.at, two.end)).toMatchObject({ groupType: 1, resilient: settings })
      })
    )
  })

  it("neighbours", () => {
    const byte = fc.integer({ min: 0, max: 255 })
    const word = fc.integer({ min: 0, max: 0xffff_ffff })
    const neighbour = fc.record({
      words: fc.oneof(fc.tuple(word), fc.tuple(word, word, word, word)),
      ifindex: fc.integer({ min: 1, max: 1000 }),
      state: fc.constantFrom(...Object.values(NeighbourState)),
      linkLayerAddress: fc.array(byte, { minLength: 6, maxLength: 6 })
    })
    fc.assert(
      fc.property(neighbour, (one) => {
        const family = one.words.length === 1 ? 4 : 6
        const bytes = written((w) => putNeighbour(w, { seq: SEQ, flags: ADD, family, ...one }))
        const [{ at, end }] = messagesOf(bytes)
        expect(decodeNeighbour(bytes, at, end)).toEqual({ family, ...one })
      })
    )
  })

  it("rules", () => {
    const prefix = (words: number, bits: number) =>
      fc.option(
        fc.record({
          words: fc.array(word, { minLength: words, maxLength: words }),
          length: fc.integer({ min: 0, max: bits })
        }),
        { nil: undefined }
      )
    const ofFamily = (family: 4 | 6) =>
      fc.record({
        family: fc.constant(family),
        priority: word,
        table: fc.integer({ min: 1, max: 0xffff_ffff }),
        protocol: fc.integer({ min: 0, max: 255 }),
        from: prefix(family === 4 ? 1 : 4, family === 4 ? 32 : 128),
        to: prefix(family === 4 ? 1 : 4, family === 4 ? 32 : 128),
        inInterface: fc.option(fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/), { nil: undefined }),
        mark: fc.option(word, { nil: undefined }),
        markMask: fc.option(word, { nil: undefined })
      })
    fc.assert(
      fc.property(fc.oneof(ofFamily(4), ofFamily(6)), (rule) => {
        const bytes = written((w) => putRule(w, { ...rule, seq: 1, flags: ADD }))
        const [{ at, end }] = messagesOf(bytes)
        expect(decodeRule(bytes, at, end)).toEqual(JSON.parse(JSON.stringify(rule)))
      })
    )
  })

  it("any bytes as a rule are read as something", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(decodeRule(bytes, 0, bytes.length).priority).toBeGreaterThanOrEqual(0)
      })
    )
  })
})
