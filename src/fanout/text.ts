// Go's strings are bytes; ours are UTF-16. Bytes that are not UTF-8 become lone surrogates U+DC80 to U+DCFF and turn back into the same
// bytes, so that every string survives the way in and out (as in Python's PEP 383). Valid UTF-8 never yields a surrogate by itself, so
// the two cannot be confused. Any other lone surrogate is written as U+FFFD.

/** The text of `bytes` from `at` to `end`. */
export const decodeText = (bytes: Uint8Array, at: number, end: number): string => {
  let ascii = at
  while (ascii < end && bytes[ascii] < 0x80) ascii++
  if (ascii === end) return asciiText(bytes, at, end)
  return asciiText(bytes, at, ascii) + mixedText(bytes, ascii, end)
}

/** How many bytes `text` takes. */
export const textBytes = (text: string): number => {
  let count = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    if (isEscape(unit)) continue
    if (unit < 0x800) count += 1
    else {
      count += 2
      // A pair is two units and four bytes.
      if (isPairAt(text, at)) at++
    }
  }
  return count
}

/** Writes `text` at `at`, where there is room; gives the end. */
export const writeText = (bytes: Uint8Array, start: number, text: string): number => {
  let at = start
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) bytes[at++] = unit
    else if (isEscape(unit) && !isPairAt(text, index)) bytes[at++] = unit - ESCAPE
    else if (isPairAt(text, index)) at = writeCode(bytes, at, text.codePointAt(index++)!)
    else at = writeCode(bytes, at, unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit)
  }
  return at
}

/** Added to a byte that is part of no character: 0x80 to 0xff become U+DC80 to U+DCFF. */
const ESCAPE = 0xdc00

const CHUNK = 4096

const asciiText = (bytes: Uint8Array, at: number, end: number): string => {
  if (end - at <= CHUNK) return String.fromCharCode.apply(null, bytes.subarray(at, end) as unknown as Array<number>)
  let text = ""
  for (let from = at; from < end; from += CHUNK) {
    const part = bytes.subarray(from, Math.min(from + CHUNK, end))
    text += String.fromCharCode.apply(null, part as unknown as Array<number>)
  }
  return text
}

const mixedText = (bytes: Uint8Array, start: number, end: number): string => {
  let text = ""
  let units: Array<number> = []
  for (let at = start; at < end; ) {
    const lead = bytes[at]
    const size = characterSize(bytes, at, end, lead)
    if (size === 0) {
      units.push(ESCAPE + lead)
      at++
    } else {
      pushUnits(units, codeAt(bytes, at, size))
      at += size
    }
    if (units.length >= CHUNK) {
      text += String.fromCharCode.apply(null, units)
      units = []
    }
  }
  return text + String.fromCharCode.apply(null, units)
}

/** Bytes of the well-formed character at `at`; 0 when there is none (RFC 3629 §4). */
const characterSize = (bytes: Uint8Array, at: number, end: number, lead: number): number => {
  if (lead < 0x80) return 1
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4 || at + size > end) return 0
  for (let index = 1; index < size; index++) if ((bytes[at + index] & 0xc0) !== 0x80) return 0
  const second = bytes[at + 1]
  const isForbidden =
    (lead === 0xe0 && second < 0xa0) ||
    (lead === 0xed && second > 0x9f) ||
    (lead === 0xf0 && second < 0x90) ||
    (lead === 0xf4 && second > 0x8f)
  return isForbidden ? 0 : size
}

const codeAt = (bytes: Uint8Array, at: number, size: number): number => {
  let code = size === 1 ? bytes[at] : bytes[at] & (0x7f >> size)
  for (let index = 1; index < size; index++) code = (code << 6) | (bytes[at + index] & 0x3f)
  return code
}

const pushUnits = (units: Array<number>, code: number): void => {
  if (code < 0x10000) units.push(code)
  else units.push(0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff))
}

const isEscape = (unit: number): boolean => unit >= 0xdc80 && unit <= 0xdcff

const isPairAt = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  if (unit < 0xd800 || unit > 0xdbff) return false
  const next = text.charCodeAt(at + 1)
  return next >= 0xdc00 && next <= 0xdfff
}

const writeCode = (bytes: Uint8Array, start: number, code: number): number => {
  let at = start
  if (code < 0x800) bytes[at++] = 0xc0 | (code >> 6)
  else {
    if (code < 0x10000) bytes[at++] = 0xe0 | (code >> 12)
    else {
      bytes[at++] = 0xf0 | (code >> 18)
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f)
    }
    bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
  }
  bytes[at++] = 0x80 | (code & 0x3f)
  return at
}
