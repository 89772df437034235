// A machine of your own, in the form that every machine of Backwalk has: it counts how often each route flaps and asks for a route to be
// suppressed at the third flap. Hot state in a typed array, updated in place; effects are four words.
import { defineOps, fold, type Machine, type OpOf } from "backwalk"

export interface Damper {
  readonly flaps: Uint8Array
}

export type DamperEvent =
  | { readonly _tag: "Flapped"; readonly route: number }
  | { readonly _tag: "Decayed"; readonly route: number }

export const damperEffects = defineOps({
  Suppress: [1, "route"],
  Release: [2, "route"]
})
export type DamperEffect = OpOf<typeof damperEffects>

const FLAPS_MAX = 3

export const createDamper = (routes: number): Damper => ({ flaps: new Uint8Array(routes) })

export const damper: Machine<Damper, DamperEvent> = {
  name: "damper",
  step: (state, event, out) => {
    const { route } = event
    // Total: a route that does not exist is an event that says nothing, not an exception.
    if (route >= state.flaps.length) return state
    const before = state.flaps[route]
    const after = event._tag === "Flapped" ? Math.min(before + 1, FLAPS_MAX) : Math.max(before - 1, 0)
    state.flaps[route] = after
    if (before < FLAPS_MAX && after === FLAPS_MAX) out.put(damperEffects.code.Suppress, route)
    if (before === FLAPS_MAX && after < FLAPS_MAX) out.put(damperEffects.code.Release, route)
    return state
  },
  clone: (state) => ({ flaps: state.flaps.slice() }),
  digest: (state) => state.flaps.reduce((sum, flaps, route) => (sum + fold(route + 1, flaps)) >>> 0, 0)
}
