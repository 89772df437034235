// The lists of paths that are long: of a prefix for which a peer, or many, told hundreds of paths under identifiers (RFC 7911). A path of such
// a list is found by peer and identifier instead of by going through it, and knows the one before it, so that a thousand paths that
// come one after the other cost a thousand steps and not a million. Lists of the usual length have none of this and pay nothing.

import type { PathRef, Paths } from "./paths.ts"
import { byFamily } from "./peers.ts"
import type { PrefixId } from "./prefix-table.ts"

/** A list that is longer gets an index, and loses it when a quarter is left. */
export const LIST_LONG = 64

/** Of one list: its paths by peer and identifier. */
type Index = Map<number, PathRef>

export class LongLists {
  /** Lists with an index. */
  count = 0
  private readonly indices: ReadonlyArray<Map<PrefixId, Index>> = byFamily(() => new Map())
  private readonly paths: Paths

  constructor(paths: Paths) {
    this.paths = paths
  }

  /** Whether the list of a prefix has an index. */
  has(family: number, id: PrefixId): boolean {
    return this.count > 0 && this.indices[family].has(id)
  }

  /** The path with this identifier in a list that has an index; 0: there is none. */
  find(family: number, id: PrefixId, peer: number, pathId: number): PathRef {
    return this.indices[family].get(id)?.get(keyOf(peer, pathId)) ?? 0
  }

  /** A list has become long. */
  begin(family: number, id: PrefixId, head: PathRef): void {
    const { paths } = this
    const index: Index = new Map()
    const before = paths.trackOrder()
    let last: PathRef = 0
    for (let path = head; path !== 0; last = path, path = paths.next[path]) {
      before[path] = last
      index.set(keyOf(paths.peer[path], paths.pathIdOf(path)), path)
    }
    this.indices[family].set(id, index)
    this.count++
  }

  /** A path has come into a list that has an index. */
  add(family: number, id: PrefixId, path: PathRef): void {
    const { paths } = this
    this.indices[family].get(id)?.set(keyOf(paths.peer[path], paths.pathIdOf(path)), path)
  }

  /** A path goes from a list, whichever. */
  remove(family: number, id: PrefixId, path: PathRef): void {
    const { paths } = this
    const index = this.indices[family].get(id)
    if (index === undefined) return
    index.delete(keyOf(paths.peer[path], paths.pathIdOf(path)))
    if (index.size > LIST_LONG / 4) return
    this.indices[family].delete(id)
    this.count--
  }
}

const keyOf = (peer: number, pathId: number): number => peer * 2 ** 32 + pathId
