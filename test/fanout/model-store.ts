// A store that numbers its changes, as small as it can be: keys under leases, transactions guarded by the lease of one key, listings at a
// revision, watches from a revision, compaction. What the machines of the store are tested against.
export interface StoredKey {
  readonly value: string
  readonly modRevision: number
  readonly lease: string
}

export interface Change {
  readonly key: string
  readonly value: string | undefined
  readonly revision: number
}

export class ModelStore {
  revision = 1
  compacted = 0
  readonly leases = new Set<string>()
  private readonly history: Array<Change> = []
  private nextLease = 1

  grant(): string {
    const lease = String(this.nextLease++)
    this.leases.add(lease)
    return lease
  }

  /** The lease ends and its keys with it. */
  expire(lease: string): void {
    if (!this.leases.delete(lease)) return
    const gone = [...this.at(this.revision)].filter(([, stored]) => stored.lease === lease)
    if (gone.length > 0) this.apply(gone.map(([key]) => [key, undefined, ""]))
  }

  /** All or nothing: false when the lease is unknown or `fence` belongs to another. */
  transact(
    lease: string,
    fence: string | undefined,
    changes: ReadonlyArray<readonly [string, string | undefined]>
  ): boolean {
    if (!this.leases.has(lease)) return false
    if (fence !== undefined && this.at(this.revision).get(fence)?.lease !== lease) return false
    this.apply(changes.map(([key, value]) => [key, value, lease]))
    return true
  }

  put(key: string, value: string | undefined): number {
    this.apply([[key, value, ""]])
    return this.revision
  }

  compact(to: number): void {
    this.compacted = Math.max(this.compacted, Math.min(to, this.revision))
  }

  /** What was there after the change `revision`. */
  at(revision: number): ReadonlyMap<string, StoredKey> {
    const keys = new Map<string, StoredKey>()
    for (const change of this.history) {
      if (change.revision > revision) break
      if (change.value === undefined) keys.delete(change.key)
      else keys.set(change.key, { value: change.value, modRevision: change.revision, lease: this.leaseOf(change) })
    }
    return keys
  }

  /** Undefined when some of them are gone; but as in etcd, a deletion made at the very revision compacted to is just not there. */
  changesFrom(revision: number): ReadonlyArray<Change> | undefined {
    if (revision < this.compacted) return undefined
    return this.history.filter(
      (change) => change.revision >= revision && (change.revision > this.compacted || change.value !== undefined)
    )
  }

  /** The same for whoever was there when it happened. */
  happenedFrom(revision: number): ReadonlyArray<Change> {
    return this.history.filter((change) => change.revision >= revision)
  }

  private readonly leaseOfChange = new Map<Change, string>()
  private leaseOf(change: Change): string {
    return this.leaseOfChange.get(change) ?? ""
  }

  private apply(changes: ReadonlyArray<readonly [string, string | undefined, string]>): void {
    const present = this.at(this.revision)
    const real = changes.filter(([key, value]) => value !== undefined || present.has(key))
    if (real.length === 0) return
    this.revision++
    for (const [key, value, lease] of real) {
      const change: Change = { key, value, revision: this.revision }
      this.history.push(change)
      this.leaseOfChange.set(change, lease)
    }
  }
}
