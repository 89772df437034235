// Two tables whose entries depend on each other, and another side that answers what it is asked in order: what is there, and what each
// stands on. It objects to whatever should never be asked of it.
import {
  type AnyEntry,
  Dependencies,
  EntryEvent,
  type EntryMethods,
  EntryObject,
  type SyncEntry
} from "../../src/ksync/index.ts"

export interface Content {
  /** Keys that it depends on, in either table. */
  below: ReadonlyArray<number>
}

export type Thing = SyncEntry<number, Content>

interface Asked {
  readonly entry: Thing
  readonly operation: "add" | "change" | "delete"
  readonly token: number
  readonly below: ReadonlyArray<number>
}

export interface OtherSideOptions {
  /** Keys that are done at once. */
  readonly atOnce?: (key: number) => boolean
  /** Edges that wait for the acknowledgement. */
  readonly awaits?: (key: number, below: number) => boolean
  readonly outlives?: (key: number, below: number) => boolean
}

export class OtherSide {
  readonly dependencies = new Dependencies()
  readonly tables: readonly [EntryObject<number, Content>, EntryObject<number, Content>]
  /** What is there, and what it stands on. */
  readonly present = new Map<number, ReadonlyArray<number>>()
  /** What was asked and not answered, in order. */
  asked: Array<Asked> = []
  /** Every operation, as `add 1`. */
  readonly log: Array<string> = []
  /** What should never have been asked. */
  readonly objections: Array<string> = []
  /** Keys that were asked to be deleted and added again: whatever stands on them goes. */
  private readonly renewed = new Set<number>()
  emptied = 0
  private readonly options: OtherSideOptions

  constructor(options: OtherSideOptions = {}) {
    this.options = options
    const table = () =>
      new EntryObject<number, Content>(this.methods, {
        policy: "corrected",
        indices: 16,
        dependencies: this.dependencies
      })
    this.tables = [table(), table()]
  }

  tableOf(key: number): EntryObject<number, Content> {
    return this.tables[key % 2]
  }

  find(key: number): Thing | undefined {
    return this.tableOf(key).find(key)
  }

  stateOf(key: number): number | undefined {
    return this.find(key)?.state
  }

  want(key: number, ...below: ReadonlyArray<number>): Thing {
    const known = this.find(key)
    if (known !== undefined) known.data = { below }
    if (known !== undefined && !known.isDeleted && known.state !== 1) this.tableOf(key).change(known)
    else this.tableOf(key).create(key, () => ({ below }))
    return this.find(key)!
  }

  unwant(key: number): void {
    const entry = this.find(key)
    if (entry !== undefined && !entry.isDeleted) this.tableOf(key).delete(entry)
  }

  renew(key: number): void {
    const entry = this.find(key)
    if (entry === undefined) return
    this.renewed.add(key)
    this.tableOf(key).notify(entry, EntryEvent.DeleteAddRequest)
  }

  /** Answers the oldest request; it fails for the reason given, or because what it stands on is not there. */
  answer(failure?: string): boolean {
    const next = this.asked.shift()
    if (next === undefined) return false
    const { entry, operation, token } = next
    const reason = failure ?? this.perform(next)
    this.tableOf(entry.key).answered(entry, token, reason)
    if (operation === "add") this.renewed.delete(entry.key)
    return true
  }

  /** It goes by itself, with all that stands on it. Only it is told. */
  lose(key: number): void {
    if (!this.present.has(key)) return
    this.remove(key)
    const entry = this.find(key)
    if (entry !== undefined) this.tableOf(key).lost(entry)
  }

  /** Answers everything, tries again what failed, until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < 50; round++) {
      while (this.answer());
      const tried = this.tables.map((table) => table.retry())
      if (this.asked.length === 0 && !tried.includes(true)) return
    }
    this.objections.push("it does not come to rest")
  }

  private perform({ entry, operation, below }: Asked): string | undefined {
    if (operation === "delete") {
      this.remove(entry.key)
      return undefined
    }
    const missing = below.find((key) => !this.present.has(key))
    if (missing !== undefined) return `${missing} is not there`
    this.present.set(entry.key, below)
    return undefined
  }

  private remove(key: number): void {
    this.present.delete(key)
    for (const [other, below] of this.present) {
      if (below.includes(key) && this.options.outlives?.(other, key) !== true) this.remove(other)
    }
  }

  private ask(entry: Thing, operation: Asked["operation"], token: number): boolean {
    const { key, data } = entry
    this.log.push(`${operation} ${key}`)
    if (this.asked.some((other) => other.entry === entry)) this.objections.push(`two operations on ${key}`)
    const below = operation === "delete" ? [] : [...data.below]
    const isComing = (one: number): boolean =>
      this.present.has(one) || this.asked.some((other) => other.entry.key === one && other.operation !== "delete")
    for (const one of below) if (!isComing(one)) this.objections.push(`${operation} ${key} before ${one}`)
    if (operation === "change" && !entry.isDoubtful && !this.present.has(key)) {
      this.objections.push(`change of ${key}, which is not there`)
    }
    if (operation === "delete" && !this.renewed.has(key)) {
      for (const [other, stands] of this.present) {
        if (stands.includes(key) && !this.isLeaving(other)) this.objections.push(`delete ${key} before ${other}`)
      }
    }
    const asked = { entry, operation, token, below }
    const isAtOnce = this.options.atOnce?.(key) === true && this.asked.length === 0
    if (isAtOnce && this.perform(asked) === undefined) return true
    this.asked.push(asked)
    return false
  }

  private isLeaving(key: number): boolean {
    return this.asked.some(({ entry, operation }) => entry.key === key && operation === "delete")
  }

  private readonly methods: EntryMethods<number, Content> = {
    compare: (a, b) => a - b,
    add: (entry, token) => this.ask(entry, "add", token),
    change: (entry, token) => this.ask(entry, "change", token),
    remove: (entry, token) => this.ask(entry, "delete", token),
    dependsOn: ({ data }) =>
      data.below.flatMap((key): ReadonlyArray<AnyEntry> => {
        const entry = this.tableOf(key).referenceTo(key, () => ({ below: [] }))
        return entry === undefined ? [] : [entry]
      }),
    isDataResolved: () => true,
    compressesDeletes: () => true,
    awaitsAnswer: ({ key }, dependency) => this.options.awaits?.(key, dependency.key as number) === true,
    outlives: ({ key }, dependency) => this.options.outlives?.(key, dependency.key as number) === true,
    freed: () => {},
    emptied: () => {
      this.emptied++
    }
  }
}
