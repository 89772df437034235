// What is recorded: everything that can influence the core, in the order it did. Inputs only; effects are computed again by a replay,
// and checkpoints say whether they came out the same (ADR-0004). Bytes are recorded as received, so that a decoder's bug replays too.
import type { BytesKeeper } from "../buffers/index.ts"
import type { Micros } from "../machine/index.ts"

/** A connection's identity. Below 2^31 the router dialled it and chose the number; from 2^31 on the runtime accepted it and did. */
export type ConnId = number
/** The first number for accepted connections. */
export const ACCEPTED: ConnId = 0x8000_0000

/** What happened to a connection. */
export const ConnectionChange = {
  /** A peer connected to us: `remote` and `local` are set. */
  Accepted: 1,
  /** Our connect succeeded: `local` is set. */
  Dialled: 2,
  /** Our connect failed: `cause` is the system's word for it. */
  DialFailed: 3,
  /** The connection ended, by the peer or by an error (`cause`); also after our own Close. No event for it follows. */
  Closed: 4,
  /** What was sent before the router's WantDrained has left our memory. Reported once for each WantDrained. */
  Drained: 5
} as const
export type ConnectionChange = (typeof ConnectionChange)[keyof typeof ConnectionChange]

/** The sockets to the kernel, each with its own stream of bytes. */
export const KernelChannel = {
  /** Replies to one KernelSend, whole: up to and including the reply to its last message. */
  Reply: 0,
  /** Multicast notifications, in chunks of whole messages. */
  Notification: 1,
  /** A part of the answer to one KernelDump, whole messages; the last part holds NLMSG_DONE (or the error). */
  Dump: 2,
  /** Notifications were lost (ENOBUFS on the notification socket). No bytes. */
  Overrun: 3,
  /** The replies to the oldest KernelSend under way cannot be had (ENOBUFS, time-out). No bytes: treat what was asked as unknown. */
  ReplyLost: 4
} as const
export type KernelChannel = (typeof KernelChannel)[keyof typeof KernelChannel]

/** What the hubs that are followed have said. */
export const FollowedNews = {
  /** New values of keys, as `encodeChanges` of `fanout` writes them. */
  Changed: 0,
  /** The table is what the hub has; its name, in ASCII. */
  InSync: 1,
  /** No hub answers, or it is not in sync itself. No bytes. */
  OutOfSync: 2,
  /** That has been so for long. No bytes. */
  Stale: 3
} as const
export type FollowedNews = (typeof FollowedNews)[keyof typeof FollowedNews]

export type EventRecord =
  /**
   * Received bytes, undecoded. The view is only valid during the step, unless its keeper is told to keep it; a record that was read from
   * a log has none, and its bytes stay as they are.
   */
  | { readonly _tag: "Bytes"; readonly conn: ConnId; readonly bytes: Uint8Array; readonly keeper?: BytesKeeper }
  | {
      readonly _tag: "Connection"
      readonly conn: ConnId
      readonly change: ConnectionChange
      /** `address:port` or `[address%scope]:port`; empty where it says nothing. */
      readonly remote: string
      readonly local: string
      readonly cause: string
    }
  /** A timer fired: the handle it was armed under, so that a stale one is recognised. */
  | { readonly _tag: "Timer"; readonly timer: number }
  /** Netlink bytes, as received. The view is only valid during the step. */
  | { readonly _tag: "Kernel"; readonly channel: KernelChannel; readonly bytes: Uint8Array }
  /** Configuration and operator: one JSON object, its `command` member says which. */
  | { readonly _tag: "Command"; readonly json: string }
  /** A budget granted for work that waits: table slices and walks. Counted in nodes, because time cannot be replayed. */
  | { readonly _tag: "Quantum"; readonly nodes: number }
  /** From the fan-out of a hub. The view is only valid during the step. */
  | { readonly _tag: "Followed"; readonly news: FollowedNews; readonly bytes: Uint8Array }
  /** The digests after everything before this batch. Never read by the core. */
  | { readonly _tag: "Checkpoint"; readonly stateDigest: number; readonly effectDigest: number }

/** What one step of the router takes. Boundaries of batches are recorded, because they are inputs. */
export interface Batch {
  /** 0, 1, 2 … without gaps. */
  readonly seq: number
  readonly at: Micros
  readonly records: ReadonlyArray<EventRecord>
}
