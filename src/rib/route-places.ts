// Where in a list of routes those with an identifier are, so that two lists of one prefix are compared at the cost of their lengths. Under
// identifiers of our own (RFC 7911) no two routes of a list have the same; without, they have none, and all have to be looked at.
import type { Routes } from "./adj-out.ts"
import { grown } from "./prefix-table.ts"

/** Below this, looking at all is cheaper. */
const SHORT = 8

export class RoutePlaces {
  /** By identifier: the place of its route plus one; 0: none. Identifiers are numbers of paths, and dense. */
  private places: Uint32Array = new Uint32Array(0)
  private count = 0
  private isIndexed = false

  /** What is asked from here on is about these, which stay as they are until `end`. */
  begin(routes: Routes, isIdentified: boolean): void {
    this.count = routes.count
    this.isIndexed = isIdentified && routes.count > SHORT
    if (!this.isIndexed) return
    for (let place = 0; place < routes.count; place++) {
      const pathId = routes.pathId[place]
      if (pathId >= this.places.length) this.places = grown(this.places, Math.max(pathId + 1, this.places.length * 2))
      this.places[pathId] = place + 1
    }
  }

  end(routes: Routes): void {
    if (!this.isIndexed) return
    for (let place = 0; place < routes.count; place++) this.places[routes.pathId[place]] = 0
    this.isIndexed = false
  }

  /** From where to before where routes with an identifier may be: all of them, one, or none. */
  from(pathId: number): number {
    if (!this.isIndexed) return 0
    const place = pathId < this.places.length ? this.places[pathId] : 0
    return place === 0 ? this.count : place - 1
  }

  to(pathId: number): number {
    if (!this.isIndexed) return this.count
    return pathId < this.places.length ? this.places[pathId] : 0
  }
}
