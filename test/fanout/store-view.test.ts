// What several speakers put into a store, as one table: the best of what is said about each route, whatever the order in which it was said.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  barrierKey,
  encodeRouteValue,
  fenceKey,
  type RouteValue,
  routeKey,
  StoreView,
  storeKey
} from "../../src/fanout/index.ts"

const KEYS = ["20.0.0.0/8", "30.0.0.0/8"].map((prefix) => routeKey("main", "ipv4-unicast", prefix))
const SPEAKERS = ["a", "b", "c/d"]

const valueOf = (hub: string, rest: Partial<RouteValue> = {}): Uint8Array =>
  encodeRouteValue({ nextHops: [{ address: "10.0.0.1", weight: 1 }], hub, ...rest })

const update = (speaker: string, key: string, value: Uint8Array | undefined, revision = 1) => ({
  key: storeKey(speaker, key)!,
  value,
  revision
})

/** What followers hold after all news. */
class Told {
  readonly view = new StoreView()
  readonly table = new Map<string, string>()
  hears(news: ReturnType<StoreView["take"]>): void {
    for (const { key, value } of news) {
      if (value === null) expect(this.table.delete(key)).toBe(true)
      else this.table.set(key, new TextDecoder().decode(value))
    }
  }
}

const better = (one: RouteValue, other: RouteValue): Uint8Array | undefined => {
  const told = new Told()
  told.hears(
    told.view.take([update("b", KEYS[0], encodeRouteValue(other)), update("a", KEYS[0], encodeRouteValue(one))])
  )
  const text = told.table.get(KEYS[0])
  return text === undefined ? undefined : new TextEncoder().encode(text)
}

describe("what several speakers say", () => {
  it("is told by its best: LOCAL_PREF, then AS_PATH, origin, MED, and the name of the speaker", () => {
    const plain: RouteValue = { nextHops: [], hub: "x", localPref: 100, asPath: "1 2", origin: "igp", med: 5 }
    const cases: ReadonlyArray<readonly [Partial<RouteValue>, Partial<RouteValue>]> = [
      [{ localPref: 200, asPath: "1 2 3" }, {}],
      [{ asPath: "1 {2,3,4}" }, { asPath: "1 2 3" }],
      [{ asPath: "(7 8 9) 1" }, { asPath: "1 2" }],
      [{ origin: "igp", med: 9 }, { origin: "egp" }],
      [{ med: 4 }, {}]
    ]
    for (const [best, other] of cases) {
      const winner = { ...plain, ...best, hub: "winner" }
      const loser = { ...plain, ...other, hub: "loser" }
      expect(better(winner, loser)).toEqual(encodeRouteValue(winner))
      expect(better(loser, winner)).toEqual(encodeRouteValue(winner))
    }
    expect(better({ ...plain, hub: "first" }, { ...plain, hub: "second" })).toEqual(
      encodeRouteValue({ ...plain, hub: "first" })
    )
  })

  it("is the same on every hub, whatever came before and whether it was listed or watched", () => {
    const said = fc.record({
      speaker: fc.constantFrom(...SPEAKERS),
      key: fc.constantFrom(...KEYS),
      localPref: fc.option(fc.constantFrom(50, 100, 200), { nil: undefined })
    })
    const hub = fc.array(
      fc.oneof({ weight: 6, arbitrary: said }, { weight: 1, arbitrary: fc.constant("list" as const) }),
      {
        maxLength: 30
      }
    )
    fc.assert(
      fc.property(hub, (events) => {
        const told = new Told()
        const store = new Map<string, ReturnType<typeof update>>()
        for (const event of events) {
          if (event === "list") {
            told.view.beginListing()
            told.hears(told.view.take([...store.values()]))
            told.hears(told.view.endListing())
            continue
          }
          const { speaker, key, localPref } = event
          const value = localPref === undefined ? undefined : valueOf(speaker, { localPref })
          const change = update(speaker, key, value)
          if (value === undefined) store.delete(change.key)
          else store.set(change.key, change)
          told.hears(told.view.take([change]))
        }
        const fresh = new Told()
        fresh.hears(fresh.view.take([...store.values()]))
        expect(new Map([...told.table].sort())).toEqual(new Map([...fresh.table].sort()))
      })
    )
  })

  it("tells nothing twice: a listing that finds what is held is silent, and names what is gone", () => {
    const told = new Told()
    told.hears(told.view.take([update("a", KEYS[0], valueOf("a")), update("a", KEYS[1], valueOf("a"))]))
    told.view.beginListing()
    expect(told.view.take([update("a", KEYS[0], valueOf("a"), 9)])).toEqual([])
    expect(told.view.endListing()).toEqual([{ key: KEYS[1], value: null, revision: "" }])
  })

  it("leaves out what is nobody's route: the keys of speakers and hubs themselves, and foreign ones", () => {
    const view = new StoreView()
    const value = new Uint8Array([1])
    const keys = [fenceKey("a"), barrierKey("a"), "/registry/pods/x"]
    expect(view.take(keys.map((key) => ({ key, value, revision: 1 })))).toEqual([])
    expect([view.size, view.foreign]).toEqual([0, 3])
    expect(storeKey("a", "/calico/v1/x")).toBeUndefined()
  })
})
