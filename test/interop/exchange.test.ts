// BIRD, FRR and GoBGP at one exchange, as clients of our route server and of our reflector, with one path each and with several. All of
// them announce the same prefix; who holds whose path is asked of them. RFC 7947 §2.3, RFC 4456, RFC 7911
import { afterAll, beforeAll, expect, it } from "vitest"
import { Exchange, type ExchangeOptions, SPEAKERS, type Speaker } from "../support/exchange-lab.ts"
import { eventually } from "../support/interop-lab.ts"
import { requirement } from "../support/requirements.ts"

/** Whose paths each holds, by their names. */
type Holding = Readonly<Record<Speaker, ReadonlyArray<Speaker>>>

interface Row extends ExchangeOptions {
  readonly title: string
  readonly everybody: Holding
  /** When BIRD has withdrawn. */
  readonly withoutBird: Holding
}

const ROWS: ReadonlyArray<Row> = [
  {
    title: "clients of a route server, each with the best path that is not its own",
    type: "route-server-client",
    send: 0,
    everybody: { bird: ["frr"], frr: ["bird"], gobgp: ["bird"] },
    withoutBird: { bird: ["frr"], frr: ["gobgp"], gobgp: ["frr"] }
  },
  {
    title: "clients of a route server with all paths",
    type: "route-server-client",
    send: "all",
    everybody: { bird: ["frr", "gobgp"], frr: ["bird", "gobgp"], gobgp: ["bird", "frr"] },
    withoutBird: { bird: ["frr", "gobgp"], frr: ["gobgp"], gobgp: ["frr"] }
  },
  {
    title: "clients of a reflector, with the best path",
    type: "route-reflector-client",
    send: 0,
    everybody: { bird: [], frr: ["bird"], gobgp: ["bird"] },
    withoutBird: { bird: ["frr"], frr: [], gobgp: ["frr"] }
  },
  {
    title: "clients of a reflector with the two best paths",
    type: "route-reflector-client",
    send: 2,
    everybody: { bird: ["frr", "gobgp"], frr: ["bird", "gobgp"], gobgp: ["bird", "frr"] },
    withoutBird: { bird: ["frr", "gobgp"], frr: ["gobgp"], gobgp: ["frr"] }
  }
]

for (const row of ROWS) {
  requirement("bird", "frr", "gobgp", "namespaces").describe(row.title, () => {
    let exchange: Exchange
    beforeAll(async () => {
      exchange = new Exchange(row)
      await exchange.start()
    }, 60_000)
    afterAll(() => exchange.close(), 30_000)

    const holds = (expected: Holding): Promise<unknown> =>
      eventually(`everybody to hold what they may have:\n${exchange.said()}`, async () => {
        const held: Partial<Record<Speaker, ReadonlyArray<string>>> = {}
        for (const speaker of Object.keys(SPEAKERS) as ReadonlyArray<Speaker>)
          held[speaker] = await exchange.held(speaker)
        const wanted = Object.fromEntries(
          Object.entries(expected).map(([speaker, of]) => [speaker, of.map((each) => SPEAKERS[each].nextHop)])
        )
        expect(held).toEqual(wanted)
        return true
      })

    it("hold what they may have", () => holds(row.everybody), 60_000)

    it("hear of a path that is gone, and of it again", async () => {
      await exchange.withdrawFromBird()
      await holds(row.withoutBird)
      await exchange.announceFromBird()
      await holds(row.everybody)
    }, 90_000)

    it("hold the same after they have asked for everything again [RFC 2918]", async () => {
      await exchange.askAgain()
      await holds(row.everybody)
    }, 60_000)
  })
}
