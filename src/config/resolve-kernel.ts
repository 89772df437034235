// The section `kernel` as the router takes it.
import type { KernelConfig, KernelRule } from "../router/index.ts"
import type { ConfigFile } from "./file-schema.ts"
import { parseMark } from "./kernel-schema.ts"
import { parseNetwork, parseTable, valueOf } from "./values.ts"

type KernelFile = NonNullable<ConfigFile["kernel"]>
type RuleFile = NonNullable<KernelFile["rules"]>[number]

/** What `ip nexthop` and the kernel take when nothing is said. */
const BUCKETS = 128
const IDLE_SECONDS = 120

export const resolveKernel = (kernel: KernelFile): KernelConfig => {
  const table = valueOf(parseTable(kernel.table ?? "main"))
  const groups = resolveGroups(kernel.groups)
  return {
    table,
    metric: kernel.metric ?? 20,
    onExit: kernel["on-exit"] ?? "keep",
    model: kernel.model ?? false,
    ...(kernel["walk-at-once"] === undefined ? {} : { walkAtOnce: kernel["walk-at-once"] }),
    ...(kernel["walk-quantum"] === undefined ? {} : { walkQuantum: kernel["walk-quantum"] }),
    ...(kernel.reserve === undefined ? {} : { reserve: kernel.reserve }),
    ...(kernel.standby === undefined ? {} : { standby: kernel.standby }),
    ...(groups === undefined ? {} : { groups }),
    ...(kernel.rules === undefined ? {} : { rules: kernel.rules.flatMap((rule) => resolveRule(rule, table)) })
  }
}

/** Seconds become hundredths, the kernel's unit here. */
const resolveGroups = (groups: KernelFile["groups"]): KernelConfig["groups"] =>
  groups?.type !== "resilient"
    ? undefined
    : {
        buckets: groups.buckets ?? BUCKETS,
        idleTimer: (groups["idle-timer"] ?? IDLE_SECONDS) * 100,
        unbalancedTimer: (groups["unbalanced-timer"] ?? 0) * 100
      }

const resolveRule = (rule: RuleFile, ownTable: number): ReadonlyArray<KernelRule> => {
  const { priority, iif, fwmark } = rule
  const { mark, mask } = fwmark === undefined ? { mark: undefined, mask: undefined } : valueOf(parseMark(fwmark))
  const [from, to] = [rule.from, rule.to].map((prefix) =>
    prefix === undefined ? undefined : valueOf(parseNetwork(prefix))
  )
  const common = {
    priority,
    table: rule.table === undefined ? ownTable : valueOf(parseTable(rule.table)),
    // All addresses are no condition.
    ...(from === undefined || from.endsWith("/0") ? {} : { from }),
    ...(to === undefined || to.endsWith("/0") ? {} : { to }),
    ...(iif === undefined ? {} : { iif }),
    ...(mark === undefined ? {} : { mark }),
    ...(mask === undefined ? {} : { markMask: mask })
  }
  return familiesOf(rule.family, from ?? to).map((family) => ({ family, ...common }))
}

/** Of its addresses, or as it says, or both. */
export const familiesOf = (family: unknown, prefix: string | undefined): ReadonlyArray<4 | 6> => {
  if (prefix !== undefined) return [prefix.includes(":") ? 6 : 4]
  return family === "ipv4" ? [4] : family === "ipv6" ? [6] : [4, 6]
}
