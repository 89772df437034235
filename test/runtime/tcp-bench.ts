// A network namespace with a listener under a TcpPolicy and whoever dials it, for tests of TCP options. Every wait is for an event of
// a socket; connections that must not come to be end by their user timeout.
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { inNetworkNamespace, optionWord, Sys, systemCalls } from "../../src/runtime/sys.ts"
import { NO_OPTIONS, type TcpOptions, type TcpPeer } from "../../src/runtime/tcp-options.ts"
import { TcpPolicy } from "../../src/runtime/tcp-policy.ts"
import { type DialAddress, descriptorOf, dialSocket } from "../../src/runtime/tcp-socket.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"

/** How long a connection that must not come to be is waited for. On loopback the kernel answers at once or never. */
const GIVE_UP_MS = 500

export const peer = (address: string, more: Partial<TcpPeer> = {}): TcpPeer => ({
  address,
  type: "internal",
  password: "",
  ttlSecurity: false,
  multihop: 0,
  holdTime: 90,
  ...more
})

export const options = (more: Partial<TcpOptions>): TcpOptions => ({
  ...NO_OPTIONS,
  userTimeoutMs: GIVE_UP_MS,
  ...more
})

export class TcpBench {
  readonly policy = new TcpPolicy()
  /** What a listener refused, in order. */
  readonly refusals: Array<string> = []
  private readonly namespace: Namespace
  private readonly servers: Array<Server> = []
  private readonly sockets: Array<Socket> = []
  private admitted: Array<Socket> = []
  private waiting: ((socket: Socket) => void) | undefined

  constructor(namespace: Namespace) {
    this.namespace = namespace
  }

  inside<A>(action: () => A): A {
    return inNetworkNamespace(this.namespace.path, action)
  }

  sh(command: string): string {
    return this.namespace.sh(command)
  }

  /** The port. */
  async listen(host: string, port = 0): Promise<number> {
    const server = createServer((socket) => this.accepted(socket))
    this.servers.push(server)
    this.inside(() => this.policy.listen(server, { host, port, backlog: 16 }))
    await once(server, "listening")
    return (server.address() as AddressInfo).port
  }

  dial(target: DialAddress, wanted: TcpOptions): Promise<Dialled> {
    return this.dialled(() => dialSocket(target, wanted))
  }

  /** With the options that the policy has for the address. */
  dialByPolicy(target: DialAddress): Promise<Dialled> {
    return this.dialled(() => this.policy.dial(target))
  }

  /** Node connects on its next tick, and looks for the interface of a link-local address then: this stays inside until it has. */
  private async dialled(dial: () => Socket): Promise<Dialled> {
    const sys = systemCalls()
    const own = openSync("/proc/thread-self/ns/net", "r")
    const other = openSync(this.namespace.path, "r")
    try {
      sys.setns(other, Sys.CLONE_NEWNET)
      const socket = dial()
      this.sockets.push(socket)
      const done = outcome(socket)
      await new Promise<void>((resolve) => process.nextTick(resolve))
      sys.setns(own, Sys.CLONE_NEWNET)
      return await done
    } finally {
      sys.setns(own, Sys.CLONE_NEWNET)
      closeSync(own)
      closeSync(other)
    }
  }

  setTtl(socket: Socket, family: 4 | 6, ttl: number): void {
    const fd = descriptorOf(systemCalls(), socket)!
    systemCalls().setsockopt(fd, ...ttlOption(family), optionWord(ttl))
  }

  /** The next connection that was admitted. */
  arrival(): Promise<Socket> {
    const socket = this.admitted.shift()
    if (socket !== undefined) return Promise.resolve(socket)
    return new Promise((resolve) => {
      this.waiting = resolve
    })
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    for (const server of this.servers) server.close()
  }

  private accepted(socket: Socket): void {
    this.sockets.push(socket)
    socket.on("error", () => undefined)
    const reason = this.policy.admit(socket)
    if (reason !== undefined) {
      this.refusals.push(reason)
      socket.destroy()
      return
    }
    socket.resume()
    if (this.waiting === undefined) this.admitted.push(socket)
    else this.waiting(socket)
    this.waiting = undefined
  }
}

export type Dialled = { readonly socket: Socket } | { readonly error: NodeJS.ErrnoException }

const outcome = (socket: Socket): Promise<Dialled> =>
  new Promise((resolve) => {
    socket.on("error", (error) => resolve({ error }))
    socket.once("connect", () => resolve({ socket }))
  })

/** The socket of a connection that must have come to be. */
export const connected = (dialled: Dialled): Socket => {
  if ("error" in dialled) throw dialled.error
  return dialled.socket
}

export const failure = (dialled: Dialled): NodeJS.ErrnoException | undefined =>
  "error" in dialled ? dialled.error : undefined

export const withBench = (use: (bench: TcpBench) => Promise<void>): Promise<void> =>
  withNamespace("tcp", async (namespace) => {
    const bench = new TcpBench(namespace)
    try {
      await use(bench)
    } finally {
      bench.close()
    }
  })

/** A 32-bit option as the kernel has it. */
export const optionOf = (socket: Socket, level: number, name: number): number => {
  const sys = systemCalls()
  const fd = descriptorOf(sys, socket)
  if (fd === undefined) throw new Error("the socket has no descriptor")
  const value = new Uint32Array(1)
  sys.getsockopt(fd, level, name, new Uint8Array(value.buffer))
  return value[0]
}

/** Level and name. */
export type Option = readonly [level: number, name: number]

export const ttlOption = (family: 4 | 6): Option =>
  family === 4 ? [Sys.IPPROTO_IP, Sys.IP_TTL] : [Sys.IPPROTO_IPV6, Sys.IPV6_UNICAST_HOPS]
