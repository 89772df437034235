// Arbitraries for the router as a whole: batches in which one or two peers connect, say what a peer may say and what it may not, and
// time passes. Few connections, prefixes and timers, so that records meet what earlier ones made.
import fc from "fast-check"
import { ACCEPTED, type Batch, ConnectionChange, type EventRecord, KernelChannel } from "../eventlog/index.ts"
import { OpBuffer } from "../machine/index.ts"
import {
  type Command,
  createRouter,
  type PeerConfig,
  type RouterConfig,
  type RouterState,
  router
} from "../router/index.ts"
import { type Capability, encodeOpen, keepalive } from "../wire/index.ts"

const peer = (address: string, asn: number, passive: boolean): PeerConfig => ({
  address,
  port: 179,
  asn,
  type: asn === 64500 ? "internal" : "external",
  name: "",
  localAddress: "",
  passive,
  enabled: true,
  families: ["ipv4-unicast", "ipv6-unicast"],
  holdTime: 9,
  connectRetry: 5,
  idleHold: 1,
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0
})

/** Two external peers and an internal one, a static route that gives next hops to resolve by, the model kernel. */
export const ROUTER_CONFIG: RouterConfig = {
  router: { asn: 64500, id: "192.0.2.1" },
  listen: ["0.0.0.0:179"],
  kernel: { table: 254, metric: 20, onExit: "remove", model: true },
  peers: [
    { ...peer("192.0.2.7", 64501, true), gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 9 } },
    { ...peer("192.0.2.8", 64502, false), role: "provider" },
    peer("192.0.2.9", 64500, true)
  ],
  dynamic: [{ range: "198.51.100.0/24", limit: 1, peer: peer("", 64501, true) }],
  static: [{ prefix: "203.0.113.0/24", via: ["192.0.2.7"], distance: 1 }],
  originate: [{ prefix: "198.51.100.0/24", communities: ["64500:1"] }]
}

export const configureRecord = (config: RouterConfig, seed: number): EventRecord =>
  command({ command: "configure", config, seed })

/** A router that has read its configuration. */
export const createConfiguredRouter = (seed: number, config: RouterConfig = ROUTER_CONFIG): RouterState =>
  router.step(createRouter(seed), { seq: 0, at: 0, records: [configureRecord(config, seed)] }, new OpBuffer())

const command = (value: Command): EventRecord => ({ _tag: "Command", json: JSON.stringify(value) })

const conn = fc.oneof(fc.constantFrom(ACCEPTED, ACCEPTED + 1), fc.constantFrom(0x1_0001, 0x2_0001, 0x2_0002))
const remote = fc.constantFrom("192.0.2.7:40000", "192.0.2.8:40001", "192.0.2.9:40002", "198.51.100.99:1")
const prefix = fc.constantFrom([24, 10, 0, 0], [24, 10, 0, 1], [16, 10, 0], [32, 203, 0, 113, 9], [0])

const message = (type: number, body: ReadonlyArray<number>): Uint8Array => {
  const length = 19 + body.length
  return Uint8Array.from([...Array<number>(16).fill(0xff), length >> 8, length & 0xff, type, ...body])
}

const open = fc.constantFrom(64501, 64502, 64500).map((asn) =>
  encodeOpen({
    version: 4,
    asn,
    holdTime: 9,
    id: 0xc000_0200 + (asn % 100),
    capabilities: [{ _tag: "Multiprotocol", afi: 1, safi: 1 }, { _tag: "FourOctetAs", asn }, { _tag: "RouteRefresh" }]
  })
)

/** What a peer says that restarts gracefully, and stays away for long. */
const FAMILY = { afi: 1, safi: 1, forwarding: true }
const RESTARTING: ReadonlyArray<Capability> = [
  { _tag: "EnhancedRouteRefresh" },
  { _tag: "GracefulRestart", restarting: true, notification: true, timeS: 3, families: [FAMILY] },
  { _tag: "LongLivedGracefulRestart", families: [{ ...FAMILY, timeS: 3 }] }
]

/** IPv4 routes with few paths; now and then an attribute is cut short, which RFC 7606 has words for. */
const update = fc
  .record({
    withdrawn: fc.array(prefix, { maxLength: 2 }),
    nlri: fc.array(prefix, { maxLength: 3 }),
    asn: fc.constantFrom(1, 2, 3),
    nextHop: fc.constantFrom(7, 8, 77),
    cut: fc.constantFrom(0, 0, 0, 1)
  })
  .map(({ withdrawn, nlri, asn, nextHop, cut }) => {
    const gone = withdrawn.flat()
    const path = [0x40, 2, 10, 2, 2, 0, 0, 251, 245, 0, 0, 0, asn]
    const attributes =
      nlri.length === 0 ? [] : [0x40, 1, 1, 0, ...path, 0x40, 3, 4 - cut, 192, 0, 2, ...(cut === 0 ? [nextHop] : [])]
    return message(2, [
      gone.length >> 8,
      gone.length & 0xff,
      ...gone,
      0,
      attributes.length,
      ...attributes,
      ...nlri.flat()
    ])
  })

const bytes: fc.Arbitrary<EventRecord> = fc.record({
  _tag: fc.constant("Bytes" as const),
  conn,
  bytes: fc.oneof(
    { arbitrary: update, weight: 6 },
    { arbitrary: fc.constant(keepalive()), weight: 3 },
    { arbitrary: open, weight: 2 },
    fc.constant(message(3, [6, 2])),
    fc.constantFrom(message(5, [0, 1, 0, 1]), message(5, [0, 1, 1, 1]), message(5, [0, 1, 2, 1])),
    fc.constant(message(2, [0, 0, 0, 0])),
    // Halves of messages, so that the next bytes complete or break them.
    update.map((whole) => whole.slice(0, 21)),
    fc.uint8Array({ maxLength: 40 })
  )
})

/** How a session begins, in one batch: what random records alone would rarely find. */
const bringUp: fc.Arbitrary<ReadonlyArray<EventRecord>> = fc
  .tuple(conn, fc.constantFrom(64501, 64502, 64500), fc.array(update, { maxLength: 3 }))
  .map(([id, asn, updates]) => [
    {
      _tag: "Connection",
      conn: id,
      change: id >= ACCEPTED ? ConnectionChange.Accepted : ConnectionChange.Dialled,
      remote: `192.0.2.${asn === 64501 ? 7 : asn === 64502 ? 8 : 9}:40000`,
      local: "192.0.2.1:179",
      cause: ""
    },
    {
      _tag: "Bytes",
      conn: id,
      bytes: encodeOpen({
        version: 4,
        asn,
        holdTime: 9,
        id: asn,
        capabilities: [{ _tag: "FourOctetAs", asn }, ...(asn === 64501 ? RESTARTING : [])]
      })
    },
    { _tag: "Bytes", conn: id, bytes: keepalive() },
    ...updates.map((one) => ({ _tag: "Bytes", conn: id, bytes: one }) as const)
  ])

const record: fc.Arbitrary<EventRecord> = fc.oneof(
  { arbitrary: bytes, weight: 6 },
  fc.record({
    _tag: fc.constant("Connection" as const),
    conn,
    change: fc.constantFrom(...Object.values(ConnectionChange)),
    remote,
    local: fc.constant("192.0.2.1:179"),
    cause: fc.constant("ECONNRESET")
  }),
  fc.record({ _tag: fc.constant("Timer" as const), timer: fc.nat(12) }),
  fc.record({ _tag: fc.constant("Quantum" as const), nodes: fc.nat(8) }),
  fc.record({
    _tag: fc.constant("Kernel" as const),
    channel: fc.constantFrom(...Object.values(KernelChannel)),
    bytes: fc.uint8Array({ maxLength: 40 })
  }),
  fc
    .constantFrom<Command>(
      { command: "announce", route: { prefix: "10.9.0.0/16", communities: [] } },
      { command: "withdraw", prefix: "10.9.0.0/16" },
      { command: "peer", address: "192.0.2.7", action: "reset" },
      { command: "peer", address: "192.0.2.7", action: "refresh" },
      { command: "peer", address: "192.0.2.7", action: "bfd-down" },
      { command: "peer", address: "192.0.2.8", action: "disable" },
      { command: "peer", address: "192.0.2.8", action: "enable" },
      { command: "configure", config: { ...ROUTER_CONFIG, peers: ROUTER_CONFIG.peers.slice(1) }, seed: 1 },
      { command: "configure", config: ROUTER_CONFIG, seed: 1 },
      { command: "resync" },
      { command: "shutdown" }
    )
    .map(command)
)

/** One batch; its number and time are for whoever runs it to set, where that matters. */
export const arbitraryRouterBatch: fc.Arbitrary<Batch> = fc.record({
  seq: fc.constant(1),
  at: fc.nat(20_000_000),
  records: fc.oneof(
    { arbitrary: bringUp, weight: 2 },
    { arbitrary: fc.array(record, { minLength: 1, maxLength: 4 }), weight: 3 }
  )
})
