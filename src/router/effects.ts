// What the router asks of the world. The interpreter performs these in order and reports what comes of them as events; it decides
// nothing. Bytes travel in blocks of the router's pool: the interpreter releases the lease that each Send and KernelSend carries.
import { defineOps, type OpOf } from "../machine/index.ts"

export const routerEffects = defineOps({
  /** Write bytes `from` to `to` (span = from << 16 | (to - 1)) of the block to the connection, in order. */
  Send: [1, "conn", "block", "span"],
  /** Connect to peer number `peer`: its address, port, source address and options are in the router's configuration. */
  Dial: [2, "conn", "peer"],
  /** Flush what was sent, then close; `abort` = 1 closes at once. A connection that is being dialled is given up. */
  Close: [3, "conn", "abort"],
  /** Report Timer{timer} after so many milliseconds. The slot (low 20 bits) has one timer: arming it again replaces. */
  ArmTimer: [4, "timer", "milliseconds"],
  CancelTimer: [5, "timer"],
  /** Send to the kernel's request socket; report Kernel{Reply} with everything up to the reply to message `lastSeq`. One at a time. */
  KernelSend: [6, "block", "length", "lastSeq"],
  /** Send a dump request on the dump socket; report Kernel{Dump} parts up to NLMSG_DONE. One at a time. */
  KernelDump: [7, "block", "length", "seq"],
  /** More work waits: report Quantum{nodes} after what is in the inbox by now. At most one is outstanding. */
  WantQuantum: [8, "nodes"],
  /** Listen on configuration entry `listen[index]`; accepted connections are reported. */
  Listen: [9, "index"],
  /** Stop listening everywhere. */
  Unlisten: [10],
  /** Somebody may want to know: notice number `index` of this batch, as plain data in `router.notices`. */
  Notice: [11, "index"],
  /** The shutdown is complete: every connection is closed and the kernel is as it should stay. */
  Stopped: [12],
  /** Report Connection{Drained} once everything that was sent to the connection before this has left our memory. */
  WantDrained: [13, "conn"],
  /** The OPENs are exchanged: messages of so many bytes at most will come, and are to be given room. */
  Expect: [14, "conn", "bytes"]
})

export type RouterEffect = OpOf<typeof routerEffects>

/** Packs the part of a block that a Send names. Blocks are at most 64 KiB. */
export const span = (from: number, to: number): number => ((from << 16) | (to - 1)) >>> 0
export const spanFrom = (packed: number): number => packed >>> 16
export const spanTo = (packed: number): number => (packed & 0xffff) + 1
