// Numbers of nexthops and groups are ours to give, from a range of our own. When it is used up nothing stops: what has no number waits
// for one, says so, and has it as soon as one is free.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { NEXTHOP_ID_FIRST, NexthopIds } from "../../src/ksync/index.ts"
import { World } from "./forwarding-world.ts"

/** A daemon whose range has so many numbers. */
const world = (count: number, seed = 1): World => {
  const here = new World(seed)
  Object.assign(here.forwarding.kernelSide!.sync.objects, { ids: new NexthopIds(count) })
  here.start().link(2, "east").link(3, "west")
  return here.address(2, "10.0.1.1/24").address(3, "10.0.2.1/24").settle()
}

type Row = Readonly<Record<string, unknown>>
const shown = (here: World, params: Record<string, string>): ReadonlyArray<Row> =>
  [...here.forwarding.showKernel(params)] as ReadonlyArray<Row>

describe("numbers of nexthops", () => {
  it("are given once, the one that was given longest ago first, and none when all are taken", () => {
    const ids = new NexthopIds(3)
    const taken = new Map<number, unknown>()
    const take = (): number | undefined => {
      const id = ids.allocate((id) => taken.has(id))
      if (id !== undefined) taken.set(id, undefined)
      return id === undefined ? undefined : id - NEXTHOP_ID_FIRST
    }
    expect([take(), take(), take(), take()]).toEqual([0, 1, 2, undefined])
    taken.delete(NEXTHOP_ID_FIRST + 1)
    taken.delete(NEXTHOP_ID_FIRST)
    expect([take(), take(), take()]).toEqual([0, 1, undefined])
  })

  it("that are used up are waited for, which is shown, and what waits longest has the first that is free", () => {
    const here = world(2).announce("198.51.100.0/24", "10.0.1.2").settle()
    here.announce("203.0.113.0/24", "10.0.2.2").settle()
    expect(here.routes()).toEqual({ "198.51.100.0/24": "10.0.1.2@east*1" })
    const waiting = shown(here, { waiting: "" })
    expect(waiting).toContainEqual(
      expect.objectContaining({
        kind: "nexthop",
        key: "10.0.2.2 dev west",
        index: null,
        waitingFor: "a nexthop id, of which none of ours is left",
        error: "transient: ENOSPC no nexthop id of ours is left"
      })
    )
    expect(waiting.find(({ kind }) => kind === "route")).toMatchObject({
      key: "203.0.113.0/24",
      waitingFor: "a group",
      path: expect.arrayContaining(["a nexthop id, of which none of ours is left"])
    })
    expect(shown(here, { failed: "" }).map(({ kind }) => kind)).toEqual(["group", "nexthop"])
    here.withdraw("198.51.100.0/24").settle()
    expect(here.routes()).toEqual({ "203.0.113.0/24": "10.0.2.2@west*1" })
    expect([...shown(here, { waiting: "" }), ...shown(here, { failed: "" })]).toEqual([])
  })

  it("of what a link took along come back once a dump has shown that it is gone", () => {
    const here = world(4).announce("203.0.113.0/24", "10.0.2.2").settle()
    for (let flap = 0; flap < 6; flap++) {
      here.world({ _tag: "CarrierChanged", index: 3, carrier: false }).settle()
      here.world({ _tag: "CarrierChanged", index: 3, carrier: true }).settle()
      expect({ flap, ...here.routes() }).toEqual({ flap, "203.0.113.0/24": "10.0.2.2@west*1" })
    }
  })

  it("law: however few there are, all is there that they are enough for, and nothing is left of what was", () => {
    const prefixes = ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"]
    const step = fc.record({
      prefix: fc.constantFrom(...prefixes),
      via: fc.uniqueArray(fc.constantFrom("10.0.1.2", "10.0.1.3", "10.0.2.2"), { maxLength: 2 }),
      link: fc.constantFrom(undefined, true, false)
    })
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 12 }),
        fc.array(step, { maxLength: 12 }),
        (seed, count, steps) => {
          const here = world(count, seed)
          for (const { prefix, via, link } of steps) {
            if (link !== undefined) here.world({ _tag: "CarrierChanged", index: 3, carrier: link })
            if (via.length === 0) here.withdraw(prefix)
            else here.announce(prefix, ...via)
            here.turn()
          }
          here.world({ _tag: "CarrierChanged", index: 3, carrier: true })
          here.settle().pass(20)
          expect(here.nexthopCount()).toBeLessThanOrEqual(count)
          // Three nexthops, and for each route the group that it leaves beside the one that it moves to.
          const isEnough = count >= 9
          if (isEnough) expect(shown(here, { waiting: "" })).toEqual([])
          for (const prefix of prefixes) here.withdraw(prefix)
          here.settle().pass(20)
          expect([here.nexthopCount(), here.routes(), shown(here, {})]).toEqual([0, {}, []])
        }
      )
    )
  })
})
