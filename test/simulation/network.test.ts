// The virtual network keeps what TCP promises: bytes in order, none twice, one end reported once. The simulation is worth what this is.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ACCEPTED, ConnectionChange, type EventRecord } from "../../src/eventlog/index.ts"
import { draw } from "../../src/machine/index.ts"
import { Agenda } from "../../src/testing/world-agenda.ts"
import { type Host, Network } from "../../src/testing/world-network.ts"

const setUp = (seed = 1) => {
  let state = seed
  const drawBelow = (bound: number): number => {
    const [next, bits] = draw(state)
    state = next
    return bits % bound
  }
  const agenda = new Agenda(0)
  const network = new Network(agenda, drawBelow, { latencyMicros: [10, 5000], piecesMax: 4, dialTimeoutMs: 1000 })
  const host = (name: string, address: string): Host & { readonly heard: Array<EventRecord> } => {
    const heard: Array<EventRecord> = []
    const made = { name, addresses: [address], heard, offer: (record: EventRecord) => void heard.push(record) }
    network.attach(made)
    return made
  }
  const a = host("a", "10.0.0.1")
  const b = host("b", "10.0.0.2")
  network.listen(b, "0.0.0.0:179")
  const rest = (): void => {
    while (agenda.step());
  }
  return { agenda, network, a, b, rest }
}

const CONN = 7
const dialled = (seed?: number) => {
  const world = setUp(seed)
  world.network.dial(world.a, CONN, "10.0.0.2", 179, "")
  world.rest()
  return world
}

const bytesOf = (heard: ReadonlyArray<EventRecord>): Array<number> =>
  heard.flatMap((record) => (record._tag === "Bytes" ? [...record.bytes] : []))
const changesOf = (heard: ReadonlyArray<EventRecord>): Array<number> =>
  heard.flatMap((record) => (record._tag === "Connection" ? [record.change] : []))
const causeOf = (heard: ReadonlyArray<EventRecord>): string => {
  const last = heard.at(-1)
  return last?._tag === "Connection" ? last.cause : "no connection event"
}
const nothing = (): void => {}

describe("virtual network", () => {
  it("tells both sides of a connection who is at the other end", () => {
    const { a, b } = dialled()
    expect(a.heard).toEqual([
      { _tag: "Connection", conn: CONN, change: 2, remote: "10.0.0.2:179", local: "10.0.0.1:32768", cause: "" }
    ])
    expect(b.heard).toEqual([
      { _tag: "Connection", conn: ACCEPTED, change: 1, remote: "10.0.0.1:32768", local: "10.0.0.2:179", cause: "" }
    ])
  })

  it("delivers what was sent, whole and in order, whatever the pieces", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (seed, sends) => {
        const { network, a, b, rest } = dialled(seed)
        let left = 0
        for (const bytes of sends) network.send(a, CONN, bytes, () => left++)
        rest()
        expect(bytesOf(b.heard)).toEqual(sends.flatMap((bytes) => [...bytes]))
        expect(left).toBe(sends.length)
      }),
      { numRuns: 100 }
    )
  })

  it("reports a close to the other side behind everything that was sent, and once to each", () => {
    const { network, a, b, rest } = dialled()
    network.send(a, CONN, new Uint8Array([1, 2, 3]), nothing)
    network.close(a, CONN, false)
    network.close(b, ACCEPTED, false)
    rest()
    expect(changesOf(a.heard)).toEqual([ConnectionChange.Dialled, ConnectionChange.Closed])
    expect(changesOf(b.heard)).toEqual([ConnectionChange.Accepted, ConnectionChange.Closed])
  })

  it("delivers everything before a close that one side asks for", () => {
    const { network, a, b, rest } = dialled()
    network.send(a, CONN, new Uint8Array([1, 2, 3]), nothing)
    network.close(a, CONN, false)
    rest()
    expect(bytesOf(b.heard)).toEqual([1, 2, 3])
    expect(causeOf(b.heard)).toBe("")
  })

  it("holds what crosses a cut link, and delivers it in order when the link is mended", () => {
    const { network, a, b, rest } = dialled()
    network.cut(a, b)
    network.send(a, CONN, new Uint8Array([1, 2, 3, 4, 5]), nothing)
    rest()
    expect(bytesOf(b.heard)).toEqual([])
    network.send(a, CONN, new Uint8Array([6, 7]), nothing)
    network.mend(b, a)
    rest()
    expect(bytesOf(b.heard)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it("reports Drained when what was sent before has arrived", () => {
    const { network, a, b, rest } = dialled()
    network.cut(a, b)
    network.send(a, CONN, new Uint8Array(10), nothing)
    network.wantDrained(a, CONN)
    rest()
    expect(changesOf(a.heard)).not.toContain(ConnectionChange.Drained)
    network.mend(a, b)
    rest()
    expect(changesOf(a.heard)).toContain(ConnectionChange.Drained)
  })

  it.each([
    ["nobody has the address", "10.9.9.9", 179, "EHOSTUNREACH"],
    ["nobody listens there", "10.0.0.2", 1790, "ECONNREFUSED"]
  ])("fails a dial when %s", (_, address, port, cause) => {
    const { network, a, rest } = setUp()
    network.dial(a, CONN, address, port, "")
    rest()
    expect(changesOf(a.heard)).toEqual([ConnectionChange.DialFailed])
    expect(causeOf(a.heard)).toBe(cause)
  })

  it("lets a dial over a cut link time out", () => {
    const { agenda, network, a, b, rest } = setUp()
    network.cut(a, b)
    network.dial(a, CONN, "10.0.0.2", 179, "")
    rest()
    expect(causeOf(a.heard)).toBe("ETIMEDOUT")
    expect(agenda.now).toBeGreaterThanOrEqual(1_000_000)
  })

  it("gives up a dial that is closed, and says so once", () => {
    const { network, a, b, rest } = setUp()
    network.dial(a, CONN, "10.0.0.2", 179, "")
    network.close(a, CONN, true)
    rest()
    expect(changesOf(a.heard)).toEqual([ConnectionChange.Closed])
    expect(b.heard).toEqual([])
  })

  it("resets the other side when a host goes without a word, and gives back what was on its way", () => {
    const { network, a, b, rest } = dialled()
    let left = 0
    network.send(b, ACCEPTED, new Uint8Array(9), () => left++)
    network.detach(a)
    rest()
    expect(causeOf(b.heard)).toBe("ECONNRESET")
    expect(left).toBe(1)
    expect(changesOf(a.heard)).toEqual([ConnectionChange.Dialled])
  })
})
