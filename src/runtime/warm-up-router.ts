// A router that exists for the warm-up: stepped like the daemon's, by records that nobody sent, and whose operations nobody performs.
// Received bytes lie in the same kind of blocks as those of a real connection, so that functions see what they will see.
// Its sockets take everything at once, its kernel is the model, where it has one; time stands still.
import { ACCEPTED, ConnectionChange, type ConnId, type EventRecord, KernelChannel } from "../eventlog/index.ts"
import { MICROS_PER_MS, OpBuffer } from "../machine/index.ts"
import { askModelKernel, createModelKernel, type ModelKernel } from "../netlink/index.ts"
import {
  type Command,
  createRouter,
  type KernelConfig,
  type PeerConfig,
  type PeerType,
  type RouterConfig,
  type RouterState,
  releaseEffects,
  router,
  routerEffects
} from "../router/index.ts"
import { encodeOpen, keepalive } from "../wire/index.ts"
import { PLAIN_PEER } from "./plain-peer.ts"
import { ReceiveBuffers } from "./receive-buffers.ts"

export class WarmUpRouter {
  readonly state: RouterState = createRouter(SEED)
  private readonly out = new OpBuffer(1024)
  private readonly sources = new Map<ConnId, ReceiveBuffers>()
  /** What performing the last step's operations would have led to. */
  private replies: Array<EventRecord> = []
  private seq = 0
  private readonly kernel: ModelKernel | undefined

  /**
   * Configured, with a session to each of its peers: external ones, or clients of a route server; with a kernel, if that is given. Called
   * as the daemon's router is: numbers are then small or large where they are in the daemon, which code that was compiled cares about.
   */
  constructor(identity: Identity, peerCount: number, type: PeerType, kernel?: KernelConfig) {
    this.kernel = kernel && kernelOnLink()
    const peers = Array.from({ length: peerCount }, (_, index) => peerConfig(index, type))
    const config = { router: identity, listen: [], peers, static: [], originate: [] }
    const command: Command = { command: "configure", config: { ...config, ...(kernel && { kernel }) }, seed: SEED }
    this.step([{ _tag: "Command", json: JSON.stringify(command) }])
    while (this.replies.length > 0) this.step([])
    for (let index = 0; index < peerCount; index++) this.establish(index)
  }

  /** What the peer says, as much at once as a socket gives. Yields after each step. */
  *play(peer: number, bytes: Uint8Array): Generator<void> {
    for (let at = 0; at < bytes.length; ) {
      const { record, length } = this.received(peer, bytes.subarray(at))
      at += length
      this.step([record])
      record.keeper?.release()
      yield
    }
    yield* this.settle()
  }

  /** The peer's session ends, and what it told is forgotten. Yields after each step. */
  *lose(peer: number): Generator<void> {
    this.step([connectionRecord(connOf(peer), ConnectionChange.Closed)])
    yield* this.settle()
  }

  /** Receive memory goes; the router's own is free when nobody refers to it. */
  close(): void {
    for (const buffers of this.sources.values()) buffers.close()
  }

  private *settle(): Generator<void> {
    while (this.replies.length > 0) {
      yield
      this.step([])
    }
  }

  private establish(peer: number): void {
    const conn = connOf(peer)
    const buffers = new ReceiveBuffers("warm-up")
    this.sources.set(conn, buffers)
    this.step([connectionRecord(conn, ConnectionChange.Accepted)])
    const asn = asnOf(peer)
    const capabilities = [
      { _tag: "Multiprotocol", afi: 1, safi: 1 },
      { _tag: "FourOctetAs", asn }
    ] as const
    const open = encodeOpen({ version: 4, asn, holdTime: 0, id: peer + 1, capabilities })
    for (const message of [open, keepalive()]) {
      const { record } = this.received(peer, message)
      this.step([record])
      record.keeper?.release()
    }
    buffers.expect(LARGE_MESSAGE)
  }

  /** As many of the bytes as fit where the connection reads to. */
  private received(peer: number, bytes: Uint8Array): { readonly record: BytesRecord; readonly length: number } {
    const conn = connOf(peer)
    const buffers = this.sources.get(conn)!
    const room = buffers.next()
    const length = Math.min(room.length, bytes.length, READ_BYTES)
    room.set(bytes.subarray(0, length))
    return { record: { _tag: "Bytes", conn, ...buffers.took(length) }, length }
  }

  private step(records: ReadonlyArray<EventRecord>): void {
    const { state, out } = this
    const batch = {
      seq: this.seq++,
      at: START_MICROS + this.seq * MICROS_PER_MS,
      records: [...this.replies, ...records]
    }
    this.replies = []
    out.clear()
    router.step(state, batch, out)
    for (let index = 0; index < out.length; index++) this.answer(out.code(index), out.a(index), out.b(index))
    releaseEffects(out, (lease) => state.pool.release(lease))
  }

  /** What comes of an operation. */
  private answer(operation: number, a: number, b: number): void {
    const { code } = routerEffects
    if (operation === code.WantQuantum) this.replies.push({ _tag: "Quantum", nodes: a })
    else if (operation === code.WantDrained) this.replies.push(connectionRecord(a, ConnectionChange.Drained))
    else if (this.kernel !== undefined && (operation === code.KernelSend || operation === code.KernelDump)) {
      const bytes = this.state.pool.bytes(a).slice(0, b)
      const { replies, dumpParts, notifications } = askModelKernel(
        this.kernel,
        { _tag: "Requested", port: 1, bytes },
        1
      )
      const said = [...dumpParts.map((part) => kernelRecord(KernelChannel.Dump, part))]
      if (notifications.length > 0) said.unshift(kernelRecord(KernelChannel.Notification, notifications))
      if (operation === code.KernelSend) said.push(kernelRecord(KernelChannel.Reply, replies))
      this.replies.push(...said)
    }
  }
}

const kernelRecord = (channel: KernelChannel, bytes: Uint8Array): EventRecord => ({ _tag: "Kernel", channel, bytes })

/** A model with one link, which the speakers' next hops are on. */
const kernelOnLink = (): ModelKernel => {
  const kernel = createModelKernel()
  askModelKernel(kernel, { _tag: "LinkAdded", name: "warm0", index: 2, up: true, carrier: true })
  askModelKernel(kernel, { _tag: "AddressAdded", family: 4, ifindex: 2, words: [nextHopOf(-1)], length: 24 })
  return kernel
}

export type Identity = RouterConfig["router"]

type BytesRecord = Extract<EventRecord, { readonly _tag: "Bytes" }>

const connectionRecord = (conn: ConnId, change: ConnectionChange): EventRecord => {
  const isNews = change === ConnectionChange.Accepted
  const remote = isNews ? `${addressOf(conn - ACCEPTED)}:1024` : ""
  return { _tag: "Connection", conn, change, remote, local: isNews ? "192.0.2.1:179" : "", cause: "" }
}

const connOf = (peer: number): ConnId => ACCEPTED + peer
/** The peer's address, AS and next hop are its number, one way or another. */
const addressOf = (peer: number): string => `198.51.100.${peer + 1}`
export const asnOf = (peer: number): number => 64_500 + peer
export const nextHopOf = (peer: number): number => 0xc633_6401 + peer

const peerConfig = (index: number, type: PeerType): PeerConfig => ({
  ...PLAIN_PEER,
  address: addressOf(index),
  port: 179,
  asn: asnOf(index),
  type,
  name: "",
  localAddress: "",
  passive: true,
  holdTime: 0,
  connectRetry: 120,
  idleHold: 5
})

const SEED = 1
/** Some time of day. */
const START_MICROS = 1_700_000_000_000_000
/** What one read brings here at most: a step of some milliseconds even before anything is compiled. */
const READ_BYTES = 8192
/** Longer than small blocks: reading goes to large ones. */
const LARGE_MESSAGE = 65_535
