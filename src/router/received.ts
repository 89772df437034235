// The bytes at hand, as they came from a connection. While its messages are learned, those that may go out again as they are become known
// to the RIB; the first one makes the chunk a block of the pool, held as long as one of its messages may be wanted or is on its way
// out. Whose memory it is learns then that it is free (ADR-0036).
import type { BlockPool, BytesKeeper, Lease } from "../buffers/index.ts"
import type { PassThrough } from "../rib/index.ts"
import type { UpdateView } from "../wire/index.ts"
import type { Session } from "./connection.ts"

const NOTHING = new Uint8Array(0)
/** What a Send can name. */
const BLOCK_BYTES_MAX = 65536

export class ReceivedChunk {
  private readonly pool: BlockPool
  private bytes: Uint8Array = NOTHING
  private keeper: BytesKeeper | undefined
  private lease: Lease = 0

  constructor(pool: BlockPool) {
    this.pool = pool
  }

  begin(bytes: Uint8Array, keeper: BytesKeeper | undefined): void {
    this.bytes = bytes
    this.keeper = keeper
  }

  /** From here on only those hold the bytes that want them. */
  end(): void {
    if (this.lease !== 0) this.pool.release(this.lease)
    this.lease = 0
    this.bytes = NOTHING
    this.keeper = undefined
  }

  /** A message has been learned. `first`: its first prefix, where the RIB has it. */
  note(passThrough: PassThrough, session: Session, view: UpdateView, first: number): void {
    const { bytes, at, length } = view
    // What straddles two chunks was put together elsewhere.
    if (first < 0 || bytes !== this.bytes || at + length > BLOCK_BYTES_MAX) return
    const family = soleFamily(view)
    if (family < 0) return
    const isWithdrawal = view.withdrawnEnd > view.withdrawnAt || view.unreachFamily >= 0
    if (isWithdrawal ? !passThrough.wantsWithdrawals : !passThrough.wantsAnnouncements) return
    if (this.lease === 0) this.lease = this.pool.adopt(bytes, "received", this.keeper)
    passThrough.note(this.lease, at, length, session.mask, family, first, isWithdrawal)
  }
}

/** The family of a message that only announces or only withdraws, and in one place; -1: it does more. */
const soleFamily = (view: UpdateView): number => {
  const announces = view.nlriEnd > view.nlriAt ? 1 : 0
  const withdraws = view.withdrawnEnd > view.withdrawnAt ? 1 : 0
  const reaches = view.reachFamily !== -1 ? 1 : 0
  const unreaches = view.unreachFamily !== -1 ? 1 : 0
  if (announces + withdraws + reaches + unreaches !== 1) return -1
  if (announces + withdraws === 1) return 0
  // IPv4 prefixes in multiprotocol attributes are written elsewhere by us.
  const family = reaches === 1 ? view.reachFamily : view.unreachFamily
  return family === 1 ? 1 : -1
}
