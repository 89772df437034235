// Bytes being written: gob's numbers, in a buffer that grows. What is written is ours, so nothing here can fail.
import { textBytes, writeText } from "./text.ts"

export class GobWriter {
  bytes: Uint8Array
  length = 0
  readonly #scratch = new DataView(new ArrayBuffer(8))

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity)
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.length + count, 2 * this.bytes.length))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  uint(value: number | bigint): void {
    if (typeof value === "bigint" && value > MAX_SAFE) {
      this.#scratch.setBigUint64(0, value)
      this.#minimal()
      return
    }
    const number = Number(value)
    if (number < 0x80) this.byte(number)
    else this.#longUint(number)
  }

  int(value: number | bigint): void {
    if (typeof value === "number" && value <= HALF_SAFE && value >= -HALF_SAFE) {
      this.uint(value < 0 ? -value * 2 - 1 : value * 2)
      return
    }
    const wide = BigInt(value)
    this.uint(wide < 0n ? (~wide << 1n) | 1n : wide << 1n)
  }

  float(value: number): void {
    // Go's own not-a-number has its lowest bit set.
    if (Number.isNaN(value)) this.#scratch.setBigUint64(0, 0x0100_0000_0000_f87fn)
    else this.#scratch.setFloat64(0, value, true)
    this.#minimal()
  }

  text(value: string): void {
    if (value.length < 0x80 && this.#shortText(value)) return
    const size = textBytes(value)
    this.uint(size)
    this.reserve(size)
    this.length = writeText(this.bytes, this.length, value)
  }

  /** A count and the bytes. */
  span(value: Uint8Array): void {
    this.uint(value.length)
    this.append(value, 0, value.length)
  }

  append(source: Uint8Array, at: number, end: number): void {
    this.reserve(end - at)
    this.bytes.set(at === 0 && end === source.length ? source : source.subarray(at, end), this.length)
    this.length += end - at
  }

  /** Most keys and revisions are short and ASCII, and are read once. False: this one is not, and nothing was written. */
  #shortText(value: string): boolean {
    this.reserve(1 + value.length)
    const from = this.length + 1
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index)
      if (unit >= 0x80) return false
      this.bytes[from + index] = unit
    }
    this.bytes[from - 1] = value.length
    this.length = from + value.length
    return true
  }

  #longUint(value: number): void {
    let size = 1
    for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) size++
    this.reserve(size + 1)
    this.bytes[this.length] = 256 - size
    let rest = value
    for (let at = this.length + size; at > this.length; at--) {
      this.bytes[at] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.length += size + 1
  }

  /** The eight bytes without zeros in front, as an unsigned number is written. */
  #minimal(): void {
    let from = 0
    while (from < 7 && this.#scratch.getUint8(from) === 0) from++
    const first = this.#scratch.getUint8(from)
    if (from < 7 || first >= 0x80) this.byte(256 - (8 - from))
    for (; from < 8; from++) this.byte(this.#scratch.getUint8(from))
  }
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const HALF_SAFE = 2 ** 52 - 1
