// Reads gob's numbers out of the messages of a stream. Nothing throws: the first fault, or the first message that has not come yet, stops
// the cursor; from then on every read gives zero, there is nothing left to read, and so every loop ends. Whoever reads asks once, at the
// end. What was received lies in one piece, so offsets stay good when a value goes on in the next message.
import { type GobFault, GobReason } from "./fault.ts"
import type { GobLimits } from "./limits.ts"

export class Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  /** The next byte to read, and the end of the message it is in. */
  at = 0
  limit = 0
  /** The end of what was received. */
  end = 0
  /** Where `bytes[0]` stands in the stream. */
  origin = 0
  fault: GobFault | undefined = undefined
  /** The value goes on in a message that is not here yet; how many bytes from `bytes[0]` it takes, as far as is known. */
  isStarved = false
  wanted = 0
  isStopped = false
  /** The last number that a JavaScript number cannot hold. */
  wide = 0n
  depth = 0
  /** What is left of the cap on values. */
  valuesLeft = 0
  readonly limits: GobLimits
  readonly #scratch = new DataView(new ArrayBuffer(8))

  constructor(limits: GobLimits) {
    this.limits = limits
  }

  /** Stops at a fault. The first one counts: what comes after it follows from it. */
  fail(reason: GobReason, detail: string): void {
    if (this.isStopped) return
    this.fault = { _tag: "GobFault", reason, detail, offset: this.origin + this.at }
    this.stop()
  }

  /** How much of this message is left. */
  left(): number {
    return this.limit - this.at
  }

  /** Goes on to the next message. False: it is not here yet, or is none. */
  nextMessage(): boolean {
    if (this.isStopped) return false
    const head = this.limit
    const size = this.#lengthSize(head)
    if (size === 0) return false
    const length = size === 1 ? this.bytes[head] : this.#bigEndian(head + 1, size - 1)
    if (length === 0) this.fail(GobReason.BadLength, "a message without content")
    if (length > this.limits.messageBytes) {
      this.fail(GobReason.BadLength, `a message of ${length} bytes; at most ${this.limits.messageBytes} are taken`)
    }
    if (this.isStopped) return false
    if (head + size + length > this.end) return this.#starve(head + size + length)
    this.at = head + size
    this.limit = head + size + length
    return true
  }

  /** Unsigned; infinite where no JavaScript number is exact, and then `wide` is the number. */
  uint(): number {
    if (this.at < this.limit) {
      const first = this.bytes[this.at]
      if (first < 0x80) {
        this.at++
        return first
      }
      return this.#longUint(256 - first)
    }
    this.fail(GobReason.Corrupt, "a message that ends where a number should be")
    return 0
  }

  /** Unsigned, exact. */
  exactUint(): number | bigint {
    const value = this.uint()
    return value === Number.POSITIVE_INFINITY ? this.wide : value
  }

  /** Signed, exact: the lowest bit says whether the others are complemented. */
  exactInt(): number | bigint {
    const value = this.uint()
    if (value !== Number.POSITIVE_INFINITY) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    const exact = (this.wide & 1n) === 0n ? this.wide >> 1n : ~(this.wide >> 1n)
    return exact >= MIN_SAFE && exact <= MAX_SAFE ? Number(exact) : exact
  }

  /** A type's number: signed, 32 bits. */
  typeId(): number {
    const id = this.exactInt()
    if (typeof id === "number" && id >= -0x7fff_ffff && id <= 0x7fff_ffff) return id
    this.fail(GobReason.BadType, `the type ${id}`)
    return 0
  }

  /** Floats travel with their bytes reversed, so that short ones are short; written big end first, that is little end first again. */
  float(): number {
    if (this.at >= this.limit) this.fail(GobReason.Corrupt, "a message that ends where a number should be")
    const first = this.bytes[this.at]
    const size = first < 0x80 ? 1 : 256 - first
    const from = first < 0x80 ? this.at : this.at + 1
    if (size > 8 || from + size > this.limit) this.fail(GobReason.Corrupt, `a number of ${size} bytes`)
    if (this.isStopped) return 0
    this.#scratch.setFloat64(0, 0)
    for (let index = 0; index < size; index++) this.#scratch.setUint8(8 - size + index, this.bytes[from + index])
    this.at = from + size
    return this.#scratch.getFloat64(0, true)
  }

  /** The end of the bytes that a count announces; where the cursor is when they are not all in this message. */
  span(what: string): number {
    const count = this.uint()
    if (this.isStopped) return this.at
    if (count > this.limit - this.at) {
      this.fail(GobReason.BadLength, `${what} of ${count} bytes where ${this.limit - this.at} are left`)
      return this.at
    }
    return this.at + count
  }

  /** Notes that so many more values exist. */
  spend(count: number): void {
    this.valuesLeft -= count
    if (this.valuesLeft < 0) this.fail(GobReason.TooMuch, `more than ${this.limits.valueCount} values in one`)
  }

  enter(): void {
    if (++this.depth > this.limits.nesting)
      this.fail(GobReason.TooMuch, `values nested deeper than ${this.limits.nesting}`)
  }

  leave(): void {
    this.depth--
  }

  /** For a list's next element: a list must not be longer than its message. */
  hasElement(what: string): boolean {
    if (this.at < this.limit) return true
    this.fail(GobReason.BadLength, `${what} that is longer than its message`)
    return false
  }

  stop(): void {
    this.isStopped = true
    this.at = this.limit
  }

  #starve(wanted: number): false {
    this.isStarved = true
    this.wanted = wanted
    this.stop()
    return false
  }

  /** How many bytes the length at `head` takes; 0 when they are not all here. */
  #lengthSize(head: number): number {
    if (head >= this.end) {
      this.#starve(head + 1)
      return 0
    }
    const first = this.bytes[head]
    const size = first < 0x80 ? 1 : 1 + 256 - first
    if (size > 9) this.fail(GobReason.BadLength, `a message whose length has ${size - 1} bytes`)
    else if (head + size > this.end) this.#starve(head + size)
    return this.isStopped ? 0 : size
  }

  #longUint(size: number): number {
    const from = this.at + 1
    if (size > 8) this.fail(GobReason.Corrupt, `a number of ${size} bytes`)
    else if (from + size > this.limit)
      this.fail(GobReason.Corrupt, `a number of ${size} bytes where ${this.limit - from} are left`)
    if (this.isStopped) return 0
    this.at = from + size
    const value = this.#bigEndian(from, size)
    if (value <= Number.MAX_SAFE_INTEGER) return value
    this.wide = 0n
    for (let at = from; at < from + size; at++) this.wide = (this.wide << 8n) | BigInt(this.bytes[at])
    return Number.POSITIVE_INFINITY
  }

  #bigEndian(from: number, size: number): number {
    let value = 0
    for (let at = from; at < from + size; at++) value = value * 256 + this.bytes[at]
    return value
  }
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER)
