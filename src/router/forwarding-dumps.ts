// What is read of the kernel, all of it or what is needed after some news.
import { type Adjacency, addressKey, labelsKey } from "../fib/index.ts"
import type { DumpKind, Nexthop } from "../netlink/index.ts"

export interface Dump {
  readonly kind: DumpKind
  readonly family: 0 | 4 | 6
}

/** In the order of dependence: what stands on something is read after it. */
export const DUMPS: ReadonlyArray<Dump> = [
  { kind: "link", family: 0 },
  { kind: "address", family: 0 },
  { kind: "nexthop", family: 0 },
  { kind: "route", family: 4 },
  { kind: "route", family: 6 },
  { kind: "rule", family: 0 },
  // Only shown: nothing stands on them.
  { kind: "neighbour", family: 0 }
]

/** After a link went down: what is left of our nexthops. The news may be older than our last requests. */
export const VERIFICATION: ReadonlyArray<Dump> = DUMPS.slice(2, 3)

/** After news that came while a dump was read: what the dump said of links and addresses may be older than the news. */
export const DISTURBED: ReadonlyArray<Dump> = DUMPS.slice(0, 2)

/** What either asks for. All of it is DUMPS itself. */
export const together = (one: ReadonlyArray<Dump> | undefined, other: ReadonlyArray<Dump>): ReadonlyArray<Dump> => {
  const both = DUMPS.filter((dump) => one?.includes(dump) === true || other.includes(dump))
  return both.length === DUMPS.length ? DUMPS : both
}

/** Whether groups are read without the routes that stand on them. */
export const isBare = (plan: ReadonlyArray<Dump>): boolean =>
  plan.some(({ kind }) => kind === "nexthop") && plan.every(({ kind }) => kind !== "route")

/** What nobody told us of is noticed after so long at the latest. */
const REREAD_MS = 3_600_000
/** After some tries a dump that fails waits so long. */
const STALLED_MS = 1000

/** When everything is read again. */
export class RereadPause {
  private armedFor = 0

  /** The pause that is to be begun; undefined: none, or none other than was begun last. */
  after(stalled: boolean, ready: boolean): number | undefined {
    const milliseconds = stalled ? STALLED_MS : ready ? REREAD_MS : 0
    if (milliseconds === 0 || milliseconds === this.armedFor) return undefined
    this.armedFor = milliseconds
    return milliseconds
  }

  passed(): void {
    this.armedFor = 0
  }
}

/** What a nexthop is for; undefined: something that we never make. */
export const adjacencyOf = ({ family, gateway, ifindex, blackhole, labels = [] }: Nexthop): Adjacency | undefined => {
  if (family === 0 || blackhole) return undefined
  const words = gateway ?? []
  const way = gateway === undefined ? `${family}:` : addressKey({ family, words })
  return { key: `${way} ${ifindex}${labelsKey(labels)}`, family, words, ifindex, labels }
}

/** Which of our routes the dump that is being read has shown. */
export class SeenRoutes {
  private readonly columns: Array<Uint8Array> = [NONE, NONE]
  /** What was beyond the columns when the dump began was made by it, and is not missing where it is not shown. */
  private readonly bounds = [0, 0]
  private isReading = false

  /** @param bounds by family: no prefix has that number or a higher one */
  begin(bounds: ReadonlyArray<number>): void {
    this.isReading = true
    for (const [family, bound] of bounds.entries()) {
      this.columns[family] = new Uint8Array(bound)
      this.bounds[family] = bound
    }
  }

  end(): void {
    this.isReading = false
    this.columns.fill(NONE)
    this.bounds.fill(0)
  }

  /**
   * The dump shows it, for the first time or once more: then there are several under its key. `older`: there was news of it meanwhile, and
   * the dump may be from before.
   */
  show(family: 0 | 1, prefix: number): "first" | "again" | "older" {
    const seen = this.fitted(family, prefix)
    const before = seen[prefix]
    if (before === NEWER) return "older"
    seen[prefix] = SHOWN
    return before === SHOWN ? "again" : "first"
  }

  /** There is news of it. */
  news(family: 0 | 1, prefix: number): void {
    if (this.isReading) this.fitted(family, prefix)[prefix] = NEWER
  }

  /** Those that were neither shown nor in the news. */
  eachMissing(family: 0 | 1, visit: (prefix: number) => void): void {
    const seen = this.columns[family]
    for (let prefix = 0; prefix < this.bounds[family]; prefix++) if (seen[prefix] === 0) visit(prefix)
  }

  private fitted(family: 0 | 1, prefix: number): Uint8Array {
    const seen = this.columns[family]
    if (prefix < seen.length) return seen
    const larger = new Uint8Array(Math.max(prefix + 1, seen.length * 2))
    larger.set(seen)
    this.columns[family] = larger
    return larger
  }
}

const NONE = new Uint8Array(0)
const SHOWN = 1
const NEWER = 2
