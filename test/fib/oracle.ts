// The dumb oracle: what should be forwarded how, computed from nothing but the list of links, addresses and routes, with no state
// and no cleverness. Shares are exact fractions; a path is looped if its path-list can be reached from where the path leads.

export interface Topology {
  /** Interfaces that can carry traffic: name → subnets as [network, length, own address]. */
  readonly links: ReadonlyArray<{
    readonly name: string
    readonly up: boolean
    readonly addresses: ReadonlyArray<string>
  }>
  /** Routes of all sources: prefix, next hops, rank (static by distance, then BGP). */
  readonly routes: ReadonlyArray<{
    readonly prefix: string
    readonly via: ReadonlyArray<string>
    readonly rank: number
  }>
}

interface Entry {
  readonly network: number
  readonly length: number
  readonly rank: number
  readonly order: number
  /** A link, our own address, or next hops. */
  readonly target: { readonly link: string } | { readonly own: true } | { readonly via: ReadonlyArray<string> }
}

/** prefix → `gateway@link*weight …`; prefixes without a way out are left out, and so are connected ones. */
export const expected = (topology: Topology): Record<string, string> => {
  const best = bestEntries(topology)
  const result: Record<string, string> = {}
  for (const entry of best) {
    if (!("via" in entry.target)) continue
    const shares = resolve(best, entry.target.via)
    if (shares.size > 0) result[`${textOf(entry.network)}/${entry.length}`] = weights(shares)
  }
  return result
}

const bestEntries = ({ links, routes }: Topology): ReadonlyArray<Entry> => {
  const all: Array<Entry> = []
  links.forEach(({ name, up, addresses }, order) => {
    for (const text of addresses) {
      const [address, length] = split(text)
      all.push({ network: address, length: 32, rank: -2, order, target: { own: true } })
      if (!up) continue
      all.push({ network: mask(address, length), length, rank: -1, order, target: { link: name } })
    }
  })
  routes.forEach(({ prefix, via, rank }, order) => {
    const [network, length] = split(prefix)
    all.push({ network, length, rank, order, target: { via: [...new Set(via)].sort() } })
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

/** The longest match for an address. */
const coverOf = (entries: ReadonlyArray<Entry>, address: number): Entry | undefined =>
  entries
    .filter((entry) => mask(address, entry.length) === entry.network)
    .reduce<Entry | undefined>((a, b) => (a === undefined || b.length > a.length ? b : a), undefined)

const onward = (entries: ReadonlyArray<Entry>, nextHop: string): ReadonlyArray<string> | undefined => {
  const target = coverOf(entries, parse(nextHop))?.target
  return target !== undefined && "via" in target ? target.via : undefined
}

/** Whether following next hops from `from` comes to the set `to`. */
const reaches = (
  entries: ReadonlyArray<Entry>,
  from: ReadonlyArray<string>,
  to: ReadonlyArray<string>,
  seen = new Set<string>()
): boolean => {
  if (from.join() === to.join()) return true
  if (seen.has(from.join())) return false
  seen.add(from.join())
  return from.some((nextHop) => {
    const next = onward(entries, nextHop)
    return next !== undefined && reaches(entries, next, to, seen)
  })
}

/** Neighbour → share of the traffic, as [numerator, denominator]. */
const resolve = (entries: ReadonlyArray<Entry>, via: ReadonlyArray<string>): Map<string, readonly [bigint, bigint]> => {
  const parts: Array<Map<string, readonly [bigint, bigint]>> = []
  for (const nextHop of via) {
    const target = coverOf(entries, parse(nextHop))?.target
    if (target === undefined || "own" in target) continue
    if ("link" in target) parts.push(new Map([[`${nextHop}@${target.link}`, [1n, 1n]]]))
    else if (!reaches(entries, target.via, via)) {
      const below = resolve(entries, target.via)
      if (below.size > 0) parts.push(below)
    }
  }
  const shares = new Map<string, readonly [bigint, bigint]>()
  for (const part of parts) {
    for (const [leaf, [numerator, denominator]] of part) {
      const [n, d] = shares.get(leaf) ?? [0n, 1n]
      const scaled = denominator * BigInt(parts.length)
      shares.set(leaf, [n * scaled + numerator * d, d * scaled])
    }
  }
  return shares
}

const weights = (shares: Map<string, readonly [bigint, bigint]>): string => {
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
