// Peers on links: one address on two links is two peers, and who connects is known by both.
import { describe, expect, it } from "vitest"
import { ACCEPTED, ConnectionChange } from "../../src/eventlog/index.ts"
import { query } from "../../src/router/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"

const rows = (driver: Driver) =>
  (query(driver.state, "peers") as ReadonlyArray<{ readonly address: string; readonly state: string }>).map(
    ({ address, state }) => [address, state]
  )

const accepted = (driver: Driver, conn: number, remote: string): void => {
  const local = "[fe80::9%eth0]:179"
  driver.step({ _tag: "Connection", conn, change: ConnectionChange.Accepted, remote, local, cause: "" })
}

describe("link-local peers", () => {
  const config = configOf([peerConfig("fe80::1%eth0", 65002), peerConfig("fe80::1%eth1", 65003)])

  it("are told apart by their link when they connect [RFC 4007 §6]", () => {
    const driver = new Driver(config)
    accepted(driver, ACCEPTED, "[fe80::1%eth1]:40000")
    expect(rows(driver)).toEqual([
      ["fe80::1%eth0", "Active"],
      ["fe80::1%eth1", "OpenSent"]
    ])
  })

  it("are nobody on another link, which is counted", () => {
    const driver = new Driver(config)
    accepted(driver, ACCEPTED, "[fe80::1%eth2]:40000")
    expect(driver.closed).toEqual(new Set([ACCEPTED]))
    expect(query(driver.state, "health")).toMatchObject({ refused: { unknownPeer: 1, rangeFull: 0, stopping: 0 } })
  })
})
