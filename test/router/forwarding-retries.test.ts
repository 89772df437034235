// Pauses between tries: they double up to a minute, and chance shortens each by up to a quarter.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Retries } from "../../src/router/forwarding-retries.ts"
import { ForwardingTimer } from "../../src/router/forwarding-timer.ts"

/** A mirror in which something always waits for time. */
const failing = [{ retries: { soon: 1, rarely: 1 }, retry: () => true }]

/** What is armed over `times` failures. */
const pauses = (seed: number, times: number): ReadonlyArray<number> => {
  const retries = new Retries(seed)
  const armed: Array<number> = []
  for (let time = 0; time < times; time++) {
    retries.arm(failing, (kind, milliseconds) => kind === ForwardingTimer.Retry && armed.push(milliseconds))
    retries.fired(failing, ForwardingTimer.Retry)
  }
  return armed
}

describe("what failed is tried again", () => {
  it("after pauses that double from 200 ms to a minute, each shortened by at most a quarter", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        for (const [time, pause] of pauses(seed, 12).entries()) {
          const whole = Math.min(200 * 2 ** time, 60_000)
          expect(pause).toBeGreaterThanOrEqual(Math.floor(whole * 0.75))
          expect(pause).toBeLessThanOrEqual(whole)
        }
      })
    )
  })

  it("not at the same moments by daemons that began differently, and at the same by a replay", () => {
    expect(pauses(1, 8)).not.toEqual(pauses(2, 8))
    expect(pauses(1, 8)).toEqual(pauses(1, 8))
  })

  it("without arming a timer that is armed", () => {
    const retries = new Retries(1)
    const armed: Array<ForwardingTimer> = []
    for (let time = 0; time < 3; time++) retries.arm(failing, (kind) => armed.push(kind))
    expect(armed).toEqual([ForwardingTimer.Retry, ForwardingTimer.RetryRarely])
  })
})
