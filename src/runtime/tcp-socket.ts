// TCP sockets with options that Node has no word for. One that dials is made, set up and bound by system calls, then given to `net.Socket`,
// so that its SYN has everything; one that listens likewise, given to `net.Server`; one that was accepted gets its options through its
// descriptor. All data and all events are Node's. What fails is an error as Node's own sockets have it (ADR-0023).
import { closeSync, readdirSync } from "node:fs"
import { connect, type OnReadOpts, Socket } from "node:net"
import { type Address, addressFromBytes, addressToBytes, formatAddress, parseAddress } from "../wire/index.ts"
import { optionWord, Sys, SystemCallError, type SystemCalls, systemCalls } from "./sys.ts"
import { passwordProblem, setMd5Key } from "./tcp-md5.ts"
import { demands, NETWORK_CONTROL, NO_OPTIONS, splitScope, type TcpOptions } from "./tcp-options.ts"

export interface DialAddress {
  /** Link-local ones with `%interface`, by name or number. */
  readonly address: string
  readonly port: number
  /** Empty: the system chooses. */
  readonly localAddress: string
}

/** Starts to connect. Every failure, also one that is known at once, comes as an "error" event and then "close". */
export const dialSocket = (target: DialAddress, options: TcpOptions = NO_OPTIONS, onread?: OnReadOpts): Socket => {
  const { host, scope } = splitScope(target.address)
  const address = parseAddress(host)
  const wanted = scope === "" || options.interface !== "" ? options : { ...options, interface: scope }
  const sys = address === undefined || isPlain(wanted) ? undefined : systemCallsOrReason()
  if (sys === undefined || address === undefined) return dialPlainly(target, onread)
  if (typeof sys === "string") {
    // Node finds the interface of a link-local address by itself.
    const [demand] = demands(options)
    return demand === undefined ? dialPlainly(target, onread) : failing(new Error(`${demand} cannot be had: ${sys}`))
  }
  try {
    const fd = madeSocket(sys, address, (fd) => {
      setOptions(sys, fd, address.family, wanted)
      setPassword(fd, address, wanted)
      if (target.localAddress !== "") bindTo(sys, fd, target.localAddress, 0)
    })
    const socket = new Socket({ fd, readable: true, writable: true, ...reader(onread) })
    return socket.connect({ host: scope === "" ? host : `${host}%${nameOfScope(sys, scope)}`, port: target.port })
  } catch (cause) {
    return failing(asNodeError(cause, target.localAddress))
  }
}

const isPlain = (options: TcpOptions): boolean =>
  demands(options).length === 0 && options.ttl === 0 && options.trafficClass === 0 && options.userTimeoutMs === 0

const dialPlainly = ({ address, port, localAddress }: DialAddress, onread?: OnReadOpts): Socket =>
  connect({ host: address, port, ...(localAddress === "" ? {} : { localAddress }), ...reader(onread) })

const reader = (onread: OnReadOpts | undefined): { readonly onread?: OnReadOpts } =>
  onread === undefined ? {} : { onread }

/**
 * The same connection as a socket that reads where `onread` says, which Node gives only to sockets that are made by us: over another
 * descriptor, and the accepted one is let go. It must not have been read. `undefined`: it cannot be had, and the first one is as it was.
 */
export const readingInto = (socket: Socket, onread: OnReadOpts): Socket | undefined => {
  const sys = systemCallsOrReason()
  if (typeof sys === "string") return undefined
  const fd = descriptorOf(sys, socket)
  if (fd === undefined) return undefined
  try {
    const reading = new Socket({ fd: sys.duplicate(fd), readable: true, writable: true, onread })
    socket.on("error", () => undefined)
    socket.destroy()
    return reading
  } catch {
    return undefined
  }
}

/** A socket that says why it did not come to be, once whoever asked for it listens. */
const failing = (cause: Error): Socket => new Socket().destroy(cause)

/** A descriptor that listens on `host:port` as soon as `net.Server` takes it. Throws errors as `listen` has them. */
export const boundSocket = (sys: SystemCalls, address: Address, host: string, port: number): number => {
  try {
    return madeSocket(sys, address, (fd) => {
      sys.setsockopt(fd, Sys.SOL_SOCKET, Sys.SO_REUSEADDR, optionWord(1))
      if (address.family === 6) sys.setsockopt(fd, Sys.IPPROTO_IPV6, Sys.IPV6_V6ONLY, optionWord(1))
      sys.setsockopt(fd, Sys.IPPROTO_TCP, Sys.TCP_SAVE_SYN, optionWord(1))
      // Our half of the handshake: a peer with GTSM takes no less, and accepted sockets inherit it.
      setOptions(sys, fd, address.family, { ...NO_OPTIONS, ttl: 255, trafficClass: NETWORK_CONTROL })
      bindTo(sys, fd, host, port)
    })
  } catch (cause) {
    throw asNodeError(cause, `${host}:${port}`)
  }
}

const madeSocket = (sys: SystemCalls, address: Address, prepare: (fd: number) => void): number => {
  const domain = address.family === 4 ? Sys.AF_INET : Sys.AF_INET6
  const fd = sys.socket(domain, Sys.SOCK_STREAM | Sys.SOCK_NONBLOCK | Sys.SOCK_CLOEXEC, Sys.IPPROTO_TCP)
  try {
    prepare(fd)
    return fd
  } catch (cause) {
    closeSync(fd)
    throw cause
  }
}

/** Everything but the password, which accepted sockets have from the one that listened. */
const setOptions = (sys: SystemCalls, fd: number, family: 4 | 6, options: TcpOptions): void => {
  const set = (level: number, name: number, value: number): void =>
    value === 0 ? undefined : sys.setsockopt(fd, level, name, optionWord(value))
  if (family === 4) {
    set(Sys.IPPROTO_IP, Sys.IP_TTL, options.ttl)
    set(Sys.IPPROTO_IP, Sys.IP_MINTTL, options.minimumTtl)
    set(Sys.IPPROTO_IP, Sys.IP_TOS, options.trafficClass)
  } else {
    set(Sys.IPPROTO_IPV6, Sys.IPV6_UNICAST_HOPS, options.ttl)
    set(Sys.IPPROTO_IPV6, Sys.IPV6_MINHOPCOUNT, options.minimumTtl)
    set(Sys.IPPROTO_IPV6, Sys.IPV6_TCLASS, options.trafficClass)
  }
  // After the traffic class, which changes it: our own queues serve control traffic first as well.
  if (options.trafficClass !== 0) set(Sys.SOL_SOCKET, Sys.SO_PRIORITY, options.trafficClass >> 5)
  set(Sys.IPPROTO_TCP, Sys.TCP_USER_TIMEOUT, options.userTimeoutMs)
  set(Sys.SOL_SOCKET, Sys.SO_BINDTOIFINDEX, indexOf(sys, options.interface))
}

const indexOf = (sys: SystemCalls, name: string): number => {
  if (name === "") return 0
  const index = /^\d+$/.test(name) ? Number(name) : sys.interfaceIndex(name)
  if (index === 0) throw new Error(`interface ${name}: there is none of that name`)
  return index
}

/** Node takes interfaces by name only, and gives a link-local address without scope the first that it finds. */
const nameOfScope = (sys: SystemCalls, scope: string): string =>
  /^\d+$/.test(scope) ? sys.interfaceName(Number(scope)) : scope

const setPassword = (fd: number, address: Address, { password }: TcpOptions): void => {
  if (password === undefined) return
  const problem = passwordProblem(password)
  if (problem !== undefined) throw new Error(problem)
  setMd5Key(fd, { ...address, length: address.family === 4 ? 32 : 128 }, password)
}

const bindTo = (sys: SystemCalls, fd: number, text: string, port: number): void => {
  const { host, scope } = splitScope(text)
  const address = parseAddress(host)
  if (address === undefined) throw new Error(`${text} is not an address`)
  // The port is chosen when it connects: many connections to different peers may share one.
  if (port === 0) sys.setsockopt(fd, Sys.IPPROTO_IP, Sys.IP_BIND_ADDRESS_NO_PORT, optionWord(1))
  sys.bind(fd, socketAddress(address, port, indexOf(sys, scope)))
}

/** struct sockaddr_in or sockaddr_in6. */
export const socketAddress = (address: Address, port: number, scope: number): Uint8Array => {
  const bytes = new Uint8Array(address.family === 4 ? 16 : 28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, address.family === 4 ? Sys.AF_INET : Sys.AF_INET6, true)
  view.setUint16(2, port)
  bytes.set(addressToBytes(address), address.family === 4 ? 4 : 8)
  if (address.family === 6) view.setUint32(24, scope, true)
  return bytes
}

/** Sets the options of a connection that was accepted. Returns why it must not go on, if so. */
export const admitSocket = (socket: Socket, options: TcpOptions): string | undefined => {
  const sys = systemCallsOrReason()
  const [demand] = demands(options)
  if (typeof sys === "string") return demand === undefined ? undefined : `${demand} cannot be had: ${sys}`
  const fd = descriptorOf(sys, socket)
  if (fd === undefined) return demand === undefined ? undefined : `${demand} cannot be had: no descriptor`
  try {
    const family = socket.remoteFamily === "IPv4" ? 4 : 6
    const arrived = options.minimumTtl === 0 ? undefined : arrivalTtl(sys, fd)
    if (arrived !== undefined && arrived < options.minimumTtl) {
      return `ttl-security: came with TTL ${arrived}, below ${options.minimumTtl}`
    }
    setOptions(sys, fd, family, options)
    return undefined
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

/** TTL of the SYN. `undefined` when the kernel did not keep it, as under a flood of them; later packets are checked all the same. */
const arrivalTtl = (sys: SystemCalls, fd: number): number | undefined => {
  const headers = new Uint8Array(256)
  const byteCount = sys.getsockopt(fd, Sys.IPPROTO_TCP, Sys.TCP_SAVED_SYN, headers)
  if (byteCount < 20) return undefined
  return headers[0] >> 4 === 4 ? headers[8] : headers[7]
}

/**
 * The descriptor of a connected socket. Node has no public word for it: what it keeps to itself is a hint, believed only when the kernel
 * says that the connection is the same; else all our descriptors are asked.
 */
export const descriptorOf = (sys: SystemCalls, socket: Socket): number | undefined => {
  const isOurs = (fd: number): boolean =>
    endOf(() => nameOf(sys.getpeername, fd)) === textOf(socket.remoteAddress, socket.remotePort) &&
    endOf(() => nameOf(sys.getsockname, fd)) === textOf(socket.localAddress, socket.localPort)
  const hint = (socket as { readonly _handle?: { readonly fd?: unknown } | null })._handle?.fd
  if (typeof hint === "number" && hint >= 0 && isOurs(hint)) return hint
  return readdirSync("/proc/self/fd").map(Number).find(isOurs)
}

const nameOf = (call: (fd: number, address: Uint8Array) => number, fd: number): string => {
  const bytes = new Uint8Array(28)
  const byteCount = call(fd, bytes)
  const view = new DataView(bytes.buffer)
  const family = view.getUint16(0, true)
  if (family === Sys.AF_INET && byteCount >= 16) {
    return `${formatAddress(addressFromBytes(4, bytes, 4))} ${view.getUint16(2)}`
  }
  if (family !== Sys.AF_INET6 || byteCount < 28) return ""
  return `${formatAddress(addressFromBytes(6, bytes, 8))} ${view.getUint16(2)}`
}

/** Not every descriptor is a socket. */
const endOf = (read: () => string): string => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof SystemCallError) return ""
    throw cause
  }
}

const textOf = (host: string | undefined, port: number | undefined): string | undefined => {
  const address = host === undefined ? undefined : parseAddress(splitScope(host).host)
  return address === undefined ? undefined : `${formatAddress(address)} ${port}`
}

/** The system calls, or why there are none. */
export const systemCallsOrReason = (): SystemCalls | string => {
  try {
    return systemCalls()
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

/** With the `code` and the words that Node gives. What Node never does has no code: its message is a sentence. */
const asNodeError = (cause: unknown, where: string): Error => {
  if (!(cause instanceof SystemCallError)) return cause instanceof Error ? cause : new Error(String(cause))
  const { call, code, errno } = cause
  const message = call === "bind" ? `bind ${code} ${where}` : `${call} ${code}`
  return Object.assign(new Error(message), { code, errno: -errno, syscall: call })
}
