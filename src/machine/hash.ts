// 32-bit hashes for digests and tables. Digests of collections are sums of the hashes of their elements, so that they are kept as
// the state changes and do not depend on order (ADR-0004). None of these is meant to resist an adversary.

const PRIME_A = 0x85ebca6b
const PRIME_B = 0xc2b2ae35

/** Spreads every bit of a word over the whole word. A bijection: different words never collide. */
export const mix = (word: number): number => mixSigned(word) >>> 0

/** As `mix`, with the sign bit for what it is: half of all unsigned words are more than V8 keeps without allocating a number for them. */
export const mixSigned = (word: number): number => {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), PRIME_A)
  h = Math.imul(h ^ (h >>> 13), PRIME_B)
  return h ^ (h >>> 16)
}

/** The hash `seed` continued by one more word; the order of words matters. Either may be signed or not. */
export const fold = (seed: number, word: number): number => foldSigned(seed, word) >>> 0

/** As `fold`; see `mixSigned`. */
export const foldSigned = (seed: number, word: number): number => {
  let h = (Math.imul(seed ^ 0x9e3779b9, 0x01000193) + word) | 0
  h = Math.imul(h ^ (h >>> 16), PRIME_A)
  h = Math.imul(h ^ (h >>> 13), PRIME_B)
  return h ^ (h >>> 16)
}

/** Hash of the bytes `from` (inclusive) to `to` (exclusive), a word at a time. */
export const hashBytes = (bytes: Uint8Array, from: number, to: number): number => {
  let h = 0x811c9dc5 ^ (to - from)
  let at = from
  for (; at + 4 <= to; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    h = Math.imul(h ^ word, PRIME_A)
    h ^= h >>> 15
  }
  for (; at < to; at++) {
    h = Math.imul(h ^ bytes[at], PRIME_B)
    h ^= h >>> 13
  }
  return mix(h)
}

/** Hash of a text by its UTF-16 units. */
export const hashText = (text: string): number => {
  let h = 0x811c9dc5 ^ text.length
  for (let at = 0; at < text.length; at++) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193)
  return mix(h)
}

/** Hash of plain JSON data; the order of an object's keys does not matter, `undefined` members count as absent. */
export const hashJson = (value: unknown): number => {
  if (value === null || value === undefined) return mix(1)
  if (typeof value === "number") return hashText(`n${value}`)
  if (typeof value === "string") return hashText(`s${value}`)
  if (typeof value === "boolean") return mix(value ? 3 : 2)
  if (typeof value === "bigint") return hashText(`b${value}`)
  if (Array.isArray(value)) return value.reduce((seed: number, item) => fold(seed, hashJson(item)), mix(4))
  if (value instanceof Uint8Array) return hashBytes(value, 0, value.length)
  let sum = mix(5)
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) sum = (sum + fold(hashText(key), hashJson(item))) >>> 0
  }
  return sum
}
