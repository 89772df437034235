// Declared dependencies, the preset `corrected` of entries: all of them count, in every order of answers, failures and losses.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Dependencies, EntryObject, EntryState } from "../../src/ksync/index.ts"
import { OtherSide, type OtherSideOptions, type Thing } from "./other-side.ts"

const KEYS = 8

interface Move {
  readonly what: string
  readonly key: number
  readonly below: ReadonlyArray<number>
}

const key = fc.integer({ min: 0, max: KEYS - 1 })
const move: fc.Arbitrary<Move> = fc.record({
  what: fc.constantFrom(
    ...["want", "want", "want", "want", "unwant", "unwant", "answer", "answer", "answer", "answer", "answer"],
    ...["fail", "lose", "renew", "retry"]
  ),
  key,
  below: fc.array(key, { maxLength: 3 })
})

const play = (side: OtherSide, { what, key, below }: Move): void => {
  if (what === "want") side.want(key, ...below)
  else if (what === "unwant") side.unwant(key)
  else if (what === "answer") side.answer()
  else if (what === "fail") side.answer("no memory")
  else if (what === "lose") side.lose(key)
  else if (what === "renew") side.renew(key)
  else for (const table of side.tables) table.retry()
}

const options: fc.Arbitrary<OtherSideOptions> = fc.constantFrom<OtherSideOptions>(
  {},
  { awaits: () => true },
  { awaits: (one) => one % 3 === 0 },
  { atOnce: (one) => one % 2 === 0 }
)

/** Whether the entry's wish leads back to it, over wishes and over what is there. */
const isInCycle = (side: OtherSide, one: number): boolean => {
  const seen = new Set<number>()
  const next = [one]
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    const { dependencies = [], standsOn = [] } = side.find(at) ?? {}
    for (const below of at === one ? dependencies : [...dependencies, ...standsOn]) {
      if (below.key === one) return true
      if (!seen.has(below.key as number)) next.push(below.key as number)
      seen.add(below.key as number)
    }
  }
  return false
}

/** What is wrong with an entry at rest. */
const unrest = (
  side: OtherSide,
  { key, state, data, standsOn, standers, dependents, isDoubtful }: Thing
): string | undefined => {
  const there = side.present.get(key)
  const isMet = data.below.every((below) => side.stateOf(below) === EntryState.InSync) && !isInCycle(side, key)
  switch (state) {
    case EntryState.InSync:
      return same(there, data.below) ? undefined : "is not there as wanted"
    case EntryState.ChangeDefer:
      if (isMet) return "could be changed"
      // Lost while something was under way that is not repeated before its dependencies are met: nobody knows.
      if (isDoubtful) return undefined
      return same(
        there,
        standsOn.map((below) => below.key as number)
      )
        ? undefined
        : "is not there as it was"
    case EntryState.AddDefer:
      return isMet ? "could be added" : there === undefined ? undefined : "is there"
    case EntryState.DeleteDeferRef:
      return standers.size > 0 && (there !== undefined || isDoubtful) ? undefined : "waits for nobody to go"
    case EntryState.Temp:
      return dependents.size > 0 && there === undefined ? undefined : "is nobody's placeholder"
    default:
      return "is not at rest"
  }
}

const same = (a: ReadonlyArray<number> | undefined, b: ReadonlyArray<number>): boolean =>
  a !== undefined && [...new Set(a)].sort().join() === [...new Set(b)].sort().join()

describe("declared dependencies", () => {
  it("law: the other side ends up with all that can be there, and nothing was asked too early, too soon or twice", () => {
    fc.assert(
      fc.property(options, fc.array(move, { maxLength: 60, size: "max" }), (how, moves) => {
        const side = new OtherSide(how)
        for (const each of moves) play(side, each)
        side.settle()
        expect(side.objections).toEqual([])
        for (const one of side.present.keys()) expect(side.find(one)).toBeDefined()
        for (const table of side.tables) {
          expect(table.violations).toEqual([])
          for (const entry of table.values()) {
            expect([entry.key, unrest(side, entry)]).toEqual([entry.key, undefined])
            // The counters are what a search finds.
            const unmet = entry.dependencies.filter((below) => !below.owner.isResolved(below))
            expect([...entry.unmet].map((below) => below.key).sort()).toEqual(unmet.map((below) => below.key).sort())
          }
        }
      }),
      { numRuns: 1500 }
    )
  })

  it("law: nothing is left when all is taken back, cycles and placeholders included", () => {
    fc.assert(
      fc.property(options, fc.array(move, { maxLength: 60, size: "max" }), (how, moves) => {
        const side = new OtherSide(how)
        for (const each of moves) play(side, each)
        for (let one = 0; one < KEYS; one++) side.unwant(one)
        side.settle()
        for (let one = 0; one < KEYS; one++) side.unwant(one)
        side.settle()
        expect(side.tables.map((table) => table.size)).toEqual([0, 0])
        expect(side.present.size).toBe(0)
        expect(side.dependencies.cycles).toEqual([])
      }),
      { numRuns: 700 }
    )
  })
})

describe("an entry with several dependencies", () => {
  it("waits until the last of them is met, and is looked at once", () => {
    const side = new OtherSide()
    const entry = side.want(9, 1, 2, 3)
    side.want(1)
    side.want(3)
    expect([...entry.unmet].map((below) => below.key)).toEqual([2])
    expect(side.log).toEqual(["add 1", "add 3"])
    side.want(2)
    expect(side.log).toEqual(["add 1", "add 3", "add 2", "add 9"])
    expect(entry.history).toHaveLength(2)
  })

  it("has a rank one above the highest of them, and those with lower ranks are looked at first", () => {
    const side = new OtherSide()
    side.want(9, 5, 1)
    side.want(5, 1)
    expect([1, 5, 9].map((one) => side.find(one)!.rank)).toEqual([0, 1, 2])
    side.want(7, 1)
    side.want(1)
    expect(side.log).toEqual(["add 1", "add 5", "add 7", "add 9"])
  })

  it("goes along when one of them goes by itself, with all that stands on it, and comes back behind it", () => {
    const side = new OtherSide()
    side.want(1)
    side.want(2, 1)
    side.want(3, 2)
    side.settle()
    side.log.length = 0
    side.lose(1)
    expect(side.log).toEqual(["add 1", "add 2", "add 3"])
    side.settle()
    expect([...side.present.keys()].sort()).toEqual([1, 2, 3])
  })

  it("is put once more where it is under way when one of them goes, for nobody knows which came first", () => {
    const side = new OtherSide()
    side.want(1)
    side.settle()
    side.want(2, 1)
    side.log.length = 0
    side.lose(1)
    expect([side.log, side.stateOf(2)]).toEqual([["add 1"], EntryState.NeedSync])
    side.settle()
    expect([side.log, [...side.present.keys()].sort()]).toEqual([
      ["add 1", "add 2"],
      [1, 2]
    ])
  })

  it("waits again, and is no failure of its own, when what it was sent behind is refused (W2)", () => {
    const side = new OtherSide()
    side.want(1)
    side.want(2, 1)
    expect(side.log).toEqual(["add 1", "add 2"])
    side.answer("no such device")
    side.answer()
    expect(side.find(1)!.failure).toBe("no such device")
    expect(side.dependencies.path(side.find(2)!).map((each) => each.key)).toEqual([2, 1])
    side.settle()
    expect([1, 2].map((one) => side.stateOf(one))).toEqual([EntryState.InSync, EntryState.InSync])
  })

  it("waits for the acknowledgement where its kind asks for that", () => {
    const side = new OtherSide({ awaits: () => true })
    side.want(1)
    side.want(2, 1)
    expect(side.log).toEqual(["add 1"])
    side.answer()
    expect(side.log).toEqual(["add 1", "add 2"])
  })

  it("stays where its kind outlives what goes by itself", () => {
    const side = new OtherSide({ outlives: () => true })
    side.want(1)
    side.want(2, 1)
    side.settle()
    side.log.length = 0
    side.lose(1)
    side.settle()
    expect(side.log).toEqual(["add 1"])
  })

  it("does not keep what is on its way out while it only waits (W7)", () => {
    const side = new OtherSide()
    side.want(1)
    side.want(2, 1)
    side.settle()
    side.unwant(1)
    side.want(3, 1)
    side.unwant(2)
    side.settle()
    expect(side.log.slice(-2)).toEqual(["delete 2", "delete 1"])
    expect([side.stateOf(1), side.stateOf(3)]).toEqual([EntryState.Temp, EntryState.AddDefer])
  })

  it("stands on the old content's dependencies until the new content is acknowledged", () => {
    const side = new OtherSide()
    side.want(1)
    side.want(2)
    side.want(3, 1)
    side.settle()
    side.want(3, 2)
    side.unwant(1)
    expect(side.stateOf(1)).toBe(EntryState.DeleteDeferRef)
    side.answer()
    expect(side.stateOf(1)).toBe(EntryState.DeleteAckWait)
  })
})

describe("cycles", () => {
  it("are reported, wait, and are gone when they are broken or taken back (W8)", () => {
    const side = new OtherSide()
    side.want(1, 2)
    side.want(2, 3)
    side.want(3, 1)
    expect(side.dependencies.cycles.map((cycle) => cycle.map((each) => each.key))).toEqual([[3, 1, 2, 3]])
    expect(side.dependencies.path(side.find(1)!).map((each) => each.key)).toEqual([1, 2, 3, 1])
    expect(side.log).toEqual([])
    side.want(2)
    expect(side.dependencies.cycles).toEqual([])
    side.settle()
    expect(side.log).toEqual(["add 2", "add 1", "add 3"])
  })

  it("that something in sync would close leave it as it was", () => {
    const side = new OtherSide()
    side.want(1)
    side.want(2, 1)
    side.settle()
    side.want(1, 2)
    expect([1, 2].map((one) => side.stateOf(one))).toEqual([EntryState.ChangeDefer, EntryState.InSync])
    expect(side.dependencies.cycles).toHaveLength(1)
  })

  it("of one entry with itself are cycles too", () => {
    const side = new OtherSide()
    side.want(1, 1)
    expect(side.stateOf(1)).toBe(EntryState.AddDefer)
    side.unwant(1)
    expect(side.find(1)).toBeUndefined()
  })
})

describe("answers", () => {
  it("with another token, or a second one, do nothing and are counted", () => {
    const side = new OtherSide()
    const entry = side.want(1)
    const { token } = entry.underWay!
    const table = side.tableOf(1)
    expect(table.answered(entry, token + 1)).toBe(false)
    expect(entry.state).toBe(EntryState.SyncWait)
    expect(table.answered(entry, token)).toBe(true)
    expect(table.answered(entry, token)).toBe(false)
    expect([entry.state, table.lateAnswers, table.violationCount]).toEqual([EntryState.InSync, 2, 0])
  })

  it("to an operation of the entry before it under the same key do nothing", () => {
    const side = new OtherSide()
    const before = side.want(1)
    const { token } = before.underWay!
    side.answer()
    side.unwant(1)
    side.answer()
    const after = side.want(1)
    expect(side.tableOf(1).answered(after, token)).toBe(false)
    expect(after.state).toBe(EntryState.SyncWait)
  })

  it("are followed by one change at most, with the last content", () => {
    const side = new OtherSide()
    side.want(1)
    side.want(3)
    side.want(5)
    side.settle()
    side.log.length = 0
    side.want(2)
    for (const below of [1, 3, 5]) side.want(2, below)
    side.settle()
    expect(side.log).toEqual(["add 2", "change 2"])
    expect(side.present.get(2)).toEqual([5])
  })

  it("that are failures leave the reason, and the entry is tried again when asked for", () => {
    const side = new OtherSide()
    const entry = side.want(1)
    side.answer("no memory")
    expect([entry.state, entry.failure]).toEqual([EntryState.AddDefer, "no memory"])
    expect(side.tableOf(1).retry()).toBe(true)
    side.answer()
    expect([entry.state, entry.failure]).toEqual([EntryState.InSync, undefined])
    side.unwant(1)
    side.answer("busy")
    expect(entry.state).toBe(EntryState.DeleteDeferRef)
    side.tableOf(1).retry()
    side.answer()
    expect(side.find(1)).toBeUndefined()
  })
})

describe("what others may rely on", () => {
  const tableOf = (indices: number | "given") => {
    const sent: Array<number> = []
    const resolved = new Set<number>()
    const object: EntryObject<number, number | undefined> = new EntryObject<number, number | undefined>(
      {
        compare: (a, b) => a - b,
        add: ({ key }) => sent.push(key) > 0,
        change: () => true,
        remove: () => true,
        dependsOn: ({ data }) => {
          const below = data === undefined ? undefined : object.referenceTo(data, () => undefined)
          return below === undefined ? [] : [below]
        },
        isDataResolved: ({ key }) => key !== 1 || resolved.has(1),
        compressesDeletes: () => true,
        freed: () => {},
        emptied: () => {}
      },
      { policy: "corrected", indices, dependencies: new Dependencies() }
    )
    return { object, sent, resolved }
  }

  it("is an index that the other side gives, as soon as it is given", () => {
    const { object, sent } = tableOf("given")
    const below = object.create(2, () => undefined)!
    object.create(3, () => 2)
    expect(sent).toEqual([2])
    object.giveIndex(below, 77)
    expect(sent).toEqual([2, 3])
  })

  it("is data, as soon as somebody says that it is there", () => {
    const { object, sent, resolved } = tableOf(4)
    const below = object.create(1, () => undefined)!
    object.create(3, () => 1)
    expect(sent).toEqual([1])
    resolved.add(1)
    object.look(below)
    expect(sent).toEqual([1, 3])
  })

  it("is no index that was somebody else's a moment ago", () => {
    const { object } = tableOf(3)
    const first = object.create(2, () => undefined)!
    expect(first.index).toBe(0)
    object.delete(first)
    const indices = [3, 4, 5].map((one) => object.create(one, () => undefined)?.index)
    expect(indices).toEqual([1, 2, 0])
    expect(object.create(6, () => undefined)).toBeUndefined()
    expect(object.violations).toEqual(["no index is left"])
  })

  it("empties the table once, however many entries go", () => {
    const side = new OtherSide()
    side.want(2, 4)
    side.want(4, 6)
    side.unwant(4)
    side.unwant(2)
    expect(side.tables[0].size).toBe(0)
    expect(side.emptied).toBe(1)
  })
})
