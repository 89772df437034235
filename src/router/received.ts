// The bytes at hand, as they came from a connection. While its messages are learned, those that may go out again as they are become known
// to the RIB; the first one makes the chunk a block of the pool, held as long as one of its messages may be wanted or is on its way
// out. Whose memory it is learns then that it is free (ADR-0036).
import { type BlockPool, type BytesKeeper, type Lease, MessageFlag } from "../buffers/index.ts"
import type { PassThrough, PeerKind } from "../rib/index.ts"
import { AttributeType, type UpdateView } from "../wire/index.ts"
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
  note(passThrough: PassThrough, session: Session, kind: PeerKind, view: UpdateView, first: number): void {
    const { bytes, at, length } = view
    if (first < 0) return
    const family = soleFamily(view)
    if (family < 0) return
    const isWithdrawal = view.withdrawnEnd > view.withdrawnAt || view.unreachFamily >= 0
    if (!passThrough.wants(kind, family, isWithdrawal)) return
    const found =
      (isWithdrawal ? MessageFlag.HasWithdrawals : MessageFlag.HasAnnouncements) |
      (hasAsNumbers(view) ? MessageFlag.AsNumbers : 0) |
      (session.context.addPath[family] === true ? MessageFlag.PathIds : 0)
    const { mask } = session
    // What straddles two chunks was put together elsewhere, in memory that is used again for the next one of the kind.
    if (bytes !== this.bytes) passThrough.noteApart(bytes, at, length, mask, family, found, first)
    else if (at + length <= BLOCK_BYTES_MAX) {
      if (this.lease === 0) this.lease = this.pool.adopt(bytes, "received", this.keeper)
      passThrough.note(this.lease, at, length, mask, family, found, first)
    }
  }
}

/** AS_PATH with a segment, AGGREGATOR, or what a two-octet speaker says of them to those behind it (RFC 6793 §4.2.2). */
const hasAsNumbers = ({ valueAt, valueLength }: UpdateView): boolean =>
  (valueAt[AttributeType.AsPath] >= 0 && valueLength[AttributeType.AsPath] > 0) ||
  valueAt[AttributeType.Aggregator] >= 0 ||
  valueAt[AttributeType.As4Path] >= 0 ||
  valueAt[AttributeType.As4Aggregator] >= 0

/** The family of a message that only announces or only withdraws, and in one place; -1: it does more. */
const soleFamily = (view: UpdateView): number => {
  const announces = view.nlriEnd > view.nlriAt ? 1 : 0
  const withdraws = view.withdrawnEnd > view.withdrawnAt ? 1 : 0
  const reaches = view.reachFamily !== -1 ? 1 : 0
  const unreaches = view.unreachFamily !== -1 ? 1 : 0
  if (announces + withdraws + reaches + unreaches !== 1) return -1
  if (announces + withdraws === 1) return 0
  // IPv4 prefixes stand in multiprotocol attributes only where their next hop does not fit elsewhere (RFC 8950).
  if (unreaches === 1) return view.unreachFamily > 0 ? view.unreachFamily : -1
  return view.reachFamily > 0 || (view.reachFamily === 0 && view.reachNextHopLength === 16) ? view.reachFamily : -1
}
