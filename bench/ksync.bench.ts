// The kernel's mirror on one core: how long one transition of a route's machine takes in the form that runs, and how many bytes a route
// costs there. A route is asked for and acknowledged, changed and acknowledged, deleted and acknowledged.
import { actsOf, EntryEvent, Guard, RouteFlag, RouteTable, stateOf, step } from "../src/ksync/index.ts"
import type { Row } from "./run.ts"

const EVENTS = [
  [EntryEvent.AddChangeRequest, 0],
  [EntryEvent.AddAck, Guard.Seen],
  [EntryEvent.AddChangeRequest, Guard.Seen],
  [EntryEvent.ChangeAck, Guard.Seen],
  [EntryEvent.DeleteRequest, Guard.Seen],
  [EntryEvent.DeleteAck, Guard.Seen]
] as const

/** Every route through one event after the other, in an order in which no neighbour is near in memory. Returns acts, so that nothing is left out. */
const drive = (table: RouteTable, count: number): number => {
  let acts = 0
  for (const [event, guards] of EVENTS) {
    for (let index = 0, prefix = 0; index < count; index++) {
      const packed = step(table.state[prefix] & RouteFlag.State, event, guards)
      acts += actsOf(packed)
      table.state[prefix] = (table.state[prefix] & ~RouteFlag.State) | stateOf(packed)
      table.past[prefix] = (table.past[prefix] << 8) | (event << 4) | stateOf(packed)
      prefix = (prefix + 7919) % count
    }
    table.state.forEach((state, prefix) => {
      if ((state & RouteFlag.State) === 12) table.state[prefix] = 0
    })
  }
  return acts
}

export const run = (count: number): ReadonlyArray<Row> => {
  const before = process.memoryUsage().arrayBuffers
  const table = new RouteTable(count)
  for (let prefix = 0; prefix < count; prefix++) table.mark(prefix)
  const bytes = (process.memoryUsage().arrayBuffers - before) / count
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 7; round++) {
    const start = process.hrtime.bigint()
    if (drive(table, count) === 0) throw new Error("nothing was asked for")
    least = Math.min(least, Number(process.hrtime.bigint() - start) / (count * EVENTS.length))
  }
  return [
    { bench: `ksync: transition, ${count} routes`, measured: `${least.toFixed(1)} ns`, budget: "50 ns" },
    {
      bench: `ksync: memory, ${count} routes`,
      measured: `${bytes.toFixed(1)} bytes each, all waiting`,
      budget: "100 bytes"
    }
  ]
}
