// What tests of forwarding do with single messages and members: a batch that the kernel reads only in part, shares in lowest terms.
import { decodeRoute, HEADER_BYTES, messagesOf, NetlinkType } from "../../src/netlink/index.ts"
import { parsePrefix } from "../../src/wire/index.ts"

/** The part of a batch before the request for the malformed prefix, if there is one. */
export const cutBefore = (bytes: Uint8Array, malformed: string | undefined): Uint8Array => {
  if (malformed === undefined) return bytes
  const { words, length } = parsePrefix(malformed)!
  const bad = messagesOf(bytes).find(({ type, at, end }) => {
    if (type !== NetlinkType.NewRoute) return false
    const route = decodeRoute(bytes, at, end)
    return route.words[0] === words[0] && route.length === length
  })
  return bad === undefined ? bytes : bytes.subarray(0, bad.at - HEADER_BYTES)
}

/** Members with their weights divided by what all of them can be divided by. */
export const inLowestTerms = <Member extends { readonly weight: number }>(
  members: ReadonlyArray<Member>
): ReadonlyArray<Member> => {
  const divisor = members.reduce((common, { weight }) => commonDivisor(common, weight), 0)
  return members.map((member) => ({ ...member, weight: member.weight / divisor }))
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b))
