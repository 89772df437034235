// Which gateways the model kernel takes, of nexthops and of routes that name theirs themselves.
import { type Refusal, refuse } from "./model-facts.ts"
import { leadsToMain } from "./model-rules.ts"
import { covers, type ModelKernel, sameWords } from "./model-state.ts"
import { Errno } from "./numbers.ts"
import type { Nexthop } from "./object.ts"

/** A gateway must be on the link, unless it is declared to be. */
export const judgeGateway = (
  kernel: ModelKernel,
  { family, gateway, ifindex, onlink }: Pick<Nexthop, "family" | "gateway" | "ifindex" | "onlink">
): Refusal | undefined => {
  if (gateway === undefined) return undefined
  if (gateway.length !== (family === 4 ? 1 : 4)) return refuse(Errno.EINVAL, "Invalid gateway")
  const own = kernel.addresses.some((address) => address.ifindex === ifindex && sameWords(address.words, gateway))
  if (family === 4) return judgeGateway4(kernel, gateway, ifindex, onlink, own)
  if (gateway[0] >>> 24 === 0xff) return refuse(Errno.EINVAL, "Invalid gateway address")
  if (own) return refuse(Errno.EINVAL, "Gateway can not be a local address")
  if (onlink || gateway[0] >>> 22 === LINK_LOCAL_10_BITS) return undefined
  return onLink(kernel, gateway, ifindex) ? undefined : refuse(Errno.EHOSTUNREACH)
}

const judgeGateway4 = (
  kernel: ModelKernel,
  gateway: ReadonlyArray<number>,
  ifindex: number,
  onlink: boolean,
  own: boolean
): Refusal | undefined => {
  const multicast = gateway[0] >>> 28 === 0xe
  if (onlink) return own || multicast ? refuse(Errno.EINVAL, "Nexthop has invalid gateway") : undefined
  const broadcast = kernel.addresses.some(
    ({ family, length, words }) =>
      family === 4 && length < 31 && gateway[0] === (words[0] | (0xffff_ffff >>> length)) >>> 0
  )
  if (broadcast) return refuse(Errno.EINVAL, "Nexthop has invalid gateway")
  return onLink(kernel, gateway, ifindex) ? undefined : refuse(Errno.ENETUNREACH, "Nexthop has invalid gateway")
}

const LINK_LOCAL_10_BITS = 0xfe80 >>> 6

/** A connected route says so; a link that is down has none. IPv4 looks for it as the rules say, IPv6 in the main table. */
const onLink = (kernel: ModelKernel, gateway: ReadonlyArray<number>, ifindex: number): boolean =>
  (gateway.length > 1 || leadsToMain(kernel, gateway)) &&
  kernel.links.get(ifindex)?.up === true &&
  kernel.addresses.some(
    ({ words, length, ifindex: on }) =>
      on === ifindex && words.length === gateway.length && covers(words, length, gateway)
  )
