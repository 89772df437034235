// Static routes of the configuration as differences: a route that stays is left alone, new ones come before old ones go, so that
// nothing is without a route in between.
import { type Fib, type Source, SourceRank } from "../fib/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { parseAddress, parsePrefix } from "../wire/index.ts"
import type { StaticRoute } from "./config.ts"

interface Installed {
  readonly family: 0 | 1
  readonly prefix: PrefixId
  readonly source: Source
}

export class StaticRoutes {
  private readonly fib: Fib
  private installed = new Map<string, Installed>()

  constructor(fib: Fib) {
    this.fib = fib
  }

  replace(routes: ReadonlyArray<StaticRoute>): void {
    const wanted = new Map<string, Installed>()
    for (const route of routes) {
      const key = `${route.prefix} ${route.distance} ${route.via.join(" ")}`
      if (wanted.has(key)) continue
      const known = this.installed.get(key)
      const made = known ?? this.install(route)
      if (made !== undefined) wanted.set(key, made)
    }
    for (const [key, { family, prefix, source }] of this.installed) {
      if (!wanted.has(key)) this.fib.removeSource(family, prefix, source)
    }
    this.installed = wanted
  }

  /** The configuration was checked before it came here; what does not parse is left out. */
  private install(route: StaticRoute): Installed | undefined {
    const parsed = parsePrefix(route.prefix)
    const via = route.via.map((text) => parseAddress(text)).filter((address) => address !== undefined)
    if (parsed === undefined || via.length === 0) return undefined
    const family = parsed.family === 4 ? 0 : 1
    const pathList = this.fib.internPaths(via.map((address) => ({ address })))
    // Only now: interning paths settles the graph, and a prefix that nobody holds does not live through that.
    const prefix = this.fib.entries[family].prefixes.intern(parsed.words, 0, parsed.length)
    const source = { rank: SourceRank.Static, distance: route.distance, metric: 0, pathList }
    this.fib.addSource(family, prefix, source)
    this.fib.releasePaths(pathList)
    return { family, prefix, source }
  }
}
