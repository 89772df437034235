// Follows a range of keys in a store that numbers its changes (etcd v3): lists it at one revision, then watches from the next. A watch that
// breaks goes on where it stopped, at another endpoint; one whose revisions were compacted away is replaced by a new listing, which the
// receiver compares with what it holds, so that nothing is lost and nothing flaps (ADR-0030).
//
// How it knows that it is in sync: it writes a barrier of its own into the range and waits until the watch brings it back. A watch that has
// shown a write has shown every change before it. The same barrier, repeated, finds a watch that died in silence.
import { draw, type Seed } from "../machine/index.ts"

export interface StoreWatch {
  readonly phase: "Stopped" | "Waiting" | "Listing" | "Opening" | "Watching"
  /** Stamps every effect; a completion with another one is of an operation that was given up (ADR-0009). */
  readonly token: number
  /** Index into the configured endpoints, modulo their number. */
  readonly endpoint: number
  /** Everything up to here has been delivered; 0 before the first listing is complete. */
  readonly revision: number
  /** While a listing runs: the revision that all its pages are read at, 0 before the first page. */
  readonly listingAt: number
  /** A barrier is on its way: the revision of its write, 0 until the store has acknowledged it, undefined if none is. */
  readonly barrier: number | undefined
  readonly inSync: boolean
  readonly failures: number
  readonly seed: Seed
}

/** `Update` is what the receiver takes; this machine never looks inside. */
export type StoreWatchEvent<Update> =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Stopped" }
  | {
      readonly _tag: "PageRead"
      readonly token: number
      readonly revision: number
      readonly updates: ReadonlyArray<Update>
      /** The key to go on after; undefined on the last page. */
      readonly nextAfter: string | undefined
    }
  | { readonly _tag: "WatchOpened"; readonly token: number }
  | {
      readonly _tag: "Changed"
      readonly token: number
      /** Of the newest change among them; the store's own revision may be ahead of what the watch has sent. */
      readonly revision: number
      readonly updates: ReadonlyArray<Update>
    }
  | { readonly _tag: "BarrierWritten"; readonly token: number; readonly revision: number }
  /** The revision that was asked for is gone. */
  | { readonly _tag: "Compacted"; readonly token: number }
  /** Also: no leader, refused, cut off, a barrier that could not be written. */
  | { readonly _tag: "Failed"; readonly token: number; readonly reason: string }
  | { readonly _tag: "TimerExpired"; readonly token: number }

export type StoreWatchEffect<Update> =
  /** Read a page of the range at `revision` (0: the newest), keys after `after`. */
  | {
      readonly _tag: "ReadPage"
      readonly token: number
      readonly endpoint: number
      readonly revision: number
      readonly after: string | undefined
    }
  | { readonly _tag: "OpenWatch"; readonly token: number; readonly endpoint: number; readonly fromRevision: number }
  | { readonly _tag: "WriteBarrier"; readonly token: number; readonly endpoint: number }
  /** Whatever is under way ends; its completions are not awaited. */
  | { readonly _tag: "Abandon" }
  /** One timer: arming replaces. */
  | { readonly _tag: "ArmTimer"; readonly token: number; readonly milliseconds: number }
  /** What follows until `EndListing` is all there is: what the receiver holds beside it is deleted at the end. */
  | { readonly _tag: "BeginListing" }
  | { readonly _tag: "Deliver"; readonly updates: ReadonlyArray<Update> }
  | { readonly _tag: "EndListing" }
  | { readonly _tag: "ReportSync"; readonly inSync: boolean; readonly reason: string }

export const createStoreWatch = (seed: Seed): StoreWatch => ({
  phase: "Stopped",
  token: 0,
  endpoint: 0,
  revision: 0,
  listingAt: 0,
  barrier: undefined,
  inSync: false,
  failures: 0,
  seed
})

type Step<Update> = readonly [StoreWatch, ReadonlyArray<StoreWatchEffect<Update>>]

/** Total and pure. */
export const reduceStoreWatch = <Update>(state: StoreWatch, event: StoreWatchEvent<Update>): Step<Update> => {
  if ("token" in event && event.token !== state.token) return [state, []]
  switch (event._tag) {
    case "Started":
      return state.phase === "Stopped" ? begin(state) : [state, []]
    case "Stopped":
      if (state.phase === "Stopped") return [state, []]
      return [
        { ...lost(state), phase: "Stopped", token: state.token + 1 },
        [{ _tag: "Abandon" }, ...fallen(state, "stopped")]
      ]
    case "PageRead":
      return state.phase === "Listing" ? pageRead(state, event) : [state, []]
    case "WatchOpened":
      return state.phase === "Opening" ? opened(state) : [state, []]
    case "Changed":
      return state.phase === "Opening" || state.phase === "Watching" ? changed(state, event) : [state, []]
    case "BarrierWritten":
      return state.phase === "Watching" && state.barrier === 0 ? barrierWritten(state, event.revision) : [state, []]
    case "Compacted":
      return compacted(state)
    case "Failed":
      return state.phase === "Stopped" || state.phase === "Waiting" ? [state, []] : failed(state, event.reason)
    case "TimerExpired":
      return expired(state)
  }
}

/** Lists when nothing is known, otherwise watches from where the last watch stopped. */
const begin = <Update>(state: StoreWatch): Step<Update> => {
  const token = state.token + 1
  const { endpoint } = state
  const timer = { _tag: "ArmTimer", token, milliseconds: ANSWER_MS } as const
  if (state.revision === 0) {
    const next: StoreWatch = { ...state, phase: "Listing", token, listingAt: 0, barrier: undefined }
    return [
      next,
      [{ _tag: "BeginListing" }, { _tag: "ReadPage", token, endpoint, revision: 0, after: undefined }, timer]
    ]
  }
  const next: StoreWatch = { ...state, phase: "Opening", token, barrier: undefined }
  // From the last one that was seen, not the next: etcd 3.4 lets a watch begin at the very revision that it was compacted to, and
  // then sends no deletion made in it. What comes twice changes nothing.
  return [next, [{ _tag: "OpenWatch", token, endpoint, fromRevision: state.revision }, timer]]
}

const pageRead = <Update>(
  state: StoreWatch,
  page: Extract<StoreWatchEvent<Update>, { readonly _tag: "PageRead" }>
): Step<Update> => {
  const { token, endpoint } = state
  const listingAt = state.listingAt === 0 ? page.revision : state.listingAt
  const deliver = { _tag: "Deliver", updates: page.updates } as const
  if (page.nextAfter !== undefined) {
    return [
      { ...state, listingAt },
      [
        deliver,
        { _tag: "ReadPage", token, endpoint, revision: listingAt, after: page.nextAfter },
        { _tag: "ArmTimer", token, milliseconds: ANSWER_MS }
      ]
    ]
  }
  const [next, effects] = begin<Update>({ ...state, revision: listingAt, listingAt: 0 })
  return [next, [deliver, { _tag: "EndListing" }, ...effects]]
}

const opened = <Update>(state: StoreWatch): Step<Update> => [
  { ...state, phase: "Watching", barrier: 0 },
  [
    { _tag: "WriteBarrier", token: state.token, endpoint: state.endpoint },
    { _tag: "ArmTimer", token: state.token, milliseconds: ANSWER_MS }
  ]
]

const changed = <Update>(
  state: StoreWatch,
  { revision, updates }: Extract<StoreWatchEvent<Update>, { readonly _tag: "Changed" }>
): Step<Update> => {
  // The store sends all changes of one revision together; the one that the watch begins with was seen before.
  if (revision <= state.revision) return [state, []]
  const [next, effects] = settle<Update>({ ...state, revision })
  return [next, updates.length === 0 ? effects : [{ _tag: "Deliver", updates }, ...effects]]
}

const barrierWritten = <Update>(state: StoreWatch, revision: number): Step<Update> =>
  settle({ ...state, barrier: revision })

/** In sync once the watch has shown our own barrier; then a pause until the next one. */
const settle = <Update>(state: StoreWatch): Step<Update> => {
  if (state.barrier === undefined || state.barrier === 0 || state.revision < state.barrier) return [state, []]
  const timer = { _tag: "ArmTimer", token: state.token, milliseconds: BARRIER_EVERY_MS } as const
  const next: StoreWatch = { ...state, barrier: undefined, inSync: true, failures: 0 }
  return [next, state.inSync ? [timer] : [{ _tag: "ReportSync", inSync: true, reason: "" }, timer]]
}

/** A listing starts over at a revision that still exists; what the receiver holds stays until the new listing is complete. */
const compacted = <Update>(state: StoreWatch): Step<Update> => {
  if (state.phase === "Stopped" || state.phase === "Waiting") return [state, []]
  const [next, effects] = begin<Update>({ ...lost(state), revision: 0 })
  return [next, [{ _tag: "Abandon" }, ...fallen(state, "the store compacted what was not read yet"), ...effects]]
}

const failed = <Update>(state: StoreWatch, reason: string): Step<Update> => {
  const token = state.token + 1
  const [seed, bits] = draw(state.seed)
  const ceilingMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(state.failures, 16))
  const next: StoreWatch = {
    ...lost(state),
    phase: "Waiting",
    token,
    // The next endpoint may be where the leader is.
    endpoint: state.endpoint + 1,
    failures: state.failures + 1,
    seed
  }
  const milliseconds = Math.round(ceilingMs / 2 + (bits / 0x1_0000_0000) * (ceilingMs / 2))
  return [next, [{ _tag: "Abandon" }, ...fallen(state, reason), { _tag: "ArmTimer", token, milliseconds }]]
}

const expired = <Update>(state: StoreWatch): Step<Update> => {
  switch (state.phase) {
    case "Stopped":
      return [state, []]
    case "Waiting":
      return begin(state)
    case "Watching":
      // The pause between two barriers is over, or the last one never came back.
      return state.barrier === undefined ? opened(state) : failed(state, "the watch went silent")
    case "Listing":
    case "Opening":
      return failed(state, "the store did not answer in time")
  }
}

const lost = (state: StoreWatch): StoreWatch => ({ ...state, inSync: false, barrier: undefined, listingAt: 0 })

const fallen = (state: StoreWatch, reason: string): ReadonlyArray<StoreWatchEffect<never>> =>
  state.inSync ? [{ _tag: "ReportSync", inSync: false, reason }] : []

/** A page, a watch or a barrier that takes longer is given up. */
const ANSWER_MS = 6_000
/** How long a watch may be dead before somebody notices, beside `ANSWER_MS`. */
const BARRIER_EVERY_MS = 3_000
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000
