// A member that is to be told in another way from now on, because its configuration changed under a session that stays. It joins the class of
// the new way and walks over the table like everybody who comes. Its place in the old class is kept, frozen, until the walk is over: nothing
// is told there any more, and what changes is noted as what the peer held, as for a member that does not read. So what the peer holds of a
// prefix can be asked for when the walk comes to it, and nobody looks at the whole table at once (ADR-0061).
import { Routes } from "./adj-out.ts"
import type { AttributeStore } from "./attribute-store.ts"
import type { ExportClass } from "./export-class.ts"
import { type Member, Walk } from "./member.ts"
import type { PrefixId } from "./prefix-table.ts"
import type { RibTable } from "./rib-table.ts"
import { FROM_UNKNOWN } from "./told-from.ts"

/** A peer's place among those that are told a family. */
export interface Membership {
  readonly exportClass: ExportClass
  readonly member: Member
}

/** So many places may be kept for one peer, whose way changes faster than it is told; what it holds by more is gathered at once. */
export const PLACES_KEPT_MAX = 4

const scratch = new Routes()

/** `to` has just joined; from now on it stands for the peer, and `from` only for what that was told. */
export const carryOver = (from: Membership, to: Member): void => {
  if (from.member.walk !== Walk.First) to.walk = Walk.Moved
  to.refresh = from.member.refresh
  to.again = from.member.again
  to.origin = from
  from.exportClass.freeze(from.member)
}

/** Whether a place from which nothing was told yet says no more than the one before it. */
export const saysNothing = ({ isNew, hasBegun, pendingCount }: Member): boolean =>
  isNew && !hasBegun && pendingCount === 0

/** How many places are kept behind a member. */
export const placesBehind = (member: Member): number => {
  let count = 0
  for (let place = member.origin; place !== undefined; place = place.member.origin) count++
  return count
}

/** Whether the peer may hold something of a prefix by a place that is kept. */
export const mayHold = (from: Membership | undefined, id: PrefixId): boolean => {
  for (let place = from; place !== undefined; place = place.member.origin) {
    if (place.member.isPending(id) || place.exportClass.adjOut.hasRoutes(id)) return true
  }
  return false
}

/**
 * Moves to `into` what the peer holds of a prefix by a place that is kept. The list holds the sets then, and nobody asks again. The caller
 * holds the prefix.
 */
export const takeTold = (
  table: RibTable,
  from: Membership,
  id: PrefixId,
  store: AttributeStore,
  into: Routes
): void => {
  const { member, exportClass } = from
  into.count = 0
  if (member.isPending(id)) {
    member.takeHeld(id, into)
    member.dropPending(id)
    table.prefixes.release(id)
    return
  }
  if (member.isNew && !member.hasPassed(id)) {
    if (member.origin !== undefined) takeTold(table, member.origin, id, store, into)
    return
  }
  if (!exportClass.adjOut.hasRoutes(id)) return
  const { audiences } = exportClass.adjOut
  const routes = scratch
  exportClass.read(id, routes)
  for (let route = 0; route < routes.count; route++) {
    if (!audiences.has(routes.audience[route], member.slot)) continue
    store.retain(routes.attributes[route])
    // By whose audience does not matter any more.
    into.push(routes.attributes[route], routes.source[route], routes.pathId[route], 0)
  }
  routes.clear(audiences)
}

/** Notes all that a peer holds by the places behind `to` as held, so that they can go at once. */
export const gather = (table: RibTable, to: Member, store: AttributeStore): void => {
  const { origin } = to
  if (origin === undefined) return
  const routes = new Routes()
  for (let id = 0; id < table.prefixes.bound; id++) {
    if (!mayHold(origin, id)) continue
    table.prefixes.retain(id)
    takeTold(table, origin, id, store, routes)
    for (let route = 0; route < routes.count; route++) {
      to.addHeld(id, routes.pathId[route], routes.attributes[route], FROM_UNKNOWN)
    }
    if (routes.count > 0 && to.addPending(id)) table.prefixes.retain(id)
    table.prefixes.release(id)
  }
}
