// Path attributes byte by byte: the small writers that every part of the export shares.
import { AttributeFlag } from "../wire/index.ts"

export const copy = (target: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number => {
  for (let index = from; index < to; index++) target[at++] = bytes[index]
  return at
}

export const writeHeader = (target: Uint8Array, at: number, flags: number, type: number, length: number): number => {
  const extended = length > 255
  target[at] = extended ? flags | AttributeFlag.ExtendedLength : flags
  target[at + 1] = type
  if (extended) {
    target[at + 2] = length >>> 8
    target[at + 3] = length
    return at + 4
  }
  target[at + 2] = length
  return at + 3
}

export const writeWord = (target: Uint8Array, at: number, flags: number, type: number, word: number): number =>
  putWord(target, writeHeader(target, at, flags, type, 4), word)

export const putWord = (target: Uint8Array, at: number, word: number): number => {
  target[at] = word >>> 24
  target[at + 1] = word >>> 16
  target[at + 2] = word >>> 8
  target[at + 3] = word
  return at + 4
}
