// Received messages go out again unchanged where they are exactly what is to be told; whether that is looked for changes what nobody
// receives. docs/adr/0036, RFC 7947 §2.2, RFC 4271 §4.3, RFC 4760 §3, RFC 7606
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { AttributeStore, type ExportParameters, PeerKind, Trait, writeAttributes } from "../../src/rib/index.ts"
import { query } from "../../src/router/index.ts"
import { arbitraryAttributes } from "../../src/testing/wire.ts"
import {
  type Attributes,
  decodeAttributes,
  decodeNlri,
  encodeAttributes,
  encodeUpdate,
  type Family,
  formatPrefix,
  type Prefix,
  parseAddress,
  scanUpdate,
  UpdateView
} from "../../src/wire/index.ts"
import { concat, configOf, Driver, type FarSide, peerConfig } from "./driver.ts"

const SPEAKERS: ReadonlyArray<{ readonly address: string; readonly far: FarSide; readonly type: string }> = [
  { address: "10.0.0.2", far: { asn: 65002, families: [0, 1] }, type: "route-server-client" },
  { address: "10.0.0.3", far: { asn: 65003, families: [0, 1], extendedMessage: true }, type: "route-server-client" },
  { address: "10.0.0.4", far: { asn: 65004, families: [0, 1] }, type: "route-server-client" },
  { address: "10.0.0.5", far: { asn: 65005, as4: false }, type: "route-server-client" },
  { address: "10.0.0.6", far: { asn: 65006, families: [0, 1] }, type: "external" },
  { address: "10.0.0.7", far: { asn: 65001, families: [0] }, type: "route-reflector-client" }
]

interface World {
  readonly driver: Driver
  readonly conns: ReadonlyArray<ConnId>
}

const start = (isOn: boolean): World => {
  const peers = SPEAKERS.map(({ address, far, type }) =>
    peerConfig(address, far.asn, {
      type: type as "external",
      families: far.families?.length === 2 ? ["ipv4-unicast", "ipv6-unicast"] : ["ipv4-unicast"],
      extendedMessage: far.extendedMessage === true
    })
  )
  const driver = new Driver(configOf(peers))
  driver.state.rib.packer.passThrough.isOn = isOn
  const conns = SPEAKERS.map(({ address, far }) => driver.establish(address, far, "10.0.0.1:179"))
  driver.settle()
  return { driver, conns }
}

const contextOf = ({ asn, as4, extendedMessage }: FarSide) => ({
  as4: as4 !== false,
  addPath: [false, false],
  external: asn !== 65001,
  extended: extendedMessage === true
})

/** What a far side holds after everything that it was sent: each prefix with its attributes. */
class Table {
  readonly routes: Map<string, string> = new Map()
  private readonly view = new UpdateView()

  hear(far: FarSide, messages: ReadonlyArray<Uint8Array>): void {
    const { view } = this
    const context = contextOf(far)
    for (const bytes of messages) {
      expect(scanUpdate(view, bytes, 0, bytes.length, context)).toBe(0)
      const {
        mpReach: _,
        mpUnreach: __,
        ...attributes
      } = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, context.as4) as Attributes & {
        mpReach?: unknown
        mpUnreach?: unknown
      }
      const value = JSON.stringify(attributes)
      this.forget(bytes, view.withdrawnAt, view.withdrawnEnd, 4)
      if (view.unreachFamily >= 0) this.forget(bytes, view.unreachNlriAt, view.unreachNlriEnd, 6)
      for (const { family, words, length } of decodeNlri(bytes, view.nlriAt, view.nlriEnd, 4, false)) {
        this.routes.set(formatPrefix({ family, words, length }), value)
      }
      if (view.reachFamily < 0) continue
      const nextHop = bytes.subarray(view.reachNextHopAt, view.reachNextHopAt + view.reachNextHopLength).join(".")
      for (const prefix of decodeNlri(bytes, view.reachNlriAt, view.reachNlriEnd, 6, false)) {
        this.routes.set(formatPrefix(prefix), `${value} ${nextHop}`)
      }
    }
  }

  private forget(bytes: Uint8Array, from: number, to: number, family: 4 | 6): void {
    for (const prefix of decodeNlri(bytes, from, to, family, false)) this.routes.delete(formatPrefix(prefix))
  }
}

const prefixOf = (family: Family, bits: number): Prefix =>
  family === 0
    ? { family: 4, words: [(0x1400_0000 + (bits << 8)) >>> 0], length: 24 }
    : { family: 6, words: [0x2001_0db8, bits << 16, 0, 0], length: 48 }

interface Told {
  readonly from: number
  readonly family: Family
  readonly prefixes: ReadonlyArray<number>
  readonly withdrawn: ReadonlyArray<number>
  readonly path: ReadonlyArray<number>
  readonly med: number | undefined
  readonly communities: ReadonlyArray<number>
  readonly localPref: boolean
  readonly dirty: boolean
}

const bits = fc.integer({ min: 0, max: 24 })
const told: fc.Arbitrary<Told> = fc.record({
  from: fc.integer({ min: 0, max: 3 }),
  family: fc.constantFrom<Family>(0, 0, 1),
  prefixes: fc.oneof(
    { weight: 4, arbitrary: fc.array(bits, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.constant([]) }
  ),
  withdrawn: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(bits, { maxLength: 6 }) }
  ),
  path: fc.array(fc.constantFrom(64600, 65003, 70000, 65001), { maxLength: 3 }),
  med: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  communities: fc.subarray([0xffffff01, 0x00010002]),
  localPref: fc.boolean(),
  dirty: fc.boolean()
})

const messageOf = ({
  from,
  family,
  prefixes,
  withdrawn,
  path,
  med,
  communities,
  localPref,
  dirty
}: Told): Uint8Array => {
  const { far } = SPEAKERS[from]!
  if (family === 1 && far.families?.length !== 2) return new Uint8Array(0)
  const codec = { as4: far.as4 !== false, addPath: [false, false] } as const
  const gone = withdrawn.map((at) => prefixOf(family, at))
  const here = prefixes.map((at) => prefixOf(family, at))
  if (here.length === 0 && gone.length === 0) return new Uint8Array(0)
  const attributes: Attributes = {
    origin: 0,
    asPath: [{ type: 2, members: [far.asn, ...path] }],
    ...(family === 0 ? { nextHop: { family: 4 as const, words: [0x0a00_0002 + from] } } : {}),
    ...(med === undefined ? {} : { med }),
    ...(localPref && family === 0 ? { localPref: 77 } : {}),
    ...(communities.length > 0 ? { communities } : {})
  }
  const nextHop = parseAddress(`2001:db8::${from + 1}`)!
  const bytes =
    family === 0
      ? encodeUpdate({ ...(here.length > 0 ? { attributes } : {}), nlri: here, withdrawn: gone }, codec)
      : encodeUpdate(
          {
            attributes: here.length > 0 ? attributes : {},
            ...(here.length > 0 ? { mpReach: { family: 1 as const, nextHop: [nextHop], nlri: here } } : {}),
            ...(gone.length > 0 ? { mpUnreach: { family: 1 as const, nlri: gone } } : {})
          } as never,
          codec
        )
  // Bits beyond a prefix's length are irrelevant (RFC 4271 §4.3), and not to be passed on: a /24 becomes a /23 with its last bit set.
  if (dirty && family === 0 && here.length > 0) bytes[bytes.length - 4] = 23
  return bytes
}

const run = (isOn: boolean, batches: ReadonlyArray<ReadonlyArray<Told>>) => {
  const { driver, conns } = start(isOn)
  const tables = SPEAKERS.map(() => new Table())
  const listen = (): void => {
    for (const [index, conn] of conns.entries()) tables[index]!.hear(SPEAKERS[index]!.far, driver.updates(conn))
  }
  listen()
  for (const batch of batches) {
    const chunks = SPEAKERS.map((_, from) => concat(batch.filter((one) => one.from === from).map(messageOf)))
    driver.step(
      ...chunks.flatMap((bytes, from) =>
        bytes.length === 0 ? [] : [{ _tag: "Bytes", conn: conns[from]!, bytes } as const]
      )
    )
    driver.settle()
    listen()
  }
  return { driver, conns, tables: tables.map(({ routes }) => [...routes].sort()) }
}

describe("pass-through", () => {
  it("changes no receiver's table, whatever is told, and leaves nothing leased when all sessions are gone", () => {
    let unchanged = 0
    let abandoned = 0
    fc.assert(
      fc.property(
        fc.array(fc.array(told, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }),
        (batches) => {
          const on = run(true, batches)
          const off = run(false, batches)
          expect(on.tables).toEqual(off.tables)
          const { packer } = on.driver.state.rib
          unchanged += packer.unchanged.messages
          abandoned += packer.repacked.messages
          expect(off.driver.state.rib.packer.unchanged.messages).toBe(0)
          for (const conn of on.conns) on.driver.closeFrom(conn)
          on.driver.settle()
          expect(on.driver.state.pool.leaks()).toEqual([])
          expect(packer.passThrough.messages.count).toBe(0)
        }
      ),
      { numRuns: 150 }
    )
    expect(Math.min(unchanged, abandoned)).toBeGreaterThan(40)
  })

  const CLIENT = { type: "route-server-client" } as const
  const twoClients = () => {
    const driver = new Driver(configOf([peerConfig("10.0.0.2", 65002, CLIENT), peerConfig("10.0.0.3", 65003, CLIENT)]))
    const a = driver.establish("10.0.0.2", { asn: 65002 })
    const b = driver.establish("10.0.0.3", { asn: 65003 })
    driver.settle()
    driver.messages(b)
    return { driver, a, b }
  }
  const announce = (from: number, count: number, rest: Partial<Attributes> = {}): Uint8Array =>
    encodeUpdate(
      {
        attributes: {
          origin: 0,
          asPath: [{ type: 2, members: [65002, from + 1] }],
          nextHop: { family: 4, words: [0x0a00_0002] },
          ...rest
        },
        nlri: Array.from({ length: count }, (_, index) => prefixOf(0, from + index))
      },
      { as4: true, addPath: [false, false] }
    )

  it("sends what it received from one client of a route server to the other, byte by byte [RFC 7947 §2.2]", () => {
    const { driver, a, b } = twoClients()
    const received = concat([announce(0, 3), announce(3, 1, { med: 7 }), announce(4, 9, { communities: [9] })])
    driver.hear(a, received)
    expect(concat(driver.updates(b))).toEqual(received)
    expect(query(driver.state, "buffers")).toMatchObject({
      passThrough: { unchanged: { messages: 3, bytes: received.length }, split: { messages: 0, bytes: 0 } },
      recent: { entries: 0, added: 3, deleted: 3 }
    })
  })

  it("sends a long run of neighbours as one slice of the block that it came in, without copying it", () => {
    const { driver, a, b } = twoClients()
    const received = concat(Array.from({ length: 400 }, (_, index) => announce(index * 4, 4)))
    driver.hear(a, received)
    expect(driver.sent.get(b)).toEqual([received])
    const { slices, unchanged } = driver.state.rib.packer
    expect(slices).toEqual({ messages: 400, bytes: received.length })
    expect(unchanged).toEqual(slices)
  })

  it("sends a withdrawal as it came where nothing replaces what goes", () => {
    const { driver, a, b } = twoClients()
    driver.hear(a, announce(0, 3))
    driver.messages(b)
    const gone = encodeUpdate(
      { withdrawn: [0, 1, 2].map((at) => prefixOf(0, at)) },
      { as4: true, addPath: [false, false] }
    )
    driver.hear(a, gone)
    expect(concat(driver.updates(b))).toEqual(gone)
    expect(driver.state.rib.packer.unchanged.messages).toBe(2)
  })

  it("encodes what another client's better route has changed in the middle of a message [RFC 4271 §9.1]", () => {
    const client = (index: number) => peerConfig(`10.0.0.${index}`, 65000 + index, CLIENT)
    const driver = new Driver(configOf([client(2), client(3), client(4)]))
    const [a, b, c] = [2, 3, 4].map((index) => driver.establish(`10.0.0.${index}`, { asn: 65000 + index }))
    driver.settle()
    const better = encodeUpdate(
      {
        attributes: {
          origin: 0,
          asPath: [{ type: 2, members: [65003] }],
          nextHop: { family: 4, words: [0x0a00_0003] }
        },
        nlri: [prefixOf(0, 1)]
      },
      { as4: true, addPath: [false, false] }
    )
    driver.hear(b!, better)
    driver.messages(c!)
    driver.hear(a!, announce(0, 3))
    const table = new Table()
    table.hear({ asn: 65004 }, driver.updates(c!))
    expect([...table.routes.keys()].sort()).toEqual(["20.0.0.0/24", "20.0.2.0/24"])
    expect(driver.state.rib.packer.repacked.messages).toBeGreaterThan(0)
  })

  it("says that a set of attributes is written as it stands exactly where it is", () => {
    const to = {
      family: 0,
      kind: PeerKind.RouteServerClient,
      localAs: 65000,
      routerAs: 0,
      overriddenAs: 0,
      role: 255,
      longLived: false,
      extendedNextHop: false,
      clusterId: 1,
      as4: true,
      messageBytesMax: 65535,
      addPathSend: 0,
      nextHopSelf: [1],
      open: true
    } as unknown as ExportParameters
    let verbatim = 0
    fc.assert(
      fc.property(arbitraryAttributes, fc.boolean(), (any, isPlain) => {
        const { localPref: _, originatorId: __, clusterList: ___, as4Path: ____, as4Aggregator: _____, ...plain } = any
        const attributes = isPlain ? plain : any
        const store = new AttributeStore(65000, 1)
        const bytes = encodeAttributes({ nextHop: { family: 4, words: [7] }, ...attributes }, true)
        const set = store.intern(bytes, 0, bytes.length, 0)
        if ((store.traits[set]! & Trait.Verbatim) === 0) return
        verbatim++
        const written = new Uint8Array(bytes.length * 2 + 100)
        const end = writeAttributes(written, 0, store, set, { local: false, internal: false, routerId: 0 }, to)
        expect(written.subarray(0, end)).toEqual(bytes)
      }),
      { numRuns: 500 }
    )
    expect(verbatim).toBeGreaterThan(20)
  })
})
