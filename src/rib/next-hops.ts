// The distinct next hops that routes name, under small numbers: what the decision process asks the forwarding graph about.
import { assert } from "../machine/index.ts"
import { type Address, formatAddress } from "../wire/index.ts"

export type NextHopId = number

export class NextHops {
  readonly addresses: Array<Address> = []
  /** 1 = usable. Until somebody tracks next hops, all are. */
  readonly reachable: Array<0 | 1> = []
  /** Interior cost to the next hop; 0 where nothing is known. */
  readonly metrics: Array<number> = []
  /** Attribute sets that name it. */
  private readonly uses: Array<number> = []
  /** Ids that came into use or fell out of it since they were last drained. */
  private readonly turned = new Set<NextHopId>()
  private readonly ipv4 = new Map<number, NextHopId>()
  private readonly ipv6 = new Map<string, NextHopId>()

  find(address: Address): NextHopId | -1 {
    return (address.family === 4 ? this.ipv4.get(address.words[0]) : this.ipv6.get(formatAddress(address))) ?? -1
  }

  intern(address: Address): NextHopId {
    const known = this.find(address)
    if (known !== -1) return known
    const id = this.addresses.length
    this.addresses.push(address)
    this.reachable.push(1)
    this.metrics.push(0)
    this.uses.push(0)
    if (address.family === 4) this.ipv4.set(address.words[0], id)
    else this.ipv6.set(formatAddress(address), id)
    return id
  }

  retain(id: NextHopId): void {
    if (this.uses[id]++ === 0) this.turned.add(id)
  }

  release(id: NextHopId): void {
    assert(this.uses[id] > 0, "release of a next hop that nobody uses")
    if (--this.uses[id] === 0) this.turned.add(id)
  }

  isUsed(id: NextHopId): boolean {
    return this.uses[id] > 0
  }

  /** Visits what came into use (or fell out of it) and is still so; the other kind stays for its own visit. */
  drainTurned(used: boolean, visit: (id: NextHopId) => void): void {
    if (this.turned.size === 0) return
    for (const id of this.turned) {
      if (this.isUsed(id) !== used) continue
      this.turned.delete(id)
      visit(id)
    }
  }

  text(id: NextHopId): string {
    return formatAddress(this.addresses[id])
  }
}
