// The preset `source` is the original's machine: every row that was captured from it is a cell of our table.
import { existsSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import {
  Act,
  actNames,
  actsOf,
  ENTRY_EVENT_NAMES,
  ENTRY_STATE_NAMES,
  EntryState,
  FlagChange,
  flagsOf,
  Guard,
  lookUp,
  stateOf
} from "../../src/ksync/index.ts"

interface Row {
  readonly state: string
  readonly event: string
  readonly depUnresolved: boolean
  readonly seen: boolean
  readonly allowDeleteStateComp: boolean
  readonly delAddPending: boolean
  readonly refs: "none" | "ext" | "waiter"
  readonly ackMode: "async" | "sync"
  readonly next?: string
  readonly actions?: ReadonlyArray<string>
  readonly seenAfter?: boolean
  readonly delAddPendingAfter?: boolean
  readonly waitingOn?: string | null
  readonly assert?: boolean
}

/** Why our cell is not the row; undefined where it is. */
export const differenceOf = (row: Row): string | undefined => {
  const guards =
    (row.depUnresolved ? Guard.Unresolved : 0) |
    (row.seen ? Guard.Seen : 0) |
    (row.delAddPending ? Guard.DeleteAddPending : 0) |
    (row.refs === "none" ? 0 : Guard.Referenced) |
    (row.ackMode === "sync" ? Guard.Synchronous : 0) |
    (row.allowDeleteStateComp ? 0 : Guard.Uncompressed)
  const packed = lookUp("source", ENTRY_STATE_NAMES.indexOf(row.state), ENTRY_EVENT_NAMES.indexOf(row.event), guards)
  const acts = actsOf(packed)
  if (row.assert === true) return (acts & Act.Violation) !== 0 ? undefined : `aborts there, ${actNames(acts)} here`
  const state = stateOf(packed)
  const next = state === EntryState.FreeWait ? "FREED" : ENTRY_STATE_NAMES[state]
  if (next !== row.next) return `next ${row.next} there, ${next} here`
  const actions = [
    ...((acts & Act.Unlink) !== 0 ? ["D.cleanup", "D.free"] : []),
    ...((acts & Act.SendDelete) !== 0 ? ["A.delete"] : []),
    ...((acts & (Act.SendAdd | Act.SendChange | Act.WaitOn)) !== 0 ? ["A.deps"] : []),
    ...((acts & Act.SendAdd) !== 0 ? ["A.add"] : []),
    ...((acts & Act.SendChange) !== 0 ? ["A.change"] : []),
    ...((acts & Act.Wake) !== 0 && row.refs === "waiter" ? ["W.add"] : []),
    ...((acts & Act.Cleanup) !== 0 ? ["A.cleanup"] : []),
    ...((acts & Act.Free) !== 0 ? ["A.free"] : [])
  ]
  if (actions.join() !== row.actions?.join()) return `${row.actions} there, ${actions} here`
  const flags = flagsOf(packed)
  const after = (set: number, clear: number, before: boolean) =>
    (flags & set) !== 0 || (before && (flags & clear) === 0)
  if (state === EntryState.FreeWait) return undefined
  if (after(FlagChange.SetSeen, FlagChange.ClearSeen, row.seen) !== row.seenAfter) return "seen differs"
  if (after(FlagChange.SetPending, FlagChange.ClearPending, row.delAddPending) !== row.delAddPendingAfter) {
    return "delete-add pending differs"
  }
  return undefined
}

const vectors = new URL("../../../shared/vectors/ksync-transitions.jsonl", import.meta.url)

describe.runIf(existsSync(vectors))("preset source", () => {
  it("is the original's machine in every captured cell", () => {
    const rows: Array<Row> = readFileSync(vectors, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    const wrong = rows.flatMap((row) => {
      const why = differenceOf(row)
      return why === undefined ? [] : [`${row.state} + ${row.event} (${JSON.stringify(row)}): ${why}`]
    })
    expect(wrong.slice(0, 12)).toEqual([])
    expect(rows.length).toBeGreaterThan(0)
  })
})
