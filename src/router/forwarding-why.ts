// Why something is not in the kernel as it should be: the way down from a route to what it waits for, one step a line.
import type { Leaf, NextHop, PathList } from "../fib/index.ts"
import {
  ENTRY_STATE_NAMES,
  EntryState,
  ERROR_CLASS_NAMES,
  ErrorClass,
  type Failure,
  type GroupObject,
  isUsable,
  type LeafObject,
  RouteFlag,
  type RuleObject
} from "../ksync/index.ts"
import { Errno, errnoName } from "../netlink/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { formatAddress } from "../wire/index.ts"
import type { Forwarding } from "./forwarding.ts"
import { ruleText } from "./forwarding-rules.ts"

export const failureText = (failure: Failure | undefined): string | null => {
  if (failure === undefined) return null
  const words = [failure.errno === 0 ? "" : errnoName(failure.errno), failure.text].filter((word) => word !== "")
  return `${ERROR_CLASS_NAMES[failure.errorClass]}: ${words.join(" ")}`
}

/** What is waited for where nothing that it stands on is missing: it was refused, and what helps is this. */
const remedy = (failure: Failure | undefined, kind = "route"): ReadonlyArray<string> => {
  switch (failure?.errorClass) {
    case undefined:
      return []
    case ErrorClass.Conflict:
      return [`its place, which a ${kind} of another program has`]
    case ErrorClass.Contested:
      return ["its next try, for another program keeps undoing it"]
    case ErrorClass.Transient:
      if (failure.errno === Errno.ENOSPC) return ["a nexthop id, of which none of ours is left"]
      return REFUSED
    default:
      return REFUSED
  }
}

const REFUSED: ReadonlyArray<string> = ["its next try, for the kernel refused it"]

/** What a route waits for: its group, that group's neighbours, their links; or the next hops that lead nowhere. */
export const routePath = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): ReadonlyArray<string> => {
  const { fib, kernelSide } = forwarding
  const { routes, objects } = kernelSide!.sync
  const state = routes[family].state[prefix] & RouteFlag.State
  if (state === EntryState.DeleteDeferRef) return remedy(kernelSide!.sync.failures.get(prefix * 2 + family))
  const list = fib.pathLists.get(fib.entries[family].pathList[prefix])
  const refused = remedy(kernelSide!.sync.failures.get(prefix * 2 + family))
  if (list.kind !== "recursive") return refused
  const group = objects.groupOf(list.id)
  if (list.leaves.length === 0) return nowhere(forwarding, list)
  if (family === 1 && group?.hasIpv4 === true) return [`a next hop of IPv6 alone: IPv6 routes take no group with IPv4`]
  if (group === undefined || isUsable(group.state)) return refused
  const name = group.id > 0 ? `group ${group.id}` : "a group"
  return [withState(name, group), ...groupPath(forwarding, group)]
}

/** What a group waits for: neighbours that are not in the kernel; or, to be deleted, what still points at it. */
export const groupPath = (forwarding: Forwarding, group: GroupObject): ReadonlyArray<string> => {
  const { objects } = forwarding.kernelSide!.sync
  if (group.state === EntryState.DeleteDeferRef)
    return group.routes === 0 ? remedy(group.failure) : [`${group.routes} routes that point at it`]
  const members = group.desired.flatMap((member) => {
    const leaf = objects.leafOf(member.adjacency.key)
    if (leaf !== undefined && isUsable(leaf.state)) return []
    const below = leaf === undefined ? linkPath(forwarding, member.adjacency.ifindex) : leafPath(forwarding, leaf)
    return [memberText(forwarding, member, leaf), ...below]
  })
  return members.length === 0 ? remedy(group.failure) : members
}

export const leafPath = (forwarding: Forwarding, leaf: LeafObject): ReadonlyArray<string> => {
  if (leaf.state === EntryState.DeleteDeferRef && leaf.held > 0) return [`${leaf.held} groups that have it as a member`]
  const link = linkPath(forwarding, leaf.adjacency.ifindex)
  return link.length === 0 ? remedy(leaf.failure) : link
}

const memberText = (forwarding: Forwarding, { adjacency }: Leaf, leaf: LeafObject | undefined): string => {
  const name = forwarding.fib.interfaces.nameOf(adjacency.ifindex)
  const address = adjacency.words.length === 0 ? "directly" : formatAddress(adjacency)
  const text = `nexthop ${address} dev ${name}`
  return leaf === undefined ? text : withState(text, leaf)
}

const withState = (text: string, object: GroupObject | LeafObject): string => {
  const failure = failureText(object.failure)
  return `${text} (${ENTRY_STATE_NAMES[object.state]}${failure === null ? "" : `; ${failure}`})`
}

const linkPath = (forwarding: Forwarding, ifindex: number): ReadonlyArray<string> => {
  const { interfaces } = forwarding.fib
  return interfaces.isUp(ifindex) ? [] : [`link ${interfaces.nameOf(ifindex)}, which is down`]
}

/** None of the next hops leads anywhere: no route, no connected subnet, or a link that is down. */
const nowhere = (forwarding: Forwarding, list: PathList): ReadonlyArray<string> =>
  list.paths.flatMap(({ nextHop }) => {
    const { address } = nextHop
    const way = address === undefined ? "a link that is up" : `a way to next hop ${formatAddress(address)}`
    return [way, ...linksTo(forwarding, nextHop)]
  })

/** Links that are down: the one that the next hop is on for good, or those that have a subnet with its address. */
const linksTo = (forwarding: Forwarding, { address, ifindex }: NextHop): ReadonlyArray<string> => {
  const { interfaces } = forwarding.fib
  if (ifindex !== 0) return linkPath(forwarding, ifindex)
  if (address === undefined) return []
  return [...interfaces.values()]
    .filter((one) => interfaces.isOnSubnet(one.ifindex, address))
    .flatMap((one) => linkPath(forwarding, one.ifindex))
}

/** What a rule waits for: another of ours that is to go first, or somebody else's in its place. */
export const rulePath = ({ kernelSide }: Forwarding, rule: RuleObject): ReadonlyArray<string> => {
  if (rule.state !== EntryState.AddDefer && rule.state !== EntryState.DeleteDeferRef) return []
  const first = rule.wanted ? kernelSide!.rules.sync.hiddenBy(rule) : undefined
  return first === undefined ? remedy(rule.failure, "rule") : [`rule ${ruleText(first.content)}, which is to go first`]
}
