// The snapshot cache by the table of §5.2, and against a dumb oracle: a map, and the updates applied in order.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type CacheInput,
  createSnapshotCache,
  discardBefore,
  joinCrumbs,
  MessageDecoder,
  preambleOf,
  type SnapshotCache,
  SyncStatus,
  snapshotCache,
  takeSnapshot,
  type Update,
  UpdateType,
  writeText
} from "../../src/fanout/index.ts"
import { OpBuffer } from "../../src/machine/index.ts"
import { arbitraryUpdate } from "../../src/testing/fanout.ts"
import { arbitraryCacheEvent } from "../../src/testing/fanout-machines.ts"

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

const update = (key: string, value: string | null, revision: string, updateType: number): Update => ({
  key,
  value: value === null ? null : bytes(value),
  revision,
  v3ResourceVersion: "",
  ttlNanoseconds: 0,
  updateType
})

const fresh = (): SnapshotCache => createSnapshotCache({ maxBatchSize: 10, maxMessageSize: 10 })

const offer = (cache: SnapshotCache, ...inputs: ReadonlyArray<CacheInput>): void => {
  snapshotCache.step(cache, { _tag: "Offered", at: 1, inputs }, new OpBuffer())
}
const updates = (...list: ReadonlyArray<Update>): CacheInput => ({ _tag: "Updates", updates: list })

interface Seen {
  readonly key: string
  readonly value: string | null
  readonly revision: unknown
  readonly type: number
}

/** What messages say, as a client reads them. */
const read = (...messages: ReadonlyArray<Uint8Array | undefined>): ReadonlyArray<Seen> => {
  const decoder = new MessageDecoder()
  decoder.push(Buffer.concat([preambleOf("server"), ...messages.filter((message) => message !== undefined)]))
  const seen: Array<Seen> = []
  for (let next = decoder.next(); next._tag === "Message"; next = decoder.next()) {
    if (next.message._tag !== "Updates") continue
    const batch = next.message.updates
    for (let index = 0; index < batch.count; index++) {
      const value = batch.value(index)
      seen.push({
        key: batch.key(index),
        value: value === null ? null : Buffer.from(value).toString(),
        revision: batch.revision(index)?.value,
        type: batch.updateType(index)
      })
    }
  }
  return seen
}

/** A snapshot as of now, whatever is kept. */
const snapshotOf = (cache: SnapshotCache): ReadonlyArray<Seen> => {
  cache.snapshot = undefined
  return read(...takeSnapshot(cache).pieces)
}
const deltasOf = (cache: SnapshotCache, from: number): ReadonlyArray<Seen> =>
  from > cache.newest.sequence ? [] : read(joinCrumbs(cache, from, cache.newest.sequence))

/** As received bytes: what is no UTF-8 stays what it is. */
const textOf = (text: string): Uint8Array => {
  const own = new Uint8Array(3 * text.length)
  return own.slice(0, writeText(own, 0, text))
}

const { New, Updated, Deleted, Unknown } = UpdateType

describe("the snapshot cache", () => {
  const withFoo = (): SnapshotCache => {
    const cache = fresh()
    offer(cache, updates(update("foo", "bar", "10", New)))
    return cache
  }

  it("drops an update that changes nothing, and its revision with it (§5.2)", () => {
    const cache = withFoo()
    offer(cache, updates(update("foo", "bar", "11", Updated), update("biff", "baz", "12", New)))
    const foo = { key: "foo", value: "bar", revision: "10", type: New }
    const biff = { key: "biff", value: "baz", revision: "12", type: New }
    expect(snapshotOf(cache)).toEqual([foo, biff])
    expect(deltasOf(cache, 2)).toEqual([biff])
    expect(cache.counters.skipped).toBe(1)
  })

  it("stores what is updated as new, and passes it on as it came (§5.2)", () => {
    const cache = withFoo()
    offer(cache, updates(update("foo", "updated", "11", Updated)))
    expect(snapshotOf(cache)).toEqual([{ key: "foo", value: "updated", revision: "11", type: New }])
    expect(deltasOf(cache, 2)).toEqual([{ key: "foo", value: "updated", revision: "11", type: Updated }])
  })

  it("passes on the same value where it is typed otherwise than Updated, or its TTL is another", () => {
    const cache = withFoo()
    offer(cache, updates(update("foo", "bar", "11", New), update("foo", "bar", "12", Unknown)))
    offer(cache, updates({ ...update("foo", "bar", "13", Updated), ttlNanoseconds: 5 }))
    expect(deltasOf(cache, 2).map(({ type }) => type)).toEqual([New, Unknown, Updated])
  })

  it("passes on every deletion, also of what it does not know", () => {
    const cache = withFoo()
    offer(cache, updates(update("foo", null, "11", Deleted), update("other", null, "12", Updated)))
    expect(snapshotOf(cache)).toEqual([])
    expect(deltasOf(cache, 2).map(({ key, value }) => [key, value])).toEqual([
      ["foo", null],
      ["other", null]
    ])
  })

  it("leaves a snapshot as it was when it was taken", () => {
    const cache = withFoo()
    const taken = takeSnapshot(cache)
    offer(cache, updates(update("foo", null, "11", Deleted)))
    expect(read(...taken.pieces)).toHaveLength(1)
  })

  it("shares a snapshot until much has changed since, and keeps the breadcrumbs behind it", () => {
    const cache = withFoo()
    const first = takeSnapshot(cache)
    offer(cache, updates(update("biff", "baz", "11", New)))
    discardBefore(cache, cache.newest.sequence + 1)
    expect(takeSnapshot(cache)).toBe(first)
    expect(deltasOf(cache, first.sequence + 1)).toHaveLength(1)
    offer(cache, updates(...Array.from({ length: 20 }, (_, index) => update(`key ${index}`, "x", "12", New))))
    expect(takeSnapshot(cache)).not.toBe(first)
    expect(cache.counters).toMatchObject({ snapshotsMade: 2, snapshotsReused: 1 })
  })

  it("takes inputs until there are enough, then cuts them into breadcrumbs; the status is on the last (§3.3)", () => {
    const cache = fresh()
    const many = Array.from({ length: 25 }, (_, index) => update(`key ${index}`, "x", "1", New))
    offer(
      cache,
      { _tag: "Status", status: SyncStatus.InSync },
      updates(...many),
      updates(update("last", "x", "2", New))
    )
    expect(cache.crumbs.slice(1).map((crumb) => [crumb.updates.length, crumb.status])).toEqual([
      [10, SyncStatus.WaitForDatastore],
      [10, SyncStatus.WaitForDatastore],
      [5, SyncStatus.InSync],
      [1, SyncStatus.InSync]
    ])
  })

  it("makes no breadcrumb of nothing: an empty list, the same status, a no-op (§5.2)", () => {
    const cache = withFoo()
    offer(cache, updates(), { _tag: "Status", status: SyncStatus.WaitForDatastore })
    offer(cache, updates(update("foo", "bar", "11", Updated)))
    expect(cache.newest.sequence).toBe(1)
  })

  it("encodes an update once: whoever stands at the same place gets the same bytes", () => {
    const cache = withFoo()
    offer(cache, updates(update("foo", "updated", "11", Updated)))
    expect(joinCrumbs(cache, 1, 2)).toBe(joinCrumbs(cache, 1, 2))
    expect(takeSnapshot(cache).pieces).toBe(takeSnapshot(cache).pieces)
  })

  it("serves foreign keys as they came: bytes that are no text, revisions of other types, resource versions, lifetimes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(arbitraryUpdate, { maxLength: 8, selector: ({ key }) => key }), (list) => {
        const cache = fresh()
        const living = list.filter(({ value }) => value !== null)
        offer(cache, updates(...living.map((each) => ({ ...each, key: textOf(each.key as string) }))))
        const decoder = new MessageDecoder()
        decoder.push(new Uint8Array(Buffer.concat([preambleOf("server"), ...takeSnapshot(cache).pieces])))
        const next = decoder.next()
        const batch = next._tag === "Message" && next.message._tag === "Updates" ? next.message.updates : undefined
        const got = Array.from({ length: batch?.count ?? 0 }, (_, index) => batch!.at(index))
        expect(got).toEqual(living.map((each) => ({ ...each, updateType: New })))
      })
    )
  })

  it("says of each key first that it is new, whoever follows from wherever: a map tells the same", () => {
    fc.assert(
      fc.property(fc.array(arbitraryCacheEvent, { maxLength: 20 }), fc.nat(20), (events, startAt) => {
        const cache = createSnapshotCache({ maxBatchSize: 3, maxMessageSize: 2 })
        const store = new Map<string, string>()
        const seen: Array<Seen> = []
        let from = 0
        const come = (): void => {
          const { pieces, sequence } = takeSnapshot(cache)
          seen.push(...read(...pieces))
          expect(seen.every(({ type }) => type === New)).toBe(true)
          from = sequence + 1
        }
        for (const [index, event] of events.entries()) {
          if (index === startAt) come()
          snapshotCache.step(cache, event, new OpBuffer())
          for (const input of event.inputs) {
            if (input._tag === "Status") continue
            for (const { key, value } of input.updates) {
              if (value === null) store.delete(key as string)
              else store.set(key as string, Buffer.from(value).toString())
            }
          }
        }
        if (startAt >= events.length) come()
        seen.push(...deltasOf(cache, from))
        const view = new Map<string, string>()
        for (const { key, value } of seen) value === null ? view.delete(key) : view.set(key, value)
        expect(new Map([...view].sort())).toEqual(new Map([...store].sort()))
        expect(cache.storeBytes).toBe([...cache.entries.values()].reduce((sum, { body }) => sum + body.length, 0))
        expect(cache.historyBytes).toBe(cache.crumbs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
      })
    )
  })
})
