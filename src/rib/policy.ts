// The one seam for policy, on the way in and on the way out: a policy looks at a set of attributes and accepts it, rejects it, or gives
// another set in its place. It is asked once for each set (and on the way out for each export class): sets are shared by many routes, and
// the answer is remembered for as long as the set lives. What a policy may look at is the set and nothing else, or that would be wrong.
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { grown } from "./prefix-table.ts"

/** Said of a set that a policy does not let pass. */
export const REJECT = -1
export type Verdict = AttributeId | typeof REJECT

export interface Policy {
  readonly name: string
  /** The set itself: accepted. Another one, interned: accepted with changed attributes. Reads nothing but the set. */
  readonly evaluate: (store: AttributeStore, set: AttributeId) => Verdict
}

/** `policy: open`. */
export const OPEN: Policy = { name: "open", evaluate: (_, set) => set }
/** What holds for external peers where nobody says anything (RFC 8212). */
export const CLOSED: Policy = { name: "closed", evaluate: () => REJECT }

const UNASKED = 0
const REJECTED = 1
const FIRST_SET = 2

/** A policy and what it has said. */
export class PolicyCache {
  readonly policy: Policy
  /** How often the policy was asked. */
  evaluations = 0
  private readonly store: AttributeStore
  /** By set: UNASKED, REJECTED, or the set in its place plus FIRST_SET. */
  private verdicts: Uint32Array = new Uint32Array(1024)

  constructor(store: AttributeStore, policy: Policy) {
    this.store = store
    this.policy = policy
    if (policy !== OPEN) store.watch(this)
  }

  /** Nobody need ask. */
  get isOpen(): boolean {
    return this.policy === OPEN
  }

  verdict(set: AttributeId): Verdict {
    if (this.policy === OPEN) return set
    if (set >= this.verdicts.length) this.verdicts = grown(this.verdicts, Math.max(set + 1, this.verdicts.length * 2))
    const known = this.verdicts[set]
    if (known === REJECTED) return REJECT
    return known === UNASKED ? this.ask(set) : known - FIRST_SET
  }

  /** The set is gone, and its number may become another's. */
  forget(set: AttributeId): void {
    if (set >= this.verdicts.length) return
    const known = this.verdicts[set]
    this.verdicts[set] = UNASKED
    if (known >= FIRST_SET && known - FIRST_SET !== set) this.store.release(known - FIRST_SET)
  }

  dispose(): void {
    if (this.policy === OPEN) return
    this.store.unwatch(this)
    for (let set = 0; set < this.verdicts.length; set++) if (this.verdicts[set] !== UNASKED) this.forget(set)
  }

  private ask(set: AttributeId): Verdict {
    this.evaluations++
    const verdict = this.policy.evaluate(this.store, set)
    this.verdicts[set] = verdict === REJECT ? REJECTED : verdict + FIRST_SET
    // What stands for another set lives as long as that one, or the answer would be wrong.
    if (verdict !== REJECT && verdict !== set) this.store.retain(verdict)
    return verdict
  }
}

/** Policies by name. */
export class Policies {
  private readonly store: AttributeStore
  private readonly known: ReadonlyMap<string, Policy>
  /** Those on the way in, shared by all peers that have them. */
  private readonly imports = new Map<string, PolicyCache>()

  constructor(store: AttributeStore, policies: ReadonlyArray<Policy>) {
    this.store = store
    this.known = new Map([OPEN, CLOSED, ...policies].map((policy) => [policy.name, policy]))
  }

  /** On the way in; a name that nobody knows lets nothing pass. */
  importing(name: string): PolicyCache {
    const known = this.imports.get(name)
    if (known !== undefined) return known
    const made = new PolicyCache(this.store, this.known.get(name) ?? CLOSED)
    this.imports.set(name, made)
    return made
  }

  /** On the way out, for one export class. */
  exporting(name: string): PolicyCache {
    return new PolicyCache(this.store, this.known.get(name) ?? CLOSED)
  }
}
