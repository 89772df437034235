// The way of best paths to the forwarding graph. Where there is a kernel, all of them are entries there. Where there is none, an entry is for
// somebody to look at: then they are made when somebody does, and kept from there on (ADR-0069).
import { type BestChanged, SELF } from "../rib/index.ts"
import { isRouted } from "../wire/index.ts"
import type { RouterState } from "./state.ts"

/** Best paths go to the forwarding side by their next hop; routes of our own are not forwarded by BGP. */
export const toForwarding = (state: RouterState): BestChanged => {
  const { forwarding, sharedNextHops: shared } = state
  const { adjIn, decision, store, tables } = state.rib
  const { multipath } = decision
  const sets = state.nextHopSets
  const reserves = state.config?.kernel?.reserve === true
  // Sessions that end because we stop change nothing in the kernel: it is kept, or it is all being removed.
  if (state.stopping || !state.keepsEntries) return () => {}
  return (family, id, attributes, peer) => {
    if (!isRouted(family)) return
    if (attributes !== -1 && multipath.gather(tables[family].heads[id]) > 0) {
      forwarding.setBgp(family, id, shared.use(forwarding, family, id, multipath, adjIn.paths, store))
      return
    }
    if (attributes !== -1 && peer !== SELF && reserves) {
      const used = store.nextHop[attributes]
      const second = decision.secondTo(tables[family].heads[id])
      if (second !== -1) {
        forwarding.setBgp(family, id, shared.useWithReserve(forwarding, family, id, used, second, store))
        return
      }
    }
    if (attributes === -1 || peer === SELF) forwarding.clearBgp(family, id)
    else forwarding.setBgp(family, id, sets[store.nextHop[attributes]])
    shared.release(forwarding, family, id)
  }
}

/**
 * Best paths are entries of the forwarding graph from now on. To be called between steps, by whoever is about to look at entries; whether
 * they are kept makes no difference to anybody else.
 */
export const keepEntries = (state: RouterState): void => {
  if (state.keepsEntries) return
  state.keepsEntries = true
  if (!state.isConfigured) return
  const best = toForwarding(state)
  const { rib } = state
  const { attributes, peer } = rib.adjIn.paths
  for (const table of rib.tables) {
    const { family, bound } = table.prefixes
    if (!isRouted(family)) continue
    for (let id = 0; id < bound; id++) {
      const path = rib.bestOf(table, id)
      if (path !== 0) best(family, id, attributes[path], peer[path])
    }
  }
}
