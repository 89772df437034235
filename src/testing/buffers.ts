// Commands for model tests of a block pool: what holders of leases do, in any order, beside a model that is a plain map from lease to
// count and content.
import fc from "fast-check"
import type { BlockPool, Lease } from "../buffers/index.ts"

/** What must hold of the pool: for each lease that is held, how often, and the byte that fills its block. */
export interface PoolModel {
  readonly held: Map<Lease, { references: number; fill: number }>
  /** Leases that were freed: using one must be noticed. */
  readonly freed: Set<Lease>
}

export type PoolCommand = fc.Command<PoolModel, BlockPool>

export const newPoolModel = (): PoolModel => ({ held: new Map(), freed: new Set() })

const pick = (model: PoolModel, choice: number): Lease => [...model.held.keys()][choice % model.held.size]!

const must = (holds: boolean, law: string): void => {
  if (!holds) throw new Error(law)
}

const acquire = (fill: number): PoolCommand => ({
  check: () => true,
  run: (model, pool) => {
    const lease = pool.acquire(`fill ${fill}`)
    must(!model.held.has(lease), "a lease is given to one holder only")
    pool.bytes(lease).fill(fill)
    model.held.set(lease, { references: 1, fill })
    model.freed.delete(lease)
  },
  toString: () => `acquire(${fill})`
})

const retain = (choice: number, count: number): PoolCommand => ({
  check: (model) => model.held.size > 0,
  run: (model, pool) => {
    const lease = pick(model, choice)
    pool.retain(lease, count)
    model.held.get(lease)!.references += count
  },
  toString: () => `retain(${choice}, ${count})`
})

const release = (choice: number): PoolCommand => ({
  check: (model) => model.held.size > 0,
  run: (model, pool) => {
    const lease = pick(model, choice)
    const block = model.held.get(lease)!
    pool.release(lease)
    if (--block.references > 0) return
    model.held.delete(lease)
    model.freed.add(lease)
  },
  toString: () => `release(${choice})`
})

const trim = (): PoolCommand => ({
  check: () => true,
  run: (model, pool) => {
    pool.trim()
    must(pool.stats().total === model.held.size, "after a trim only leased blocks have storage")
  },
  toString: () => "trim()"
})

const misuse = (choice: number, verb: "bytes" | "release" | "retain"): PoolCommand => ({
  check: (model) => model.freed.size > 0,
  run: (model, pool) => {
    const lease = [...model.freed][choice % model.freed.size]!
    let noticed = false
    try {
      pool[verb](lease)
    } catch {
      noticed = true
    }
    must(noticed, `${verb} of a freed lease is noticed`)
  },
  toString: () => `misuse(${choice}, ${verb})`
})

const look = (): PoolCommand => ({
  check: () => true,
  run: (model, pool) => {
    const stats = pool.stats()
    must(stats.leased === model.held.size, "the pool counts its leases")
    must(stats.total === stats.free + stats.leased, "every block is free or leased")
    must(pool.leaks().length === model.held.size, "what is held is what would leak")
    for (const [lease, { references, fill }] of model.held) {
      must(pool.count(lease) === references, "references are counted")
      must(
        pool.bytes(lease).every((byte) => byte === fill),
        "a held block keeps its bytes"
      )
    }
  },
  toString: () => "look()"
})

/** Sequences of commands; run them with `fc.modelRun(() => ({ model: newPoolModel(), real: pool }), commands)`. */
export const arbitraryPoolCommands: fc.Arbitrary<Iterable<PoolCommand>> = fc.commands(
  [
    fc.nat({ max: 255 }).map(acquire),
    fc.tuple(fc.nat(), fc.integer({ min: 1, max: 4 })).map(([choice, count]) => retain(choice, count)),
    fc.nat().map(release),
    fc.nat().map(release),
    fc.constant(trim()),
    fc.tuple(fc.nat(), fc.constantFrom("bytes", "release", "retain")).map(([choice, verb]) => misuse(choice, verb)),
    fc.constant(look())
  ],
  { maxCommands: 60 }
)
