// The specification evaluated once for every input, and the step that runs on it: one lookup and one store per event (ADR-0003).
import { Act, ENTRY_EVENT_NAMES, ENTRY_STATE_NAMES, type EntryEvent, type EntryState, FlagChange } from "./states.ts"
import { type Policy, transition } from "./transition.ts"

/** state in 4 bits, then acts in 12, then flag changes in 4. */
export type Packed = number

const STATE_BITS = 4
const ACT_BITS = 12
const GUARD_BITS = 6
export const GUARDS: number = 1 << GUARD_BITS
const STATES = ENTRY_STATE_NAMES.length
const EVENTS = ENTRY_EVENT_NAMES.length

export const stateOf = (packed: Packed): EntryState => (packed & 0xf) as EntryState
export const actsOf = (packed: Packed): number => (packed >>> STATE_BITS) & ((1 << ACT_BITS) - 1)
export const flagsOf = (packed: Packed): number => packed >>> (STATE_BITS + ACT_BITS)

const cell = (state: number, event: number, guards: number): number => (state * EVENTS + event) * GUARDS + guards

const compile = (policy: Policy): Uint32Array => {
  const table = new Uint32Array(STATES * EVENTS * GUARDS)
  for (let state = 0; state < STATES; state++) {
    for (let event = 0; event < EVENTS; event++) {
      for (let guards = 0; guards < GUARDS; guards++) {
        const next = transition(policy, state as EntryState, event as EntryEvent, guards)
        table[cell(state, event, guards)] =
          next.state | (next.acts << STATE_BITS) | (next.flags << (STATE_BITS + ACT_BITS))
      }
    }
  }
  return table
}

const TABLES: Readonly<Record<Policy, Uint32Array>> = { source: compile("source"), corrected: compile("corrected") }

/** What the specification says, from the table. */
export const lookUp = (policy: Policy, state: number, event: number, guards: number): Packed =>
  TABLES[policy][cell(state, event, guards)]

const CORRECTED = TABLES.corrected

/** The same for the preset that runs. */
export const step = (state: number, event: number, guards: number): Packed =>
  CORRECTED[(state * EVENTS + event) * GUARDS + guards]

/** A guard word after a transition's flag changes. `seen` and `pending` are the guard bits of the two flags. */
export const applyFlags = (guards: number, flags: number, seen: number, pending: number): number => {
  let result = guards
  if ((flags & FlagChange.SetSeen) !== 0) result |= seen
  if ((flags & FlagChange.ClearSeen) !== 0) result &= ~seen
  if ((flags & FlagChange.SetPending) !== 0) result |= pending
  if ((flags & FlagChange.ClearPending) !== 0) result &= ~pending
  return result
}

/** Names of the acts in a word, in the order in which they are performed. */
export const actNames = (acts: number): ReadonlyArray<string> =>
  Object.entries(Act)
    .filter(([, bit]) => (acts & bit) !== 0)
    .map(([name]) => name)
