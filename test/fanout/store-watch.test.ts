// Following a store: whatever fails and in whatever order things complete, what was delivered is what the store holds once it says so.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  createStoreWatch,
  reduceStoreWatch,
  type StoreWatchEffect,
  type StoreWatchEvent
} from "../../src/fanout/index.ts"
import { type Change, ModelStore } from "./model-store.ts"

type Operation = Extract<StoreWatchEffect<Change>, { readonly _tag: "ReadPage" | "OpenWatch" | "WriteBarrier" }>

const BARRIER = "~barrier"
const PAGE_KEYS = 2

/** The machine, a store, and everything that is under way between them; a schedule decides what happens next. */
class Bench {
  state = createStoreWatch(7)
  readonly store = new ModelStore()
  readonly view = new Map<string, string>()
  operations: Array<Operation> = []
  watch: { readonly token: number; from: number; isCaughtUp: boolean } | undefined
  timer: { readonly token: number; readonly milliseconds: number } | undefined
  listed: Set<string> | undefined
  listings = 0
  deletedWhileOut: Array<string> = []

  meet(event: StoreWatchEvent<Change>): void {
    const [next, effects] = reduceStoreWatch(this.state, event)
    this.state = next
    for (const effect of effects) this.perform(effect)
  }

  private perform(effect: StoreWatchEffect<Change>): void {
    switch (effect._tag) {
      case "ReadPage":
      case "OpenWatch":
      case "WriteBarrier":
        this.operations.push(effect)
        return
      case "Abandon":
        // What is under way may still take effect and answer: its token is stale.
        this.watch = undefined
        return
      case "ArmTimer":
        this.timer = effect
        return
      case "BeginListing":
        this.listed = new Set()
        this.listings++
        return
      case "Deliver":
        for (const { key, value } of effect.updates) {
          this.listed?.add(key)
          if (value === undefined) this.view.delete(key)
          else this.view.set(key, value)
        }
        return
      case "EndListing":
        for (const key of [...this.view.keys()]) if (!this.listed?.has(key)) this.view.delete(key)
        this.listed = undefined
        return
      case "ReportSync":
        if (effect.inSync) this.compareWith(this.state.revision)
        return
    }
  }

  /** The operation at `index` reaches the store and its answer the machine. */
  complete(index: number): void {
    if (this.operations.length === 0) return
    const [operation] = this.operations.splice(index % this.operations.length, 1)
    const { token } = operation
    if (operation._tag === "WriteBarrier") {
      const revision = this.store.put(BARRIER, `${this.store.revision}`)
      this.meet({ _tag: "BarrierWritten", token, revision })
    } else if (operation._tag === "OpenWatch") {
      if (token === this.state.token) this.watch = { token, from: operation.fromRevision, isCaughtUp: false }
      if (operation.fromRevision < this.store.compacted) this.meet({ _tag: "Compacted", token })
      else this.meet({ _tag: "WatchOpened", token })
    } else this.readPage(operation)
  }

  private readPage({ token, revision: asked, after }: Extract<Operation, { readonly _tag: "ReadPage" }>): void {
    const revision = asked === 0 ? this.store.revision : asked
    if (revision < this.store.compacted) {
      this.meet({ _tag: "Compacted", token })
      return
    }
    const rest = [...this.store.at(revision)].filter(([key]) => after === undefined || key > after).sort(byKey)
    const page = rest.slice(0, PAGE_KEYS)
    const updates = page.map(([key, { value, modRevision }]) => ({ key, value, revision: modRevision }))
    const nextAfter = rest.length > PAGE_KEYS ? page[PAGE_KEYS - 1][0] : undefined
    this.meet({ _tag: "PageRead", token, revision, updates, nextAfter })
  }

  /** The watch sends what has happened, at most up to one revision more than it has sent. */
  flow(isOnlyOne: boolean): void {
    if (this.watch === undefined) return
    const { token, from, isCaughtUp } = this.watch
    // To a watch that has caught up the store sends what happens as it happens: what is on its way then, no compaction takes back.
    const changes = isCaughtUp ? this.store.happenedFrom(from) : this.store.changesFrom(from)
    if (changes === undefined) this.meet({ _tag: "Compacted", token })
    if (changes === undefined) return
    this.watch.isCaughtUp = true
    if (changes.length === 0) return
    const last = isOnlyOne ? changes[0].revision : this.store.revision
    this.watch.from = last + 1
    this.meet({ _tag: "Changed", token, revision: last, updates: changes.filter(({ revision }) => revision <= last) })
  }

  expire(): void {
    const { timer } = this
    this.timer = undefined
    if (timer !== undefined) this.meet({ _tag: "TimerExpired", token: timer.token })
  }

  private hasMore({ from, isCaughtUp }: NonNullable<typeof this.watch>): boolean {
    return isCaughtUp ? this.store.happenedFrom(from).length > 0 : this.store.changesFrom(from)?.length !== 0
  }

  /** Nothing fails any more. */
  quiesce(): void {
    for (let round = 0; round < 100; round++) {
      if (this.operations.length > 0) this.complete(0)
      else if (this.watch !== undefined && this.hasMore(this.watch)) this.flow(false)
      else if (!this.state.inSync) this.expire()
      else return
    }
    throw new Error("never in sync")
  }

  compareWith(revision: number): void {
    const held = [...this.store.at(revision)].map(([key, { value }]) => [key, value] as const)
    expect([...this.view].sort(byKey)).toEqual(held.sort(byKey))
  }
}

const byKey = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1)

type Move = (bench: Bench) => void

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.nat(3).map(
      (index): Move =>
        (bench) =>
          bench.complete(index)
    )
  },
  {
    weight: 3,
    arbitrary: fc.boolean().map(
      (isOne): Move =>
        (bench) =>
          bench.flow(isOne)
    )
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.option(fc.constantFrom("1", "2", "3"), { nil: undefined }))
      .map(
        ([key, value]): Move =>
          (bench) =>
            void bench.store.put(key, value)
      )
  },
  { weight: 1, arbitrary: fc.constant<Move>((bench) => bench.expire()) },
  {
    weight: 1,
    arbitrary: fc.nat(3).map(
      (back): Move =>
        (bench) =>
          bench.store.compact(bench.store.revision - back)
    )
  },
  {
    weight: 1,
    arbitrary: fc.nat(2).map(
      (old): Move =>
        (bench) => {
          bench.meet({ _tag: "Failed", token: bench.state.token - old, reason: "cut off" })
        }
    )
  }
)

describe("following a store", () => {
  it("holds what the store held at its revision whenever it says that it is in sync, and at the end", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const bench = new Bench()
        bench.meet({ _tag: "Started" })
        for (const each of moves) each(bench)
        bench.quiesce()
        bench.compareWith(bench.store.revision)
      }),
      { numRuns: 500 }
    )
  })

  const synced = (): Bench => {
    const bench = new Bench()
    bench.store.put("a", "1")
    bench.meet({ _tag: "Started" })
    bench.quiesce()
    return bench
  }

  it("goes on from where a broken watch stopped, without listing again", () => {
    const bench = synced()
    bench.meet({ _tag: "Failed", token: bench.state.token, reason: "cut off" })
    expect(bench.state).toMatchObject({ phase: "Waiting", inSync: false })
    bench.store.put("b", "2")
    bench.quiesce()
    expect([bench.listings, bench.view.get("b")]).toEqual([1, "2"])
  })

  it("lists again when the revisions it needs were compacted away, and deletes what is gone", () => {
    const bench = synced()
    bench.meet({ _tag: "Failed", token: bench.state.token, reason: "cut off" })
    bench.store.put("a", undefined)
    bench.store.put("b", "2")
    bench.store.compact(bench.store.revision)
    bench.quiesce()
    expect([bench.listings, bench.view.has("a"), bench.view.get("b")]).toEqual([2, false, "2"])
  })

  it("is told of a deletion that the store is compacted to while it is on its way to a watch that has caught up", () => {
    const bench = synced()
    bench.store.put("a", undefined)
    bench.store.compact(bench.store.revision)
    bench.quiesce()
    expect([bench.listings, bench.view.has("a")]).toEqual([1, false])
  })

  it("deletes nothing while a listing is not complete", () => {
    const bench = synced()
    bench.meet({ _tag: "Failed", token: bench.state.token, reason: "cut off" })
    bench.store.put("a", undefined)
    bench.store.compact(bench.store.revision)
    bench.expire()
    bench.complete(0)
    expect([bench.state.phase, bench.view.has("a")]).toEqual(["Listing", true])
  })

  it("is not in sync before the watch has shown its own barrier", () => {
    const bench = new Bench()
    bench.meet({ _tag: "Started" })
    bench.complete(0)
    bench.complete(0)
    bench.complete(0)
    expect(bench.state).toMatchObject({ phase: "Watching", inSync: false })
    bench.flow(false)
    expect(bench.state.inSync).toBe(true)
  })

  it("gives up a watch that has gone silent: its barrier never comes back", () => {
    const bench = synced()
    bench.expire()
    bench.complete(0)
    bench.expire()
    expect(bench.state).toMatchObject({ phase: "Waiting", inSync: false, endpoint: 1 })
  })

  it("waits longer after each failure, up to ten seconds, and starts over when it was in sync", () => {
    const bench = new Bench()
    bench.meet({ _tag: "Started" })
    const waits = Array.from({ length: 12 }, () => {
      bench.meet({ _tag: "Failed", token: bench.state.token, reason: "refused" })
      const wait = bench.timer?.milliseconds ?? 0
      bench.expire()
      return wait
    })
    waits.forEach((wait, failures) => {
      const ceiling = Math.min(10_000, 200 * 2 ** failures)
      expect(wait).toBeGreaterThanOrEqual(ceiling / 2)
      expect(wait).toBeLessThanOrEqual(ceiling)
    })
    bench.operations = bench.operations.slice(-1)
    bench.quiesce()
    expect(bench.state.failures).toBe(0)
  })
})
