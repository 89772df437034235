// A TCP connection as the router sees it: the bytes that wait for the rest of their message, what was negotiated on it, and how much
// of what we sent has not left yet.

import type { Lease, Mask } from "../buffers/index.ts"
import type { ConnId } from "../eventlog/index.ts"
import { EXTENDED_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX, type Micros } from "../machine/index.ts"
import type { Membership } from "../rib/index.ts"
import type { Negotiated } from "../session/index.ts"
import { frame, type UpdateContext } from "../wire/index.ts"
import type { Intake } from "./canonical.ts"

const HEADER_BYTES = 19

/** What an Established connection carries besides its bytes. */
export interface Session {
  readonly negotiated: Negotiated
  readonly context: UpdateContext
  /** What the peer's messages may need of whoever reads them. */
  readonly mask: Mask
  readonly intake: Intake
  readonly memberships: Array<Membership>
  /** Families, as bits, whose routes could not be read and are not listened to any more (RFC 7606 §2). */
  disabled: number
  /** When a message last came; the hold timer compares against it when it fires. */
  lastHeardAt: Micros
  /** The hold timer has fired once with nothing heard: what waits in the socket is read before the verdict. */
  graceGiven: boolean
}

export class Connection {
  readonly conn: ConnId
  readonly peer: number
  remote = ""
  local = ""
  session: Session | undefined
  /** Bytes sent that are not known to have left our memory. */
  unsentBytes = 0
  /** Of these, the bytes that the WantDrained under way answers for; 0: none is. */
  drainingBytes = 0
  /** Blocks in which they lie, and of these the ones that the WantDrained answers for. */
  unsentBlocks = 0
  private drainingBlocks = 0
  private lastBlock: Lease = 0
  /** We closed it: what still arrives is not for us. */
  closing = false
  private carry: Uint8Array | undefined
  private carried = 0

  constructor(conn: ConnId, peer: number) {
    this.conn = conn
    this.peer = peer
  }

  /** Bytes that wait for the rest of their message. */
  get carriedBytes(): number {
    return this.carried
  }

  get messageBytesMax(): number {
    return this.session?.negotiated.extendedMessage === true ? EXTENDED_MESSAGE_BYTES_MAX : MESSAGE_BYTES_MAX
  }

  /** Notes that a part of a block is to be sent. */
  queue(block: Lease, sizeBytes: number): void {
    this.unsentBytes += sizeBytes
    if (block === this.lastBlock) return
    this.lastBlock = block
    this.unsentBlocks++
  }

  /** From here on it is known what is to leave until Drained. */
  beginDraining(): void {
    this.drainingBytes = this.unsentBytes
    this.drainingBlocks = this.unsentBlocks
  }

  drained(): void {
    this.unsentBytes = Math.max(0, this.unsentBytes - this.drainingBytes)
    this.unsentBlocks = Math.max(0, this.unsentBlocks - this.drainingBlocks)
    this.drainingBytes = 0
    this.drainingBlocks = 0
  }

  /**
   * Cuts received bytes into messages. Only a message that straddles two chunks is copied. `take` gets each whole message and says
   * whether to go on; `broken` gets the place of a header that cannot be one (its verdict as `wire`'s `frame` gives it).
   */
  receive(
    bytes: Uint8Array,
    take: (bytes: Uint8Array, at: number, length: number) => boolean,
    broken: (bytes: Uint8Array, at: number, verdict: number) => void
  ): void {
    let at = 0
    if (this.carried > 0) {
      at = this.completeCarried(bytes, take, broken)
      if (at < 0) return
    }
    while (at < bytes.length) {
      const length = frame(bytes, at, bytes.length, this.messageBytesMax)
      if (length < 0) {
        broken(bytes, at, length)
        return
      }
      if (length === 0 || at + length > bytes.length) break
      if (!take(bytes, at, length)) return
      at += length
    }
    if (at < bytes.length) this.keep(bytes, at, bytes.length)
  }

  /** Adds to the message begun in an earlier chunk. Returns where the new chunk goes on, or -1 to stop. */
  private completeCarried(
    bytes: Uint8Array,
    take: (bytes: Uint8Array, at: number, length: number) => boolean,
    broken: (bytes: Uint8Array, at: number, verdict: number) => void
  ): number {
    let at = 0
    if (this.carried < HEADER_BYTES) {
      at = Math.min(HEADER_BYTES - this.carried, bytes.length)
      this.keep(bytes, 0, at)
      if (this.carried < HEADER_BYTES) return -1
    }
    const begun = this.carry!
    const length = frame(begun, 0, this.carried, this.messageBytesMax)
    if (length < 0) {
      broken(begun, 0, length)
      return -1
    }
    const missing = Math.min(length - this.carried, bytes.length - at)
    this.keep(bytes, at, at + missing)
    if (this.carried < length) return -1
    this.carried = 0
    // The carry may have moved to a larger buffer meanwhile.
    return take(this.carry!, 0, length) ? at + missing : -1
  }

  private keep(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.carried + to - from
    if (this.carry === undefined || this.carry.length < needed) {
      const larger = new Uint8Array(needed <= MESSAGE_BYTES_MAX ? MESSAGE_BYTES_MAX : EXTENDED_MESSAGE_BYTES_MAX)
      if (this.carry !== undefined) larger.set(this.carry.subarray(0, this.carried))
      this.carry = larger
    }
    this.carry.set(bytes.subarray(from, to), this.carried)
    this.carried = needed
  }
}
