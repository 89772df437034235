// Short byte strings that are kept, cut from chunks that they share: an array with memory of its own costs a microsecond and a hundred bytes
// more, and a hub has one for each route. A chunk lives as long as any of its strings; it is small, so that what changes at random keeps few
// dead neighbours alive (in the long run, where everything changes, about three times what lives).
import { writeText } from "./text.ts"

const CHUNK_BYTES = 8192
/** Longer ones have memory of their own. */
const SHARED_BYTES_MAX = 2048

let chunk = new Uint8Array(CHUNK_BYTES)
let used = 0

const room = (sizeBytes: number): void => {
  if (used + sizeBytes <= CHUNK_BYTES) return
  chunk = new Uint8Array(CHUNK_BYTES)
  used = 0
}

/** A copy of `bytes` from `at` to `end`; not to be changed. */
export const keepBytes = (bytes: Uint8Array, at: number, end: number): Uint8Array => {
  const size = end - at
  if (size > SHARED_BYTES_MAX) return bytes.slice(at, end)
  room(size)
  const start = used
  chunk.set(bytes.subarray(at, end), start)
  used += size
  return chunk.subarray(start, used)
}

/** A text of ours as bytes; not to be changed. */
export const bytesOf = (text: string): Uint8Array => {
  const most = 3 * text.length
  if (most > SHARED_BYTES_MAX) {
    const own = new Uint8Array(most)
    return own.slice(0, writeText(own, 0, text))
  }
  room(most)
  const start = used
  used = writeText(chunk, start, text)
  return chunk.subarray(start, used)
}
