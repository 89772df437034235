// A model kernel as lines of text, much as `ip route` shows one: our routes with the gateways they go by.
import type { ModelKernel, ModelKernelEvent } from "../../src/netlink/index.ts"
import { formatAddress, formatPrefix, parseAddress } from "../../src/wire/index.ts"

const PROTOCOL_BGP = 186
/** By rtnetlink's type of route. */
const DISCARDS: Readonly<Record<number, string>> = { 6: "blackhole", 7: "unreachable", 8: "prohibit" }

/** An Ethernet interface with the address in a /24. */
export const ethernet = (address: string): ReadonlyArray<ModelKernelEvent> => [
  { _tag: "LinkAdded", index: 2, name: "eth0", up: true, carrier: true },
  { _tag: "AddressAdded", family: 4, ifindex: 2, words: parseAddress(address)!.words, length: 24 }
]

/** Routes that carry our protocol number, whoever left them there. */
export const kernelLines = (kernel: ModelKernel): ReadonlyArray<string> =>
  [...kernel.tables[4].values(), ...kernel.tables[6].values()]
    .flatMap((table) => [...table.values()].flat())
    .filter(({ protocol }) => protocol === PROTOCOL_BGP)
    .map((route) =>
      DISCARDS[route.type] === undefined
        ? `${formatPrefix(route)} via ${gatewaysOf(kernel, route.nexthopId).join(" ")}`
        : `${DISCARDS[route.type]} ${formatPrefix(route)}`
    )
    .sort()

const gatewaysOf = (kernel: ModelKernel, id: number): ReadonlyArray<string> => {
  const nexthop = kernel.nexthops.get(id)
  if (nexthop === undefined) return ["nothing"]
  const { gateway, members } = nexthop
  if (members !== undefined) return members.flatMap((member) => gatewaysOf(kernel, member.id)).sort()
  return [gateway === undefined ? "the link" : formatAddress({ family: gateway.length === 1 ? 4 : 6, words: gateway })]
}
