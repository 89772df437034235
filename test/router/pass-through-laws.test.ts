// Received messages that go on unchanged, among speakers of every kind: whoever may get them gets them byte by byte, a message that comes in
// two pieces too; and whether that is looked for changes what nobody holds. docs/adr/0036, 0060; reference: RFC 4271 §9.2, RFC 4456 §8,
// RFC 5065 §5, RFC 6793 §4.2.2, RFC 7911 §3, RFC 7947 §2.2, RFC 8654 §4, RFC 8950 §4
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { query } from "../../src/router/index.ts"
import { concat } from "./driver.ts"
import { Holding, messageOf, SPEAKERS, start, type Told, type World } from "./forwarding-ways.ts"

const VPN = 6
const place = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 12 }))
const told: fc.Arbitrary<Told> = fc.record({
  from: fc.nat(SPEAKERS.length - 1),
  family: fc.constantFrom(0, 0, 0, 1, VPN),
  here: fc.oneof(
    { weight: 4, arbitrary: fc.array(place, { maxLength: 5 }) },
    { weight: 1, arbitrary: fc.constant([]) }
  ),
  gone: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(place, { maxLength: 5 }) }
  ),
  path: fc.array(fc.constantFrom(64600, 65101, 70000), { maxLength: 3 }),
  med: fc.option(fc.nat(2), { nil: undefined }),
  communities: fc.subarray([0xffffff01, 0x00010002]),
  first: fc.boolean(),
  aggregator: fc.boolean()
})

/** What each says in one batch, and where its bytes are cut. */
const batch = fc.record({
  told: fc.array(told, { minLength: 1, maxLength: 12 }),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 })
})
type Batch = typeof batch extends fc.Arbitrary<infer Value> ? Value : never

const piecesOf = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).flatMap((to, index) => (to > places[index]! ? [bytes.slice(places[index], to)] : []))
}

const say = ({ driver, conns }: World, { told, cuts }: Batch): void => {
  const records = SPEAKERS.flatMap((_, from) => {
    const bytes = concat(told.filter((one) => one.from === from).map(messageOf))
    return piecesOf(bytes, cuts).map((piece) => ({ _tag: "Bytes", conn: conns[from]!, bytes: piece }) as const)
  })
  driver.step(...records)
  driver.settle()
}

const run = (isOn: boolean, batches: ReadonlyArray<Batch>) => {
  const world = start(isOn)
  const holdings = SPEAKERS.map((speaker) => new Holding(speaker))
  for (const each of batches) {
    say(world, each)
    for (const [index, conn] of world.conns.entries()) holdings[index]!.hear(world.driver.updates(conn))
  }
  return { ...world, holdings: holdings.map(({ routes }) => [...routes].sort()) }
}

describe("pass-through among speakers of every kind", () => {
  it("law: changes nobody's table, whatever is told and however it is cut, and leaves nothing leased", () => {
    let unchanged = 0
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 6 }), (batches) => {
        const on = run(true, batches)
        const off = run(false, batches)
        expect(on.holdings).toEqual(off.holdings)
        unchanged += on.driver.state.rib.packer.unchanged.messages
        expect(off.driver.state.rib.packer.unchanged.messages).toBe(0)
        for (const conn of on.conns) on.driver.closeFrom(conn)
        on.driver.settle()
        expect([on.driver.state.pool.leaks(), on.driver.state.rib.packer.passThrough.messages.count]).toEqual([[], 0])
      }),
      { numRuns: 150 }
    )
    expect(unchanged).toBeGreaterThan(100)
  }, 60_000)

  const plain: Told = {
    from: 0,
    family: 0,
    here: [
      [1, 1],
      [2, 2]
    ],
    gone: [],
    path: [64600],
    med: 3,
    communities: [7],
    first: false,
    aggregator: true
  }

  /** Whether what one speaker says reaches another byte by byte. */
  const passes = (one: Partial<Told>, to: number, cut?: number): boolean => {
    const world = start(true)
    const bytes = messageOf({ ...plain, ...one })
    const { driver, conns } = world
    for (const piece of cut === undefined ? [bytes] : [bytes.slice(0, cut), bytes.slice(cut)]) {
      driver.hear(conns[plain.from + (one.from ?? 0)]!, piece)
    }
    driver.settle()
    const heard = driver.updates(conns[to]!)
    expect(heard.length).toBe(1)
    const isSame = Buffer.from(heard[0]!).equals(Buffer.from(bytes))
    // An encoder would often make the same bytes: somebody's must not have been made.
    if (isSame) expect(driver.state.rib.packer.unchanged.messages).toBeGreaterThan(0)
    return isSame
  }

  it.each<readonly [string, Partial<Told>, number]>([
    ["from client to client [RFC 7947 §2.2]", { from: 0 }, 1],
    ["from one with two-octet AS numbers to another [RFC 6793 §4.1]", { from: 2 }, 3],
    ["with AS4_PATH, from one with two-octet AS numbers to another", { from: 2, path: [70000], aggregator: false }, 3],
    ["with path identifiers that are ours too [RFC 7911 §3]", { from: 4 }, 5],
    ["IPv4 routes with an IPv6 next hop [RFC 8950 §4]", { from: 6 }, 7],
    ["IPv6 routes, MP_REACH_NLRI last", { from: 0, family: 1 }, 1],
    ["IPv6 routes, MP_REACH_NLRI first [RFC 7606 §5.1]", { from: 0, family: 1, first: true }, 1],
    ["VPN routes, of which nobody reads more than the key", { from: 0, family: VPN, here: [[1, 1]] }, 1],
    ["VPN routes with path identifiers", { from: 4, family: VPN, here: [[1, 1]] }, 5],
    ["from another member of the confederation to our own AS [RFC 5065 §5]", { from: 8 }, 10],
    ["from another member to a client of our reflector", { from: 8 }, 11],
    ["VPN routes from another member to our own AS", { from: 8, family: VPN, here: [[1, 1]] }, 10]
  ])("sends on unchanged: %s", (_, one, to) => {
    expect(passes(one, to)).toBe(true)
    for (const cut of [1, 18, 19, 25, 60]) expect(passes(one, to, cut)).toBe(true)
  })

  it.each<readonly [string, Partial<Told>, number]>([
    ["to the world, which our AS number comes in front of", { from: 0 }, 12],
    ["to another member of the confederation", { from: 8 }, 9],
    ["within our AS, where it gets a LOCAL_PREF [RFC 4271 §5.1.5]", { from: 0 }, 10],
    ["from a client of the reflector to our own AS, where CLUSTER_LIST grows [RFC 4456 §8]", { from: 11 }, 10],
    ["to a client that reads two octets", { from: 0 }, 3],
    ["from a client that writes two", { from: 2 }, 1],
    ["with path identifiers that are not ours", { from: 4, here: [[1, 9]] }, 5],
    ["with an IPv6 next hop, within our AS to who takes none", { from: 6 }, 10],
    ["from within to a client of the route server, which takes no LOCAL_PREF", { from: 10 }, 0]
  ])("rebuilds: %s", (_, one, to) => {
    expect(passes(one, to)).toBe(false)
  })

  it("sends withdrawals on unchanged to everybody who reads them, within our AS and beyond it [RFC 4271 §4.3]", () => {
    const world = start(true)
    const { driver, conns } = world
    driver.hear(conns[0]!, messageOf(plain))
    for (const conn of conns) driver.messages(conn)
    const { repacked, unchanged } = driver.state.rib.packer
    const [before, passed] = [repacked.messages, unchanged.messages]
    const gone = messageOf({ ...plain, here: [], gone: plain.here })
    driver.hear(conns[0]!, gone)
    const readers = SPEAKERS.flatMap(({ addPath }, index) => (addPath || index === 0 ? [] : [index]))
    expect(readers.map((index) => concat(driver.updates(conns[index]!)))).toEqual(readers.map(() => gone))
    // One class has identifiers; what is the client's own is no part of the others'.
    expect(repacked.messages - before).toBe(1)
    expect(unchanged.messages - passed).toBeGreaterThan(5)
  })

  it("counts a message that came in two pieces as unchanged, and as no slice", () => {
    const { driver, conns } = start(true)
    const bytes = messageOf(plain)
    driver.hear(conns[0]!, bytes.slice(0, 30), bytes.slice(30))
    expect(query(driver.state, "buffers")).toMatchObject({
      passThrough: { slices: { messages: 0, bytes: 0 } },
      recent: { entries: 0, added: 1, deleted: 1 }
    })
    expect(driver.state.rib.packer.unchanged.messages).toBeGreaterThan(0)
  })
})
