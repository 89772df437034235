// A member that is to be told in another way from now on, because its configuration changed under a session that stays. It joins the class of
// the new way and walks over the table like everybody who comes; what the old class had told it comes along as held, so that what is
// told no more is withdrawn, and nothing that it has is forgotten on either side.
import { Routes } from "./adj-out.ts"
import type { AttributeStore } from "./attribute-store.ts"
import type { ExportClass } from "./export-class.ts"
import { type Member, Walk } from "./member.ts"
import type { PrefixId } from "./prefix-table.ts"
import type { RibTable } from "./rib-table.ts"

/** `from` is on its way out of `exportClass`; `to` has just joined another one. */
export const carryOver = (
  table: RibTable,
  { exportClass, member: from }: { readonly exportClass: ExportClass; readonly member: Member },
  to: Member,
  store: AttributeStore
): void => {
  const { adjOut } = exportClass
  const routes = new Routes()
  const hold = (id: PrefixId, route: number): void => {
    to.addHeld(id, routes.pathId[route], routes.attributes[route], routes.source[route])
    if (to.addPending(id)) table.prefixes.retain(id)
  }
  if (from.walk !== Walk.First) to.walk = Walk.Moved
  to.refresh = from.refresh
  to.again = from.again
  for (let id = 0; id < table.prefixes.bound; id++) {
    if (from.isPending(id)) {
      // Its sets are held already, and go along.
      from.takeHeld(id, routes)
      for (let route = 0; route < routes.count; route++) hold(id, route)
      routes.count = 0
    } else if (adjOut.hasRoutes(id) && (!from.isNew || from.hasPassed(id))) {
      exportClass.read(id, routes)
      for (let route = 0; route < routes.count; route++) {
        if (!adjOut.audiences.has(routes.audience[route], from.slot)) continue
        store.retain(routes.attributes[route])
        hold(id, route)
      }
      routes.clear(adjOut.audiences)
    }
  }
}
