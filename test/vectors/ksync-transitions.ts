// One row of the original KSync's machine, as captured by executing it, against the cell of our table under the preset `source`. What
// aborts there is a violation here. Actions of other entries (the dependency waited for, a waiter) are what our acts ask for. Then the same
// row is played on entries (ksync-row-entries.ts).
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
import type { Outcome } from "./kinds.ts"
import { playTransition } from "./ksync-row-entries.ts"

export interface TransitionRow {
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
  readonly assert?: boolean
  /** References of the entry, that of its table included. */
  readonly refBefore?: number
  readonly refAfter?: number | null
  readonly waitingOn?: "D" | "N" | null
  /** State of the entry that waits for it, in the end. */
  readonly waiter?: string | null
}

export const checkKsyncTransition = (value: unknown): Outcome => {
  const row = value as TransitionRow
  const name = `${row.state} + ${row.event}`
  const state = ENTRY_STATE_NAMES.indexOf(row.state)
  const event = ENTRY_EVENT_NAMES.indexOf(row.event)
  if (state === -1 || event === -1) return { name, problems: ["a state or an event that the machine does not have"] }
  const cell = differences(row, lookUp("source", state, event, guardsOf(row)))
  return { name, problems: [...cell, ...playTransition(row)] }
}

const guardsOf = (row: TransitionRow): number =>
  (row.depUnresolved ? Guard.Unresolved : 0) |
  (row.seen ? Guard.Seen : 0) |
  (row.delAddPending ? Guard.DeleteAddPending : 0) |
  (row.refs === "none" ? 0 : Guard.Referenced) |
  (row.ackMode === "sync" ? Guard.Synchronous : 0) |
  (row.allowDeleteStateComp ? 0 : Guard.Uncompressed)

const differences = (row: TransitionRow, packed: number): ReadonlyArray<string> => {
  const acts = actsOf(packed)
  if (row.assert === true) return (acts & Act.Violation) !== 0 ? [] : [`aborts there, ${actNames(acts)} here`]
  const state = stateOf(packed)
  const next = state === EntryState.FreeWait ? "FREED" : ENTRY_STATE_NAMES[state]
  const problems = next === row.next ? [] : [`next ${row.next} there, ${next} here`]
  const actions = actionsOf(acts, row.refs === "waiter")
  if (actions.join() !== row.actions?.join()) problems.push(`actions ${row.actions} there, ${actions} here`)
  if (state === EntryState.FreeWait) return problems
  const flags = flagsOf(packed)
  const after = (set: number, clear: number, before: boolean): boolean =>
    (flags & set) !== 0 || (before && (flags & clear) === 0)
  if (after(FlagChange.SetSeen, FlagChange.ClearSeen, row.seen) !== row.seenAfter) problems.push("seen differs")
  if (after(FlagChange.SetPending, FlagChange.ClearPending, row.delAddPending) !== row.delAddPendingAfter) {
    problems.push("pending delete-add differs")
  }
  return problems
}

/** `A` is the entry itself, `D` the placeholder that it waited for, `W` an entry that waits for it. */
const actionsOf = (acts: number, hasWaiter: boolean): ReadonlyArray<string> => [
  ...((acts & Act.Unlink) !== 0 ? ["D.cleanup", "D.free"] : []),
  ...((acts & Act.SendDelete) !== 0 ? ["A.delete"] : []),
  ...((acts & (Act.SendAdd | Act.SendChange | Act.WaitOn)) !== 0 ? ["A.deps"] : []),
  ...((acts & Act.SendAdd) !== 0 ? ["A.add"] : []),
  ...((acts & Act.SendChange) !== 0 ? ["A.change"] : []),
  ...((acts & Act.Wake) !== 0 && hasWaiter ? ["W.add"] : []),
  ...((acts & Act.Cleanup) !== 0 ? ["A.cleanup"] : []),
  ...((acts & Act.Free) !== 0 ? ["A.free"] : [])
]
