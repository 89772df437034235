// Scans over all prefixes, a slice at a time: what a peer has left over is purged or ages, and what is judged anew is decided on again. A peer may
// come, begin to tell its table and go again as fast as it likes: what has ended stays ended by its generation until a scan comes by,
// and no scan is finished in one step for the sake of the next one.
import { FAMILIES_ALL, type Family } from "../wire/index.ts"
import type { AdjIn } from "./adj-in.ts"
import { byFamily, hasEnded, LeftOver, SELF } from "./peers.ts"
import { grown, type PrefixId } from "./prefix-table.ts"
import { Reason } from "./reason.ts"
import type { RibTable } from "./rib-table.ts"

/** Generations that can be told apart, with some to spare. */
const GENERATIONS_MAX = 250

interface Sweep {
  readonly family: Family
  readonly kind: "purge" | "age" | "next-hop" | "decide"
  /** The peer whose old paths go or age. */
  readonly peer: number
  /** Before which everything of the peer had ended when the sweep was asked for last: when it is over nothing older is there. */
  generation: number
  /** By next hop: the paths that have it are decided on again. */
  nextHops: Uint8Array
  position: PrefixId
}

export class Sweeps {
  private readonly adjIn: AdjIn
  private readonly tables: ReadonlyArray<RibTable>
  private readonly waiting: Array<Sweep> = []
  /** By family: how many generations ago the oldest path of a peer was told, at most. */
  private readonly begun: ReadonlyArray<Uint8Array>
  /** By family: the generation in which a peer's last session began. */
  private readonly since: ReadonlyArray<Uint8Array>

  constructor(adjIn: AdjIn, tables: ReadonlyArray<RibTable>) {
    this.adjIn = adjIn
    this.tables = tables
    this.begun = byFamily(() => new Uint8Array(adjIn.peers.routerId.length))
    this.since = byFamily(() => new Uint8Array(adjIn.peers.routerId.length))
  }

  get count(): number {
    return this.waiting.length
  }

  /** Whether a sweep is about a peer. */
  isAbout(peer: number): boolean {
    return this.waiting.some((sweep) => sweep.peer === peer)
  }

  /** A session ended. Its paths are left over: by family kept as stale, or purged. */
  endSession(peer: number, kept: ReadonlyArray<boolean>): void {
    for (const family of FAMILIES_ALL) {
      this.begin(peer, family)
      this.since[family][peer] = this.adjIn.peers.generation[family][peer]
      if (kept[family] !== true) this.expire(peer, family)
    }
  }

  /** The peer's table of a family is told anew from here on: what there is, is left over, and in use until `expire`. */
  begin(peer: number, family: Family): void {
    const { generation, leftOver, told, toldDigest } = this.adjIn.peers
    // Numbers of generations come round: whoever begins so many and ends none loses what is left over, at once.
    if (this.begun[family][peer] === GENERATIONS_MAX) {
      this.expire(peer, family)
      this.finish("purge", peer, family)
    }
    this.finish("age", peer, family)
    this.begun[family][peer]++
    generation[family][peer]++
    told[family][peer] = 0
    toldDigest[family][peer] = 0
    leftOver[family][peer] = LeftOver.Kept
  }

  /** What is left over of a peer's family has ended, and is purged. */
  expire(peer: number, family: Family): void {
    const { generation, leftOver } = this.adjIn.peers
    leftOver[family][peer] = LeftOver.Ended
    this.endBefore(peer, family, generation[family][peer])
  }

  /** What was left over already when the peer's session began has ended. What only a refresh in it has not repeated yet has not. */
  expireStale(peer: number, family: Family): void {
    const { endedBefore, generation } = this.adjIn.peers
    const now = generation[family][peer]
    const since = this.since[family][peer]
    // A refresh that was told to its end may have ended more.
    if (((now - since) & 0xff) < ((now - endedBefore[family][peer]) & 0xff)) this.endBefore(peer, family, since)
  }

  private endBefore(peer: number, family: Family, generation: number): void {
    const { endedBefore, received } = this.adjIn.peers
    endedBefore[family][peer] = generation
    // What has ended need not age.
    this.drop((sweep) => sweep.kind === "age" && sweep.peer === peer && sweep.family === family)
    if (received[family][peer] > 0) this.add("purge", family, peer)
    else this.begun[family][peer] = 0
  }

  /** What is left over of a peer's family becomes long-lived stale (RFC 9494 §4.2). */
  age(peer: number, family: Family): void {
    if (this.adjIn.peers.received[family][peer] > 0) this.add("age", family, peer)
  }

  /** A next hop is another one: decide again where it is used. */
  nextHopChanged(nextHop: number, family: Family): void {
    const sweep = this.add("next-hop", family, SELF)
    if (nextHop >= sweep.nextHops.length) sweep.nextHops = grown(sweep.nextHops, Math.max(64, (nextHop + 1) * 2))
    sweep.nextHops[nextHop] = 1
  }

  decideAgain(family: Family): void {
    this.add("decide", family, SELF)
  }

  /** Does a part of what waits. Returns the prefixes looked at. */
  slice(budget: number): number {
    let spent = 0
    for (const sweep of this.waiting) {
      if (spent >= budget) break
      spent += this.advance(sweep, budget - spent)
    }
    this.drop((sweep) => this.isOver(sweep))
    return spent
  }

  /** One that has not begun does for another of its kind. */
  private add(kind: Sweep["kind"], family: Family, peer: number): Sweep {
    const generation = this.adjIn.peers.endedBefore[family][peer]
    const known = this.waiting.find(
      (sweep) => sweep.kind === kind && sweep.family === family && sweep.peer === peer && sweep.position === 0
    )
    if (known !== undefined) {
      known.generation = generation
      return known
    }
    const made: Sweep = { family, kind, peer, generation, nextHops: new Uint8Array(0), position: 0 }
    this.waiting.push(made)
    return made
  }

  private finish(kind: Sweep["kind"], peer: number, family: Family): void {
    const isMeant = (sweep: Sweep): boolean => sweep.kind === kind && sweep.peer === peer && sweep.family === family
    for (const sweep of this.waiting) if (isMeant(sweep)) this.advance(sweep, Number.MAX_SAFE_INTEGER)
    this.drop(isMeant)
  }

  private drop(isMeant: (sweep: Sweep) => boolean): void {
    for (let index = this.waiting.length - 1; index >= 0; index--) {
      if (isMeant(this.waiting[index])) this.waiting.splice(index, 1)
    }
  }

  private isOver({ family, position }: Sweep): boolean {
    const { heads, prefixes } = this.tables[family]
    return position >= Math.min(prefixes.bound, heads.length)
  }

  private advance(sweep: Sweep, budget: number): number {
    const { family, kind, peer, position: start } = sweep
    const table = this.tables[family]
    const end = Math.min(start + budget, table.heads.length, table.prefixes.bound)
    for (let id = start; id < end; id++) {
      if (table.heads[id] === 0) continue
      if (kind === "purge") this.purge(table, id, peer)
      else if (kind === "age") this.adjIn.ageLeftOver(peer, table, id)
      else if (kind === "decide" || this.leadsTo(table, id, sweep.nextHops)) table.markChanged(id)
    }
    sweep.position = Math.max(end, start)
    if (kind === "purge" && this.isOver(sweep)) {
      const { generation } = this.adjIn.peers
      this.begun[family][peer] = (generation[family][peer] - sweep.generation) & 0xff
    }
    return sweep.position - start + 1
  }

  /** Forgets what a prefix has of a peer that has ended. */
  private purge(table: RibTable, id: PrefixId, peer: number): void {
    const { paths, peers } = this.adjIn
    const { family } = table.prefixes
    for (let path = table.heads[id]; path !== 0; ) {
      const after = paths.next[path]
      if (paths.peer[path] === peer) {
        if (hasEnded(paths.generation[path], peers.generation[family][peer], peers.endedBefore[family][peer])) {
          this.adjIn.forget(peer, table, id, paths.pathIdOf(path))
        } else if (paths.reason[path] === Reason.SessionEnded) {
          // It had ended when it was decided on, and was told again since.
          table.markChanged(id)
        }
      }
      path = after
    }
  }

  private leadsTo(table: RibTable, id: PrefixId, nextHops: Uint8Array): boolean {
    const { paths, store } = this.adjIn
    for (let path = table.heads[id]; path !== 0; path = paths.next[path]) {
      if (nextHops[store.nextHop[paths.attributes[path]]] === 1) return true
    }
    return false
  }
}
