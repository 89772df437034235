// Keeps what a speaker chose in a store that forgets it when the speaker dies (etcd v3): every key is written under a lease that is kept
// alive. One transaction is in flight at a time; changes of one key that wait for it coalesce. After any failure there is a new lease, and
// everything is written again under it: whether a transaction that got no answer was applied cannot be known.
//
// The first write under a lease is the fence, the speaker's own key. Every later transaction asks that the fence still belongs to its lease,
// so a transaction of an earlier life that arrives late changes nothing (ADR-0030).
import { draw, type Seed } from "../machine/index.ts"

export interface StorePublish {
  readonly phase: "Stopped" | "Waiting" | "Granting" | "Fencing" | "Holding"
  /** Of this lease and of all that is done under it. A completion with another token is stale (ADR-0009). */
  readonly token: number
  readonly isWriting: boolean
  /** Something came while a transaction was in flight. */
  readonly isWanted: boolean
  /** Index into the configured endpoints, modulo their number. */
  readonly endpoint: number
  /** An int64 as the store writes it; "" while there is none. */
  readonly lease: string
  readonly failures: number
  readonly seed: Seed
}

export type StorePublishEvent =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Stopped" }
  /** Something waits to be written. */
  | { readonly _tag: "Wanted" }
  | { readonly _tag: "LeaseGranted"; readonly token: number; readonly lease: string; readonly ttlS: number }
  | { readonly _tag: "Fenced"; readonly token: number }
  /** `ttlS` 0: the store has forgotten the lease. */
  | { readonly _tag: "KeptAlive"; readonly token: number; readonly ttlS: number }
  /** `isMore`: what waits did not fit into the transaction. */
  | { readonly _tag: "Written"; readonly token: number; readonly isMore: boolean }
  /** Refused, cut off, no leader, lease unknown, fence taken by another. */
  | { readonly _tag: "Failed"; readonly token: number; readonly reason: string }
  /** Time to keep the lease alive, to try again, or to give up waiting for an answer. */
  | { readonly _tag: "TimerExpired"; readonly token: number }

export type StorePublishEffect =
  | { readonly _tag: "GrantLease"; readonly token: number; readonly endpoint: number }
  | { readonly _tag: "WriteFence"; readonly token: number; readonly endpoint: number; readonly lease: string }
  | { readonly _tag: "KeepAlive"; readonly token: number; readonly endpoint: number; readonly lease: string }
  | { readonly _tag: "RevokeLease"; readonly endpoint: number; readonly lease: string }
  /** Take what waits, as much as one transaction holds, and write it. */
  | { readonly _tag: "WriteWaiting"; readonly token: number; readonly endpoint: number; readonly lease: string }
  /** All that is wanted waits again: the new lease holds none of it. */
  | { readonly _tag: "WantEverything" }
  /** Whatever is under way ends; its completions are not awaited. */
  | { readonly _tag: "Abandon" }
  /** One timer: arming replaces. */
  | { readonly _tag: "ArmTimer"; readonly token: number; readonly milliseconds: number }
  | { readonly _tag: "ReportPublishing"; readonly isUp: boolean; readonly reason: string }

export const createStorePublish = (seed: Seed): StorePublish => ({
  phase: "Stopped",
  token: 0,
  isWriting: false,
  isWanted: false,
  endpoint: 0,
  lease: "",
  failures: 0,
  seed
})

type Step = readonly [StorePublish, ReadonlyArray<StorePublishEffect>]

/** Total and pure. */
export const reduceStorePublish = (state: StorePublish, event: StorePublishEvent): Step => {
  if ("token" in event && event.token !== state.token) return [state, []]
  switch (event._tag) {
    case "Started":
      return state.phase === "Stopped" ? grant(state) : [state, []]
    case "Stopped":
      return stop(state)
    case "Wanted":
      return state.phase === "Holding" && !state.isWriting ? write(state) : [{ ...state, isWanted: true }, []]
    case "LeaseGranted":
      return state.phase === "Granting" ? fence(state, event.lease, event.ttlS) : [state, []]
    case "Fenced":
      return state.phase === "Fencing" ? fenced(state) : [state, []]
    case "KeptAlive":
      return keptAlive(state, event.ttlS)
    case "Written":
      return state.phase === "Holding" && state.isWriting ? written(state, event.isMore) : [state, []]
    case "Failed":
      return state.phase === "Stopped" || state.phase === "Waiting" ? [state, []] : failed(state, event.reason)
    case "TimerExpired":
      return expired(state)
  }
}

const grant = (state: StorePublish): Step => {
  const token = state.token + 1
  const next: StorePublish = { ...state, phase: "Granting", token, isWriting: false, lease: "" }
  return [
    next,
    [
      { _tag: "GrantLease", token, endpoint: state.endpoint },
      { _tag: "ArmTimer", token, milliseconds: ANSWER_MS }
    ]
  ]
}

const fence = (state: StorePublish, lease: string, ttlS: number): Step => [
  { ...state, phase: "Fencing", lease },
  [
    { _tag: "WriteFence", token: state.token, endpoint: state.endpoint, lease },
    { _tag: "ArmTimer", token: state.token, milliseconds: renewAfterMs(ttlS) }
  ]
]

const fenced = (state: StorePublish): Step => {
  const [next, effects] = write({ ...state, phase: "Holding" })
  return [next, [{ _tag: "WantEverything" }, { _tag: "ReportPublishing", isUp: true, reason: "" }, ...effects]]
}

const write = (state: StorePublish): Step => [
  { ...state, isWriting: true, isWanted: false },
  [{ _tag: "WriteWaiting", token: state.token, endpoint: state.endpoint, lease: state.lease }]
]

const written = (state: StorePublish, isMore: boolean): Step => {
  const calm: StorePublish = { ...state, failures: 0 }
  return isMore || state.isWanted ? write(calm) : [{ ...calm, isWriting: false }, []]
}

const keptAlive = (state: StorePublish, ttlS: number): Step => {
  if (state.phase !== "Holding" && state.phase !== "Fencing") return [state, []]
  if (ttlS <= 0) return failed(state, "the store has forgotten the lease")
  return [state, [{ _tag: "ArmTimer", token: state.token, milliseconds: renewAfterMs(ttlS) }]]
}

const failed = (state: StorePublish, reason: string): Step => {
  const token = state.token + 1
  const [seed, bits] = draw(state.seed)
  const ceilingMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(state.failures, 16))
  const next: StorePublish = {
    ...state,
    phase: "Waiting",
    token,
    isWriting: false,
    lease: "",
    endpoint: state.endpoint + 1,
    failures: state.failures + 1,
    seed
  }
  const milliseconds = Math.round(ceilingMs / 2 + (bits / 0x1_0000_0000) * (ceilingMs / 2))
  return [
    next,
    [{ _tag: "Abandon" }, { _tag: "ReportPublishing", isUp: false, reason }, { _tag: "ArmTimer", token, milliseconds }]
  ]
}

/** The lease is given back, so that what was published is gone at once and not after its time to live. */
const stop = (state: StorePublish): Step => {
  if (state.phase === "Stopped") return [state, []]
  const next: StorePublish = { ...state, phase: "Stopped", token: state.token + 1, isWriting: false, lease: "" }
  const revoke = { _tag: "RevokeLease", endpoint: state.endpoint, lease: state.lease } as const
  return [next, state.lease === "" ? [{ _tag: "Abandon" }] : [{ _tag: "Abandon" }, revoke]]
}

const expired = (state: StorePublish): Step => {
  switch (state.phase) {
    case "Stopped":
      return [state, []]
    case "Waiting":
      return grant(state)
    case "Granting":
      return failed(state, "the store did not answer in time")
    case "Fencing":
    case "Holding":
      // Answered by KeptAlive, which arms the timer again, or by Failed: the interpreter bounds every request.
      return [state, [{ _tag: "KeepAlive", token: state.token, endpoint: state.endpoint, lease: state.lease }]]
  }
}

/** A third of the time to live: two renewals may fail before the lease does. */
const renewAfterMs = (ttlS: number): number => Math.max(500, Math.floor((ttlS * 1000) / 3))

const ANSWER_MS = 6_000
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000
