// The connection machine against the transition table of RFC 4271 §8.2.2 as data, a test for each row; and the checker against rows
// that are wrong, so that a row cannot be met by not being looked at.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { CONNECTION_EVENTS, CONNECTION_STATES } from "../../src/session/index.ts"
import { checkBgpFsm } from "../vectors/bgp-fsm.ts"

interface Row {
  readonly state: string
  readonly event: number
  readonly name: string
  readonly guard: string
  readonly actions: ReadonlyArray<string>
  readonly next: string
  readonly mod: string
}

const rows: ReadonlyArray<Row> = readFileSync(join(import.meta.dirname, "../vectors/data/bgp-fsm.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line))

const title = ({ state, event, name, guard }: Row): string =>
  `${state}/E${event} ${name}${guard === "" ? "" : `, ${guard}`}`

describe("a row of the table is met [RFC 4271 §8.2.2]", () => {
  it.each(rows.map((row) => [title(row), row] as const))("%s", (_, row) => {
    expect(checkBgpFsm(row).problems).toEqual([])
  })
})

describe("the rows", () => {
  it("cover each of the six states and 29 events", () => {
    const cells = new Set(rows.map(({ state, event }) => `${state}/${event}`))
    expect(cells.size).toBe(CONNECTION_STATES.length * CONNECTION_EVENTS.length)
  })
})

describe("a row that is wrong is not met", () => {
  it("when it leads to another state", () => {
    const undetected = rows.flatMap((row) =>
      CONNECTION_STATES.filter((next) => next !== row.next && checkBgpFsm({ ...row, next }).problems.length === 0).map(
        (next) => `${title(row)} to ${next}`
      )
    )
    expect(undetected).toEqual([])
  })

  it("when an action that can be seen is missing from it", () => {
    const undetected = rows.flatMap((row) =>
      row.actions
        .filter((action) => VISIBLE.test(action) && !(action === "DROP" && NOTHING_TO_DROP.has(title(row))))
        .filter((action) => {
          const actions = row.actions.filter((one) => one !== action)
          return checkBgpFsm({ ...row, actions }).problems.length === 0
        })
        .map((action) => `${title(row)} without ${action}`)
    )
    expect(undetected).toEqual([])
  })

  it("when two of its actions that can be seen change places", () => {
    const undetected = rows.flatMap((row) => {
      const places = row.actions.flatMap((action, at) => (/^(TX|DROP$|RIB-$|DIAL$)/.test(action) ? [at] : []))
      return places.slice(1).flatMap((later, index) => {
        const actions = row.actions.with(places[index]!, row.actions[later]!).with(later, row.actions[places[index]!]!)
        return checkBgpFsm({ ...row, actions }).problems.length === 0 ? [`${title(row)}: ${actions.join(" · ")}`] : []
      })
    })
    expect(undetected).toEqual([])
  })

  it("when it has an action, a guard or an amendment that nobody knows", () => {
    const row = rows.find(({ state, event }) => state === "OpenConfirm" && event === 11)!
    expect(checkBgpFsm(row).problems).toEqual([])
    for (const strange of [{ actions: ["DANCE"] }, { guard: "on Sundays" }, { mod: "do better" }, { event: 30 }]) {
      expect(checkBgpFsm({ ...row, ...strange }).problems).not.toEqual([])
    }
    expect(checkBgpFsm(null).problems).not.toEqual([])
  })
})

/** Actions whose absence shows whatever the situation: a stop of a timer shows only while it runs. */
const VISIBLE = /^(TX|DROP$|RIB-$|DIAL$|CRC|CRT!|DOT!|HT=|DAMP|KA!|HT!|raise|track|process|refuse)/

/** Before TCP is up, and after it failed, there is nothing to close. */
const NOTHING_TO_DROP = new Set([
  "Active/E19 BGPOpen",
  "Active/E24 NotifMsgVerErr, DelayOpenTimer not running",
  "OpenConfirm/E18 TcpConnectionFails"
])
