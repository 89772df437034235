// The distinct next hops that routes name, under small numbers: what the decision process asks the forwarding graph about.
import { type Address, formatAddress } from "../wire/index.ts"

export type NextHopId = number

export class NextHops {
  readonly addresses: Array<Address> = []
  /** 1 = usable. Until somebody tracks next hops, all are. */
  readonly reachable: Array<0 | 1> = []
  /** Interior cost to the next hop; 0 where nothing is known. */
  readonly metrics: Array<number> = []
  private readonly ipv4 = new Map<number, NextHopId>()
  private readonly ipv6 = new Map<string, NextHopId>()

  intern(address: Address): NextHopId {
    const known =
      address.family === 4 ? this.ipv4.get(address.words[0]) : this.ipv6.get(formatAddress(address))
    if (known !== undefined) return known
    const id = this.addresses.length
    this.addresses.push(address)
    this.reachable.push(1)
    this.metrics.push(0)
    if (address.family === 4) this.ipv4.set(address.words[0], id)
    else this.ipv6.set(formatAddress(address), id)
    return id
  }

  text(id: NextHopId): string {
    return formatAddress(this.addresses[id])
  }
}
