// What users see of the forwarding side: entries, the graph below one, kernel objects with their states, walks. Tables are generators.
import {
  type Adjacency,
  type NextHop,
  type PathList,
  SOURCE_NAMES,
  type WalkStatistics,
  walkReasonText
} from "../fib/index.ts"
import {
  type Contested,
  ENTRY_EVENT_NAMES,
  ENTRY_STATE_NAMES,
  EntryState,
  ErrorClass,
  type Failure,
  type GroupObject,
  type LeafObject,
  RouteFlag,
  type RuleObject,
  type SyncCounters
} from "../ksync/index.ts"
import { WALK_QUANTUM_NODES, WALK_SYNCHRONOUS_CHILDREN_MAX } from "../machine/index.ts"
import { conditionNames, errnoName } from "../netlink/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { formatAddress, formatPrefixWords, parseAddress, parsePrefix } from "../wire/index.ts"
import type { Forwarding, Params } from "./forwarding.ts"
import { entryGraph, wholeGraph } from "./forwarding-graph.ts"
import { missingOf } from "./forwarding-revision.ts"
import { ruleText } from "./forwarding-rules.ts"
import { failureText, groupPath, leafPath, routePath, rulePath } from "./forwarding-why.ts"

/** Entries, all or those that `prefix` or `lookup` names. */
export function* showFib(forwarding: Forwarding, params: Params): Iterable<unknown> {
  const { fib } = forwarding
  const [family, id] = selected(forwarding, params)
  if (family !== undefined) {
    if (id !== -1) yield entryRow(forwarding, family, id)
    return
  }
  for (const one of [0, 1] as const) {
    // Between rows the table may change.
    for (let prefix = 0; prefix < fib.entries[one].prefixes.bound; prefix++) {
      if (fib.entries[one].isSourced(prefix)) yield entryRow(forwarding, one, prefix)
    }
  }
}

/** The graph from an entry down to interfaces; without one, all that entries share. */
export const showGraph = (forwarding: Forwarding, params: Params): unknown => {
  const [family, id] = selected(forwarding, params)
  if (family === undefined) return wholeGraph(forwarding)
  if (id === -1) return undefined
  return { ...entryRow(forwarding, family, id), ...entryGraph(forwarding, family, id) }
}

/** Kernel objects: nexthops and groups, rules, then routes. */
export function* showKernel(forwarding: Forwarding, params: Params): Iterable<unknown> {
  const side = forwarding.kernelSide
  if (side === undefined) return
  const onlyWaiting = params["waiting"] !== undefined
  const onlyFailed = params["failed"] !== undefined
  const wanted = (isWaiting: boolean, failed: boolean): boolean =>
    (!onlyWaiting || isWaiting) && (!onlyFailed || failed)
  for (const object of side.sync.objects.byId.values()) {
    if (!wanted(isObjectWaiting(object), object.failure !== undefined)) continue
    yield object.kind === "group" ? groupRow(forwarding, object) : leafRow(forwarding, object)
  }
  for (const rule of side.rules.sync.byKey.values()) {
    const isShown = wanted(WAITING.has(rule.state), rule.failure !== undefined)
    if (rule.state !== EntryState.Init && isShown) yield ruleRow(forwarding, rule)
  }
  for (const family of [0, 1] as const) {
    const routes = side.sync.routes[family]
    for (let prefix = 0; prefix < forwarding.fib.entries[family].prefixes.bound; prefix++) {
      const bits = routes.state[prefix] ?? 0
      const state = bits & RouteFlag.State
      const failure = side.sync.failures.get(prefix * 2 + family)
      const failed = (bits & RouteFlag.Failed) !== 0
      if (state === EntryState.Init && !(onlyWaiting && isStranded(forwarding, family, prefix))) continue
      if (state === EntryState.Init || wanted(WAITING.has(state), failed))
        yield routeRow(forwarding, family, prefix, failure)
    }
  }
}

export const showWalks = (forwarding: Forwarding): unknown => {
  const { entries, graph } = forwarding.fib
  const [ipv4, ipv6] = entries.map(({ walks }) => walksRow(forwarding, walks.statistics()))
  const { walkAtOnce = WALK_SYNCHRONOUS_CHILDREN_MAX, walkQuantum = WALK_QUANTUM_NODES } =
    forwarding.kernelSide?.config ?? {}
  const { lastFinished, ...shared } = graph.walks.statistics()
  return {
    settings: { atOnce: walkAtOnce, quantum: walkQuantum },
    ipv4,
    ipv6,
    shared: {
      ...shared,
      lastFinished: lastFinished.map(({ parent, reasons, ...walk }) => ({
        node: parent,
        ...walk,
        reasons: reasons.map(walkReasonText)
      }))
    },
    settlements: forwarding.fib.settlements,
    ...(forwarding.kernelSide === undefined ? {} : { kernel: kernelCounters(forwarding, forwarding.kernelSide) })
  }
}

/** Of everything that the kernel is asked for: nexthops, groups, routes and rules. */
const kernelCounters = (forwarding: Forwarding, { sync, rules, intake }: NonNullable<Forwarding["kernelSide"]>) => {
  const counters = sync.counters()
  const names = Object.keys(counters) as Array<keyof SyncCounters>
  const sums = Object.fromEntries(names.map((name) => [name, counters[name] + rules.sync.count[name]]))
  const refusals = new Map(sync.refusals)
  for (const [errno, times] of rules.sync.refusals) refusals.set(errno, (refusals.get(errno) ?? 0) + times)
  const errors = Object.fromEntries([...refusals].map(([errno, times]) => [errnoName(errno), times]))
  const retrying = sync.resting + rules.sync.resting
  const { wanted, settled } = forwarding.revisions
  const revisions = { revision: wanted, settled, missing: missingOf(forwarding) }
  return { ...revisions, ...sums, overruns: intake.overruns, dumps: intake.completed, retrying, errors }
}

/** Durations are in grants: there is no clock here. */
const walksRow = (forwarding: Forwarding, statistics: WalkStatistics): unknown => ({
  ...statistics,
  lastFinished: statistics.lastFinished.map(({ parent, startedAt, endedAt, reasons, ...walk }) => ({
    pathList: parent,
    // Under that number there may be another path-list by now.
    nextHops: forwarding.fib.pathLists.lists[parent]?.paths.map(({ nextHop }) => nextHopText(nextHop)) ?? null,
    ...walk,
    endedAt,
    grants: endedAt - startedAt,
    reasons: reasons.map(walkReasonText)
  }))
})

const WAITING: ReadonlySet<number> = new Set([EntryState.AddDefer, EntryState.ChangeDefer, EntryState.DeleteDeferRef])

const selected = (forwarding: Forwarding, params: Params): readonly [0 | 1 | undefined, PrefixId | -1] => {
  const { fib } = forwarding
  if (params["lookup"] !== undefined) {
    const address = parseAddress(params["lookup"])
    if (address === undefined) return [0, -1]
    const family = address.family === 4 ? 0 : 1
    const entries = fib.entries[family]
    return [family, entries.prefixes.longestMatch(address.words, 0, (prefix) => entries.isSourced(prefix))]
  }
  if (params["prefix"] === undefined) return [undefined, -1]
  const prefix = parsePrefix(params["prefix"])
  if (prefix === undefined) return [0, -1]
  const family = prefix.family === 4 ? 0 : 1
  const entries = fib.entries[family]
  const id = entries.prefixes.find(prefix.words, 0, prefix.length)
  return [family, id !== -1 && entries.isSourced(id) ? id : -1]
}

const prefixText = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): string => {
  const { words, lengths, wordsPerPrefix } = forwarding.fib.entries[family].prefixes
  return formatPrefixWords(family === 0 ? 4 : 6, words, prefix * wordsPerPrefix, lengths[prefix])
}

/** Routes whose place another program's route has. */
export const conflicts = function* (forwarding: Forwarding): Iterable<string> {
  for (const [key, { errorClass }] of forwarding.kernelSide!.sync.failures) {
    if (errorClass === ErrorClass.Conflict) yield prefixText(forwarding, (key & 1) as 0 | 1, key >>> 1)
  }
}

/** What another program keeps undoing: the key of a nexthop, `group 7` by the number of its path-list, or a route. */
export const contestedText = (forwarding: Forwarding, what: Contested): string => {
  if (typeof what !== "string") return prefixText(forwarding, (what & 1) as 0 | 1, what >>> 1)
  const rule = forwarding.kernelSide?.rules.sync.byKey.get(what.replace("rule ", ""))
  if (rule !== undefined) return `rule ${ruleText(rule.content)}`
  return what.startsWith("group") ? what : `nexthop ${what}`
}

const entryRow = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): Record<string, unknown> => {
  const { fib } = forwarding
  const list = fib.pathLists.get(fib.entries[family].pathList[prefix])
  return {
    prefix: prefixText(forwarding, family, prefix),
    source: SOURCE_NAMES[fib.entries[family].rankOf(prefix)],
    pathList: list.id,
    nextHops: nextHopRows(forwarding, list),
    kernel: kernelState(forwarding, family, prefix)
  }
}

const nextHopRows = (forwarding: Forwarding, list: PathList): ReadonlyArray<unknown> => {
  const { interfaces } = forwarding.fib
  if (list.kind !== "recursive" && list.ifindex === 0) return []
  if (list.kind !== "recursive") return [{ address: null, interface: interfaces.nameOf(list.ifindex), weight: 1 }]
  // Without a kernel nothing is resolved: the next hops are shown as they were named.
  if (forwarding.kernelSide === undefined) {
    return list.paths.map(({ nextHop, weight }) => ({
      address: nextHopText(nextHop),
      interface: null,
      weight
    }))
  }
  return list.leaves.map(({ adjacency, weight }) => ({
    address: adjacency.words.length === 0 ? null : formatAddress(adjacency),
    interface: interfaces.nameOf(adjacency.ifindex),
    weight,
    ...(adjacency.labels.length === 0 ? {} : { labels: adjacency.labels })
  }))
}

const kernelState = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): string | null => {
  const routes = forwarding.kernelSide?.sync.routes[family]
  return routes === undefined ? null : ENTRY_STATE_NAMES[(routes.state[prefix] ?? 0) & RouteFlag.State]
}

/** The gateway, or the link itself. */
const gatewayText = (adjacency: Adjacency): string =>
  adjacency.words.length === 0 ? "directly" : formatAddress(adjacency)

const nextHopText = ({ address }: NextHop): string => (address === undefined ? "directly" : formatAddress(address))

/** Of a route that has been through much, where the oldest transition came from is not kept. */
const historyRows = (
  history: ReadonlyArray<{ readonly from: number | undefined; readonly to: number; readonly event: number }>
): ReadonlyArray<string> =>
  history.map(
    ({ from, to, event }) =>
      `${from === undefined ? "…" : ENTRY_STATE_NAMES[from]} ${ENTRY_EVENT_NAMES[event]} ${ENTRY_STATE_NAMES[to]}`
  )

/** A route that cannot begin: its next hops lead nowhere. */
const isStranded = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): boolean =>
  (forwarding.fib.entries[family].pathList[prefix] ?? 0) !== 0 && routePath(forwarding, family, prefix).length > 0

/** What comes first on the way, without its state. */
const firstOf = (path: ReadonlyArray<string>): string | null => path[0]?.replace(/ \(.*/, "") ?? null

/** `offload`, `rt_offload_failed` … as iproute2 names them; only where the kernel said something. */
const conditionMember = (condition: number): { readonly flags?: ReadonlyArray<string> } =>
  condition === 0 ? {} : { flags: conditionNames(condition) }

/** What has no number waits for one before anything else. */
const isObjectWaiting = ({ state, id }: LeafObject | GroupObject): boolean => WAITING.has(state) || id < 0

/** Null where no number was left for it. */
const indexOf = ({ id }: LeafObject | GroupObject): number | null => (id > 0 ? id : null)

const leafRow = (forwarding: Forwarding, leaf: LeafObject): unknown => ({
  kind: "nexthop",
  key: `${gatewayText(leaf.adjacency)} dev ${forwarding.fib.interfaces.nameOf(leaf.adjacency.ifindex)}`,
  index: indexOf(leaf),
  state: ENTRY_STATE_NAMES[leaf.state],
  references: leaf.held,
  neighbour: forwarding.kernelSide!.intake.neighbours.stateOf(leaf.adjacency),
  waitingFor: isObjectWaiting(leaf) ? firstOf(leafPath(forwarding, leaf)) : null,
  path: isObjectWaiting(leaf) ? leafPath(forwarding, leaf) : [],
  error: failureText(leaf.failure),
  ...conditionMember(leaf.condition),
  history: historyRows(leaf.history)
})

const groupRow = (forwarding: Forwarding, group: GroupObject): unknown => {
  const members = group.wanted
    ? group.desired
    : group.told.map(({ leaf, weight }) => ({ adjacency: leaf.adjacency, weight }))
  const path = isObjectWaiting(group) ? groupPath(forwarding, group) : []
  return {
    kind: "group",
    key: members.map(({ adjacency, weight }) => `${gatewayText(adjacency)}*${weight}`).join(" "),
    index: indexOf(group),
    state: ENTRY_STATE_NAMES[group.state],
    references: group.routes,
    waitingFor: firstOf(path),
    path,
    error: failureText(group.failure),
    ...conditionMember(group.condition),
    history: historyRows(group.history)
  }
}

const ruleRow = (forwarding: Forwarding, rule: RuleObject): unknown => {
  const path = rulePath(forwarding, rule)
  return {
    kind: "rule",
    key: ruleText(rule.content),
    index: rule.content.priority,
    state: ENTRY_STATE_NAMES[rule.state],
    references: 0,
    waitingFor: firstOf(path),
    path,
    error: failureText(rule.failure),
    history: historyRows(rule.history)
  }
}

const routeRow = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId, failure: Failure | undefined): unknown => {
  const { sync } = forwarding.kernelSide!
  const state = sync.routes[family].state[prefix] & RouteFlag.State
  const path = WAITING.has(state) || state === EntryState.Init ? routePath(forwarding, family, prefix) : []
  return {
    kind: "route",
    key: prefixText(forwarding, family, prefix),
    index: sync.routes[family].told[prefix],
    state: ENTRY_STATE_NAMES[state],
    references: 0,
    waitingFor: firstOf(path),
    path,
    error: failureText(failure),
    ...conditionMember(sync.routes[family].conditionOf(prefix)),
    history: historyRows(sync.routes[family].history(prefix))
  }
}
