// A forwarding graph beside the model kernel, played by commands: what was asked of the kernel and what forwards now is the transcript.
//   link NAME [ADDRESS/LENGTH …] | link NAME down|up|cut|mend|removed
//   route PREFIX PATH, PATH … [as SOURCE [DISTANCE]] | route PREFIX none [as SOURCE [DISTANCE]] | routes N PREFIX PATH, PATH …
//   neighbour ADDRESS dev NAME up|down | session ADDRESS up|down | show [PREFIX] | dot PREFIX | lookup ADDRESS
import { toGraphviz } from "../../src/api/graphviz.ts"
import { graphText } from "../../src/cli/graph-text.ts"
import { SOURCE_NAMES, type Source, SourceRank, type SpecialKind } from "../../src/fib/index.ts"
import { formatPrefix, parsePrefix } from "../../src/wire/index.ts"
import { World } from "../router/forwarding-world.ts"
import type { Player } from "../scenarios/harness.ts"
import { kernelLines } from "../scenarios/kernel-lines.ts"
import { address, pathOf } from "./graph-world.ts"

const SPECIAL: ReadonlyArray<string> = ["receive", "drop", "unreachable", "prohibit"]

export class GraphStage implements Player {
  private readonly world = new World().start()
  private readonly links: Record<string, number> = {}
  private readonly given = new Map<string, { readonly family: 0 | 1; readonly id: number; readonly source: Source }>()
  private requests = 0
  private told: ReadonlyArray<string> = []

  run(command: string): ReadonlyArray<string> {
    const [verb, ...words] = command.split(" ")
    const rest = words.join(" ")
    switch (verb) {
      case "link":
        this.link(words[0], words.slice(1))
        break
      case "route":
        this.route(rest)
        break
      case "routes":
        this.many(Number(words[0]), words.slice(1).join(" "))
        break
      case "neighbour":
        this.world.forwarding.neighbourState(address(words[0]), this.links[words[2]], words[3] === "up")
        break
      case "session":
        this.world.forwarding.sessionState(address(words[0]), words[1] === "up")
        break
      case "show":
        return this.show(words[0] === undefined ? {} : { prefix: words[0] })
      case "dot":
        return toGraphviz(this.world.forwarding.showGraph({ prefix: words[0] }) as Readonly<Record<string, unknown>>)
          .trimEnd()
          .split("\n")
      case "lookup":
        return this.show({ lookup: words[0] })
      default:
        return [`no such command: ${verb}`]
    }
    this.world.settle().pass()
    return this.news()
  }

  private show(params: Readonly<Record<string, string>>): ReadonlyArray<string> {
    const answer = this.world.forwarding.showGraph(params)
    return answer === undefined ? ["nothing"] : graphText(answer).trimEnd().split("\n")
  }

  private link(name: string, words: ReadonlyArray<string>): void {
    const { world, links } = this
    const known = links[name]
    if (known === undefined || words[0]?.includes("/")) {
      if (known === undefined) {
        links[name] = 2 + Object.keys(links).length
        world.link(links[name], name)
      }
      for (const text of words) world.address(links[name], text)
      return
    }
    const index = known
    if (words[0] === "down" || words[0] === "up") world.world({ _tag: "LinkSet", index, up: words[0] === "up" })
    else if (words[0] === "cut" || words[0] === "mend")
      world.world({ _tag: "CarrierChanged", index, carrier: words[0] === "mend" })
    else world.world({ _tag: "LinkRemoved", index })
  }

  private route(text: string): void {
    const [what, as = "static 1"] = text.split(" as ")
    const [prefix, ...words] = what.split(" ")
    const [name, distance = "1"] = as.split(" ")
    this.setPaths(prefix, words.join(" "), SOURCE_NAMES.indexOf(name) as SourceRank, Number(distance))
  }

  private many(count: number, text: string): void {
    const [first, ...words] = text.split(" ")
    const { family, words: from, length } = parsePrefix(first)!
    for (let index = 0; index < count; index++) {
      const next = from.with(0, (from[0] + index * 2 ** (32 - length)) >>> 0)
      this.setPaths(formatPrefix({ family, words: next, length }), words.join(" "), SourceRank.Bgp, 0)
    }
  }

  private setPaths(prefix: string, text: string, rank: SourceRank, distance: number): void {
    const key = `${rank} ${distance} ${prefix}`
    const before = this.given.get(key)
    this.given.delete(key)
    const { fib } = this.world.forwarding
    const { family: version, words, length } = parsePrefix(prefix)!
    const family = version === 4 ? 0 : 1
    if (text !== "none") {
      const pathList = SPECIAL.includes(text)
        ? fib.internSpecial(text as SpecialKind)
        : fib.internPaths(
            text.split(", ").map((path) => pathOf(path, this.links)),
            family
          )
      const id = this.world.tables[family].intern(words, 0, length)
      const source = { rank, distance, metric: 0, pathList }
      fib.addSource(family, id, source)
      fib.releasePaths(pathList)
      this.given.set(key, { family, id, source })
    }
    if (before !== undefined) fib.removeSource(before.family, before.id, before.source)
  }

  /** Changes in the kernel, a line each while they are few, and what they cost. */
  private news(): ReadonlyArray<string> {
    const requests = [...this.world.sent.values()].reduce((sum, count) => sum + count, 0)
    const now = kernelLines(this.world.kernel)
    const lines = [
      ...this.told.filter((line) => !now.includes(line)).map((line) => `kernel - ${line}`),
      ...now.filter((line) => !this.told.includes(line)).map((line) => `kernel + ${line}`)
    ]
    const cost = requests === this.requests ? [] : [`${requests - this.requests} requests`]
    this.told = now
    this.requests = requests
    return lines.length > LINES_MAX ? [`${lines.length} lines change in the kernel`, ...cost] : [...lines, ...cost]
  }
}

const LINES_MAX = 8
