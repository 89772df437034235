// The laws of purity.ts over every machine of the registry; and over machines that break them, so that the laws cannot sleep.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromReducer, type Machine, type Reducer } from "../../src/machine/index.ts"
import { deepFreeze, type Registered, register, registerReducer } from "./purity.ts"
import { registry } from "./registry.ts"
import { createTally, type Tally, type TallyEvent, tally, tallyRegistration } from "./tally.ts"

for (const { name, laws } of registry) {
  describe(`the machine ${name}`, () => {
    for (const { title, check } of laws) it(title, check)
  })
}

describe("the laws catch", () => {
  const broken = (change: Partial<Machine<Tally, TallyEvent>>): Registered =>
    register({ ...tallyRegistration, machine: { ...tally, ...change } })
  const breaks = ({ laws }: Registered): ReadonlyArray<string> =>
    laws.filter(({ check }) => throws(check)).map(({ title }) => title.split(/[ :]/)[0]!)

  it("nothing in a machine that keeps them", () => {
    expect(breaks(register(tallyRegistration))).toEqual([])
  })

  it("a clone that shares what the step updates", () => {
    expect(breaks(broken({ clone: (state) => state }))).toEqual(["leaves", "does"])
  })

  it("a clone that forgets", () => {
    expect(breaks(broken({ clone: () => createTally(4) }))).toContain("has")
  })

  it("a step that reads something besides its arguments", () => {
    let steps = 0
    const step: typeof tally.step = (state, event, out) => {
      out.put(9, steps++)
      return tally.step(state, event, out)
    }
    expect(breaks(broken({ step }))).toEqual(["does"])
  })

  it("a step that throws at an event", () => {
    const step: typeof tally.step = (state, event, out) => {
      if (event.index < 0) throw new Error("no such counter")
      return tally.step(state, event, out)
    }
    expect(breaks(broken({ step }))).toContain("is")
  })

  it("a digest that depends on how often it was asked for", () => {
    let asked = 0
    expect(breaks(broken({ digest: (state) => state.digest + asked++ }))).toContain("has")
  })

  it("a step that clears the effects of earlier events", () => {
    const step: typeof tally.step = (state, event, out) => {
      out.clear()
      return tally.step(state, event, out)
    }
    expect(breaks(broken({ step }))).toEqual(["only"])
  })

  it("a reducer that changes its argument, or remembers", () => {
    const check = (reduce: Reducer<{ list: ReadonlyArray<number> }, number, number>) =>
      registerReducer({ name: "list", reduce, initial: fc.constant({ list: [] }), event: fc.integer() }).laws[0]!.check
    let calls = 0
    expect(throws(check((state, event) => [{ list: [...state.list, event] }, [event]]))).toBe(false)
    expect(throws(check((state, event) => [Object.assign(state, { list: [event] }), []]))).toBe(true)
    expect(throws(check((state) => [state, [calls++]]))).toBe(true)
  })
})

describe("a machine made of a reducer", () => {
  it("keeps the laws, because its states are immutable", () => {
    const machine = fromReducer<number, number, number>({
      name: "sum",
      reduce: (sum, event) => [sum + event, event > 5 ? [event] : []],
      encode: (effect, out) => out.put(1, effect),
      digest: (sum) => sum >>> 0
    })
    const { laws } = register({ machine, initial: fc.nat(100).map((sum) => () => sum), event: fc.nat(10) })
    expect(laws.filter(({ check }) => throws(check))).toEqual([])
  })

  it("freezes all the way down what it tests with", () => {
    const data = deepFreeze({ a: [{ b: 1 }] })
    expect(() => Object.assign(data.a[0]!, { b: 2 })).toThrow(TypeError)
  })
})

const throws = (check: () => void): boolean => {
  try {
    check()
    return false
  } catch {
    return true
  }
}
