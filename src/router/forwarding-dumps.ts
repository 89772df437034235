// What is read of the kernel, all of it or what is needed after some news.
import type { DumpKind } from "../netlink/index.ts"

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
