// Every bound of the program in one place, each with the reason for its size. What is not bounded here is bounded by what it is
// derived from.

/** RFC 4271 §4.1: the longest message without extended messages. */
export const MESSAGE_BYTES_MAX = 4096
/** RFC 8654 §4: the longest message with extended messages. */
export const EXTENDED_MESSAGE_BYTES_MAX = 65535
/** Events that may wait for the daemon. Past it readers pause, so that back-pressure reaches the sockets. */
export const INBOX_EVENTS_MAX = 4096
/** Bytes of received data that one batch may carry: about 4 ms of decoding, so that timers are served between batches. */
export const BATCH_BYTES_MAX = 256 * 1024
/** Likewise where routes go into the kernel: what one batch brings keeps it busy for longer than the next one takes, and so it never waits. */
export const KERNEL_FED_BATCH_BYTES_MAX = 64 * 1024
/** Bytes queued to one peer's socket before the router stops packing for it and keeps the set of changed prefixes instead. */
export const PEER_QUEUE_BYTES_MAX = 1024 * 1024
/** Blocks of output that one peer may keep from being used again: small segments would hold 64 KiB each. */
export const PEER_QUEUE_BLOCKS_MAX = 64
/** Received blocks kept because a message in them may go out again unchanged: what a few batches bring. */
export const RECENT_UPDATES_BYTES_MAX: number = 1024 * 1024
/** A run of received messages goes out as a slice of its block if it is so long, else it is copied: slices of less would use up a
 * receiver's budget of blocks before that of bytes. */
export const SLICE_BYTES_MIN: number = PEER_QUEUE_BYTES_MAX / PEER_QUEUE_BLOCKS_MAX
/** Attributes as they were written, kept for classes that get the same, and for peers that catch up beside each other: those of a batch. */
export const REPACKED_BYTES_MAX: number = 256 * 1024
/** Prefixes handed to one peer per slice of its initial table, so that other peers are served between slices. */
export const TABLE_SLICE_PREFIXES = 8192
/** Kernel requests in one send: a default receive buffer holds exactly this many error replies. */
export const KERNEL_BATCH_MESSAGES_MAX = 256
/** Batches of kernel requests that are sent before the first of them is answered: 35 ms of the kernel's time, so that it has work while
 * we have a few steps to finish, and whatever becomes urgent waits no longer than that. */
export const KERNEL_BATCHES_UNDER_WAY_MAX = 64
/** Nodes that walks may visit per batch when more work waits. */
export const WALK_QUANTUM_NODES = 4096
/** Children of one parent that are told of its change at once; more wait for a grant. The source's threshold: the 64th makes it popular. */
export const WALK_SYNCHRONOUS_CHILDREN_MAX = 63
/** Depth after which a walk does not go on, as in the source: a loop must end somewhere. */
export const WALK_DEPTH_MAX = 32
/** Next hops of one path-list: the widest ECMP that we install. */
export const PATHS_PER_LIST_MAX = 64
/** Peers: adj-out and export bitmaps are indexed by them. */
export const PEERS_MAX = 4096
/** Connections open or half open at once, over all peers. */
export const CONNECTIONS_MAX = 8192
