// The two kernels behind one face: play a step, say what was answered and told, list what there is. What only the real kernel says
// (its own IPv6 housekeeping, attributes that we do not read) is left out here, in one place.
import { closeSync, readSync } from "node:fs"
import {
  askModelKernel,
  createModelKernel,
  decodeError,
  decodeLink,
  decodeNexthop,
  decodeRoute,
  decodeRule,
  eachMessage,
  type ModelKernelEvent,
  messagesOf,
  NetlinkType,
  NetlinkWriter,
  putDump
} from "../../src/netlink/index.ts"
import { isFailure, openSocket, readNow, subscribe, writeNow } from "../../src/runtime/kernel-socket.ts"
import { inNetworkNamespace } from "../../src/runtime/sys.ts"
import type { Namespace } from "../support/namespace.ts"
import { LINKS, type Step } from "./script.ts"

export interface Player {
  /** Plays the step; what was replied, then what was told. */
  readonly play: (step: Step) => { readonly replied: ReadonlyArray<unknown>; readonly told: ReadonlyArray<unknown> }
  /** Links, nexthops, rules and the routes of protocols that are not the kernel's. */
  readonly list: () => unknown
  readonly close: () => void
}

const PROTOCOLS = [186, 4]

const addressEvent = (ifindex: number, family: 4 | 6, present: boolean): ModelKernelEvent => {
  const number = LINKS.findIndex((index) => index === ifindex) + 1
  const words = family === 4 ? [0x0a000001 + number * 256] : [0x20010db8, number << 16, 0, 1]
  return { _tag: present ? "AddressAdded" : "AddressRemoved", family, ifindex, words, length: family === 4 ? 24 : 64 }
}

export const modelPlayer = (): Player => {
  const kernel = createModelKernel()
  for (const index of LINKS) {
    askModelKernel(kernel, { _tag: "LinkAdded", name: `v${index}`, index, up: true, carrier: true })
    for (const family of [4, 6] as const) askModelKernel(kernel, addressEvent(index, family, true))
  }
  const dump = (bytes: Uint8Array) => joined(askModelKernel(kernel, { _tag: "Requested", port: 1, bytes }).dumpParts)
  return {
    play: (step) => {
      const event =
        step._tag === "Ask"
          ? ({ _tag: "Requested", port: 1, bytes: step.bytes } as const)
          : step._tag === "Address"
            ? addressEvent(step.index, step.family, step.present)
            : step._tag === "Carrier"
              ? ({ _tag: "CarrierChanged", index: step.index, carrier: step.carrier } as const)
              : ({ _tag: "LinkSet", index: step.index, up: step.up } as const)
      const { replies, notifications } = askModelKernel(kernel, event)
      return { replied: repliesIn(replies), told: newsIn(notifications) }
    },
    list: () => listed(dump),
    close: () => {}
  }
}

export const realPlayer = (namespace: Namespace): Player => {
  namespace.sh(`sysctl -qw net.ipv4.nexthop_compat_mode=0 net.ipv6.conf.default.addr_gen_mode=1`)
  for (const [number, index] of LINKS.entries()) {
    namespace.sh(`ip link add v${index} index ${index} type veth peer name p${index}; ip link set v${index} up
      ip link set p${index} up; ip addr add 10.0.${number + 1}.1/24 dev v${index}
      ip -6 addr add 2001:db8:${number + 1}::1/64 dev v${index} nodad`)
  }
  const open = (blocking: boolean) =>
    inNetworkNamespace(namespace.path, () => openSocket({ blocking, receiveBufferBytes: 1 << 20 }))
  const requests = open(false)
  const dumps = open(true)
  const news = open(true)
  subscribe(news.fd, 0)
  const states = new Map<number, { up: boolean; carrier: boolean }>(
    LINKS.map((index) => [index, { up: true, carrier: true }])
  )
  const dump = (bytes: Uint8Array): Uint8Array => {
    writeNow(dumps.fd, bytes)
    const parts: Array<Uint8Array> = []
    for (;;) {
      const part = new Uint8Array(64 * 1024)
      parts.push(part.subarray(0, readSync(dumps.fd, part)))
      if (messagesOf(parts.at(-1)!).some(({ type }) => type === NetlinkType.Done || type === NetlinkType.Error)) break
    }
    return joined(parts)
  }
  /** What a request causes is queued when it returns; a marker says where that ends. A link's fate comes later: wait for it. */
  const hear = (settled: () => boolean): Uint8Array => {
    const heard: Array<Uint8Array> = []
    for (let patience = 100; patience > 0; patience--) {
      const part = new Uint8Array(64 * 1024)
      const count = readNow(news.fd, part, 0)
      if (!isFailure(count)) heard.push(part.subarray(0, count))
      else if (settled()) break
    }
    return joined(heard)
  }
  const usable = (index: number): boolean => links(dump).find((link) => link.index === index)?.usable === true
  const change = (index: number, command: string): Uint8Array => {
    namespace.sh(command)
    const { up, carrier } = states.get(index)!
    return hear(() => usable(index) === (up && carrier))
  }
  return {
    play: (step) => {
      if (step._tag === "Ask") {
        writeNow(requests.fd, step.bytes)
        const reply = new Uint8Array(4096)
        const count = readNow(requests.fd, reply, 0)
        const replied = isFailure(count) ? [] : repliesIn(reply.subarray(0, count))
        return { replied, told: newsIn(queued(requests.fd, news.fd)) }
      }
      if (step._tag === "Address") {
        const number = LINKS.findIndex((index) => index === step.index) + 1
        const address = step.family === 4 ? `10.0.${number}.1/24` : `2001:db8:${number}::1/64`
        const nodad = step.family === 6 && step.present ? "nodad" : ""
        const command = `ip addr ${step.present ? "replace" : "del"} ${address} dev v${step.index} ${nodad} 2>/dev/null || true`
        return { replied: [], told: newsIn(change(step.index, command)) }
      }
      const state = states.get(step.index)!
      if (step._tag === "Carrier") {
        state.carrier = step.carrier
        return {
          replied: [],
          told: newsIn(change(step.index, `ip link set p${step.index} ${step.carrier ? "up" : "down"}`))
        }
      }
      state.up = step.up
      return { replied: [], told: newsIn(change(step.index, `ip link set v${step.index} ${step.up ? "up" : "down"}`)) }
    },
    list: () => listed(dump),
    close: () => {
      for (const { fd } of [requests, dumps, news]) closeSync(fd)
    }
  }
}

const MARKER = 0x7fff_0000

/** Reads up to the news of a nexthop that is made and unmade for the purpose. */
const queued = (requestFd: number, newsFd: number): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(256))
  for (const type of [NetlinkType.NewNexthop, NetlinkType.DelNexthop]) {
    const start = w.begin(type, type === NetlinkType.NewNexthop ? 0x401 : 1, 1, 0)
    w.u32(type === NetlinkType.NewNexthop ? 2 : 0)
    w.u32(0)
    w.attribute32(1, MARKER)
    if (type === NetlinkType.NewNexthop) w.flag(4)
    w.end(start)
  }
  writeNow(requestFd, w.bytes.subarray(0, w.length))
  const parts: Array<Uint8Array> = []
  for (let ended = false; !ended; ) {
    const part = new Uint8Array(64 * 1024)
    parts.push(part.subarray(0, readSync(newsFd, part)))
    ended = messagesOf(parts.at(-1)!).some(
      ({ type, at, end }) => type === NetlinkType.DelNexthop && decodeNexthop(parts.at(-1)!, at, end).id === MARKER
    )
  }
  return joined(parts)
}

const repliesIn = (bytes: Uint8Array): ReadonlyArray<unknown> =>
  messagesOf(bytes).map(({ at, end }) => decodeError(bytes, at, end))

/** News of nexthops, of rules, and of routes that are not the kernel's own. In no order: which shrunk group comes first is the kernel's affair. */
const newsIn = (bytes: Uint8Array): ReadonlyArray<string> =>
  newsInOrder(bytes)
    .map((news) => JSON.stringify(news))
    .sort()

const newsInOrder = (bytes: Uint8Array): ReadonlyArray<object> =>
  messagesOf(bytes).flatMap(({ type, flags, at, end }): ReadonlyArray<object> => {
    if (type === NetlinkType.NewNexthop || type === NetlinkType.DelNexthop) {
      const nexthop = decodeNexthop(bytes, at, end)
      return nexthop.id === MARKER ? [] : [{ news: type, ...nexthop }]
    }
    if (type === NetlinkType.NewRule || type === NetlinkType.DelRule) return [{ news: type, ...ruleIn(bytes, at, end) }]
    if (type !== NetlinkType.NewRoute && type !== NetlinkType.DelRoute) return []
    const route = decodeRoute(bytes, at, end)
    return PROTOCOLS.includes(route.protocol) ? [{ news: type, flags, ...comparable(route) }] : []
  })

/** In one order, whatever that of its attributes. */
const ruleIn = (bytes: Uint8Array, at: number, end: number): object =>
  Object.fromEntries(Object.entries(decodeRule(bytes, at, end)).sort(([a], [b]) => (a < b ? -1 : 1)))

const comparable = (route: ReturnType<typeof decodeRoute>) => {
  const { family, words, length, table, protocol, type, metric, nexthopId, ifindex, gateway } = route
  const way = nexthopId === 0 ? { ifindex, gateway } : {}
  return { family, words, length, table, protocol, type, metric, nexthopId, ...way }
}

const links = (dump: (bytes: Uint8Array) => Uint8Array) => {
  const bytes = dump(request((w) => putDump(w, { seq: 1, kind: "link", family: 0 })))
  return messagesOf(bytes).flatMap(({ type, at, end }) =>
    type === NetlinkType.NewLink ? [decodeLink(bytes, at, end)] : []
  )
}

/** Routes of one prefix stay in their order: the first one forwards. */
const listed = (dump: (bytes: Uint8Array) => Uint8Array) => {
  const nexthopBytes = dump(request((w) => putDump(w, { seq: 1, kind: "nexthop", family: 0 })))
  const nexthops = messagesOf(nexthopBytes).flatMap(({ type, at, end }) =>
    type === NetlinkType.NewNexthop ? [decodeNexthop(nexthopBytes, at, end)] : []
  )
  const routes = new Map<string, Array<unknown>>()
  for (const family of [4, 6] as const) {
    for (const protocol of PROTOCOLS) {
      const bytes = dump(request((w) => putDump(w, { seq: 1, kind: "route", family, protocol })))
      eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
        if (type !== NetlinkType.NewRoute) return
        const route = comparable(decodeRoute(bytes, at, end))
        const name = `${protocol} ${route.table} ${route.words.join(".")}/${route.length}`
        routes.set(name, [...(routes.get(name) ?? []), route])
      })
    }
  }
  const rules = ([4, 6] as const).map((family) => {
    const bytes = dump(request((w) => putDump(w, { seq: 1, kind: "rule", family })))
    return messagesOf(bytes).flatMap(({ type, at, end }) =>
      type === NetlinkType.NewRule ? [ruleIn(bytes, at, end)] : []
    )
  })
  const states = links(dump).filter(({ index }) => (LINKS as ReadonlyArray<number>).includes(index))
  return {
    links: states.map(({ index, usable }) => ({ index, usable })),
    nexthops,
    rules,
    routes: Object.fromEntries(Array.from(routes).sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

const request = (put: (w: NetlinkWriter) => void): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(64))
  put(w)
  return w.bytes.slice(0, w.length)
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
