// What a whole router should do, by reading: every path in a list, the best one found by removing the others, and for each neighbour what
// it may have of them. Kinds of neighbours, confederation, path identifiers, several paths and shares at once.
// RFC 4271 §9.1.2.2, 4456, 5065, 7911, 7947 §2.3, 1997, draft-ietf-idr-link-bandwidth
import type { DecisionOptions } from "../../src/rib/index.ts"
import type { AsSegment, Attributes } from "../../src/wire/index.ts"
import { LOCAL_AS } from "./driver.ts"

export const CONFEDERATION = 4_200_000_500
export const MEMBER_AS = 65010
export const ROUTER_ID = 0x0a000001
export const CLUSTER = 0x0a0000c1

export type Kind = "external" | "internal" | "client" | "served" | "member"

/** Somebody on the other side of a session; `index` is also the order of addresses. Some of it changes while the router runs. */
export interface Neighbour {
  readonly index: number
  readonly address: string
  readonly asn: number
  id: number
  kind: Kind
  readonly as4: boolean
  /** It sends path identifiers. */
  readonly sendsIds: boolean
  /** So many paths of a prefix it is told, each with an identifier; 0: one, without. */
  paths: number
  readonly families: ReadonlyArray<0 | 1>
  readonly extended: boolean
  readonly graceful: boolean
  /** It knows the marks around a table that is told again (RFC 7313). */
  readonly marks: boolean
  nextHopSelf: boolean
  weight: number
  open: boolean
  readonly ownAsAllowed: number
  readonly overrides: boolean
  readonly localAs: number | undefined
}

export interface Path {
  /** `undefined`: of our own. */
  readonly from: Neighbour | undefined
  readonly family: 0 | 1
  readonly prefix: number
  readonly id: number
  readonly attributes: Attributes
  /** The last word of its next hop. */
  readonly nextHop: number
  readonly stale: boolean
  /** It was there when its neighbour began to tell its table again, and has not been told since. */
  readonly isOld?: boolean
}

export interface World {
  readonly inConfederation: boolean
  options: DecisionOptions
}

export const isInside = ({ kind }: Neighbour): boolean => kind === "internal" || kind === "client"
export const isOutside = ({ kind }: Neighbour): boolean => kind === "external" || kind === "served"
export const isOfMembers = ({ type }: AsSegment): boolean => type > 2

/** Our number towards the world or towards the confederation. */
export const usualAs = (to: Neighbour, { inConfederation }: World): number =>
  isOutside(to) && inConfederation ? CONFEDERATION : LOCAL_AS

const isEligible = ({ from, attributes }: Path, { inConfederation }: World): boolean => {
  if (from === undefined) return true
  if (!from.open && from.kind === "external") return false
  const { asPath = [], originatorId, clusterList } = attributes
  if (originatorId === ROUTER_ID || clusterList?.includes(CLUSTER) === true) return false
  const own = asPath.flatMap((segment) => {
    const name = inConfederation && !isOfMembers(segment) ? CONFEDERATION : LOCAL_AS
    return segment.members.filter((asn) => asn === name)
  })
  return own.length <= from.ownAsAllowed
}

const lengthOf = ({ asPath = [] }: Attributes): number =>
  asPath.reduce((sum, { type, members }) => sum + (type === 2 ? members.length : type === 1 ? 1 : 0), 0)

const neighbourAs = ({ asPath = [] }: Attributes): number => {
  const first = asPath.find((segment) => !isOfMembers(segment))
  return first?.type === 2 ? first.members[0]! : 0
}

type Key = (path: Path) => number

const lowest = (paths: ReadonlyArray<Path>, key: Key): ReadonlyArray<Path> => {
  const least = Math.min(...paths.map(key))
  return paths.filter((path) => key(path) === least)
}

const TIE_BREAKERS: ReadonlyArray<Key> = [
  ({ from, attributes }) => attributes.originatorId ?? from?.id ?? 0,
  ({ attributes }) => attributes.clusterList?.length ?? 0,
  ({ from }) => from?.index ?? 0,
  ({ id }) => id
]

/** Those that only the tie-breakers tell apart. */
const equals = (paths: ReadonlyArray<Path>, world: World): ReadonlyArray<Path> => {
  const { options } = world
  const med: Key = ({ attributes }) => attributes.med ?? (options.medMissingAsWorst === true ? 0xffff_ffff : 0)
  let left: ReadonlyArray<Path> = paths.filter((path) => isEligible(path, world))
  left = lowest(left, ({ from }) => (from === undefined ? 0 : 1))
  left = lowest(left, ({ from }) => -(from?.weight ?? 0))
  left = lowest(left, ({ attributes }) => -(attributes.localPref ?? 100))
  if (options.ignoreAsPathLength !== true) left = lowest(left, ({ attributes }) => lengthOf(attributes))
  left = lowest(left, ({ attributes }) => attributes.origin!)
  const isRival = (one: Path, other: Path): boolean =>
    options.alwaysCompareMed === true || neighbourAs(one.attributes) === neighbourAs(other.attributes)
  const rivals = left
  left = left.filter((path) => !rivals.some((rival) => isRival(rival, path) && med(rival) < med(path)))
  return lowest(left, ({ from }) => (from !== undefined && isOutside(from) ? 0 : 1))
}

export const bestOf = (paths: ReadonlyArray<Path>, world: World): Path | undefined =>
  TIE_BREAKERS.reduce(lowest, equals(paths, world))[0]

/** Who shares the traffic with the best one, and the bandwidth by which it does; nobody: none. */
export const sharingOf = (paths: ReadonlyArray<Path>, world: World): ReadonlyArray<readonly [Path, number]> => {
  const { multipath } = world.options
  const best = bestOf(paths, world)
  if (multipath === undefined || best?.from === undefined) return []
  const most = isOutside(best.from) ? multipath.external : multipath.internal
  const text = ({ attributes }: Path): string => JSON.stringify(attributes.asPath)
  const chosen: Array<Path> = []
  let left = equals(paths, world)
  while (left.length > 0 && chosen.length < most) {
    const next = TIE_BREAKERS.reduce(lowest, left)[0]!
    left = left.filter((path) => path !== next)
    if (!multipath.relaxAsPath && text(next) !== text(best)) continue
    if (!chosen.some(({ nextHop }) => nextHop === next.nextHop)) chosen.push(next)
  }
  if (chosen.length < 2) return []
  const bandwidths = chosen.map(bandwidthOf)
  const isWeighted = multipath.linkBandwidth && bandwidths.every((each) => each > 0)
  return chosen.map((path, at) => [path, isWeighted ? bandwidths[at]! : 1])
}

const bandwidthOf = ({ attributes }: Path): number => {
  const view = new DataView(new ArrayBuffer(4))
  const said = (attributes.extendedCommunities ?? [])
    .filter(([high]) => (high >>> 16) % 256 === 4 && [0x00, 0x40].includes(high >>> 24))
    .map(([, low]) => {
      view.setUint32(0, low)
      return view.getFloat32(0)
    })
  return Math.max(0, ...said)
}

const NO_EXPORT = 0xffffff01
const NO_ADVERTISE = 0xffffff02
const NO_EXPORT_SUBCONFED = 0xffffff03

const mayHear = (to: Neighbour, { from, attributes }: Path): boolean => {
  const { communities = [] } = attributes
  if (from === to || (!to.open && to.kind === "external")) return false
  if (communities.includes(NO_ADVERTISE)) return false
  if (communities.includes(NO_EXPORT_SUBCONFED) && !isInside(to)) return false
  if (communities.includes(NO_EXPORT) && isOutside(to)) return false
  const isReflected = from !== undefined && isInside(from) && isInside(to)
  return !isReflected || from.kind === "client" || to.kind === "client"
}

/** What a neighbour should hold of a prefix with these paths. */
export const toldTo = (to: Neighbour, paths: ReadonlyArray<Path>, world: World): ReadonlyArray<Path> => {
  if (to.paths === 0 && to.kind !== "served") {
    const best = bestOf(paths, world)
    return best !== undefined && mayHear(to, best) ? [best] : []
  }
  const wouldLoop = ({ attributes }: Path): boolean =>
    to.kind === "served" && attributes.asPath!.some(({ members }) => members.includes(to.asn))
  let left = paths.filter((path) => mayHear(to, path) && !wouldLoop(path))
  const told: Array<Path> = []
  for (let wanted = Math.max(1, to.paths); wanted > 0; wanted--) {
    const best = bestOf(left, world)
    if (best === undefined) break
    told.push(best)
    left = left.filter((path) => path !== best)
  }
  return told
}

/** What of a neighbour's attributes counts: some have no business to say some of them; a migration's number counts as passed. */
export const keptOf = (one: Neighbour, said: Attributes): Attributes => {
  const { localPref, originatorId, clusterList, asPath = [], ...rest } = said
  const isReflected = one.kind === "internal" || one.kind === "client"
  const [first, ...others] = asPath
  const passed =
    first?.type === 2
      ? [{ type: 2, members: [one.localAs!, ...first.members] }, ...others]
      : [{ type: 2, members: [one.localAs!] }, ...asPath]
  return {
    ...rest,
    asPath: one.localAs === undefined ? asPath : passed,
    ...(isOutside(one) || localPref === undefined ? {} : { localPref }),
    ...(isReflected && originatorId !== undefined ? { originatorId } : {}),
    ...(isReflected && clusterList !== undefined ? { clusterList } : {})
  }
}
