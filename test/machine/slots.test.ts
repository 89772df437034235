// Handles carry a generation, so that a late completion is recognised (ADR-0009).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AssertionError, generationOf, type Handle, indexOf, Slots } from "../../src/machine/index.ts"

describe("slots", () => {
  it("never hold a handle that was released, whatever was acquired since", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat()), { maxLength: 200 }), (steps) => {
        const slots = new Slots()
        const held: Array<Handle> = []
        const gone: Array<Handle> = []
        for (const step of steps) {
          if (step === null || held.length === 0) held.push(slots.acquire())
          else {
            const [handle] = held.splice(step % held.length, 1)
            slots.release(handle!)
            gone.push(handle!)
          }
          expect(new Set(held).size).toBe(held.length)
          expect(held.every((handle) => slots.holds(handle))).toBe(true)
          expect(gone.some((handle) => slots.holds(handle))).toBe(false)
          expect(slots.size).toBe(held.length)
        }
      })
    )
  })

  it("use the slot that was freed last, under the next generation", () => {
    const slots = new Slots()
    const first = slots.acquire()
    const second = slots.acquire()
    slots.release(first)
    slots.release(second)
    const third = slots.acquire()
    expect([indexOf(third), generationOf(third)]).toEqual([1, 1])
    expect([indexOf(first), generationOf(first)]).toEqual([0, 0])
  })

  it("keep a handle a 32-bit word through the wrap of its generation", () => {
    const slots = new Slots()
    let handle = slots.acquire()
    for (let use = 0; use < 0x1000; use++) {
      expect(handle).toBe(handle >>> 0)
      slots.release(handle)
      handle = slots.acquire()
    }
    expect([indexOf(handle), generationOf(handle)]).toEqual([0, 0])
  })

  it("assert that what is released is held", () => {
    const slots = new Slots()
    const handle = slots.acquire()
    slots.release(handle)
    expect(() => slots.release(handle)).toThrow(AssertionError)
  })

  it("are copied by clone, not shared", () => {
    const slots = new Slots()
    const handle = slots.acquire()
    const copy = slots.clone()
    slots.release(handle)
    expect([slots.holds(handle), copy.holds(handle)]).toEqual([false, true])
    expect(copy.acquire()).not.toBe(handle)
  })
})
