// AS_PATH as segments of AS numbers (RFC 4271 §4.3 b, RFC 5065), its text, and the merge that restores 4-octet numbers which an old
// speaker could not carry (RFC 6793 §4.2.3).
import { putU16, putU32, u16, u32 } from "./address.ts"

export const SegmentType = { Set: 1, Sequence: 2, ConfederationSequence: 3, ConfederationSet: 4 } as const
export type SegmentType = (typeof SegmentType)[keyof typeof SegmentType]

export interface AsSegment {
  readonly type: number
  readonly members: ReadonlyArray<number>
}

/** RFC 4271 §4.3 b: the count has one octet. */
export const SEGMENT_MEMBERS_MAX = 255

/** `undefined`: segments do not fill the span. */
export const decodeAsPath = (
  bytes: Uint8Array,
  at: number,
  end: number,
  as4: boolean
): ReadonlyArray<AsSegment> | undefined => {
  const size = as4 ? 4 : 2
  const segments: Array<AsSegment> = []
  while (at < end) {
    const after = at + 2 + bytes[at + 1] * size
    if (end - at < 2 || after > end) return undefined
    const members: Array<number> = []
    for (let from = at + 2; from < after; from += size) members.push(as4 ? u32(bytes, from) : u16(bytes, from))
    segments.push({ type: bytes[at], members })
    at = after
  }
  return segments
}

/** In two octets, what does not fit is AS_TRANS. Longer segments than a count can say become several. */
export const encodeAsPath = (segments: ReadonlyArray<AsSegment>, as4: boolean): Uint8Array => {
  const size = as4 ? 4 : 2
  const parts = segments.flatMap(split)
  const bytes = new Uint8Array(parts.reduce((sum, { members }) => sum + 2 + members.length * size, 0))
  let at = 0
  for (const { type, members } of parts) {
    bytes[at] = type
    bytes[at + 1] = members.length
    at += 2
    for (const asn of members) {
      if (as4) putU32(bytes, at, asn)
      else putU16(bytes, at, narrow(asn))
      at += size
    }
  }
  return bytes
}

/** RFC 6793 §4.2.2: 23456 stands for numbers past two octets. */
export const narrow = (asn: number): number => (asn > 0xffff ? 23456 : asn)

const split = (segment: AsSegment): ReadonlyArray<AsSegment> => {
  const { type, members } = segment
  if (members.length <= SEGMENT_MEMBERS_MAX) return [segment]
  return [
    { type, members: members.slice(0, SEGMENT_MEMBERS_MAX) },
    ...split({ type, members: members.slice(SEGMENT_MEMBERS_MAX) })
  ]
}

/** `64500 64501 {64502,64503}`; confederation sequences stand in `()`, confederation sets in `[]`. */
export const asPathText = (segments: ReadonlyArray<AsSegment>): string => segments.map(segmentText).join(" ")

const segmentText = ({ type, members }: AsSegment): string => {
  switch (type) {
    case SegmentType.Set:
      return `{${members.join(",")}}`
    case SegmentType.ConfederationSequence:
      return `(${members.join(" ")})`
    case SegmentType.ConfederationSet:
      return `[${members.join(",")}]`
    default:
      return members.join(" ")
  }
}

const isConfederation = (segment: AsSegment): boolean =>
  segment.type === SegmentType.ConfederationSequence || segment.type === SegmentType.ConfederationSet

/** RFC 4271 §9.1.2.2 a, RFC 5065 §5.3: a set counts once, confederation segments do not count. */
export const asPathLength = (segments: ReadonlyArray<AsSegment>): number =>
  segments.reduce((sum, segment) => sum + lengthOf(segment), 0)

const lengthOf = (segment: AsSegment): number =>
  isConfederation(segment) ? 0 : segment.type === SegmentType.Set ? 1 : segment.members.length

/**
 * The path as it was before it met a speaker of 2-octet numbers: AS4_PATH behind as much of AS_PATH as it lacks. An AS4_PATH longer
 * than the AS_PATH is no continuation of it and ignored; confederation segments in it do not count (RFC 6793 §4.2.3, §6).
 */
export const mergeAs4Path = (
  asPath: ReadonlyArray<AsSegment>,
  as4Path: ReadonlyArray<AsSegment>
): ReadonlyArray<AsSegment> => {
  const wide = as4Path.filter((segment) => !isConfederation(segment))
  let missing = asPathLength(asPath) - asPathLength(wide)
  if (missing < 0) return asPath
  const merged: Array<AsSegment> = []
  for (const segment of asPath) {
    // Confederation segments stay where they lead, or follow something that stays.
    if (isConfederation(segment)) {
      merged.push(segment)
      continue
    }
    if (missing === 0) break
    const kept = segment.type === SegmentType.Sequence ? segment.members.slice(0, missing) : segment.members
    merged.push({ type: segment.type, members: kept })
    missing -= lengthOf({ type: segment.type, members: kept })
  }
  return joinSequences([...merged, ...wide])
}

/** Neighbouring sequences are one, as long as a count can say how long it is. */
const joinSequences = (segments: ReadonlyArray<AsSegment>): ReadonlyArray<AsSegment> => {
  const joined: Array<AsSegment> = []
  for (const segment of segments) {
    const last = joined.at(-1)
    const fits = last !== undefined && last.members.length + segment.members.length <= SEGMENT_MEMBERS_MAX
    if (fits && last.type === SegmentType.Sequence && segment.type === SegmentType.Sequence) {
      joined[joined.length - 1] = { type: last.type, members: [...last.members, ...segment.members] }
    } else {
      joined.push(segment)
    }
  }
  return joined
}
