// What RFC 7606 says about one path attribute. A judgement is a small number, an index into the table of findings: nothing is made
// for an attribute that is as it should be, and reasons are text that exists once.
import { u16, u32 } from "./address.ts"
import { ATTRIBUTE_KIND, AttributeFlag, AttributeType, KIND_MASK, KIND_UNKNOWN } from "./attribute-type.ts"
import { AS_TRANS } from "./open.ts"

/** What becomes of a message, the mildest first (RFC 7606 §2). */
export const Verdict = { Keep: 0, Discard: 1, TreatAsWithdraw: 2, DisableFamily: 3, Reset: 4 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** What was negotiated, as far as it decides how an UPDATE is read. */
export interface UpdateContext {
  /** AS numbers have 4 octets (RFC 6793). */
  readonly as4: boolean
  /** Prefixes carry path identifiers, by family (RFC 7911). */
  readonly addPath: ReadonlyArray<boolean>
  /** Families beyond the routed ones that were agreed on, as bits; absent: none. */
  readonly carried?: number
  /** The peer is in another AS, and not in our confederation. */
  readonly external: boolean
  /** The peer is in our confederation, and may speak of its members (RFC 5065). */
  readonly confederation?: boolean
  /** It is in another member AS of it. */
  readonly otherMember?: boolean
  /** The AS number with which every AS_PATH must begin (RFC 4271 §6.3); absent: any. */
  readonly firstAs?: number
  /** A family whose routes cannot be read is ignored from then on instead of ending the session (RFC 7606 §2); absent: no. */
  readonly disables?: boolean
  /** Messages may be longer than 4096 bytes (RFC 8654). */
  readonly extended: boolean
}

/** One thing wrong with an attribute: an index into FINDINGS. */
export const Finding = {
  Fine: 0,
  Flags: 1,
  Length: 2,
  LengthDiscarded: 3,
  Origin: 4,
  Segments: 5,
  AsZero: 6,
  Confederation: 7,
  NextHop: 8,
  ExternalPeer: 9,
  NewSpeaker: 10,
  As4Path: 11,
  AsZeroDiscarded: 12,
  Duplicate: 13,
  Overrun: 14,
  Missing: 15,
  Aigp: 16,
  FirstAs: 17
} as const
export type Finding = (typeof Finding)[keyof typeof Finding]

export const FINDINGS: ReadonlyArray<{ readonly verdict: Verdict; readonly reason: string }> = [
  { verdict: Verdict.Keep, reason: "" },
  { verdict: Verdict.TreatAsWithdraw, reason: "flags that its type does not have [RFC 7606 §3 c]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "wrong length [RFC 7606 §7]" },
  { verdict: Verdict.Discard, reason: "wrong length [RFC 7606 §7]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "undefined value [RFC 7606 §7.1]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "malformed path segments [RFC 7606 §7.2]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "AS number 0 [RFC 7607 §2]" },
  {
    verdict: Verdict.TreatAsWithdraw,
    reason: "confederation segment from outside, or none from another member [RFC 5065 §5]"
  },
  { verdict: Verdict.TreatAsWithdraw, reason: "not the address of a host [RFC 4271 §6.3]" },
  { verdict: Verdict.Discard, reason: "not accepted from an external peer [RFC 7606 §7]" },
  { verdict: Verdict.Discard, reason: "not accepted from a peer with 4-octet AS numbers [RFC 6793 §4.1]" },
  { verdict: Verdict.Discard, reason: "malformed path segments [RFC 6793 §6]" },
  { verdict: Verdict.Discard, reason: "AS number 0 [RFC 7607 §2]" },
  { verdict: Verdict.Discard, reason: "appears again [RFC 7606 §3 g]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "longer than the attributes' total length [RFC 7606 §4]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "missing [RFC 7606 §3 d]" },
  { verdict: Verdict.Discard, reason: "malformed, or said to be transitive [RFC 7311 §3.2]" },
  { verdict: Verdict.TreatAsWithdraw, reason: "does not begin with the peer's AS number [RFC 7606 §7.2]" }
]

/** Judges a known attribute other than MP_REACH_NLRI and MP_UNREACH_NLRI; an unknown one is fine if it is optional. */
export const judgeAttribute = (
  bytes: Uint8Array,
  type: number,
  flags: number,
  at: number,
  length: number,
  context: UpdateContext
): Finding => {
  const kind = ATTRIBUTE_KIND[type]
  if (kind === KIND_UNKNOWN) return Finding.Fine
  const unwanted = judgeSource(type, context)
  if (unwanted !== Finding.Fine) return unwanted
  if (type === AttributeType.Aigp) return isAigp(bytes, at, length, flags) ? Finding.Fine : Finding.Aigp
  if ((flags & KIND_MASK) !== kind) return Finding.Flags
  switch (type) {
    case AttributeType.Origin:
      return length !== 1 ? Finding.Length : bytes[at] > 2 ? Finding.Origin : Finding.Fine
    case AttributeType.AsPath:
      return judgeAsPath(bytes, at, length, context)
    case AttributeType.NextHop:
      return length !== 4 ? Finding.Length : isHost(bytes, at) ? Finding.Fine : Finding.NextHop
    case AttributeType.Med:
    case AttributeType.LocalPref:
    case AttributeType.OriginatorId:
    case AttributeType.OnlyToCustomer:
      return length === 4 ? Finding.Fine : Finding.Length
    case AttributeType.AtomicAggregate:
      return length === 0 ? Finding.Fine : Finding.LengthDiscarded
    case AttributeType.Aggregator:
      return judgeAggregator(bytes, at, length, context.as4 ? 4 : 2)
    case AttributeType.As4Aggregator:
      return judgeAggregator(bytes, at, length, 4)
    case AttributeType.As4Path:
      return judgeAs4Path(bytes, at, length)
    case AttributeType.Communities:
    case AttributeType.ClusterList:
      return isMultiple(length, 4)
    case AttributeType.ExtendedCommunities:
      return isMultiple(length, 8)
    case AttributeType.LargeCommunities:
      return isMultiple(length, 12)
    case AttributeType.Ipv6ExtendedCommunities:
      return isMultiple(length, 20)
    default:
      return Finding.Fine
  }
}

/** An unknown attribute without the Optional bit claims to be well known, which nobody may make up (RFC 4271 §6.3). */
export const isUnknownWellKnown = (type: number, flags: number): boolean =>
  ATTRIBUTE_KIND[type] === KIND_UNKNOWN && (flags & AttributeFlag.Optional) === 0

/** Attributes that some peers have no business to send are dropped before anything else is asked of them. */
const judgeSource = (type: number, context: UpdateContext): Finding => {
  switch (type) {
    case AttributeType.LocalPref:
      return context.external ? Finding.ExternalPeer : Finding.Fine
    case AttributeType.OriginatorId:
    case AttributeType.ClusterList:
      return context.external || context.otherMember === true ? Finding.ExternalPeer : Finding.Fine
    case AttributeType.As4Path:
    case AttributeType.As4Aggregator:
      return context.as4 ? Finding.NewSpeaker : Finding.Fine
    default:
      return Finding.Fine
  }
}

/** RFC 7311 §3: TLVs whose lengths count themselves; the one of the metric has 11 octets. It does not leave us: we take no part in it. */
const isAigp = (bytes: Uint8Array, at: number, length: number, flags: number): boolean => {
  if ((flags & KIND_MASK) !== AttributeFlag.Optional || length === 0) return false
  const end = at + length
  while (at < end) {
    const tlv = end - at < 3 ? 0 : (bytes[at + 1] << 8) | bytes[at + 2]
    if (tlv < 3 || at + tlv > end || (bytes[at] === 1 && tlv !== 11)) return false
    at += tlv
  }
  return true
}

const isMultiple = (length: number, size: number): Finding =>
  length > 0 && length % size === 0 ? Finding.Fine : Finding.Length

const judgeAggregator = (bytes: Uint8Array, at: number, length: number, asBytes: number): Finding => {
  if (length !== asBytes + 4) return Finding.LengthDiscarded
  return isZero(bytes, at, asBytes) ? Finding.AsZeroDiscarded : Finding.Fine
}

const judgeAs4Path = (bytes: Uint8Array, at: number, length: number): Finding => {
  if (length < 6) return Finding.As4Path
  const finding = judgePath(bytes, at, length, 4, AS4_PATH_CONTEXT)
  return finding === Finding.Fine
    ? Finding.Fine
    : finding === Finding.AsZero
      ? Finding.AsZeroDiscarded
      : Finding.As4Path
}

/** RFC 6793 §6: segments of a confederation in AS4_PATH are left out, not judged. */
const AS4_PATH_CONTEXT: Pick<UpdateContext, "confederation" | "otherMember"> = { confederation: true }

/**
 * RFC 7606 §7.2: known segment types, none empty, and the last ends where the attribute does. RFC 5065 §5: nobody outside of our
 * confederation speaks of its members, and who is in another member says first which.
 */
const judgePath = (
  bytes: Uint8Array,
  at: number,
  length: number,
  asBytes: number,
  { confederation, otherMember }: Pick<UpdateContext, "confederation" | "otherMember">
): Finding => {
  const end = at + length
  const unnamed = otherMember === true && (length === 0 || bytes[at] !== CONFEDERATION_SEQUENCE)
  let outside = unnamed
  let zero = false
  while (at < end) {
    if (end - at < 2) return Finding.Segments
    const type = bytes[at]
    const count = bytes[at + 1]
    const after = at + 2 + count * asBytes
    if (type === 0 || type > 4 || count === 0 || after > end) return Finding.Segments
    if (type > 2 && confederation !== true) outside = true
    for (at += 2; at < after; at += asBytes) {
      if (bytes[at] === 0 && bytes[at + 1] === 0 && isZero(bytes, at, asBytes)) zero = true
    }
  }
  return outside ? Finding.Confederation : zero ? Finding.AsZero : Finding.Fine
}

const CONFEDERATION_SEQUENCE = 3

const judgeAsPath = (bytes: Uint8Array, at: number, length: number, context: UpdateContext): Finding => {
  const asBytes = context.as4 ? 4 : 2
  const finding = judgePath(bytes, at, length, asBytes, context)
  if (finding !== Finding.Fine || context.firstAs === undefined) return finding
  if (length === 0 || bytes[at] !== SEQUENCE) return Finding.FirstAs
  const first = context.as4 ? u32(bytes, at + 2) : u16(bytes, at + 2)
  const expected = context.as4 || context.firstAs <= 0xffff ? context.firstAs : AS_TRANS
  return first === expected ? Finding.Fine : Finding.FirstAs
}

const SEQUENCE = 2

const isZero = (bytes: Uint8Array, at: number, length: number): boolean => {
  for (let index = at; index < at + length; index++) if (bytes[index] !== 0) return false
  return true
}

/** Neither 0.0.0.0 nor multicast nor reserved. Loopback is left to routing: sessions on one host use it. */
const isHost = (bytes: Uint8Array, at: number): boolean => bytes[at] < 224 && u32(bytes, at) !== 0
