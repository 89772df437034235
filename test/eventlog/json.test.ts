// Batches as `backwalk log cat` prints them.
import fc from "fast-check"
import { expect, it } from "vitest"
import { batchToJson, recordToJson } from "../../src/eventlog/index.ts"
import { arbitraryBatches } from "../../src/testing/eventlog.ts"

it("prints bytes as hex and codes by their names", () => {
  expect(
    batchToJson({
      seq: 3,
      at: 5,
      records: [
        { _tag: "Bytes", conn: 1, bytes: new Uint8Array([255, 0, 10]) },
        { _tag: "Connection", conn: 1, change: 4, remote: "", local: "", cause: "ECONNRESET" },
        { _tag: "Kernel", channel: 3, bytes: new Uint8Array(0) },
        { _tag: "Command", json: `{"command":"shutdown"}` }
      ]
    })
  ).toEqual({
    seq: 3,
    at: 5,
    records: [
      { kind: "Bytes", conn: 1, bytes: "ff000a" },
      { kind: "Connection", conn: 1, change: "Closed", cause: "ECONNRESET" },
      { kind: "Kernel", channel: "Overrun", bytes: "" },
      { kind: "Command", command: { command: "shutdown" } }
    ]
  })
})

it("keeps a command that is not JSON as the text that it is", () => {
  expect(recordToJson({ _tag: "Command", json: "{oops" })).toEqual({ kind: "Command", command: "{oops" })
})

it("turns every batch into plain JSON", () => {
  fc.assert(
    fc.property(arbitraryBatches(3), (batches) => {
      for (const batch of batches) {
        const json = batchToJson(batch)
        expect(json.records.length).toBe(batch.records.length)
        expect(JSON.parse(JSON.stringify(json))).toEqual(json)
      }
    }),
    { numRuns: 50 }
  )
})
