// The graph and the kernel below it against the dumb oracle, after every change, over random worlds with paths of every kind.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { World } from "../router/forwarding-world.ts"
import { address, GraphWorld } from "./graph-world.ts"
import { expected } from "./oracle.ts"
import { Ledger, WORLD_LINKS, type WorldStep, worldStep } from "./topology.ts"

/** Brings a change about in a graph that nothing stands below. */
const inGraph = (world: GraphWorld, step: WorldStep, state: Map<number, { up: boolean; carrier: boolean }>): void => {
  switch (step._tag) {
    case "Routed":
      world.route(step.prefix, step.via)
      return
    case "Unrouted":
      world.route(step.prefix, [])
      return
    case "Carrier":
    case "Up": {
      const link = state.get(step.link)!
      if (step._tag === "Up") link.up = step.up
      else link.carrier = step.carrier
      world.link(WORLD_LINKS[step.link].name, link.up && link.carrier)
      return
    }
    case "Address":
      world.subnet(WORLD_LINKS[step.link].name, WORLD_LINKS[step.link].address, step.present)
      return
    case "Replaced": {
      const { name, address: own } = WORLD_LINKS[step.link]
      world.removeLink(name).link(name).subnet(name, own)
      state.set(step.link, { up: true, carrier: true })
      return
    }
    case "Neighbour":
      world.fib.neighbourState(address(step.address), WORLD_LINKS[step.link].index, step.up)
      return
    case "Session":
      world.fib.sessionState(address(step.address), step.up)
      return
  }
}

/** Brings a change about in a kernel, or says it to forwarding. */
const inKernel = (world: World, step: WorldStep): void => {
  switch (step._tag) {
    case "Routed":
      world.route(step.prefix, step.via)
      return
    case "Unrouted":
      world.withdraw(step.prefix)
      return
    case "Carrier":
      world.world({ _tag: "CarrierChanged", index: WORLD_LINKS[step.link].index, carrier: step.carrier })
      return
    case "Up":
      world.world({ _tag: "LinkSet", index: WORLD_LINKS[step.link].index, up: step.up })
      return
    case "Address": {
      const { index, address: own } = WORLD_LINKS[step.link]
      if (step.present) world.address(index, own)
      else world.removeAddress(index, own)
      return
    }
    case "Replaced": {
      const { index, name, address: own } = WORLD_LINKS[step.link]
      world.world({ _tag: "LinkRemoved", index }).link(index, name).address(index, own)
      return
    }
    case "Neighbour":
      world.forwarding.neighbourState(address(step.address), WORLD_LINKS[step.link].index, step.up)
      return
    case "Session":
      world.forwarding.sessionState(address(step.address), step.up)
      return
  }
}

const graphs = (steps: ReadonlyArray<WorldStep>): void => {
  const world = new GraphWorld()
  for (const { name, address: own } of WORLD_LINKS) world.link(name).subnet(name, own)
  const links = new Map(WORLD_LINKS.map((_, index) => [index, { up: true, carrier: true }]))
  const ledger = new Ledger()
  const empty = world.fib.graph.size
  for (const step of steps) {
    inGraph(world, step, links)
    ledger.note(step)
    expect(world.leaves()).toEqual(expected(ledger.topology))
  }
  for (const prefix of ledger.prefixes) world.route(prefix, [])
  world.fib.settle()
  // What connects us may be down: its nodes are those of the prefixes that remain.
  expect([world.leaves(), world.fib.graph.edgeCount]).toEqual([{}, 0])
  expect(world.fib.graph.size).toBeLessThanOrEqual(empty)
}

const kernels = (steps: ReadonlyArray<WorldStep>, seed: number, nodes: number): void => {
  const world = new World(seed)
  world.nodes = nodes
  for (const { index, name, address: own } of WORLD_LINKS) world.link(index, name).address(index, own)
  world.start().forwarding.initialSyncDone()
  const ledger = new Ledger()
  for (const step of steps) {
    inKernel(world, step)
    ledger.note(step)
    expect(world.settle().pass(12).routes()).toEqual(expected(ledger.topology))
  }
  for (const prefix of ledger.prefixes) world.withdraw(prefix)
  world.settle().pass()
  expect([world.routes(), world.nexthopCount(), world.pool.leaks()]).toEqual([{}, 0, []])
  expect(world.forwarding.kernelSide!.sync.counters().violations).toBe(0)
}

describe("the dumb oracle, after every change,", () => {
  it("says the same as the graph", () => {
    fc.assert(fc.property(fc.array(worldStep, { maxLength: 30 }), graphs), { numRuns: 250 })
  })

  it("says the same as the kernel, whatever a grant allows", () => {
    fc.assert(fc.property(fc.array(worldStep, { maxLength: 20 }), fc.nat(), fc.integer({ min: 1, max: 9 }), kernels), {
      numRuns: 120
    })
  })
})
