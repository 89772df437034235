// Rules of policy routing between the configuration and the kernel. A rule is its content: there is nothing to change about it, another
// content is another rule. Of ours there is one of each content; those of others are only looked at, because one of them that asks the same
// of a packet under the same priority is asked first, and then ours would never be. Rules come last and go first: what they lead to stands.

import { BackOff, type Retried } from "./back-off.ts"
import { classify, contested, Errno, ErrorClass, type Failure, newCounters } from "./errors.ts"
import type { Fights } from "./fights.ts"
import { Meddling } from "./route-doubts.ts"
import { asksTheSame, covers, type RuleContent, ruleKey } from "./rule-content.ts"
import { conflictWith, hashOf, isSo, RuleObject, type RuleOperation, type RuleRequests } from "./rule-object.ts"
import { Act, EntryEvent, EntryState, eventFor, FlagChange, Guard, isUnderWay } from "./states.ts"
import { actsOf, flagsOf, stateOf, step } from "./table.ts"

export class RuleSync implements Retried {
  readonly byKey: Map<string, RuleObject> = new Map()
  /** Sum of a hash per rule that the kernel acknowledged. */
  digest = 0
  readonly count: ReturnType<typeof newCounters> = newCounters()
  /** How often the kernel refused something, by errno. */
  readonly refusals: Map<number, number> = new Map()
  /** A delete may have hit another rule of ours than was meant: only the kernel can tell. */
  isUnsure = false
  private readonly fights: Fights
  private readonly foreign = new Map<string, RuleContent>()
  private queue: Array<RuleObject> = []
  private underWay: Array<RuleObject> = []
  private readonly backOff = new BackOff<RuleObject>()

  constructor(fights: Fights) {
    this.fights = fights
  }

  // What is wanted

  /** These and no others. */
  want(contents: ReadonlyArray<RuleContent>): void {
    const wanted = new Map(contents.map((content) => [ruleKey(content), content]))
    for (const [key, rule] of this.byKey) {
      if (rule.wanted === wanted.has(key)) continue
      rule.wanted = !rule.wanted
      this.wake(rule)
    }
    for (const [key, content] of wanted) {
      if (this.byKey.has(key)) continue
      const rule = this.register(key, content)
      rule.wanted = true
      this.mark(rule)
    }
  }

  get waiting(): boolean {
    return this.queue.length > 0
  }

  /** A rule is to go: that comes before anything is done about routes. */
  get leaving(): boolean {
    return this.queue.some(({ wanted, state }) => !wanted && state !== EntryState.Init)
  }

  /** Nothing of ours is in the kernel, as far as we know. */
  get empty(): boolean {
    return this.byKey.size === 0
  }

  // Driving

  /** Fills a batch of nothing but rules. Returns whether there was anything to ask. */
  pump(requests: RuleRequests): boolean {
    const before = this.underWay.length
    const waiting = this.queue
    this.queue = []
    // New ones before old ones go, so that nothing is without a rule in between; then those that had to wait for that.
    waiting.sort((a, b) => Number(b.wanted) - Number(a.wanted) || a.content.priority - b.content.priority)
    const blocked = waiting.filter((rule) => rule.wanted && this.hiddenBy(rule) !== undefined)
    for (const rule of waiting) {
      rule.queued = false
      if (!requests.hasRoom()) this.mark(rule)
      else if (!blocked.includes(rule)) this.drive(rule, requests)
    }
    for (const rule of blocked) {
      if (requests.hasRoom()) this.drive(rule, requests)
      else this.mark(rule)
    }
    this.count.requests += this.underWay.length - before
    return this.underWay.length > before
  }

  private drive(rule: RuleObject, requests: RuleRequests): void {
    const { state, wanted, content } = rule
    if (rule.dead || rule.resting || isUnderWay(state)) return
    const event = eventFor(state, wanted, false, false)
    if (event === undefined) {
      if (state === EntryState.Init && !wanted) this.forget(rule)
      return
    }
    const isBlocked = wanted && state !== EntryState.InSync && this.isBlocked(rule)
    const acts = this.apply(rule, event, isBlocked ? Guard.Unresolved : 0)
    // A delete that failed and is not wanted any more: it is there, and being told so again it says so.
    if ((acts & (Act.SendAdd | Act.SendChange)) !== 0) this.asked(rule, "add", requests.putRule(content))
    else if ((acts & Act.SendDelete) !== 0) this.asked(rule, "delete", requests.deleteRule(content))
  }

  /** Somebody else's rule is asked first, or one of ours must go before this one comes. */
  private isBlocked(rule: RuleObject): boolean {
    const [clash] = [...this.foreign.values()].filter((other) => asksTheSame(other, rule.content))
    rule.failure = clash === undefined ? undefined : conflictWith(clash)
    return clash !== undefined || this.hiddenBy(rule) !== undefined
  }

  /**
   * One of ours that is to go, and that must go first. Requests compare only what they name: deleting it would hit the rule instead,
   * or the kernel would take the rule for one that is there.
   */
  hiddenBy(rule: RuleObject): RuleObject | undefined {
    for (const other of this.byKey.values()) {
      const isToGo = !other.wanted && other.state !== EntryState.Init && other.state !== EntryState.DeleteAckWait
      const isAlike = covers(other.content, rule.content) || covers(rule.content, other.content)
      if (other !== rule && isToGo && isAlike) return other
    }
    return undefined
  }

  private asked(rule: RuleObject, operation: RuleOperation, seq: number): void {
    rule.operation = operation
    rule.seq = seq
    this.underWay.push(rule)
  }

  // What the kernel answers

  /** The batch with these numbers is answered; what has no error of its own succeeded. False: it was not about rules. */
  answered(
    firstSeq: number,
    lastSeq: number,
    errorOf: (seq: number) => { readonly errno: number; readonly text: string } | undefined
  ): boolean {
    const rules = this.takeUnderWay(firstSeq, lastSeq)
    for (const rule of rules) {
      const error = errorOf(rule.seq)
      rule.seq = 0
      if (error === undefined || error.errno === 0 || isSo(rule, error.errno)) this.succeeded(rule)
      else this.failed(rule, { ...error, errorClass: classify(rule.operation, error.errno, false) })
    }
    return rules.length > 0
  }

  /**
   * Nobody knows: asked again, in words that do where it was done and where it was not. What got no answer so often, the last time alone, is
   * given up (EIO). False: the batch was not about rules.
   */
  unanswered(firstSeq: number, lastSeq: number, silencesMax: number): boolean {
    const rules = this.takeUnderWay(firstSeq, lastSeq)
    for (const rule of rules) {
      this.count.unanswered++
      rule.seq = 0
      rule.unknown = true
      rule.silences++
      if (rules.length === 1 && rule.silences >= silencesMax) {
        rule.silences = 0
        this.failed(rule, { errno: Errno.EIO, text: "the kernel does not answer", errorClass: ErrorClass.Permanent })
        continue
      }
      this.apply(rule, rule.operation === "add" ? EntryEvent.AddFailed : EntryEvent.DeleteFailed, 0)
      this.mark(rule)
    }
    return rules.length > 0
  }

  private takeUnderWay(firstSeq: number, lastSeq: number): ReadonlyArray<RuleObject> {
    const isMeant = ({ seq }: RuleObject): boolean => seq >= firstSeq && seq <= lastSeq
    const rules = this.underWay.filter(isMeant)
    if (rules.length > 0) this.underWay = this.underWay.filter((rule) => !isMeant(rule))
    return rules
  }

  private succeeded(rule: RuleObject): void {
    const { meddling } = rule
    this.count.acknowledged++
    rule.failure = undefined
    rule.unknown = false
    rule.silences = 0
    rule.tries = 0
    rule.meddling = undefined
    // Made anew by somebody before our delete or after it: the same holds.
    if (rule.operation === "delete") this.isUnsure ||= meddling === Meddling.Altered || this.mayHaveHit(rule)
    this.apply(rule, rule.operation === "add" ? EntryEvent.AddAck : EntryEvent.DeleteAck, 0)
    if (meddling === Meddling.Deleted && rule.state === EntryState.InSync) this.toBeAdded(rule)
    this.mark(rule)
    this.markBlocked()
  }

  /** Whether a rule of ours that is there has all that the request named. */
  private mayHaveHit(deleted: RuleObject): boolean {
    return [...this.byKey.values()].some(
      (other) => other !== deleted && other.state !== EntryState.Init && covers(deleted.content, other.content)
    )
  }

  private failed(rule: RuleObject, failure: Failure): void {
    this.count.failed++
    this.refusals.set(failure.errno, (this.refusals.get(failure.errno) ?? 0) + 1)
    rule.failure = failure
    rule.meddling = undefined
    this.apply(rule, rule.operation === "add" ? EntryEvent.AddFailed : EntryEvent.DeleteFailed, 0)
    rule.resting = true
    this.backOff.note(rule, failure.errorClass, rule.tries++)
  }

  /** Tries again what has waited long enough. */
  retry(level: number): void {
    for (const rule of this.backOff.take(level)) this.wake(rule)
  }

  isWaiting(level: number): boolean {
    return this.backOff.isWaiting(level)
  }

  /** How many wait for time. */
  get resting(): number {
    return this.backOff.size
  }

  // What the kernel has

  /** A rule under our protocol: ours, left over from an earlier run, or somebody's in our name. */
  found(content: RuleContent): void {
    const key = ruleKey(content)
    const rule = this.byKey.get(key) ?? this.register(key, content)
    if (isUnderWay(rule.state)) {
      rule.unknown = true
      rule.meddling = Meddling.Altered
      return
    }
    if (rule.state === EntryState.InSync || rule.state === EntryState.DeleteDeferRef) return
    rule.seen = true
    rule.unknown = false
    rule.failure = undefined
    rule.resting = false
    rule.state = EntryState.InSync
    this.account(rule)
    this.mark(rule)
  }

  /** A dump is complete: ours that it did not show are gone. */
  retain(contents: ReadonlyArray<RuleContent>): void {
    const seen = new Set(contents.map(ruleKey))
    for (const [key, rule] of this.byKey) if (!seen.has(key)) this.lose(rule)
  }

  /** Another program deleted a rule of ours. */
  undone(content: RuleContent): void {
    const rule = this.byKey.get(ruleKey(content))
    if (rule === undefined) return
    const isContested = rule.state === EntryState.InSync && rule.wanted && !this.fights.undone(`rule ${rule.key}`)
    this.lose(rule)
    if (!isContested) return
    rule.failure = contested(this.fights.counts.get(`rule ${rule.key}`)!)
    rule.resting = true
    this.backOff.note(rule, ErrorClass.Contested, this.fights.beyond(`rule ${rule.key}`))
  }

  /** All rules of others, as a dump showed them. */
  foreignRules(contents: ReadonlyArray<readonly [protocol: number, content: RuleContent]>): void {
    this.foreign.clear()
    for (const [protocol, content] of contents) this.foreignRule(protocol, content, true)
    this.markBlocked()
  }

  /** A rule of somebody else came or went. Several with the same content are told apart by who put them there. */
  foreignRule(protocol: number, content: RuleContent, isPresent: boolean): void {
    const key = `${protocol} ${ruleKey(content)}`
    if (isPresent) this.foreign.set(key, content)
    else if (this.foreign.delete(key)) this.markBlocked()
  }

  private lose(rule: RuleObject): void {
    if (isUnderWay(rule.state)) rule.meddling = Meddling.Deleted
    else if (rule.state === EntryState.InSync) {
      this.count.lost++
      this.toBeAdded(rule)
      this.mark(rule)
    } else if (rule.state === EntryState.DeleteDeferRef) this.apply(rule, EntryEvent.Lost, 0)
  }

  /**
   * It is not there, unless what we heard is from before our last request: then it is found there. Whether it is to be added again is
   * decided when it is driven.
   */
  private toBeAdded(rule: RuleObject): void {
    rule.unknown = true
    this.apply(rule, EntryEvent.Lost, Guard.Unresolved)
  }

  // Bookkeeping

  private apply(rule: RuleObject, event: EntryEvent, more: number): number {
    const guards = more | (rule.seen ? Guard.Seen : 0) | (rule.unknown ? Guard.Uncompressed : 0)
    const packed = step(rule.state, event, guards)
    const acts = actsOf(packed)
    if ((acts & Act.Violation) !== 0) {
      this.count.violations++
      return 0
    }
    const flags = flagsOf(packed)
    if ((flags & FlagChange.SetSeen) !== 0) rule.seen = true
    if ((flags & FlagChange.ClearSeen) !== 0) rule.seen = false
    this.unaccount(rule)
    rule.move(stateOf(packed), event)
    this.account(rule)
    if ((acts & Act.Free) !== 0) this.freed(rule)
    return acts
  }

  private account(rule: RuleObject): void {
    if (rule.state === EntryState.InSync) this.digest = (this.digest + hashOf(rule)) >>> 0
  }

  private unaccount(rule: RuleObject): void {
    if (rule.state === EntryState.InSync) this.digest = (this.digest - hashOf(rule)) >>> 0
  }

  /** It is gone; wanted again meanwhile it begins anew. */
  private freed(rule: RuleObject): void {
    this.forget(rule)
    this.markBlocked()
    if (!rule.wanted) return
    const fresh = this.register(rule.key, rule.content)
    fresh.wanted = true
    this.mark(fresh)
  }

  private register(key: string, content: RuleContent): RuleObject {
    const rule = new RuleObject(key, content)
    this.byKey.set(key, rule)
    return rule
  }

  private forget(rule: RuleObject): void {
    rule.dead = true
    if (this.byKey.get(rule.key) === rule) this.byKey.delete(rule.key)
  }

  private mark(rule: RuleObject): void {
    if (rule.queued || rule.dead) return
    rule.queued = true
    this.queue.push(rule)
  }

  private wake(rule: RuleObject): void {
    rule.resting = false
    this.mark(rule)
  }

  /** What others had in the way may be gone. */
  private markBlocked(): void {
    for (const rule of this.byKey.values()) if (rule.wanted && rule.state === EntryState.AddDefer) this.mark(rule)
  }
}
