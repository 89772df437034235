// What follows from the model kernel's nexthops, and how it refuses: shared by the requests for routes and for nexthops.
import type { ModelKernel } from "./model-state.ts"
import { Errno } from "./numbers.ts"
import type { Nexthop } from "./object.ts"

/** Why a request failed: the number and the kernel's words. */
export interface Refusal {
  readonly errno: number
  readonly text: string
}

export const refuse = (errno: number, text = ""): Refusal => ({ errno, text })

/** Malformed: too short, or an attribute is missing. */
export const MALFORMED: Refusal = refuse(Errno.EINVAL)

export const IPV4_ONLY = "IPv6 routes can not use an IPv4 nexthop"

/** Whether an IPv4 leaf is in it: then IPv6 routes refuse it. */
export const hasIpv4 = (kernel: ModelKernel, nexthop: Nexthop): boolean =>
  nexthop.members === undefined
    ? nexthop.family === 4
    : nexthop.members.some(({ id }) => kernel.nexthops.get(id)?.family === 4)

/** Whether traffic on it is dropped: a blackhole, or a group of only that. The kernel shows routes on it as blackhole routes. */
export const isBlackhole = (kernel: ModelKernel, id: number): boolean => {
  const nexthop = kernel.nexthops.get(id)
  if (nexthop === undefined) return false
  if (nexthop.members === undefined) return nexthop.blackhole
  return nexthop.members.length === 1 && kernel.nexthops.get(nexthop.members[0].id)?.blackhole === true
}
