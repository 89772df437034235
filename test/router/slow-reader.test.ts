// A peer that reads nothing: two budgets say when it is owed final states instead of bytes, one of bytes and one of the blocks that small
// segments keep from being used again; and nobody else has less for it.
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { ConnectionChange } from "../../src/eventlog/index.ts"
import { PEER_QUEUE_BLOCKS_MAX, PEER_QUEUE_BYTES_MAX } from "../../src/machine/index.ts"
import { MessageType } from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { announcement, establishWith } from "./far-side.ts"

const [A, SLOW, FAST] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"]
const PREFIX = "10.1.0.0/16"

class Meeting {
  readonly driver = new Driver(configOf([peerConfig(A, 65002), peerConfig(SLOW, 65003), peerConfig(FAST, 65004)]))
  readonly slow = establishWith(this.driver, SLOW, 65003)
  readonly fast = establishWith(this.driver, FAST, 65004)
  readonly source = establishWith(this.driver, A, 65002)
  private isReading = false

  /** UPDATEs in a batch of their own, with another path each time; whoever reads has read them. */
  update(round: number, messages: ReadonlyArray<ReadonlyArray<string>> = [[PREFIX]]): void {
    const { driver, source: conn } = this
    driver.step(
      ...messages.map(
        (prefixes) => ({ _tag: "Bytes", conn, bytes: announcement([65002, 70_000 + round], prefixes) }) as const
      )
    )
    this.drain()
    this.driver.settle()
  }

  read(): void {
    this.isReading = true
    do this.drain()
    while (this.driver.settle() > 0 || this.driver.undrained.length > 0)
  }

  private drain(): void {
    const { driver } = this
    const waiting = driver.undrained.filter((conn) => conn !== this.slow || this.isReading)
    driver.undrained = driver.undrained.filter((conn) => !waiting.includes(conn))
    for (const conn of waiting) {
      driver.step({ _tag: "Connection", conn, change: ConnectionChange.Drained, remote: "", local: "", cause: "" })
    }
  }

  updatesTo(conn: ConnId): number {
    return this.driver.messages(conn).filter((message) => message[18] === MessageType.Update).length
  }
}

describe("a peer that does not read", () => {
  it("keeps no more blocks than its budget, however small what it is sent", () => {
    const meeting = new Meeting()
    for (let round = 0; round < 1000; round++) meeting.update(round)
    expect(meeting.updatesTo(meeting.fast)).toBe(1000)
    const sent = meeting.updatesTo(meeting.slow)
    expect(sent).toBeGreaterThan(PEER_QUEUE_BLOCKS_MAX / 2)
    expect(sent).toBeLessThanOrEqual(PEER_QUEUE_BLOCKS_MAX + 1)
    meeting.read()
    expect(meeting.updatesTo(meeting.slow)).toBe(1)
  })

  it("gets no more bytes than its budget and those of the step that filled it", () => {
    const meeting = new Meeting()
    const prefixes = Array.from({ length: 7000 }, (_, at) => `20.${at >> 8}.${at & 255}.0/24`)
    const messages = Array.from({ length: 10 }, (_, at) => prefixes.slice(at * 700, (at + 1) * 700))
    const conn = meeting.driver.state.connections.get(meeting.slow)!
    for (let round = 0; round < 60; round++) meeting.update(round, messages)
    expect(conn.unsentBytes).toBeGreaterThan(PEER_QUEUE_BYTES_MAX / 2)
    expect(conn.unsentBytes).toBeLessThan(PEER_QUEUE_BYTES_MAX + 10 * 4096)
    meeting.updatesTo(meeting.slow)
    meeting.read()
    expect(meeting.updatesTo(meeting.slow)).toBeLessThanOrEqual(10)
  })
})
