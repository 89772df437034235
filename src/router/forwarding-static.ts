// Static routes of the configuration as differences: a route that stays is left alone, a new one comes before the old one goes, so that
// nothing is without a route in between. Routes for one prefix are one list of paths with the distance as their preference: what is
// farther is in reserve, and takes over when nothing nearer leads anywhere. A next hop with a link waits for a link of that name.
import { type Fib, type PathSpec, type Source, SourceRank } from "../fib/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { type Prefix, parseAddress, parsePrefix } from "../wire/index.ts"
import type { StaticRoute } from "./config.ts"

interface Installed {
  /** What it was made of, links by their serial numbers: another link of the same name makes another route. */
  readonly made: string
  readonly family: 0 | 1
  readonly prefix: PrefixId
  readonly source: Source
}

export class StaticRoutes {
  private readonly fib: Fib
  private routes: ReadonlyArray<StaticRoute> = []
  private installed = new Map<string, Installed>()
  private linksSeen = 0

  constructor(fib: Fib) {
    this.fib = fib
  }

  replace(routes: ReadonlyArray<StaticRoute>): void {
    this.routes = routes
    this.update()
  }

  /** Links may have come that routes wait for. */
  linksChanged(): void {
    if (this.linksSeen === this.fib.interfaces.revision) return
    if (this.routes.some(({ via }) => via.some((text) => text.includes("%")))) this.update()
    this.linksSeen = this.fib.interfaces.revision
  }

  private update(): void {
    this.linksSeen = this.fib.interfaces.revision
    const byPrefix = new Map<string, Array<StaticRoute>>()
    for (const route of this.routes) {
      // What discards always leads where it leads: it is a source of its own, after all that is nearer.
      const key = route.discard === undefined ? route.prefix : `${route.prefix} ${route.discard}`
      const same = byPrefix.get(key)
      if (same === undefined) byPrefix.set(key, [route])
      else same.push(route)
    }
    const wanted = new Map<string, Installed>()
    for (const [key, routes] of byPrefix) {
      const made = routes[0].discard === undefined ? this.install(key, routes) : this.installDiscard(key, routes[0])
      if (made !== undefined) wanted.set(key, made)
    }
    for (const [key, old] of this.installed) {
      if (wanted.get(key) !== old) this.fib.removeSource(old.family, old.prefix, old.source)
    }
    this.installed = wanted
  }

  /** The configuration was checked before it came here; what does not parse is left out. */
  private install(text: string, routes: ReadonlyArray<StaticRoute>): Installed | undefined {
    const parsed = parsePrefix(text)
    const distances = [...new Set(routes.map(({ distance }) => distance))].sort((a, b) => a - b)
    const paths: Array<PathSpec> = []
    const names: Array<string> = []
    for (const { via, distance } of routes) {
      const preference = distances.indexOf(distance)
      for (const hop of new Set(via)) {
        const found = this.pathOf(hop, preference)
        if (found === undefined) continue
        // Named twice it weighs more.
        const weight = via.filter((other) => other === hop).length
        paths.push({ ...found.path, weight })
        names.push(`${hop} ${found.serial} ${preference} ${weight}`)
      }
    }
    if (parsed === undefined || paths.length === 0) return undefined
    const made = `${distances[0]} ${names.join(" ")}`
    const known = this.installed.get(text)
    if (known?.made === made) return known
    return this.add(made, parsed, distances[0], this.fib.internPaths(paths, parsed.family === 4 ? 0 : 1))
  }

  private installDiscard(key: string, { prefix, distance, discard = "blackhole" }: StaticRoute): Installed | undefined {
    const parsed = parsePrefix(prefix)
    const known = this.installed.get(key)
    if (parsed === undefined || known?.made === String(distance)) return known
    const kind = discard === "blackhole" ? "drop" : discard
    return this.add(String(distance), parsed, distance, this.fib.internSpecial(kind))
  }

  /** The path-list was interned for this. */
  private add(made: string, { family: version, words, length }: Prefix, distance: number, pathList: number): Installed {
    const family = version === 4 ? 0 : 1
    // Only now: interning paths settles the graph, and a prefix that nobody holds does not live through that.
    const prefix = this.fib.entries[family].prefixes.intern(words, 0, length)
    const source = { rank: SourceRank.Static, distance, metric: 0, pathList }
    this.fib.addSource(family, prefix, source)
    this.fib.releasePaths(pathList)
    return { made, family, prefix, source }
  }

  private pathOf(hop: string, preference: number): { readonly path: PathSpec; readonly serial: number } | undefined {
    const [text, link] = hop.split("%")
    const address = parseAddress(text)
    if (address === undefined) return undefined
    if (link === undefined) return { path: { address, preference }, serial: 0 }
    const there = this.fib.interfaces.byName(link)
    if (there === undefined) return undefined
    return { path: { address, ifindex: there.ifindex, preference }, serial: there.serial }
  }
}
