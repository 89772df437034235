// The entry machine, every cell: total, equal in its two forms, the preset `source` like the original where rows of it stand here, and
// the corrected preset different only where it is meant to be.
import { describe, expect, it } from "vitest"
import {
  Act,
  actsOf,
  ENTRY_EVENT_NAMES,
  ENTRY_STATE_NAMES,
  EntryEvent,
  EntryState,
  FlagChange,
  flagsOf,
  GUARDS,
  Guard,
  isUnderWay,
  isUsable,
  lookUp,
  newEntry,
  type Policy,
  reduceEntry,
  stateOf,
  transition
} from "../../src/ksync/index.ts"
import { checkKsyncTransition } from "../vectors/ksync-transitions.ts"

interface Cell {
  readonly state: EntryState
  readonly event: EntryEvent
  readonly guards: number
}

const cells: ReadonlyArray<Cell> = Object.values(EntryState).flatMap((state) =>
  Object.values(EntryEvent).flatMap((event) =>
    Array.from({ length: GUARDS }, (_, guards) => ({ state, event, guards }))
  )
)

const name = ({ state, event, guards }: Cell): string =>
  `${ENTRY_STATE_NAMES[state]} + ${ENTRY_EVENT_NAMES[event]} (${guards})`

const failing = (holds: (cell: Cell) => boolean): ReadonlyArray<string> =>
  cells.filter((cell) => !holds(cell)).map(name)

const corrected = ({ state, event, guards }: Cell) => {
  const packed = lookUp("corrected", state, event, guards)
  return { state: stateOf(packed), acts: actsOf(packed), flags: flagsOf(packed) }
}

describe("the entry machine", () => {
  it("is the same as specification and as table, in both presets", () => {
    const policies: ReadonlyArray<Policy> = ["source", "corrected"]
    for (const policy of policies) {
      const differs = failing(({ state, event, guards }) => {
        const packed = lookUp(policy, state, event, guards)
        const next = transition(policy, state, event, guards)
        return stateOf(packed) === next.state && actsOf(packed) === next.acts && flagsOf(packed) === next.flags
      })
      expect(differs).toEqual([])
    }
  })

  it("stays where it is and counts a violation when an event makes no sense", () => {
    expect(
      failing((cell) => {
        const next = corrected(cell)
        return (next.acts & Act.Violation) === 0 || (next.acts === Act.Violation && next.state === cell.state)
      })
    ).toEqual([])
  })

  it("sends nothing while an operation is under way, except what its answer asks for", () => {
    const answers: ReadonlyArray<EntryEvent> = [
      EntryEvent.AddAck,
      EntryEvent.ChangeAck,
      EntryEvent.DeleteAck,
      EntryEvent.AddFailed,
      EntryEvent.ChangeFailed,
      EntryEvent.DeleteFailed
    ]
    const sends = Act.SendAdd | Act.SendChange | Act.SendDelete
    expect(
      failing((cell) => !isUnderWay(cell.state) || answers.includes(cell.event) || (corrected(cell).acts & sends) === 0)
    ).toEqual([])
  })

  it("never sends a create or a change before its dependency is usable", () => {
    expect(
      failing(
        (cell) =>
          (cell.guards & Guard.Unresolved) === 0 || (corrected(cell).acts & (Act.SendAdd | Act.SendChange)) === 0
      )
    ).toEqual([])
  })

  it("never frees an object while an operation is under way", () => {
    expect(
      failing((cell) => {
        const next = corrected(cell)
        const asksDelete = (next.acts & Act.SendDelete) !== 0 && (cell.guards & Guard.Synchronous) === 0
        return (next.acts & Act.Free) === 0 || !asksDelete
      })
    ).toEqual([])
  })

  it("wakes whoever waits on every way into a usable state, unlike the source (W3)", () => {
    expect(
      failing((cell) => {
        const next = corrected(cell)
        return isUsable(cell.state) || !isUsable(next.state) || (next.acts & Act.Wake) !== 0
      })
    ).toEqual([])
    const forgotten = lookUp("source", EntryState.NeedSync, EntryEvent.AddAck, Guard.Seen | Guard.Synchronous)
    expect(actsOf(forgotten) & Act.Wake).toBe(0)
  })

  it("tells whoever relied on an object when it stops being usable by a failure or a loss (W2)", () => {
    expect(
      failing((cell) => {
        const next = corrected(cell)
        const fails = cell.event >= EntryEvent.AddFailed && isUsable(cell.state) && !isUsable(next.state)
        return !fails || (next.acts & (Act.Invalidate | Act.Violation)) !== 0
      })
    ).toEqual([])
  })

  it("does not count an error as an acknowledgement (W1)", () => {
    const refused = corrected({ state: EntryState.SyncWait, event: EntryEvent.AddFailed, guards: Guard.Seen })
    expect(refused.state).toBe(EntryState.AddDefer)
    expect(refused.flags & FlagChange.ClearSeen).not.toBe(0)
  })

  it("sends one delete for a delete-then-add that is asked for while a delete is under way (W6)", () => {
    const guards = Guard.Seen | Guard.DeleteAddPending
    for (const state of [EntryState.DeleteAckWait, EntryState.RenewWait] as const) {
      expect(actsOf(lookUp("source", state, EntryEvent.DeleteAck, guards)) & Act.SendDelete).not.toBe(0)
      const next = corrected({ state, event: EntryEvent.DeleteAck, guards })
      expect(next.acts & (Act.SendDelete | Act.SendAdd)).toBe(Act.SendAdd)
    }
  })

  it("forgets that an object was sent once its delete is acknowledged (W6)", () => {
    const guards = Guard.Seen | Guard.Referenced
    const next = corrected({ state: EntryState.DeleteAckWait, event: EntryEvent.DeleteAck, guards })
    expect(next.state).toBe(EntryState.Temp)
    expect(next.flags & FlagChange.ClearSeen).not.toBe(0)
  })

  it("forgets that an object was sent when it is deleted at once and cannot be added again yet (W6)", () => {
    const guards = Guard.Seen | Guard.Unresolved | Guard.Synchronous
    const next = corrected({ state: EntryState.InSync, event: EntryEvent.DeleteAddRequest, guards })
    expect([next.state, next.acts & Act.SendDelete]).toEqual([EntryState.AddDefer, Act.SendDelete])
    expect(next.flags & FlagChange.ClearSeen).not.toBe(0)
  })

  it("forgets that an object was sent when that was refused, whatever was asked for meanwhile (W1)", () => {
    const guards = Guard.Seen | Guard.Unresolved
    const next = corrected({ state: EntryState.NeedSync, event: EntryEvent.AddFailed, guards })
    expect(next.state).toBe(EntryState.AddDefer)
    expect(next.flags & FlagChange.ClearSeen).not.toBe(0)
  })

  it("differs from the source in nothing else: wake-ups, second deletes, and what is forgotten after a delete", () => {
    const isSecondDelete = ({ state, event, guards }: Cell): boolean =>
      event === EntryEvent.DeleteAck &&
      state >= EntryState.DeleteDeferDeleteAck &&
      (guards & Guard.DeleteAddPending) !== 0
    const withoutMeant = (cell: Cell, policy: Policy): string => {
      const packed = lookUp(policy, cell.state, cell.event, cell.guards)
      const [state, acts, flags] = [stateOf(packed), actsOf(packed), flagsOf(packed)]
      const isWoken = isUsable(state) && state !== cell.state
      const isDeleted =
        cell.event === EntryEvent.DeleteAck ||
        ((acts & Act.SendDelete) !== 0 && (cell.guards & Guard.Synchronous) !== 0)
      // Nothing is pending: clearing that is no difference.
      const idle = (cell.guards & Guard.DeleteAddPending) === 0 ? FlagChange.ClearPending : 0
      const forgets = isDeleted ? FlagChange.ClearSeen : 0
      return [state, isWoken ? acts & ~Act.Wake : acts, flags & ~(idle | forgets)].join()
    }
    expect(
      failing(
        (cell) =>
          cell.event >= EntryEvent.AddFailed ||
          isSecondDelete(cell) ||
          withoutMeant(cell, "source") === withoutMeant(cell, "corrected")
      )
    ).toEqual([])
  })

  it("goes through a life as a reducer", () => {
    const quiet = { unresolved: false, referenced: false, synchronous: false, uncompressed: false }
    const [added, effects] = reduceEntry("corrected", newEntry, { ...quiet, event: EntryEvent.AddChangeRequest })
    expect(effects).toEqual([{ _tag: "SendAdd" }, { _tag: "Wake" }])
    const [inSync] = reduceEntry("corrected", added, { ...quiet, event: EntryEvent.AddAck })
    expect(inSync).toEqual({ state: EntryState.InSync, seen: true, deleteAddPending: false })
  })

  it("under the preset source does what the original was seen to do", () => {
    const base = { depUnresolved: false, allowDeleteStateComp: true, delAddPending: false, refs: "none" } as const
    const rows = [
      { ...base, state: "INIT", event: "ADD_CHANGE_REQ", seen: false, ackMode: "async", next: "SYNC_WAIT" },
      { ...base, state: "DEL_ACK_WAIT", event: "DEL_ACK", seen: true, ackMode: "async", next: "FREED" }
    ].map((row, index) => ({
      ...row,
      actions: index === 0 ? ["A.deps", "A.add"] : ["A.cleanup", "A.free"],
      seenAfter: true,
      delAddPendingAfter: false
    }))
    expect(rows.flatMap((row) => checkKsyncTransition(row).problems)).toEqual([])
    expect(checkKsyncTransition({ ...rows[0], next: "IN_SYNC" }).problems).not.toEqual([])
  })

  it("under the preset source acts on other entries in the original's order, with its references and waits", () => {
    const row = {
      allowDeleteStateComp: true,
      delAddPending: false,
      refs: "waiter",
      ackMode: "async",
      seen: false
    } as const
    const moved = {
      ...row,
      state: "ADD_DEFER",
      event: "ADD_CHANGE_REQ",
      depUnresolved: false,
      next: "SYNC_WAIT"
    } as const
    const after = { refBefore: 3, refAfter: 1, seenAfter: true, delAddPendingAfter: false, waitingOn: null }
    const actions = ["D.cleanup", "D.free", "A.deps", "A.add", "W.add"]
    const played = (other: object): ReadonlyArray<string> =>
      checkKsyncTransition({ ...moved, ...after, actions, waiter: "SYNC_WAIT", ...other }).problems
    expect(played({})).toEqual([])
    expect(played({ refAfter: 2 })).toEqual(["references after: 2 there, 1 here"])
    expect(played({ waitingOn: "N" })).toEqual(["what it waits for: N there, null here"])
    expect(played({ waiter: "ADD_DEFER" })).toEqual(["its waiter: ADD_DEFER there, SYNC_WAIT here"])
    expect(played({ actions: ["A.deps", "A.add", "D.cleanup", "D.free", "W.add"] })).toHaveLength(2)
  })
})
