// UPDATE messages, found and judged but not unpacked: a view holds where things are, and one view serves every message of a run.
// Attributes and prefixes stay bytes (ADR-0010). What RFC 7606 has to say is said here once, down to the syntax of every prefix, so
// that whoever reads the spans later checks nothing.
import { u16 } from "./address.ts"
import { AttributeFlag, AttributeType, KIND_MASK } from "./attribute-type.ts"
import { FAMILY_ABSENT, FAMILY_UNKNOWN, type Family, familyOf, isRouted } from "./family.ts"
import type { Fault } from "./header.ts"
import { FINDINGS, Finding, isUnknownWellKnown, judgeAttribute, type UpdateContext, Verdict } from "./judge.ts"
import { isNlriSpan } from "./nlri.ts"
import { isCarriedNextHop, isCarriedSpan } from "./opaque-nlri.ts"

/** Something wrong with an attribute (RFC 7606). */
export interface UpdateNote {
  readonly attribute: number
  readonly verdict: Verdict
  readonly reason: string
}

const NOTHING = new Uint8Array(0)
/** A peer that sends rubbish does not make us keep all of it. */
const NOTES_MAX = 16

/** Offsets are absolute in `bytes` and valid until the next scan. */
export class UpdateView {
  bytes: Uint8Array = NOTHING
  at = 0
  length = 0
  /** The strongest that any part of the message asks for. */
  verdict: Verdict = Verdict.Keep
  /** Set when the verdict is Reset. */
  fault: Fault | undefined = undefined
  /** What was found wrong, the first thing first. */
  readonly notes: Array<UpdateNote> = []
  withdrawnAt = 0
  withdrawnEnd = 0
  attributesAt = 0
  attributesEnd = 0
  nlriAt = 0
  nlriEnd = 0
  /** By attribute type: where the value of the first occurrence is; -1 for one that is absent or discarded. */
  readonly valueAt: Int32Array = new Int32Array(256).fill(-1)
  readonly valueLength: Int32Array = new Int32Array(256)
  readonly flags: Uint8Array = new Uint8Array(256)
  /** Family of MP_REACH_NLRI; -1: there is none; -2: one that we do not speak. */
  reachFamily: Family | -1 | -2 = FAMILY_ABSENT
  reachNextHopAt = 0
  reachNextHopLength = 0
  reachNlriAt = 0
  reachNlriEnd = 0
  unreachFamily: Family | -1 | -2 = FAMILY_ABSENT
  unreachNlriAt = 0
  unreachNlriEnd = 0
  /** Set when the verdict is DisableFamily. */
  brokenFamily: Family | -1 = FAMILY_ABSENT
  /** The family whose initial table is complete (RFC 4724 §2), or -1. */
  endOfRib: Family | -1 = FAMILY_ABSENT
  /** Types with an occurrence to leave out: a discarded attribute, or one that came twice. What stays is what `valueAt` names. */
  readonly discarded: Array<number> = []
  /** Types in order of their first occurrence: the slots to clear. */
  private readonly seen: Uint8Array = new Uint8Array(256)
  private readonly isSeen: Uint8Array = new Uint8Array(256)
  private readonly isDiscarded: Uint8Array = new Uint8Array(256)
  seenCount = 0
  /** Types came in ascending order, as RFC 4271 §5 asks of senders and not of what receivers take. */
  isAscending = true

  begin(bytes: Uint8Array, at: number, length: number): void {
    this.bytes = bytes
    this.at = at
    this.length = length
    this.verdict = Verdict.Keep
    this.fault = undefined
    if (this.notes.length > 0) this.notes.length = 0
    for (let index = 0; index < this.seenCount; index++) {
      const type = this.seen[index]
      this.valueAt[type] = -1
      this.isSeen[type] = 0
      this.isDiscarded[type] = 0
    }
    this.seenCount = 0
    this.isAscending = true
    if (this.discarded.length > 0) this.discarded.length = 0
    const none = at + length
    this.withdrawnAt = this.withdrawnEnd = none
    this.attributesAt = this.attributesEnd = none
    this.nlriAt = this.nlriEnd = none
    this.reachFamily = this.unreachFamily = this.endOfRib = this.brokenFamily = FAMILY_ABSENT
    this.reachNextHopAt = this.reachNlriAt = this.reachNlriEnd = none
    this.unreachNlriAt = this.unreachNlriEnd = none
    this.reachNextHopLength = 0
  }

  /** Whether the attribute came, even if it was discarded. */
  has(type: number): boolean {
    return this.isSeen[type] === 1
  }

  admit(type: number, flags: number, at: number, length: number): void {
    this.isSeen[type] = 1
    if (this.seenCount > 0 && type < this.seen[this.seenCount - 1]) this.isAscending = false
    this.seen[this.seenCount++] = type
    this.valueAt[type] = at
    this.valueLength[type] = length
    this.flags[type] = flags
  }

  /** Takes down what is wrong with an attribute and lets the verdict follow. */
  find(type: number, finding: Finding): void {
    const { verdict, reason } = FINDINGS[finding]
    if (verdict > this.verdict) this.verdict = verdict
    if (this.notes.length < NOTES_MAX) this.notes.push({ attribute: type, verdict, reason })
    if (verdict !== Verdict.Discard) return
    if (finding !== Finding.Duplicate) this.valueAt[type] = -1
    if (this.isDiscarded[type] === 1) return
    this.isDiscarded[type] = 1
    this.discarded.push(type)
  }

  reset(code: number, subcode: number, data: Uint8Array, attribute: number, reason: string): Verdict {
    this.verdict = Verdict.Reset
    this.fault = { code, subcode, data }
    this.notes.push({ attribute, verdict: Verdict.Reset, reason })
    return Verdict.Reset
  }
}

/** Finds everything in the UPDATE of `length` bytes at `at` and judges it. What the verdict is, the view's offsets are in bounds. */
export const scanUpdate = (
  view: UpdateView,
  bytes: Uint8Array,
  at: number,
  length: number,
  context: UpdateContext
): Verdict => {
  view.begin(bytes, at, length)
  const end = at + length
  if (length < UPDATE_BYTES_MIN) return view.reset(1, 2, bytes.slice(at + 16, at + 18), 0, "shorter than an UPDATE")
  const withdrawnAt = at + 21
  const withdrawnEnd = withdrawnAt + u16(bytes, at + 19)
  if (withdrawnEnd + 2 > end) return malformedList(view, "withdrawn routes longer than the message")
  const attributesAt = withdrawnEnd + 2
  const attributesEnd = attributesAt + u16(bytes, withdrawnEnd)
  if (attributesEnd > end) return malformedList(view, "attributes longer than the message")
  const addPath = context.addPath[0]
  if (!isNlriSpan(bytes, withdrawnAt, withdrawnEnd, addPath, 32)) return invalidNetwork(view, "withdrawn routes")
  if (!isNlriSpan(bytes, attributesEnd, end, addPath, 32)) return invalidNetwork(view, "NLRI")
  view.withdrawnAt = withdrawnAt
  view.withdrawnEnd = withdrawnEnd
  view.attributesAt = attributesAt
  view.attributesEnd = attributesEnd
  view.nlriAt = attributesEnd
  view.nlriEnd = end
  scanAttributes(view, bytes, attributesAt, attributesEnd, context)
  if (view.fault !== undefined) return Verdict.Reset
  return view.brokenFamily === FAMILY_ABSENT ? conclude(view) : disable(view)
}

const UPDATE_BYTES_MIN = 23

const scanAttributes = (view: UpdateView, bytes: Uint8Array, at: number, end: number, context: UpdateContext): void => {
  while (at < end) {
    const flags = bytes[at]
    const header = (flags & AttributeFlag.ExtendedLength) === 0 ? 3 : 4
    const type = end - at < 2 ? 0 : bytes[at + 1]
    // RFC 7606 §4: the total length is believed, so the prefixes behind it can still be withdrawn.
    if (end - at < header) {
      overrun(view, type)
      return
    }
    const length = header === 3 ? bytes[at + 2] : (bytes[at + 2] << 8) | bytes[at + 3]
    const value = at + header
    if (value + length > end) {
      overrun(view, type)
      return
    }
    if (view.has(type)) {
      if (type === AttributeType.MpReach || type === AttributeType.MpUnreach) {
        malformedList(view, "multiprotocol attribute appears again [RFC 7606 §3 g]", type)
        return
      }
      view.find(type, Finding.Duplicate)
    } else {
      view.admit(type, flags, value, length)
      if (type === AttributeType.MpReach) scanReach(view, bytes, at, value, length, context)
      else if (type === AttributeType.MpUnreach) scanUnreach(view, bytes, at, value, length, context)
      else if (isUnknownWellKnown(type, flags)) {
        view.reset(3, 2, bytes.slice(at, value + length), type, "unknown but called well-known [RFC 4271 §6.3]")
      } else {
        const finding = judgeAttribute(bytes, type, flags, value, length, context)
        if (finding !== Finding.Fine) view.find(type, finding)
      }
      if (view.fault !== undefined) return
    }
    at = value + length
  }
}

/** Without the whole of a multiprotocol attribute nobody knows which prefixes to withdraw (RFC 7606 §3 j). */
const overrun = (view: UpdateView, type: number): void => {
  if (type === AttributeType.MpReach || type === AttributeType.MpUnreach) {
    malformedList(view, "longer than the attributes' total length", type)
  } else {
    view.find(type, Finding.Overrun)
  }
}

/** RFC 4760 §3, judged as RFC 7606 §5.3 and §7.11 ask: what hides the prefixes resets the session. */
const scanReach = (
  view: UpdateView,
  bytes: Uint8Array,
  from: number,
  at: number,
  length: number,
  context: UpdateContext
): Verdict => {
  const end = at + length
  if (length < 5 || at + 5 + bytes[at + 3] > end) return badMultiprotocol(view, context, from, end, "too short")
  if ((view.flags[AttributeType.MpReach] & KIND_MASK) !== AttributeFlag.Optional) {
    return badMultiprotocol(view, context, from, end, "wrong flags")
  }
  const family = spokenFamily(context, u16(bytes, at), bytes[at + 2])
  const nextHopLength = bytes[at + 3]
  view.reachFamily = family === -1 ? FAMILY_UNKNOWN : family
  view.reachNextHopAt = at + 4
  view.reachNextHopLength = nextHopLength
  view.reachNlriAt = at + 5 + nextHopLength
  view.reachNlriEnd = end
  if (family === -1) return view.verdict
  if (!isRouted(family)) {
    if (!isCarriedNextHop(family, nextHopLength)) {
      return badMultiprotocol(view, context, from, end, "wrong length of the next hop")
    }
    if (isCarriedSpan(family, bytes, view.reachNlriAt, end, context.addPath[family] === true)) return view.verdict
    return badMultiprotocol(view, context, from, end, "malformed NLRI")
  }
  // 16 and 32 bytes for IPv4 prefixes are RFC 8950; 4 bytes for IPv6 prefixes are nothing.
  const known = nextHopLength === 16 || nextHopLength === 32 || (nextHopLength === 4 && family === 0)
  if (!known) return badMultiprotocol(view, context, from, end, "wrong length of the next hop")
  if (!isNlriSpan(bytes, view.reachNlriAt, end, context.addPath[family], family === 0 ? 32 : 128)) {
    return badMultiprotocol(view, context, from, end, "malformed prefixes")
  }
  return view.verdict
}

const scanUnreach = (
  view: UpdateView,
  bytes: Uint8Array,
  from: number,
  at: number,
  length: number,
  context: UpdateContext
): Verdict => {
  const end = at + length
  if (length < 3) return badMultiprotocol(view, context, from, end, "too short")
  if ((view.flags[AttributeType.MpUnreach] & KIND_MASK) !== AttributeFlag.Optional) {
    return badMultiprotocol(view, context, from, end, "wrong flags")
  }
  const family = spokenFamily(context, u16(bytes, at), bytes[at + 2])
  view.unreachFamily = family === -1 ? FAMILY_UNKNOWN : family
  view.unreachNlriAt = at + 3
  view.unreachNlriEnd = end
  if (family === -1) return view.verdict
  if (!isRouted(family)) {
    if (isCarriedSpan(family, bytes, at + 3, end, context.addPath[family] === true)) return view.verdict
    return badMultiprotocol(view, context, from, end, "malformed NLRI")
  }
  if (!isNlriSpan(bytes, at + 3, end, context.addPath[family], family === 0 ? 32 : 128)) {
    return badMultiprotocol(view, context, from, end, "malformed prefixes")
  }
  return view.verdict
}

/** RFC 4760 §7: a family that is carried as bytes means nothing where it was not agreed on. */
const spokenFamily = (context: UpdateContext, afi: number, safi: number): Family | -1 => {
  const family = familyOf(afi, safi)
  if (family === -1 || isRouted(family)) return family
  return ((context.carried ?? 0) & (1 << family)) === 0 ? -1 : family
}

/** What only the whole message shows: what is missing, whether there is anything to withdraw, and the End-of-RIB marker. */
const conclude = (view: UpdateView): Verdict => {
  const reachesPlain = view.nlriEnd > view.nlriAt
  const reaches = reachesPlain || view.reachNlriEnd > view.reachNlriAt
  if (reaches) {
    if (!view.has(AttributeType.Origin)) view.find(AttributeType.Origin, Finding.Missing)
    if (!view.has(AttributeType.AsPath)) view.find(AttributeType.AsPath, Finding.Missing)
    if (reachesPlain && !view.has(AttributeType.NextHop)) view.find(AttributeType.NextHop, Finding.Missing)
    return view.verdict
  }
  // RFC 7606 §5.2: a broken attribute and no prefix to withdraw means that we may not have found the prefixes.
  if (view.verdict === Verdict.TreatAsWithdraw) {
    const broken = view.notes.find(({ verdict }) => verdict === Verdict.TreatAsWithdraw)
    return malformedList(view, "no prefix to withdraw for it [RFC 7606 §5.2]", broken?.attribute)
  }
  if (view.withdrawnEnd === view.withdrawnAt) {
    if (view.attributesEnd === view.attributesAt) view.endOfRib = 0
    else if (view.seenCount === 1 && view.unreachFamily >= 0 && view.unreachNlriEnd === view.unreachNlriAt) {
      view.endOfRib = view.unreachFamily as Family
    }
  }
  return view.verdict
}

const malformedList = (view: UpdateView, reason: string, attribute = 0): Verdict =>
  view.reset(3, 1, NOTHING, attribute, reason)

const invalidNetwork = (view: UpdateView, where: string): Verdict =>
  view.reset(3, 10, NOTHING, 0, `malformed prefixes in ${where} [RFC 4271 §6.3]`)

/** RFC 4760 §7: Optional Attribute Error with the attribute; or, where that is wanted, nothing more is heard of the family. */
const badMultiprotocol = (
  view: UpdateView,
  context: UpdateContext,
  from: number,
  end: number,
  reason: string
): Verdict => {
  const { bytes } = view
  const type = bytes[from + 1]
  const at = view.valueAt[type]
  const family = end - at < 3 ? FAMILY_ABSENT : spokenFamily(context, u16(bytes, at), bytes[at + 2])
  const isOne = view.brokenFamily === FAMILY_ABSENT || view.brokenFamily === family
  if (context.disables !== true || family === FAMILY_ABSENT || !isOne) {
    return view.reset(3, 9, bytes.slice(from, end), type, reason)
  }
  view.brokenFamily = family
  view.verdict = Verdict.DisableFamily
  view.notes.push({ attribute: type, verdict: Verdict.DisableFamily, reason })
  return Verdict.DisableFamily
}

/** A message that has something to say of another family too is not to be thrown away: then the session ends. */
const disable = (view: UpdateView): Verdict => {
  const { brokenFamily, reachFamily, unreachFamily } = view
  const isAlone = [reachFamily, unreachFamily].every((family) => family === FAMILY_ABSENT || family === brokenFamily)
  if (isAlone && view.withdrawnEnd === view.withdrawnAt && view.nlriEnd === view.nlriAt) return Verdict.DisableFamily
  const { attribute, reason } = view.notes.find(({ verdict }) => verdict === Verdict.DisableFamily)!
  const at = view.valueAt[attribute]
  const header = (view.flags[attribute] & AttributeFlag.ExtendedLength) === 0 ? 3 : 4
  return view.reset(3, 9, view.bytes.slice(at - header, at + view.valueLength[attribute]), attribute, reason)
}
