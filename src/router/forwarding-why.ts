// Why something is not in the kernel as it should be: the way down from a route to what it waits for, one step a line.
import type { Leaf, PathList } from "../fib/index.ts"
import {
  ENTRY_STATE_NAMES,
  EntryState,
  ERROR_CLASS_NAMES,
  type Failure,
  type GroupObject,
  isUsable,
  type LeafObject,
  RouteFlag
} from "../ksync/index.ts"
import { errnoName } from "../netlink/index.ts"
import type { PrefixId } from "../rib/index.ts"
import { formatAddress } from "../wire/index.ts"
import type { Forwarding } from "./forwarding.ts"

export const failureText = (failure: Failure | undefined): string | null => {
  if (failure === undefined) return null
  const words = [failure.errno === 0 ? "" : errnoName(failure.errno), failure.text].filter((word) => word !== "")
  return `${ERROR_CLASS_NAMES[failure.errorClass]}: ${words.join(" ")}`
}

/** What a route waits for: its group, that group's neighbours, their links; or the next hops that lead nowhere. */
export const routePath = (forwarding: Forwarding, family: 0 | 1, prefix: PrefixId): ReadonlyArray<string> => {
  const { fib, kernelSide } = forwarding
  const { routes, objects } = kernelSide!.sync
  const state = routes[family].state[prefix] & RouteFlag.State
  if (state === EntryState.DeleteDeferRef) return []
  const list = fib.pathLists.get(fib.entries[family].pathList[prefix])
  if (list.kind !== "recursive") return []
  const group = objects.groupOf(list.id)
  if (list.leaves.length === 0) return nowhere(list)
  if (group === undefined || isUsable(group.state)) return []
  return [withState(`group ${group.id}`, group), ...groupPath(forwarding, group)]
}

/** What a group waits for: neighbours that are not in the kernel; or, to be deleted, what still points at it. */
export const groupPath = (forwarding: Forwarding, group: GroupObject): ReadonlyArray<string> => {
  const { objects } = forwarding.kernelSide!.sync
  if (group.state === EntryState.DeleteDeferRef)
    return group.routes === 0 ? [] : [`${group.routes} routes that point at it`]
  return group.desired.flatMap((member) => {
    const leaf = objects.leafOf(member.adjacency.key)
    if (leaf !== undefined && isUsable(leaf.state)) return []
    return [memberText(forwarding, member, leaf), ...linkPath(forwarding, member.adjacency.ifindex)]
  })
}

export const leafPath = (forwarding: Forwarding, leaf: LeafObject): ReadonlyArray<string> =>
  leaf.state === EntryState.DeleteDeferRef
    ? [`${leaf.held} groups that have it as a member`]
    : linkPath(forwarding, leaf.adjacency.ifindex)

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
const nowhere = (list: PathList): ReadonlyArray<string> =>
  list.paths.map(({ nextHop: { address } }) =>
    address === undefined ? "a link that is up" : `a way to next hop ${formatAddress(address)}`
  )
