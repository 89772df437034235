// The laws that every machine keeps (ADR-0005), as checks that throw when they are broken. They are properties over runs: a fresh
// state, a list of events, and at each event the same step taken on a clone and in place.
import fc from "fast-check"
import { type Machine, OpBuffer, type Reducer } from "../../src/machine/index.ts"

export interface Registration<State, Event> {
  readonly machine: Machine<State, Event>
  /** Makes a fresh state each time it is called: a machine may update what it is given. */
  readonly initial: fc.Arbitrary<() => State>
  readonly event: fc.Arbitrary<Event>
  /** How many runs, and how long at most; machines whose step is costly take fewer. */
  readonly runs?: number
  readonly events?: number
}

export interface Law {
  readonly title: string
  readonly check: () => void
}

export interface Registered {
  readonly name: string
  readonly laws: ReadonlyArray<Law>
}

export const register = <State, Event>(registration: Registration<State, Event>): Registered => {
  const { machine, initial, event } = registration
  const law = (title: string, holds: (state: State, events: ReadonlyArray<Event>) => void): Law => ({
    title,
    check: () =>
      fc.assert(
        fc.property(initial, fc.array(event, { maxLength: registration.events ?? 30 }), (fresh, events) =>
          holds(fresh(), events)
        ),
        { numRuns: registration.runs ?? 100 }
      )
  })
  return {
    name: machine.name,
    laws: [
      law("is total: whatever the event, it answers with a state and effects", (state, events) => {
        const out = new OpBuffer()
        events.reduce((before, each) => machine.step(before, each, out), state)
      }),
      law("leaves the original alone when a clone is stepped", (state, events) => {
        let original = state
        for (const each of events) {
          const before = machine.digest(original)
          const stepped = machine.step(machine.clone(original), each, new OpBuffer())
          same(machine.digest(original), before, "the digest of the original")
          original = stepped
        }
      }),
      law("does to a clone what it does in place: same digest, same effects", (state, events) => {
        let inPlace = state
        for (const each of events) {
          const ofClone = new OpBuffer()
          const ofInPlace = new OpBuffer()
          const clone = machine.step(machine.clone(inPlace), each, ofClone)
          inPlace = machine.step(inPlace, each, ofInPlace)
          same(machine.digest(clone), machine.digest(inPlace), "the digest")
          same(wordsOf(ofClone), wordsOf(ofInPlace), "the effects")
        }
      }),
      law("has a digest that only its state decides", (state, events) => {
        const out = new OpBuffer()
        let now = state
        for (const each of events) {
          now = machine.step(now, each, out)
          const digest = machine.digest(now)
          same(machine.digest(now), digest, "the digest taken twice")
          same(machine.digest(machine.clone(now)), digest, "the digest of a clone")
          same(digest, digest >>> 0, "the digest as 32 bits")
        }
      }),
      law("only appends to the effects that it is given", (state, events) => {
        const out = new OpBuffer()
        out.put(255, 1, 2, 3)
        let before = wordsOf(out)
        let now = state
        for (const each of events) {
          now = machine.step(now, each, out)
          const after = wordsOf(out)
          same(after.slice(0, before.length), before, "the effects of earlier events")
          before = after
        }
      })
    ]
  }
}

/** The law of a textbook reducer: its arguments are deeply frozen, and the same arguments give the same answer. */
export const registerReducer = <State, Event, Effect>(options: {
  readonly name: string
  readonly reduce: Reducer<State, Event, Effect>
  readonly initial: fc.Arbitrary<State>
  readonly event: fc.Arbitrary<Event>
}): Registered => ({
  name: `${options.name} (reducer)`,
  laws: [
    {
      title: "touches none of its arguments, and answers the same twice",
      check: () =>
        fc.assert(
          fc.property(options.initial, fc.array(options.event, { maxLength: 30 }), (initial, events) => {
            let state = deepFreeze(initial)
            for (const each of events) {
              const event = deepFreeze(each)
              const [next, effects] = options.reduce(state, event)
              same(JSON.stringify(options.reduce(state, event)), JSON.stringify([next, effects]), "the answer")
              state = deepFreeze(next)
            }
          })
        )
    }
  ]
})

/** Freezes data all the way down. Typed arrays cannot be frozen: a reducer's states hold none, or hold them as bytes from outside. */
export const deepFreeze = <Data>(data: Data): Data => {
  if (typeof data !== "object" || data === null || ArrayBuffer.isView(data) || Object.isFrozen(data)) return data
  for (const member of Object.values(data)) deepFreeze(member)
  return Object.freeze(data)
}

const wordsOf = (out: OpBuffer): ReadonlyArray<number> => Array.from(out.words.subarray(0, out.length * 4))

const same = (actual: unknown, expected: unknown, what: string): void => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${what} differs: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`)
  }
}
