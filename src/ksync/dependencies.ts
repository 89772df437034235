// What stands on what, over all tables that share it: the preset `corrected` in place of the source's two global trees. Each entry declares
// all that it depends on; a set of what is not met is its counter, so that a wake-up costs one step per edge and not a search. Who was
// sent stands on what it was sent with, until the answer to something else says otherwise, and keeps it from being deleted; who only
// waits keeps nothing. Events are a queue and never a recursion, those for others by rank and then in the order of arrival.
import { EntryEvent, EntryState } from "./states.ts"
import type { AnyEntry, EntryOwner } from "./sync-entry.ts"

interface Posted {
  readonly entry: AnyEntry
  readonly event: EntryEvent
  /** It follows from something else, and may be pointless by now. */
  readonly isConsequence: boolean
}

export class Dependencies {
  /** Entries whose declaration closed a cycle. They wait until it is broken. */
  private readonly closing = new Set<AnyEntry>()
  private queue: Array<Posted> = []
  /** What went took along what stood on it, whether anybody was told or not: before anything else is done. */
  private losses: Array<{ readonly entry: AnyEntry; readonly isCertain: boolean }> = []
  private isDraining = false
  private readonly touched = new Set<EntryOwner>()

  /** Each cycle once, from the entry that closed it back to it. */
  get cycles(): ReadonlyArray<ReadonlyArray<AnyEntry>> {
    return [...this.closing].map((entry) => wayBack(entry) ?? [])
  }

  isMet(entry: AnyEntry): boolean {
    return entry.unmet.size === 0 && !this.closing.has(entry)
  }

  /** From the entry down to what nobody has brought about: itself, the first thing that it waits for, what that waits for, and so on. */
  path(entry: AnyEntry): ReadonlyArray<AnyEntry> {
    const path: Array<AnyEntry> = []
    for (let at: AnyEntry | undefined = entry; at !== undefined; [at] = at.unmet) {
      const isRound = path.includes(at)
      path.push(at)
      if (isRound) break
    }
    return path
  }

  /** Asks for a step of an entry; it is made at once, or after those that were asked for before. */
  post(entry: AnyEntry, event: EntryEvent): void {
    this.queue.push({ entry, event, isConsequence: false })
    this.drain()
  }

  /** Does all that waits, unless that is being done. */
  drain(): void {
    if (this.isDraining) return
    this.isDraining = true
    for (let at = 0; at < this.queue.length; at++) {
      const { entry, event, isConsequence } = this.queue[at]
      if (entry.isGone || (isConsequence && isPointless(entry, event))) continue
      this.touched.add(entry.owner)
      entry.owner.step(entry, event)
      this.tellLosses()
    }
    this.queue = []
    this.isDraining = false
    const owners = [...this.touched]
    this.touched.clear()
    for (const owner of owners) owner.settled()
  }

  private tellLosses(): void {
    while (this.losses.length > 0) {
      const { entry, isCertain } = this.losses.shift()!
      entry.isLosing = false
      if (entry.isGone) continue
      this.touched.add(entry.owner)
      if (isCertain) entry.owner.step(entry, EntryEvent.Lost)
      else entry.owner.doubt(entry)
    }
  }

  private follow(entries: Iterable<AnyEntry>, event: EntryEvent): void {
    const byRank = [...entries].sort((a, b) => a.rank - b.rank)
    for (const entry of byRank) this.queue.push({ entry, event, isConsequence: true })
  }

  // Declaring

  /** From now on its content stands on these; none: nobody wants it any more. */
  declare(entry: AnyEntry, wanted: ReadonlyArray<AnyEntry>): void {
    const before = entry.dependencies
    const now = new Set(wanted)
    entry.dependencies = [...now]
    entry.unmet.clear()
    for (const dependency of now) {
      dependency.dependents.add(entry)
      if (!meets(entry, dependency)) entry.unmet.add(dependency)
    }
    for (const dependency of before) {
      if (now.has(dependency)) continue
      dependency.dependents.delete(entry)
      this.letGo(dependency)
    }
    this.closing.delete(entry)
    if (now.size > 0 && wayBack(entry) !== undefined) this.closing.add(entry)
    this.breakCycles()
    this.rankAgain(entry)
  }

  private breakCycles(): void {
    for (const entry of this.closing) {
      if (wayBack(entry) !== undefined) continue
      this.closing.delete(entry)
      this.rankAgain(entry)
      if (entry.unmet.size === 0 && entry.isWaiting) this.follow([entry], EntryEvent.ReEvaluate)
    }
  }

  /** One more than the highest that it depends on. Who closes a cycle counts as depending on nothing, so that this ends. */
  private rankAgain(entry: AnyEntry): void {
    const changed = [entry]
    for (let at = changed.pop(); at !== undefined; at = changed.pop()) {
      const ways = this.closing.has(at) ? [] : at.dependencies
      const rank = ways.reduce((highest, dependency) => Math.max(highest, dependency.rank + 1), 0)
      if (rank === at.rank) continue
      at.rank = rank
      for (const dependent of at.dependents) if (!this.closing.has(dependent)) changed.push(dependent)
    }
  }

  // Standing

  /** It is sent with the content that it declared. */
  sent(entry: AnyEntry): void {
    const before = entry.sentOn
    entry.sentOn = entry.dependencies
    for (const dependency of entry.sentOn) dependency.standers.add(entry)
    this.release(entry, before)
  }

  /** What was sent is there. */
  confirmed(entry: AnyEntry): void {
    const before = entry.standsOn
    entry.standsOn = entry.sentOn
    entry.sentOn = []
    this.release(entry, before)
  }

  /** What was sent is not there. */
  refused(entry: AnyEntry): void {
    const before = entry.sentOn
    entry.sentOn = []
    this.release(entry, before)
  }

  /** What was there is there no more. */
  vacated(entry: AnyEntry): void {
    const before = entry.standsOn
    entry.standsOn = []
    this.release(entry, before)
  }

  private release(entry: AnyEntry, before: ReadonlyArray<AnyEntry>): void {
    const still = new Set([...entry.standsOn, ...entry.sentOn])
    for (const dependency of before) {
      if (still.has(dependency)) continue
      dependency.standers.delete(entry)
      this.letGo(dependency)
    }
    if (before.length > 0) this.breakCycles()
  }

  /** A holder, a dependent or one that stood on it is gone: it may have waited for that. */
  letGo(entry: AnyEntry): void {
    if (entry.state === EntryState.Temp || entry.state === EntryState.DeleteDeferRef) {
      this.follow([entry], EntryEvent.ReferenceReleased)
    }
  }

  // Telling

  /** Whether others may rely on it may have changed: whoever waited for nothing else looks again. */
  look(entry: AnyEntry): void {
    const isResolved = entry.owner.isResolved(entry)
    const isConfirmed = isResolved && entry.state === EntryState.InSync
    if (isResolved === entry.wasResolved && isConfirmed === entry.wasConfirmed) return
    entry.wasResolved = isResolved
    entry.wasConfirmed = isConfirmed
    const ready: Array<AnyEntry> = []
    for (const dependent of entry.dependents) {
      if (!meets(dependent, entry)) dependent.unmet.add(entry)
      else if (dependent.unmet.delete(entry) && dependent.isWaiting && this.isMet(dependent)) ready.push(dependent)
    }
    this.follow(ready, EntryEvent.ReEvaluate)
  }

  /**
   * It is not there any more: neither is what stood on it, unless that is of a kind that stays. Of what is under way nobody knows whether
   * it was done before or after: that is in doubt, and so is, where `isCertain` is false, everything else.
   */
  gone(entry: AnyEntry, isCertain: boolean): void {
    const found = [{ entry, isCertain }]
    for (let at = found.pop(); at !== undefined; at = found.pop()) {
      for (const stander of at.entry.standers) {
        if (stander.isLosing || stander.owner.outlives(stander, at.entry)) continue
        // Nobody relies on any of them before each was told.
        stander.isLosing = true
        this.look(stander)
        const lost = { entry: stander, isCertain: at.isCertain && stander.underWay === undefined }
        found.push(lost)
        this.losses.push(lost)
      }
    }
    this.losses.sort((a, b) => a.entry.rank - b.entry.rank)
    if (!isCertain) return
    // Nothing stands on what is not there, whatever became of it.
    for (const stander of [...entry.standers]) {
      const before = stander.standsOn
      stander.standsOn = before.filter((dependency) => dependency !== entry)
      if (stander.standsOn.length < before.length) this.release(stander, [entry])
    }
  }

  /** It is freed. */
  forget(entry: AnyEntry): void {
    this.declare(entry, [])
    this.vacated(entry)
    this.refused(entry)
    entry.isGone = true
  }
}

/** What a placeholder or a delete waits for. Who only declared it does not hold a delete back, and keeps a placeholder. */
export const isReferenced = (entry: AnyEntry, asPlaceholder: boolean): boolean =>
  entry.references > 1 || entry.standers.size > 0 || (asPlaceholder && entry.dependents.size > 0)

const meets = (entry: AnyEntry, dependency: AnyEntry): boolean =>
  dependency.owner.isResolved(dependency) &&
  (dependency.state === EntryState.InSync || !entry.owner.awaitsAnswer(entry, dependency))

const isPointless = (entry: AnyEntry, event: EntryEvent): boolean => {
  if (event === EntryEvent.ReEvaluate) return !entry.isWaiting
  if (event !== EntryEvent.ReferenceReleased) return false
  if (entry.state === EntryState.Temp) return isReferenced(entry, true)
  return entry.state !== EntryState.DeleteDeferRef || isReferenced(entry, false)
}

/** What must not go before it: what it declared, and what it still stands on. */
const below = ({ dependencies, standsOn, sentOn }: AnyEntry): ReadonlyArray<AnyEntry> =>
  standsOn.length === 0 && sentOn.length === 0 ? dependencies : [...dependencies, ...standsOn, ...sentOn]

/** From what it wishes to stand on back to itself, if there is a way. */
const wayBack = (entry: AnyEntry): ReadonlyArray<AnyEntry> | undefined => {
  const seen = new Set<AnyEntry>()
  const way = [{ at: entry, ways: entry.dependencies, next: 0 }]
  for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
    const at = top.ways[top.next++]
    if (at === undefined) way.pop()
    else if (at === entry) return [...way.map((step) => step.at), entry]
    else if (!seen.has(at)) {
      seen.add(at)
      way.push({ at, ways: below(at), next: 0 })
    }
  }
  return undefined
}
