// A reflected route bears the identifier of the router that brought it (RFC 4456 §8). Another router may answer from the same address, or have
// the same place in the RIB, and say the same: whoever was told of the first one's route is told of the second one's.
import { expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { PEER_QUEUE_BYTES_MAX } from "../../src/machine/index.ts"
import {
  type Capability,
  decodeAttributes,
  encodeEndOfRib,
  formatAddress,
  scanUpdate,
  UpdateView
} from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"
import { announcement, establishWith } from "./far-side.ts"

const [SOURCE, CLIENT, NEXT] = ["10.0.1.1", "10.0.1.2", "10.0.1.3"]
const ROUTE = announcement([64510], ["192.0.2.0/24"], { localPref: 100 })
const RESTART: Capability = {
  _tag: "GracefulRestart",
  restarting: true,
  notification: false,
  timeS: 60,
  families: [{ afi: 1, safi: 1, forwarding: true }]
}

const client = (address: string) =>
  peerConfig(address, LOCAL_AS, {
    type: "route-reflector-client",
    gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 }
  })

/** ORIGINATOR_ID in each announcement to a connection since it was last asked; "-": a withdrawal. */
const originators = (driver: Driver, conn: ConnId): ReadonlyArray<string> => {
  driver.settle()
  const view = new UpdateView()
  return driver.updates(conn).flatMap((bytes) => {
    scanUpdate(view, bytes, 0, bytes.length, { as4: true, addPath: [], external: false, extended: false })
    if (view.endOfRib >= 0) return []
    if (view.withdrawnEnd > view.withdrawnAt) return ["-"]
    const { originatorId = 0 } = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
    return [formatAddress({ family: 4, words: [originatorId] })]
  })
}

it("a router that comes back from a graceful restart with another identifier is another one [RFC 4724 §4.2]", () => {
  const driver = new Driver(configOf([client(SOURCE), client(CLIENT)]))
  const to = establishWith(driver, CLIENT, LOCAL_AS)
  const first = establishWith(driver, SOURCE, LOCAL_AS, [RESTART], undefined, "10.9.9.1")
  driver.hear(first, ROUTE)
  expect(originators(driver, to)).toEqual(["10.9.9.1"])
  driver.closeFrom(first)
  driver.pass(5000)
  const second = establishWith(driver, SOURCE, LOCAL_AS, [RESTART], undefined, "10.9.9.2")
  expect(originators(driver, to)).toEqual(["10.9.9.2"])
  driver.hear(second, ROUTE, encodeEndOfRib(0))
  expect(originators(driver, to)).toEqual([])
})

it.each([
  ["a client", LOCAL_AS, ["10.9.9.1"], ["10.9.9.3"]],
  ["a peer outside, which sees no originator,", 65003, ["0.0.0.0"], []]
] as const)(
  "%s that did not read while one peer's route became that of the next with its number hears of what differs",
  (_, asn, first, then) => {
    const listener = asn === LOCAL_AS ? client(CLIENT) : peerConfig(CLIENT, asn)
    const config = configOf([client(SOURCE), listener])
    const driver = new Driver(config)
    const from = establishWith(driver, SOURCE, LOCAL_AS, [], undefined, "10.9.9.1")
    const to = establishWith(driver, CLIENT, asn)
    driver.hear(from, ROUTE)
    expect(originators(driver, to)).toEqual(first)
    const conn = driver.state.connections.get(to)!
    conn.unsentBytes = 2 * PEER_QUEUE_BYTES_MAX
    for (const membership of conn.session!.memberships) driver.state.rib.stall(membership)
    const number = driver.state.byAddress.get(SOURCE)
    driver.command({ command: "configure", config: { ...config, peers: [listener] }, seed: 1 })
    driver.finishCloses()
    driver.settle()
    driver.command({ command: "configure", config: { ...config, peers: [listener, client(NEXT)] }, seed: 1 })
    expect(driver.state.byAddress.get(NEXT)).toBe(number)
    driver.hear(establishWith(driver, NEXT, LOCAL_AS, [], undefined, "10.9.9.3"), ROUTE)
    expect(originators(driver, to)).toEqual([])
    conn.unsentBytes = 0
    driver.step()
    expect(originators(driver, to)).toEqual(then)
  }
)
