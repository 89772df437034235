// A graph whose nodes do when visited what a program says: walk on to their own children, or change the graph. It can be run on both
// forms of the walks, the one in place and the textbook one, so that a captured case or a random program compares them.
import {
  ChildLists,
  type Drained,
  type Edge,
  Edges,
  Place,
  reduceWalks,
  type WalkContext,
  WalkFlag,
  type WalkPolicy,
  WalkRecord,
  type WalkStatistics,
  Walks,
  type WalksEffect,
  type WalksEvent,
  type WalksState,
  walksUnder
} from "../../src/fib/index.ts"

export interface StartAction {
  readonly op: "sync" | "async"
  readonly parent: number
  readonly reason: number
  readonly priority?: number
  readonly isForced?: boolean
  readonly data?: number
}

export type WalkAction =
  | StartAction
  | { readonly op: "process"; readonly quota: number }
  | {
      readonly op: "link"
      readonly parent: number
      readonly child: number
      readonly atBack?: boolean
      readonly class?: number
    }
  | { readonly op: "unlink"; readonly parent: number; readonly child: number }

export type Propagation = "sync" | "asyncLow" | "asyncHigh"

export interface WalkProgram {
  readonly propagate: ReadonlyMap<number, Propagation>
  /** At the nth visit of the node, from 1, before it walks on. */
  readonly hooks: ReadonlyArray<{ readonly node: number; readonly nth: number; readonly action: WalkAction }>
}

export interface SeenVisit {
  readonly node: number
  readonly context: WalkContext
}

/** The program visits more than any test wants to wait for: loops in which walks multiply. */
export class EndlessWalks extends Error {}

const FIRST: Required<Pick<WalkContext, "depth" | "flags" | "data">> = { depth: 0, flags: 0, data: 0 }

/** What both forms have: the program, and what was seen. */
abstract class World {
  readonly visits: Array<SeenVisit> = []
  readonly destroyed: Array<number> = []
  readonly finished: Array<number> = []
  private readonly seen = new Map<number, number>()
  private readonly program: WalkProgram

  constructor(program: WalkProgram) {
    this.program = program
  }

  /** Makes the world do it, and returns when all that follows is done. */
  do(action: WalkAction): void {
    switch (action.op) {
      case "sync":
      case "async":
        this.start(action, {
          ...FIRST,
          data: action.data ?? 0,
          flags: action.isForced === true ? WalkFlag.ForceSynchronous : 0
        })
        break
      case "process":
        this.process(action.quota)
        break
      case "link":
        this.link(action.parent, action.child, action.atBack === true, action.class ?? 0)
        break
      case "unlink":
        this.unlink(action.parent, action.child)
    }
  }

  protected visit(node: number, context: WalkContext): void {
    const nth = (this.seen.get(node) ?? 0) + 1
    this.seen.set(node, nth)
    this.visits.push({ node, context })
    if (this.visits.length > VISITS_MAX) throw new EndlessWalks()
    for (const hook of this.program.hooks) if (hook.node === node && hook.nth === nth) this.do(hook.action)
    const propagation = this.program.propagate.get(node)
    if (propagation === undefined) return
    const op = propagation === "sync" ? "sync" : "async"
    this.start({ op, parent: node, reason: context.reason, priority: propagation === "asyncHigh" ? 0 : 1 }, context)
  }

  protected abstract start(action: StartAction, from: Pick<WalkContext, "depth" | "flags" | "data">): void
  protected abstract process(quota: number): void
  protected abstract link(parent: number, child: number, atBack: boolean, childClass: number): void
  protected abstract unlink(parent: number, child: number): void
  /** Front first; "W" is a walk. */
  abstract childrenOf(parent: number): ReadonlyArray<number | "W">
  abstract statistics(): WalkStatistics
}

const VISITS_MAX = 5_000

export class InPlaceWorld extends World {
  readonly lists: ChildLists
  readonly edges: Edges
  readonly walks: Walks
  private readonly edgeOf = new Map<string, Edge>()

  constructor(program: WalkProgram, policy: WalkPolicy, classes = 3) {
    super(program)
    this.lists = new ChildLists(4, 4, classes, { listReleased: (list) => this.destroyed.push(list) })
    this.edges = new Edges(this.lists, 4)
    this.walks = new Walks(this.lists, { policy, edges: this.edges })
  }

  protected override start(
    { op, parent, reason, priority = 1 }: StartAction,
    from: Pick<WalkContext, "depth" | "flags" | "data">
  ): void {
    const how = { ...from, priority }
    const visit = (child: number, _reason: number, context: WalkContext): void => this.visit(child, context)
    if (op === "sync") this.walks.startNow(parent, reason, visit, how)
    else this.walks.start(parent, reason, how, visit)
  }

  protected override process(quota: number): void {
    this.walks.quantum(quota, (child, _reason, context) => this.visit(child, context))
  }

  protected override link(parent: number, child: number, atBack: boolean, childClass: number): void {
    const key = `${parent} ${child}`
    if (this.edgeOf.has(key)) return
    this.edgeOf.set(key, this.edges.add(parent, child, atBack ? Place.Back : Place.Front, childClass))
  }

  protected override unlink(parent: number, child: number): void {
    const key = `${parent} ${child}`
    const edge = this.edgeOf.get(key)
    if (edge === undefined) return
    this.edgeOf.delete(key)
    this.edges.remove(edge)
  }

  override childrenOf(parent: number): ReadonlyArray<number | "W"> {
    const found: Array<number | "W"> = []
    for (let element = this.lists.front(parent); element !== 0; element = this.lists.after(element)) {
      found.push(element < 0 ? "W" : this.edges.childOf(element - 1))
    }
    return found
  }

  override statistics(): WalkStatistics {
    return this.walks.statistics()
  }
}

/** The textbook form, and the record that its effects add up to. */
export class TextbookWorld extends World {
  state: WalksState
  readonly drained: Array<Drained> = []
  private readonly record: WalkRecord

  constructor(program: WalkProgram, policy: WalkPolicy) {
    super(program)
    this.state = walksUnder(policy)
    this.record = new WalkRecord(policy.clamps)
  }

  /** One event, and what follows from its effects. A visit is the last of them: the machine waits for it. */
  step(event: WalksEvent): void {
    if (event._tag === "Granted") this.record.grants++
    let next: WalksEvent | undefined = event
    while (next !== undefined) {
      const [state, effects]: readonly [WalksState, ReadonlyArray<WalksEffect>] = reduceWalks(this.state, next)
      this.state = state
      next = undefined
      for (const effect of effects) {
        this.note(effect)
        if (effect._tag !== "Visit") continue
        this.visit(effect.child, effect.context)
        next = { _tag: "Visited" }
      }
    }
  }

  private note(effect: WalksEffect): void {
    switch (effect._tag) {
      case "Visit":
        this.record.visits++
        break
      case "Scheduled":
        this.record.waitingStarted(effect.priority, effect.isJoined)
        break
      case "StartedNow":
        this.record.synchronousStarted()
        break
      case "TooDeep":
        this.record.tooDeep++
        break
      case "Finished":
        this.record.finished(effect.walk)
        if (effect.priority !== -1) this.record.completedAt(effect.priority)
        break
      case "Drained":
        this.record.drained(effect.drained)
        this.drained.push(effect.drained)
        break
      case "Released":
        this.destroyed.push(effect.list)
    }
  }

  protected override start(
    { op, parent: list, reason, priority = 1 }: StartAction,
    { depth, flags, data }: Pick<WalkContext, "depth" | "flags" | "data">
  ): void {
    const mode = op === "sync" ? "Synchronous" : "Waiting"
    this.step({ _tag: "Started", mode, list, reason, flags, depth, data, priority })
  }

  protected override process(nodes: number): void {
    this.step({ _tag: "Granted", nodes })
  }

  protected override link(list: number, child: number, atBack: boolean, childClass: number): void {
    this.step({ _tag: "ChildAdded", list, child, place: atBack ? "Back" : "Front", class: childClass })
  }

  protected override unlink(list: number, child: number): void {
    this.step({ _tag: "ChildRemoved", list, child })
  }

  override childrenOf(parent: number): ReadonlyArray<number | "W"> {
    return (this.state.lists[parent] ?? []).map((element) => (element._tag === "Child" ? element.child : "W"))
  }

  override statistics(): WalkStatistics {
    return this.record.statistics([this.state.queues[0].length, this.state.queues[1].length])
  }
}
