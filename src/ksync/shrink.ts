// A member that fails is deleted, not left out of a replaced group: the kernel takes a deleted nexthop out of all groups at once, whatever
// stands on them, while replacing a group costs it time for each IPv6 route (0.3 µs, measured on 6.18). Possible where every group that
// has the nexthop is to have just what is left of it.
import type { Leaf } from "../fib/index.ts"
import type { GroupObject, LeafObject, Member } from "./objects.ts"
import { EntryState } from "./states.ts"

/** What is left of a group when nobody's leaves are out of it, if that is what the group is to be; else undefined. */
export const shrunk = (group: GroupObject): ReadonlyArray<Member> | undefined => {
  const left = group.told.filter(({ leaf }) => leaf.users.size > 0)
  return left.length > 0 && isSameShare(left, group.desired) ? left : undefined
}

/** Whether a delete of the leaf does to each of the groups what is wanted of it, and nothing about them is under way or unknown. */
export const mayShrink = (leaf: LeafObject, holders: ReadonlyArray<GroupObject>): boolean =>
  leaf.users.size === 0 &&
  !leaf.unknown &&
  !leaf.altered &&
  (leaf.state === EntryState.InSync || leaf.state === EntryState.DeleteDeferRef) &&
  holders.length === leaf.held &&
  holders.every(
    (group) => group.state === EntryState.InSync && !group.unknown && !group.altered && shrunk(group) !== undefined
  )

/** The kernel shares by proportion: 2:2 is 1:1. */
export const isSameShare = (members: ReadonlyArray<Member>, leaves: ReadonlyArray<Leaf>): boolean =>
  members.length === leaves.length &&
  members.every(
    ({ leaf, weight }, index) =>
      leaf.adjacency.key === leaves[index].adjacency.key &&
      weight * leaves[0].weight === leaves[index].weight * members[0].weight
  )
