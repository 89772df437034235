// Links and addresses as the kernel tells them, by dump or by news: what next hops are reached through. The kernel is silent about much of what goes
// with a link; the mirror is told of each that is lost (measured on 6.18).
import type { Fib } from "../fib/index.ts"
import type { KernelSync } from "../ksync/index.ts"
import { decodeAddressMessage, decodeLink, LinkFlag } from "../netlink/index.ts"

const ADDRESS_FLAG_NO_PREFIX_ROUTE = 0x200

export class ForwardingLinks {
  private readonly fib: Fib
  private readonly sync: KernelSync
  /** What the dump under way has shown. */
  private readonly seenLinks = new Set<number>()
  private readonly seenAddresses = new Set<string>()

  constructor(fib: Fib, sync: KernelSync) {
    this.fib = fib
    this.sync = sync
  }

  /** A dump begins. */
  begin(): void {
    this.seenLinks.clear()
    this.seenAddresses.clear()
  }

  /** As `linkChanged`, out of a dump. */
  linkDumped(bytes: Uint8Array, at: number, end: number): boolean {
    this.seenLinks.add(decodeLink(bytes, at, end).index)
    return this.linkChanged(true, bytes, at, end)
  }

  /** True: nexthops of ours went with it, or may have; the news may be older than our last requests. */
  linkChanged(present: boolean, bytes: Uint8Array, at: number, end: number): boolean {
    const { index, name, usable, flags } = decodeLink(bytes, at, end)
    // Bridges repeat their ports' news under their own address family.
    if (index === 0 || bytes[at] !== 0) return false
    if (!present) return this.linkRemoved(index)
    const { interfaces } = this.fib
    const { objects } = this.sync
    const wasUp = interfaces.isUp(index)
    const isLost = interfaces.setLink(index, name, usable, (flags & LinkFlag.Loopback) !== 0)
    const isOurLoss = isLost && objects.linkLost(index)
    if (!wasUp && usable) objects.linkChanged()
    return isOurLoss
  }

  /** Links that the dump did not show are gone. True as for `linkChanged`. */
  linksComplete(): boolean {
    const gone = [...this.fib.interfaces.values()].filter(({ ifindex }) => !this.seenLinks.has(ifindex))
    return gone.map(({ ifindex }) => this.linkRemoved(ifindex)).includes(true)
  }

  addressChanged(present: boolean, bytes: Uint8Array, at: number, end: number): void {
    const { family, ifindex, length, words, local, flags } = decodeAddressMessage(bytes, at, end)
    const count = family === 4 ? 1 : 4
    if (family === 0 || words.length !== count || local.length !== count || length > count * 32) return
    // Without its prefix route an address connects us to nobody.
    const alone = (flags & ADDRESS_FLAG_NO_PREFIX_ROUTE) !== 0
    const own = { family, words: local }
    const peer = alone ? own : { family, words }
    const bits = alone ? count * 32 : length
    const { interfaces } = this.fib
    if (!present) {
      interfaces.removeAddress(ifindex, own, peer, bits)
      return
    }
    interfaces.addAddress(ifindex, own, peer, bits)
    this.seenAddresses.add(interfaces.addressSeen(ifindex, own, peer, bits))
    this.sync.objects.linkChanged()
  }

  addressesComplete(): void {
    this.fib.interfaces.retainAddresses(this.seenAddresses)
  }

  private linkRemoved(ifindex: number): boolean {
    this.fib.interfaces.removeLink(ifindex)
    return this.sync.objects.linkLost(ifindex)
  }
}
