// Scenarios captured from the original KSync, replayed on our entries under the preset `source`: after every step the states, counts,
// indices, operations and callbacks must be the same. What aborts there is refused here. Beside each step stands what is expected of it.
import { ENTRY_EVENT_NAMES, ENTRY_STATE_NAMES, type EntryEvent, EntryState, isUnderWay } from "../../src/ksync/index.ts"
import type { Outcome } from "./kinds.ts"
import { type AckModes, KsyncModel, type VlanEntry } from "./ksync-model.ts"

interface Step {
  readonly event: string
  readonly entry?: string | null
  readonly args?: Readonly<Record<string, unknown>> | null
  readonly ackMode?: "sync" | "async" | AckModes
  readonly expectState?: string | null
  readonly expectOps?: unknown
  readonly expectSent?: ReadonlyArray<string>
  readonly expectFreed?: number
  readonly expectEmptyCallbacks?: number
  readonly expectResult?: string
  readonly expectDbNotifications?: unknown
  readonly expectDb?: ReadonlyArray<unknown>
  readonly expectEntries?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly expectEntryCount?: number
  readonly expectAbort?: boolean
  readonly orderNote?: string
  readonly assertedByOriginal?: unknown
}

interface Case {
  readonly name: string
  readonly kind: "object" | "db" | "transport"
  readonly source?: string
  readonly note?: string
  readonly config: Readonly<Record<string, unknown>>
  readonly entries?: Readonly<Record<string, AckModes>>
  readonly steps: ReadonlyArray<Step>
}

export const checkKsyncCase = (value: unknown): Outcome => {
  const scenario = value as Case
  const problems: Array<string> = [...unknownParts(scenario)]
  if (problems.length > 0) return { name: String(scenario?.name ?? "a case without a name"), problems }
  const runner = new Runner(scenario)
  for (const [index, step] of scenario.steps.entries()) {
    const found = runner.run(step)
    problems.push(...found.map((problem) => `step ${index + 1}, ${step.event} ${step.entry ?? ""}: ${problem}`))
    if (found.length > 0) break
  }
  return { name: scenario.name, problems }
}

/** What a scenario says and nobody here looks at: it would be met by chance. */
const unknownParts = (scenario: Case): ReadonlyArray<string> => {
  if (typeof scenario !== "object" || scenario === null || !Array.isArray(scenario.steps)) return ["no scenario"]
  const { kind, config = {}, steps } = scenario
  const kinds = KINDS.has(kind) ? [] : [`no such kind: ${kind}`]
  const settings = Object.entries(config).flatMap(([name, value]) =>
    CONFIG[name]?.(value) === true ? [] : [`no such setting: ${name} ${JSON.stringify(value)}`]
  )
  const parts = steps.flatMap((step, index) =>
    [
      ...Object.keys(step).filter((name) => !STEP_PARTS.has(name)),
      ...Object.keys(step.args ?? {})
        .filter((name) => ARGUMENTS[step.event]?.includes(name) !== true)
        .map((name) => `args.${name}`)
    ].map((name) => `step ${index + 1}, ${step.event}: nobody looks at ${name}`)
  )
  return [...excess("the case", scenario, CASE_PARTS), ...kinds, ...settings, ...parts]
}

const excess = (what: string, value: object, known: ReadonlySet<string>): ReadonlyArray<string> =>
  Object.keys(value).flatMap((name) => (known.has(name) ? [] : [`${what}: nobody looks at ${name}`]))

class Runner {
  private readonly model: KsyncModel
  private readonly kind: Case["kind"]
  /** Tags are hexadecimal in `object`, decimal elsewhere. */
  private readonly base: number
  private readonly staleEntriesPerTick: number
  private readonly deleteSlice: number
  private readonly holders = new Map<string, VlanEntry>()

  constructor({ kind, config, entries }: Case) {
    this.kind = kind
    this.base = kind === "object" ? 16 : 10
    this.staleEntriesPerTick = (config["staleEntriesPerTick"] as number | undefined) ?? 1
    this.deleteSlice = (config["objectDeleteSlice"] as number | undefined) ?? 100
    this.model = new KsyncModel({
      policy: "source",
      indices: (config["indexTableSize"] as number | null | undefined) ?? undefined,
      nameOf: (tag) => this.nameOf(tag),
      defaultModes: (tag) => (kind === "object" ? modesByTag(tag) : allOf(kind === "db" ? "sync" : "async"))
    })
    for (const [name, modes] of Object.entries(entries ?? {})) this.model.modes.set(this.tagOf(name), modes)
  }

  run(step: Step): ReadonlyArray<string> {
    const { model } = this
    const tag = step.entry == null ? undefined : this.tagOf(step.entry)
    if (tag !== undefined && step.ackMode !== undefined && this.kind !== "transport") {
      model.modes.set(tag, typeof step.ackMode === "string" ? allOf(step.ackMode) : step.ackMode)
    }
    const wasThere = tag !== undefined && model.object.find(tag) !== undefined
    const sentBefore = model.sent.length
    const violationsBefore = model.object.violations.length
    const perform = EVENTS[step.event] ?? (ACKS_AND_REQUESTS.has(step.event) ? deliver : undefined)
    if (perform === undefined) return [`no such event: ${step.event}`]
    let result: string | undefined
    try {
      result = perform(this.actor, step, tag)
    } catch (error) {
      if (error instanceof UnknownEntry) return [error.message]
      throw error
    }
    const refused = model.object.violations.slice(violationsBefore)
    if (step.expectAbort === true) return refused.length > 0 ? [] : ["aborts there, accepted here"]
    if (refused.length > 0) return [`refused here: ${refused.join("; ")}`]
    return [
      ...differs("result", step.expectResult, result),
      ...(tag === undefined ? [] : differs("state", step.expectState, this.stateOf(tag, wasThere))),
      ...differs("operations", step.expectOps, model.operations),
      ...differs("sent", step.expectSent, model.sent.slice(sentBefore)),
      ...differs("freed", step.expectFreed, model.freed),
      ...differs("empty callbacks", step.expectEmptyCallbacks, model.emptied),
      ...differs("notifications", step.expectDbNotifications, model.notifications),
      ...differs("rows", step.expectDb, this.rows()),
      ...differs("entries", step.expectEntryCount, model.object.size),
      ...this.entryProblems(step.expectEntries)
    ]
  }

  private entryProblems(expected: Step["expectEntries"]): ReadonlyArray<string> {
    if (expected === undefined) return []
    const parts = new Set(Object.values(expected).flatMap(Object.keys))
    const unknown = [...parts].filter((part) => !SHOWN.has(part))
    if (unknown.length > 0) return [`nobody looks at ${unknown.join(", ")} of an entry`]
    const here = this.model.object.values().map((entry) => this.nameOf(entry.key))
    const problems = [...differs("names", Object.keys(expected).sort(), [...here].sort())]
    for (const [name, wanted] of Object.entries(expected)) {
      const entry = this.model.object.find(this.tagOf(name))
      if (entry === undefined) continue
      const seen = this.shown(entry)
      for (const key of new Set([...Object.keys(wanted), ...SOMETIMES_SHOWN])) {
        problems.push(...differs(`${name}.${key}`, wanted[key] ?? ABSENT[key] ?? null, seen[key]))
      }
    }
    return problems
  }

  private shown(entry: VlanEntry): Readonly<Record<string, unknown>> {
    const { object } = this.model
    return {
      state: ENTRY_STATE_NAMES[entry.state],
      refs: entry.references,
      seen: entry.seen,
      index: entry.index ?? null,
      lastOp: entry.data.lastOperation,
      dependsOn: entry.data.dependsOn === undefined ? null : this.nameOf(entry.data.dependsOn.key),
      waitingOn: entry.waitsOn === undefined ? null : this.nameOf(entry.waitsOn.key as number),
      stale: entry.stale,
      delAddPending: entry.deleteAddPending,
      dbEntry: object.activeRow(entry)?.name ?? null,
      syncedName: entry.data.syncedName ?? null,
      duplicates: object.parkedRows(entry).map(({ name }) => name)
    }
  }

  private rows(): ReadonlyArray<unknown> {
    return [...this.model.rows.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, isDeleted }) => ({ name, deleted: isDeleted }))
  }

  private stateOf(tag: number, wasThere: boolean): string {
    const entry = this.model.object.find(tag)
    if (entry === undefined) return wasThere ? "FREED" : "ABSENT"
    return ENTRY_STATE_NAMES[entry.state]
  }

  private readonly tagOf = (name: string): number => Number.parseInt(name, this.base)
  private readonly nameOf = (tag: number): string => tag.toString(this.base).toUpperCase()

  private get actor(): Actor {
    const { model, holders, staleEntriesPerTick, deleteSlice, kind } = this
    return { model, holders, staleEntriesPerTick, deleteSlice, isTransport: kind === "transport", tagOf: this.tagOf }
  }
}

interface Actor {
  readonly model: KsyncModel
  readonly holders: Map<string, VlanEntry>
  readonly staleEntriesPerTick: number
  readonly deleteSlice: number
  readonly isTransport: boolean
  readonly tagOf: (name: string) => number
}

/** Gives the result where the event has one. */
type Perform = (actor: Actor, step: Step, tag: number | undefined) => string | undefined

const entryOf = ({ model }: Actor, tag: number | undefined): VlanEntry => {
  const entry = tag === undefined ? undefined : model.object.find(tag)
  if (entry === undefined) throw new UnknownEntry("an event for an entry that is not there")
  return entry
}

class UnknownEntry extends Error {}

const dependencyOf = ({ tagOf }: Actor, { args }: Step): number | undefined => {
  const name = args?.["dependsOn"]
  return typeof name === "string" ? tagOf(name) : undefined
}

const deliver: Perform = (actor, { event, args }, tag) => {
  const name = (args?.["event"] as string | undefined) ?? event
  actor.model.object.notify(entryOf(actor, tag), ENTRY_EVENT_NAMES.indexOf(name) as EntryEvent)
  return undefined
}

const ACKS_AND_REQUESTS: ReadonlySet<string> = new Set(ENTRY_EVENT_NAMES.slice(0, 8))

const runRows = (actor: Actor): void => {
  actor.model.runNotifications()
  if (!actor.isTransport) return
  // The peer answers whatever was sent.
  for (const entry of [...actor.model.object.values()]) {
    if (!isUnderWay(entry.state)) continue
    const isDelete = entry.state >= EntryState.DeleteDeferDeleteAck
    actor.model.object.notify(entry, ENTRY_EVENT_NAMES.indexOf(isDelete ? "DEL_ACK" : "ADD_ACK") as EntryEvent)
  }
  actor.model.runNotifications()
}

const EVENTS: Readonly<Record<string, Perform>> = {
  Create: (actor, step, tag) => {
    actor.model.object.create(tag!, actor.model.vlan(dependencyOf(actor, step)))
    return undefined
  },
  CreateNoLookup: (actor, step, tag) => {
    actor.model.object.createUnseen(tag!, actor.model.vlan(dependencyOf(actor, step)))
    return undefined
  },
  CreateStale: (actor, step, tag) =>
    actor.model.object.createStale(tag!, actor.model.vlan(dependencyOf(actor, step))) === undefined
      ? "refused"
      : "entry",
  Change: (actor, _step, tag) => {
    actor.model.object.change(entryOf(actor, tag))
    return undefined
  },
  ChangeDependency: (actor, step, tag) => {
    const entry = entryOf(actor, tag)
    actor.model.pointAt(entry, dependencyOf(actor, step))
    actor.model.object.change(entry)
    return undefined
  },
  Delete: (actor, _step, tag) => {
    actor.model.object.delete(entryOf(actor, tag))
    return undefined
  },
  KernelAck: (actor, step, tag) => {
    deliver(actor, step, tag)
    actor.model.runNotifications()
    return undefined
  },
  HoldReference: (actor, { args }, tag) => {
    const entry = entryOf(actor, tag)
    actor.holders.set(String(args?.["holder"]), entry)
    actor.model.object.hold(entry)
    return undefined
  },
  ReleaseReference: (actor, { args }) => {
    const holder = String(args?.["holder"])
    const entry = actor.holders.get(holder)
    if (entry === undefined) throw new UnknownEntry(`${holder} holds nothing`)
    actor.holders.delete(holder)
    actor.model.object.release(entry)
    actor.model.runNotifications()
    return undefined
  },
  SetAllowDeleteStateCompression: (actor, { args }, tag) => {
    entryOf(actor, tag).data.compresses = args?.["value"] === true
    return undefined
  },
  SetDataResolved: (actor, { args }, tag) => {
    entryOf(actor, tag).data.isResolved = args?.["value"] === true
    return undefined
  },
  SetAckMode: (actor, { args }, tag) => {
    const mode = args?.["ackMode"] as "sync" | "async" | AckModes
    actor.model.modes.set(tag!, typeof mode === "string" ? allOf(mode) : mode)
    return undefined
  },
  ClearIndex: (actor, _step, tag) => {
    entryOf(actor, tag).index = undefined
    return undefined
  },
  SetKernelIndex: (actor, { args }, tag) => {
    entryOf(actor, tag).index = args?.["index"] as number
    return undefined
  },
  StaleTimerTick: (actor) => {
    actor.model.object.sweep(actor.staleEntriesPerTick)
    actor.model.runNotifications()
    return undefined
  },
  ObjectManagerDelete: (actor) => {
    while (actor.model.object.deleteAll(actor.deleteSlice));
    actor.model.runNotifications()
    return undefined
  },
  NewObject: ({ model }) => {
    model.newObject()
    return undefined
  },
  ResetCounters: ({ model }) => {
    model.operations = { add: 0, change: 0, del: 0 }
    model.freed = 0
    return undefined
  },
  ResetFreedCounter: ({ model }) => {
    model.freed = 0
    return undefined
  },
  ResetEmptyCounter: ({ model }) => {
    model.emptied = 0
    return undefined
  },
  DbAddChange: (actor, { args }) => {
    const tag = args?.["key"] as number
    actor.model.rowWanted((args?.["dbEntry"] as string | undefined) ?? `vlan${tag}`, tag)
    if (args?.["runNotifications"] === true) runRows(actor)
    return undefined
  },
  DbDelete: (actor, { args }) => {
    actor.model.rowDeleted((args?.["dbEntry"] as string | undefined) ?? `vlan${args?.["key"]}`)
    if (args?.["runNotifications"] === true) runRows(actor)
    return undefined
  }
}

const allOf = (mode: "sync" | "async"): AckModes => ({ add: mode, change: mode, delete: mode })

/** The original's test model: from F00 on at once, from FE0 on deletes are acknowledged. */
const modesByTag = (tag: number): AckModes => {
  if (tag < 0xf00) return allOf("async")
  return tag < 0xfe0 ? allOf("sync") : { add: "sync", change: "sync", delete: "async" }
}

const KINDS: ReadonlySet<string> = new Set(["object", "db", "transport"])
const CASE_PARTS: ReadonlySet<string> = new Set(["name", "kind", "source", "note", "config", "entries", "steps"])
const STEP_PARTS: ReadonlySet<string> = new Set([
  ...["event", "entry", "args", "ackMode", "expectState", "expectOps", "expectSent", "expectFreed", "expectAbort"],
  ...["expectEmptyCallbacks", "expectResult", "expectDbNotifications", "expectDb", "expectEntries", "expectEntryCount"],
  // Beside what is expected: in which order the original happened to visit, and what its own test looked at.
  ...["orderNote", "assertedByOriginal"]
])
const isCount = (value: unknown): boolean => Number.isInteger(value)
const isNoted = (value: unknown): boolean => value === true
/** What may be set, and whether it can be that. */
const CONFIG: Readonly<Record<string, (value: unknown) => boolean>> = {
  staleEntriesPerTick: isCount,
  objectDeleteSlice: isCount,
  indexTableSize: (value) => value === null || isCount(value),
  filter: (value) => value === "key 0 -> Delete; key changed -> DelAdd; else Accept",
  peer: (value) => value === "echo",
  notExecuted: isNoted
}
const DB_ARGUMENTS = ["dbEntry", "key", "runNotifications"]
const ARGUMENTS: Readonly<Record<string, ReadonlyArray<string>>> = {
  Create: ["dependsOn"],
  CreateNoLookup: ["dependsOn"],
  CreateStale: ["dependsOn"],
  ChangeDependency: ["dependsOn"],
  KernelAck: ["event"],
  HoldReference: ["holder"],
  ReleaseReference: ["holder"],
  SetAllowDeleteStateCompression: ["value"],
  SetDataResolved: ["value"],
  SetAckMode: ["ackMode"],
  SetKernelIndex: ["index"],
  DbAddChange: DB_ARGUMENTS,
  DbDelete: DB_ARGUMENTS
}
const SHOWN: ReadonlySet<string> = new Set([
  ...["state", "refs", "seen", "index", "lastOp", "dependsOn", "waitingOn", "stale", "delAddPending"],
  ...["dbEntry", "syncedName", "duplicates"]
])

/** Shown only where they are not the rule. */
const SOMETIMES_SHOWN = ["dependsOn", "waitingOn", "stale", "delAddPending"]
const ABSENT: Readonly<Record<string, unknown>> = { stale: false, delAddPending: false }

const differs = (what: string, expected: unknown, here: unknown): ReadonlyArray<string> => {
  if (expected === undefined) return []
  const [there, mine] = [JSON.stringify(expected), JSON.stringify(here)]
  return there === mine ? [] : [`${what} ${there} there, ${mine} here`]
}
