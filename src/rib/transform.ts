// Path attributes as they leave us. Writing takes only the stored set, the source of the route and the parameters of the export
// class, so that nothing that belongs to one peer can leak into bytes that many peers share. Attributes go out in ascending order of
// type; what is inserted finds its place while the rest is copied, and nothing behind it is lost.
import { AttributeFlag, AttributeType, type Family, isRouted, RoleValue } from "../wire/index.ts"
import { wordAt } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { AS_IT_CAME } from "./carried.ts"
import { putAs, writeAs4Path, writeAsPath } from "./export-path.ts"
import { isInternal, isOutside, PeerKind as Kind, NO_ROLE, type PeerKind } from "./peers.ts"
import { copy, putWord, writeHeader, writeWord } from "./put.ts"

/** Everything that decides what attributes and encoding the members of a class get. */
export interface ExportParameters {
  readonly family: Family
  readonly kind: PeerKind
  /** Our AS number on the session. */
  readonly localAs: number
  /** The router's AS number, where the session speaks with another one: it stands behind `localAs` in AS_PATH. Else 0. */
  readonly routerAs: number
  /** Replaced by `localAs` wherever it stands in AS_PATH; 0: nothing is. */
  readonly overriddenAs: number
  /** The peer's role (RFC 9234), or NO_ROLE. */
  readonly role: number
  /** The peer knows what LLGR_STALE means (RFC 9494). */
  readonly longLived: boolean
  /** IPv4 routes may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean
  readonly clusterId: number
  /** Routes from other ASes get our own address as next hop, also inside. */
  readonly nextHopSelfInside?: boolean
  /** 4-octet AS numbers were negotiated (RFC 6793). */
  readonly as4: boolean
  /** Longest message. */
  readonly messageBytesMax: number
  /** How many paths of a prefix are told, each under an identifier (RFC 7911); 0: the best one, without. */
  readonly addPathSend: number
  /** Our own address on the session in words; empty when there is none that can be a next hop of the family. */
  readonly nextHopSelf: ReadonlyArray<number>
  /** Export policy lets routes out (RFC 8212). */
  readonly open: boolean
  /** The name of the policy that is asked, where `open`; absent: everything goes out as it is. */
  readonly policy?: string
}

/** Where a route comes from, as far as its attributes depend on it. */
export interface RouteSource {
  local: boolean
  internal: boolean
  routerId: number
}

/**
 * The next hop that a class is told, in words: our own address towards external peers, for routes of our own, and where the route's
 * cannot be said in this class; else the route's. Empty where none can be said: a route server has nothing to say for what its client cannot
 * read, for it forwards nothing (RFC 7947 §2.2.1). Four words need MP_REACH_NLRI.
 */
export const exportedNextHop = (
  store: AttributeStore,
  id: AttributeId,
  source: Pick<RouteSource, "local" | "internal">,
  to: ExportParameters
): ReadonlyArray<number> => {
  if (!isRouted(to.family)) return AS_IT_CAME
  if (to.kind === Kind.External || source.local) return to.nextHopSelf
  if (to.nextHopSelfInside === true && !source.internal) return to.nextHopSelf
  const stored = store.nextHops.addresses[store.nextHop[id]]
  const fits = to.family === 1 ? stored.family === 6 : stored.family === 4 || to.extendedNextHop
  if (fits && !isUnspecified(stored.words)) return stored.words
  return to.kind === Kind.RouteServerClient ? UNSAYABLE : to.nextHopSelf
}

const UNSAYABLE: ReadonlyArray<number> = []

const isUnspecified = (words: ReadonlyArray<number>): boolean => {
  for (const word of words) if (word !== 0) return false
  return true
}

/** Writes the attribute block of set `id` at `at` and returns its end. MP_REACH_NLRI, where the next hop needs it, is the caller's. */
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
  const reflected = isInternal(to.kind) && source.internal
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
const INSERTED: ReadonlyArray<number> = [
  AttributeType.NextHop,
  AttributeType.LocalPref,
  AttributeType.OriginatorId,
  AttributeType.ClusterList,
  AttributeType.As4Path,
  AttributeType.As4Aggregator,
  AttributeType.OnlyToCustomer
]

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
  switch (type) {
    case AttributeType.NextHop:
      return writeNextHop(target, at, store, id, source, to)
    case AttributeType.LocalPref:
      return isOutside(to.kind) ? at : writeWord(target, at, 0x40, type, store.localPref[id])
    case AttributeType.OnlyToCustomer:
      return isDownhill(to) ? writeWord(target, at, 0xc0, type, to.localAs) : at
    case AttributeType.As4Path:
    case AttributeType.As4Aggregator:
      return to.as4 ? at : insertWide(target, at, type, store, id, source, to)
    default:
      if (!reflected) return at
      return writeWord(target, at, 0x80, type, type === AttributeType.OriginatorId ? source.routerId : to.clusterId)
  }
}

/** What a two-octet speaker cannot read, for those behind it who can (RFC 6793 §4.2.2). */
const insertWide = (
  target: Uint8Array,
  at: number,
  type: number,
  store: AttributeStore,
  id: AttributeId,
  source: RouteSource,
  to: ExportParameters
): number => {
  const bytes = store.chunkOf(id)
  const end = store.blockEndOf(id)
  for (let from = store.startOf(id); from < end; ) {
    const extended = (bytes[from] & AttributeFlag.ExtendedLength) !== 0
    const length = extended ? (bytes[from + 2] << 8) | bytes[from + 3] : bytes[from + 2]
    const value = from + (extended ? 4 : 3)
    if (type === AttributeType.As4Path && bytes[from + 1] === AttributeType.AsPath) {
      return writeAs4Path(target, at, bytes, value, length, to, source.local)
    }
    if (type === AttributeType.As4Aggregator && bytes[from + 1] === AttributeType.Aggregator) {
      if (wordAt(bytes, value) <= 0xffff) return at
      return copy(target, writeHeader(target, at, 0xc0, type, 8), bytes, value, value + 8)
    }
    from = value + length
  }
  return at
}

/** RFC 9234 §5: from here on a route only goes down, to customers. */
const isDownhill = (to: ExportParameters): boolean =>
  to.role === RoleValue.Customer || to.role === RoleValue.Peer || to.role === RoleValue.RouteServerClient

/** RFC 9234 §5: a route with ONLY_TO_CUSTOMER goes neither up nor sideways. */
export const refusesMarked = (to: ExportParameters): boolean =>
  to.role !== NO_ROLE &&
  (to.role === RoleValue.Provider || to.role === RoleValue.Peer || to.role === RoleValue.RouteServer)

const writeNextHop = (
  target: Uint8Array,
  at: number,
  store: AttributeStore,
  id: AttributeId,
  source: RouteSource,
  to: ExportParameters
): number => {
  if (to.family !== 0) return at
  const words = exportedNextHop(store, id, source, to)
  return words.length === 1 ? writeWord(target, at, 0x40, AttributeType.NextHop, words[0]) : at
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
      return writeAsPath(target, at, bytes, value, length, to, source.local)
    case AttributeType.NextHop:
      return writeNextHop(target, at, store, id, source, to)
    case AttributeType.Med:
      // RFC 4271 §5.1.4: the MED of one neighbouring AS is not passed on to another.
      return external && !source.local ? at : copy(target, at, bytes, from, value + length)
    case AttributeType.LocalPref:
      return external || transparent ? at : copy(target, at, bytes, from, value + length)
    case AttributeType.Aggregator:
      return writeAggregator(target, at, bytes, value, length, to.as4)
    case AttributeType.OriginatorId:
      return isReflection(to.kind) ? copy(target, at, bytes, from, value + length) : at
    case AttributeType.ClusterList:
      return !isReflection(to.kind)
        ? at
        : writeClusterList(target, at, bytes, value, length, reflected ? to.clusterId : 0)
    case AttributeType.ExtendedCommunities:
      return external
        ? writeTransitive(target, at, bytes, value, length)
        : copy(target, at, bytes, from, value + length)
    case AttributeType.Origin:
    case AttributeType.AtomicAggregate:
    case AttributeType.Communities:
    case AttributeType.LargeCommunities:
    case AttributeType.OnlyToCustomer:
      return copy(target, at, bytes, from, value + length)
    default:
      return copyUnknown(target, at, bytes, from, value + length, transparent)
  }
}

/** RFC 4456 §8: what reflectors say to each other stays in the AS, or the member AS; a route server changes nothing (RFC 7947 §2.2). */
const isReflection = (kind: PeerKind): boolean => isInternal(kind) || kind === Kind.RouteServerClient

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

const writeAggregator = (
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  value: number,
  length: number,
  as4: boolean
): number => {
  if (as4)
    return copy(target, writeHeader(target, at, 0xc0, AttributeType.Aggregator, length), bytes, value, value + length)
  const asn = wordAt(bytes, value)
  at = putAs(target, writeHeader(target, at, 0xc0, AttributeType.Aggregator, 6), asn, false)
  return copy(target, at, bytes, value + 4, value + 8)
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
