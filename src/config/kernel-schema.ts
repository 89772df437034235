// The section `kernel`: which table, what becomes of it at the end, how groups spread flows, and rules of policy routing.
import * as Schema from "effect/Schema"
import { flag, integer, list, oneOf, parsedScalar, parsedText, section } from "./schema-parts.ts"
import { type Parsed, parseInterface, parseNetwork, parseTable } from "./values.ts"

/** Hundredths of a second must fit 32 bits. */
const TIMER_SECONDS_MAX = 42_949_672
export const FAMILIES_OF_RULES = ["ipv4", "ipv6"] as const

export interface Mark {
  readonly mark: number
  readonly mask?: number
}

/** `7`, `0x10/0xff`. */
export const parseMark = (value: number | string): Parsed<Mark> => {
  const match = /^(0x[0-9a-f]{1,8}|\d{1,10})(?:\/(0x[0-9a-f]{1,8}|\d{1,10}))?$/i.exec(String(value))
  const mark = Number(match?.[1] ?? Number.NaN)
  const mask = match?.[2] === undefined ? undefined : Number(match[2])
  if (!isWord(mark) || (mask !== undefined && !isWord(mask))) {
    return { problem: `"${value}" is no mark; write a number, or a number and a mask like 0x10/0xff` }
  }
  if (mask === undefined) {
    return mark === 0
      ? { problem: "a mark of 0 alone matches every packet; write 0/0xffffffff for packets without one" }
      : { value: { mark } }
  }
  if (mask === 0) return { problem: "a mask of 0 looks at nothing; leave fwmark out" }
  const outside = (mark & ~mask) >>> 0
  if (outside !== 0) return { problem: `the mark has bits that its mask leaves out (0x${outside.toString(16)})` }
  return { value: { mark, mask } }
}

const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff

const groups = section("how groups of next hops spread flows", {
  type: Schema.optionalKey(oneOf("a type of group", ["hash-threshold", "resilient"])),
  buckets: Schema.optionalKey(integer("how many buckets a resilient group has", 1, 0xffff)),
  "idle-timer": Schema.optionalKey(
    integer("the seconds that a bucket is idle before it may move", 0, TIMER_SECONDS_MAX)
  ),
  "unbalanced-timer": Schema.optionalKey(
    integer("the seconds after which buckets move though they are not idle, or 0 for never", 0, TIMER_SECONDS_MAX)
  )
})

const prefix = parsedText("a prefix like 192.0.2.0/24 or 2001:db8::/32", parseNetwork)

const rule = section("a rule of policy routing", {
  priority: integer("the rule's priority", 1, 0xffff_ffff),
  from: Schema.optionalKey(prefix),
  to: Schema.optionalKey(prefix),
  iif: Schema.optionalKey(parsedText("the name of a link", parseInterface)),
  fwmark: Schema.optionalKey(parsedScalar("a mark, with a mask behind a slash", parseMark)),
  table: Schema.optionalKey(parsedScalar("a routing table: main, default, local or a number", parseTable)),
  family: Schema.optionalKey(oneOf("a family", FAMILIES_OF_RULES))
})

export const kernel = section("the kernel's routing table", {
  table: Schema.optionalKey(parsedScalar("a routing table: main, default, local or a number", parseTable)),
  // Metric 0 means 1024 to the kernel for IPv6: what is read back would differ from what was written.
  metric: Schema.optionalKey(integer("a route metric", 1, 0xffff_ffff)),
  "on-exit": Schema.optionalKey(oneOf("what becomes of our routes at the end", ["keep", "remove"])),
  model: Schema.optionalKey(flag("the built-in model instead of the real kernel")),
  "walk-at-once": Schema.optionalKey(integer("routes of one group that are looked at at once", 0, 1_000_000)),
  "walk-quantum": Schema.optionalKey(integer("steps of walks over routes in one batch", 1, 1_000_000)),
  reserve: Schema.optionalKey(flag("keep the next hop of each prefix's second-best path ready")),
  standby: Schema.optionalKey(flag("a reserve on another link carries a very small share all the time")),
  groups: Schema.optionalKey(groups),
  rules: Schema.optionalKey(list("rules of policy routing", rule))
})
