// An UPDATE taken apart without judging it, so that a mutation can change one part and leave the lengths around it right. Whatever does
// not fit stays as bytes where it was.

export interface AttributePart {
  readonly flags: number
  readonly type: number
  readonly value: Uint8Array
}

export interface UpdateParts {
  readonly withdrawn: Uint8Array
  readonly attributes: Array<AttributePart>
  /** What follows the last attribute that could be read. */
  readonly rest: Uint8Array
  readonly nlri: Uint8Array
}

export const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

/** `undefined` for what is no UPDATE or too broken to be taken apart. */
export const takeApart = (message: Uint8Array): UpdateParts | undefined => {
  if (message.length < 23 || message[18] !== 2) return undefined
  const withdrawnEnd = 21 + u16(message, 19)
  if (withdrawnEnd + 2 > message.length) return undefined
  const attributesEnd = withdrawnEnd + 2 + u16(message, withdrawnEnd)
  if (attributesEnd > message.length) return undefined
  const attributes: Array<AttributePart> = []
  let at = withdrawnEnd + 2
  while (at + 3 <= attributesEnd) {
    const extended = (message[at] & 0x10) !== 0
    const value = at + (extended ? 4 : 3)
    const end = value + (extended ? u16(message, at + 2) : message[at + 2])
    if (end > attributesEnd) break
    attributes.push({ flags: message[at], type: message[at + 1], value: message.subarray(value, end) })
    at = end
  }
  return {
    withdrawn: message.subarray(21, withdrawnEnd),
    attributes,
    rest: message.subarray(at, attributesEnd),
    nlri: message.subarray(attributesEnd)
  }
}

export const putTogether = ({ withdrawn, attributes, rest, nlri }: UpdateParts): Uint8Array => {
  const size = attributes.reduce((sum, { flags, value }) => sum + headBytes(flags, value) + value.length, rest.length)
  const message = new Uint8Array(Math.min(23 + withdrawn.length + size + nlri.length, 0xffff))
  const put = (at: number, bytes: Uint8Array): number => {
    if (at < message.length) message.set(bytes.subarray(0, message.length - at), at)
    return at + bytes.length
  }
  message.fill(0xff, 0, 16)
  put(16, Uint8Array.of(message.length >> 8, message.length & 0xff, 2, withdrawn.length >> 8, withdrawn.length & 0xff))
  let at = put(put(21, withdrawn), Uint8Array.of(size >> 8, size & 0xff))
  for (const { flags, type, value } of attributes) {
    const long = headBytes(flags, value) === 4
    const head = long ? [flags | 0x10, type, value.length >> 8, value.length & 0xff] : [flags, type, value.length]
    at = put(put(at, Uint8Array.from(head)), value)
  }
  put(put(at, rest), nlri)
  return message
}

const headBytes = (flags: number, value: Uint8Array): number => ((flags & 0x10) !== 0 || value.length > 255 ? 4 : 3)
