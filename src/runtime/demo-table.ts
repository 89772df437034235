// A table for the demonstration: made up, the same every time, and shaped like the real one. More than half of the prefixes are /24s,
// most paths are three to six systems long, and prefixes that share their attributes come together, as they do from a real speaker.
import { draw, MESSAGE_BYTES_MAX, type Seed } from "../machine/index.ts"
import { type Attributes, encodeUpdate, type Nlri } from "../wire/index.ts"

export interface DemoTable {
  readonly prefixCount: number
  /** UPDATE messages, one after another. */
  readonly updates: ReadonlyArray<Uint8Array>
}

/** Shares of prefix lengths in a full table, in percent. */
const LENGTH_SHARES: ReadonlyArray<readonly [length: number, percent: number]> = [
  [24, 59],
  [23, 10],
  [22, 12],
  [21, 5],
  [20, 5],
  [19, 3],
  [18, 2],
  [17, 1],
  [16, 3]
]

class Chance {
  private seed: Seed

  constructor(seed: Seed) {
    this.seed = seed
  }

  /** A number below `bound`. */
  below(bound: number): number {
    const [seed, bits] = draw(this.seed)
    this.seed = seed
    return bits % bound
  }
}

/** `count` different prefixes, in an order that depends on the seed only. None is private, reserved or multicast. */
export const demoPrefixes = (count: number, seed: Seed): ReadonlyArray<Nlri> => {
  const chance = new Chance(seed)
  const seen = new Set<number>()
  const prefixes: Array<Nlri> = []
  while (prefixes.length < count) {
    const length = lengthOf(chance.below(100))
    const first = FIRST_OCTETS[chance.below(FIRST_OCTETS.length)]
    const word = ((first << 24) | (chance.below(1 << 16) << 8)) >>> 0
    const masked = (word & (-1 << (32 - length))) >>> 0
    const key = masked * 64 + length
    if (seen.has(key)) continue
    seen.add(key)
    prefixes.push({ family: 4, words: [masked], length })
  }
  return prefixes
}

const lengthOf = (percent: number): number => {
  let sum = 0
  for (const [length, share] of LENGTH_SHARES) {
    sum += share
    if (percent < sum) return length
  }
  return 24
}

/** 20 to 99 without what is special there; enough for a demonstration. */
const FIRST_OCTETS = Array.from({ length: 80 }, (_, index) => index + 20)

/** What a speaker of system `asn` announces: the prefixes in runs with equal attributes, through one of its next hops each. */
export const demoTable = (
  prefixes: ReadonlyArray<Nlri>,
  speaker: { readonly asn: number; readonly nextHops: ReadonlyArray<number>; readonly seed: Seed }
): DemoTable => {
  const chance = new Chance(speaker.seed)
  const updates: Array<Uint8Array> = []
  for (let from = 0; from < prefixes.length; ) {
    const to = Math.min(prefixes.length, from + 1 + chance.below(RUN_MAX))
    updates.push(encodeUpdate({ attributes: attributesOf(speaker, chance), nlri: prefixes.slice(from, to) }, PLAIN))
    from = to
  }
  return { prefixCount: prefixes.length, updates }
}

const PLAIN = { as4: true, addPath: [false, false] } as const
/** Prefixes of one message: it stays far below the limit of a message. */
const RUN_MAX: number = MESSAGE_BYTES_MAX >> 7

const attributesOf = (
  { asn, nextHops }: { readonly asn: number; readonly nextHops: ReadonlyArray<number> },
  chance: Chance
): Attributes => {
  const hops = 2 + chance.below(4)
  const others = Array.from({ length: hops }, () => 1000 + chance.below(60_000))
  return {
    origin: chance.below(10) === 0 ? 2 : 0,
    asPath: [{ type: AS_SEQUENCE, members: [asn, ...others] }],
    nextHop: { family: 4, words: [nextHops[chance.below(nextHops.length)]] },
    ...(chance.below(3) === 0 ? { med: chance.below(200) } : {}),
    communities: Array.from({ length: 1 + chance.below(4) }, () => ((asn << 16) | chance.below(1000)) >>> 0)
  }
}

const AS_SEQUENCE = 2
