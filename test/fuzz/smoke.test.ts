// A small run of the fuzzer with a fixed seed, and its canaries: a decoder and a router with a planted bug each, which the same laws must
// find. A fuzzer that finds nothing in them finds nothing anywhere.
import { describe, expect, it } from "vitest"
import { router, routerEffects } from "../../src/router/index.ts"
import { isNlriSpan, Verdict } from "../../src/wire/index.ts"
import type { Decoder } from "./decoder.ts"
import { DECODER_ROUND, decoderRound, type Failure, REAL_DECODER } from "./decoder-round.ts"
import { LIVE_ROUND, liveRound } from "./live-round.ts"
import type { Step } from "./live-world.ts"
import { Tally } from "./tally.ts"

const SEED = 7606

const firstFailure = (rounds: number, round: (seed: number) => Failure | undefined): Failure | undefined => {
  for (let index = 0; index < rounds; index++) {
    const failure = round(SEED + index)
    if (failure !== undefined) return failure
  }
  return undefined
}

describe("200,000 messages", () => {
  it("are decoded or refused under every law", () => {
    const tally = new Tally()
    expect(firstFailure(38, (seed) => decoderRound(seed, DECODER_ROUND, tally))).toBeUndefined()
    // Every verdict that the decoder gives, and every kind of message, was met.
    for (const met of ["keep", "discard", "treat as withdraw", "reset"]) {
      expect(tally.counts.get(`UPDATE ${met}`) ?? 0).toBeGreaterThan(1000)
    }
    for (const met of ["OPEN", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH", "incomplete"]) {
      expect(tally.counts.get(met) ?? 0).toBeGreaterThan(1000)
    }
    expect(tally.findings.size).toBeGreaterThan(100)
  })

  it("pass through live sessions that keep every law", () => {
    const tally = new Tally()
    expect(firstFailure(17, (seed) => liveRound(seed, LIVE_ROUND, tally))).toBeUndefined()
    for (const met of ["Established: UPDATE keep", "Established: UPDATE reset", "Established: header 1/2"]) {
      expect(tally.counts.get(met) ?? 0).toBeGreaterThan(100)
    }
    for (const met of ["OpenSent: OPEN", "OpenSent: OPEN 2/0", "OpenConfirm: type 2"]) {
      expect(tally.counts.get(met) ?? 0).toBeGreaterThan(0)
    }
  })
})

const withDecoder = (planted: Partial<Decoder>): Failure | undefined => {
  const decoder = { ...REAL_DECODER, ...planted }
  return firstFailure(20, (seed) => decoderRound(seed, DECODER_ROUND, new Tally(), decoder))
}

describe("a canary in the decoder is caught", () => {
  it("when it throws on an attribute of a length that nobody sends", () => {
    const failure = withDecoder({
      scanUpdate: (view, bytes, at, length, context) => {
        const verdict = REAL_DECODER.scanUpdate(view, bytes, at, length, context)
        if (view.has(8) && view.valueLength[8] === 0) throw new Error("planted")
        return verdict
      }
    })
    expect(failure?.law).toMatch(/planted/)
    // Header, two lengths, and the attribute: nothing else is left of the message.
    expect(failure!.messages[0]!.length).toBeLessThanOrEqual(23 + 4)
  })

  it("when it takes a prefix of 33 bits", () => {
    const failure = withDecoder({
      scanUpdate: (view, bytes, at, length, context) => {
        const verdict = REAL_DECODER.scanUpdate(view, bytes, at, length, context)
        const end = at + 21 + ((bytes[at + 19] << 8) | bytes[at + 20])
        const isWithdrawn = view.notes[0]?.reason.includes("in withdrawn routes") === true
        if (!isWithdrawn || context.addPath[0] || !isNlriSpan(bytes, at + 21, end, false, 33)) return verdict
        Object.assign(view, { verdict: Verdict.Keep, fault: undefined, withdrawnAt: at + 21, withdrawnEnd: end })
        view.notes.length = 0
        return Verdict.Keep
      }
    })
    expect(failure?.law).toMatch(/prefixes that cannot be read without checks/)
  })

  it("when it reads one byte too many", () => {
    const failure = withDecoder({
      decodeOpen: (bytes, at, length) => REAL_DECODER.decodeOpen(bytes, at, length + (bytes[at + length] === 0 ? 1 : 0))
    })
    expect(failure?.law).toMatch(/decodeOpen reads what is not the message's/)
  })
})

const withStep = (step: Step): Failure | undefined =>
  firstFailure(20, (seed) => liveRound(seed, LIVE_ROUND, new Tally(), step))

describe("a canary in the router is caught", () => {
  it("when it keeps a lease for itself", () => {
    const failure = withStep((state, batch, out) => {
      router.step(state, batch, out)
      if (state.counters.updatesTreatedAsWithdraw === 1) state.pool.acquire("planted")
      return state
    })
    expect(failure?.law).toMatch(/not returned, held by planted/)
  })

  it("when it does not close after its NOTIFICATION", () => {
    const failure = withStep((state, batch, out) => {
      router.step(state, batch, out)
      const { words } = out
      for (let index = 0; index < out.length; index++) {
        if (out.code(index) === routerEffects.code.Close) words[index * 4] = routerEffects.code.Notice
      }
      return state
    })
    expect(failure?.law).toMatch(
      /a NOTIFICATION is sent and the connection stays|is never let in|does not end the session/
    )
  })

  it("when it forgets what a withdrawal says", () => {
    const failure = withStep((state, batch, out) => {
      const forget = state.isConfigured ? state.rib.adjIn.forgetSpan : undefined
      if (forget !== undefined) state.rib.adjIn.forgetSpan = () => {}
      router.step(state, batch, out)
      if (forget !== undefined) state.rib.adjIn.forgetSpan = forget
      return state
    })
    expect(failure?.law).toMatch(/adj-in holds \d+ paths of \d+/)
  })

  it("when it forgets that a refresh began", () => {
    const failure = withStep((state, batch, out) => {
      if (state.isConfigured) state.rib.refreshBegan = () => {}
      return router.step(state, batch, out)
    })
    expect(failure?.law).toMatch(/adj-in holds \d+ paths of \d+/)
  })
})
