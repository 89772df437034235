// Random worlds for the graph: links that come and go, routes with paths of every kind, sessions; and beside a world the list of what
// there is, for the oracle. Whoever runs them says how each change is brought about.
import fc from "fast-check"
import type { Topology } from "./oracle.ts"

export const WORLD_LINKS = [
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
/** On whatever link: nobody asks whether they are in a subnet of it. */
const ON_LINKS = ["10.0.1.2", "10.0.2.2", "70.0.0.1"]
const PREFIXES = [
  "20.0.0.0/16",
  "20.0.0.0/24",
  "20.0.0.1/32",
  "20.0.1.0/24",
  "30.0.0.0/8",
  "30.0.0.0/24",
  "0.0.0.0/0",
  "10.0.1.0/30",
  "50.0.0.0/24",
  "60.0.0.0/24"
]

export type WorldStep =
  | { readonly _tag: "Routed"; readonly prefix: string; readonly via: ReadonlyArray<string> }
  | { readonly _tag: "Unrouted"; readonly prefix: string }
  | { readonly _tag: "Carrier"; readonly link: number; readonly carrier: boolean }
  | { readonly _tag: "Up"; readonly link: number; readonly up: boolean }
  | { readonly _tag: "Address"; readonly link: number; readonly present: boolean }
  /** The link is removed, and another one with its name and number is made. */
  | { readonly _tag: "Replaced"; readonly link: number }
  | { readonly _tag: "Neighbour"; readonly address: string; readonly link: number; readonly up: boolean }
  | { readonly _tag: "Session"; readonly address: string; readonly up: boolean }

const link = fc.integer({ min: 0, max: WORLD_LINKS.length - 1 })
const suffix = fc
  .tuple(fc.constantFrom("", "", " weight 2"), fc.constantFrom("", "", " pref 1", " pref 7"))
  .map(([weight, preference]) => `${weight}${preference}`)
const path = fc.oneof(
  {
    arbitrary: fc
      .tuple(fc.constantFrom(...NEXT_HOPS), suffix, fc.constantFrom("", "", "", " host", " attached"))
      .map(([address, more, asks]) => `${address}${more}${asks}`),
    weight: 6
  },
  {
    arbitrary: fc
      .tuple(fc.constantFrom(...ON_LINKS), link, suffix)
      .map(([address, at, more]) => `${address} dev ${WORLD_LINKS[at].name}${more}`),
    weight: 2
  },
  { arbitrary: fc.tuple(link, suffix).map(([at, more]) => `dev ${WORLD_LINKS[at].name}${more}`), weight: 1 }
)
const bare = (text: string): string => text.replace(/ (weight \d+|pref \d+)/g, "")
const routed = fc.record({
  _tag: fc.constant("Routed" as const),
  prefix: fc.constantFrom(...PREFIXES),
  via: fc.oneof(
    // A path is named once: what becomes of one that is named twice is a rule of its own.
    { arbitrary: fc.uniqueArray(path, { minLength: 1, maxLength: 3, selector: bare }), weight: 9 },
    { arbitrary: fc.constantFrom(["drop"], ["unreachable"]), weight: 1 }
  )
})

export const worldStep: fc.Arbitrary<WorldStep> = fc.oneof(
  { arbitrary: routed, weight: 10 },
  { arbitrary: fc.record({ _tag: fc.constant("Unrouted" as const), prefix: fc.constantFrom(...PREFIXES) }), weight: 3 },
  { arbitrary: fc.record({ _tag: fc.constant("Carrier" as const), link, carrier: fc.boolean() }), weight: 3 },
  { arbitrary: fc.record({ _tag: fc.constant("Up" as const), link, up: fc.boolean() }), weight: 2 },
  { arbitrary: fc.record({ _tag: fc.constant("Address" as const), link, present: fc.boolean() }), weight: 2 },
  { arbitrary: fc.record({ _tag: fc.constant("Replaced" as const), link }), weight: 1 },
  {
    arbitrary: fc.record({
      _tag: fc.constant("Neighbour" as const),
      address: fc.constantFrom(...ON_LINKS),
      link,
      up: fc.boolean()
    }),
    weight: 2
  },
  {
    arbitrary: fc.record({
      _tag: fc.constant("Session" as const),
      address: fc.constantFrom(...NEXT_HOPS),
      up: fc.boolean()
    }),
    weight: 1
  }
)

/** What there is, as a list. */
export class Ledger {
  private readonly links = WORLD_LINKS.map(({ name, address }) => ({
    name,
    up: true,
    carrier: true,
    addresses: [address] as Array<string>
  }))
  private readonly routes = new Map<string, ReadonlyArray<string>>()
  private readonly neighboursDown = new Set<string>()
  private readonly sessionsDown = new Set<string>()

  note(step: WorldStep): void {
    switch (step._tag) {
      case "Routed":
        this.routes.set(step.prefix, step.via)
        return
      case "Unrouted":
        this.routes.delete(step.prefix)
        return
      case "Carrier":
        this.links[step.link].carrier = step.carrier
        return
      case "Up":
        this.links[step.link].up = step.up
        return
      case "Address":
        this.links[step.link].addresses = step.present ? [WORLD_LINKS[step.link].address] : []
        return
      case "Replaced": {
        const { name, address } = WORLD_LINKS[step.link]
        // Who named the old one does not mean the new one.
        for (const [prefix, via] of this.routes) {
          const gone = via.map((text) => text.replace(`dev ${name}`, `dev ${name}-removed`))
          this.routes.set(prefix, gone)
        }
        this.links[step.link] = { name, up: true, carrier: true, addresses: [address] }
        return
      }
      case "Neighbour": {
        const key = `${step.address}@${WORLD_LINKS[step.link].name}`
        if (step.up) this.neighboursDown.delete(key)
        else this.neighboursDown.add(key)
        return
      }
      case "Session":
        if (step.up) this.sessionsDown.delete(step.address)
        else this.sessionsDown.add(step.address)
        return
    }
  }

  get topology(): Topology {
    return {
      links: this.links.map(({ name, up, carrier, addresses }) => ({ name, up: up && carrier, addresses })),
      routes: [...this.routes].map(([prefix, via]) => ({ prefix, via, rank: 1 })),
      neighboursDown: this.neighboursDown,
      sessionsDown: this.sessionsDown
    }
  }

  /** Everything that is routed goes. */
  clear(): void {
    this.routes.clear()
  }

  get prefixes(): ReadonlyArray<string> {
    return [...this.routes.keys()]
  }
}
