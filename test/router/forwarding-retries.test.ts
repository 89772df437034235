// Pauses between tries: each thing's double with its failures in a row up to a minute, and chance shortens each by up to a quarter.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BACK_OFF_LEVELS, RARELY } from "../../src/ksync/index.ts"
import { Retries } from "../../src/router/forwarding-retries.ts"
import { ForwardingTimer } from "../../src/router/forwarding-timer.ts"
import { World } from "./forwarding-world.ts"

/** A mirror in which something waits on every level. */
const failing = [{ isWaiting: () => true, retry: () => undefined }]

/** The pause of each level. */
const pauses = (seed: number): ReadonlyArray<number> => {
  const armed: Array<number> = []
  new Retries(seed).arm(failing, (kind, milliseconds) => {
    armed[kind - ForwardingTimer.BackOff] = milliseconds
  })
  return armed
}

describe("what failed is tried again", () => {
  it("after pauses that double from 200 ms to a minute, each shortened by at most a quarter", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(pauses(seed)).toHaveLength(BACK_OFF_LEVELS)
        for (const [level, pause] of pauses(seed).entries()) {
          const whole = Math.min(200 * 2 ** level, 60_000)
          expect(pause).toBeGreaterThanOrEqual(Math.floor(whole * 0.75))
          expect(pause).toBeLessThanOrEqual(whole)
        }
      })
    )
  })

  it("not at the same moments by daemons that began differently, and at the same by a replay", () => {
    expect(pauses(1)).not.toEqual(pauses(2))
    expect(pauses(1)).toEqual(pauses(1))
  })

  it("without arming a timer that is armed", () => {
    const retries = new Retries(1)
    const armed: Array<number> = []
    for (let time = 0; time < 3; time++) retries.arm(failing, (kind) => armed.push(kind))
    expect(armed).toHaveLength(BACK_OFF_LEVELS)
  })
})

describe("the pause of a thing", () => {
  const begin = (): World => new World().start().link(2, "east").address(2, "10.0.1.1/24").settle()

  /** The levels that timers were asked for since the last time. */
  const levels = (here: World): ReadonlyArray<number> => {
    const kinds = [...here.wantedTimers].filter((kind) => kind >= ForwardingTimer.BackOff)
    here.wantedTimers.clear()
    return kinds.map((kind) => kind - ForwardingTimer.BackOff)
  }

  const fail = (here: World, errno: number, count: number): World =>
    here.world({ _tag: "FaultsArmed", errno, count }).settle()

  it("grows with its own failures in a row, and is the shortest again after a success", () => {
    const here = begin().announce("20.0.0.0/16", "10.0.1.2").settle()
    levels(here)
    const after: Array<ReadonlyArray<number>> = []
    for (let time = 0; time < 3; time++) {
      here.world({ _tag: "FaultsArmed", errno: 16, count: 1 })
      if (time === 0) here.announce("30.0.0.0/16", "10.0.1.2")
      else here.forwarding.timer(ForwardingTimer.BackOff + time - 1, here.out)
      here.settle()
      after.push(levels(here))
    }
    here.forwarding.timer(ForwardingTimer.BackOff + 2, here.out)
    expect(Object.keys(here.settle().routes())).toEqual(["20.0.0.0/16", "30.0.0.0/16"])
    here.withdraw("30.0.0.0/16").settle().announce("30.0.0.0/16", "10.0.1.2")
    fail(here, 16, 1)
    expect([...after, levels(here)]).toEqual([[0], [1], [2], [0]])
  })

  it("does not grow with the failures of others", () => {
    const here = begin().announce("20.0.0.0/16", "10.0.1.2").settle()
    for (let time = 0; time < 5; time++) {
      here.announce(`30.${time}.0.0/16`, "10.0.1.2")
      fail(here, 16, 1).pass(2)
    }
    levels(here)
    here.announce("40.0.0.0/16", "10.0.1.2")
    fail(here, 16, 1)
    expect(levels(here)).toEqual([0])
  })

  it.each([
    ["a link comes up", (here: World) => here.link(3, "west")],
    ["an address comes", (here: World) => here.address(2, "10.0.9.1/24")]
  ])("ends early for a nexthop that was refused for want of a way when %s", (_what, comes) => {
    const here = begin()
    here.world({ _tag: "FaultsArmed", errno: 101, count: 1 }).announce("20.0.0.0/16", "10.0.1.2").settle()
    expect(here.routes()).toEqual({})
    expect(comes(here).settle().routes()).toEqual({ "20.0.0.0/16": "10.0.1.2@east*1" })
  })

  it("is the longest at once where the error lasts", () => {
    const here = begin().announce("20.0.0.0/16", "10.0.1.2").settle()
    levels(here)
    here.announce("30.0.0.0/16", "10.0.1.2")
    fail(here, 22, 1)
    expect(levels(here)).toEqual([RARELY])
  })
})
