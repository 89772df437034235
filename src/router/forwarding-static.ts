// Static routes of the configuration as differences: a route that stays is left alone, new ones come before old ones go, so that
// nothing is without a route in between.
import type { Fib } from "../fib/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { type Address, parseAddress, parsePrefix } from "../wire/index.ts"
import type { StaticRoute } from "./config.ts"

interface Installed {
  readonly family: 0 | 1
  readonly prefix: PrefixId
  readonly via: ReadonlyArray<Address>
  readonly distance: number
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
    for (const [key, { family, prefix, via, distance }] of this.installed) {
      if (!wanted.has(key)) this.fib.removeStatic(family, prefix, via, distance)
    }
    this.installed = wanted
  }

  /** The configuration was checked before it came here; what does not parse is left out. */
  private install(route: StaticRoute): Installed | undefined {
    const parsed = parsePrefix(route.prefix)
    const via = route.via.map((text) => parseAddress(text)).filter((address) => address !== undefined)
    if (parsed === undefined || via.length === 0) return undefined
    const family = parsed.family === 4 ? 0 : 1
    const prefix = this.fib.entries[family].prefixes.intern(parsed.words, 0, parsed.length)
    this.fib.addStatic(family, prefix, via, route.distance)
    return { family, prefix, via, distance: route.distance }
  }
}
