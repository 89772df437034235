// Laws of forwarding over random worlds: whatever happens in whatever order, the kernel ends up with what a dumb recomputation says,
// foreign routes are as they were, and nothing leaks.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parsePrefix } from "../../src/wire/index.ts"
import { expected, type Topology } from "../fib/oracle.ts"
import { doublesIn, hasForeign } from "./forwarding-foreign.ts"
import { World } from "./forwarding-world.ts"

const LINKS = [
  { index: 2, name: "east", address: "10.0.1.1/24" },
  { index: 3, name: "west", address: "10.0.2.1/24" },
  { index: 4, name: "north", address: "10.0.3.1/24" }
] as const

const NEXT_HOPS = [
  "10.0.1.2",
  "10.0.1.3",
  "10.0.2.2",
  "10.0.3.2",
  "20.0.0.1",
  "20.0.1.1",
  "30.0.0.1",
  "10.0.1.1",
  "99.0.0.1"
]
const PREFIXES = [
  "20.0.0.0/16",
  "20.0.0.0/24",
  "20.0.1.0/24",
  "30.0.0.0/8",
  "30.0.0.0/24",
  "0.0.0.0/0",
  "10.0.1.0/30",
  "50.0.0.0/24",
  "60.0.0.0/24"
]
const STATICS = [
  { prefix: "20.0.0.1/32", via: ["10.0.1.2"], distance: 1 },
  { prefix: "20.0.0.1/32", via: ["10.0.2.2"], distance: 5 },
  { prefix: "30.0.0.0/24", via: ["20.0.0.1", "10.0.3.2"], distance: 2 },
  { prefix: "0.0.0.0/0", via: ["10.0.3.2"], distance: 1 }
] as const

type Step =
  | { readonly _tag: "Announce"; readonly prefix: string; readonly via: ReadonlyArray<string> }
  | { readonly _tag: "Withdraw"; readonly prefix: string }
  | { readonly _tag: "Statics"; readonly which: ReadonlyArray<boolean> }
  | { readonly _tag: "Carrier"; readonly link: number; readonly carrier: boolean }
  | { readonly _tag: "Up"; readonly link: number; readonly up: boolean }
  | { readonly _tag: "Address"; readonly link: number; readonly present: boolean }
  | { readonly _tag: "Turns"; readonly count: number }
  | { readonly _tag: "LoseReplies"; readonly count: number }
  | { readonly _tag: "Faults"; readonly errno: number; readonly count: number }
  | { readonly _tag: "LoseNotifications"; readonly count: number }
  /** From now on, until things settle, the request for this prefix makes the kernel stop reading what came with it. */
  | { readonly _tag: "Malformed"; readonly prefix: string }
  | { readonly _tag: "Restart" }
  /** Another program deletes a route of ours. */
  | { readonly _tag: "ForeignDelete"; readonly prefix: string }
  /** Another program deletes a nexthop or a group of ours. */
  | { readonly _tag: "ForeignNexthop"; readonly choice: number }
  /** Another program gives a nexthop or a group of ours another content. */
  | { readonly _tag: "ForeignNexthopChange"; readonly choice: number }
  /** Another program makes or changes a route under our key: in our name, or in its own. */
  | { readonly _tag: "ForeignRoute"; readonly prefix: string; readonly protocol: 186 | 4 }
  /** Another program puts a route beside what is there under our key, in our name. */
  | { readonly _tag: "ForeignRouteBeside"; readonly prefix: string; readonly behind: boolean }
  /** Another program takes its own route away. */
  | { readonly _tag: "ForeignRouteDelete"; readonly prefix: string }
  /** The answer to an earlier batch comes again. */
  | { readonly _tag: "AnswerAgain" }

const link = fc.integer({ min: 0, max: LINKS.length - 1 })
const prefix = fc.constantFrom(...PREFIXES)
const calm = [
  {
    arbitrary: fc.record({
      _tag: fc.constant("Announce" as const),
      prefix,
      via: fc.uniqueArray(fc.constantFrom(...NEXT_HOPS), { minLength: 1, maxLength: 3 })
    }),
    weight: 8
  },
  { arbitrary: fc.record({ _tag: fc.constant("Withdraw" as const), prefix }), weight: 3 },
  {
    arbitrary: fc.record({
      _tag: fc.constant("Statics" as const),
      which: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean())
    }),
    weight: 2
  },
  { arbitrary: fc.record({ _tag: fc.constant("Carrier" as const), link, carrier: fc.boolean() }), weight: 3 },
  { arbitrary: fc.record({ _tag: fc.constant("Up" as const), link, up: fc.boolean() }), weight: 2 },
  { arbitrary: fc.record({ _tag: fc.constant("Address" as const), link, present: fc.boolean() }), weight: 2 },
  { arbitrary: fc.record({ _tag: fc.constant("Turns" as const), count: fc.integer({ min: 1, max: 4 }) }), weight: 5 }
]
const rough = [
  ...calm,
  {
    arbitrary: fc.record({ _tag: fc.constant("LoseReplies" as const), count: fc.integer({ min: 1, max: 2 }) }),
    weight: 1
  },
  {
    arbitrary: fc.record({
      _tag: fc.constant("Faults" as const),
      errno: fc.constantFrom(12, 16, 105),
      count: fc.integer({ min: 1, max: 6 })
    }),
    weight: 1
  },
  { arbitrary: fc.record({ _tag: fc.constant("Malformed" as const), prefix }), weight: 1 },
  { arbitrary: fc.record({ _tag: fc.constant("Restart" as const) }), weight: 1 },
  { arbitrary: fc.record({ _tag: fc.constant("ForeignDelete" as const), prefix }), weight: 2 },
  { arbitrary: fc.record({ _tag: fc.constant("ForeignNexthop" as const), choice: fc.nat(7) }), weight: 2 },
  { arbitrary: fc.record({ _tag: fc.constant("ForeignNexthopChange" as const), choice: fc.nat(11) }), weight: 2 },
  {
    arbitrary: fc.record({
      _tag: fc.constant("ForeignRoute" as const),
      prefix,
      protocol: fc.constantFrom(186 as const, 4 as const)
    }),
    weight: 2
  },
  {
    arbitrary: fc.record({ _tag: fc.constant("ForeignRouteBeside" as const), prefix, behind: fc.boolean() }),
    weight: 2
  },
  { arbitrary: fc.record({ _tag: fc.constant("ForeignRouteDelete" as const), prefix }), weight: 1 },
  { arbitrary: fc.record({ _tag: fc.constant("AnswerAgain" as const) }), weight: 1 },
  {
    arbitrary: fc.record({ _tag: fc.constant("LoseNotifications" as const), count: fc.integer({ min: 1, max: 3 }) }),
    weight: 1
  }
]

/** A world and, beside it, what it should amount to. */
class Run {
  world: World
  readonly routes = new Map<string, ReadonlyArray<string>>()
  statics: Array<(typeof STATICS)[number]> = []
  readonly links = LINKS.map(({ name, address }) => ({
    name,
    up: true,
    carrier: true,
    addresses: [address] as Array<string>
  }))

  /** What was asked of the kernel that must never be asked, before the last restart. */
  readonly wrong: Array<string> = []
  private readonly foreign: unknown

  constructor(seed: number) {
    const world = new World(seed)
    world.foreignRoutes()
    this.foreign = world.others()
    for (const { index, name, address } of LINKS) world.link(index, name).address(index, address)
    this.world = world.start()
  }

  step(step: Step): void {
    const { world } = this
    switch (step._tag) {
      case "Announce":
        this.routes.set(step.prefix, step.via)
        world.announce(step.prefix, ...step.via)
        return
      case "Withdraw":
        this.routes.delete(step.prefix)
        world.withdraw(step.prefix)
        return
      case "Statics":
        this.statics = STATICS.filter((_, index) => step.which[index])
        world.forwarding.setStatic(this.statics)
        return
      case "Carrier":
        this.links[step.link].carrier = step.carrier
        world.world({ _tag: "CarrierChanged", index: LINKS[step.link].index, carrier: step.carrier })
        return
      case "Up":
        this.links[step.link].up = step.up
        world.world({ _tag: "LinkSet", index: LINKS[step.link].index, up: step.up })
        return
      case "Address": {
        const { index, address } = LINKS[step.link]
        this.links[step.link].addresses = step.present ? [address] : []
        if (step.present) world.address(index, address)
        else world.removeAddress(index, address)
        return
      }
      case "Turns":
        for (let turn = 0; turn < step.count; turn++) world.turn()
        return
      case "LoseReplies":
        world.loseReplies += step.count
        return
      case "Faults":
        world.world({ _tag: "FaultsArmed", errno: step.errno, count: step.count })
        return
      case "Malformed":
        world.malformed = step.prefix
        return
      case "LoseNotifications":
        world.world({ _tag: "LossesArmed", count: step.count })
        return
      case "ForeignDelete":
        world.foreignDelete(step.prefix)
        return
      case "ForeignNexthop":
        world.foreignNexthopDelete(step.choice)
        return
      case "ForeignNexthopChange":
        world.foreignNexthopChange(step.choice)
        return
      case "ForeignRoute":
        if (this.mayMeet(step.prefix, step.protocol)) world.foreignRoute(step.prefix, step.protocol)
        return
      case "ForeignRouteBeside":
        if (!this.mayMeet(step.prefix, 186)) return
        world.inspector.doubled.add(parsePrefix(step.prefix)!.words.join())
        world.foreignRouteBeside(step.prefix, 186, step.behind)
        return
      case "ForeignRouteDelete":
        world.foreignRouteDelete(step.prefix)
        return
      case "AnswerAgain":
        world.answerAgain()
        return
      case "Restart":
        this.wrong.push(...world.inspector.wrong)
        this.world = world.restart()
        for (const words of world.inspector.doubled) this.world.inspector.doubled.add(words)
        this.world.forwarding.setStatic(this.statics)
        for (const [prefix, via] of this.routes) this.world.announce(prefix, ...via)
        return
    }
  }

  /** One of somebody else's and several of ours under one key: a dump shows ours alone, so a replace may hit the other (ADR-0067). */
  private mayMeet(prefix: string, protocol: 186 | 4): boolean {
    const { kernel } = this.world
    return protocol === 4 ? !doublesIn(kernel).includes(prefix) : !hasForeign(kernel, prefix)
  }

  settle(): void {
    this.world.world({ _tag: "FaultsArmed", errno: 0, count: 0 }).world({ _tag: "LossesArmed", count: 0 })
    this.world.malformed = undefined
    this.world.forwarding.initialSyncDone()
    this.world.settle()
    // Whoever took a place of ours gives it back.
    for (const prefix of PREFIXES) this.world.foreignRouteDelete(prefix)
    this.world.settle().pass(12)
  }

  /** What is not ours is as it was. */
  checkForeign(): void {
    expect(this.world.others()).toEqual(this.foreign)
  }

  get topology(): Topology {
    return {
      links: this.links.map(({ name, up, carrier, addresses }) => ({ name, up: up && carrier, addresses })),
      routes: [...staticRoutes(this.statics), ...[...this.routes].map(([prefix, via]) => ({ prefix, via, rank: 1000 }))]
    }
  }
}

/** Static routes for one prefix are one list of paths, the farther ones in reserve; the nearest are as any others are. */
const staticRoutes = (statics: ReadonlyArray<(typeof STATICS)[number]>): Topology["routes"] =>
  [...new Set(statics.map(({ prefix }) => prefix))].map((prefix) => ({
    prefix,
    via: statics
      .filter((one) => one.prefix === prefix)
      .sort((a, b) => a.distance - b.distance)
      .flatMap(({ via }, rank) => via.map((hop) => (rank === 0 ? hop : `${hop} pref ${rank}`))),
    rank: 1
  }))

const verdict = (steps: ReadonlyArray<Step>, seed: number): void => {
  const run = new Run(seed)
  for (const step of steps) run.step(step)
  run.settle()
  expect([...run.wrong, ...run.world.inspector.wrong]).toEqual([])
  expect(run.world.routes()).toEqual(expected(run.topology))
  expect(doublesIn(run.world.kernel)).toEqual([])
  for (const prefix of run.routes.keys()) run.step({ _tag: "Withdraw", prefix })
  run.step({ _tag: "Statics", which: [false, false, false, false] })
  run.settle()
  expect(run.world.routes()).toEqual({})
  run.checkForeign()
  expect(run.world.nexthopCount()).toBe(0)
  expect(run.world.pool.leaks()).toEqual([])
  expect(run.world.forwarding.kernelSide!.sync.counters().violations).toBe(0)
}

/** An address goes while a dump is read, and what the dump said of it arrives after the news. */
const OLDER_THAN_THE_NEWS: Array<Step> = [
  { _tag: "Statics", which: [false, false, true, false] },
  { _tag: "LoseNotifications", count: 1 },
  { _tag: "Turns", count: 3 },
  { _tag: "Turns", count: 2 },
  { _tag: "Address", link: 2, present: false }
]

/** An answer is lost, what was asked is asked again, and the news that it was deleted in between comes when it is back. */
const BACK_BEFORE_THE_NEWS: Array<Step> = [
  { _tag: "Announce", prefix: "20.0.0.0/16", via: ["10.0.1.2"] },
  { _tag: "LoseReplies", count: 1 },
  { _tag: "Turns", count: 2 },
  { _tag: "ForeignNexthop", choice: 0 }
]

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 2_118_040_122]

describe("forwarding", () => {
  it("ends with what a recomputation from scratch says, over links, addresses, static and BGP routes in any order", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...calm), { maxLength: 40 }), fc.nat(), (steps, seed) => verdict(steps, seed)),
      { numRuns: 150 }
    )
  })

  it("ends there too when replies are lost or come twice, requests fail for a while, notifications are dropped, others meddle, and it restarts", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...rough), { maxLength: 40 }), fc.nat(), (steps, seed) => verdict(steps, seed)),
      {
        numRuns: 150,
        examples: [
          [OLDER_THAN_THE_NEWS, 11],
          ...SEEDS.map((seed): [Array<Step>, number] => [BACK_BEFORE_THE_NEWS, seed])
        ]
      }
    )
  })
})
