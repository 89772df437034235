// An independent reading of IPv4 NLRI for tests: slow, plain, and not shared with the program.

export const readPrefixes = (bytes: Uint8Array, from: number, to: number): Array<string> => {
  const prefixes: Array<string> = []
  for (let at = from; at < to; ) {
    const length = bytes[at]
    const octets = [0, 1, 2, 3].map((octet) => (octet * 8 < length ? bytes[at + 1 + octet] : 0))
    prefixes.push(`${octets.join(".")}/${length}`)
    at += 1 + Math.ceil(length / 8)
  }
  return prefixes
}
