// What only the start needed goes back to the system once the daemon is up: the pages of Node's own program that compiling modules, reading
// the configuration and setting up have touched (they are read from the file again if they are ever needed), and what the start and the
// warm-up left in the heaps, V8's and that of the C library. Of some 100 MB that are resident after the start more than 40 are never used again (docs/PERFORMANCE.md).
import { readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Effect } from "effect"
import { Sys } from "./sys.ts"
import { systemCallsOrReason } from "./tcp-socket.ts"

/** Once, some moments after the start. Where the system does not have it, everything stays as it is. */
export const releaseStartMemory: Effect.Effect<void> = Effect.ignore(
  Effect.try(() => {
    collectSeldom()
    collectGarbage()
    const sys = systemCallsOrReason()
    if (typeof sys === "string") return
    sys.trimHeap()
    const smaps = readFileSync("/proc/self/smaps", "latin1")
    for (const { from, length } of unchangedPages(smaps, process.execPath)) sys.madvise(from, length, Sys.MADV_DONTNEED)
  })
)

/**
 * Tables are memory outside V8's heap. By default each 64 MB more of that make it go through its heap, in case arrays are let go with what is
 * found there: several times in a million prefixes, a sixth of the processor time, for nothing, since a table that grows lets its memory go
 * itself. Counted as part of the whole it makes V8 collect when the whole has grown by so much (ADRs 0051 and 0069). Flags of this V8:
 * another one would complain of them.
 */
const collectSeldom = (): void => {
  if (!process.versions.node.startsWith("26.")) return
  setFlagsFromString("--external-memory-accounted-in-global-limit")
  setFlagsFromString("--heap-growing-percent=100")
}

/** V8 collects when it must, and after the start nothing makes it for a long time. */
const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc")
  const gc: unknown = runInNewContext("gc")
  if (typeof gc === "function") gc()
}

interface Pages {
  readonly from: bigint
  readonly length: bigint
}

/** Mappings of a file that nobody can write to and nobody has written to: what is dropped of them is what the file has. */
export const unchangedPages = (smaps: string, file: string): ReadonlyArray<Pages> => {
  const found: Array<Pages> = []
  let pages: Pages | undefined
  for (const line of smaps.split("\n")) {
    const [, from, to, access, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(.*)$/.exec(line) ?? []
    if (from !== undefined && to !== undefined) {
      const start = BigInt(`0x${from}`)
      const isOurs = name === file && access?.[1] === "-" && access[3] === "p"
      pages = isOurs ? { from: start, length: BigInt(`0x${to}`) - start } : undefined
    }
    // The last of the counts: pages of our own, which are not in the file.
    const [, anonymous] = /^Anonymous: +(\d+) kB/.exec(line) ?? []
    if (anonymous === undefined) continue
    if (pages !== undefined && anonymous === "0") found.push(pages)
    pages = undefined
  }
  return found
}
