// What we say about our program to peers: from the text in the file to the router's configuration.
import { describe, expect, it } from "vitest"
import { parseSoftwareVersion } from "../../src/config/values.ts"
import { configOf, Driver, peerConfig } from "../router/driver.ts"

const openAfter = (softwareVersion?: string): string => {
  const driver = new Driver(
    configOf([peerConfig("10.0.0.2", 65002)], softwareVersion === undefined ? {} : { softwareVersion })
  )
  const conn = driver.accept("10.0.0.2")
  return (driver.sent.get(conn) ?? []).map((bytes) => Buffer.from(bytes).toString("latin1")).join("")
}

describe("the software version", () => {
  it("is in our OPEN when it is configured (capability 75)", () => {
    expect(openAfter("backwalk-test 1")).toContain("\x4b\x10\x0fbackwalk-test 1")
  })

  it("is a text of at most 64 bytes in the configuration", () => {
    expect(parseSoftwareVersion("backwalk-test 1")).toMatchObject({ value: "backwalk-test 1" })
    expect(parseSoftwareVersion("v".repeat(65))).not.toHaveProperty("value")
    expect(parseSoftwareVersion("")).not.toHaveProperty("value")
  })

  it("is not said when it is not", () => {
    const open = openAfter()
    expect(open.length).toBeGreaterThan(29)
    expect(open).not.toContain("\x4b\x10")
  })
})
