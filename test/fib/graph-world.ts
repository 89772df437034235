// A forwarding graph to play with in words: links, subnets, routes of any source and kind of path, and what comes of them as text.
import { Constraint, Fib, type PathSpec, type Source, SourceRank, type SpecialKind } from "../../src/fib/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import { type Address, formatAddress, formatPrefixWords, parseAddress, parsePrefix } from "../../src/wire/index.ts"

export const address = (text: string): Address => parseAddress(text)!

const LINKS: Readonly<Record<string, number>> = { east: 2, west: 3, north: 4, south: 5 }

/** `10.0.1.2`, `10.0.1.2 dev east`, `dev east`, and behind it `weight 3`, `pref 10`, `host`, `attached`, `label 16/17`. */
export const pathOf = (text: string, links = LINKS): PathSpec => {
  const words = text.split(" ")
  const after = (word: string): string | undefined => {
    const at = words.indexOf(word)
    return at === -1 ? undefined : words[at + 1]
  }
  const dev = after("dev")
  return {
    address: words[0] === "dev" ? undefined : address(words[0]),
    ifindex: dev === undefined ? 0 : (links[dev] ?? Number(dev)),
    weight: Number(after("weight") ?? 1),
    preference: Number(after("pref") ?? 0),
    constraint: (words.includes("host") ? Constraint.Host : 0) | (words.includes("attached") ? Constraint.Attached : 0),
    labels: (after("label") ?? "").split("/").filter(Boolean).map(Number)
  }
}

const SPECIAL: ReadonlyArray<string> = ["receive", "drop", "unreachable", "prohibit"]

export class GraphWorld {
  readonly tables = [new PrefixTable(0, 32), new PrefixTable(1, 32)] as const
  readonly entered: Array<string> = []
  readonly fib: Fib
  private readonly given = new Map<string, { readonly family: 0 | 1; readonly id: number; readonly source: Source }>()

  constructor() {
    this.fib = new Fib({ tables: this.tables, capacity: 32, resolves: true }, this)
  }

  entryChanged(family: 0 | 1, prefix: number): void {
    this.entered.push(this.text(family, prefix))
  }

  link(name: string, up = true): this {
    this.fib.interfaces.setLink(LINKS[name], name, up, false)
    return this
  }

  removeLink(name: string): this {
    this.fib.interfaces.removeLink(LINKS[name])
    return this
  }

  subnet(name: string, text: string, present = true): this {
    const [own, length] = text.split("/")
    const { interfaces } = this.fib
    if (present) interfaces.addAddress(LINKS[name], address(own), address(own), Number(length))
    else interfaces.removeAddress(LINKS[name], address(own), address(own), Number(length))
    return this
  }

  prefix(text: string): readonly [0 | 1, number] {
    const { family, words, length } = parsePrefix(text)!
    const index = family === 4 ? 0 : 1
    return [index, this.tables[index].intern(words, 0, length)]
  }

  /** The paths of one source for the prefix, in place of those before; none: it goes. */
  route(
    text: string,
    paths: ReadonlyArray<string>,
    rank: SourceRank = SourceRank.Static,
    distance = 1,
    metric = 0
  ): this {
    const key = `${rank} ${distance} ${text}`
    const before = this.given.get(key)
    this.given.delete(key)
    if (paths.length > 0) {
      const family = text.includes(":") ? 1 : 0
      const pathList = SPECIAL.includes(paths[0])
        ? this.fib.internSpecial(paths[0] as SpecialKind)
        : this.fib.internPaths(
            paths.map((path) => pathOf(path)),
            family
          )
      const [, id] = this.prefix(text)
      const source = { rank, distance, metric, pathList }
      this.fib.addSource(family, id, source)
      this.fib.releasePaths(pathList)
      this.given.set(key, { family, id, source })
    }
    if (before !== undefined) this.fib.removeSource(before.family, before.id, before.source)
    return this
  }

  /** What the entry comes down to: `gateway@link*weight …` of what is used, the kind of an entry without next hops, or `drop`. */
  forwarding(text: string): string {
    this.fib.settle()
    const [family, id] = this.found(text)
    const entries = this.fib.entries[family]
    if (id === -1 || !entries.isSourced(id)) return "absent"
    const list = this.fib.pathLists.get(entries.pathList[id])
    if (list.kind !== "recursive") return list.kind
    return this.leavesText(list.leaves)
  }

  /** What it would come down to if what is used failed. */
  reserve(text: string): string {
    this.fib.settle()
    const [family, id] = this.found(text)
    return this.leavesText(this.fib.pathLists.get(this.fib.entries[family].pathList[id]).reserve)
  }

  /** Every entry that forwards: prefix → `gateway@link*weight …`, as the oracle says it. */
  leaves(): Record<string, string> {
    this.fib.settle()
    const found: Record<string, string> = {}
    for (const family of [0, 1] as const) {
      const { pathList } = this.fib.entries[family]
      for (let id = 0; id < pathList.length; id++) {
        const leaves = pathList[id] === 0 ? [] : this.fib.pathLists.get(pathList[id]).leaves
        if (leaves.length === 0) continue
        found[this.text(family, id)] = leaves
          .map(({ adjacency: { words, family: version, ifindex }, weight }) => {
            const gateway = words.length === 0 ? "" : formatAddress({ family: version, words })
            return `${gateway}@${this.fib.interfaces.nameOf(ifindex)}*${weight}`
          })
          .sort()
          .join(" ")
      }
    }
    return found
  }

  private found(text: string): readonly [0 | 1, number] {
    const { family, words, length } = parsePrefix(text)!
    const index = family === 4 ? 0 : 1
    return [index, this.tables[index].find(words, 0, length)]
  }

  private leavesText(leaves: ReturnType<Fib["pathLists"]["get"]>["leaves"]): string {
    const texts = leaves.map(({ adjacency: { words, family, ifindex, labels }, weight }) => {
      const gateway = words.length === 0 ? "" : formatAddress({ family, words })
      const push = labels.length === 0 ? "" : ` label ${labels.join("/")}`
      return `${gateway}@${this.fib.interfaces.nameOf(ifindex)}${weight === 1 ? "" : `*${weight}`}${push}`
    })
    return texts.length === 0 ? "drop" : texts.join(", ")
  }

  private text(family: 0 | 1, prefix: number): string {
    const { words, lengths, wordsPerPrefix } = this.tables[family]
    return formatPrefixWords(family === 0 ? 4 : 6, words, prefix * wordsPerPrefix, lengths[prefix])
  }
}

export const twoLinks = (): GraphWorld =>
  new GraphWorld().link("east").link("west").subnet("east", "10.0.1.1/24").subnet("west", "10.0.2.1/24")
