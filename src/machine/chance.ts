// Chance is a value: a 32-bit seed that a machine carries in its state. The daemon draws the first seed from the system and records
// it in the log's header, so a replay meets the same luck (ADR-0006).
import { mix } from "./hash.ts"

export type Seed = number

/** The next 32 random bits and the seed to carry on with. */
export const draw = (seed: Seed): readonly [seed: Seed, bits: number] => {
  const next = (seed + 0x9e3779b9) >>> 0
  return [next, mix(next)]
}

/** A duration scaled by 0.75 to 1.0, as RFC 4271 §10 asks for the timers that it jitters. */
export const jitter = (seed: Seed, durationMs: number): readonly [seed: Seed, durationMs: number] => {
  const [next, bits] = draw(seed)
  return [next, Math.floor(durationMs * (0.75 + (bits / 0x1_0000_0000) * 0.25))]
}
