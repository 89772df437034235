// What the kernel tells about links and addresses: from them come the connected prefixes (a link's subnets while the link can carry
// traffic) and our own addresses. Observed only, never written.
import type { Address } from "../wire/index.ts"
import { addressKey } from "./paths.ts"

export interface Interface {
  readonly ifindex: number
  /** Of its own among all links that there ever were: names and indexes are used again. */
  readonly serial: number
  name: string
  /** Administratively up and with carrier. */
  up: boolean
  /** What is "on" a loopback link is ours, not a neighbour's. */
  loopback: boolean
  /** By address and prefix length. */
  readonly addresses: Map<string, InterfaceAddress>
}

export interface InterfaceAddress {
  readonly local: Address
  /** The subnet: the peer's for point-to-point links. Bits beyond `length` are zero. */
  readonly subnet: Address
  readonly length: number
}

/** Who is told when a connected prefix appears or goes, and when a link does. */
export interface ConnectedListener {
  /** Links without any subnet carry traffic too: to next hops that name them. */
  linkChanged(ifindex: number, up: boolean): void
  /** Whoever named it named something that is not there any more. */
  linkRemoved(ifindex: number): void
  connectedChanged(
    kind: "attached" | "local",
    address: Address,
    length: number,
    ifindex: number,
    present: boolean
  ): void
}

export class Interfaces {
  private readonly byIndex = new Map<number, Interface>()
  private readonly listener: ConnectedListener
  private serials = 0
  /** Another number whenever a link came, went or has another name. */
  revision = 0

  constructor(listener: ConnectedListener) {
    this.listener = listener
  }

  get(ifindex: number): Interface | undefined {
    return this.byIndex.get(ifindex)
  }

  nameOf(ifindex: number): string {
    return this.byIndex.get(ifindex)?.name || `#${ifindex}`
  }

  byName(name: string): Interface | undefined {
    for (const link of this.byIndex.values()) if (link.name === name) return link
    return undefined
  }

  isUp(ifindex: number): boolean {
    return this.byIndex.get(ifindex)?.up === true
  }

  /** Whether the address is in a subnet of the link; link-local ones always are. */
  isOnSubnet(ifindex: number, address: Address): boolean {
    if (isLinkLocal(address)) return true
    const link = this.byIndex.get(ifindex)
    for (const { subnet, length } of link?.addresses.values() ?? []) {
      if (subnet.family === address.family && addressKey(masked(address, length)) === addressKey(subnet)) return true
    }
    return false
  }

  values(): IterableIterator<Interface> {
    return this.byIndex.values()
  }

  /** Returns true where the link went from usable to unusable. */
  setLink(ifindex: number, name: string, up: boolean, loopback: boolean): boolean {
    const link = this.ensure(ifindex)
    link.loopback = loopback
    if (link.name !== name) this.revision++
    link.name = name
    if (link.up === up) return false
    link.up = up
    for (const address of link.addresses.values()) this.announceSubnet(link, address, up)
    this.listener.linkChanged(ifindex, up)
    return !up
  }

  removeLink(ifindex: number): boolean {
    const link = this.byIndex.get(ifindex)
    if (link === undefined) return false
    const wentDown = this.setLink(ifindex, this.nameOf(ifindex), false, link.loopback)
    for (const address of link.addresses.values()) this.announceOwn(link, address, false)
    this.byIndex.delete(ifindex)
    this.revision++
    this.listener.linkRemoved(ifindex)
    return wentDown
  }

  addAddress(ifindex: number, local: Address, peer: Address, length: number): void {
    const link = this.ensure(ifindex)
    const key = keyOf(local, peer, length)
    if (link.addresses.has(key)) return
    const address = { local, subnet: masked(peer, length), length }
    link.addresses.set(key, address)
    this.announce(link, address, true)
  }

  removeAddress(ifindex: number, local: Address, peer: Address, length: number): void {
    const link = this.byIndex.get(ifindex)
    const key = keyOf(local, peer, length)
    const address = link?.addresses.get(key)
    if (link === undefined || address === undefined) return
    link.addresses.delete(key)
    this.announce(link, address, false)
  }

  /** Forgets what a complete dump did not show. `seen` holds the keys that `addressSeen` made. */
  retainAddresses(seen: ReadonlySet<string>): void {
    for (const link of this.byIndex.values()) {
      for (const [key, address] of link.addresses) {
        if (seen.has(`${link.ifindex} ${key}`)) continue
        link.addresses.delete(key)
        this.announce(link, address, false)
      }
    }
  }

  addressSeen(ifindex: number, local: Address, peer: Address, length: number): string {
    return `${ifindex} ${keyOf(local, peer, length)}`
  }

  private ensure(ifindex: number): Interface {
    let link = this.byIndex.get(ifindex)
    if (link === undefined) {
      link = { ifindex, serial: ++this.serials, name: "", up: false, loopback: false, addresses: new Map() }
      this.byIndex.set(ifindex, link)
    }
    return link
  }

  private announce(link: Interface, address: InterfaceAddress, present: boolean): void {
    this.announceOwn(link, address, present)
    if (link.up) this.announceSubnet(link, address, present)
  }

  /** Our address is ours whether or not its link carries traffic: no other route may lead packets to it away. */
  private announceOwn(link: Interface, { local }: InterfaceAddress, present: boolean): void {
    if (isLinkLocal(local)) return
    this.listener.connectedChanged("local", local, local.words.length * 32, link.ifindex, present)
  }

  private announceSubnet(link: Interface, { local, subnet, length }: InterfaceAddress, present: boolean): void {
    if (isLinkLocal(local)) return
    if (length === local.words.length * 32 && addressKey(subnet) === addressKey(local)) return
    this.listener.connectedChanged(link.loopback ? "local" : "attached", subnet, length, link.ifindex, present)
  }
}

/** Link-local subnets are on every link: a next hop there needs its interface named, longest match cannot find it. RFC 4007 §9 */
const isLinkLocal = (local: Address): boolean => local.family === 6 && local.words[0] >>> 22 === LINK_LOCAL_TOP_BITS

const keyOf = (local: Address, peer: Address, length: number): string =>
  `${addressKey(local)} ${addressKey(peer)}/${length}`

const masked = (address: Address, length: number): Address => ({
  family: address.family,
  words: address.words.map((word, index) => {
    const bits = Math.min(32, Math.max(0, length - index * 32))
    return bits === 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0
  })
})

/** fe80::/10, RFC 4291 §2.4. */
const LINK_LOCAL_TOP_BITS = 0x3fa
