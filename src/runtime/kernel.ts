// The kernel as a service: requests out, replies and notifications in, all as bytes. Two layers, the Linux kernel through rtnetlink and
// the model of it; neither knows what the bytes mean beyond where a reply ends. What comes is offered as records; what goes wrong on
// the way is a record too (Overrun, ReplyLost), because recovering is the core's business (ADR-0020).
import * as fs from "node:fs"
import { Context, Deferred, Effect, Layer, Schema, type Scope, Semaphore } from "effect"
import { type EventRecord, KernelChannel } from "../eventlog/index.ts"
import { decodeError, Errno, eachMessage, NetlinkType, NetlinkWriter } from "../netlink/index.ts"
import { type KernelModelOptions, modelKernelService } from "./kernel-model.ts"
import { RequestSocket } from "./kernel-requests.ts"
import {
  isFailure,
  type NetlinkSocket,
  openSocket,
  read,
  readNow,
  subscribe,
  write,
  writeNow
} from "./kernel-socket.ts"
import { inNetworkNamespace, SystemCallError } from "./sys.ts"

/** Where records go: the inbox. Waiting here is back-pressure. */
export type OfferRecord = (record: EventRecord) => Effect.Effect<void>

/** The kernel cannot be had. The message is one sentence with what to do. */
export class KernelUnavailable extends Schema.TaggedError<KernelUnavailable>()("KernelUnavailable", {
  /** The capability that is missing, or empty when it is something else. */
  capability: Schema.String,
  message: Schema.String
}) {}

export interface KernelService {
  readonly kind: "linux" | "model"
  /** Fails when the kernel can no longer be followed: whoever goes on regardless forwards by what was true once. */
  readonly lost?: Effect.Effect<never, KernelUnavailable>
  /**
   * Sends requests; offers one Kernel{Reply} with all that came up to the reply to `lastSeq`, or a Kernel{ReplyLost}. Several may be
   * under way: they are sent and answered in the order in which they were handed over.
   */
  readonly send: (bytes: Uint8Array, lastSeq: number) => Effect.Effect<void>
  /** Sends a dump request; offers Kernel{Dump} parts, the last of which ends the dump. Lost on the way: the last part says ENOBUFS. */
  readonly dump: (bytes: Uint8Array, seq: number) => Effect.Effect<void>
  /** Makes the namespace fit for us; a sentence to print when it is not and cannot be made so. */
  readonly prepare: () => Effect.Effect<string | undefined>
}

export interface KernelOptions {
  readonly offer: OfferRecord
  /** Path of a network namespace (`/run/netns/NAME`); absent: our own. */
  readonly namespace?: string
  readonly receiveBufferBytes?: number
}

export class Kernel extends Context.Service<Kernel, KernelService>()("backwalk/runtime/Kernel") {
  /** The Linux kernel. Sockets are closed with the scope. Fails when we may not change routes. */
  static readonly real = (options: KernelOptions): Layer.Layer<Kernel, KernelUnavailable> =>
    Layer.effect(Kernel, realKernel(options))

  /** The model: same bytes, no privilege. */
  static readonly model = (options: KernelModelOptions): Layer.Layer<Kernel> =>
    Layer.effect(Kernel, modelKernelService(options))
}

const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
const REPLY_BYTES = 4096
const DUMP_BYTES = 256 * 1024
/** The kernel fills at most this much per read; with less than this left, a fresh block is begun. */
const DATAGRAM_BYTES_MAX = 64 * 1024

const realKernel = Effect.fnUntraced(function* (
  options: KernelOptions
): Effect.fn.Return<KernelService, KernelUnavailable, Scope.Scope> {
  const receiveBufferBytes = options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES
  const open = (blocking: boolean) =>
    Effect.acquireRelease(
      Effect.try({
        try: () => inNetworkNamespace(options.namespace, () => openSocket({ blocking, receiveBufferBytes })),
        catch: unavailable
      }),
      ({ fd }) => Effect.sync(() => fs.closeSync(fd))
    )
  const requests = yield* open(false)
  if (!(yield* mayChange(requests))) return yield* missingCapability()
  const dumps = yield* open(true)
  const notifications = yield* open(true)
  yield* Effect.try({ try: () => subscribe(notifications.fd, requests.port), catch: unavailable })
  const lost = Deferred.makeUnsafe<never, KernelUnavailable>()
  yield* Effect.forkScoped(Effect.catch(follow(notifications.fd, options.offer), (why) => Deferred.fail(lost, why)))
  const sender = new RequestSocket(requests.fd)
  const dumping = Semaphore.makeUnsafe(1)
  return {
    kind: "linux",
    lost: Deferred.await(lost),
    send: (bytes, lastSeq) => exchange(sender, bytes, lastSeq, options.offer),
    dump: (bytes, seq) => Semaphore.withPermit(dumping, collect(dumps.fd, bytes, seq, options.offer)),
    prepare: () => Effect.sync(() => inNetworkNamespace(options.namespace, prepareNamespace))
  }
})

/** One batch: out, and all that the kernel answered. Batches are answered in the order in which they were sent. */
const exchange = Effect.fnUntraced(function* (
  requests: RequestSocket,
  bytes: Uint8Array,
  lastSeq: number,
  offer: OfferRecord
) {
  const replies = yield* requests.send(bytes, lastSeq)
  yield* offer(
    replies === undefined
      ? { _tag: "Kernel", channel: KernelChannel.ReplyLost, bytes: NOTHING }
      : { _tag: "Kernel", channel: KernelChannel.Reply, bytes: replies }
  )
})

/** One dump: the kernel makes the next part inside each read. Stale parts of an abandoned dump are told by their sequence number. */
const collect = Effect.fnUntraced(function* (fd: number, bytes: Uint8Array, seq: number, offer: OfferRecord) {
  const written = yield* write(fd, bytes)
  let buffer = new Uint8Array(DUMP_BYTES)
  let at = 0
  let ended = false
  while (!ended) {
    if (buffer.length - at < DATAGRAM_BYTES_MAX) {
      buffer = new Uint8Array(DUMP_BYTES)
      at = 0
    }
    const count = isFailure(written) ? written : yield* read(fd, buffer, at)
    if (isFailure(count)) {
      // EAGAIN too: a dump has its next part ready, so an empty socket will stay empty.
      return yield* offer({ _tag: "Kernel", channel: KernelChannel.Dump, bytes: failedDump(seq) })
    }
    const part = buffer.subarray(at, at + count)
    const verdict = dumpPart(part, seq)
    if (verdict === "stale") continue
    ended = verdict === "last"
    yield* offer({ _tag: "Kernel", channel: KernelChannel.Dump, bytes: part })
    at += count
  }
})

/** The end of a dump that the kernel never sent: the core hears of it as of any dump that fails at its end. */
const failedDump = (seq: number): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(20))
  const start = w.begin(NetlinkType.Done, 0, seq, 0)
  w.u32(-Errno.ENOBUFS)
  w.end(start)
  return w.bytes
}

const dumpPart = (bytes: Uint8Array, seq: number): "more" | "last" | "stale" => {
  let verdict: "more" | "last" | "stale" = "stale"
  eachMessage(bytes, (type, _flags, messageSeq) => {
    if (messageSeq !== seq) return
    verdict = type === NetlinkType.Done || type === NetlinkType.Error ? "last" : "more"
  })
  return verdict
}

/** Reads notifications for ever. ENOBUFS means that some were lost; the rest is still to be read. Anything worse ends it. */
export const follow = Effect.fnUntraced(function* (fd: number, offer: OfferRecord) {
  let buffer = new Uint8Array(DUMP_BYTES)
  let at = 0
  for (;;) {
    if (buffer.length - at < DATAGRAM_BYTES_MAX) {
      buffer = new Uint8Array(DUMP_BYTES)
      at = 0
    }
    const count = yield* read(fd, buffer, at)
    if (!isFailure(count)) {
      yield* offer({ _tag: "Kernel", channel: KernelChannel.Notification, bytes: buffer.subarray(at, at + count) })
      at += count
    } else if (count.code === "ENOBUFS") {
      yield* offer({ _tag: "Kernel", channel: KernelChannel.Overrun, bytes: NOTHING })
    } else if (count.code !== "EAGAIN" && count.code !== "EINTR") {
      const message = `Reading the kernel's notifications failed (${count.code}): start the daemon again.`
      return yield* Effect.fail(new KernelUnavailable({ capability: "", message }))
    }
  }
})

const NOTHING = new Uint8Array(0)

/** Whether this process may change routes and nexthops in its network namespace. */
export const canManageKernel = (namespace?: string): Effect.Effect<boolean> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      try {
        return inNetworkNamespace(namespace, () => openSocket({ blocking: false, receiveBufferBytes: REPLY_BYTES }))
      } catch {
        return undefined
      }
    }),
    (socket) => (socket === undefined ? Effect.succeed(false) : mayChange(socket)),
    (socket) => Effect.sync(() => socket !== undefined && fs.closeSync(socket.fd))
  )

/** Asks for what can never be done: the kernel looks at the permission first, so the error tells whether we have it. */
const mayChange = (socket: NetlinkSocket): Effect.Effect<boolean> =>
  Effect.sync(() => {
    const w = new NetlinkWriter(new Uint8Array(64))
    const start = w.begin(NetlinkType.NewNexthop, 1, PROBE_SEQ, 0)
    w.u32(IMPOSSIBLE_FAMILY)
    w.u32(0)
    w.end(start)
    if (isFailure(writeNow(socket.fd, w.bytes.subarray(0, w.length)))) return false
    const replies = new Uint8Array(REPLY_BYTES)
    const count = readNow(socket.fd, replies, 0)
    let errno: number = Errno.EPERM
    if (!isFailure(count)) {
      eachMessage(replies.subarray(0, count), (_type, _flags, _seq, _port, at, end) => {
        errno = decodeError(replies, at, end).errno
      })
    }
    return errno !== Errno.EPERM
  })

const PROBE_SEQ = 1
const IMPOSSIBLE_FAMILY = 255

const missingCapability = () =>
  new KernelUnavailable({
    capability: "CAP_NET_ADMIN",
    message:
      "The kernel's routes cannot be changed because CAP_NET_ADMIN is missing: run as root, give the service " +
      "AmbientCapabilities=CAP_NET_ADMIN, or use the built-in model with `kernel: { model: true }`."
  })

const unavailable = (cause: unknown): KernelUnavailable =>
  cause instanceof SystemCallError && (cause.errno === Errno.EPERM || cause.errno === Errno.EACCES)
    ? missingCapability()
    : new KernelUnavailable({ capability: "", message: cause instanceof Error ? cause.message : String(cause) })

const COMPAT_MODE = "/proc/sys/net/ipv4/nexthop_compat_mode"

/** With compatibility on, replacing a group rewrites every route on it, and a failure costs seconds instead of microseconds. */
const prepareNamespace = (): string | undefined => {
  try {
    if (fs.readFileSync(COMPAT_MODE, "utf8").trim() === "0") return undefined
    fs.writeFileSync(COMPAT_MODE, "0")
    return undefined
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error"
    return `net.ipv4.nexthop_compat_mode could not be set to 0 (${code}): next-hop changes will cost time for every route on them; run \`sysctl -w net.ipv4.nexthop_compat_mode=0\`.`
  }
}
