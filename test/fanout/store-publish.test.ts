// Publishing into a store under a lease: whatever fails, what the store holds in the end is what was wanted last, and an earlier life that
// writes late changes nothing.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  createStorePublish,
  reduceStorePublish,
  type StorePublishEffect,
  type StorePublishEvent
} from "../../src/fanout/index.ts"
import { ModelStore } from "./model-store.ts"

type Operation =
  | Extract<StorePublishEffect, { readonly _tag: "GrantLease" | "WriteFence" | "KeepAlive" | "RevokeLease" }>
  | {
      readonly _tag: "Write"
      readonly token: number
      readonly lease: string
      readonly changes: ReadonlyArray<readonly [string, string | undefined]>
      readonly isMore: boolean
    }

const FENCE = "fence"
const TRANSACTION_KEYS = 2

class Bench {
  state = createStorePublish(3)
  readonly store = new ModelStore()
  readonly wanted = new Map<string, string>()
  waiting = new Set<string>()
  operations: Array<Operation> = []
  timer: number | undefined

  meet(event: StorePublishEvent): void {
    const [next, effects] = reduceStorePublish(this.state, event)
    this.state = next
    for (const effect of effects) this.perform(effect)
  }

  private perform(effect: StorePublishEffect): void {
    switch (effect._tag) {
      case "GrantLease":
      case "WriteFence":
      case "KeepAlive":
      case "RevokeLease":
        this.operations.push(effect)
        return
      case "WriteWaiting": {
        const keys = [...this.waiting].slice(0, TRANSACTION_KEYS)
        for (const key of keys) this.waiting.delete(key)
        const changes = keys.map((key) => [key, this.wanted.get(key)] as const)
        this.operations.push({
          _tag: "Write",
          token: effect.token,
          lease: effect.lease,
          changes,
          isMore: this.waiting.size > 0
        })
        return
      }
      case "WantEverything":
        this.waiting = new Set(this.wanted.keys())
        return
      case "ArmTimer":
        this.timer = effect.token
        return
      case "Abandon":
      case "ReportPublishing":
        return
    }
  }

  want(key: string, value: string | undefined): void {
    if (value === undefined) this.wanted.delete(key)
    else this.wanted.set(key, value)
    this.waiting.add(key)
    this.meet({ _tag: "Wanted" })
  }

  /** Reaches the store; `isAnswered` says whether the answer finds its way back. */
  complete(index: number, isAnswered: boolean): void {
    if (this.operations.length === 0) return
    const [operation] = this.operations.splice(index % this.operations.length, 1)
    const answer = this.carryOut(operation)
    if (answer === undefined) return
    this.meet(isAnswered ? answer : { _tag: "Failed", token: answer.token, reason: "cut off" })
  }

  private carryOut(operation: Operation): Extract<StorePublishEvent, { readonly token: number }> | undefined {
    if (operation._tag === "RevokeLease") {
      this.store.expire(operation.lease)
      return undefined
    }
    const { token } = operation
    switch (operation._tag) {
      case "GrantLease":
        return { _tag: "LeaseGranted", token, lease: this.store.grant(), ttlS: 30 }
      case "KeepAlive":
        return { _tag: "KeptAlive", token, ttlS: this.store.leases.has(operation.lease) ? 30 : 0 }
      case "WriteFence":
        return this.store.transact(operation.lease, undefined, [[FENCE, "up"]])
          ? { _tag: "Fenced", token }
          : { _tag: "Failed", token, reason: "lease not found" }
      case "Write":
        return this.store.transact(operation.lease, FENCE, operation.changes)
          ? { _tag: "Written", token, isMore: operation.isMore }
          : { _tag: "Failed", token, reason: "the lease or the fence is lost" }
    }
  }

  expire(): void {
    const token = this.timer
    this.timer = undefined
    if (token !== undefined) this.meet({ _tag: "TimerExpired", token })
  }

  /** Nothing fails any more, the oldest comes last; leases that nobody keeps alive run out. */
  quiesce(): void {
    for (let round = 0; round < 200; round++) {
      if (this.operations.length > 0) this.complete(this.operations.length - 1, true)
      else if (this.state.phase !== "Holding") this.expire()
      else if (this.store.leases.has(this.state.lease)) break
      else this.expire()
    }
    for (const lease of [...this.store.leases]) if (lease !== this.state.lease) this.store.expire(lease)
  }

  held(): Array<[string, string]> {
    return [...this.store.at(this.store.revision)]
      .filter(([key]) => key !== FENCE)
      .map(([key, { value }]): [string, string] => [key, value])
      .sort()
  }
}

type Move = (bench: Bench) => void

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom("a", "b", "c", "d"), fc.option(fc.constantFrom("1", "2", "3"), { nil: undefined }))
      .map(
        ([key, value]): Move =>
          (bench) =>
            bench.want(key, value)
      )
  },
  {
    weight: 6,
    arbitrary: fc.nat(3).map(
      (index): Move =>
        (bench) =>
          bench.complete(index, true)
    )
  },
  {
    weight: 1,
    arbitrary: fc.nat(3).map(
      (index): Move =>
        (bench) =>
          bench.complete(index, false)
    )
  },
  { weight: 1, arbitrary: fc.constant<Move>((bench) => bench.expire()) },
  {
    weight: 1,
    arbitrary: fc.nat(3).map(
      (which): Move =>
        (bench) => {
          const leases = [...bench.store.leases]
          if (leases.length > 0) bench.store.expire(leases[which % leases.length])
        }
    )
  },
  {
    weight: 1,
    // Nothing came back, and what is under way reaches the store later than what comes after it.
    arbitrary: fc.constant<Move>((bench) => bench.meet({ _tag: "Failed", token: bench.state.token, reason: "timeout" }))
  }
)

describe("publishing into a store", () => {
  it("leaves in the store what was wanted last, whatever failed and whatever arrived late", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const bench = new Bench()
        bench.meet({ _tag: "Started" })
        for (const each of moves) each(bench)
        bench.quiesce()
        expect(bench.held()).toEqual([...bench.wanted].sort())
      }),
      { numRuns: 500 }
    )
  })

  it("never has two transactions in flight under one lease", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const bench = new Bench()
        bench.meet({ _tag: "Started" })
        for (const each of moves) {
          each(bench)
          const leases = bench.operations.flatMap((each) => (each._tag === "Write" ? [each.lease] : []))
          expect(new Set(leases).size).toBe(leases.length)
        }
      })
    )
  })

  it("coalesces the changes of a key that waits for a transaction in flight", () => {
    const bench = new Bench()
    bench.meet({ _tag: "Started" })
    bench.complete(0, true)
    bench.complete(0, true)
    for (const value of ["1", "2", "3"]) bench.want("a", value)
    bench.complete(0, true)
    expect(bench.operations).toMatchObject([{ _tag: "Write", changes: [["a", "3"]] }])
  })

  it("gives its lease back when it stops, so that its keys are gone at once", () => {
    const bench = new Bench()
    bench.meet({ _tag: "Started" })
    bench.want("a", "1")
    bench.quiesce()
    bench.meet({ _tag: "Stopped" })
    bench.quiesce()
    expect(bench.held()).toEqual([])
  })
})
