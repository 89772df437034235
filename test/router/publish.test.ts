// What followers are told of the router's decisions: whatever happens, the changes put together are the table.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Batch } from "../../src/eventlog/index.ts"
import { decodeRouteValue, readKey } from "../../src/fanout/index.ts"
import { OpBuffer } from "../../src/machine/index.ts"
import { type Command, query, type RouterState, router } from "../../src/router/index.ts"
import {
  arbitraryRouterBatch,
  configureRecord,
  createConfiguredRouter,
  ROUTER_CONFIG
} from "../../src/testing/router-batches.ts"

const PUBLISHING = { ...ROUTER_CONFIG, publish: true } as const

type Row = Readonly<Record<string, unknown>>

/** By prefix: what `show routes --best` says, in the words of a value. */
const bestOf = (state: RouterState): ReadonlyMap<string, Row> => {
  const rows = [...(query(state, "routes", { best: "true" }) as Iterable<Row>)]
  return new Map(
    rows.map((row) => [
      String(row["prefix"]),
      { asPath: row["asPath"], nextHops: row["nextHop"] === "self" ? [] : [{ address: row["nextHop"], weight: 1 }] }
    ])
  )
}

/** New configurations go on publishing, as a daemon's do. */
const stillPublishing = (batch: Batch): Batch => ({
  ...batch,
  records: batch.records.map((record) => {
    if (record._tag !== "Command") return record
    const command = JSON.parse(record.json) as Command
    return command.command === "configure"
      ? configureRecord({ ...command.config, publish: true }, command.seed)
      : record
  })
})

const take = (state: RouterState, told: Map<string, Row>): void => {
  for (const { key, value } of state.published) {
    const read = readKey(key)
    if (read?.kind !== "route") throw new Error(`${key} is not a route`)
    const route = value === null ? undefined : decodeRouteValue(value)
    if (route === undefined) told.delete(read.prefix)
    else told.set(read.prefix, { asPath: route.asPath, nextHops: route.nextHops })
  }
}

describe("what is published", () => {
  it("makes up the table of best paths, after every batch", () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(arbitraryRouterBatch, { maxLength: 10 }), (seed, batches) => {
        let state = createConfiguredRouter(seed, PUBLISHING)
        const told = new Map<string, Row>()
        take(state, told)
        for (const batch of batches) {
          state = router.step(state, stillPublishing(batch), new OpBuffer())
          take(state, told)
          // Sessions that end because we stop take nothing from followers.
          if (!state.stopping) expect(new Map([...told].sort())).toEqual(new Map([...bestOf(state)].sort()))
        }
      }),
      { numRuns: 60 }
    )
  })

  it("is nothing where nobody asks for it, and the whole table once somebody does", () => {
    let state = createConfiguredRouter(1)
    expect(state.published).toEqual([])
    const told = new Map<string, Row>()
    state = router.step(state, { seq: 1, at: 1, records: [configureRecord(PUBLISHING, 1)] }, new OpBuffer())
    take(state, told)
    for (let seq = 2; state.rib.hasSweeps; seq++) {
      state = router.step(state, { seq, at: seq, records: [{ _tag: "Quantum", nodes: 1000 }] }, new OpBuffer())
      take(state, told)
    }
    expect(told).toEqual(bestOf(state))
    expect(told.size).toBe(1)
  })
})
