// What `show walks` says of a daemon whose graph was walked.
import { describe, expect, it } from "vitest"
import { BlockPool } from "../../src/buffers/index.ts"
import { WalkReason } from "../../src/fib/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import { createForwarding } from "../../src/router/forwarding.ts"
import { parseAddress, parsePrefix } from "../../src/wire/index.ts"

describe("show walks", () => {
  it("has the counters, the histograms and the walks that finished last, the latest first", () => {
    const tables = [new PrefixTable(0, 16), new PrefixTable(1, 16)] as const
    const pool = new BlockPool(1024, "test")
    const kernel = { table: 254, metric: 20, onExit: "keep", model: true } as const
    const forwarding = createForwarding({ kernel, tables, pool, capacityHint: 16 })
    const set = forwarding.internNextHops([parseAddress("192.0.2.1")!])
    for (const text of ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]) {
      const { words, length } = parsePrefix(text)!
      forwarding.setBgp(0, tables[0].intern(words, 0, length), set)
    }
    const { walks } = forwarding.fib.entries[0]
    walks.start(set, WalkReason.Evaluate)
    walks.start(set, WalkReason.Evaluate | WalkReason.AdjacencyUpdate)
    walks.quantum(2, () => {})
    walks.quantum(2, () => {})
    expect(JSON.parse(JSON.stringify(forwarding.showWalks()))).toMatchObject({
      ipv4: {
        started: 2,
        merged: 1,
        finished: 1,
        visits: 6,
        waiting: 0,
        scheduledLow: 1,
        completedLow: 1,
        grants: 2,
        grantsSuspended: 1,
        stepsPerGrant: [{ from: 0, count: 2 }],
        usePerGrant: [
          { from: 32, count: 1 },
          { from: 64, count: 1 }
        ],
        visitsPerWalk: [{ from: 0, count: 1 }],
        lastFinished: [
          {
            pathList: set,
            nextHops: ["192.0.2.1"],
            visits: 6,
            grants: 2,
            isMerged: false,
            isSynchronous: false,
            reasons: ["evaluate", "evaluate, adjacency update"]
          }
        ]
      },
      ipv6: { started: 0, lastFinished: [] }
    })
  })
})
