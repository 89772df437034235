// A RIB that anybody can check by reading: paths in an array, the best one found by removing the others step by step, what a peer hears
// built as an object and written by the plain encoder. RFC 4271 §9.1.2.2, RFC 4456, RFC 5065, RFC 6793 §4.2.2, RFC 1997, RFC 7947
import { type DecisionOptions, PeerKind } from "../../src/rib/index.ts"
import {
  type Address,
  type AsSegment,
  type Attributes,
  encodeAttributes,
  type OpaqueAttribute
} from "../../src/wire/index.ts"

export const LOCAL_AS = 65001
export const CONFEDERATION = 4_200_000_500
export const ROUTER_ID = 0x0a000001
export const CLUSTER = 0x0a0000c1
export const NO_EXPORT = 0xffffff01
export const NO_ADVERTISE = 0xffffff02
export const NO_EXPORT_SUBCONFED = 0xffffff03

export interface NaivePeer {
  readonly index: number
  readonly kind: PeerKind
  readonly asn: number
  readonly id: number
  readonly as4: boolean
  readonly weight?: number
  readonly nextHopSelf?: boolean
}

export interface NaivePath {
  readonly peer: NaivePeer
  readonly attributes: Attributes
}

export interface World {
  readonly options: DecisionOptions
  readonly inConfederation: boolean
  /** What we say for ourselves as next hop; `undefined`: in this family next hops go on as they came. */
  readonly self: Address | undefined
  /** By a peer's number: the interior cost of its next hop, where next hops are resolved. */
  readonly metrics: ReadonlyArray<number>
}

const isInternal = ({ kind }: NaivePeer): boolean => kind === PeerKind.Internal || kind === PeerKind.ReflectorClient
const isOutside = ({ kind }: NaivePeer): boolean => kind === PeerKind.External || kind === PeerKind.RouteServerClient
const isOfMembers = ({ type }: AsSegment): boolean => type > 2

/** Our AS number, or our confederation's, towards a peer. */
export const localAsTo = (to: NaivePeer, { inConfederation }: World): number =>
  inConfederation && isOutside(to) ? CONFEDERATION : LOCAL_AS

const isLoop = ({ attributes }: NaivePath, { inConfederation }: World): boolean =>
  attributes.originatorId === ROUTER_ID ||
  attributes.clusterList?.includes(CLUSTER) === true ||
  attributes.asPath!.some((segment) =>
    segment.members.includes(inConfederation && !isOfMembers(segment) ? CONFEDERATION : LOCAL_AS)
  )

const lengthOf = ({ asPath }: Attributes): number =>
  asPath!.reduce((sum, { type, members }) => sum + (type === 2 ? members.length : type === 1 ? 1 : 0), 0)

const neighbourOf = ({ asPath }: Attributes): number => {
  const first = asPath!.find((segment) => !isOfMembers(segment))
  return first?.type === 2 ? first.members[0]! : 0
}

/** Remove, remove, remove. */
export const naiveBest = (paths: ReadonlyArray<NaivePath>, world: World, before?: NaivePeer): NaivePath | undefined => {
  const { options } = world
  let left = paths.filter((path) => !isLoop(path, world))
  const keepLowest = (key: (path: NaivePath) => number): void => {
    const lowest = Math.min(...left.map(key))
    left = left.filter((path) => key(path) === lowest)
  }
  const med = ({ attributes }: NaivePath): number =>
    attributes.med ?? (options.medMissingAsWorst === true ? 0xffff_ffff : 0)
  keepLowest(({ peer }) => -(peer.weight ?? 0))
  keepLowest(({ attributes }) => -(attributes.localPref ?? 100))
  if (options.ignoreAsPathLength !== true) keepLowest(({ attributes }) => lengthOf(attributes))
  keepLowest(({ attributes }) => attributes.origin!)
  if (options.alwaysCompareMed === true) keepLowest(med)
  else {
    const rivals = left
    left = left.filter(
      (path) =>
        !rivals.some(
          (rival) => neighbourOf(rival.attributes) === neighbourOf(path.attributes) && med(rival) < med(path)
        )
    )
  }
  keepLowest(({ peer }) => (isOutside(peer) ? 0 : 1))
  keepLowest(({ peer }) => world.metrics[peer.index] ?? 0)
  const existing = left.find(({ peer }) => peer === before)
  if (options.preferOlder === true && existing !== undefined && isOutside(existing.peer)) {
    left = left.filter(({ peer }) => peer === existing.peer || peer.id === existing.peer.id)
  }
  keepLowest(({ peer, attributes }) => attributes.originatorId ?? peer.id)
  keepLowest(({ attributes }) => attributes.clusterList?.length ?? 0)
  keepLowest(({ peer }) => peer.index)
  return left[0]
}

/** Whether a kind of peer may have a route at all, whoever of that kind it is. */
const mayHear = (to: NaivePeer, { peer, attributes }: NaivePath): boolean => {
  const { communities = [] } = attributes
  if (communities.includes(NO_ADVERTISE)) return false
  if (!isInternal(to) && communities.includes(NO_EXPORT_SUBCONFED)) return false
  if (isOutside(to) && communities.includes(NO_EXPORT)) return false
  if (!isInternal(to) || !isInternal(peer)) return true
  return to.kind === PeerKind.ReflectorClient || peer.kind === PeerKind.ReflectorClient
}

/** What a peer holds of a prefix, or nothing. */
export const naiveTold = (
  to: NaivePeer,
  paths: ReadonlyArray<NaivePath>,
  best: NaivePath | undefined,
  world: World
): Attributes | undefined => {
  let told = best
  if (to.kind === PeerKind.RouteServerClient) {
    // RFC 7947 §2.3: the best of what this client may have; what is best anyway stays so for it, too [RFC 5004].
    const allowed = paths.filter((path) => path.peer !== to && mayHear(to, path) && !isInPath(path.attributes, to.asn))
    told = naiveBest(allowed, world, best?.peer)
  }
  if (told === undefined || told.peer === to || !mayHear(to, told)) return undefined
  return exported(to, told, world)
}

const isInPath = ({ asPath }: Attributes, asn: number): boolean => asPath!.some(({ members }) => members.includes(asn))

const exported = (to: NaivePeer, { peer, attributes }: NaivePath, world: World): Attributes => {
  const { localPref = 100, originatorId, clusterList, med, nextHop, ...rest } = attributes
  const isReflected = isInternal(to) && isInternal(peer)
  const isServed = to.kind === PeerKind.RouteServerClient
  const isOurs = to.kind === PeerKind.External || (to.nextHopSelf === true && !isInternal(peer))
  const communities = extendedTo(to, attributes)
  const unknown = unknownTo(to, attributes)
  const { extendedCommunities: _, unknown: __, ...plain } = rest
  return {
    ...plain,
    asPath: pathTo(to, attributes.asPath!, localAsTo(to, world)),
    nextHop: isOurs && world.self !== undefined ? world.self : nextHop!,
    ...(to.kind === PeerKind.External || med === undefined ? {} : { med }),
    ...(isOutside(to) ? {} : { localPref }),
    ...(isReflected ? { originatorId: originatorId ?? peer.id, clusterList: [CLUSTER, ...(clusterList ?? [])] } : {}),
    ...(!isReflected && (isInternal(to) || isServed) && originatorId !== undefined ? { originatorId } : {}),
    ...(!isReflected && (isInternal(to) || isServed) && clusterList !== undefined ? { clusterList } : {}),
    ...(communities === undefined || communities.length === 0 ? {} : { extendedCommunities: communities }),
    ...(unknown.length === 0 ? {} : { unknown })
  }
}

const pathTo = (to: NaivePeer, path: ReadonlyArray<AsSegment>, localAs: number): ReadonlyArray<AsSegment> => {
  const told = isOutside(to) ? path.filter((segment) => !isOfMembers(segment)) : path
  const type = to.kind === PeerKind.ConfederationMember ? 3 : to.kind === PeerKind.External ? 2 : 0
  if (type === 0) return told
  const [first, ...others] = told
  return first?.type === type && first.members.length < 255
    ? [{ type, members: [localAs, ...first.members] }, ...others]
    : [{ type, members: [localAs] }, ...told]
}

/** RFC 4360 §6: what is not transitive stays in the AS; a confederation is one. */
const extendedTo = (to: NaivePeer, { extendedCommunities }: Attributes): Attributes["extendedCommunities"] =>
  to.kind === PeerKind.External
    ? extendedCommunities?.filter(([high]) => ((high >>> 24) & 0x40) === 0)
    : extendedCommunities

const unknownTo = (to: NaivePeer, { unknown = [] }: Attributes): ReadonlyArray<OpaqueAttribute> =>
  to.kind === PeerKind.RouteServerClient
    ? unknown
    : unknown.filter(({ flags }) => (flags & 0x40) !== 0).map((one) => ({ ...one, flags: one.flags | 0x20 }))

/** Attributes as a speaker of 4 or 2 octets reads them. */
export const written = (attributes: Attributes, { as4 }: NaivePeer): Uint8Array => {
  if (as4) return encodeAttributes(attributes, true)
  const wide = attributes.asPath!.filter((segment) => !isOfMembers(segment))
  const isHidden = wide.some(({ members }) => members.some((asn) => asn > 0xffff))
  const { aggregator } = attributes
  return encodeAttributes(
    {
      ...attributes,
      ...(isHidden ? { as4Path: wide } : {}),
      ...(aggregator !== undefined && aggregator.asn > 0xffff ? { as4Aggregator: aggregator } : {})
    },
    false
  )
}
