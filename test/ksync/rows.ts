// Scenarios of the original KSync in one line each: what is done, and after each step which entries changed to which state and how many
// adds, changes and deletes there were so far. Whatever is not named must stay as it was.
//
//   create F01→F02 ⇒ F01=AD F02=TM (0/0/0); delete F01 ⇒ F01=∅ F02=∅ (0/0/0) | 2 / 2
//
// `quiet 1`: from now on a change of it turns out to change nothing. Behind the bar stand how many entries were freed, how often the table was found empty, and for rows of a database how many
// notifications of additions or changes and of deletions there were.
import { ENTRY_EVENT_NAMES, ENTRY_STATE_NAMES, type EntryEvent } from "../../src/ksync/index.ts"
import { type AckModes, KsyncModel, type VlanEntry } from "../vectors/ksync-model.ts"

const STATES: Readonly<Record<string, string>> = {
  TM: "TEMP",
  AD: "ADD_DEFER",
  CD: "CHANGE_DEFER",
  IS: "IN_SYNC",
  SW: "SYNC_WAIT",
  NS: "NEED_SYNC",
  DS: "DEL_DEFER_SYNC",
  DR: "DEL_DEFER_REF",
  DDA: "DEL_DEFER_DEL_ACK",
  DA: "DEL_ACK_WAIT",
  RW: "RENEW_WAIT",
  "∅": "FREED"
}

export interface RowOptions {
  readonly kind: "object" | "db"
  readonly indices?: number
}

/** What is not as the row says; empty: all is. */
export const playRow = (text: string, options: RowOptions): ReadonlyArray<string> => {
  const [script, final] = text.split(" | ")
  const player = new Player(options)
  const problems: Array<string> = []
  for (const step of script.split(";")) problems.push(...player.play(step.trim()))
  const { model } = player
  const ends = [model.freed, model.emptied, ...(options.kind === "db" ? [notified(model)] : [])].join(" / ")
  if (final.trim() !== ends) problems.push(`ends with ${ends}, not ${final.trim()}`)
  return problems
}

const notified = ({ notifications }: KsyncModel): string => `${notifications.addChange},${notifications.delete}`

class Player {
  readonly model: KsyncModel
  private readonly base: number
  private held: VlanEntry | undefined

  constructor({ kind, indices = 200 }: RowOptions) {
    this.base = kind === "object" ? 16 : 10
    this.model = new KsyncModel({
      policy: "source",
      indices: kind === "object" ? indices : undefined,
      nameOf: (tag) => tag.toString(this.base).toUpperCase(),
      defaultModes: (tag) => (kind === "object" ? modesByTag(tag) : allOf("sync"))
    })
  }

  play(step: string): ReadonlyArray<string> {
    const [what, after = ""] = step.split("⇒").map((part) => part.trim())
    const aborts = after.startsWith("ABORT")
    const operations = /\((\d+)\/(\d+)\/(\d+)\)/.exec(step)?.slice(1).map(Number)
    const before = this.states()
    const refusedBefore = this.model.object.violations.length
    this.perform(what.replace(/\(\d.*\)$/, "").trim())
    const refused = this.model.object.violations.length > refusedBefore
    if (aborts) return refused ? [] : [`${step}: accepted`]
    const problems = refused ? [`${step}: refused: ${this.model.object.violations.at(-1)}`] : []
    const expected = new Map(before)
    for (const [, name, state] of after.matchAll(/([0-9A-F]+)=([A-Z]+|∅)/g)) expected.set(name, STATES[state])
    const here = this.states()
    for (const name of new Set([...expected.keys(), ...here.keys()])) {
      const [wanted, is] = [expected.get(name) ?? "FREED", here.get(name) ?? "FREED"]
      if (wanted !== is) problems.push(`${step}: ${name} is ${is}, not ${wanted}`)
    }
    const { add, change, del } = this.model.operations
    const said = operations?.join("/")
    if (said !== undefined && said !== `${add}/${change}/${del}`) problems.push(`${step}: ${add}/${change}/${del}`)
    return problems
  }

  private states(): Map<string, string> {
    return new Map(
      this.model.object.values().map((entry) => [this.model.nameOf(entry.key), ENTRY_STATE_NAMES[entry.state]])
    )
  }

  private perform(what: string): void {
    const [verb, ...words] = what.split(" ")
    const [name, below] = (words[0] ?? "").split("→")
    const { model } = this
    const { object } = model
    const tag = Number.parseInt(name, this.base)
    const lower = below === undefined ? undefined : Number.parseInt(below, this.base)
    const entry = object.find(tag)
    switch (verb) {
      case "create":
        object.create(tag, model.vlan(lower))
        return
      case "createNoLookup":
        object.createUnseen(tag, model.vlan(lower))
        return
      case "stale":
        object.createStale(tag, model.vlan(lower))
        return
      case "change":
        object.change(entry!)
        return
      case "setDep":
        model.pointAt(entry!, lower)
        object.change(entry!)
        return
      case "delete":
        object.delete(entry!)
        model.runNotifications()
        return
      case "hold":
        this.held = entry
        object.hold(entry!)
        return
      case "release":
        object.release(this.held!)
        model.runNotifications()
        return
      case "tick":
        object.sweep(1)
        model.runNotifications()
        return
      case "objDelete":
        while (object.deleteAll(100));
        model.runNotifications()
        return
      case "newObj":
        model.newObject()
        return
      case "reset":
        model.operations = { add: 0, change: 0, del: 0 }
        model.freed = 0
        return
      case "resetFreed":
        model.freed = 0
        return
      case "resetEmpty":
        model.emptied = 0
        return
      case "quiet":
        model.modes.set(tag, { ...model.modesOf(tag), change: "sync" })
        return
      case "unresolveData":
      case "resolveData":
        entry!.data.isResolved = verb === "resolveData"
        return
      default:
        this.setting(verb, words, entry)
    }
  }

  /** `allowComp 1=off`, `mode 10=async`, `dbAdd vlan10:10`, and acknowledgements. */
  private setting(verb: string, words: ReadonlyArray<string>, entry: VlanEntry | undefined): void {
    const { model } = this
    const [left, right] = (words[0] ?? "").split(/[=:]/)
    if (verb === "allowComp") model.object.find(Number.parseInt(left, this.base))!.data.compresses = right === "on"
    else if (verb === "mode") model.modes.set(Number(left), allOf(right as "sync" | "async"))
    else if (verb === "dbAdd" || verb === "dbDel") {
      const isQueued = right.endsWith("(queued)")
      if (verb === "dbAdd") model.rowWanted(left, Number.parseInt(right, 10))
      else model.rowDeleted(left)
      if (!isQueued) model.runNotifications()
    } else {
      const event = verb === "ack" ? words[1] : verb
      model.object.notify(entry!, ENTRY_EVENT_NAMES.indexOf(event) as EntryEvent)
      model.runNotifications()
    }
  }
}

const allOf = (mode: "sync" | "async"): AckModes => ({ add: mode, change: mode, delete: mode })

/** The original's test entries: from F00 on at once, from FE0 on deletes are acknowledged. */
const modesByTag = (tag: number): AckModes =>
  tag < 0xf00 ? allOf("async") : tag < 0xfe0 ? allOf("sync") : { add: "sync", change: "sync", delete: "async" }
