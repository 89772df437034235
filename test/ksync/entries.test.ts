// Entries that refer to each other, whatever is asked for in whatever order: counts add up, nothing under way is freed, nothing is left behind.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { EntryEvent, EntryState, isUnderWay, type Policy } from "../../src/ksync/index.ts"
import { KsyncModel, type VlanEntry } from "../vectors/ksync-model.ts"

const ASYNC = { add: "async", change: "async", delete: "async" } as const
const SYNC = { add: "sync", change: "sync", delete: "sync" } as const
const INDICES = 8

const modelOf = (policy: Policy): KsyncModel =>
  new KsyncModel({ policy, indices: INDICES, nameOf: String, defaultModes: (tag) => (tag % 2 === 0 ? ASYNC : SYNC) })

/** Acknowledges what is under way. */
const acknowledge = (model: KsyncModel, entry: VlanEntry): void => {
  if (!isUnderWay(entry.state)) return
  const isDelete = entry.state >= EntryState.DeleteDeferDeleteAck
  model.object.notify(entry, isDelete ? EntryEvent.DeleteAck : EntryEvent.AddAck)
}

type Move = (model: KsyncModel) => void

const tag = fc.integer({ min: 1, max: 6 })
const withEntry = (then: (model: KsyncModel, entry: VlanEntry) => void): fc.Arbitrary<Move> =>
  tag.map((key) => (model) => {
    const entry = model.object.find(key)
    if (entry !== undefined) then(model, entry)
  })

/** Dependencies point from higher tags to lower ones, so that there is no cycle. */
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.tuple(tag, fc.option(tag, { nil: undefined })).map(
    ([key, below]): Move =>
      (model) =>
        void model.object.create(key, model.vlan(below! < key ? below : undefined))
  ),
  tag.map(
    (key): Move =>
      (model) =>
        void model.object.createStale(key, model.vlan(undefined))
  ),
  withEntry((model, entry) => model.object.change(entry)),
  withEntry((model, entry) => model.object.delete(entry)),
  withEntry((model, entry) => model.object.notify(entry, EntryEvent.DeleteAddRequest)),
  withEntry(acknowledge),
  fc.tuple(tag, tag).map(
    ([key, below]): Move =>
      (model) => {
        const entry = model.object.find(key)
        if (entry === undefined || below >= key) return
        model.pointAt(entry, below)
        model.object.change(entry)
      }
  ),
  fc.constant<Move>((model) => void model.object.sweep(1))
)

/** The table's own, one per entry that points at it, one for being stale; in the source one for each side of a wait. */
const expectedReferences = (entry: VlanEntry, all: ReadonlyArray<VlanEntry>): number =>
  1 +
  (entry.stale ? 1 : 0) +
  (entry.waitsOn === undefined ? 0 : 1) +
  all.filter(({ data }) => data.dependsOn === entry).length +
  all.filter(({ waitsOn }) => waitsOn === entry).length

describe("entries", () => {
  for (const policy of ["source", "corrected"] as const) {
    it(`count their references, wait where something is not met and share no index (${policy})`, () => {
      fc.assert(
        fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
          const model = modelOf(policy)
          for (const each of moves) {
            each(model)
            const all = model.object.values()
            for (const entry of all) {
              expect(entry.references).toBe(expectedReferences(entry, all))
              if (policy === "source") expect(entry.waitsOn !== undefined).toBe(entry.isWaiting)
              else if (entry.isWaiting) expect(entry.unmet.size).toBeGreaterThan(0)
              // What only the table still knows has been freed or deleted, unless something was sent with it and waits to be changed.
              if (entry.state === EntryState.Temp || entry.state === EntryState.DeleteDeferRef) {
                expect(entry.references + entry.standers.size).toBeGreaterThan(1)
              }
              if (entry.waitsOn !== undefined) expect(entry.waitsOn.waiters.has(entry)).toBe(true)
            }
            expect(new Set(all.map(({ index }) => index)).size).toBe(all.length)
            expect([...all].sort((a, b) => a.key - b.key)).toEqual(all)
          }
        }),
        { numRuns: 1000 }
      )
    })

    it(`are all gone once all is deleted and acknowledged (${policy})`, () => {
      fc.assert(
        fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
          const model = modelOf(policy)
          for (const each of moves) each(model)
          // Again after each acknowledgement: a delete-then-add that waited for one brings its entry back, as in the source.
          for (let round = 0; round < 20; round++) {
            while (model.object.deleteAll(2));
            for (const entry of [...model.object.values()]) acknowledge(model, entry)
          }
          expect(model.object.values()).toEqual([])
          expect(model.emptied).toBeGreaterThan(0)
        }),
        { numRuns: 1000 }
      )
    })
  }

  it("stay until what was sent with them is changed, though it is to stand on something else by now", () => {
    const model = modelOf("corrected")
    model.object.create(3, model.vlan(1))
    const below = model.object.create(1, model.vlan(undefined))!
    const above = model.object.find(3)!
    model.object.delete(below)
    model.pointAt(above, 2)
    model.object.change(above)
    expect([above.state, below.state]).toEqual([EntryState.ChangeDefer, EntryState.DeleteDeferRef])
    model.object.create(2, model.vlan(undefined))
    acknowledge(model, model.object.find(2)!)
    expect([above.state, model.object.find(1)]).toEqual([EntryState.InSync, undefined])
  })

  it("wake a waiter whichever way the dependency becomes usable; the source forgets it (W3)", () => {
    const states = (["source", "corrected"] as const).map((policy) => {
      const model = modelOf(policy)
      model.modes.set(2, { ...ASYNC, change: "sync" })
      const dependency = model.object.create(2, model.vlan(undefined))!
      model.object.delete(dependency)
      const waiter = model.object.create(4, model.vlan(2))!
      model.object.create(2, model.vlan(undefined))
      model.object.notify(dependency, EntryEvent.AddAck)
      return [dependency.state, waiter.state]
    })
    expect(states).toEqual([
      [EntryState.InSync, EntryState.AddDefer],
      [EntryState.InSync, EntryState.SyncWait]
    ])
  })

  it("refuse what the source aborts on, and say what it was", () => {
    const model = modelOf("source")
    const entry = model.object.create(1, model.vlan(undefined))!
    model.object.notify(entry, EntryEvent.AddAck)
    expect(model.object.create(1, model.vlan(undefined))).toBeUndefined()
    for (let key = 2; key <= INDICES + 1; key++) model.object.create(key, model.vlan(undefined))
    expect(model.object.violations).toEqual([
      expect.stringContaining("IN_SYNC"),
      "create of an entry in IN_SYNC",
      "no index is left"
    ])
  })

  it("keep the last five transitions", () => {
    const model = modelOf("source")
    const entry = model.object.create(1, model.vlan(undefined))!
    for (let change = 0; change < 6; change++) model.object.change(entry)
    expect(entry.history).toHaveLength(5)
    expect(entry.history.at(-1)).toEqual({
      from: EntryState.InSync,
      to: EntryState.InSync,
      event: EntryEvent.AddChangeRequest
    })
  })
})

describe("rows behind entries", () => {
  for (const policy of ["source", "corrected"] as const) {
    it(`law: of the rows that want a key the one that came first is synchronised, whatever comes and goes (${policy})`, () => {
      const step = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), tag: fc.constantFrom(1, 3, undefined) })
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          const model = modelOf(policy)
          const queues = new Map<number, Array<string>>()
          const tags = new Map<string, number>()
          for (const { name, tag } of steps) {
            const before = tags.get(name)
            if (before !== undefined && before !== tag) {
              queues.set(
                before,
                queues.get(before)!.filter((other) => other !== name)
              )
              tags.delete(name)
            }
            if (tag === undefined) model.rowDeleted(name)
            else {
              model.rowWanted(name, tag)
              if (before !== tag) queues.set(tag, [...(queues.get(tag) ?? []), name])
              tags.set(name, tag)
            }
            model.runNotifications()
            for (const one of [1, 3]) {
              const [first, ...others] = queues.get(one) ?? []
              const entry = model.object.find(one)
              expect(entry?.state).toBe(first === undefined ? undefined : EntryState.InSync)
              if (entry === undefined) continue
              const parked = model.object.parkedRows(entry).map((row) => row.name)
              expect([model.object.activeRow(entry)?.name, entry.data.syncedName, parked]).toEqual([
                first,
                first,
                others
              ])
            }
          }
          expect(model.object.violations).toEqual([])
        }),
        { numRuns: 400 }
      )
    })
  }

  it("take over in the order in which they came when the one before goes", () => {
    const model = modelOf("source")
    for (const name of ["first", "second", "third"]) model.rowWanted(name, 1)
    model.runNotifications()
    const entry = model.object.find(1)!
    expect([model.object.activeRow(entry)?.name, model.object.parkedRows(entry).map(({ name }) => name)]).toEqual([
      "first",
      ["second", "third"]
    ])
    model.rowDeleted("first")
    model.runNotifications()
    expect(entry.data.syncedName).toBe("second")
    expect(model.sent).toEqual(["add:1", "change:1"])
  })
})
