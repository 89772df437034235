// What the original's tests synchronise: entries that are VLAN tags, each of which may depend on one other, and rows of a table by name
// that want a tag. Operations are counted, and done at once or acknowledged later as each entry's mode says.
import { type DrivenMethods, DrivenObject, type Filtered, type Policy, type SyncEntry } from "../../src/ksync/index.ts"

export type Operation = "add" | "change" | "delete"
export type AckModes = Readonly<Record<Operation, "sync" | "async">>

export interface Vlan {
  dependsOn: VlanEntry | undefined
  lastOperation: "INIT" | "ADD" | "CHANGE" | "DEL"
  compresses: boolean
  isResolved: boolean
  /** Of the row that was taken over last. */
  syncedName: string | undefined
}

export interface Row {
  readonly name: string
  tag: number
  isDeleted: boolean
}

export type VlanEntry = SyncEntry<number, Vlan>

/** One object after another (`NewObject`), with counters that outlive them. */
export class KsyncModel {
  readonly modes = new Map<number, AckModes>()
  readonly sent: Array<string> = []
  operations = { add: 0, change: 0, del: 0 }
  freed = 0
  emptied = 0
  readonly rows = new Map<string, Row>()
  readonly notifications = { addChange: 0, delete: 0 }
  readonly nameOf: (tag: number) => string
  private readonly policy: Policy
  private readonly indices: number | undefined
  private readonly defaultModes: (tag: number) => AckModes
  private readonly changed = new Set<Row>()
  object: DrivenObject<Row, number, Vlan>

  constructor(options: {
    readonly policy: Policy
    readonly indices: number | undefined
    readonly nameOf: (tag: number) => string
    readonly defaultModes: (tag: number) => AckModes
  }) {
    this.policy = options.policy
    this.indices = options.indices
    this.nameOf = options.nameOf
    this.defaultModes = options.defaultModes
    this.object = this.newObject()
  }

  newObject(): DrivenObject<Row, number, Vlan> {
    this.object = new DrivenObject(this.methods, { policy: this.policy, indices: this.indices })
    return this.object
  }

  modesOf(tag: number): AckModes {
    return this.modes.get(tag) ?? this.defaultModes(tag)
  }

  /** Data of a new entry, with a reference to what it depends on. */
  readonly vlan = (dependsOn: number | undefined) => (): Vlan => ({
    dependsOn: this.referred(dependsOn),
    lastOperation: "INIT",
    compresses: true,
    isResolved: true,
    syncedName: undefined
  })

  /** Points the entry at another one; the old reference is given back after the new one was taken. */
  pointAt(entry: VlanEntry, dependsOn: number | undefined): void {
    const before = entry.data.dependsOn
    entry.data.dependsOn = this.referred(dependsOn)
    if (before !== undefined) this.object.release(before)
  }

  rowWanted(name: string, tag: number): void {
    const row = this.rows.get(name) ?? { name, tag, isDeleted: false }
    row.tag = tag
    row.isDeleted = false
    this.rows.set(name, row)
    this.changed.add(row)
  }

  rowDeleted(name: string): void {
    const row = this.rows.get(name)
    if (row === undefined) return
    row.isDeleted = true
    this.changed.add(row)
  }

  /** Tells of every row that changed, in order, and forgets deleted ones that nobody stands behind. */
  runNotifications(): void {
    for (const row of this.changed) {
      this.changed.delete(row)
      if (row.isDeleted) this.notifications.delete++
      else this.notifications.addChange++
      this.object.rowChanged(row)
    }
    for (const row of [...this.rows.values()]) {
      if (row.isDeleted && !this.object.isKnown(row)) this.rows.delete(row.name)
    }
  }

  private referred(tag: number | undefined): VlanEntry | undefined {
    const entry = tag === undefined ? undefined : this.object.referenceTo(tag, this.vlan(undefined))
    if (entry !== undefined) this.object.hold(entry)
    return entry
  }

  private operate(entry: VlanEntry, operation: Operation): boolean {
    const short = operation === "delete" ? "del" : operation
    this.operations[short]++
    this.sent.push(`${short}:${this.nameOf(entry.key)}`)
    entry.data.lastOperation = LAST[operation]
    return this.modesOf(entry.key)[operation] === "sync"
  }

  private readonly methods: DrivenMethods<Row, number, Vlan> = {
    compare: (a, b) => a - b,
    add: (entry) => this.operate(entry, "add"),
    change: (entry) => this.operate(entry, "change"),
    remove: (entry) => this.operate(entry, "delete"),
    dependsOn: ({ data }) => (data?.dependsOn === undefined ? [] : [data.dependsOn]),
    isDataResolved: ({ data }) => data.isResolved,
    compressesDeletes: ({ data }) => data.compresses,
    freed: ({ data }) => {
      this.freed++
      if (data.dependsOn !== undefined) this.object.release(data.dependsOn)
    },
    emptied: () => {
      this.emptied++
    },
    isDeleted: ({ isDeleted }) => isDeleted,
    keyOf: ({ tag }) => tag,
    dataOf: () => this.vlan(undefined)(),
    filter: ({ tag }, entry): Filtered => {
      if (tag === 0) return "delete"
      return entry !== undefined && entry.key !== tag ? "delete-add" : "accept"
    },
    sync: ({ data }, { name }) => {
      const differs = data.syncedName !== name
      data.syncedName = name
      return differs
    }
  }
}

const LAST = { add: "ADD", change: "CHANGE", delete: "DEL" } as const
