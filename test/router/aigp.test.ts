// AIGP, of which we are no part: a route that bears it is taken, and it goes no further, whatever it says of itself. RFC 7311 §3.2, §3.4.2
import { describe, expect, it } from "vitest"
import { scanUpdate, UpdateView } from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { establishWith, peerRow } from "./far-side.ts"

const A = "10.0.0.2"
const AIGP = 26
const CONTEXT = { as4: true, addPath: [false, false], external: true, extended: false } as const
const METRIC = [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 5]

const update = (aigp: ReadonlyArray<number>): Uint8Array => {
  const path = Buffer.from("40010100 40020602010000fdea 4003040a000002".replaceAll(" ", ""), "hex")
  const body = [0, 0, 0, path.length + aigp.length, ...path, ...aigp, 8, 20]
  return Uint8Array.of(...Array<number>(16).fill(255), 0, 19 + body.length, 2, ...body)
}

describe("a route with AIGP", () => {
  it.each([
    ["as it should be", [0x80, AIGP, METRIC.length, ...METRIC], 0],
    ["that says it is transitive", [0xc0, AIGP, METRIC.length, ...METRIC], 1],
    ["whose metric has another length", [0x80, AIGP, 4, 1, 0, 4, 0], 1],
    ["that is empty", [0x80, AIGP, 0], 1]
  ])("%s is told on without it, outside and inside", (_, aigp, discarded) => {
    const driver = new Driver(
      configOf([peerConfig(A, 65002), peerConfig("10.0.0.3", 65003), peerConfig("10.0.0.4", LOCAL_AS)])
    )
    const a = establishWith(driver, A, 65002)
    const others = [establishWith(driver, "10.0.0.3", 65003), establishWith(driver, "10.0.0.4", LOCAL_AS)]
    driver.hear(a, update(aigp))
    driver.settle()
    expect(peerRow(driver, A)).toMatchObject({
      state: "Established",
      prefixes: { received: 1 },
      findings: { discarded }
    })
    for (const conn of others) {
      const [told] = driver.updates(conn)
      const view = new UpdateView()
      scanUpdate(view, told!, 0, told!.length, CONTEXT)
      expect([view.nlriEnd - view.nlriAt, view.has(AIGP)]).toEqual([2, false])
    }
  })
})
