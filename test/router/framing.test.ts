// Bytes become messages whatever the pieces they come in, and what follows the end of a session is not looked at. RFC 4271 §4.1, §6.1
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryUpdate } from "../../src/testing/wire.ts"
import { encodeNotification, encodeUpdate, keepalive, parseAddress, parsePrefix } from "../../src/wire/index.ts"
import { concat, configOf, Driver, peerConfig } from "./driver.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const CONTEXT = { as4: true, addPath: [false, false], external: false, extended: true } as const

const start = (): { readonly driver: Driver; readonly from: number; readonly to: number } => {
  const driver = new Driver(
    configOf([
      peerConfig(A, 65002, { extendedMessage: true, families: ["ipv4-unicast", "ipv6-unicast"] }),
      peerConfig(B, 65003)
    ])
  )
  const from = driver.establish(A, { asn: 65002, extendedMessage: true, families: [0, 1] })
  const to = driver.establish(B, { asn: 65003 })
  return { driver, from, to }
}

/** What a run leaves behind: state, and bytes to everybody. */
const outcome = ({ driver, from, to }: ReturnType<typeof start>): unknown => {
  driver.settle()
  const { messagesIn, updatesIn } = driver.state.counters
  return {
    digest: driver.digest,
    sent: [from, to].map((conn) => driver.messages(conn).map((message) => [...message].join())),
    closed: [...driver.closed],
    messagesIn,
    updatesIn
  }
}

const good = (prefix: string): Uint8Array =>
  encodeUpdate(
    {
      attributes: { origin: 0, asPath: [{ type: 2, members: [65002] }], nextHop: parseAddress(A)! },
      nlri: [parsePrefix(prefix)!]
    },
    CONTEXT
  )

describe("framing", () => {
  it("law: any cut of the byte stream gives the same state and the same bytes sent [RFC 4271 §4.1]", () => {
    const stream = fc
      .array(
        fc.oneof(
          arbitraryUpdate(CONTEXT).map((update) => encodeUpdate(update, CONTEXT)),
          fc.constant(keepalive())
        ),
        {
          minLength: 1,
          maxLength: 8
        }
      )
      .map(concat)
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, places) => {
        const whole = start()
        whole.driver.step({ _tag: "Bytes", conn: whole.from, bytes })
        const cut = start()
        const cuts = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length]
        // All pieces in one batch, so that decisions are taken at the same moment.
        const pieces = cuts.slice(1).map((to, index) => bytes.slice(cuts[index], to))
        cut.driver.step(...pieces.map((piece) => ({ _tag: "Bytes", conn: cut.from, bytes: piece }) as const))
        expect(outcome(cut)).toEqual(outcome(whole))
      }),
      { numRuns: 150 }
    )
  })

  it("puts an extended message together from pieces of every size [RFC 8654 §4]", () => {
    const nlri = Array.from(
      { length: 3000 },
      (_, index) => ({ family: 4, words: [0x0b00_0000 + index * 256], length: 24 }) as const
    )
    const attributes = { origin: 0, asPath: [{ type: 2, members: [65002] }], nextHop: parseAddress(A)! }
    const bytes = encodeUpdate({ attributes, nlri }, CONTEXT)
    expect(bytes.length).toBeGreaterThan(12_000)
    const pieces = (size: number): ReadonlyArray<Uint8Array> =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.slice(index * size, (index + 1) * size)
      )
    const cuts = [1, 18, 19, 20, 4095, 4096, 4097, 8192, bytes.length - 1].map(pieces)
    // The first piece is short and the second is the whole rest.
    for (const first of [10, 19, 100, 4096]) cuts.push([bytes.slice(0, first), bytes.slice(first)])
    for (const cut of cuts) {
      const { driver, from } = start()
      driver.hear(from, ...cut)
      expect(driver.state.rib.tables[0].prefixes.count).toBe(3000)
      expect([...driver.closed]).toEqual([])
    }
  })

  it("lets nothing count that stands behind a NOTIFICATION [RFC 4271 §4.5]", () => {
    const { driver, from } = start()
    const notification = encodeNotification({ code: 6, subcode: 2, data: new Uint8Array(0) })
    driver.hear(from, concat([good("10.1.0.0/16"), notification, good("10.2.0.0/16")]), good("10.3.0.0/16"))
    driver.settle()
    expect(driver.state.rib.tables[0].prefixes.count).toBe(0)
    expect(driver.state.counters.updatesIn).toBe(1)
  })

  it("lets nothing count that stands behind a broken header, nor behind our own close [RFC 4271 §6.1]", () => {
    const { driver, from } = start()
    driver.hear(from, concat([good("10.1.0.0/16"), good("10.2.0.0/16").fill(0, 0, 1), good("10.3.0.0/16")]))
    driver.hear(from, good("10.4.0.0/16"))
    expect(driver.state.counters.updatesIn).toBe(1)
    expect(driver.closed.has(from)).toBe(true)
    expect(driver.messages(from).at(-1)!.slice(18)).toEqual(Uint8Array.of(3, 1, 1))
  })

  it("refuses a message longer than was negotiated [RFC 8654 §4, RFC 4271 §6.1]", () => {
    const { driver, to } = start()
    const header = keepalive()
    header[16] = 0x10
    header[17] = 1
    header[18] = 2
    driver.messages(to)
    driver.hear(to, header)
    expect(driver.messages(to).at(-1)!.slice(18)).toEqual(Uint8Array.of(3, 1, 2, 0x10, 1))
  })

  it("ignores bytes of connections that it does not know", () => {
    const { driver } = start()
    const before = driver.digest
    driver.hear(0x8000_1234, good("10.1.0.0/16"))
    expect(driver.digest).toBe(before)
  })
})
