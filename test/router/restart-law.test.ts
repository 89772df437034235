// Whatever a peer does around its restarts, stale routes have a reason to be there and an end. RFC 4724 §4.2, RFC 7313 §4, RFC 9494 §4.2
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Capability, encodeEndOfRib, encodeRouteRefresh } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"

const capabilities = fc
  .record({ graceful: fc.boolean(), forwarding: fc.boolean(), longLived: fc.boolean() })
  .map(({ graceful, forwarding, longLived }): ReadonlyArray<Capability> => {
    const family = { afi: 1, safi: 1, forwarding }
    return [
      { _tag: "EnhancedRouteRefresh" },
      ...(graceful
        ? [{ _tag: "GracefulRestart", restarting: true, notification: true, timeS: 60, families: [family] } as const]
        : []),
      ...(longLived ? [{ _tag: "LongLivedGracefulRestart", families: [{ ...family, timeS: 120 }] } as const] : [])
    ]
  })

type Move =
  | { readonly _tag: "Up"; readonly capabilities: ReadonlyArray<Capability> }
  | { readonly _tag: "Announce"; readonly octet: number }
  | { readonly _tag: "Pass"; readonly seconds: number }
  | { readonly _tag: "Mark"; readonly subtype: number }
  | { readonly _tag: "Down" | "EndOfRib" | "Disable" | "Enable" | "Quantum" }

const move: fc.Arbitrary<Move> = fc.oneof(
  capabilities.map((said) => ({ _tag: "Up" as const, capabilities: said })),
  { arbitrary: fc.nat(5).map((octet) => ({ _tag: "Announce" as const, octet })), weight: 3 },
  fc.constantFrom(2, 30, 65, 130).map((seconds) => ({ _tag: "Pass" as const, seconds })),
  fc.constantFrom(1, 2).map((subtype) => ({ _tag: "Mark" as const, subtype })),
  fc.constantFrom("Down", "EndOfRib", "Disable", "Enable", "Quantum", "Quantum").map((_tag) => ({ _tag }) as Move)
)

const play = (driver: Driver, step: Move): void => {
  const conn = driver.state.peerAt(1).established
  switch (step._tag) {
    case "Up":
      if (conn === 0) establishWith(driver, A, 65002, step.capabilities)
      return
    case "Announce":
      driver.hear(conn, announcement([65002], [`10.${step.octet}.0.0/16`]))
      return
    case "Pass":
      driver.pass(step.seconds * 1000)
      return
    case "Mark":
      driver.hear(conn, encodeRouteRefresh({ afi: 1, safi: 1, subtype: step.subtype }))
      return
    case "Down":
      if (conn !== 0) driver.closeFrom(conn)
      return
    case "EndOfRib":
      driver.hear(conn, encodeEndOfRib(0))
      return
    case "Disable":
    case "Enable":
      driver.command({ command: "peer", address: A, action: step._tag.toLowerCase() })
      return
    case "Quantum":
      driver.quantum()
  }
}

const paths = (
  driver: Driver
): ReadonlyArray<{ readonly id: number; readonly stale: boolean; readonly leftOver: boolean }> => {
  const { adjIn, tables } = driver.state.rib
  const found = []
  for (let id = 0; id < tables[0].prefixes.bound; id++) {
    for (let path = tables[0].heads[id] ?? 0; path !== 0; path = adjIn.paths.next[path]) {
      found.push({ id, stale: adjIn.isStale(0, path), leftOver: adjIn.isLeftOver(0, path) })
    }
  }
  return found
}

describe("restarts in any order", () => {
  it("law: stale routes are waited for, ended sessions are purged, and in the end nothing is left", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
        const helping = { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 60 } }
        const driver = new Driver(configOf([peerConfig(A, 65002, helping), peerConfig(B, 65003)]))
        establishWith(driver, B, 65003)
        const peer = driver.state.peerAt(1)
        for (const step of moves) {
          play(driver, step)
          const waits = peer.retention[0] !== undefined || peer.refreshing[0]
          for (const path of paths(driver)) {
            if (path.stale) expect(waits).toBe(true)
            else if (path.leftOver) expect(driver.state.rib.hasSweeps).toBe(true)
          }
          if (peer.established === 0 && peer.retention[0] === undefined) {
            driver.settle()
            expect(paths(driver)).toEqual([])
          }
        }
        if (peer.established !== 0) driver.closeFrom(peer.established)
        driver.pass(1_000_000)
        driver.settle()
        expect([paths(driver), advertised(driver, B)]).toEqual([[], []])
        expect([...peer.retention, ...peer.refreshing].filter((kept) => kept)).toEqual([])
      }),
      { numRuns: 200 }
    )
  })
})
