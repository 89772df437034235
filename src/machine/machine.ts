// What a state machine is in this program. A machine owns its state and may update it in place, provided that it reads nothing but
// its arguments, and that stepping a clone leaves the original's digest alone and gives the same digest and effects as stepping
// in place (ADR-0005). One property test runs that law over every machine.
import { OpBuffer } from "./ops.ts"

/** A deterministic state machine that owns its state. It reads no clock, no socket, no random source. */
export interface Machine<State, Event> {
  readonly name: string
  /** Applies one event: returns the next state (perhaps the same object, updated) and appends effects to `out`. Total. */
  readonly step: (state: State, event: Event, out: OpBuffer) => State
  readonly clone: (state: State) => State
  /** 32 bits that agree whenever two states mean the same. */
  readonly digest: (state: State) => number
}

/** A reducer in the textbook sense: it touches none of its arguments. */
export type Reducer<State, Event, Effect> = (state: State, event: Event) => readonly [State, ReadonlyArray<Effect>]

/** Any machine as a textbook reducer: what the caller holds is left alone. */
export const pure =
  <State, Event, Effect>(
    machine: Machine<State, Event>,
    decode: (out: OpBuffer) => ReadonlyArray<Effect>
  ): Reducer<State, Event, Effect> =>
  (state, event) => {
    const out = new OpBuffer(16)
    const next = machine.step(machine.clone(state), event, out)
    return [next, decode(out)]
  }

/** A textbook reducer as a machine, for machines whose events are rare. Its states are immutable, so `clone` is the identity. */
export const fromReducer = <State, Event, Effect>(options: {
  readonly name: string
  readonly reduce: Reducer<State, Event, Effect>
  readonly encode: (effect: Effect, out: OpBuffer) => void
  readonly digest: (state: State) => number
}): Machine<State, Event> => ({
  name: options.name,
  step: (state, event, out) => {
    const [next, effects] = options.reduce(state, event)
    for (const effect of effects) options.encode(effect, out)
    return next
  },
  clone: (state) => state,
  digest: options.digest
})
