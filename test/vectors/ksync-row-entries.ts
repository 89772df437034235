// One captured row of the original's machine, played on entries: what the cell of a table cannot show, the order in which several entries
// are acted on, references, and who waits for whom. `A` is the entry of the row, `D` the placeholder that it waited for, `N` one that is
// not there and that its content needs now, `W` an entry that waits for it.
import {
  ENTRY_EVENT_NAMES,
  ENTRY_STATE_NAMES,
  type EntryEvent,
  EntryObject,
  EntryState,
  type SyncEntry
} from "../../src/ksync/index.ts"
import type { TransitionRow } from "./ksync-transitions.ts"

type Name = "A" | "D" | "N" | "W"
type Named = SyncEntry<Name, undefined>

export const playTransition = (row: TransitionRow): ReadonlyArray<string> => {
  const table = new Table(row)
  const a = table.byName.get("A")!
  const problems =
    row.refBefore === undefined || row.assert === true ? [] : differs("references before", row.refBefore, a.references)
  table.notify(a, ENTRY_EVENT_NAMES.indexOf(row.event) as EntryEvent)
  if (row.assert === true)
    return table.violationCount > 0 ? problems : [...problems, "aborts there, accepted by an entry"]
  const isFreed = table.find("A") === undefined
  return [
    ...problems,
    ...differs("state of the entry", row.next, isFreed ? "FREED" : ENTRY_STATE_NAMES[a.state]),
    ...differs(
      "actions of the entries",
      row.actions?.filter((action) => action !== "A.deps").join(),
      table.actions.join()
    ),
    ...(isFreed ? [] : differs("references after", row.refAfter, a.references)),
    ...(isFreed ? [] : differs("what it waits for", row.waitingOn, a.waitsOn?.key ?? null)),
    ...(row.waiter == null ? [] : differs("its waiter", row.waiter, ENTRY_STATE_NAMES[table.byName.get("W")!.state])),
    ...(table.violationCount === 0 ? [] : ["refused by an entry"])
  ]
}

class Table extends EntryObject<Name, undefined> {
  readonly actions: Array<string>
  readonly byName = new Map<Name, Named>()

  constructor(row: TransitionRow) {
    const actions: Array<string> = []
    const act =
      (what: string, isAtOnce: boolean) =>
      (entry: Named): boolean => {
        actions.push(`${entry.key}.${what}`)
        return isAtOnce && entry.key === "A"
      }
    const isAtOnce = row.ackMode === "sync"
    super(
      {
        compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
        add: act("add", isAtOnce),
        change: act("change", isAtOnce),
        remove: act("delete", isAtOnce),
        dependsOn: ({ key }) => this.needs(key, row.depUnresolved),
        isDataResolved: () => true,
        compressesDeletes: () => row.allowDeleteStateComp,
        freed: ({ key }) => {
          actions.push(`${key}.free`)
        },
        emptied: () => {}
      },
      { policy: "source", indices: undefined }
    )
    this.actions = actions
    this.arrange(row)
  }

  private needs(key: Name, isUnresolved: boolean): ReadonlyArray<Named> {
    const needed: Name | undefined = key === "W" ? "A" : key === "A" && isUnresolved ? "N" : undefined
    return needed === undefined ? [] : [this.byName.get(needed)!]
  }

  private arrange(row: TransitionRow): void {
    const a = this.placeholder("A")
    a.state = ENTRY_STATE_NAMES.indexOf(row.state) as EntryState
    a.seen = row.seen
    a.deleteAddPending = row.delAddPending
    this.hold(this.placeholder("N"))
    // Whoever is told to look again waits no more.
    const isWaiting = a.state === EntryState.AddDefer || a.state === EntryState.ChangeDefer
    if (isWaiting && row.event !== "RE_EVAL") this.wait(a, this.placeholder("D"))
    if (row.refs === "ext") this.hold(a)
    if (row.refs === "waiter") {
      const w = this.placeholder("W")
      w.state = EntryState.AddDefer
      this.wait(w, a)
    }
  }

  private placeholder(name: Name): Named {
    const entry = this.referenceTo(name, () => undefined)!
    this.byName.set(name, entry)
    return entry
  }

  private wait(entry: Named, dependency: Named): void {
    entry.waitsOn = dependency
    dependency.waiters.add(entry)
    this.hold(entry)
    this.hold(dependency)
  }

  protected override detach({ key }: Named): void {
    this.actions.push(`${key}.cleanup`)
  }
}

/** What a row leaves out is not compared. */
const differs = (what: string, there: unknown, here: unknown): ReadonlyArray<string> =>
  there === undefined || there === here ? [] : [`${what}: ${there} there, ${here} here`]
