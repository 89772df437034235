// The log's own small alphabet of bytes: unsigned numbers, most significant byte first, and text as UTF-8. Text comes from outside and
// may hold half a surrogate pair; such a half is written as three bytes like any other code point, so that nothing is altered by being
// recorded.

export const putU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export const getU32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

/** A count of at most 2^53 in eight bytes. */
export const putU64 = (bytes: Uint8Array, at: number, value: number): void => {
  putU32(bytes, at, Math.floor(value / TWO_32))
  putU32(bytes, at + 4, value % TWO_32)
}

/** Above 2^53 - 1 the result is not a safe integer: the caller judges. */
export const getU64 = (bytes: Uint8Array, at: number): number => getU32(bytes, at) * TWO_32 + getU32(bytes, at + 4)

/** Bytes that `putText` writes. */
export const textBytes = (text: string): number => {
  let total = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    // A pair is two units and four bytes, any other unit from 0x800 on is three bytes.
    if (unit < 0x800) total += 1
    else if (isPairAt(text, at)) {
      total += 2
      at++
    } else total += 2
  }
  return total
}

/** Writes the text and returns where it ends. */
export const putText = (bytes: Uint8Array, from: number, text: string): number => {
  let at = from
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) bytes[at++] = unit
    else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6)
      bytes[at++] = 0x80 | (unit & 0x3f)
    } else if (isPairAt(text, index)) {
      const point = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(++index) - 0xdc00)
      bytes[at++] = 0xf0 | (point >> 18)
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f)
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f)
      bytes[at++] = 0x80 | (point & 0x3f)
    } else {
      bytes[at++] = 0xe0 | (unit >> 12)
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f)
      bytes[at++] = 0x80 | (unit & 0x3f)
    }
  }
  return at
}

/** The text that `putText` wrote; `undefined` for bytes that it cannot have written. */
export const getText = (bytes: Uint8Array, from: number, to: number): string | undefined => {
  let text = ""
  let units: Array<number> = []
  for (let at = from; at < to; ) {
    const first = bytes[at]
    const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
    if (length === 0 || at + length > to) return undefined
    let point = length === 1 ? first : first & (0x7f >> length)
    for (let next = at + 1; next < at + length; next++) {
      if ((bytes[next] & 0xc0) !== 0x80) return undefined
      point = (point << 6) | (bytes[next] & 0x3f)
    }
    if (point < SMALLEST[length] || point > 0x10ffff) return undefined
    if (point < 0x10000) units.push(point)
    else units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff))
    at += length
    // `fromCharCode` takes its arguments on the stack, so long texts go in pieces.
    if (units.length >= 4096) {
      text += String.fromCharCode(...units)
      units = []
    }
  }
  return text + String.fromCharCode(...units)
}

const isPairAt = (text: string, at: number): boolean => {
  const high = text.charCodeAt(at)
  const low = at + 1 < text.length ? text.charCodeAt(at + 1) : 0
  return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000
}

const TWO_32 = 0x1_0000_0000
/** The smallest code point that takes so many bytes: a longer form of a smaller one is not text. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000]
