// Walks played by commands, under the policy of the engine that they follow or under ours: who was visited for which reason is the
// transcript, and what the child lists look like afterwards, a walk's marker as W.
//   policy source|corrected | children PARENT CHILD … | propagate NODE sync|asyncLow|asyncHigh | walk PARENT REASON now|high|low
//   grant N | remove PARENT CHILD | list PARENT
import { WALK_POLICIES, walkReasonText } from "../../src/fib/index.ts"
import type { Player } from "../scenarios/harness.ts"
import { InPlaceWorld, type Propagation, type WalkAction } from "./walk-worlds.ts"

const REASONS: Readonly<Record<string, number>> = { resolve: 1, evaluate: 2, up: 4, down: 8, update: 64 }

export class WalkStage implements Player {
  private readonly propagate = new Map<number, Propagation>()
  private world = new InPlaceWorld({ propagate: this.propagate, hooks: [] }, WALK_POLICIES.corrected, 1)

  run(command: string): ReadonlyArray<string> {
    const [verb, ...words] = command.split(" ")
    const [node, second, third] = words
    const before = this.world.visits.length
    const gone = this.world.destroyed.length
    switch (verb) {
      case "policy": {
        this.propagate.clear()
        const policy = WALK_POLICIES[node as "source" | "corrected"]
        this.world = new InPlaceWorld({ propagate: this.propagate, hooks: [] }, policy, 1)
        return []
      }
      case "children":
        for (const child of words.slice(1)) this.do({ op: "link", parent: Number(node), child: Number(child) })
        return []
      case "propagate":
        this.propagate.set(Number(node), second as Propagation)
        return []
      case "remove":
        this.do({ op: "unlink", parent: Number(node), child: Number(second) })
        break
      case "walk":
        this.do({
          op: third === "now" ? "sync" : "async",
          parent: Number(node),
          reason: REASONS[second],
          priority: third === "high" ? 0 : 1
        })
        break
      case "grant":
        this.do({ op: "process", quota: Number(node) })
        break
      case "list":
        return [`${node}: ${this.world.childrenOf(Number(node)).join(" ")}`]
      default:
        return [`no such command: ${verb}`]
    }
    return [
      ...this.world.visits
        .slice(before)
        .map(({ node: visited, context }) => `${visited} ${walkReasonText(context.reason)} depth ${context.depth}`),
      ...this.world.destroyed.slice(gone).map((parent) => `${parent} is released`)
    ]
  }

  private do(action: WalkAction): void {
    this.world.do(action)
  }
}
