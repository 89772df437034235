// What of the section `kernel` takes two places to tell: buckets of groups that have none, rules that contradict themselves or each other.
import type { ConfigPath } from "./problems.ts"
import { canonical, list, type Raw, type Report, record } from "./raw.ts"
import { familiesOf } from "./resolve-kernel.ts"
import { parseNetwork } from "./values.ts"

export const checkKernel = (kernel: Raw, report: Report): void => {
  checkGroups(record(kernel["groups"]), report)
  const seen = new Map<string, number>()
  list(kernel["rules"]).forEach((rule, at) => {
    checkRule(record(rule), at, seen, report)
  })
}

const checkGroups = (groups: Raw, report: Report): void => {
  if (groups["type"] === "resilient") return
  for (const key of ["buckets", "idle-timer", "unbalanced-timer"]) {
    if (key in groups)
      report(["kernel", "groups", key], `only resilient groups have "${key}"; write \`type: resilient\``, true)
  }
}

const checkRule = (rule: Raw, at: number, seen: Map<string, number>, report: Report): void => {
  const path: ConfigPath = ["kernel", "rules", at]
  const from = canonical(rule["from"], parseNetwork)
  const to = canonical(rule["to"], parseNetwork)
  const families = familiesOf(rule["family"], from ?? to)
  if (from !== undefined && to !== undefined && from.includes(":") !== to.includes(":")) {
    report([...path, "to"], `${to} is of another family than ${from}: no packet has both`)
  } else if ((from ?? to) !== undefined && rule["family"] !== undefined && rule["family"] !== `ipv${families[0]}`) {
    report([...path, "family"], `${from ?? to} is ipv${families[0]}; leave the family out`)
  }
  for (const family of families) {
    const key = `${family} ${String(rule["priority"])}`
    const before = seen.get(key)
    if (before === undefined) {
      seen.set(key, at)
      continue
    }
    report(
      [...path, "priority"],
      `kernel.rules[${before}] has the priority ${String(rule["priority"])} for ipv${family} already, and which of the two is asked first would be chance; give each its own`
    )
    return
  }
}
