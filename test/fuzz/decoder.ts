// The laws of the decoder, for one message. Each is something that the rest of the program relies on without looking again. Messages are
// put between other bytes, once zeros and once ones: what a message means does not depend on what stands around it.
import { isDeepStrictEqual } from "node:util"
import * as wire from "../../src/wire/index.ts"
import { type UpdateContext, UpdateView, Verdict } from "../../src/wire/index.ts"
import type { Tally } from "./tally.ts"

/** What is tested; a canary puts something else in its place. */
export type Decoder = Pick<
  typeof wire,
  "frame" | "scanUpdate" | "decodeOpen" | "decodeNotification" | "decodeRouteRefresh" | "decodeToJson"
>

const MARGIN = 96
const LONGEST = 0xffff
const inZeros = new Uint8Array(LONGEST + 2 * MARGIN)
const inOnes = new Uint8Array(LONGEST + 2 * MARGIN).fill(0xff)
const view = new UpdateView()
const viewInOnes = new UpdateView()

/** The law that the message breaks, in words; `undefined` where all hold. What is thrown breaks the first law. */
export const breaks = (
  decoder: Decoder,
  bytes: Uint8Array,
  context: UpdateContext,
  tally?: Tally
): string | undefined => {
  try {
    return judged(decoder, bytes, context, tally)
  } catch (cause) {
    return `throws ${cause instanceof Error ? (cause.stack ?? cause.message).split("\n").slice(0, 3).join(" ") : String(cause)}`
  }
}

const judged = (decoder: Decoder, bytes: Uint8Array, context: UpdateContext, tally?: Tally): string | undefined => {
  place(bytes)
  const longest = context.extended ? LONGEST : 4096
  const end = MARGIN + bytes.length
  const length = decoder.frame(inZeros, MARGIN, end, longest)
  if (decoder.frame(inOnes, MARGIN, end, longest) !== length) return "frame reads what is not the message's"
  if (length < 0) wire.describeNotification(wire.headerFault(inZeros, MARGIN, length))
  if (length <= 0 || length > bytes.length) {
    tally?.count(length < 0 ? `header 1/${-length}` : "incomplete")
    return json(decoder, bytes, context)
  }
  const broken = ofType(decoder, length, context, tally)
  return broken ?? json(decoder, bytes, context)
}

/** Puts the message into both buffers and its surroundings right again. */
const place = (bytes: Uint8Array): void => {
  const end = MARGIN + bytes.length
  inZeros.set(bytes, MARGIN)
  inOnes.set(bytes, MARGIN)
  inZeros.fill(0, end, end + MARGIN)
  inOnes.fill(0xff, end, end + MARGIN)
}

const ofType = (decoder: Decoder, length: number, context: UpdateContext, tally?: Tally): string | undefined => {
  switch (inZeros[MARGIN + 18]) {
    case wire.MessageType.Open:
      return open(decoder, length, tally)
    case wire.MessageType.Update:
      return update(decoder, length, context, tally)
    case wire.MessageType.Notification: {
      const fault = decoder.decodeNotification(inZeros, MARGIN, length)
      tally?.count("NOTIFICATION")
      wire.describeNotification(fault)
      if (!same(fault, decoder.decodeNotification(inOnes, MARGIN, length))) return "decodeNotification reads further"
      const again = wire.encodeNotification(fault)
      return same(fault, decoder.decodeNotification(again, 0, again.length)) || fault.data.length > 4075
        ? undefined
        : "a NOTIFICATION does not survive being sent on"
    }
    case wire.MessageType.Keepalive:
      tally?.count("KEEPALIVE")
      return length === 19 ? undefined : "a KEEPALIVE with a body is framed"
    default: {
      const refresh = decoder.decodeRouteRefresh(inZeros, MARGIN, length)
      const fault = wire.isFault(refresh)
      tally?.count(fault ? `ROUTE-REFRESH ${refresh.code}/${refresh.subcode}` : "ROUTE-REFRESH")
      if (fault && refresh.code !== 7) return `a ROUTE-REFRESH is refused with code ${refresh.code}`
      return same(refresh, decoder.decodeRouteRefresh(inOnes, MARGIN, length))
        ? undefined
        : "decodeRouteRefresh reads further"
    }
  }
}

const open = (decoder: Decoder, length: number, tally?: Tally): string | undefined => {
  const found = decoder.decodeOpen(inZeros, MARGIN, length)
  if (!same(found, decoder.decodeOpen(inOnes, MARGIN, length))) return "decodeOpen reads what is not the message's"
  if (wire.isFault(found)) {
    tally?.count(`OPEN ${found.code}/${found.subcode}`)
    return found.code === 2 ? undefined : `an OPEN is refused with code ${found.code}`
  }
  tally?.count("OPEN")
  const again = wire.encodeOpen(found)
  return same(found, decoder.decodeOpen(again, 0, again.length))
    ? undefined
    : "an OPEN does not survive being encoded again"
}

const same = (one: object, other: object): boolean => isDeepStrictEqual(one, other)

const update = (decoder: Decoder, length: number, context: UpdateContext, tally?: Tally): string | undefined => {
  const verdict = decoder.scanUpdate(view, inZeros, MARGIN, length, context)
  if (decoder.scanUpdate(viewInOnes, inOnes, MARGIN, length, context) !== verdict)
    return "the verdict depends on what is around"
  if (!sameView()) return "the view depends on what is around"
  tally?.count(VERDICTS[verdict] ?? "no verdict")
  for (const note of view.notes) tally?.finding(note.attribute, note.reason)
  if (verdict !== view.verdict) return "the view says another verdict"
  if ((view.fault !== undefined) !== (verdict === Verdict.Reset)) return "a fault exactly when the session ends"
  if (view.notes.length > 0 !== (verdict !== Verdict.Keep)) return "a finding exactly when something is wrong"
  if (view.notes.reduce((worst, note) => Math.max(worst, note.verdict), 0) !== verdict && view.notes.length < 16) {
    return "the verdict is that of the worst finding"
  }
  const end = MARGIN + length
  for (const edge of [view.withdrawnEnd, view.attributesEnd, view.nlriEnd, view.reachNlriEnd, view.unreachNlriEnd]) {
    if (edge < MARGIN + 19 || edge > end) return "an offset outside of the message"
  }
  for (let type = 0; type < 256; type++) {
    const at = view.valueAt[type]
    if (
      at >= 0 &&
      (at < view.attributesAt || at + view.valueLength[type] > view.attributesEnd) &&
      verdict !== Verdict.Reset
    ) {
      return `attribute ${type} outside of the attributes`
    }
  }
  return verdict === Verdict.Reset ? undefined : (spans(context) ?? attributes(verdict, context))
}

const VERDICTS = ["UPDATE keep", "UPDATE discard", "UPDATE treat as withdraw", "UPDATE disable family", "UPDATE reset"]

const FIELDS = [
  "withdrawnAt",
  "withdrawnEnd",
  "attributesAt",
  "attributesEnd",
  "nlriAt",
  "nlriEnd",
  "reachFamily",
  "reachNextHopAt",
  "reachNextHopLength",
  "reachNlriAt",
  "reachNlriEnd",
  "unreachFamily",
  "unreachNlriAt",
  "unreachNlriEnd",
  "endOfRib",
  "seenCount"
] as const

const sameView = (): boolean =>
  FIELDS.every((field) => view[field] === viewInOnes[field]) &&
  view.notes.length === viewInOnes.notes.length &&
  view.discarded.length === viewInOnes.discarded.length

/** Later loops read these spans without a check. */
const spans = ({ addPath }: UpdateContext): string | undefined => {
  const found: Array<readonly [at: number, end: number, family: number]> = [
    [view.withdrawnAt, view.withdrawnEnd, 0],
    [view.nlriAt, view.nlriEnd, 0]
  ]
  if (view.reachFamily >= 0) found.push([view.reachNlriAt, view.reachNlriEnd, view.reachFamily])
  if (view.unreachFamily >= 0) found.push([view.unreachNlriAt, view.unreachNlriEnd, view.unreachFamily])
  for (const [from, end, family] of found) {
    const withId = addPath[family as 0 | 1]
    let at = from
    while (at < end) {
      if (withId) at += 4
      const bits = inZeros[at]
      if (at >= end || bits > (family === 0 ? 32 : 128)) return "prefixes that cannot be read without checks"
      at += 1 + Math.ceil(bits / 8)
    }
    if (at !== end) return "prefixes that do not fill their span"
  }
  return undefined
}

const attributes = (verdict: Verdict, { as4, addPath }: UpdateContext): string | undefined => {
  const omitted = view.discarded.filter((type) => view.valueAt[type] < 0)
  const read = wire.decodeAttributes(inZeros, view.attributesAt, view.attributesEnd, as4, addPath, omitted)
  if (verdict > Verdict.Discard) return undefined
  const again = wire.encodeAttributes(read, as4, addPath)
  if (again.length > view.attributesEnd - view.attributesAt) return "attributes grow when they are encoded again"
  return undefined
}

const json = (decoder: Decoder, bytes: Uint8Array, context: UpdateContext): string | undefined => {
  const messages = decoder.decodeToJson(bytes, context)
  const told = messages.reduce((sum, message) => sum + Number(message["length"]), 0)
  if (told !== bytes.length) return `JSON of ${told} bytes for ${bytes.length}`
  JSON.stringify(messages)
  return undefined
}
