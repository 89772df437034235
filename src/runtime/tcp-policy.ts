// The TCP options of all peers, for a transport: it dials, listens and admits by them, and follows when the configuration changes. A
// peer whose password or TTL security cannot be had is kept out, with the reason; nobody falls back to an unprotected session (ADR-0023).
import { readFileSync } from "node:fs"
import type { OnReadOpts, Server, Socket } from "node:net"
import { Redacted } from "effect"
import { parseAddress } from "../wire/index.ts"
import { Keyring, type Md5Key, passwordProblem } from "./tcp-md5.ts"
import { type PeerRule, PeerRules, ruleOf, splitScope, type TcpPeer } from "./tcp-options.ts"
import { admitSocket, boundSocket, type DialAddress, dialSocket, systemCallsOrReason } from "./tcp-socket.ts"

export interface ListenAddress {
  readonly host: string
  readonly port: number
  readonly backlog: number
}

export interface TcpStats {
  /** Connections that were not admitted, by the option that they failed. */
  readonly refused: Readonly<Record<string, number>>
  /** What the kernel dropped for TCP MD5 in this network namespace: the sender gets no answer and no socket learns of it. */
  readonly md5: Md5Drops
  /** What it dropped for TTL security, in the same way. */
  readonly lowTtl: number
}

export class TcpPolicy {
  private rules = new PeerRules([])
  private keys: ReadonlyArray<Md5Key> = []
  private readonly listeners = new Map<Server, KeptListener>()
  private readonly refused = new Map<string, number>()

  /** Before the router hears of these peers. Returns what cannot be done, a sentence each; no password is in them. */
  configure(peers: ReadonlyArray<TcpPeer>): ReadonlyArray<string> {
    const rules = peers.map(ruleOf).filter((rule) => rule !== undefined)
    const { keys, problems } = keysOf(rules)
    this.rules = new PeerRules(rules)
    this.keys = keys
    const missing = new Map<string, string>()
    for (const listener of this.open()) {
      this.equip(listener)
      for (const [key, reason] of listener.missing) missing.set(key, reason)
    }
    return [...problems, ...[...missing].map(([key, reason]) => `${key}: ${reason}`)]
  }

  dial(target: DialAddress, onread?: OnReadOpts): Socket {
    return dialSocket(target, this.rules.find(target.address)?.options, onread)
  }

  /** Instead of `server.listen`: what becomes of it is told by the server's events. Returns passwords that are missing, as `configure`. */
  listen(server: Server, at: ListenAddress): ReadonlyArray<string> {
    const address = parseAddress(splitScope(at.host).host)
    const sys = systemCallsOrReason()
    if (typeof sys === "string" || address === undefined) {
      server.listen({ host: at.host, port: at.port, backlog: at.backlog, ipv6Only: true })
      return []
    }
    try {
      const fd = boundSocket(sys, address, at.host, at.port)
      const listener: KeptListener = { family: address.family, keyring: new Keyring(fd), missing: new Map() }
      // Before anybody can connect.
      this.equip(listener)
      this.listeners.set(server, listener)
      server.once("close", () => this.listeners.delete(server))
      server.listen({ fd, backlog: at.backlog })
      return [...listener.missing].map(([key, reason]) => `${key}: ${reason}`)
    } catch (cause) {
      process.nextTick(() => server.emit("error", cause))
      return []
    }
  }

  /** Gives an accepted connection the options of its peer. Returns why it is refused, if so: close it without a word. */
  admit(socket: Socket): string | undefined {
    const rule = this.rules.find(socket.remoteAddress ?? "")
    const reason = rule === undefined ? undefined : (this.unprotected(rule) ?? admitSocket(socket, rule.options))
    if (reason === undefined) return undefined
    const [option] = /^[\w-]+/.exec(reason) ?? ["other"]
    this.refused.set(option, (this.refused.get(option) ?? 0) + 1)
    return reason
  }

  stats(): TcpStats {
    return { refused: Object.fromEntries(this.refused), ...kernelDrops() }
  }

  /** Why the kernel cannot have asked this peer for its password. */
  private unprotected({ key, options }: PeerRule): string | undefined {
    if (options.password === undefined) return undefined
    const reason =
      passwordProblem(options.password) ??
      this.open()
        .find(({ missing }) => missing.has(key))
        ?.missing.get(key)
    return reason === undefined ? undefined : `password: ${reason}`
  }

  private equip(listener: KeptListener): void {
    listener.missing.clear()
    const keys = this.keys.filter(({ prefix }) => prefix.family === listener.family)
    for (const { key, reason } of listener.keyring.update(keys)) listener.missing.set(key, reason)
  }

  /** A server closes its descriptor at once and says "close" only when its last connection ends: the number may be another's by then. */
  private open(): ReadonlyArray<KeptListener> {
    return [...this.listeners].flatMap(([server, listener]) => (server.listening ? [listener] : []))
  }
}

interface KeptListener {
  readonly family: 4 | 6
  readonly keyring: Keyring
  /** Keys that it does not have, with the reason. */
  readonly missing: Map<string, string>
}

/** One key a prefix: the kernel does not tell link-local peers of different interfaces apart. */
const keysOf = (rules: ReadonlyArray<PeerRule>) => {
  const keys = new Map<string, Md5Key>()
  const problems: Array<string> = []
  for (const { key, prefix, options } of rules) {
    const { password } = options
    if (password === undefined) continue
    const problem = passwordProblem(password)
    const other = keys.get(key)
    if (problem !== undefined) problems.push(`${key}: ${problem}`)
    else if (other === undefined) keys.set(key, { key, prefix, password })
    else if (Redacted.value(other.password) !== Redacted.value(password)) {
      problems.push(`${key}: peers of one address need one password, also on different interfaces`)
    }
  }
  return { keys: [...keys.values()], problems }
}

export interface Md5Drops {
  /** Signed with another password. */
  readonly wrong: number
  /** Not signed, and we have a password. */
  readonly absent: number
  /** Signed, and we have no password. */
  readonly unexpected: number
}

/** Zeros where the system keeps no such counters. */
const kernelDrops = (): Pick<TcpStats, "md5" | "lowTtl"> => {
  const [names, values] = netstatLines()
  const count = (name: string): number => Number(values[names.indexOf(name)] ?? 0)
  return {
    md5: {
      wrong: count("TCPMD5Failure"),
      absent: count("TCPMD5NotFound"),
      unexpected: count("TCPMD5Unexpected")
    },
    lowTtl: count("TCPMinTTLDrop")
  }
}

const netstatLines = (): ReadonlyArray<ReadonlyArray<string>> => {
  try {
    const lines = readFileSync("/proc/thread-self/net/netstat", "latin1").split("\n")
    const found = lines.filter((line) => line.startsWith("TcpExt:")).map((line) => line.split(" "))
    return found.length === 2 ? found : [[], []]
  } catch {
    return [[], []]
  }
}
