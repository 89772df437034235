// Property tests of a machine: random runs, a law that must hold after each of them, and a counterexample as short as can be when not.
import assert from "node:assert/strict"
import { test } from "node:test"
import { OpBuffer, pure } from "backwalk"
import fc from "fast-check"
import { createDamper, type DamperEvent, damper, damperEffects } from "./flap-damper.ts"

const event: fc.Arbitrary<DamperEvent> = fc.record({
  _tag: fc.constantFrom("Flapped", "Decayed"),
  route: fc.integer({ min: 0, max: 4 })
})

test("suppress and release of a route alternate, suppress first", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const out = new OpBuffer()
      events.reduce((state, each) => damper.step(state, each, out), createDamper(4))
      for (let route = 0; route < 4; route++) {
        const tags = damperEffects
          .decode(out)
          .filter((effect) => effect.route === route)
          .map(({ _tag }) => _tag)
        assert.ok(tags.every((tag, at) => tag === (at % 2 === 0 ? "Suppress" : "Release")))
      }
    })
  )
})

test("a step on a clone does what a step in place does, and leaves the original alone", () => {
  fc.assert(
    fc.property(fc.array(event), event, (events, last) => {
      const state = events.reduce((before, each) => damper.step(before, each, new OpBuffer()), createDamper(4))
      const before = damper.digest(state)
      const [inPlace, onClone] = [new OpBuffer(), new OpBuffer()]
      const stepped = damper.step(damper.clone(state), last, onClone)
      assert.equal(damper.digest(state), before)
      assert.equal(damper.digest(damper.step(state, last, inPlace)), damper.digest(stepped))
      assert.deepEqual(damperEffects.decode(inPlace), damperEffects.decode(onClone))
    })
  )
})

test("as a textbook reducer: (state, event) → [state, effects]", () => {
  const reduce = pure(damper, damperEffects.decode)
  const flapped: DamperEvent = { _tag: "Flapped", route: 1 }
  const [once] = reduce(createDamper(2), flapped)
  const [twice] = reduce(once, flapped)
  const [, effects] = reduce(twice, flapped)
  assert.deepEqual(
    [[...once.flaps], [...twice.flaps]],
    [
      [0, 1],
      [0, 2]
    ]
  )
  assert.deepEqual(effects, [{ _tag: "Suppress", route: 1 }])
})
