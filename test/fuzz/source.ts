// Where the fuzzer's messages come from: structures of the arbitraries in src/testing/wire.ts, drawn afresh for every round, and real
// captures; most of them are then changed. In a live session prefixes come from a small pool, so that messages meet what earlier ones made.
import fc from "fast-check"
import {
  arbitraryMessageBytes,
  arbitraryPrefix,
  arbitraryUpdate,
  arbitraryUpdateBytes
} from "../../src/testing/wire.ts"
import {
  encodeRouteRefresh,
  encodeUpdate,
  type Nlri,
  type Prefix,
  RefreshSubtype,
  type Update,
  type UpdateContext
} from "../../src/wire/index.ts"
import { readCorpus } from "./corpus.ts"
import type { Dice } from "./dice.ts"
import { mutate } from "./mutate.ts"

const STRUCTURES_PER_ROUND = 96

/** A message, and the context in which it is well-formed where it matters. */
export interface Sample {
  readonly message: Uint8Array
  readonly context: UpdateContext
}

const PLAIN: UpdateContext = { as4: true, addPath: [false, false], external: true, extended: false }

let captured: ReadonlyArray<Sample> | undefined

const captures = (): ReadonlyArray<Sample> =>
  (captured ??= readCorpus().flatMap(({ messages }) => messages.map((message) => ({ message, context: PLAIN }))))

export class Source {
  private readonly structures: ReadonlyArray<Sample>
  private readonly dice: Dice

  constructor(dice: Dice, structures: ReadonlyArray<Sample>) {
    this.dice = dice
    this.structures = structures
  }

  /** Any message, most of them damaged. */
  next(): Sample {
    const { dice } = this
    const { message, context } = this.whole()
    if (dice.oneIn(5)) return { message, context }
    if (dice.oneIn(200)) return { message: noise(dice), context }
    return { message: mutate(message, dice, () => this.whole().message), context }
  }

  /** As somebody meant it. */
  whole(): Sample {
    const real = captures()
    return real.length > 0 && this.dice.oneIn(3) ? this.dice.pick(real) : this.dice.pick(this.structures)
  }
}

const noise = (dice: Dice): Uint8Array => {
  const bytes = new Uint8Array(dice.below(80))
  for (let at = 0; at < bytes.length; at++) bytes[at] = dice.below(256)
  return bytes
}

/** For the decoder: every type of message, UPDATEs of any context. */
export const decoderSource = (dice: Dice): Source => {
  const parameters = { seed: dice.bits() | 0, numRuns: STRUCTURES_PER_ROUND }
  const updates = fc.sample(arbitraryUpdateBytes, parameters).map(([context, message]) => ({ message, context }))
  const others = fc.sample(arbitraryMessageBytes, parameters).map((message) => ({ message, context: PLAIN }))
  return new Source(dice, [...updates, ...others])
}

/** For a live session: mostly UPDATEs of what was negotiated, over few prefixes. */
export const sessionSource = (dice: Dice, context: UpdateContext, marks: boolean): Source => {
  const parameters = { seed: dice.bits() | 0, numRuns: 48 }
  const updates = fc
    .sample(arbitraryUpdate(context), parameters)
    .map((update) => encodeUpdate(overPool(update, dice), context))
  const others = fc.sample(arbitraryMessageBytes, { ...parameters, numRuns: 10 })
  return new Source(
    dice,
    [...updates, ...others, ...(marks ? MARKS : [])].map((message) => ({ message, context }))
  )
}

/** A mark of a refresh, or a request for one (RFC 7313). */
export const refreshMessage = (family: 0 | 1, subtype: number): Uint8Array =>
  encodeRouteRefresh({ afi: family + 1, safi: 1, subtype })

const MARKS: ReadonlyArray<Uint8Array> = ([0, 1] as const).flatMap((family) =>
  Object.values(RefreshSubtype).map((subtype) => refreshMessage(family, subtype))
)

const POOL_SIZE = 40
/** The prefixes that live sessions speak about. */
export const PREFIX_POOL: readonly [ReadonlyArray<Prefix>, ReadonlyArray<Prefix>] = [
  fc.sample(arbitraryPrefix(4), { seed: 4, numRuns: POOL_SIZE }),
  fc.sample(arbitraryPrefix(6), { seed: 6, numRuns: POOL_SIZE })
]

const overPool = (update: Update, dice: Dice): Update => {
  const from =
    (family: 0 | 1) =>
    (nlri: Nlri): Nlri => {
      const prefix = dice.pick(PREFIX_POOL[family])
      return nlri.pathId === undefined ? prefix : { ...prefix, pathId: nlri.pathId & 3 }
    }
  const { mpReach, mpUnreach, ...attributes } = update.attributes ?? {}
  return {
    withdrawn: (update.withdrawn ?? []).map(from(0)),
    attributes: {
      ...attributes,
      ...(mpReach && { mpReach: { ...mpReach, nlri: mpReach.nlri.map(from(1)) } }),
      ...(mpUnreach && { mpUnreach: { ...mpUnreach, nlri: mpUnreach.nlri.map(from(1)) } })
    },
    nlri: (update.nlri ?? []).map(from(0))
  }
}
