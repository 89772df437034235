// Visits as the original engine made them, against both forms of our walks under the preset `source`. Where a case carries
// `expectFixed`, that is what the original with Q1 and Q2 corrected does, and `expect` must come out of the engine as it was found.
import { WALK_POLICIES, type WalkPolicy, WalkReason } from "../../src/fib/index.ts"
import { InPlaceWorld, type Propagation, TextbookWorld, type WalkAction, type WalkProgram } from "../fib/walk-worlds.ts"
import type { Outcome } from "./kinds.ts"

interface Action {
  readonly op: string
  readonly parent?: number
  readonly child?: number
  readonly reason?: string
  readonly prio?: string
  readonly forceSync?: boolean
  readonly quota?: number
}

interface Expected {
  readonly visits: ReadonlyArray<readonly [number, string, number]>
  readonly children: Readonly<Record<string, ReadonlyArray<number | "W">>>
  readonly sleep?: "short" | "long"
  readonly queues?: { readonly high: number; readonly low: number }
  readonly destroyed?: ReadonlyArray<number>
}

interface WalkCase {
  readonly name: string
  readonly edges: ReadonlyArray<readonly [number, number]>
  readonly propagate?: Readonly<Record<string, Propagation>>
  readonly hooks?: ReadonlyArray<{ readonly node: number; readonly nth: number; readonly do: Action }>
  readonly actions: ReadonlyArray<Action>
  readonly watch: ReadonlyArray<number>
  readonly expect: ReadonlyArray<Expected>
  readonly expectFixed?: ReadonlyArray<Expected>
}

const REASONS: Readonly<Record<string, number>> = {
  RESOLVE: WalkReason.Resolve,
  EVALUATE: WalkReason.Evaluate,
  INTERFACE_UP: WalkReason.InterfaceUp,
  INTERFACE_DOWN: WalkReason.InterfaceDown,
  INTERFACE_BIND: WalkReason.InterfaceBind,
  INTERFACE_DELETE: WalkReason.InterfaceDelete,
  ADJ_UPDATE: WalkReason.AdjacencyUpdate,
  ADJ_MTU: WalkReason.AdjacencyMtu,
  ADJ_DOWN: WalkReason.AdjacencyDown
}
const REASON_NAMES = new Map(Object.entries(REASONS).map(([name, reason]) => [reason, name]))

/** The engine as it was found: with it `expect` is met where it differs from `expectFixed`. */
const FOUND: WalkPolicy = { ...WALK_POLICIES.source, handsOverAll: false, skipsNobody: false }

export const checkFibWalk = (value: unknown): Outcome => {
  const walkCase = value as WalkCase
  const { name } = walkCase
  try {
    const problems = differences(walkCase, WALK_POLICIES.source, walkCase.expectFixed ?? walkCase.expect)
    // The engine as it was found must come out too: it shows that the other rules of the preset are the original's.
    if (problems.length === 0) problems.push(...differences(walkCase, FOUND, walkCase.expect))
    return { name, problems }
  } catch (error) {
    return { name, problems: [`not replayed: ${(error as Error).message}`] }
  }
}

const differences = (walkCase: WalkCase, policy: WalkPolicy, expected: ReadonlyArray<Expected>): Array<string> => {
  const problems: Array<string> = []
  if (expected.length !== walkCase.actions.length) return ["a result per action is expected"]
  const program = programOf(walkCase)
  for (const [form, world] of [
    ["in place", new InPlaceWorld(program, policy, 1)],
    ["textbook", new TextbookWorld(program, policy)]
  ] as const) {
    for (const [parent, child] of walkCase.edges) world.do({ op: "link", parent, child })
    walkCase.actions.forEach((action, index) => {
      const visitsBefore = world.visits.length
      const destroyedBefore = world.destroyed.length
      const suspendedBefore = world.statistics().grantsSuspended
      world.do(actionOf(action))
      const statistics = world.statistics()
      const seen: Expected = {
        visits: world.visits
          .slice(visitsBefore)
          .map(({ node, context }) => [node, REASON_NAMES.get(context.reason) ?? "?", context.depth]),
        children: Object.fromEntries(walkCase.watch.map((parent) => [parent, world.childrenOf(parent)])),
        destroyed: world.destroyed.slice(destroyedBefore),
        ...(action.op === "process"
          ? {
              sleep: statistics.grantsSuspended > suspendedBefore ? "short" : "long",
              queues: { high: statistics.waitingHigh, low: statistics.waitingLow }
            }
          : {})
      }
      problems.push(
        ...compare(seen, expected[index]).map((problem) => `${form}, action ${index} (${action.op}): ${problem}`)
      )
    })
  }
  return problems
}

const compare = (seen: Expected, expected: Expected): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const check = (what: string, there: unknown, here: unknown): void => {
    if (JSON.stringify(there) !== JSON.stringify(here)) {
      problems.push(`${what} ${JSON.stringify(there)} there, ${JSON.stringify(here)} here`)
    }
  }
  check("visits", expected.visits, seen.visits)
  check("destroyed", expected.destroyed ?? [], seen.destroyed)
  for (const [parent, children] of Object.entries(expected.children)) {
    check(`children of ${parent}`, children, seen.children[parent])
  }
  if (expected.sleep !== undefined) check("sleep", expected.sleep, seen.sleep)
  if (expected.queues !== undefined) {
    check("high queue", expected.queues.high, seen.queues?.high)
    check("low queue", expected.queues.low, seen.queues?.low)
  }
  return problems
}

const programOf = ({ propagate = {}, hooks = [] }: WalkCase): WalkProgram => ({
  propagate: new Map(Object.entries(propagate).map(([node, how]) => [Number(node), known(how)])),
  hooks: hooks.map(({ node, nth, do: action }) => ({ node, nth, action: actionOf(action) }))
})

const known = (how: string): Propagation => {
  if (how !== "sync" && how !== "asyncLow" && how !== "asyncHigh") throw new Error(`no propagation ${how}`)
  return how
}

const actionOf = (action: Action): WalkAction => {
  switch (action.op) {
    case "sync":
    case "async": {
      const reason = REASONS[action.reason ?? ""]
      if (reason === undefined) throw new Error(`no reason ${action.reason}`)
      const priority = action.prio === "high" ? 0 : 1
      return { op: action.op, parent: action.parent!, reason, priority, isForced: action.forceSync === true }
    }
    case "process":
      return { op: "process", quota: action.quota! }
    case "link":
    case "unlink":
      return { op: action.op, parent: action.parent!, child: action.child! }
    default:
      throw new Error(`no action ${action.op}`)
  }
}
