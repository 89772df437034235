// How far the kernel has come: whoever waits for a revision hears when all that was wanted then is in the kernel, and what cannot be.
import { describe, expect, it } from "vitest"
import { World } from "./forwarding-world.ts"

interface Progress {
  readonly revision: number
  readonly settled: number
  readonly missing: { readonly waiting: number; readonly failed: number }
}

const progress = (here: World): Progress => (here.forwarding.showWalks() as { readonly kernel: Progress }).kernel

/** While the kernel is busy nothing comes to rest. */
const turns = (here: World): void => {
  for (let turn = 0; turn < 20; turn++) here.turn()
}

const begin = (): World => new World(3).start().link(2, "east").address(2, "10.0.1.1/24").settle()

describe("a revision of what is wanted", () => {
  it("is settled when the kernel has acknowledged all that was wanted then, and not before", () => {
    const here = begin()
    const before = progress(here)
    expect(before.settled).toBe(before.revision)
    here.isBusy = true
    turns(here.announce("20.0.0.0/16", "10.0.1.2"))
    const under = progress(here)
    expect([under.revision > before.revision, under.settled]).toEqual([true, before.settled])
    here.isBusy = false
    here.settle()
    expect(progress(here)).toMatchObject({
      revision: under.revision,
      settled: under.revision,
      missing: { waiting: 0, failed: 0 }
    })
  })

  it("is the same as long as nothing else is wanted, whatever the kernel loses and gets back", () => {
    const here = begin().announce("20.0.0.0/16", "10.0.1.2").settle()
    const { revision } = progress(here)
    here.foreignDelete("20.0.0.0/16")
    here.turn()
    here.settle()
    expect([here.routes(), progress(here).revision]).toEqual([{ "20.0.0.0/16": "10.0.1.2@east*1" }, revision])
  })

  it("is settled with what waits and what was refused, which are counted", () => {
    const here = begin().announce("20.0.0.0/16", "10.0.1.2").settle()
    here.announce("30.0.0.0/16", "192.0.2.9").settle()
    expect(progress(here)).toMatchObject({ missing: { waiting: 1, failed: 0 } })
    here.world({ _tag: "FaultsArmed", errno: 1, count: 1 }).announce("40.0.0.0/16", "10.0.1.2").settle()
    const { revision, settled, missing } = progress(here)
    expect([settled === revision, missing]).toEqual([true, { waiting: 2, failed: 1 }])
    here.pass().withdraw("30.0.0.0/16").settle()
    expect(progress(here)).toMatchObject({ missing: { waiting: 0, failed: 0 } })
  })

  it("is not settled while the kernel is read", () => {
    const here = begin().announce("20.0.0.0/16", "10.0.1.2").settle()
    here.forwarding.kernelSide!.intake.reread()
    here.announce("30.0.0.0/16", "10.0.1.2").turn()
    expect(progress(here).settled).toBeLessThan(progress(here).revision)
    here.settle()
    expect(progress(here).settled).toBe(progress(here).revision)
  })

  it("counts rules, too", () => {
    const here = begin()
    const rules = [{ family: 4, priority: 100, table: 70, from: "10.1.0.0/16" }] as const
    here.isBusy = true
    here.forwarding.setKernel({ table: 254, metric: 20, onExit: "remove", model: true, rules })
    turns(here)
    expect(progress(here).settled).toBeLessThan(progress(here).revision)
    here.isBusy = false
    expect(progress(here.settle())).toMatchObject({ settled: progress(here).revision, missing: { waiting: 0 } })
  })
})
