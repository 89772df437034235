// Best paths that changed in a batch, as the keys and values that followers are told (`fanout/route-key.ts`): the text of a prefix is gone
// once nobody holds it, so they are written down as they are decided. Only where the configuration asks for it: a router without followers
// makes none of this.
import { bytesOf, routeKey } from "../fanout/index.ts"
import type { AttributeId, BestChanged } from "../rib/index.ts"
import { SELF } from "../rib/index.ts"
import {
  attributesJson,
  decodeAttributes,
  FAMILY_NAMES,
  type Family,
  formatPrefixWords,
  isRouted
} from "../wire/index.ts"
import type { RouterState } from "./state.ts"

/** One route key's new value; null: there is no route. */
export interface PublishedRoute {
  readonly key: string
  readonly value: Uint8Array | null
}

/** By the name of the kernel's main table: what others call the table that these routes are for. */
const TABLE = "main"

/** `best`, and `state.published` filled. Nothing is published once we stop: followers keep what they have. */
export const publishing = (state: RouterState, best: BestChanged): BestChanged => {
  if (state.config?.publish !== true || state.stopping) return best
  const described = new Map<AttributeId, string>()
  return (family, id, attributes, peer) => {
    best(family, id, attributes, peer)
    if (!isRouted(family)) return
    const { prefixes } = state.rib.tables[family]
    const words = id * prefixes.wordsPerPrefix
    const prefix = formatPrefixWords(family === 0 ? 4 : 6, prefixes.words, words, prefixes.lengths[id])
    const key = routeKey(TABLE, FAMILY_NAMES[family] as "ipv4-unicast" | "ipv6-unicast", prefix)
    if (attributes === -1) {
      state.published.push({ key, value: null })
      return
    }
    let text = described.get(attributes)
    if (text === undefined) {
      text = describe(state, attributes)
      described.set(attributes, text)
    }
    const hops = JSON.stringify(nextHopsOf(state, family, id, attributes, peer))
    state.published.push({ key, value: bytesOf(`{"nextHops":${hops},${text}}`) })
  }
}

/** Everything but the next hops: the same for all prefixes that share a set of attributes. */
const describe = (state: RouterState, set: AttributeId): string => {
  const { store } = state.rib
  const json = attributesJson(decodeAttributes(store.chunkOf(set), store.startOf(set), store.blockEndOf(set), true))
  const { origin, asPath, localPref, med, communities, largeCommunities } = json as Record<string, unknown>
  const text = JSON.stringify({
    hub: state.config!.router.id,
    origin,
    asPath,
    localPref,
    med,
    communities,
    largeCommunities
  })
  return text.slice(1, -1)
}

interface Hop {
  readonly address: string
  readonly weight: number
}

const nextHopsOf = (state: RouterState, family: Family, id: number, set: AttributeId, peer: number): Array<Hop> => {
  const { adjIn, decision, store, tables } = state.rib
  const { multipath } = decision
  const { nextHops } = store
  if (multipath.gather(tables[family].heads[id]) > 0) {
    const { members, weights } = multipath
    return members.map((path, index) => ({
      address: nextHops.text(store.nextHop[adjIn.paths.attributes[path]]),
      weight: weights[index] ?? 1
    }))
  }
  // Our own routes lead to us; each follower knows the way to its hub itself.
  return peer === SELF ? [] : [{ address: nextHops.text(store.nextHop[set]), weight: 1 }]
}
