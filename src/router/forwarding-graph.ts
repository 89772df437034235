// `show graph`: the forwarding graph as data, from an entry down to links, or all of it; beside each node what the kernel has for it. An
// entry is a route there, a path-list a group, a neighbour a nexthop; a next hop has no object of its own.
import {
  type Adjacency,
  Constraint,
  isPathUsable,
  isUsable,
  type Leaf,
  type Neighbour,
  type NextHop,
  type PathList,
  SOURCE_NAMES
} from "../fib/index.ts"
import { ENTRY_STATE_NAMES, isDiscard, RouteFlag } from "../ksync/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { formatAddress, formatPrefixWords } from "../wire/index.ts"
import type { Forwarding } from "./forwarding.ts"

/** From an entry down. A path-list that is reached in several ways is opened out once. */
export const entryGraph = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): Record<string, unknown> => {
  const entries = forwarding.fib.entries[family]
  const routes = forwarding.kernelSide?.sync.routes[family]
  const list = forwarding.fib.pathLists.get(entries.pathList[prefix])
  return {
    sources: entries.sourcesOf(prefix).map(({ rank, distance, metric, pathList }) => ({
      source: SOURCE_NAMES[rank],
      distance,
      metric,
      pathList
    })),
    route:
      routes === undefined
        ? null
        : {
            // What discards has no group.
            group: isDiscard(routes.told[prefix] ?? 0) ? 0 : (routes.told[prefix] ?? 0),
            state: ENTRY_STATE_NAMES[(routes.state[prefix] ?? 0) & RouteFlag.State]
          },
    graph: listNode(forwarding, list, new Set())
  }
}

/** Every shared node: path-lists with how many entries stand on them, links with their neighbours. */
export const wholeGraph = (forwarding: Forwarding): Record<string, unknown> => {
  const { fib } = forwarding
  const lists = fib.pathLists.lists.filter((list) => list !== undefined)
  return {
    nodes: fib.graph.size,
    edges: fib.graph.edgeCount,
    pathLists: lists.map((list) => listNode(forwarding, list, new Set(lists))),
    interfaces: [...fib.interfaces.values()].map(({ ifindex, up }) => ({
      interface: fib.interfaces.nameOf(ifindex),
      up,
      neighbours: fib.neighbours
        .values()
        .filter(({ adjacency }) => adjacency.ifindex === ifindex)
        .map((neighbour) => neighbourNode(forwarding, neighbour))
    }))
  }
}

const listNode = (forwarding: Forwarding, list: PathList, opened: Set<PathList>): Record<string, unknown> => {
  const { fib } = forwarding
  opened.add(list)
  const node = {
    pathList: list.id,
    kind: list.kind,
    usable: isUsable(list),
    metric: list.metric,
    entries: { ipv4: fib.entries[0].children.count(list.id), ipv6: fib.entries[1].children.count(list.id) }
  }
  if (list.kind !== "recursive") {
    return list.ifindex === 0 ? node : { ...node, interface: fib.interfaces.nameOf(list.ifindex) }
  }
  return {
    ...node,
    kernel: groupOf(forwarding, list),
    ...(list.exitFailed ? { exitFailed: true } : {}),
    ...(list.reserve.length === 0 ? {} : { reserve: list.reserve.map((leaf) => leafText(forwarding, leaf)) }),
    paths: list.paths.map((_, index) => pathNode(forwarding, list, index, opened))
  }
}

const pathNode = (
  forwarding: Forwarding,
  list: PathList,
  index: number,
  opened: Set<PathList>
): Record<string, unknown> => {
  const { fib } = forwarding
  const { nextHop, weight, preference, constraint, labels } = list.paths[index]
  const { neighbour, via } = nextHop
  const usable = isPathUsable(list, index)
  return {
    nextHop: nextHop.address === undefined ? null : formatAddress(nextHop.address),
    weight,
    preference,
    usable,
    used: usable && preference === list.preference,
    looped: list.looped[index],
    ...(constraint === Constraint.None ? {} : { constraint: constraintText(constraint) }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(nextHop.isDown ? { sessionDown: true } : {}),
    ...(nextHop.isGone ? { linkRemoved: true } : {}),
    ...(nextHop.cover === -1 ? {} : { covering: coverText(forwarding, nextHop) }),
    ...(neighbour === undefined
      ? {}
      : {
          interface: fib.interfaces.nameOf(neighbour.adjacency.ifindex),
          neighbour: neighbourNode(forwarding, neighbour, labels)
        }),
    ...(via === undefined
      ? {}
      : { via: opened.has(via) ? { pathList: via.id, kind: via.kind } : listNode(forwarding, via, opened) })
  }
}

const neighbourNode = (
  forwarding: Forwarding,
  neighbour: Neighbour,
  labels: ReadonlyArray<number> = []
): Record<string, unknown> => {
  const { adjacency } = neighbour
  return {
    address: adjacency.words.length === 0 ? null : formatAddress(adjacency),
    interface: forwarding.fib.interfaces.nameOf(adjacency.ifindex),
    up: forwarding.fib.neighbours.isUsable(neighbour),
    resolved: forwarding.kernelSide?.intake.neighbours.stateOf(adjacency) ?? null,
    kernel: labels.length > 0 ? null : nexthopOf(forwarding, adjacency)
  }
}

const groupOf = (forwarding: Forwarding, list: PathList): unknown => {
  const group = forwarding.kernelSide?.sync.objects.groupOf(list.id)
  if (group === undefined) return null
  const members = group.told.map(({ leaf: { adjacency }, weight }) => leafText(forwarding, { adjacency, weight }))
  return { index: group.id, state: ENTRY_STATE_NAMES[group.state], routes: group.routes, members }
}

const nexthopOf = (forwarding: Forwarding, { key }: Adjacency): unknown => {
  const leaf = forwarding.kernelSide?.sync.objects.leafOf(key)
  return leaf === undefined ? null : { index: leaf.id, state: ENTRY_STATE_NAMES[leaf.state], groups: leaf.held }
}

/** `10.0.0.1 dev eth0*3`, as in the kernel's own words. */
const leafText = (forwarding: Forwarding, { adjacency, weight }: Leaf): string => {
  const via = adjacency.words.length === 0 ? "" : `${formatAddress(adjacency)} `
  const labels = adjacency.labels.length === 0 ? "" : `label ${adjacency.labels.join("/")} `
  return `${labels}${via}dev ${forwarding.fib.interfaces.nameOf(adjacency.ifindex)}*${weight}`
}

const coverText = ({ fib }: Forwarding, { family, cover }: NextHop): string => {
  const { words, lengths, wordsPerPrefix } = fib.entries[family].prefixes
  return formatPrefixWords(family === 0 ? 4 : 6, words, cover * wordsPerPrefix, lengths[cover])
}

const constraintText = (constraint: number): string =>
  [(constraint & Constraint.Host) === 0 ? "" : "host", (constraint & Constraint.Attached) === 0 ? "" : "attached"]
    .filter((text) => text !== "")
    .join(" ")
