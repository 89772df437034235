// The law of the fan-out: whatever the schedule of updates, slow readers, cut wires and reconnections, at in-sync a follower has what its hub
// had, and in the end what it has. Hubs, followers and the codec between them are the real ones; only the wires are a model.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type CacheInput, SyncStatus } from "../../src/fanout/index.ts"
import { arbitraryCacheInput } from "../../src/testing/fanout-machines.ts"
import { ModelNetwork, sameView } from "./model-network.ts"

type Step =
  | { readonly _tag: "Offer"; readonly inputs: ReadonlyArray<CacheInput> }
  | { readonly _tag: "Pass"; readonly milliseconds: number }
  | { readonly _tag: "Write" | "Deliver" | "Answer" | "Cut"; readonly wire: number }

const wire = fc.nat(5)
const on = (_tag: "Write" | "Deliver" | "Answer" | "Cut") => fc.record({ _tag: fc.constant(_tag), wire })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      _tag: fc.constant("Offer" as const),
      inputs: fc.array(arbitraryCacheInput, { maxLength: 3 })
    }),
    weight: 4
  },
  // Mostly moments; sometimes long enough for a ping, or for a hub or a follower to give up.
  fc.record({
    _tag: fc.constant("Pass" as const),
    milliseconds: fc.constantFrom(10, 250, 1000, 11_000, 70_000, 400_000)
  }),
  { arbitrary: on("Write"), weight: 5 },
  { arbitrary: on("Deliver"), weight: 8 },
  { arbitrary: on("Answer"), weight: 4 },
  on("Cut")
)

const take = (network: ModelNetwork, each: Step): void => {
  if (each._tag === "Offer") network.offer(each.inputs)
  else if (each._tag === "Pass") network.pass(each.milliseconds)
  else {
    const chosen = network.wires[each.wire % Math.max(1, network.wires.length)]
    if (each._tag === "Write") network.write(chosen)
    else if (each._tag === "Deliver") network.deliver(chosen)
    else if (each._tag === "Answer") network.answer(chosen)
    else network.cut(chosen)
  }
}

const expectAgreement = (network: ModelNetwork): void => {
  network.offer([{ _tag: "Status", status: SyncStatus.InSync }])
  network.settle()
  expect(network.violations).toEqual([])
  for (const { state, view } of network.followers) {
    expect(state.inSync).toBe(true)
    expect(sameView(view, network.hubs[state.hub].store)).toBe(true)
  }
}

const runs = (hubs: number, followers: number, compression: boolean, numRuns: number): void =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const network = new ModelNetwork(hubs, followers, compression)
      for (const each of steps) take(network, each)
      expectAgreement(network)
    }),
    { numRuns }
  )

describe("hubs and followers", () => {
  it("agree also where a follower returns to its local hub in the last moment", () => {
    const network = new ModelNetwork(2, 3, true)
    for (const milliseconds of [11_000, 250, 250, 1000, 1000]) network.pass(milliseconds)
    for (let each = 0; each < 2; each++) network.answer(network.wires[0])
    for (const milliseconds of [11_000, 1000]) network.pass(milliseconds)
    expectAgreement(network)
  })
  it("agree at in-sync and at quiescence: one hub, plain", () => runs(1, 2, false, 150))
  it("agree at in-sync and at quiescence: two hubs, compressed", () => runs(2, 3, true, 150))
})
