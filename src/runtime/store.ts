// The machines of the store (src/fanout/store-watch.ts, store-publish.ts) against a real one: what they want is done in fibers of their own,
// how it ended comes back as an event. One loop per machine, so that events are met one after the other; the queue is bounded, so that a
// receiver that is slow slows the watch and not the memory.
import { Effect, FiberSet, Queue, type Scope, Stream } from "effect"
import {
  createStorePublish,
  createStoreWatch,
  reduceStorePublish,
  reduceStoreWatch,
  type StorePublishEffect,
  type StorePublishEvent,
  type StoreWatchEffect,
  type StoreWatchEvent
} from "../fanout/index.ts"
import { Etcd, type EtcdError, type StoreChange, type StoreUpdate } from "./etcd.ts"

/** Where what a store holds goes. Called in order, never concurrently. */
export interface StoreReceiver {
  /** What is delivered until `endListing` is all there is. */
  readonly beginListing: () => void
  /** Waiting here slows the store down. */
  readonly deliver: (updates: ReadonlyArray<StoreUpdate>) => Effect.Effect<void>
  readonly endListing: () => void
  readonly reportSync: (inSync: boolean, reason: string) => void
}

export interface FollowStoreOptions {
  readonly prefix: string
  /** A key of our own inside the prefix; it is not delivered. */
  readonly barrier: string
  readonly seed: number
  readonly receiver: StoreReceiver
}

type WatchEvent = StoreWatchEvent<StoreUpdate>
type WatchEffect = StoreWatchEffect<StoreUpdate>

/** Follows the prefix until the scope closes. */
export const followStore = Effect.fnUntraced(function* (
  options: FollowStoreOptions
): Effect.fn.Return<void, never, Etcd | Scope.Scope> {
  const etcd = yield* Etcd
  const { prefix, barrier, receiver } = options
  const events = yield* Queue.bounded<WatchEvent>(EVENTS_WAITING)
  const operations = yield* FiberSet.make<void>()
  const timer = makeTimer((token) => Queue.offer(events, { _tag: "TimerExpired", token }))
  const start = (token: number, run: Effect.Effect<void, EtcdError>) =>
    FiberSet.run(
      operations,
      Effect.catch(run, ({ reason, message }) =>
        Queue.offer(
          events,
          reason === "compacted" ? { _tag: "Compacted", token } : { _tag: "Failed", token, reason: message }
        )
      )
    )
  const offer = (event: WatchEvent) => Effect.asVoid(Queue.offer(events, event))

  const perform = (effect: WatchEffect): Effect.Effect<unknown> => {
    switch (effect._tag) {
      case "ReadPage": {
        const { token, endpoint, revision, after } = effect
        return start(
          token,
          Effect.flatMap(etcd.page(endpoint, prefix, { revision, after, limit: PAGE_KEYS }), (page) => {
            const nextAfter = page.isMore ? page.updates[page.updates.length - 1]?.key : undefined
            const updates = page.updates.filter(({ key }) => key !== barrier)
            return offer({ _tag: "PageRead", token, revision: page.revision, updates, nextAfter })
          })
        )
      }
      case "OpenWatch": {
        const { token, endpoint, fromRevision } = effect
        let isOpen = false
        return start(
          token,
          Stream.runForEach(etcd.watch(endpoint, prefix, fromRevision), (changes) => {
            if (!isOpen) {
              isOpen = true
              if (changes.length === 0) return offer({ _tag: "WatchOpened", token })
            }
            const revision = changes.reduce((newest, each) => Math.max(newest, each.revision), 0)
            const updates = changes.filter(({ key }) => key !== barrier)
            return changes.length === 0 ? Effect.void : offer({ _tag: "Changed", token, revision, updates })
          })
        )
      }
      case "WriteBarrier": {
        const { token, endpoint } = effect
        return start(
          token,
          Effect.flatMap(etcd.put(endpoint, barrier, NOTHING), (revision) =>
            offer({ _tag: "BarrierWritten", token, revision })
          )
        )
      }
      case "Abandon":
        return FiberSet.clear(operations)
      case "ArmTimer":
        return timer(effect)
      case "BeginListing":
        return Effect.sync(receiver.beginListing)
      case "Deliver":
        return receiver.deliver(effect.updates)
      case "EndListing":
        return Effect.sync(receiver.endListing)
      case "ReportSync":
        return Effect.sync(() => receiver.reportSync(effect.inSync, effect.reason))
    }
  }

  yield* Queue.offer(events, { _tag: "Started" })
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      let state = createStoreWatch(options.seed)
      while (true) {
        const [next, effects] = reduceStoreWatch<StoreUpdate>(state, yield* Queue.take(events))
        state = next
        for (const effect of effects) yield* perform(effect)
      }
    })
  )
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(etcd.remove(0, barrier), FAREWELL_MS)))
})

export interface PublishOptions {
  /** Our own key: it says whose lease counts. */
  readonly fence: string
  readonly fenceValue: Uint8Array
  /** How long what we published outlives us, seconds. */
  readonly ttlS: number
  readonly seed: number
  readonly report: (isUp: boolean, reason: string) => void
}

export interface StorePublisher {
  /** From now on `key` is to have this value, or not to be there. Coalesces with what still waits. */
  readonly want: (key: string, value: Uint8Array | undefined) => void
  /** Keys that wait to be written. */
  readonly waiting: () => number
}

/** Keeps what is wanted in the store until the scope closes; then the lease is given back and all of it is gone. */
export const publishToStore = Effect.fnUntraced(function* (
  options: PublishOptions
): Effect.fn.Return<StorePublisher, never, Etcd | Scope.Scope> {
  const etcd = yield* Etcd
  const { fence, fenceValue, ttlS, report } = options
  // Unbounded by type only: one event per operation under way, one timer, and one `Wanted` at a time.
  const events = yield* Queue.unbounded<StorePublishEvent>()
  const operations = yield* FiberSet.make<void>()
  const wanted = new Map<string, Uint8Array>()
  const waiting = new Set<string>()
  let isAnnounced = false
  let state = createStorePublish(options.seed)
  const timer = makeTimer((token) => Queue.offer(events, { _tag: "TimerExpired", token }))
  const start = (token: number, run: Effect.Effect<StorePublishEvent, EtcdError>) =>
    FiberSet.run(
      operations,
      Effect.flatMap(
        Effect.catch(run, ({ message }) =>
          Effect.succeed<StorePublishEvent>({ _tag: "Failed", token, reason: message })
        ),
        (event) => Effect.asVoid(Queue.offer(events, event))
      )
    )

  const perform = (effect: StorePublishEffect): Effect.Effect<unknown> => {
    switch (effect._tag) {
      case "GrantLease": {
        const { token, endpoint } = effect
        return start(
          token,
          Effect.map(etcd.grant(endpoint, ttlS), (granted) => ({ _tag: "LeaseGranted", token, ...granted }))
        )
      }
      case "WriteFence": {
        const { token, endpoint, lease } = effect
        const changes = [{ key: fence, value: fenceValue }]
        return start(
          token,
          Effect.as(etcd.transact(endpoint, { lease, fence: undefined, changes }), { _tag: "Fenced", token })
        )
      }
      case "KeepAlive": {
        const { token, endpoint, lease } = effect
        return start(
          token,
          Effect.map(etcd.keepAlive(endpoint, lease), (left) => ({ _tag: "KeptAlive", token, ttlS: left }))
        )
      }
      case "RevokeLease":
        return Effect.ignore(Effect.timeout(etcd.revoke(effect.endpoint, effect.lease), FAREWELL_MS))
      case "WriteWaiting": {
        const { token, endpoint, lease } = effect
        const changes = takeWaiting(waiting, wanted)
        const done = { _tag: "Written", token, isMore: waiting.size > 0 } as const
        const run = changes.length === 0 ? Effect.void : etcd.transact(endpoint, { lease, fence, changes })
        return start(token, Effect.as(run, done))
      }
      case "WantEverything":
        return Effect.sync(() => {
          waiting.clear()
          for (const key of wanted.keys()) waiting.add(key)
        })
      case "Abandon":
        return FiberSet.clear(operations)
      case "ArmTimer":
        return timer(effect)
      case "ReportPublishing":
        return Effect.sync(() => report(effect.isUp, effect.reason))
    }
  }

  const meet = Effect.fnUntraced(function* (event: StorePublishEvent) {
    if (event._tag === "Wanted") isAnnounced = false
    const [next, effects] = reduceStorePublish(state, event)
    state = next
    for (const effect of effects) yield* perform(effect)
  })

  yield* Effect.addFinalizer(() => meet({ _tag: "Stopped" }))
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      yield* meet({ _tag: "Started" })
      while (true) yield* meet(yield* Queue.take(events))
    })
  )
  return {
    want: (key, value) => {
      if (value === undefined) wanted.delete(key)
      else wanted.set(key, value)
      waiting.add(key)
      if (isAnnounced) return
      isAnnounced = true
      Queue.offerUnsafe(events, { _tag: "Wanted" })
    },
    waiting: () => waiting.size
  }
})

const takeWaiting = (waiting: Set<string>, wanted: ReadonlyMap<string, Uint8Array>): ReadonlyArray<StoreChange> => {
  const changes: Array<StoreChange> = []
  let sizeBytes = 0
  for (const key of waiting) {
    const value = wanted.get(key)
    sizeBytes += key.length + (value?.length ?? 0)
    if (changes.length === TRANSACTION_KEYS || (changes.length > 0 && sizeBytes > TRANSACTION_BYTES)) break
    changes.push({ key, value })
    waiting.delete(key)
  }
  return changes
}

/** One timer, which arming replaces. */
const makeTimer = (expired: (token: number) => Effect.Effect<unknown>) => {
  let timeout: NodeJS.Timeout | undefined
  return ({ token, milliseconds }: { readonly token: number; readonly milliseconds: number }): Effect.Effect<void> =>
    Effect.sync(() => {
      clearTimeout(timeout)
      timeout = setTimeout(() => Effect.runFork(expired(token)), milliseconds)
      // A store that is only waited for keeps no process alive.
      timeout.unref()
    })
}

const NOTHING = new Uint8Array(0)
const EVENTS_WAITING = 16
const PAGE_KEYS = 1000
/** etcd takes 128 operations per transaction and 1.5 MiB per request unless told otherwise. */
const TRANSACTION_KEYS = 128
const TRANSACTION_BYTES = 1024 * 1024
const FAREWELL_MS = 1000
