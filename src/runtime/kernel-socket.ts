// Netlink sockets as file descriptors: opened and set up through `sys`, read and written through `fs`. A request socket never blocks,
// because rtnetlink works inside the send and all replies are queued when it returns; the send itself runs on the thread pool, since
// one that resizes the kernel's tables can take a quarter of a second. Dump and notification sockets block on the pool for a moment.
import * as fs from "node:fs"
import { Effect } from "effect"
import { NeighbourState, NetlinkGroup, NetlinkType } from "../netlink/index.ts"
import { netlinkAddress, optionWord, portOf, Sys, systemCalls } from "./sys.ts"

export interface NetlinkSocket {
  readonly fd: number
  /** nl_pid: what the kernel puts on notifications of what we did. */
  readonly port: number
}

export interface SocketOptions {
  readonly blocking: boolean
  readonly receiveBufferBytes: number
}

/** How long a blocking read waits before it looks whether it should stop: a thread in a read cannot be told, and delays the exit. */
const READ_WAIT_MS = 100

/** Opens a socket in the calling thread's network namespace. Throws SystemCallError. */
export const openSocket = (options: SocketOptions): NetlinkSocket => {
  const sys = systemCalls()
  const type = Sys.SOCK_RAW | Sys.SOCK_CLOEXEC | (options.blocking ? 0 : Sys.SOCK_NONBLOCK)
  const fd = sys.socket(Sys.AF_NETLINK, type, Sys.NETLINK_ROUTE)
  try {
    sys.bind(fd, netlinkAddress())
    const name = netlinkAddress()
    sys.getsockname(fd, name)
    for (const option of [Sys.NETLINK_EXT_ACK, Sys.NETLINK_CAP_ACK, Sys.NETLINK_GET_STRICT_CHK]) {
      sys.setsockopt(fd, Sys.SOL_NETLINK, option, optionWord(1))
    }
    setBuffer(fd, Sys.SO_RCVBUFFORCE, Sys.SO_RCVBUF, options.receiveBufferBytes)
    if (options.blocking) {
      const wait = new BigInt64Array([0n, BigInt(READ_WAIT_MS * 1000)])
      sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_RCVTIMEO, new Uint8Array(wait.buffer))
    }
    return { fd, port: portOf(name) }
  } catch (cause) {
    fs.closeSync(fd)
    throw cause
  }
}

/** Past the system's limit where we may (never inside a user namespace), else as far as it goes. */
const setBuffer = (fd: number, force: number, ask: number, byteCount: number): void => {
  const sys = systemCalls()
  try {
    sys.setsockopt(fd, Sys.SOL_SOCKET, force, optionWord(byteCount))
  } catch {
    sys.setsockopt(fd, Sys.SOL_SOCKET, ask, optionWord(byteCount))
  }
}

/** Makes room for larger writes: what one write sends is one datagram, and must fit. */
export const enlargeSendBuffer = (fd: number, byteCount: number): void =>
  setBuffer(fd, Sys.SO_SNDBUFFORCE, Sys.SO_SNDBUF, byteCount)

/** How large the buffers came out; the kernel counts its own overhead in. */
export const bufferBytes = (fd: number): { readonly receive: number; readonly send: number } => {
  const sys = systemCalls()
  const word = optionWord(0)
  const sizeOf = (option: number): number => {
    sys.getsockopt(fd, Sys.SOL_SOCKET, option, word)
    return new DataView(word.buffer, word.byteOffset).getUint32(0, true)
  }
  return { receive: sizeOf(Sys.SO_RCVBUF), send: sizeOf(Sys.SO_SNDBUF) }
}

const GROUPS = [
  NetlinkGroup.Link,
  NetlinkGroup.Neighbour,
  NetlinkGroup.Ipv4Address,
  NetlinkGroup.Ipv6Address,
  NetlinkGroup.Ipv4Route,
  NetlinkGroup.Ipv6Route,
  NetlinkGroup.Ipv4Rule,
  NetlinkGroup.Ipv6Rule,
  NetlinkGroup.Nexthop
]

/** Joins the groups that we follow, leaving out what `ownPort` caused: a million routes of our own would drown the rest. Nor are neighbours told of that only grow stale. */
export const subscribe = (fd: number, ownPort: number): void => {
  const sys = systemCalls()
  const instructions = new Uint8Array(8 * 8)
  const view = new DataView(instructions.buffer)
  const instruction = (index: number, code: number, jumpTrue: number, jumpFalse: number, operand: number): void => {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, jumpTrue)
    view.setUint8(index * 8 + 3, jumpFalse)
    view.setUint32(index * 8 + 4, operand, true)
  }
  // Classic BPF loads big-endian, the field is in host order: compare with the swapped port.
  const swapped = new DataView(new Uint32Array([ownPort]).buffer).getUint32(0, false)
  instruction(0, BPF_LOAD_WORD, 0, 0, PORT_OFFSET)
  instruction(1, BPF_JUMP_EQUAL, 5, 0, swapped)
  instruction(2, BPF_LOAD_HALF, 0, 0, TYPE_OFFSET)
  instruction(3, BPF_JUMP_EQUAL, 0, 2, NetlinkType.NewNeighbour << 8)
  instruction(4, BPF_LOAD_HALF, 0, 0, NEIGHBOUR_STATE_OFFSET)
  instruction(5, BPF_JUMP_SET, 1, 0, NEIGHBOUR_STATES_LEFT_OUT << 8)
  instruction(6, BPF_RETURN, 0, 0, 0xffff_ffff)
  instruction(7, BPF_RETURN, 0, 0, 0)
  const program = new DataView(new ArrayBuffer(16))
  program.setUint16(0, 8, true)
  program.setBigUint64(8, sys.address(instructions), true)
  sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_ATTACH_FILTER, new Uint8Array(program.buffer))
  for (const group of GROUPS) sys.setsockopt(fd, Sys.SOL_NETLINK, Sys.NETLINK_ADD_MEMBERSHIP, optionWord(group))
  // The program was copied by the call; until then it must not move or go.
  instructions.fill(0)
}

const BPF_LOAD_WORD = 0x20
const BPF_LOAD_HALF = 0x28
const BPF_JUMP_SET = 0x45
const BPF_JUMP_EQUAL = 0x15
const BPF_RETURN = 0x06
/** A neighbour in use goes through these again and again; that it is reachable again, or is not, is told. */
const NEIGHBOUR_STATES_LEFT_OUT = NeighbourState.Stale | NeighbourState.Delay | NeighbourState.Probe
/** nlmsg_type in the header, and ndm_state behind it. */
const TYPE_OFFSET = 4
const NEIGHBOUR_STATE_OFFSET = 24
/** nlmsg_pid in the header. */
const PORT_OFFSET = 12

/** What a read or write came to: a byte count, or the system's word for why not. */
export type Transfer = number | { readonly code: string }

export const isFailure = (transfer: Transfer): transfer is { readonly code: string } => typeof transfer !== "number"

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException | null)?.code ?? "UNKNOWN"

/** Sends on the thread pool. Not interruptible: the descriptor stays open until the pool is done with it. */
export const write = (fd: number, bytes: Uint8Array): Effect.Effect<Transfer> =>
  Effect.uninterruptible(
    Effect.callback<Transfer>((resume) => {
      fs.write(fd, bytes, 0, bytes.length, null, (cause, count) =>
        resume(Effect.succeed(cause === null ? count : { code: codeOf(cause) }))
      )
    })
  )

/** Reads one datagram on the thread pool; `EAGAIN` after a moment without one. Not interruptible, for the same reason. */
export const read = (fd: number, into: Uint8Array, at: number): Effect.Effect<Transfer> =>
  Effect.uninterruptible(
    Effect.callback<Transfer>((resume) => {
      fs.read(fd, into, at, into.length - at, null, (cause, count) =>
        resume(Effect.succeed(cause === null ? count : { code: codeOf(cause) }))
      )
    })
  )

/** Reads one datagram at once, from a socket that does not block. */
export const readNow = (fd: number, into: Uint8Array, at: number): Transfer => {
  try {
    return fs.readSync(fd, into, at, into.length - at, null)
  } catch (cause) {
    return { code: codeOf(cause) }
  }
}

export const writeNow = (fd: number, bytes: Uint8Array): Transfer => {
  try {
    return fs.writeSync(fd, bytes)
  } catch (cause) {
    return { code: codeOf(cause) }
  }
}
