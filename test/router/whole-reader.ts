// Bytes of UPDATEs read, and those expected written, without any code of the program: attribute by attribute, as text that is compared.
// Prefixes are numbers: 10.N.0.0/16 and 2001:db8:N::/48. RFC 4271 §4.3, §5, 4360 §6, 4760, 6793 §4.2.2, 7911 §3
import type { AsSegment } from "../../src/wire/index.ts"
import {
  CLUSTER,
  isInside,
  isOfMembers,
  isOutside,
  type Neighbour,
  type Path,
  usualAs,
  type World
} from "./whole-model.ts"

const LOCAL_MEMBER = 65001

const word = (value: number): ReadonlyArray<number> => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255
]
const words = (values: ReadonlyArray<number>): ReadonlyArray<number> => values.flatMap(word)
const short = (asn: number): ReadonlyArray<number> => (asn > 0xffff ? [0x5b, 0xa0] : [asn >>> 8, asn & 255])
const hex = (bytes: ArrayLike<number>): string => Buffer.from(Uint8Array.from(bytes as Array<number>)).toString("hex")

const pathBytes = (path: ReadonlyArray<AsSegment>, as4: boolean): ReadonlyArray<number> =>
  path.flatMap(({ type, members }) => [type, members.length, ...members.flatMap(as4 ? word : short)])

/** AS_PATH as a neighbour is told it. */
const pathTo = (
  to: Neighbour,
  path: ReadonlyArray<AsSegment>,
  world: World,
  isOurs: boolean
): ReadonlyArray<AsSegment> => {
  const usual = usualAs(to, world)
  const localAs = to.kind === "external" ? (to.localAs ?? usual) : usual
  const told = path
    .filter((segment) => !isOutside(to) || !isOfMembers(segment))
    .map(({ type, members }) => ({
      type,
      members: members.map((asn) => (to.overrides && asn === to.asn ? localAs : asn))
    }))
  // A route server says who it is of what it says itself.
  const names = to.kind === "external" || (to.kind === "served" && isOurs)
  const type = to.kind === "member" ? 3 : names ? 2 : 0
  if (type === 0) return told
  const own = to.kind === "member" ? [LOCAL_MEMBER] : localAs === usual ? [localAs] : [localAs, usual]
  const [first, ...others] = told
  return first?.type === type
    ? [{ type, members: [...own, ...first.members] }, ...others]
    : [{ type, members: own }, ...told]
}

const isWide = (path: ReadonlyArray<AsSegment>): boolean =>
  path.some(({ members }) => members.some((asn) => asn > 0xffff))

export const nextHopWords = (family: 0 | 1, last: number): ReadonlyArray<number> =>
  family === 0 ? [last] : [0x20010db8, 0, 0, last]

const nextHopTo = (to: Neighbour, { from, family, nextHop }: Path): ReadonlyArray<number> => {
  const isOurs = to.kind === "external" || from === undefined || (to.nextHopSelf && !isOutside(to) && !isInside(from))
  return isOurs ? (family === 0 ? [0x0a000001] : [0x20010db8, 0, 0, 0xfe]) : nextHopWords(family, nextHop)
}

/** What a neighbour is told of a path, in the form of `read`. */
export const textFor = (to: Neighbour, path: Path, world: World): string => {
  const { from, family, attributes } = path
  const { med, localPref = 100, aggregator, communities = [], originatorId, clusterList } = attributes
  const said = new Map<number, string>()
  const say = (type: number, flags: number, value: ReadonlyArray<number>): void => {
    said.set(type, `${type}=${flags.toString(16)}:${hex(value)}`)
  }
  const asPath = pathTo(to, attributes.asPath!, world, from === undefined)
  const wide = asPath.filter((segment) => !isOfMembers(segment))
  const nextHop = words(nextHopTo(to, path))
  say(1, 0x40, [attributes.origin!])
  say(2, 0x40, pathBytes(asPath, to.as4))
  if (family === 0) say(3, 0x40, nextHop)
  if (med !== undefined && (to.kind !== "external" || from === undefined)) say(4, 0x80, word(med))
  if (!isOutside(to)) say(5, 0x40, word(localPref))
  if (attributes.atomicAggregate) say(6, 0x40, [])
  if (aggregator !== undefined) {
    const { asn, address } = aggregator
    say(7, 0xc0, [...(to.as4 ? word(asn) : short(asn)), ...word(address)])
    if (!to.as4 && asn > 0xffff) say(18, 0xc0, words([asn, address]))
  }
  if (communities.length > 0) say(8, 0xc0, words(communities))
  const isReflected = from !== undefined && isInside(from) && isInside(to)
  const keeps = isInside(to) || to.kind === "served"
  const originator = originatorId ?? (isReflected ? from.id : undefined)
  const clusters = isReflected ? [CLUSTER, ...(clusterList ?? [])] : clusterList
  if (keeps && originator !== undefined) say(9, 0x80, word(originator))
  if (keeps && clusters !== undefined) say(10, 0x80, words(clusters))
  const extended = attributes.extendedCommunities?.filter(
    ([high]) => to.kind !== "external" || ((high >>> 24) & 0x40) === 0
  )
  if (extended !== undefined && extended.length > 0) say(16, 0xc0, words(extended.flat()))
  if (!to.as4 && isWide(wide)) say(17, 0xc0, pathBytes(wide, true))
  if (attributes.largeCommunities !== undefined) say(32, 0xc0, words(attributes.largeCommunities.flat()))
  for (const { type, flags, value } of attributes.unknown ?? []) {
    if (to.kind === "served") say(type, flags, [...value])
    else if ((flags & 0x40) !== 0) say(type, flags | 0x20, [...value])
  }
  const text = [...said].sort(([one], [other]) => one - other).map(([, each]) => each)
  return [...text, ...(family === 0 ? [] : [`next hop ${hex(nextHop)}`])].join(" ")
}

/** A prefix and its identifier, 0 where there are none. */
export interface Name {
  readonly family: 0 | 1
  readonly prefix: number
  readonly id: number
}

export interface Read {
  readonly announced: ReadonlyArray<Name & { readonly text: string }>
  readonly withdrawn: ReadonlyArray<Name>
}

const must = (holds: boolean, belief: string): void => {
  if (!holds) throw new Error(belief)
}

/** Reads an UPDATE to a neighbour. Whatever is not as it has to be throws. */
export const read = (bytes: Uint8Array, to: Neighbour): Read => {
  const u16 = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
  must(bytes.length === u16(16) && bytes.length <= (to.extended ? 65535 : 4096), "length of the message")
  must(
    bytes.subarray(0, 16).every((byte) => byte === 255),
    "marker"
  )
  const names = (family: 0 | 1, from: number, end: number): Array<Name> => {
    const found: Array<Name> = []
    let at = from
    while (at < end) {
      const id = to.paths > 0 ? ((u16(at) << 16) | u16(at + 2)) >>> 0 : 0
      if (to.paths > 0) at += 4
      must(bytes[at] === (family === 0 ? 16 : 48), "length of a prefix")
      found.push({ family, id, prefix: family === 0 ? bytes[at + 2]! : u16(at + 5) })
      at += 1 + bytes[at]! / 8
    }
    must(at === end, "end of prefixes")
    return found
  }
  const withdrawnEnd = 21 + u16(19)
  const attributesEnd = withdrawnEnd + 2 + u16(withdrawnEnd)
  const withdrawn = names(0, 21, withdrawnEnd)
  const reached: Array<Name> = []
  const texts: Array<string> = []
  let nextHop = ""
  let last = 0
  for (let at = withdrawnEnd + 2; at < attributesEnd; ) {
    const [flags, type] = [bytes[at]!, bytes[at + 1]!]
    const from = at + (flags & 0x10 ? 4 : 3)
    const end = from + (flags & 0x10 ? u16(at + 2) : bytes[at + 2]!)
    if (type === 14) {
      must(u16(from) === 2 && bytes[from + 2] === 1, "family of MP_REACH_NLRI")
      const prefixesAt = from + 5 + bytes[from + 3]!
      nextHop = ` next hop ${hex(bytes.subarray(from + 4, prefixesAt - 1))}`
      reached.push(...names(1, prefixesAt, end))
    } else if (type === 15) {
      must(u16(from) === 2 && bytes[from + 2] === 1, "family of MP_UNREACH_NLRI")
      withdrawn.push(...names(1, from + 3, end))
    } else {
      must(type > last, "order of attributes")
      last = type
      texts.push(`${type}=${(flags & ~0x10).toString(16)}:${hex(bytes.subarray(from, end))}`)
    }
    at = end
  }
  const text = texts.join(" ")
  const announced = [
    ...names(0, attributesEnd, bytes.length).map((name) => ({ ...name, text })),
    ...reached.map((name) => ({ ...name, text: text + nextHop }))
  ]
  return { announced, withdrawn }
}
