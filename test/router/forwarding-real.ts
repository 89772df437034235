// Forwarding on the real kernel of a network namespace: the same loop as beside the model, with sockets instead of a machine.
import { closeSync, readSync } from "node:fs"
import { BlockPool } from "../../src/buffers/index.ts"
import { KernelChannel } from "../../src/eventlog/index.ts"
import type { PathSpec } from "../../src/fib/index.ts"
import { OpBuffer } from "../../src/machine/index.ts"
import { messagesOf, NetlinkType } from "../../src/netlink/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import type { KernelConfig } from "../../src/router/config.ts"
import { routerEffects } from "../../src/router/effects.ts"
import { createForwarding, type Forwarding, ForwardingTimer } from "../../src/router/forwarding.ts"
import { isFailure, openSocket, readNow, subscribe, writeNow } from "../../src/runtime/kernel-socket.ts"
import { inNetworkNamespace } from "../../src/runtime/sys.ts"
import { parseAddress, parsePrefix } from "../../src/wire/index.ts"
import type { Namespace } from "../support/namespace.ts"

export class RealWorld {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly tables = [new PrefixTable(0), new PrefixTable(1)] as const
  readonly forwarding: Forwarding
  private readonly out = new OpBuffer()
  private readonly sockets
  /** Requests sent that change something, and requests for dumps. */
  requests = 0
  dumps = 0

  constructor(namespace: Namespace, more: Partial<KernelConfig> = {}) {
    this.sockets = inNetworkNamespace(namespace.path, () => ({
      requests: openSocket({ blocking: false, receiveBufferBytes: 1 << 20 }),
      dumps: openSocket({ blocking: true, receiveBufferBytes: 1 << 20 }),
      news: openSocket({ blocking: true, receiveBufferBytes: 1 << 22 })
    }))
    subscribe(this.sockets.news.fd, this.sockets.requests.port)
    const kernel = { table: 254, metric: 20, onExit: "remove", model: false, ...more } as const
    this.forwarding = createForwarding({ kernel, tables: this.tables, pool: this.pool, capacityHint: 1024 })
    this.forwarding.start(this.out)
    this.settle()
  }

  announce(text: string, ...via: ReadonlyArray<string>): void {
    const { family, words, length } = parsePrefix(text)!
    const index = family === 4 ? 0 : 1
    const set = this.forwarding.internNextHops(via.map((address) => parseAddress(address)!))
    this.forwarding.setBgp(index, this.tables[index].intern(words, 0, length), set)
    this.forwarding.releaseNextHops(set)
  }

  /** As `announce`, with paths of any kind. */
  route(text: string, paths: ReadonlyArray<PathSpec>): void {
    const { family, words, length } = parsePrefix(text)!
    const index = family === 4 ? 0 : 1
    const set = this.forwarding.fib.internPaths(paths, index)
    this.forwarding.setBgp(index, this.tables[index].intern(words, 0, length), set)
    this.forwarding.releaseNextHops(set)
  }

  /** As `announce`, for many prefixes of one length in a row, by way of paths of any kind. */
  announceMany(from: string, count: number, paths: ReadonlyArray<PathSpec>): void {
    const { family, words, length } = parsePrefix(from)!
    const index = family === 4 ? 0 : 1
    const set = this.forwarding.fib.internPaths(paths, index)
    const word = Math.floor((length - 1) / 32)
    const step = 2 ** (32 * (word + 1) - length)
    for (let at = 0; at < count; at++) {
      const sum = words[word] + at * step
      const next = words.with(word, sum >>> 0)
      if (word > 0) next[word - 1] += Math.floor(sum / 2 ** 32)
      const prefix = this.tables[index].intern(next, 0, length)
      this.forwarding.setBgp(index, prefix, set)
    }
    this.forwarding.releaseNextHops(set)
  }

  withdraw(text: string): void {
    const { family, words, length } = parsePrefix(text)!
    const index = family === 4 ? 0 : 1
    const prefix = this.tables[index].find(words, 0, length)
    if (prefix !== -1) this.forwarding.clearBgp(index, prefix)
  }

  /** Works until nothing is under way and `done` says so; the kernel tells of a carrier when it gets to it. */
  settle(done: () => boolean = () => true): void {
    for (let patience = 100; patience > 0; ) {
      this.forwarding.flush(4096, this.out)
      // Listening takes a tenth of a second where nothing is said: only when there is nothing else to do.
      if (this.perform() || this.hear() || this.forwarding.pending()) continue
      if (done()) return
      patience--
      this.forwarding.drainTimers((kind) => {
        if (kind >= ForwardingTimer.BackOff) this.forwarding.timer(kind, this.out)
      })
    }
  }

  /** Works until nothing is under way, without listening for news. */
  settleAnswers(): void {
    do this.forwarding.flush(4096, this.out)
    while (this.perform() || this.forwarding.pending())
  }

  close(): void {
    for (const { fd } of Object.values(this.sockets)) closeSync(fd)
  }

  private perform(): boolean {
    const effects = routerEffects.decode(this.out)
    this.out.clear()
    for (const effect of effects) {
      if (effect._tag !== "KernelSend" && effect._tag !== "KernelDump") continue
      const bytes = this.pool.bytes(effect.block).slice(0, effect.length)
      this.pool.release(effect.block)
      if (effect._tag === "KernelSend") this.send(bytes, effect.lastSeq)
      else this.dump(bytes)
    }
    return effects.length > 0
  }

  private send(bytes: Uint8Array, lastSeq: number): void {
    this.requests += messagesOf(bytes).length
    const { fd } = this.sockets.requests
    writeNow(fd, bytes)
    const replies = new Uint8Array(1 << 20)
    let length = 0
    while (!messagesOf(replies.subarray(0, length)).some(({ seq }) => seq === lastSeq)) {
      const count = readNow(fd, replies, length)
      if (isFailure(count)) throw new Error(`no reply: ${count.code}`)
      length += count
    }
    this.forwarding.kernelBytes(KernelChannel.Reply, replies.subarray(0, length), this.out)
  }

  private dump(bytes: Uint8Array): void {
    this.dumps++
    const { fd } = this.sockets.dumps
    writeNow(fd, bytes)
    for (;;) {
      const part = new Uint8Array(65536)
      const count = readSync(fd, part)
      const whole = part.subarray(0, count)
      this.forwarding.kernelBytes(KernelChannel.Dump, whole, this.out)
      const ends = messagesOf(whole).some(({ type }) => type === NetlinkType.Done || type === NetlinkType.Error)
      if (ends) return
    }
  }

  private hear(): boolean {
    const part = new Uint8Array(65536)
    const count = readNow(this.sockets.news.fd, part, 0)
    if (isFailure(count)) return false
    this.forwarding.kernelBytes(KernelChannel.Notification, part.subarray(0, count), this.out)
    return true
  }
}
