// Addresses and prefixes as numbers: big-endian 32-bit words, one for IPv4 and four for IPv6, the form in which tables hold them.
// Text is strict on the way in (no leading zeros, no host bits) and canonical on the way out (RFC 5952), so that equal prefixes are
// equal text.

export interface Address {
  readonly family: 4 | 6
  /** Unsigned, big-endian. */
  readonly words: ReadonlyArray<number>
}

/** Bits beyond `length` are zero. */
export interface Prefix extends Address {
  readonly length: number
}

export const parseAddress = (text: string): Address | undefined => {
  const family = text.includes(":") ? 6 : 4
  const words = family === 4 ? parseIpv4(text) : parseIpv6(text)
  return words === undefined ? undefined : { family, words }
}

/** `undefined` also for a prefix with bits set beyond its length: the writer meant something else. */
export const parsePrefix = (text: string): Prefix | undefined => {
  const slash = text.indexOf("/")
  if (slash < 0) return undefined
  const address = parseAddress(text.slice(0, slash))
  const length = parseDecimal(text.slice(slash + 1), 128)
  if (address === undefined || length < 0 || length > (address.family === 4 ? 32 : 128)) return undefined
  const { family, words } = address
  const hostBits = words.some((word, index) => (word & ~maskOf(length - index * 32)) !== 0)
  return hostBits ? undefined : { family, words, length }
}

export const formatAddress = (address: Address): string => formatWords(address.family, address.words, 0)

export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix)}/${prefix.length}`

/** Text of the address whose words stand in a column from index `at` on. */
export const formatWords = (family: 4 | 6, words: ArrayLike<number>, at: number): string =>
  family === 4 ? formatIpv4(words[at]) : formatIpv6(words, at)

export const formatPrefixWords = (family: 4 | 6, words: ArrayLike<number>, at: number, length: number): string =>
  `${formatWords(family, words, at)}/${length}`

export const addressToBytes = (address: Address): Uint8Array => {
  const bytes = new Uint8Array(address.words.length * 4)
  address.words.forEach((word, index) => {
    putU32(bytes, index * 4, word)
  })
  return bytes
}

/** Reads the 4 or 16 bytes of an address. */
export const addressFromBytes = (family: 4 | 6, bytes: Uint8Array, at: number): Address => ({
  family,
  words: family === 4 ? [u32(bytes, at)] : [u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12)]
})

/** Mask of the upper `bits` bits of a word; any number of bits is fine. */
const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits))

export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

export const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

export const putU16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export const putU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** A decimal number without sign or leading zeros, at most `max`; -1 for anything else. */
export const parseDecimal = (text: string, max: number): number => {
  if (!/^(?:0|[1-9]\d{0,9})$/.test(text)) return -1
  const value = Number(text)
  return value <= max ? value : -1
}

const parseIpv4 = (text: string): ReadonlyArray<number> | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  let word = 0
  for (const part of parts) {
    const octet = parseDecimal(part, 255)
    if (octet < 0) return undefined
    word = ((word << 8) | octet) >>> 0
  }
  return [word]
}

const parseIpv6 = (text: string): ReadonlyArray<number> | undefined => {
  const gap = text.indexOf("::")
  if (gap < 0) {
    const groups = parseGroups(text, true)
    return groups?.length === 8 ? wordsOf(groups) : undefined
  }
  // A second `::` leaves an empty group behind, which parseGroups refuses.
  const head = gap === 0 ? [] : parseGroups(text.slice(0, gap), false)
  const tail = gap + 2 === text.length ? [] : parseGroups(text.slice(gap + 2), true)
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0)
  return wordsOf([...head, ...zeros, ...tail])
}

/** Groups of 16 bits; the last may be an IPv4 address when nothing follows it. */
const parseGroups = (text: string, last: boolean): ReadonlyArray<number> | undefined => {
  const groups: Array<number> = []
  const parts = text.split(":")
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]
    if (last && index === parts.length - 1 && part.includes(".")) {
      const embedded = parseIpv4(part)
      if (embedded === undefined) return undefined
      groups.push(embedded[0] >>> 16, embedded[0] & 0xffff)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return groups
}

const wordsOf = (groups: ReadonlyArray<number>): ReadonlyArray<number> =>
  [0, 2, 4, 6].map((index) => ((groups[index] << 16) | groups[index + 1]) >>> 0)

const formatIpv4 = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`

/** RFC 5952 §4: lower case, no leading zeros, `::` for the longest run of at least two zero groups, the first of equals. */
const formatIpv6 = (words: ArrayLike<number>, at: number): string => {
  if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff) return `::ffff:${formatIpv4(words[at + 3])}`
  let runStart = -1
  let runLength = 1
  for (let group = 0; group < 8; group++) {
    let end = group
    while (end < 8 && groupOf(words, at, end) === 0) end++
    if (end - group > runLength) {
      runStart = group
      runLength = end - group
    }
    if (end > group) group = end
  }
  let text = ""
  for (let group = 0; group < 8; group++) {
    if (group === runStart) {
      text += "::"
      group += runLength - 1
      continue
    }
    if (text !== "" && !text.endsWith(":")) text += ":"
    text += groupOf(words, at, group).toString(16)
  }
  return text
}

const groupOf = (words: ArrayLike<number>, at: number, group: number): number =>
  (group & 1) === 0 ? words[at + (group >> 1)] >>> 16 : words[at + (group >> 1)] & 0xffff
