// Work as large as a table is done in slices, completely and once: a late peer's table, a dead peer's routes, a slow reader's changes.
// RFC 4271 §9.2, RFC 4724 §2, RFC 2918
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { TABLE_SLICE_PREFIXES } from "../../src/machine/index.ts"
import {
  decodeNlri,
  encodeRouteRefresh,
  encodeUpdate,
  formatPrefix,
  MessageType,
  type Prefix,
  parseAddress,
  scanUpdate,
  type UpdateContext,
  UpdateView
} from "../../src/wire/index.ts"
import { configOf, Driver, type FarSide, peerConfig } from "./driver.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"
const COUNT = 50_000
const PLAIN = { as4: true, addPath: [false, false] } as const
const CONTEXT: UpdateContext = { ...PLAIN, external: true, extended: true }

const prefixAt = (index: number): Prefix => ({ family: 4, words: [(0x1400_0000 + index * 256) >>> 0], length: 24 })

/** Announces prefixes `from` to `to`, 800 to a message and all in one batch. */
const announce = (driver: Driver, conn: ConnId, from: number, to: number, community = 0): void => {
  const asPath = [{ type: 2, members: [65002] }]
  const attributes = { origin: 0, asPath, nextHop: parseAddress(A)!, communities: [community] }
  const messages: Array<Uint8Array> = []
  for (let at = from; at < to; at += 800) {
    const nlri = Array.from({ length: Math.min(800, to - at) }, (_, index) => prefixAt(at + index))
    messages.push(encodeUpdate({ attributes, nlri }, PLAIN))
  }
  driver.step(...messages.map((bytes) => ({ _tag: "Bytes", conn, bytes }) as const))
}

const withdraw = (driver: Driver, conn: ConnId, from: number, to: number): void => {
  const withdrawn = Array.from({ length: to - from }, (_, index) => prefixAt(from + index))
  driver.hear(conn, encodeUpdate({ withdrawn }, PLAIN))
}

/** A far side's table as the messages make it. */
class Table {
  readonly prefixes: Set<string> = new Set()
  /** Announcements and withdrawals heard. */
  announced = 0
  withdrawn = 0
  endsOfRib = 0
  longest = 0
  private readonly view = new UpdateView()

  hear(messages: ReadonlyArray<Uint8Array>): this {
    for (const message of messages) if (message[18] === MessageType.Update) this.take(message)
    return this
  }

  private take(message: Uint8Array): void {
    const { view } = this
    this.longest = Math.max(this.longest, message.length)
    expect(scanUpdate(view, message, 0, message.length, CONTEXT)).toBe(0)
    if (view.endOfRib >= 0) this.endsOfRib++
    for (const prefix of decodeNlri(message, view.withdrawnAt, view.withdrawnEnd, 4, false)) {
      this.withdrawn++
      this.prefixes.delete(formatPrefix(prefix))
    }
    for (const prefix of decodeNlri(message, view.nlriAt, view.nlriEnd, 4, false)) {
      this.announced++
      this.prefixes.add(formatPrefix(prefix))
    }
  }
}

const withTable = (far: Partial<FarSide> = {}): { readonly driver: Driver; readonly a: ConnId } => {
  const extendedMessage = far.extendedMessage === true
  const driver = new Driver(
    configOf([peerConfig(A, 65002), peerConfig(B, 65003, { extendedMessage }), peerConfig(C, 65004)])
  )
  const a = driver.establish(A, { asn: 65002 })
  announce(driver, a, 0, COUNT)
  driver.settle()
  return { driver, a }
}

describe("a table of 50,000 prefixes", () => {
  it("reaches a late peer completely, each prefix once, then End-of-RIB [RFC 4724 §2]", () => {
    const { driver } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    const quanta = driver.settle()
    expect(quanta).toBeGreaterThanOrEqual(Math.floor(COUNT / TABLE_SLICE_PREFIXES) - 1)
    const table = new Table().hear(driver.messages(b))
    expect([table.prefixes.size, table.announced, table.endsOfRib, table.withdrawn]).toEqual([COUNT, COUNT, 1, 0])
    expect(table.longest).toBeLessThanOrEqual(4096)
    expect(driver.state.pool.describeLeaks()).toBe("")
  })

  it("goes out in longer messages where they were agreed on [RFC 8654 §4]", () => {
    const { driver } = withTable({ extendedMessage: true })
    const b = driver.establish(B, { asn: 65003, extendedMessage: true })
    driver.settle()
    const table = new Table().hear(driver.messages(b))
    expect([table.prefixes.size, table.announced, table.endsOfRib]).toEqual([COUNT, COUNT, 1])
    expect(table.longest).toBeGreaterThan(4096)
  })

  it("is in no step longer than a slice", () => {
    const { driver } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    do {
      expect(new Table().hear(driver.messages(b)).announced).toBeLessThanOrEqual(TABLE_SLICE_PREFIXES)
    } while (driver.quantum())
  })

  it("comes again for a ROUTE-REFRESH, without a second End-of-RIB [RFC 2918 §4]", () => {
    const { driver } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    driver.settle()
    driver.messages(b)
    driver.hear(b, encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 }))
    driver.settle()
    const table = new Table().hear(driver.messages(b))
    expect([table.prefixes.size, table.announced, table.endsOfRib]).toEqual([COUNT, COUNT, 0])
    driver.hear(b, encodeRouteRefresh({ afi: 2, safi: 1, subtype: 0 }))
    expect(driver.messages(b)).toEqual([])
  })

  it("that changes while it is being sent ends as it is then", () => {
    const { driver, a } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    driver.quantum()
    withdraw(driver, a, 0, 500)
    withdraw(driver, a, COUNT - 500, COUNT)
    announce(driver, a, COUNT, COUNT + 300)
    driver.settle()
    const table = new Table().hear(driver.messages(b))
    expect([table.prefixes.size, table.endsOfRib]).toEqual([COUNT - 700, 1])
    expect(table.prefixes.has(formatPrefix(prefixAt(0)))).toBe(false)
    expect(table.prefixes.has(formatPrefix(prefixAt(COUNT + 299)))).toBe(true)
  })

  it("of a dead peer is swept in slices, and the others hear of every prefix [RFC 4271 §8.2.2]", () => {
    const { driver, a } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    driver.settle()
    const table = new Table().hear(driver.messages(b))
    driver.closeFrom(a, "ECONNRESET")
    const quanta = driver.settle()
    expect(quanta).toBeGreaterThanOrEqual(Math.floor(COUNT / TABLE_SLICE_PREFIXES))
    table.hear(driver.messages(b))
    expect([table.prefixes.size, table.withdrawn]).toEqual([0, COUNT])
    const { tables, store, adjIn } = driver.state.rib
    expect([tables[0].prefixes.count, adjIn.paths.count, store.count]).toEqual([0, 0, 0])
  })

  it("of a peer that comes back at once loses nothing that its new session says", () => {
    const { driver, a } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    driver.settle()
    const table = new Table().hear(driver.messages(b))
    driver.closeFrom(a, "ECONNRESET")
    driver.quantum()
    driver.command({ command: "peer", address: A, action: "disable" })
    driver.command({ command: "peer", address: A, action: "enable" })
    const again = driver.establish(A, { asn: 65002 })
    announce(driver, again, COUNT - 1000, COUNT + 1000)
    driver.settle()
    table.hear(driver.messages(b))
    expect(table.prefixes.size).toBe(2000)
    expect(driver.state.rib.adjIn.paths.count).toBe(2000)
  })

  it("is not decided on once its session has ended, swept or not", () => {
    const { driver, a } = withTable()
    const c = driver.establish(C, { asn: 65004 })
    driver.closeFrom(a, "ECONNRESET")
    // Prefix 49,999 is swept last; a worse path for it comes before that.
    const attributes = { origin: 2, asPath: [{ type: 2, members: [65004, 1, 2, 3] }], nextHop: parseAddress(C)! }
    driver.hear(c, encodeUpdate({ attributes, nlri: [prefixAt(COUNT - 1)] }, PLAIN))
    const table = driver.state.rib.tables[0]
    const id = table.prefixes.find([...prefixAt(COUNT - 1).words], 0, 24)
    const best = driver.state.rib.bestOf(table, id)
    expect(driver.state.rib.adjIn.paths.peer[best]).toBe(driver.state.byAddress.get(C))
  })
})

describe("a route that was given up with its session", () => {
  it("is decided on again when the next session says the very same", () => {
    const { driver, a } = withTable()
    const c = driver.establish(C, { asn: 65004 })
    const say = (conn: ConnId, origin: number, asn: number, nextHop: string): void => {
      const attributes = { origin, asPath: [{ type: 2, members: [asn] }], nextHop: parseAddress(nextHop)! }
      driver.hear(conn, encodeUpdate({ attributes, nlri: [prefixAt(COUNT - 1)] }, PLAIN))
    }
    say(a, 0, 65002, A)
    driver.closeFrom(a, "ECONNRESET")
    say(c, 2, 65004, C)
    driver.command({ command: "peer", address: A, action: "disable" })
    driver.command({ command: "peer", address: A, action: "enable" })
    say(driver.establish(A, { asn: 65002 }), 0, 65002, A)
    driver.settle()
    const { rib } = driver.state
    const id = rib.tables[0].prefixes.find([...prefixAt(COUNT - 1).words], 0, 24)
    expect(rib.adjIn.paths.peer[rib.bestOf(rib.tables[0], id)]).toBe(driver.state.byAddress.get(A))
  })
})

describe("a peer that reads slowly", () => {
  it("law: ends with the table that a fast one has, whatever changed meanwhile", () => {
    const change = fc.record({
      from: fc.nat(60),
      count: fc.integer({ min: 1, max: 30 }),
      isGone: fc.boolean(),
      drains: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003), peerConfig(C, 65004)]))
        const a = driver.establish(A, { asn: 65002 })
        const slow = driver.establish(B, { asn: 65003 })
        const fast = driver.establish(C, { asn: 65004 })
        const conn = driver.state.connections.get(slow)!
        const block = (isBlocked: boolean): void => {
          // As if a megabyte waited in its socket.
          conn.unsentBytes = isBlocked ? 2_000_000 : 0
          for (const { member } of conn.session!.memberships) if (isBlocked) member.live = false
        }
        for (const [community, { from, count, isGone, drains }] of changes.entries()) {
          block(!drains)
          if (isGone) withdraw(driver, a, from, from + count)
          else announce(driver, a, from, from + count, community)
          driver.settle()
        }
        block(false)
        driver.hear(a, encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 }))
        driver.settle()
        const tables = [slow, fast].map((id) => new Table().hear(driver.messages(id)))
        expect([...tables[0]!.prefixes].sort()).toEqual([...tables[1]!.prefixes].sort())
        driver.closeFrom(a)
        driver.closeFrom(slow)
        driver.closeFrom(fast)
        driver.settle()
        expect(driver.state.rib.tables[0].prefixes.count).toBe(0)
      }),
      { numRuns: 200 }
    )
  })

  it("is not sent more than its queue may hold, and the rest when that has drained", () => {
    const { driver, a } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    driver.settle()
    driver.messages(b)
    driver.drain()
    let bytes = 0
    const table = new Table()
    for (let community = 1; community <= 12; community++) {
      announce(driver, a, 0, COUNT, community)
      driver.settle()
      const messages = driver.messages(b)
      bytes += messages.reduce((sum, { length }) => sum + length, 0)
      table.hear(messages)
    }
    // Twelve tables of 200 kB; a queue holds one megabyte and what one batch adds to it.
    expect(bytes).toBeLessThan(1_500_000)
    for (let rounds = 0; driver.undrained.length > 0 && rounds < 100; rounds++) {
      driver.drain()
      driver.settle()
      table.hear(driver.messages(b))
    }
    expect(table.prefixes.size).toBe(COUNT)
    expect(table.announced).toBeLessThan(12 * COUNT)
  })
})

describe("a member that left", () => {
  it.each(["by our close", "by theirs"])("is told nothing more, and leaves no class behind: %s", (how) => {
    const driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(B, 65003)]))
    for (let times = 0; times < 3; times++) {
      const conn = driver.establish(B, { asn: 65003 })
      expect(driver.state.rib.classes.flatMap(({ members }) => members).map(({ peer }) => peer)).toEqual([2])
      if (how === "by theirs") driver.closeFrom(conn, "ECONNRESET")
      driver.command({ command: "peer", address: B, action: "disable" })
      driver.finishCloses()
      expect(driver.state.rib.classes).toEqual([])
      driver.command({ command: "peer", address: B, action: "enable" })
    }
  })
})

describe("shutdown", () => {
  it("says Cease to everybody, ends when the last connection is closed, and holds no lease [RFC 4486]", () => {
    const { driver, a } = withTable()
    const b = driver.establish(B, { asn: 65003 })
    driver.command({ command: "shutdown" })
    expect(driver.isStopped).toBe(false)
    expect([...driver.closed].sort()).toEqual([a, b].sort())
    expect([a, b].map((conn) => driver.messages(conn).at(-1)!.slice(18))).toEqual([
      Uint8Array.of(3, 6, 2),
      Uint8Array.of(3, 6, 2)
    ])
    driver.closeFrom(a)
    expect(driver.isStopped).toBe(false)
    driver.closeFrom(b)
    expect(driver.isStopped).toBe(true)
    expect(driver.state.pool.describeLeaks()).toBe("")
    expect(driver.timers.size).toBe(0)
  })

  it("lets nobody in any more", () => {
    const { driver } = withTable()
    driver.command({ command: "shutdown" })
    const late = driver.accept(C)
    expect(driver.closed.has(late)).toBe(true)
  })
})
