// `pure` makes any machine a textbook reducer, `fromReducer` the other way; chance and assertions are values and beliefs.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AssertionError, assert, draw, fromReducer, jitter, OpBuffer, pure } from "../../src/machine/index.ts"
import { createTally, type TallyEvent, tally, tallyEffects } from "../laws/tally.ts"

const counted = (index: number): TallyEvent => ({ _tag: "Counted", index })

describe("pure", () => {
  it("answers with the next state and readable effects, and leaves the state that it was given alone", () => {
    const reduce = pure(tally, tallyEffects.decode)
    const start = createTally(2)
    const [once] = reduce(start, counted(1))
    const [, effects] = [1, 1, 1].reduce(([state], index) => reduce(state, counted(index)), reduce(start, counted(1)))
    expect([...start.counts, ...once.counts]).toEqual([0, 0, 0, 1])
    expect(effects).toEqual([{ _tag: "Announce", index: 1, count: 4 }])
    expect(reduce(start, counted(7))[1]).toEqual([{ _tag: "Ignored", index: 7 }])
  })

  it("gives back the machine that fromReducer made of a reducer", () => {
    const machine = fromReducer({
      name: "again",
      reduce: pure(tally, tallyEffects.decode),
      encode: tallyEffects.encode,
      digest: tally.digest
    })
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 2 })), (indexes) => {
        const [a, b] = [new OpBuffer(), new OpBuffer()]
        const direct = indexes.reduce((state, index) => tally.step(state, counted(index), a), createTally(2))
        const around = indexes.reduce((state, index) => machine.step(state, counted(index), b), createTally(2))
        expect(machine.digest(around)).toBe(tally.digest(direct))
        expect(tallyEffects.decode(b)).toEqual(tallyEffects.decode(a))
      })
    )
  })
})

describe("chance", () => {
  it("is decided by the seed alone", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, other) => {
        const first = draw(seed)
        draw(other)
        expect(draw(seed)).toEqual(first)
      })
    )
  })

  it("does not come back to a seed within a long run", () => {
    let seed = 0
    const seen = new Set<number>()
    for (let at = 0; at < 10_000; at++) {
      seen.add(seed)
      seed = draw(seed)[0]
    }
    expect(seen.size).toBe(10_000)
  })

  it("jitters a timer to three quarters of it or more, and never to more than it [RFC 4271 §10]", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 86_400_000 }), (seed, duration) => {
        const [, jittered] = jitter(seed, duration)
        expect(jittered).toBeGreaterThanOrEqual(Math.floor(duration * 0.75))
        expect(jittered).toBeLessThanOrEqual(duration)
      })
    )
  })
})

describe("assert", () => {
  it("names what was believed", () => {
    expect(() => assert(false, "a lease is released once")).toThrow(new AssertionError("a lease is released once"))
    expect(() => assert(true, "nothing")).not.toThrow()
  })
})
