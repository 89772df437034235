// Path attributes as they leave us. Writing takes only the stored set, the source of the route and the parameters of the export
// class, so that nothing that belongs to one peer can leak into bytes that many peers share. Attributes go out in ascending order of
// type; what is inserted finds its place while the rest is copied, and nothing behind it is lost.
import { AttributeType, AttributeFlag } from "../wire/index.ts"
import { wordAt } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { type PeerKind, PeerKind as Kind } from "./peers.ts"

/** Everything that decides what attributes and encoding the members of a class get. */
export interface ExportParameters {
  readonly family: 0 | 1
  readonly kind: PeerKind
  readonly localAs: number
  readonly clusterId: number
  /** 4-octet AS numbers were negotiated (RFC 6793). */
  readonly as4: boolean
  /** Longest message. */
  readonly messageBytesMax: number
  /** Our own address on the session in the words of the family; empty when there is none of that family. */
  readonly nextHopSelf: ReadonlyArray<number>
  /** Export policy lets routes out (RFC 8212). */
  readonly open: boolean
}

/** Where a route comes from, as far as its attributes depend on it. */
export interface RouteSource {
  local: boolean
  internal: boolean
  routerId: number
}

const AS_TRANS = 23456
const AS_SEQUENCE = 2
const CONFED_SEQUENCE = 3

/** Writes the attribute block of set `id` at `at` and returns its end. For IPv6, MP_REACH_NLRI is the caller's. */
export const writeAttributes = (
  target: Uint8Array,
  at: number,
  store: AttributeStore,
  id: AttributeId,
  source: RouteSource,
  to: ExportParameters
): number => {
  const bytes = store.chunkOf(id)
  const end = store.blockEndOf(id)
  const external = to.kind === Kind.External
  const reflected = !external && to.kind !== Kind.RouteServerClient && source.internal
  let inserted = 0
  for (let from = store.startOf(id); from < end; ) {
    const extended = (bytes[from] & AttributeFlag.ExtendedLength) !== 0
    const type = bytes[from + 1]
    const length = extended ? (bytes[from + 2] << 8) | bytes[from + 3] : bytes[from + 2]
    const value = from + (extended ? 4 : 3)
    for (; inserted < INSERTED.length && INSERTED[inserted] < type; inserted++) {
      at = insert(target, at, INSERTED[inserted], store, id, source, to, reflected)
    }
    if (inserted < INSERTED.length && INSERTED[inserted] === type) inserted++
    at = copyAttribute(target, at, bytes, from, type, value, length, store, id, source, to, reflected)
    from = value + length
  }
  for (; inserted < INSERTED.length; inserted++) {
    at = insert(target, at, INSERTED[inserted], store, id, source, to, reflected)
  }
  return at
}

/** Attributes that may have to be added where the set does not have them. */
const INSERTED: ReadonlyArray<number> = [AttributeType.LocalPref, AttributeType.OriginatorId, AttributeType.ClusterList]

const insert = (
  target: Uint8Array,
  at: number,
  type: number,
  store: AttributeStore,
  id: AttributeId,
  source: RouteSource,
  to: ExportParameters,
  reflected: boolean
): number => {
  if (type === AttributeType.LocalPref) {
    const wanted = to.kind === Kind.Internal || to.kind === Kind.ReflectorClient
    return wanted ? writeWord(target, at, 0x40, type, store.localPref[id]) : at
  }
  if (!reflected) return at
  return writeWord(target, at, 0x80, type, type === AttributeType.OriginatorId ? source.routerId : to.clusterId)
}

const copyAttribute = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  from: number,
  type: number,
  value: number,
  length: number,
  store: AttributeStore,
  id: AttributeId,
  source: RouteSource,
  to: ExportParameters,
  reflected: boolean
): number => {
  const external = to.kind === Kind.External
  const transparent = to.kind === Kind.RouteServerClient
  switch (type) {
    case AttributeType.AsPath:
      return writeAsPath(target, at, bytes, value, length, external ? to.localAs : 0, to.as4)
    case AttributeType.NextHop: {
      if (to.family !== 0) return at
      const self = external || (source.local && !transparent) || store.nextHops.addresses[store.nextHop[id]].words[0] === 0
      return writeWord(target, at, 0x40, type, self ? to.nextHopSelf[0] : wordAt(bytes, value))
    }
    case AttributeType.Med:
      // RFC 4271 §5.1.4: the MED of one neighbouring AS is not passed on to another.
      return external && !source.local ? at : copy(target, at, bytes, from, value + length)
    case AttributeType.LocalPref:
      return external || transparent ? at : copy(target, at, bytes, from, value + length)
    case AttributeType.Aggregator:
      return writeAggregator(target, at, bytes, value, length, to.as4)
    case AttributeType.OriginatorId:
      return external ? at : copy(target, at, bytes, from, value + length)
    case AttributeType.ClusterList:
      return external ? at : writeClusterList(target, at, bytes, value, length, reflected ? to.clusterId : 0)
    case AttributeType.ExtendedCommunities:
      return external ? writeTransitive(target, at, bytes, value, length) : copy(target, at, bytes, from, value + length)
    case AttributeType.Origin:
    case AttributeType.AtomicAggregate:
    case AttributeType.Communities:
    case AttributeType.LargeCommunities:
      return copy(target, at, bytes, from, value + length)
    default:
      return copyUnknown(target, at, bytes, from, value + length, transparent)
  }
}

/** RFC 4271 §9: unrecognised transitive attributes go on with the Partial bit, non-transitive ones stay here. */
const copyUnknown = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  from: number,
  to: number,
  transparent: boolean
): number => {
  if (transparent) return copy(target, at, bytes, from, to)
  if ((bytes[from] & AttributeFlag.Transitive) === 0) return at
  const end = copy(target, at, bytes, from, to)
  target[at] |= AttributeFlag.Partial
  return end
}

const copy = (target: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number => {
  for (let index = from; index < to; index++) target[at++] = bytes[index]
  return at
}

const writeHeader = (target: Uint8Array, at: number, flags: number, type: number, length: number): number => {
  const extended = length > 255
  target[at] = extended ? flags | AttributeFlag.ExtendedLength : flags
  target[at + 1] = type
  if (extended) {
    target[at + 2] = length >>> 8
    target[at + 3] = length
    return at + 4
  }
  target[at + 2] = length
  return at + 3
}

const writeWord = (target: Uint8Array, at: number, flags: number, type: number, word: number): number =>
  putWord(target, writeHeader(target, at, flags, type, 4), word)

export const putWord = (target: Uint8Array, at: number, word: number): number => {
  target[at] = word >>> 24
  target[at + 1] = word >>> 16
  target[at + 2] = word >>> 8
  target[at + 3] = word
  return at + 4
}

const putAs = (target: Uint8Array, at: number, asn: number, as4: boolean): number => {
  if (as4) return putWord(target, at, asn)
  const short = asn > 0xffff ? AS_TRANS : asn
  target[at] = short >>> 8
  target[at + 1] = short
  return at + 2
}

/** RFC 4271 §5.1.2: prepends to the first sequence if there is room for one more member, else as a segment of its own. */
const writeAsPath = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  prepend: number,
  as4: boolean
): number => {
  const joins = prepend !== 0 && length > 0 && bytes[value] === AS_SEQUENCE && bytes[value + 1] < 255
  const size = as4 ? 4 : 2
  let newLength = prepend === 0 ? 0 : joins ? size : size + 2
  let lossy = !as4 && prepend > 0xffff
  for (let from = value; from < value + length; from += 2 + bytes[from + 1] * 4) {
    newLength += 2 + bytes[from + 1] * size
    if (!as4) for (let member = 0; member < bytes[from + 1]; member++) lossy ||= wordAt(bytes, from + 2 + member * 4) > 0xffff
  }
  at = writeHeader(target, at, 0x40, AttributeType.AsPath, newLength)
  at = writeSegments(target, at, bytes, value, length, prepend, joins, as4)
  return lossy ? writeAs4Path(target, at, bytes, value, length, prepend, joins) : at
}

const writeSegments = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  prepend: number,
  joins: boolean,
  as4: boolean
): number => {
  if (prepend !== 0 && !joins) {
    target[at++] = AS_SEQUENCE
    target[at++] = 1
    at = putAs(target, at, prepend, as4)
  }
  for (let from = value; from < value + length; ) {
    const count = bytes[from + 1]
    const first = from === value && joins
    target[at++] = bytes[from]
    target[at++] = first ? count + 1 : count
    if (first) at = putAs(target, at, prepend, as4)
    from += 2
    for (let member = 0; member < count; member++, from += 4) at = putAs(target, at, wordAt(bytes, from), as4)
  }
  return at
}

/** RFC 6793 §4.2.2: what AS_TRANS hides travels in AS4_PATH, without confederation segments. */
const writeAs4Path = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  prepend: number,
  joins: boolean
): number => {
  const start = at
  const body = new Uint8Array(length + 6)
  const whole = writeSegments(body, 0, bytes, value, length, prepend, joins, true)
  at += 4
  for (let from = 0; from < whole; ) {
    const to = from + 2 + body[from + 1] * 4
    if (body[from] < CONFED_SEQUENCE) at = copy(target, at, body, from, to)
    from = to
  }
  target[start] = 0xd0
  target[start + 1] = AttributeType.As4Path
  target[start + 2] = (at - start - 4) >>> 8
  target[start + 3] = at - start - 4
  return at
}

const writeAggregator = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  as4: boolean
): number => {
  if (as4) return copy(target, writeHeader(target, at, 0xc0, AttributeType.Aggregator, length), bytes, value, value + length)
  const asn = wordAt(bytes, value)
  at = putAs(target, writeHeader(target, at, 0xc0, AttributeType.Aggregator, 6), asn, false)
  at = copy(target, at, bytes, value + 4, value + 8)
  if (asn <= 0xffff) return at
  return copy(target, writeHeader(target, at, 0xc0, AttributeType.As4Aggregator, 8), bytes, value, value + 8)
}

const writeClusterList = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  prepend: number
): number => {
  at = writeHeader(target, at, 0x80, AttributeType.ClusterList, prepend === 0 ? length : length + 4)
  if (prepend !== 0) at = putWord(target, at, prepend)
  return copy(target, at, bytes, value, value + length)
}

/** RFC 4360 §6: non-transitive communities do not cross an AS boundary. */
const writeTransitive = (target: Uint8Array, at: number, bytes: Uint8Array, value: number, length: number): number => {
  let kept = 0
  for (let from = value; from < value + length; from += 8) if ((bytes[from] & 0x40) === 0) kept += 8
  if (kept === 0) return at
  at = writeHeader(target, at, 0xc0, AttributeType.ExtendedCommunities, kept)
  for (let from = value; from < value + length; from += 8) {
    if ((bytes[from] & 0x40) === 0) at = copy(target, at, bytes, from, from + 8)
  }
  return at
}
