// What an operator is shown of how a peer's last session ended: the NOTIFICATION stays in sight while dials fail behind it.
import { describe, expect, it } from "vitest"
import { ConnectionChange, type ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import { encodeNotification, shutdownCommunication } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { establishWith, peerRow } from "./far-side.ts"

const A = "10.0.0.2"
const SHUTDOWN = { code: 6, subcode: 2, data: Uint8Array.from(shutdownCommunication("back at noon")) }

const bench = (rest: Partial<PeerConfig> = { passive: false }): Driver =>
  new Driver(configOf([peerConfig(A, 65002, rest)]))

/** The dial that is under way, answered. */
const answerDial = (driver: Driver, change: ConnectionChange, cause = ""): ConnId => {
  const dial = [...driver.state.connections.values()].find(({ remote, closing }) => remote === "" && !closing)!
  const [remote, local] = change === ConnectionChange.Dialled ? [`${A}:179`, "10.0.0.1:40001"] : ["", ""]
  driver.step({ _tag: "Connection", conn: dial.conn, change, remote, local, cause })
  return dial.conn
}

const ends = (driver: Driver) => {
  const { lastError, lastNotification, lastConnectError } = peerRow(driver, A)
  return { lastError, lastNotification, lastConnectError }
}

describe("a NOTIFICATION that ended the session", () => {
  it("stays in sight with its words while dials fail behind it [RFC 9003]", () => {
    const driver = bench()
    const conn = establishWith(driver, A, 65002)
    driver.hear(conn, encodeNotification(SHUTDOWN))
    driver.closeFrom(conn)
    driver.pass(20_000)
    answerDial(driver, ConnectionChange.DialFailed, "ECONNREFUSED")
    expect(ends(driver)).toMatchObject({
      lastError: 'received Cease, Administrative Shutdown: "back at noon"',
      lastNotification: { direction: "received", code: 6, subcode: 2, communication: "back at noon" },
      lastConnectError: { text: "connection failed: ECONNREFUSED" }
    })
  })

  it("stays when a session is up again, while the errors are cleared", () => {
    const driver = bench({})
    const conn = establishWith(driver, A, 65002)
    driver.hear(conn, encodeNotification(SHUTDOWN))
    driver.closeFrom(conn)
    driver.pass(20_000)
    establishWith(driver, A, 65002)
    expect(ends(driver)).toMatchObject({
      lastError: "",
      lastNotification: { direction: "received", code: 6, subcode: 2 },
      lastConnectError: null
    })
  })

  it("is shown when it is ours", () => {
    const driver = bench({})
    establishWith(driver, A, 65002)
    driver.command({ command: "peer", address: A, action: "disable", message: "moving" })
    expect(ends(driver)).toMatchObject({
      lastError: 'sent Cease, Administrative Shutdown: "moving"',
      lastNotification: { direction: "sent", code: 6, subcode: 2, communication: "moving" }
    })
  })

  it("is shown when it came before there was a session", () => {
    const driver = bench({})
    const conn = driver.accept(A)
    driver.hear(conn, encodeNotification({ code: 2, subcode: 2, data: new Uint8Array(0) }))
    expect(ends(driver)).toMatchObject({
      lastError: "received OPEN Message Error, Bad Peer AS",
      lastNotification: { direction: "received", code: 2, subcode: 2, communication: null }
    })
  })
})

describe("a dial that comes to nothing", () => {
  it("is the last error where nothing was ever said", () => {
    const driver = bench()
    answerDial(driver, ConnectionChange.DialFailed, "EHOSTUNREACH")
    expect(ends(driver)).toMatchObject({
      lastError: "connection failed: EHOSTUNREACH",
      lastNotification: null,
      lastConnectError: { text: "connection failed: EHOSTUNREACH" }
    })
  })

  it("is one as well when nobody answers within ConnectRetry", () => {
    const driver = bench()
    driver.pass(10_000)
    expect(ends(driver)).toMatchObject({ lastError: "connection attempt timed out" })
  })

  it("is one as well when the peer closes without a word", () => {
    const driver = bench()
    const conn = answerDial(driver, ConnectionChange.Dialled)
    driver.closeFrom(conn)
    expect(ends(driver)).toMatchObject({
      lastError: "connection closed",
      lastConnectError: { text: "connection closed" }
    })
  })
})

describe("what happens to a second connection", () => {
  it("is no error of a session that is up [RFC 4271 §6.8]", () => {
    const driver = bench({})
    establishWith(driver, A, 65002)
    const before = ends(driver)
    establishWith(driver, A, 65002)
    for (let count = 0; count < 3; count++) driver.accept(A)
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", ...before })
  })
})
