// Text on the wire is UTF-8 (RFC 9003, the FQDN capability), and bytes that mean nothing to us are shown as hexadecimal. Written out,
// because pure rooms have no platform to ask.

export const toHex = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16)
  return text
}

/** At most `bytesMax` bytes; longer text is cut between characters. */
export const encodeUtf8 = (text: string, bytesMax: number): Uint8Array => {
  const bytes: Array<number> = []
  for (const character of text) {
    const size = bytes.length
    pushCodePoint(bytes, character.codePointAt(0)!)
    if (bytes.length > bytesMax) {
      bytes.length = size
      break
    }
  }
  return Uint8Array.from(bytes)
}

const pushCodePoint = (bytes: Array<number>, given: number): void => {
  // Half of a surrogate pair is no character.
  const code = given >= 0xd800 && given <= 0xdfff ? 0xfffd : given
  if (code < 0x80) bytes.push(code)
  else if (code < 0x800) bytes.push(0xc0 | (code >> 6), continuation(code))
  else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), continuation(code >> 6), continuation(code))
  else bytes.push(0xf0 | (code >> 18), continuation(code >> 12), continuation(code >> 6), continuation(code))
}

const continuation = (bits: number): number => 0x80 | (bits & 0x3f)

/** `undefined` for bytes that are not UTF-8: overlong forms, surrogates and cut characters included. */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  let text = ""
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at++]
    const more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || at + more > bytes.length) return undefined
    let code = more === 0 ? lead : lead & (0x3f >> more)
    for (let index = 0; index < more; index++) {
      const next = bytes[at++]
      if ((next & 0xc0) !== 0x80) return undefined
      code = (code << 6) | (next & 0x3f)
    }
    if (code < SMALLEST[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
    text += String.fromCodePoint(code)
  }
  return text
}

/** By number of continuation bytes: what would have fitted into fewer is malformed (RFC 3629 §3). */
const SMALLEST = [0, 0x80, 0x800, 0x10000]
