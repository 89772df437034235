// Chance for the fuzzer: small, fast, and decided by one number, so that a failure is its seed (mulberry32).

export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** 32 random bits. */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** 0 to `bound - 1`. */
  below(bound: number): number {
    return bound <= 1 ? 0 : this.bits() % bound
  }

  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)]!
  }
}
