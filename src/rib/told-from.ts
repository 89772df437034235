// Whom a route is from, as far as those can see it who are told it: nobody in particular outside of our AS, ourselves, or a router of our AS by
// its identifier, which a reflected route bears (RFC 4456 §8). In sixteen bits, for what is remembered of a route after its peer has gone:
// numbers of peers are given away again, and a peer may come back as another router.

import { Routes } from "./adj-out.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import type { ExportClass } from "./export-class.ts"
import { isInternal, SELF } from "./peers.ts"
import type { RibTable } from "./rib-table.ts"
import type { RouteSource } from "./transform.ts"

const OUTSIDE = 0
const OURSELVES = 0xffff
/** Somebody of our AS; the route says itself who was first. */
const INSIDE = 0xfffe
/** Like nobody, not even itself: what was told by it is told again. */
export const FROM_UNKNOWN = 0xfffd

export class ToldFrom {
  private readonly store: AttributeStore
  /** By identifier its mark, and by mark the identifier. */
  private readonly marks: Map<number, number> = new Map()
  private readonly routers: Array<number> = [0]
  private readonly source: RouteSource = { local: false, internal: false, routerId: 0 }

  constructor(store: AttributeStore) {
    this.store = store
  }

  of(set: AttributeId, { local, internal, routerId }: RouteSource): number {
    if (!internal) return local ? OURSELVES : OUTSIDE
    if (this.store.originatorId[set] !== 0) return INSIDE
    const known = this.marks.get(routerId)
    if (known !== undefined) return known
    const mark = this.routers.length
    if (mark === FROM_UNKNOWN) return FROM_UNKNOWN
    this.marks.set(routerId, mark)
    this.routers.push(routerId)
    return mark
  }

  /** Who stands behind a mark. Good until the next question. */
  sourceOf(mark: number): RouteSource {
    const { source } = this
    source.local = mark === OURSELVES
    source.internal = mark !== OUTSIDE && mark !== OURSELVES
    source.routerId = this.routers[mark] ?? 0
    return source
  }
}

/**
 * Another router answers as `peer`, which is no member of the class at the moment: routes that were reflected from it are noted as somebody
 * else's, so that they are told again with the identifier that they bear now.
 */
export const disown = (exportClass: ExportClass, table: RibTable, store: AttributeStore, peer: number): void => {
  const { adjOut, parameters } = exportClass
  if (!isInternal(parameters.kind)) return
  const { sent, sentSource } = adjOut
  const routes = new Routes()
  for (let id = 0; id < table.prefixes.bound && id < sent.length; id++) {
    if (sent[id] !== 0) {
      if (sentSource[id] !== peer || store.originatorId[sent[id] - 1] !== 0) continue
      adjOut.note(id, sent[id], SELF)
      table.markChanged(id)
    } else if (adjOut.hasList(id)) {
      exportClass.read(id, routes)
      if (disownRoutes(routes, store, peer)) {
        adjOut.noteList(id, routes)
        table.markChanged(id)
      }
      routes.clear(adjOut.audiences)
    }
  }
}

const disownRoutes = (routes: Routes, store: AttributeStore, peer: number): boolean => {
  const { attributes, count, source } = routes
  let isAny = false
  for (let route = 0; route < count; route++) {
    if (source[route] !== peer || store.originatorId[attributes[route]] !== 0) continue
    source[route] = SELF
    isAny = true
  }
  return isAny
}
