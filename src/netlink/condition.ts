// What the kernel says of a route or nexthop of its own accord, beside its content: whether hardware forwards by it, and whether its link is up.
// Eight bits of the 32 of rtm_flags and nh_flags, so that a table of a million routes takes a million bytes.
import { NexthopFlag, RouteMessageFlag } from "./numbers.ts"

/** Bit by bit, from the lowest: the kernel's flag, and the word that iproute2 has for it. */
const CONDITIONS: ReadonlyArray<readonly [flag: number, name: string]> = [
  [NexthopFlag.Dead, "dead"],
  [NexthopFlag.LinkDown, "linkdown"],
  [NexthopFlag.Offload, "offload"],
  [NexthopFlag.Trap, "trap"],
  [RouteMessageFlag.Offload, "rt_offload"],
  [RouteMessageFlag.Trap, "rt_trap"],
  [RouteMessageFlag.OffloadFailed, "rt_offload_failed"]
]
const ALL = CONDITIONS.reduce((all, [flag]) => all | flag, 0)

/** Of the flags of a message, in a byte; 0: nothing to say. */
export const conditionOf = (flags: number): number => {
  if ((flags & ALL) === 0) return 0
  return CONDITIONS.reduce((bits, [flag], at) => ((flags & flag) === 0 ? bits : bits | (1 << at)), 0)
}

export const conditionNames = (condition: number): ReadonlyArray<string> =>
  CONDITIONS.flatMap(([, name], at) => ((condition & (1 << at)) === 0 ? [] : [name]))
