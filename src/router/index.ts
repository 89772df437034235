// router: the rooms wired into one machine, and everything one can do with that machine and a recording of its inputs: replay it,
// compare digests, ask why.

export {
  ADD_PATH_ALL,
  type Command,
  type DynamicPeers,
  type FamilyName,
  type KernelConfig,
  type KernelRule,
  type OriginatedRoute,
  type PeerCommand,
  type PeerConfig,
  type PeerType,
  type RouterConfig,
  type StaticRoute
} from "./config.ts"
export { needsRestart } from "./configure.ts"
export { type RouterEffect, routerEffects, span, spanFrom, spanTo } from "./effects.ts"
export { type Explanation, explain, type Question, questionFrom } from "./explain.ts"
export * from "./replay.ts"
export { createRouter, keepsRoutesOverReset, router, uptimeMs } from "./router.ts"
export { kindOfText, query } from "./show.ts"
export { type Counters, type Notice, type RouterOptions, RouterState, stateDigest } from "./state.ts"
