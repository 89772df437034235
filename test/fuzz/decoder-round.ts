// A round of the decoder: so many messages out of one seed. A failure is that seed, so a run of ten million is rerun as one round.
import type { UpdateContext } from "../../src/wire/index.ts"
import * as wire from "../../src/wire/index.ts"
import { breaks, type Decoder } from "./decoder.ts"
import { Dice } from "./dice.ts"
import { shrinkBytes } from "./shrink.ts"
import { decoderSource } from "./source.ts"
import type { Tally } from "./tally.ts"

export const REAL_DECODER: Decoder = wire
export const DECODER_ROUND = 5000

/** Every combination of what may have been negotiated. */
export const CONTEXTS: ReadonlyArray<UpdateContext> = [false, true].flatMap((as4) =>
  [false, true].flatMap((external) =>
    [
      [false, false],
      [true, false],
      [true, true]
    ].map(([ipv4, ipv6]) => ({ as4, external, addPath: [ipv4, ipv6] as const, extended: ipv6 }))
  )
)

export interface Failure {
  readonly law: string
  readonly seed: number
  /** Shrunk: what is fed, in order. */
  readonly messages: ReadonlyArray<Uint8Array>
  /** For people: under which circumstances. */
  readonly setting: string
}

/** `watch` is told about each message before it is met, for whoever looks out for a hang. */
export const decoderRound = (
  seed: number,
  messages: number,
  tally: Tally,
  decoder: Decoder = REAL_DECODER,
  watch?: (message: Uint8Array) => void
): Failure | undefined => {
  const dice = new Dice(seed)
  const source = decoderSource(dice)
  for (let left = messages; left > 0; left--) {
    const sample = source.next()
    const { message } = sample
    // Now and then as somebody reads it who has negotiated something else.
    const context = dice.oneIn(4) ? dice.pick(CONTEXTS) : { ...sample.context, external: dice.oneIn(2) }
    watch?.(message)
    const law = breaks(decoder, message, context, tally)
    if (law === undefined) continue
    const shrunk = shrinkBytes(message, (candidate) => breaks(decoder, candidate, context) !== undefined)
    return {
      law: breaks(decoder, shrunk, context) ?? law,
      seed,
      messages: [shrunk],
      setting: JSON.stringify(context)
    }
  }
  return undefined
}
