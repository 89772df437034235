// Rules of policy routing in the model kernel, as measured on Linux 6.18: a list per family in the order of priorities, and two quirks.
// A request to delete removes the first rule that has all that the request names. A new rule that is to be exclusive is refused where one
// is there that asks the same and perhaps for a prefix more: one that the new rule leaves out is not compared.
import { type Refusal, refuse } from "./model-facts.ts"
import { type Origin, writeRule } from "./model-output.ts"
import { covers, type ModelKernel, type ModelRule, sameWords } from "./model-state.ts"
import { Errno, NetlinkFlag, NetlinkType, RouteProtocol, RouteTable } from "./numbers.ts"
import type { Rule } from "./rule.ts"

/** What a namespace begins with. */
export const firstRules = (family: 4 | 6): ReadonlyArray<ModelRule> => {
  const rule = (priority: number, table: number): ModelRule => ({
    family,
    priority,
    table,
    protocol: RouteProtocol.Kernel,
    mark: 0,
    markMask: 0
  })
  const both = [rule(0, RouteTable.Local), rule(32_766, RouteTable.Main)]
  return family === 4 ? [...both, rule(32_767, RouteTable.Default)] : both
}

/** RTM_NEWRULE. */
export const newRule = (kernel: ModelKernel, request: Rule, origin: Origin): Refusal | undefined => {
  const { family } = request
  if (family === 0) return refuse(Errno.EAFNOSUPPORT, "Rule family not supported")
  const rule = wholeRule(request, family)
  const rules = kernel.rules[family]
  const exclusive = (origin.flags & NetlinkFlag.Exclusive) !== 0
  if (exclusive && rules.some((other) => isThere(other, rule))) return refuse(Errno.EEXIST)
  // IPv6 makes the table that a rule looks in.
  if (family === 6) kernel.tableFor(6, rule.table)
  const after = rules.findIndex(({ priority }) => priority > rule.priority)
  rules.splice(after < 0 ? rules.length : after, 0, rule)
  notify(kernel, NetlinkType.NewRule, rule, origin)
  return undefined
}

/** RTM_DELRULE. */
export const deleteRule = (kernel: ModelKernel, request: Rule, origin: Origin): Refusal | undefined => {
  const { family } = request
  if (family === 0) return refuse(Errno.EAFNOSUPPORT, "Rule family not supported")
  const wanted = wholeRule(request, family)
  const at = kernel.rules[family].findIndex((rule) => isMeant(rule, wanted))
  if (at < 0) return refuse(Errno.ENOENT)
  const [rule] = kernel.rules[family].splice(at, 1)
  notify(kernel, NetlinkType.DelRule, rule, origin)
  return undefined
}

/** Whether a packet of our own to the IPv4 address, from nowhere in particular, is looked up in the main table. */
export const leadsToMain = (kernel: ModelKernel, words: ReadonlyArray<number>): boolean =>
  kernel.rules[4].some(
    ({ table, from, to, inInterface, mark }) =>
      table === RouteTable.Main &&
      from === undefined &&
      inInterface === undefined &&
      mark === 0 &&
      (to === undefined || covers(to.words, to.length, words))
  )

/** A mark that is not 0 is looked at whole, unless a mask says otherwise. */
const wholeRule = ({ isBeyond: _, ...rule }: Rule, family: 4 | 6): ModelRule => {
  const { mark = 0, from, to } = rule
  return {
    ...rule,
    family,
    mark,
    markMask: rule.markMask ?? (mark === 0 ? 0 : 0xffff_ffff),
    from: from?.length === 0 ? undefined : from,
    to: to?.length === 0 ? undefined : to
  }
}

const isThere = (rule: ModelRule, wanted: ModelRule): boolean =>
  rule.table === wanted.table &&
  rule.priority === wanted.priority &&
  rule.inInterface === wanted.inInterface &&
  rule.mark === wanted.mark &&
  rule.markMask === wanted.markMask &&
  rule.protocol === wanted.protocol &&
  samePrefixes(rule, wanted)

const isMeant = (rule: ModelRule, wanted: ModelRule): boolean =>
  (wanted.table === 0 || rule.table === wanted.table) &&
  rule.priority === wanted.priority &&
  (wanted.inInterface === undefined || rule.inInterface === wanted.inInterface) &&
  (wanted.mark === 0 || rule.mark === wanted.mark) &&
  (wanted.markMask === 0 || rule.markMask === wanted.markMask) &&
  (wanted.protocol === 0 || rule.protocol === wanted.protocol) &&
  samePrefixes(rule, wanted)

/** Of those that are asked for. */
const samePrefixes = (rule: ModelRule, wanted: ModelRule): boolean =>
  (["from", "to"] as const).every(
    (side) =>
      wanted[side] === undefined ||
      (rule[side]?.length === wanted[side].length && sameWords(rule[side].words, wanted[side].words))
  )

const notify = (kernel: ModelKernel, type: number, rule: ModelRule, origin: Origin): void => {
  if (kernel.lossesLeft > 0) {
    kernel.lossesLeft--
    kernel.output.notificationLost()
    return
  }
  writeRule(kernel.output.notification(origin.port), type, origin, 0, rule)
}
