// The cold system calls that Node has no word for, through `node:ffi`: sockets of families that it does not know and their options.
// Only 32-bit and pointer arguments, no callbacks, nothing per message: data goes through `fs.read` and `fs.write` (ADR-0020), and TCP's
// through `node:net`, which takes over descriptors made here (ADR-0023).
// The interface is experimental in Node 26, so it is tried at start before anything relies on it.
import * as fs from "node:fs"
import { endianness } from "node:os"
import { getSystemErrorName } from "node:util"

/** What a failed call leaves behind. Thrown inside the runtime only, and turned into a tagged error or a record there. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError"
  readonly call: string
  readonly errno: number
  /** The errno's name, as Node's own errors have it. */
  readonly code: string
  constructor(call: string, errno: number) {
    super(`${call} failed with errno ${errno}`)
    this.call = call
    this.errno = errno
    this.code = getSystemErrorName(-errno)
  }
}

/** Numbers from the Linux headers, the same on x64 and arm64. */
export const Sys = {
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  SOCK_STREAM: 1,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0x800,
  SOCK_CLOEXEC: 0x80000,
  NETLINK_ROUTE: 0,
  IPPROTO_IP: 0,
  IP_TOS: 1,
  IP_TTL: 2,
  IP_MINTTL: 21,
  IP_BIND_ADDRESS_NO_PORT: 24,
  IPPROTO_TCP: 6,
  TCP_USER_TIMEOUT: 18,
  TCP_SAVE_SYN: 27,
  TCP_SAVED_SYN: 28,
  TCP_MD5SIG_EXT: 32,
  IPPROTO_IPV6: 41,
  IPV6_UNICAST_HOPS: 16,
  IPV6_V6ONLY: 26,
  IPV6_TCLASS: 67,
  IPV6_MINHOPCOUNT: 73,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_PRIORITY: 12,
  SO_RCVTIMEO: 20,
  SO_ATTACH_FILTER: 26,
  SO_SNDBUFFORCE: 32,
  SO_RCVBUFFORCE: 33,
  SO_BINDTOIFINDEX: 62,
  SOL_NETLINK: 270,
  NETLINK_ADD_MEMBERSHIP: 1,
  NETLINK_CAP_ACK: 10,
  NETLINK_EXT_ACK: 11,
  NETLINK_GET_STRICT_CHK: 12,
  CLONE_NEWNET: 0x40000000,
  F_DUPFD_CLOEXEC: 1030,
  MADV_DONTNEED: 4
} as const

interface Functions {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly bind: (fd: number, address: Uint8Array, length: number) => number
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number
  readonly getpeername: (fd: number, address: Uint8Array, length: Uint8Array) => number
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number
  readonly getsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number
  readonly if_nametoindex: (name: Uint8Array) => number
  readonly if_indextoname: (index: number, name: Uint8Array) => bigint
  readonly setns: (fd: number, type: number) => number
  readonly fcntl: (fd: number, command: number, argument: number) => number
  readonly madvise: (from: bigint, length: bigint, advice: number) => number
}

export interface SystemCalls {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly bind: (fd: number, address: Uint8Array) => void
  /** Fills `address`; returns how many bytes of it hold. */
  readonly getsockname: (fd: number, address: Uint8Array) => number
  /** Likewise, of the other end. */
  readonly getpeername: (fd: number, address: Uint8Array) => number
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array) => void
  /** Fills `value`; returns how many bytes of it hold. */
  readonly getsockopt: (fd: number, level: number, name: number, value: Uint8Array) => number
  /** The number of an interface in the calling thread's network namespace; 0: there is none of that name. */
  readonly interfaceIndex: (name: string) => number
  /** Likewise its name; empty: there is none of that number. */
  readonly interfaceName: (index: number) => string
  /** Moves the calling thread, not the process, into the namespace that `fd` names. */
  readonly setns: (fd: number, type: number) => void
  /** Another descriptor of the same socket, not inherited by programs that are started. */
  readonly duplicate: (fd: number) => number
  /** Tells the kernel what will become of pages. */
  readonly madvise: (from: bigint, length: bigint, advice: number) => void
  /** Gives the system back what is free in the C library's heap, where that can be asked for (glibc). */
  readonly trimHeap: () => void
  /** Where an array's bytes are, for structures that hold a pointer. Valid while the array is referred to. */
  readonly address: (bytes: Uint8Array) => bigint
}

let loaded: SystemCalls | Error | undefined

/** The system calls, loaded and tried on first use. Throws an Error with one clear sentence where they cannot be had. */
export const systemCalls = (): SystemCalls => {
  if (loaded === undefined) {
    try {
      loaded = load()
      selfTest(loaded)
    } catch (cause) {
      loaded = new Error(`This Node cannot make the system calls that netlink and TCP options need: ${reason(cause)}`, {
        cause
      })
    }
  }
  if (loaded instanceof Error) throw loaded
  return loaded
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const load = (): SystemCalls => {
  if (process.platform !== "linux") throw new Error(`rtnetlink is Linux's, this is ${process.platform}`)
  if (endianness() !== "LE") throw new Error("netlink is spoken in host order, and big-endian hosts are not supported")
  const ffi = builtinFfi()
  const { functions } = ffi.dlopen(null, {
    socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
    bind: { arguments: ["i32", "pointer", "u32"], return: "i32" },
    getsockname: { arguments: ["i32", "pointer", "pointer"], return: "i32" },
    getpeername: { arguments: ["i32", "pointer", "pointer"], return: "i32" },
    setsockopt: { arguments: ["i32", "i32", "i32", "pointer", "u32"], return: "i32" },
    getsockopt: { arguments: ["i32", "i32", "i32", "pointer", "pointer"], return: "i32" },
    if_nametoindex: { arguments: ["pointer"], return: "u32" },
    if_indextoname: { arguments: ["u32", "pointer"], return: "pointer" },
    setns: { arguments: ["i32", "i32"], return: "i32" },
    fcntl: { arguments: ["i32", "i32", "i32"], return: "i32" },
    madvise: { arguments: ["u64", "u64", "i32"], return: "i32" },
    __errno_location: { arguments: [], return: "pointer" }
  })
  const calls = functions as unknown as Functions & { readonly __errno_location: () => bigint }
  // Nothing may run between the call and this: errno belongs to the thread, and Node makes calls of its own.
  const checked = (call: string, result: number): number => {
    if (result >= 0) return result
    throw new SystemCallError(call, ffi.getInt32(calls.__errno_location()))
  }
  /** A call with a length that says how much room there is, and is told how much of it was used. */
  const filled = (call: string, bytes: Uint8Array, make: (length: Uint8Array) => number): number => {
    const length = new Uint32Array([bytes.length])
    checked(call, make(new Uint8Array(length.buffer)))
    return length[0]
  }
  return {
    socket: (domain, type, protocol) => checked("socket", calls.socket(domain, type, protocol)),
    bind: (fd, address) => void checked("bind", calls.bind(fd, address, address.length)),
    getsockname: (fd, address) => filled("getsockname", address, (length) => calls.getsockname(fd, address, length)),
    getpeername: (fd, address) => filled("getpeername", address, (length) => calls.getpeername(fd, address, length)),
    setsockopt: (fd, level, name, value) =>
      void checked("setsockopt", calls.setsockopt(fd, level, name, value, value.length)),
    getsockopt: (fd, level, name, value) =>
      filled("getsockopt", value, (length) => calls.getsockopt(fd, level, name, value, length)),
    interfaceIndex: (name) => calls.if_nametoindex(Buffer.from(`${name}\0`)),
    interfaceName: (index) => {
      const name = Buffer.alloc(INTERFACE_NAME_BYTES)
      return calls.if_indextoname(index, name) === 0n ? "" : name.toString("utf8", 0, name.indexOf(0))
    },
    setns: (fd, type) => void checked("setns", calls.setns(fd, type)),
    madvise: (from, length, advice) => void checked("madvise", calls.madvise(from, length, advice)),
    trimHeap: heapTrimmer(ffi),
    duplicate: (fd) => checked("fcntl", calls.fcntl(fd, Sys.F_DUPFD_CLOEXEC, 0)),
    address: (bytes) => (ffi as unknown as { getRawPointer: (bytes: Uint8Array) => bigint }).getRawPointer(bytes)
  }
}

const heapTrimmer = (ffi: typeof import("node:ffi")): (() => void) => {
  try {
    const { functions } = ffi.dlopen(null, { malloc_trim: { arguments: ["u64"], return: "i32" } })
    const { malloc_trim } = functions as unknown as { readonly malloc_trim: (padBytes: bigint) => number }
    return () => void malloc_trim(0n)
  } catch {
    // musl has no such function.
    return () => undefined
  }
}

/** IF_NAMESIZE. */
const INTERFACE_NAME_BYTES = 16

/** `node:ffi` without its ExperimentalWarning, which nobody who runs a daemon can act on; all other warnings stay. */
const builtinFfi = (): typeof import("node:ffi") => {
  const emitWarning = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: ReadonlyArray<unknown>) => {
    if (typeof warning === "string" && warning.startsWith("FFI is an experimental feature")) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    const ffi = process.getBuiltinModule("node:ffi")
    if (ffi === undefined) throw new Error("it has no node:ffi; Node 26.10 or later has")
    return ffi
  } finally {
    process.emitWarning = emitWarning
  }
}

/** A round through each call that returns something: a wrong signature shows here and not in the middle of a run. */
const selfTest = (sys: SystemCalls): void => {
  const fd = sys.socket(Sys.AF_NETLINK, Sys.SOCK_RAW | Sys.SOCK_CLOEXEC, Sys.NETLINK_ROUTE)
  try {
    sys.bind(fd, netlinkAddress())
    const name = netlinkAddress()
    if (sys.getsockname(fd, name) !== 12 || name[0] !== Sys.AF_NETLINK || portOf(name) === 0) {
      throw new Error("a netlink socket has no port after bind")
    }
  } finally {
    fs.closeSync(fd)
  }
}

/** struct sockaddr_nl for "any port, no groups". */
export const netlinkAddress = (): Uint8Array => {
  const address = new Uint8Array(12)
  address[0] = Sys.AF_NETLINK
  return address
}

/** nl_pid out of a struct sockaddr_nl. */
export const portOf = (address: Uint8Array): number =>
  new DataView(address.buffer, address.byteOffset).getUint32(4, true)

/** Runs `action` on this thread inside another network namespace and comes back. `action` must not wait: this thread serves all. */
export const inNetworkNamespace = <A>(path: string | undefined, action: () => A): A => {
  if (path === undefined) return action()
  const sys = systemCalls()
  const own = fs.openSync("/proc/thread-self/ns/net", "r")
  try {
    const other = fs.openSync(path, "r")
    try {
      sys.setns(other, Sys.CLONE_NEWNET)
    } finally {
      fs.closeSync(other)
    }
    try {
      return action()
    } finally {
      sys.setns(own, Sys.CLONE_NEWNET)
    }
  } finally {
    fs.closeSync(own)
  }
}

/** A 32-bit option value in host order. */
export const optionWord = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer)
