// A copy of a router that has forgotten the sums which digests are made of: asked for its digest it makes them from the whole tables.
import { PEERS_MAX } from "../../src/machine/index.ts"
import { type RouterState, router } from "../../src/router/index.ts"

interface Sums {
  sum: number
  isSummed: boolean
}

export const withoutSums = (state: RouterState): RouterState => {
  const copy = router.clone(state)
  const { adjIn, classes } = copy.rib
  const { sources } = copy.forwarding.fib as unknown as { readonly sources: unknown }
  const holders = [adjIn, sources, ...classes.map(({ adjOut }) => adjOut)] as unknown as ReadonlyArray<Sums>
  for (const holder of holders) {
    if (typeof holder.sum !== "number" || typeof holder.isSummed !== "boolean") throw new Error("not a holder of sums")
    holder.sum = 0
    holder.isSummed = false
  }
  for (const sums of adjIn.peers.toldDigest) sums.fill(0, 0, PEERS_MAX)
  return copy
}
