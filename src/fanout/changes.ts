// What a hub changed, as bytes that a log can hold: pairs of a key and its value, each behind its length. The router reads them again, so that
// a follower's run replays from what its hubs said.

import type { FollowChange } from "./follow-state.ts"
import { decodeText, textBytes, writeText } from "./text.ts"

/** Changes as pieces of at most about `PIECE_BYTES`; a longer value has a piece of its own. */
export const encodeChanges = (changes: ReadonlyArray<FollowChange>): ReadonlyArray<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for (let from = 0; from < changes.length; ) {
    let to = from
    let sizeBytes = 0
    while (to < changes.length && (to === from || sizeBytes + sizeOf(changes[to]) <= PIECE_BYTES)) {
      sizeBytes += sizeOf(changes[to++])
    }
    pieces.push(encodePiece(changes, from, to, sizeBytes))
    from = to
  }
  return pieces
}

/** False: the bytes end in the middle of a change. */
export const readChanges = (bytes: Uint8Array, visit: (key: string, value: Uint8Array | null) => void): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  while (at < bytes.length) {
    if (bytes.length - at < HEAD_BYTES) return false
    const keyLength = view.getUint32(at, true)
    const valueLength = view.getUint32(at + 4, true)
    const key = at + HEAD_BYTES
    const value = key + keyLength
    const end = valueLength === GONE ? value : value + valueLength
    if (end > bytes.length) return false
    visit(decodeText(bytes, key, value), valueLength === GONE ? null : bytes.subarray(value, end))
    at = end
  }
  return true
}

const encodePiece = (changes: ReadonlyArray<FollowChange>, from: number, to: number, sizeBytes: number): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (let index = from; index < to; index++) {
    const { key, value } = changes[index]
    view.setUint32(at, textBytes(key), true)
    view.setUint32(at + 4, value === null ? GONE : value.length, true)
    writeText(bytes, at + HEAD_BYTES, key)
    at += HEAD_BYTES + textBytes(key)
    if (value === null) continue
    bytes.set(value, at)
    at += value.length
  }
  return bytes
}

const sizeOf = ({ key, value }: FollowChange): number => HEAD_BYTES + textBytes(key) + (value?.length ?? 0)

const HEAD_BYTES = 8
const GONE = 0xffff_ffff
const PIECE_BYTES = 64 * 1024
