// An UPDATE costs its own prefixes, whatever else is in the table: the work of some UPDATEs beside a small table and a large one is the same,
// decision by decision and message by message (RFC 4271 §9.1: "when … changes").
import { expect, it, vi } from "vitest"
import { encodeUpdate, parsePrefix } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { announcement } from "./far-side.ts"

const PEERS = 8
const address = (peer: number): string => `10.0.0.${peer + 2}`

const workBeside = (prefixes: number): unknown => {
  const peers = Array.from({ length: PEERS }, (_, peer) =>
    peerConfig(address(peer), 64502 + peer, { type: peer % 2 === 0 ? "external" : "route-server-client" })
  )
  const driver = new Driver(configOf(peers))
  const conns = peers.map(({ asn }, peer) => driver.establish(address(peer), { asn }))
  const table = Array.from({ length: prefixes }, (_, at) => `20.${at >> 8}.${at & 255}.0/24`)
  for (let at = 0; at < prefixes; at += 250) {
    driver.hear(conns[0]!, announcement([64502, 70_000 + at], table.slice(at, at + 250)))
  }
  driver.settle()
  while (driver.undrained.length > 0) {
    driver.drain()
    driver.settle()
  }
  const { rib } = driver.state
  const decided = vi.spyOn(rib.decision, "run")
  const chosen = vi.spyOn(rib.decision, "choose")
  const swept = vi.spyOn(rib, "sweep")
  const before = { ...driver.state.counters, packed: rib.packer.messages, bytes: rib.packer.bytesPacked }
  for (let round = 0; round < 10; round++) {
    const own = [`20.0.${round}.0/24`, `21.${round}.0.0/16`]
    driver.hear(conns[1]!, announcement([64503], own), announcement([64503, 64999], own))
    driver.settle()
    driver.hear(
      conns[1]!,
      encodeUpdate({ withdrawn: own.map((text) => parsePrefix(text)!) }, { as4: true, addPath: [] })
    )
    driver.settle()
  }
  return {
    decided: decided.mock.calls.length,
    chosen: chosen.mock.calls.length,
    swept: swept.mock.calls.length,
    batches: driver.state.counters.batches - before.batches,
    packed: rib.packer.messages - before.packed,
    bytes: rib.packer.bytesPacked - before.bytes
  }
}

it("an UPDATE costs as much beside 20,000 prefixes as beside 300", () => {
  const [small, large] = [300, 20_000].map(workBeside)
  expect(small).toMatchObject({ swept: 0 })
  expect(large).toEqual(small)
})
