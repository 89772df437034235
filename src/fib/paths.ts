// What a path is asked to be, and its name by content: two paths with the same name are one, in the same order whoever came first.
// A next hop with an interface is a neighbour there; one without is looked up, again and again; an interface without a next hop is
// the link itself, whoever is addressed. RFC 4271 §5.1.3 and §9.1.2.1 name the first two `immediate` and resolved.
import type { Address } from "../wire/index.ts"

/** What the entry that covers a next hop must be, as a set of bits. */
export const Constraint = {
  None: 0,
  /** A route to just that address: a less specific one that covers it does not count. */
  Host: 1,
  /** On a link of ours: recursion ends there. */
  Attached: 2
} as const

export interface PathSpec {
  /** Absent: everything is on the link. Then `ifindex` is there. */
  readonly address?: Address | undefined
  /** The link that the next hop is on; absent or 0: the route to it says. */
  readonly ifindex?: number
  /** Share of the traffic among paths of one preference; at least 1. */
  readonly weight?: number
  /** The lowest that is usable is used; the next one is kept in reserve. */
  readonly preference?: number
  readonly constraint?: number
  /** MPLS labels to push, the outermost first. RFC 3031 */
  readonly labels?: ReadonlyArray<number>
}

/** Where nothing else is said about an entry: its traffic is ours, or is discarded with or without a word. RFC 792, RFC 4443 */
export type SpecialKind = "receive" | "drop" | "unreachable" | "prohibit"

/** `4:c0000201`: the same text for the same address, in an order that does not depend on who came first. */
export const addressKey = (address: Address): string =>
  `${address.family}:${address.words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("")}`

/** Of what a path goes through, whatever the path asks of it. */
export const nextHopKey = ({ address, ifindex = 0 }: PathSpec, family: 0 | 1): string => {
  const where = address === undefined ? `${family === 0 ? 4 : 6}:` : addressKey(address)
  return ifindex === 0 ? where : `${where}%${ifindex}`
}

/** A path of a list, with everything said. */
export interface CanonicalPath {
  readonly nextHop: string
  readonly spec: PathSpec
  weight: number
  readonly preference: number
  readonly constraint: number
  readonly labels: ReadonlyArray<number>
}

/** Paths in the order of their names; one that is named twice weighs more, and one that is alone weighs nothing in particular. */
export const canonicalPaths = (specs: ReadonlyArray<PathSpec>, family: 0 | 1): ReadonlyArray<CanonicalPath> => {
  const wanted = new Map<string, CanonicalPath>()
  for (const spec of specs) {
    const { constraint = Constraint.None, labels = NO_LABELS, preference = 0 } = spec
    const nextHop = nextHopKey(spec, family)
    const weight = Math.max(1, spec.weight ?? 1)
    const key = `${String(preference).padStart(10, "0")} ${nextHop} ${constraint} ${labels.join("/")}`
    const same = wanted.get(key)
    if (same === undefined) wanted.set(key, { nextHop, spec, weight, preference, constraint, labels })
    else same.weight += weight
  }
  const paths = [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path)
  if (paths.length === 1) paths[0].weight = 1
  return paths
}

/** The name of a list of paths. What is as usual is left out. */
export const pathsKey = (paths: ReadonlyArray<CanonicalPath>): string =>
  paths
    .map(({ nextHop, weight, preference, constraint, labels }) => {
      const asked = constraint === Constraint.None ? "" : `!${constraint}`
      return `${nextHop}*${weight}${preference === 0 ? "" : `@${preference}`}${asked}${labelsKey(labels)}`
    })
    .join(" ")

export const labelsKey = (labels: ReadonlyArray<number>): string => (labels.length === 0 ? "" : ` L${labels.join("/")}`)

export const NO_LABELS: ReadonlyArray<number> = []
