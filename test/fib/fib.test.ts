// The graph alone: against the dumb oracle over random worlds, and the rules that a reader wants to see one by one.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Fib, SourceRank, WalkReason } from "../../src/fib/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import { type Address, formatAddress, formatPrefixWords, parseAddress, parsePrefix } from "../../src/wire/index.ts"
import { expected } from "./oracle.ts"

const address = (text: string): Address => parseAddress(text)!

class Graph {
  readonly tables = [new PrefixTable(0, 32), new PrefixTable(1, 32)] as const
  readonly entered: Array<string> = []
  readonly fib = new Fib({ tables: this.tables, capacity: 32, resolves: true }, this)

  entryChanged(family: 0 | 1, prefix: number): void {
    const { words, lengths, wordsPerPrefix } = this.tables[family]
    this.entered.push(formatPrefixWords(family === 0 ? 4 : 6, words, prefix * wordsPerPrefix, lengths[prefix]))
  }

  link(index: number, name: string, up = true): this {
    this.fib.interfaces.setLink(index, name, up, false)
    return this
  }

  subnet(index: number, text: string, present = true): this {
    const [own, length] = text.split("/")
    const { interfaces } = this.fib
    if (present) interfaces.addAddress(index, address(own), address(own), Number(length))
    else interfaces.removeAddress(index, address(own), address(own), Number(length))
    return this
  }

  prefix(text: string): readonly [0 | 1, number] {
    const { family, words, length } = parsePrefix(text)!
    const index = family === 4 ? 0 : 1
    return [index, this.tables[index].intern(words, 0, length)]
  }

  bgp(text: string, ...via: ReadonlyArray<string>): this {
    const set = this.fib.internNextHops(via.map(address))
    const [family, id] = this.prefix(text)
    this.fib.setBgp(family, id, set)
    this.fib.releasePaths(set)
    return this
  }

  forget(text: string): this {
    const [family, id] = this.prefix(text)
    this.fib.clearBgp(family, id)
    return this
  }

  /** prefix → `neighbour@interface*weight …` of every entry that forwards through next hops. */
  forwarding(): Record<string, string> {
    this.fib.settle()
    const found: Record<string, string> = {}
    for (const family of [0, 1] as const) {
      const { pathList, prefixes } = this.fib.entries[family]
      for (let id = 0; id < pathList.length; id++) {
        if (pathList[id] === 0) continue
        const { leaves } = this.fib.pathLists.get(pathList[id])
        if (leaves.length === 0) continue
        const at = id * prefixes.wordsPerPrefix
        found[formatPrefixWords(family === 0 ? 4 : 6, prefixes.words, at, prefixes.lengths[id])] = leaves
          .map(
            ({ adjacency, weight }) =>
              `${formatAddress(adjacency)}@${this.fib.interfaces.nameOf(adjacency.ifindex)}*${weight}`
          )
          .sort()
          .join(" ")
      }
    }
    return found
  }

  reachable(...via: ReadonlyArray<string>): boolean {
    const set = this.fib.internNextHops(via.map(address))
    const { reachable } = this.fib.reachability(set)
    this.fib.releasePaths(set)
    return reachable
  }
}

const graph = (): Graph => new Graph().link(2, "east").link(3, "west").subnet(2, "10.0.1.1/24").subnet(3, "10.0.2.1/24")

const NEXT_HOPS = ["10.0.1.2", "10.0.2.2", "20.0.0.1", "30.0.0.1", "40.0.0.1", "10.0.1.1"]
const PREFIXES = ["20.0.0.0/24", "30.0.0.0/24", "40.0.0.0/24", "40.0.0.0/8", "0.0.0.0/0", "10.0.1.0/25", "10.0.1.0/24"]

describe("the forwarding graph", () => {
  it("equals a recomputation from scratch after every change", () => {
    const step = fc.oneof(
      fc.record({
        prefix: fc.constantFrom(...PREFIXES),
        via: fc.uniqueArray(fc.constantFrom(...NEXT_HOPS), { maxLength: 3 })
      }),
      fc.record({ link: fc.constantFrom(2, 3), up: fc.boolean() })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const world = graph()
        const routes = new Map<string, ReadonlyArray<string>>()
        const up = [true, true]
        for (const one of steps) {
          if ("link" in one) {
            up[one.link - 2] = one.up
            world.link(one.link, one.link === 2 ? "east" : "west", one.up)
          } else if (one.via.length > 0) {
            routes.set(one.prefix, one.via)
            world.bgp(one.prefix, ...one.via)
          } else if (routes.delete(one.prefix)) world.forget(one.prefix)
          expect(world.forwarding()).toEqual(
            expected({
              links: [
                { name: "east", up: up[0], addresses: ["10.0.1.1/24"] },
                { name: "west", up: up[1], addresses: ["10.0.2.1/24"] }
              ],
              routes: [...routes].map(([prefix, via]) => ({ prefix, via, rank: 1000 }))
            })
          )
        }
      }),
      { numRuns: 150 }
    )
  })

  it("drops a path that leads back to itself, keeps the others, and heals when the loop is broken", () => {
    const world = graph().bgp("20.0.0.0/24", "30.0.0.1", "10.0.1.2").bgp("30.0.0.0/24", "20.0.0.1")
    expect(world.forwarding()).toEqual({ "20.0.0.0/24": "10.0.1.2@east*1" })
    world.bgp("30.0.0.0/24", "10.0.2.2")
    expect(world.forwarding()).toEqual({
      "20.0.0.0/24": "10.0.1.2@east*1 10.0.2.2@west*1",
      "30.0.0.0/24": "10.0.2.2@west*1"
    })
  })

  it("prefers connected to static to BGP, and falls back when the better source goes", () => {
    const world = graph().bgp("50.0.0.0/24", "10.0.1.2")
    const [family, id] = world.prefix("50.0.0.0/24")
    const pathList = world.fib.internNextHops([address("10.0.2.2")])
    const source = { rank: SourceRank.Static, distance: 5, metric: 0, pathList }
    world.fib.addSource(family, id, source)
    expect(world.forwarding()["50.0.0.0/24"]).toBe("10.0.2.2@west*1")
    world.subnet(2, "50.0.0.9/24")
    expect(world.forwarding()["50.0.0.0/24"]).toBeUndefined()
    world.subnet(2, "50.0.0.9/24", false)
    world.fib.removeSource(family, id, source)
    expect(world.forwarding()["50.0.0.0/24"]).toBe("10.0.1.2@east*1")
  })

  it("shares a path-list among entries with the same next hops, and forgets it with the last one", () => {
    const world = graph().bgp("50.0.0.0/24", "10.0.1.2", "10.0.2.2").bgp("60.0.0.0/24", "10.0.2.2", "10.0.1.2")
    const { pathList } = world.fib.entries[0]
    expect(pathList[world.prefix("50.0.0.0/24")[1]]).toBe(pathList[world.prefix("60.0.0.0/24")[1]])
    const lists = () => world.fib.pathLists.lists.filter((list) => list?.kind === "recursive").length
    expect(lists()).toBe(1)
    world.forget("50.0.0.0/24").forget("60.0.0.0/24").fib.settle()
    expect(lists()).toBe(0)
  })

  it("keeps a path-list that a walk is still on when its last entry left, and forgets it when the walk ends", () => {
    const world = graph().bgp("50.0.0.0/24", "10.0.1.2")
    world.fib.settle()
    const { pathList, walks } = world.fib.entries[0]
    const list = pathList[world.prefix("50.0.0.0/24")[1]]
    walks.start(list, WalkReason.Evaluate)
    world.forget("50.0.0.0/24").fib.settle()
    expect([world.fib.pathLists.lists[list]?.id, world.fib.pending]).toEqual([list, false])
    walks.quantum(9, () => expect.unreachable("no entry is left"))
    expect(world.fib.pending).toBe(true)
    world.fib.settle()
    expect(world.fib.pathLists.lists[list]).toBeUndefined()
  })

  it("puts the shares of recursive paths over a common denominator", () => {
    const world = graph().link(4, "north").subnet(4, "10.0.3.1/24")
    world.bgp("20.0.0.0/24", "10.0.1.2", "10.0.2.2").bgp("50.0.0.0/24", "20.0.0.1", "10.0.3.2")
    expect(world.forwarding()["50.0.0.0/24"]).toBe("10.0.1.2@east*1 10.0.2.2@west*1 10.0.3.2@north*2")
  })

  it("takes no next hop that is our own address, or that nothing covers", () => {
    const world = graph()
    expect(world.reachable("10.0.1.1")).toBe(false)
    expect(world.reachable("99.0.0.1")).toBe(false)
    expect(world.reachable("10.0.1.9")).toBe(true)
  })

  it("reports a next hop whose reachability or metric changed, once", () => {
    const world = graph()
    const set = world.fib.internNextHops([address("20.0.0.1")])
    const drain = () => {
      const sets: Array<number> = []
      world.fib.drainReported((one) => sets.push(one))
      return sets
    }
    drain()
    world.bgp("20.0.0.0/24", "10.0.1.2")
    expect(drain()).toContain(set)
    expect(world.fib.reachability(set)).toEqual({ reachable: true, metric: 1 })
    expect(drain()).toEqual([])
    world.link(2, "east", false)
    expect(drain()).toContain(set)
    expect(world.fib.reachability(set).reachable).toBe(false)
  })

  it("forwards IPv4 over an IPv6 next hop (RFC 8950)", () => {
    const world = graph().subnet(2, "2001:db8::1/64").bgp("50.0.0.0/24", "2001:db8::2")
    expect(world.forwarding()).toEqual({ "50.0.0.0/24": "2001:db8::2@east*1" })
  })

  it("keeps a digest that says what is forwarded, not how it came about", () => {
    const one = graph().bgp("50.0.0.0/24", "10.0.1.2").bgp("60.0.0.0/24", "10.0.2.2")
    const other = graph().bgp("60.0.0.0/24", "10.0.1.2").bgp("50.0.0.0/24", "10.0.1.2").bgp("60.0.0.0/24", "10.0.2.2")
    one.fib.settle()
    other.fib.settle()
    expect(other.fib.digest()).toBe(one.fib.digest())
    other.forget("60.0.0.0/24").fib.settle()
    expect(other.fib.digest()).not.toBe(one.fib.digest())
  })

  it("needs at most 16 bytes per entry beside the prefix table", () => {
    const { entries } = new Fib(
      { tables: [new PrefixTable(0), new PrefixTable(1)], capacity: 1 << 16, resolves: true },
      new Graph()
    )
    const columns = [entries[0], entries[0].children].flatMap((owner) =>
      Object.values(owner).filter((value) => ArrayBuffer.isView(value) && value.byteLength >= 1 << 16)
    )
    const byteCount = columns.reduce((sum: number, column: ArrayBufferView) => sum + column.byteLength, 0)
    expect(byteCount / (1 << 16)).toBeLessThanOrEqual(16)
  })
})
