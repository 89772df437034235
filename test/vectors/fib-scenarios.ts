// Scenarios from the original's unit tests, against the real graph. What has no meaning here, because the original's object has no
// counterpart, and is not compared:
// * `inPlace`, `heldMapNote`: load-balance objects that keep their address; here a path-list keeps its group, whatever is in it.
// * `popular`: every path-list is a group of its own, so that there is nothing that only popular ones have.
// * `afterDrain`: the graph is settled before each comparison; walks only tell the kernel's side.
// * the default route's drop that is always there: what nothing covers is dropped.
// A via-entry is a next hop here, and a neighbour is no entry: both are looked up as what forwards their address. `entriesAdded` counts
// next hops that are no entries, as the original counts via-entries. What the graph cannot do yet fails the case and says why.
import {
  Constraint,
  Fib,
  isPathUsable,
  mapAround,
  type NextHop,
  normaliseWeights,
  type PathList,
  type PathSpec,
  type Source,
  SourceRank
} from "../../src/fib/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import { type Address, formatAddress, formatPrefixWords, parseAddress, parsePrefix } from "../../src/wire/index.ts"
import type { Outcome } from "./kinds.ts"

interface PathGiven {
  readonly via?: string
  readonly dev?: string
  readonly weight?: number
  readonly pref?: number
  readonly constraint?: string
}

interface Operation {
  readonly op: string
  readonly prefix?: string
  readonly base?: string
  readonly count?: number
  readonly source?: string
  readonly paths?: ReadonlyArray<PathGiven>
  readonly dev?: string
  /** Of a session. */
  readonly peer?: string
  readonly state?: string
}

interface Scenario {
  readonly name: string
  readonly interfaces: Readonly<Record<string, string>>
  readonly steps: ReadonlyArray<{
    readonly do: ReadonlyArray<Operation>
    readonly expect: Readonly<Record<string, unknown>>
  }>
}

/** The graph has no such thing yet. */
class Missing extends Error {}

export const checkFibScenario = (value: unknown): Outcome => {
  const scenario = value as Scenario
  const problems: Array<string> = []
  try {
    const world = new ScenarioWorld(scenario.interfaces)
    scenario.steps.forEach(({ do: operations, expect }, index) => {
      const entriesBefore = world.entryCount()
      for (const operation of operations) world.do(operation)
      world.fib.settle()
      const found = Object.entries(expect).flatMap(([what, there]) => world.compare(what, there, entriesBefore))
      problems.push(...found.map((problem) => `step ${index}: ${problem}`))
    })
  } catch (error) {
    const why = error instanceof Missing ? "the graph cannot do this yet" : "not replayed"
    problems.push(`${why}: ${(error as Error).message}`)
  }
  return { name: scenario.name, problems }
}

/** Sources by their priority in the original, the lowest first; what is not listed here has no counterpart. */
const PRIORITIES: Readonly<Record<string, number>> = {
  SPECIAL: 0x00,
  PROXY: 0x02,
  INTERFACE: 0x03,
  PLUGIN_HI: 0x10,
  SR: 0x10,
  API: 0x80,
  CLI: 0x81,
  LISP: 0x90,
  MAP: 0xa0,
  DHCP: 0xb0,
  PLUGIN_LOW: 0xc2,
  MPLS: 0xe0
}

const priorityOf = (source: string): number => {
  const priority = PRIORITIES[source]
  if (priority === undefined) throw new Missing(`source ${source}`)
  return priority
}

/** An interface's own prefixes go before all that people say. */
const rankOf = (source: string): SourceRank =>
  priorityOf(source) < PRIORITIES["API"] ? SourceRank.Connected : SourceRank.Api

class ScenarioWorld {
  readonly tables = [new PrefixTable(0, 64), new PrefixTable(1, 64)] as const
  readonly fib = new Fib({ tables: this.tables, capacity: 64, resolves: true }, { entryChanged: () => {} })
  private readonly linkIndexes = new Map<string, number>()
  private readonly addresses: Readonly<Record<string, string>>
  /** What each source of each prefix asked for, as it was given. */
  private readonly given = new Map<string, ReadonlyArray<PathGiven>>()
  private readonly sources = new Map<string, { readonly family: 0 | 1; readonly id: number; readonly source: Source }>()

  constructor(interfaces: Readonly<Record<string, string>>) {
    this.addresses = interfaces
    for (const name of Object.keys(interfaces)) this.createLink(name)
  }

  do(operation: Operation): void {
    const { op, prefix = "", dev = "", source = "API", paths = [], peer = "", state = "" } = operation
    const key = `${source} ${prefix}`
    const before = this.given.get(key) ?? []
    switch (op) {
      case "pathAdd":
        this.setPaths(prefix, source, [
          ...before.filter((path) => !paths.some((one) => isSamePath(path, one))),
          ...paths
        ])
        break
      case "pathAddRange":
        for (const host of hostsFrom(operation.base!, operation.count!)) this.setPaths(host, source, paths)
        break
      case "pathRemove":
        this.setPaths(
          prefix,
          source,
          before.filter((path) => !paths.some((gone) => isSamePath(path, gone)))
        )
        break
      case "update":
        this.setPaths(prefix, source, paths)
        break
      case "delete":
        this.setPaths(prefix, source, [])
        break
      case "ifUp":
      case "carrierUp":
        this.setLink(dev, true)
        break
      case "ifDown":
      case "carrierDown":
        this.setLink(dev, false)
        break
      case "ifDelete":
        this.fib.interfaces.removeLink(this.linkIndex(dev))
        this.linkIndexes.delete(dev)
        break
      case "ifCreate":
        this.createLink(dev)
        break
      // A new session counts as up until it says otherwise, and so does one that is no more.
      case "bfdCreate":
      case "bfdDelete":
        this.fib.sessionState(parseAddress(peer)!, true)
        break
      case "bfd":
        this.fib.sessionState(parseAddress(peer)!, state === "up")
        break
      case "adjBfd":
        this.fib.neighbourState(parseAddress(peer)!, this.linkIndex(dev), state === "up")
        break
      default:
        throw new Missing(`operation ${op}`)
    }
    this.fib.settle()
  }

  /** Entries, and next hops that are none. */
  entryCount(): number {
    const hosts = this.fib.pathLists.nextHops.filter((nextHop) => nextHop !== undefined && this.isVia(nextHop))
    const entries = this.fib.entries.flatMap((table) => [...table.pathList].filter((list) => list !== 0))
    return entries.length + hosts.filter((nextHop) => this.listOf(hostText(nextHop!.address!)) === undefined).length
  }

  compare(what: string, there: unknown, entriesBefore: number): ReadonlyArray<string> {
    switch (what) {
      case "note":
      case "heldMapNote":
      case "inPlace":
      case "popular":
      case "afterDrain":
        return []
      case "fwd":
        return this.compareEach(there, "forwarding", (prefix) => this.forwarding(prefix))
      case "buckets":
        return this.compareEach(there, "buckets", (prefix) => this.bucketCount(prefix))
      case "lbMap":
        return this.compareEach(there, "map", (prefix) => this.bucketMap(this.listOf(prefix)))
      case "lbMapImmediately": {
        // It names no entry: the map of a path-list with a path that is down must be there.
        const maps = this.fib.pathLists.lists.map((list) => JSON.stringify(this.bucketMap(list)))
        return maps.includes(JSON.stringify(there)) ? [] : [`no path-list has the map ${JSON.stringify(there)}`]
      }
      case "sharedPathLists":
        return differs(what, there, this.fib.pathLists.lists.filter((list) => list?.kind === "recursive").length)
      case "entriesAdded":
        return differs(what, there, this.entryCount() - entriesBefore)
      case "looped":
        return (there as ReadonlyArray<string>).flatMap((prefix) =>
          this.listOf(prefix)?.looped.includes(true) === true ? [] : [`${prefix} is not looped`]
        )
      case "present":
        return (there as ReadonlyArray<string>).flatMap((prefix) =>
          this.isThere(prefix) ? [] : [`${prefix} is absent`]
        )
      case "absent":
        return (there as ReadonlyArray<string>).flatMap((prefix) =>
          this.listOf(prefix) !== undefined || this.viaOf(prefix) !== undefined ? [`${prefix} is present`] : []
        )
      default:
        throw new Missing(`expectation ${what}`)
    }
  }

  private compareEach(there: unknown, what: string, here: (prefix: string) => unknown): ReadonlyArray<string> {
    return Object.entries(there as Readonly<Record<string, unknown>>).flatMap(([prefix, expected]) =>
      differs(`${what} of ${prefix}`, expected, here(prefix))
    )
  }

  /** As the scenarios write it: `adj GATEWAY@LINK` for a neighbour, `lb HOST` for recursion, `receive`, `glean LINK`, or `drop`. */
  private forwarding(prefix: string): ReadonlyArray<string> | string {
    const own = this.listOf(prefix)
    if (own !== undefined) return this.forwardingOf(own, prefix)
    const via = this.viaOf(prefix)
    if (via?.via !== undefined) return this.forwardingOf(via.via, prefix)
    if (via?.neighbour !== undefined) {
      const link = this.fib.interfaces.nameOf(via.neighbour.adjacency.ifindex)
      return via.adjacency === undefined ? "drop" : [`adj ${prefix.split("/")[0]}@${link}`]
    }
    const cover = this.coverOf(prefix)
    if (cover === undefined) return "drop"
    return cover.kind === "attached"
      ? [`adj ${prefix.split("/")[0]}@${this.fib.interfaces.nameOf(cover.ifindex)}`]
      : this.forwardingOf(cover, prefix)
  }

  private forwardingOf(list: PathList, prefix: string): ReadonlyArray<string> | string {
    if (list.kind === "local") return "receive"
    if (list.kind === "attached") return [`glean ${this.fib.interfaces.nameOf(list.ifindex)}`]
    const texts = this.usablePaths(list).map(({ nextHop }) => this.pathText(nextHop, prefix))
    return texts.length === 0 ? "drop" : texts
  }

  /** A path that was given with its link is a neighbour, one without is recursive, also where it leads to a neighbour at once. */
  private pathText(nextHop: NextHop, prefix: string): string {
    const link = nextHop.neighbour === undefined ? "" : this.fib.interfaces.nameOf(nextHop.neighbour.adjacency.ifindex)
    if (nextHop.address === undefined) return `glean ${link}`
    const address = formatAddress(nextHop.address)
    const given = [...this.given].flatMap(([key, paths]) => (key.endsWith(` ${prefix}`) ? paths : []))
    const isRecursive = given.some(({ via, dev }) => via === address && dev === undefined)
    return isRecursive ? `lb ${hostText(nextHop.address)}` : `adj ${address}@${link}`
  }

  private usablePaths(list: PathList): PathList["paths"] {
    return list.paths.filter(({ preference }, index) => preference === list.preference && isPathUsable(list, index))
  }

  private bucketCount(prefix: string): number {
    const list = this.listOf(prefix)
    const paths = list === undefined ? [] : this.usablePaths(list)
    if (paths.length === 0) return 1
    return normaliseWeights(paths.map(({ weight }) => weight)).reduce((sum, { buckets }) => sum + buckets, 0)
  }

  private bucketMap(list: PathList | undefined): ReadonlyArray<number> {
    if (list === undefined || list.paths.length === 0) return []
    const shares = normaliseWeights(list.paths.map(({ weight }) => weight))
    return mapAround(shares, (path) => !isPathUsable(list, path))
  }

  /** Somebody wants the prefix, or it is a via-entry, or a neighbour, or what the original always has. */
  private isThere(prefix: string): boolean {
    if (this.listOf(prefix) !== undefined || this.viaOf(prefix) !== undefined) return true
    return prefix.endsWith("/0") || this.coverOf(prefix)?.kind === "attached"
  }

  private listOf(prefix: string): PathList | undefined {
    const { family, words, length } = parsed(prefix)
    const entries = this.fib.entries[family]
    const id = entries.prefixes.find(words, 0, length)
    return id !== -1 && entries.isSourced(id) ? this.fib.pathLists.get(entries.pathList[id]) : undefined
  }

  private coverOf(prefix: string): PathList | undefined {
    const { family, words, length } = parsed(prefix)
    if (length < words.length * 32) return undefined
    const entries = this.fib.entries[family]
    const id = entries.prefixes.longestMatch(words, 0, (one) => entries.isSourced(one))
    return id === -1 ? undefined : this.fib.pathLists.get(entries.pathList[id])
  }

  /** The next hop whose host prefix it is, if a path goes through it without naming a link. */
  private viaOf(prefix: string): NextHop | undefined {
    return this.fib.pathLists.nextHops.find(
      (nextHop) => nextHop !== undefined && this.isVia(nextHop) && hostText(nextHop.address!) === prefixText(prefix)
    )
  }

  private isVia(nextHop: NextHop): boolean {
    if (nextHop.address === undefined || nextHop.ifindex !== 0) return false
    const address = formatAddress(nextHop.address)
    return [...this.given.values()].flat().some(({ via, dev }) => via === address && dev === undefined)
  }

  private setPaths(prefix: string, source: string, paths: ReadonlyArray<PathGiven>): void {
    const key = `${source} ${prefix}`
    const before = this.sources.get(key)
    const { family, words, length } = parsed(prefix)
    if (paths.length > 0) {
      const pathList = this.fib.internPaths(
        paths.map((path) => this.specOf(path)),
        family
      )
      const id = this.tables[family].intern(words, 0, length)
      const made = { rank: rankOf(source), distance: priorityOf(source), metric: 0, pathList }
      this.fib.addSource(family, id, made)
      this.fib.releasePaths(pathList)
      this.given.set(key, paths)
      this.sources.set(key, { family, id, source: made })
    } else {
      this.given.delete(key)
      this.sources.delete(key)
    }
    if (before !== undefined) this.fib.removeSource(before.family, before.id, before.source)
  }

  private specOf({ via, dev, weight = 1, pref = 0, constraint }: PathGiven): PathSpec {
    const address = via === undefined ? undefined : parseAddress(via)
    if (via !== undefined && address === undefined) throw new Missing(`the next hop ${via}`)
    if (via === undefined && dev === undefined) throw new Missing("paths without a next hop")
    const asked = constraint === undefined ? Constraint.None : CONSTRAINTS[constraint]
    if (asked === undefined) throw new Missing(`the recursive constraint "${constraint}"`)
    const ifindex = dev === undefined ? 0 : this.linkIndex(dev)
    return { address, ifindex, weight, preference: pref, constraint: asked }
  }

  private createLink(name: string): void {
    this.linkIndexes.set(name, 10 + this.linkIndexes.size)
    this.setLink(name, true)
    const [address, length] = this.addresses[name].split("/")
    const own = parseAddress(address)!
    this.fib.interfaces.addAddress(this.linkIndex(name), own, own, Number(length))
  }

  private setLink(name: string, isUp: boolean): void {
    this.fib.interfaces.setLink(this.linkIndex(name), name, isUp, false)
  }

  private linkIndex(name: string): number {
    const index = this.linkIndexes.get(name)
    if (index === undefined) throw new Error(`no interface ${name}`)
    return index
  }
}

const CONSTRAINTS: Readonly<Record<string, number>> = {
  host: Constraint.Host,
  attached: Constraint.Attached,
  both: Constraint.Host | Constraint.Attached
}

/** What makes it the path that it is: not how much it is used, nor when. */
const isSamePath = (a: PathGiven, b: PathGiven): boolean =>
  a.via === b.via && a.dev === b.dev && a.constraint === b.constraint

const parsed = (
  text: string
): { readonly family: 0 | 1; readonly words: ReadonlyArray<number>; readonly length: number } => {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new Error(`no prefix ${text}`)
  return { family: prefix.family === 4 ? 0 : 1, words: prefix.words, length: prefix.length }
}

const prefixText = (text: string): string => {
  const { family, words, length } = parsed(text)
  return formatPrefixWords(family === 0 ? 4 : 6, words, 0, length)
}

const hostText = (address: Address): string => `${formatAddress(address)}/${address.words.length * 32}`

const hostsFrom = (base: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => {
    const { family, words } = parseAddress(base)!
    return hostText({ family, words: words.with(-1, (words[words.length - 1] + index) >>> 0) })
  })

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const differs = (what: string, there: unknown, here: unknown): ReadonlyArray<string> =>
  sameJson(there, here) ? [] : [`${what}: ${JSON.stringify(there)} there, ${JSON.stringify(here)} here`]
