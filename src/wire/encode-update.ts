// Attributes and whole UPDATE messages from readable objects: for tests, tools and routes of our own. What goes out by the hundred
// thousand is packed by the RIB from stored bytes.
import { addressToBytes, putU16, putU32 } from "./address.ts"
import { encodeAsPath, narrow } from "./as-path.ts"
import { ATTRIBUTE_KIND, AttributeFlag, AttributeType } from "./attribute-type.ts"
import type { Aggregator, Attributes, MpReach, MpUnreach } from "./attributes.ts"
import { familyOf } from "./family.ts"
import { MessageType, messageOf } from "./header.ts"
import type { UpdateContext } from "./judge.ts"
import { encodeNlri, type Nlri } from "./nlri.ts"

/** An UPDATE; IPv6 routes are in `attributes.mpReach` and `attributes.mpUnreach`. */
export interface Update {
  readonly withdrawn?: ReadonlyArray<Nlri>
  readonly attributes?: Attributes
  readonly nlri?: ReadonlyArray<Nlri>
}

/** The whole message. It is as long as it gets: whoever needs a limit gives less. */
export const encodeUpdate = (update: Update, context: Pick<UpdateContext, "as4" | "addPath">): Uint8Array => {
  const { as4, addPath } = context
  const withdrawn = encodeNlri(update.withdrawn ?? [], addPath[0])
  const attributes = encodeAttributes(update.attributes ?? {}, as4, addPath)
  const nlri = encodeNlri(update.nlri ?? [], addPath[0])
  const bytes = messageOf(MessageType.Update, 23 + withdrawn.length + attributes.length + nlri.length)
  putU16(bytes, 19, withdrawn.length)
  bytes.set(withdrawn, 21)
  putU16(bytes, 21 + withdrawn.length, attributes.length)
  bytes.set(attributes, 23 + withdrawn.length)
  bytes.set(nlri, 23 + withdrawn.length + attributes.length)
  return bytes
}

/** The End-of-RIB marker of a family (RFC 4724 §2). */
export const encodeEndOfRib = (family: number): Uint8Array =>
  family === 0
    ? encodeUpdate({}, PLAIN)
    : encodeUpdate({ attributes: { mpUnreach: { afi: 2, safi: 1, nlri: [] } } }, PLAIN)

const PLAIN = { as4: true, addPath: [false, false] } as const

/** The attribute block, in ascending order of type. */
export const encodeAttributes = (
  attributes: Attributes,
  as4: boolean,
  addPath: ReadonlyArray<boolean> = [false, false]
): Uint8Array => {
  const parts: Array<{ readonly type: number; readonly flags: number; readonly value: Uint8Array }> = []
  const add = (type: number, value: Uint8Array | undefined): void => {
    if (value === undefined) return
    const partial = attributes.partial?.includes(type) === true ? AttributeFlag.Partial : 0
    parts.push({ type, flags: ATTRIBUTE_KIND[type] | partial, value })
  }
  const { origin, nextHop, aggregator, as4Aggregator, mpReach, mpUnreach } = attributes
  add(AttributeType.Origin, origin === undefined ? undefined : Uint8Array.of(origin))
  add(AttributeType.AsPath, attributes.asPath && encodeAsPath(attributes.asPath, as4))
  add(AttributeType.NextHop, nextHop && addressToBytes(nextHop))
  add(AttributeType.Med, optionalWord(attributes.med))
  add(AttributeType.LocalPref, optionalWord(attributes.localPref))
  add(AttributeType.AtomicAggregate, attributes.atomicAggregate && new Uint8Array(0))
  add(AttributeType.Aggregator, aggregator && encodeAggregator(aggregator, as4))
  add(AttributeType.Communities, optionalWords(attributes.communities))
  add(AttributeType.OriginatorId, optionalWord(attributes.originatorId))
  add(AttributeType.ClusterList, optionalWords(attributes.clusterList))
  add(AttributeType.MpReach, mpReach && encodeReach(mpReach, addPath))
  add(AttributeType.MpUnreach, mpUnreach && encodeUnreach(mpUnreach, addPath))
  add(AttributeType.ExtendedCommunities, optionalWords(attributes.extendedCommunities?.flat()))
  add(AttributeType.As4Path, attributes.as4Path && encodeAsPath(attributes.as4Path, true))
  add(AttributeType.As4Aggregator, as4Aggregator && encodeAggregator(as4Aggregator, true))
  add(AttributeType.LargeCommunities, optionalWords(attributes.largeCommunities?.flat()))
  parts.push(...(attributes.unknown ?? []))
  return concat(parts.sort((a, b) => a.type - b.type).map(({ type, flags, value }) => encodeOne(type, flags, value)))
}

const encodeOne = (type: number, flags: number, value: Uint8Array): Uint8Array => {
  const header = value.length > 255 ? 4 : 3
  const bytes = new Uint8Array(header + value.length)
  bytes[0] = header === 4 ? flags | AttributeFlag.ExtendedLength : flags & ~AttributeFlag.ExtendedLength
  bytes[1] = type
  if (header === 4) putU16(bytes, 2, value.length)
  else bytes[2] = value.length
  bytes.set(value, header)
  return bytes
}

const encodeAggregator = ({ asn, address }: Aggregator, as4: boolean): Uint8Array => {
  const bytes = new Uint8Array(as4 ? 8 : 6)
  if (as4) putU32(bytes, 0, asn)
  else putU16(bytes, 0, narrow(asn))
  putU32(bytes, bytes.length - 4, address)
  return bytes
}

const encodeReach = ({ afi, safi, nextHops, nlri }: MpReach, addPath: ReadonlyArray<boolean>): Uint8Array => {
  const hops = concat(nextHops.map(addressToBytes))
  const family = familyOf(afi, safi)
  const prefixes = encodeNlri(nlri, family !== -1 && addPath[family])
  return concat([Uint8Array.of(afi >> 8, afi, safi, hops.length), hops, Uint8Array.of(0), prefixes])
}

const encodeUnreach = ({ afi, safi, nlri }: MpUnreach, addPath: ReadonlyArray<boolean>): Uint8Array => {
  const family = familyOf(afi, safi)
  return concat([Uint8Array.of(afi >> 8, afi, safi), encodeNlri(nlri, family !== -1 && addPath[family])])
}

const optionalWord = (word: number | undefined): Uint8Array | undefined =>
  word === undefined ? undefined : encodeWords([word])

const optionalWords = (words: ReadonlyArray<number> | undefined): Uint8Array | undefined => words && encodeWords(words)

const encodeWords = (words: ReadonlyArray<number>): Uint8Array => {
  const bytes = new Uint8Array(words.length * 4)
  words.forEach((word, index) => {
    putU32(bytes, index * 4, word)
  })
  return bytes
}

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
