// The dumb oracle: what should be forwarded how, computed from nothing but the list of links, addresses, routes and sessions, with no
// state and no cleverness. Shares are exact fractions; a path is looped if its path-list can be reached from where the path leads.

export interface Topology {
  /** Name → subnets as `own address/length`. A link that was removed is not here, also if another one has its name by now. */
  readonly links: ReadonlyArray<{
    readonly name: string
    readonly up: boolean
    readonly addresses: ReadonlyArray<string>
  }>
  /**
   * Routes of all sources: prefix, paths, rank (the lowest is used). A path: `20.0.0.1`, `10.0.1.2 dev east`, `dev east`, then `weight 2`,
   * `pref 1`, `host`, `attached`. Instead of paths `drop`, `receive`, `unreachable`, `prohibit`.
   */
  readonly routes: ReadonlyArray<{
    readonly prefix: string
    readonly via: ReadonlyArray<string>
    readonly rank: number
  }>
  /** `10.0.1.2@east`. */
  readonly neighboursDown?: ReadonlySet<string>
  /** Addresses. */
  readonly sessionsDown?: ReadonlySet<string>
}

interface OraclePath {
  readonly address: string | undefined
  readonly dev: string | undefined
  readonly weight: bigint
  readonly preference: number
  readonly asks: ReadonlyArray<string>
}

type Target =
  | { readonly link: string }
  | { readonly nowhere: true }
  | { readonly paths: ReadonlyArray<OraclePath>; readonly name: string }

interface Entry {
  readonly network: number
  readonly length: number
  readonly rank: number
  readonly order: number
  readonly target: Target
}

type Share = readonly [bigint, bigint]
type Shares = ReadonlyMap<string, Share>

/** prefix → `gateway@link*weight …`; prefixes without a way out are left out, and so are connected ones. */
export const expected = (topology: Topology): Record<string, string> => {
  const world = { topology, entries: bestEntries(topology) }
  const result: Record<string, string> = {}
  for (const { network, length, target } of world.entries) {
    if (!("paths" in target)) continue
    const shares = resolve(world, target)
    if (shares.size > 0) result[`${textOf(network)}/${length}`] = weights(shares)
  }
  return result
}

interface World {
  readonly topology: Topology
  readonly entries: ReadonlyArray<Entry>
}

const bestEntries = ({ links, routes }: Topology): ReadonlyArray<Entry> => {
  const all: Array<Entry> = []
  links.forEach(({ name, up, addresses }, order) => {
    for (const text of addresses) {
      const [address, length] = split(text)
      all.push({ network: address, length: 32, rank: -2, order, target: { nowhere: true } })
      if (!up) continue
      all.push({ network: mask(address, length), length, rank: -1, order, target: { link: name } })
    }
  })
  routes.forEach(({ prefix, via, rank }, order) => {
    const [network, length] = split(prefix)
    all.push({ network, length, rank, order, target: targetOf(via) })
  })
  const best = new Map<string, Entry>()
  for (const entry of all) {
    const key = `${entry.network}/${entry.length}`
    const other = best.get(key)
    if (other === undefined || entry.rank < other.rank || (entry.rank === other.rank && entry.order < other.order)) {
      best.set(key, entry)
    }
  }
  return [...best.values()]
}

const targetOf = (via: ReadonlyArray<string>): Target => {
  if (["drop", "receive", "unreachable", "prohibit"].includes(via[0])) return { nowhere: true }
  const texts = [...new Set(via)].sort()
  return { paths: texts.map(pathFrom), name: texts.join() }
}

const pathFrom = (text: string): OraclePath => {
  const words = text.split(" ")
  const after = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined
  return {
    address: words[0] === "dev" ? undefined : words[0],
    dev: after("dev"),
    weight: BigInt(after("weight") ?? 1),
    preference: Number(after("pref") ?? 0),
    asks: words.filter((word) => word === "host" || word === "attached")
  }
}

/** The longest match for an address. */
const coverOf = ({ entries }: World, address: string): Entry | undefined =>
  entries
    .filter((entry) => mask(parse(address), entry.length) === entry.network)
    .reduce<Entry | undefined>((a, b) => (a === undefined || b.length > a.length ? b : a), undefined)

/** The one link that everything behind the target is on. */
const linkBehind = (target: Target | undefined): string | undefined => {
  if (target === undefined || "nowhere" in target) return undefined
  if ("link" in target) return target.link
  const [only, ...others] = target.paths
  return others.length === 0 && only.address === undefined ? only.dev : undefined
}

/** Where a path without a link leads on to. */
const onward = (world: World, { address, dev }: OraclePath): Target | undefined => {
  const target = dev !== undefined || address === undefined ? undefined : coverOf(world, address)?.target
  return target !== undefined && "paths" in target && linkBehind(target) === undefined ? target : undefined
}

/** Whether following paths from one target comes to the paths called `name`. */
const reaches = (world: World, from: Target, name: string, seen = new Set<string>()): boolean => {
  if (!("paths" in from)) return false
  if (from.name === name) return true
  if (seen.has(from.name)) return false
  seen.add(from.name)
  return from.paths.some((path) => {
    const next = onward(world, path)
    return next !== undefined && reaches(world, next, name, seen)
  })
}

/** Neighbour → share of the traffic, as [numerator, denominator]: of the lowest preference that leads anywhere. */
const resolve = (world: World, target: Target): Shares => {
  if (!("paths" in target)) return new Map()
  for (const preference of [...new Set(target.paths.map((path) => path.preference))].sort((a, b) => a - b)) {
    const parts = target.paths
      .filter((path) => path.preference === preference)
      .map((path) => ({ weight: path.weight, shares: through(world, path, target.name) }))
      .filter(({ shares }) => shares.size > 0)
    if (parts.length > 0) return sum(parts)
  }
  return new Map()
}

const through = (world: World, path: OraclePath, name: string): Shares => {
  const { address, dev, asks } = path
  if (dev !== undefined) return neighbour(world, address ?? "", dev)
  if (address === undefined || world.topology.sessionsDown?.has(address) === true) return new Map()
  const cover = coverOf(world, address)
  const link = linkBehind(cover?.target)
  if (asks.includes("host") && link === undefined && cover?.length !== 32) return new Map()
  if (asks.includes("attached") && link === undefined) return new Map()
  if (link !== undefined) return neighbour(world, address, link)
  const next = onward(world, path)
  return next === undefined || reaches(world, next, name) ? new Map() : resolve(world, next)
}

const neighbour = ({ topology }: World, address: string, dev: string): Shares => {
  const isUp = topology.links.some(({ name, up }) => name === dev && up)
  const isThere = isUp && topology.neighboursDown?.has(`${address}@${dev}`) !== true
  return isThere ? new Map([[`${address}@${dev}`, [1n, 1n]]]) : new Map()
}

const sum = (parts: ReadonlyArray<{ readonly weight: bigint; readonly shares: Shares }>): Shares => {
  const whole = parts.reduce((total, { weight }) => total + weight, 0n)
  const shares = new Map<string, Share>()
  for (const part of parts) {
    for (const [leaf, [numerator, denominator]] of part.shares) {
      const [n, d] = shares.get(leaf) ?? [0n, 1n]
      const scaled = denominator * whole
      shares.set(leaf, [n * scaled + numerator * part.weight * d, d * scaled])
    }
  }
  return shares
}

const weights = (shares: Shares): string => {
  const common = [...shares.values()].reduce((product, [, denominator]) => product * denominator, 1n)
  const whole = [...shares].map(([leaf, [n, d]]) => [leaf, (n * common) / d] as const)
  const divisor = whole.reduce((a, [, b]) => gcd(a, b), 0n)
  return whole
    .map(([leaf, weight]) => `${leaf}*${weight / divisor}`)
    .sort()
    .join(" ")
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b))

const parse = (text: string): number => text.split(".").reduce((word, octet) => ((word << 8) | Number(octet)) >>> 0, 0)
const textOf = (word: number): string => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join(".")
const mask = (word: number, length: number): number => (length === 0 ? 0 : (word & (-1 << (32 - length))) >>> 0)
const split = (text: string): readonly [number, number] => {
  const [address, length] = text.split("/")
  return [parse(address), Number(length)]
}
