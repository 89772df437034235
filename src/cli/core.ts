// Where the command line calls the pure core: a replay and an explanation of a recorded run. Everything else about logs is reading
// and printing.
import type { Batch } from "../eventlog/index.ts"
import {
  createRouter,
  explain,
  foldOps,
  type Question,
  questionFrom,
  type RouterState,
  releaseEffects,
  replay,
  router
} from "../router/index.ts"

export type { Explanation, Question, Replayed } from "../router/index.ts"

export type Until = { readonly seq?: number; readonly at?: number }

export const replayRun = (seed: number, batches: Iterable<Batch>, until: Until) =>
  replay<RouterState>(router, createRouter(seed), batches, {
    digestOf: (digest, out, state) => foldOps(digest, out, (lease) => state.pool.bytes(lease)),
    settle: (out, state) => releaseEffects(out, (lease) => state.pool.release(lease)),
    until
  })

export const explainRun = (seed: number, batches: Iterable<Batch>, question: Question) =>
  explain(seed, batches, question)

export { questionFrom }
