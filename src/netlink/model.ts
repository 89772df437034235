// The model kernel: a machine that takes the request bytes the real kernel takes and gives the reply, dump and notification bytes that
// it gives, as measured on Linux 6.18 with nexthop_compat_mode=0, silent deletions included. It serves tests, simulations, and whoever runs Backwalk without the
// privilege. A test runs the same scripts on both (ADR-0020).
import { type Machine, OpBuffer } from "../machine/index.ts"
import { eachMessage } from "./message.ts"
import { dump } from "./model-dump.ts"
import { MALFORMED, type Refusal, refuse } from "./model-facts.ts"
import { addAddress, addLink, removeAddress, removeLink, setCarrier, setLinkUp } from "./model-links.ts"
import { deleteNexthop, newNexthop } from "./model-nexthops.ts"
import { modelKernelEffects, NOBODY, type Origin, writeReply } from "./model-output.ts"
import { deleteRoute, newRoute } from "./model-routes.ts"
import { deleteRule, firstRules, newRule } from "./model-rules.ts"
import { type ModelAddress, ModelKernel, type ModelNeighbour } from "./model-state.ts"
import { Errno, LinkFlag, NetlinkFlag, NetlinkType } from "./numbers.ts"
import { decodeAddressMessage, decodeLink, decodeNexthop } from "./object.ts"
import { decodeRoute } from "./route.ts"
import { decodeRule } from "./rule.ts"
import { HEADER_BYTES, load32 } from "./writer.ts"

export type ModelKernelEvent =
  /** Bytes written to a netlink socket whose port is `port`: requests, or dump requests. */
  | { readonly _tag: "Requested"; readonly port: number; readonly bytes: Uint8Array }
  | {
      readonly _tag: "LinkAdded"
      readonly name: string
      /** Absent: the next free one. */
      readonly index?: number
      readonly kind?: string
      readonly loopback?: boolean
      readonly up: boolean
      readonly carrier: boolean
    }
  | { readonly _tag: "LinkRemoved"; readonly index: number }
  | { readonly _tag: "LinkSet"; readonly index: number; readonly up: boolean }
  | { readonly _tag: "CarrierChanged"; readonly index: number; readonly carrier: boolean }
  | ({ readonly _tag: "AddressAdded" } & ModelAddress)
  | ({ readonly _tag: "AddressRemoved" } & ModelAddress)
  | ({ readonly _tag: "NeighbourAdded" } & ModelNeighbour)
  /** The next `count` requests that change something fail with `errno` and do nothing. */
  | { readonly _tag: "FaultsArmed"; readonly errno: number; readonly count: number }
  /** The next `count` notifications about routes, nexthops, links and addresses are lost, with an Overran each time. */
  | { readonly _tag: "LossesArmed"; readonly count: number }

/** A namespace with a loopback interface that is up. `pushesLabels`: as if mpls_iptunnel were there. */
export const createModelKernel = ({ pushesLabels = false } = {}): ModelKernel => {
  const kernel = new ModelKernel()
  kernel.pushesLabels = pushesLabels
  for (const family of [4, 6] as const) kernel.rules[family].push(...firstRules(family))
  const lo = { _tag: "LinkAdded", index: 1, name: "lo", loopback: true, up: true, carrier: true } as const
  return modelKernel.step(kernel, lo, new OpBuffer(4))
}

export const modelKernel: Machine<ModelKernel, ModelKernelEvent> = {
  name: "model-kernel",
  step: (kernel, event, out) => {
    kernel.output.begin()
    apply(kernel, event, out)
    kernel.output.end(out)
    return kernel
  },
  clone: (kernel) => kernel.clone(),
  digest: (kernel) => kernel.digest()
}

const apply = (kernel: ModelKernel, event: ModelKernelEvent, out: OpBuffer): void => {
  switch (event._tag) {
    case "Requested":
      serve(kernel, event.port, event.bytes, out)
      return
    case "LinkAdded": {
      const { name, index, kind = "", loopback = false, up, carrier } = event
      const mtu = loopback ? 65536 : 1500
      addLink(kernel, { name, kind, loopback, up, carrier, mtu, ...(index === undefined ? {} : { index }) })
      return
    }
    case "LinkRemoved":
      removeLink(kernel, event.index)
      return
    case "LinkSet":
      setLinkUp(kernel, event.index, event.up, NOBODY)
      return
    case "CarrierChanged":
      setCarrier(kernel, event.index, event.carrier)
      return
    case "AddressAdded":
      addAddress(kernel, addressOf(event), NOBODY)
      return
    case "AddressRemoved":
      removeAddress(kernel, addressOf(event), NOBODY)
      return
    case "NeighbourAdded": {
      const { family, ifindex, words, linkLayerAddress, state } = event
      kernel.neighbours.push({ family, ifindex, words, linkLayerAddress, state })
      return
    }
    case "FaultsArmed":
      kernel.faultsLeft = event.count
      kernel.faultErrno = event.errno
      return
    case "LossesArmed":
      kernel.lossesLeft = event.count
      return
  }
}

const addressOf = ({ family, ifindex, words, length }: ModelAddress): ModelAddress => ({
  family,
  ifindex,
  words,
  length
})

/** All messages of one write, in order; an error does not stop the rest, a malformed length does, without a reply. */
const serve = (kernel: ModelKernel, port: number, bytes: Uint8Array, out: OpBuffer): void => {
  const from = kernel.output.length
  eachMessage(bytes, (type, flags, seq, requestPort, at, end) => {
    const origin = { port, seq, flags }
    if (isDump(type, flags)) {
      dump(kernel, type, origin, bytes, at, end, out)
      return
    }
    const refused = (flags & NetlinkFlag.Request) === 0 ? undefined : change(kernel, type, origin, bytes, at, end)
    if (refused === undefined && (flags & NetlinkFlag.Ack) === 0) return
    const request = { type, length: end - at + HEADER_BYTES, port: requestPort }
    writeReply(kernel.output.reply(), origin, request, refused?.errno ?? 0, refused?.text ?? "")
  })
  const to = kernel.output.length
  if (to > from && !startsWithDump(bytes)) out.put(modelKernelEffects.code.Replied, port, from, to)
}

const isDump = (type: number, flags: number): boolean =>
  type >= NetlinkType.NewLink && type % 4 === 2 && (flags & NetlinkFlag.Dump) !== 0

/** A dump has a socket of its own here, so it comes alone; its parts have their own effects. */
const startsWithDump = (bytes: Uint8Array): boolean =>
  bytes.length >= HEADER_BYTES && isDump(bytes[4] | (bytes[5] << 8), bytes[6] | (bytes[7] << 8))

const change = (
  kernel: ModelKernel,
  type: number,
  origin: Origin,
  bytes: Uint8Array,
  at: number,
  end: number
): Refusal | undefined => {
  if (type < NetlinkType.NewLink) return undefined
  if (kernel.faultsLeft > 0) {
    kernel.faultsLeft--
    return refuse(kernel.faultErrno)
  }
  switch (type) {
    case NetlinkType.NewRoute:
      return end - at < 12 ? MALFORMED : newRoute(kernel, decodeRoute(bytes, at, end), origin)
    case NetlinkType.DelRoute:
      return end - at < 12 ? MALFORMED : deleteRoute(kernel, decodeRoute(bytes, at, end), origin)
    case NetlinkType.NewNexthop:
      return end - at < 8 ? MALFORMED : newNexthop(kernel, decodeNexthop(bytes, at, end), bytes[at], origin)
    case NetlinkType.DelNexthop:
      return deleteNexthop(kernel, decodeNexthop(bytes, at, end).id, origin)
    case NetlinkType.NewRule:
      return end - at < 12 ? MALFORMED : newRule(kernel, decodeRule(bytes, at, end), origin)
    case NetlinkType.DelRule:
      return end - at < 12 ? MALFORMED : deleteRule(kernel, decodeRule(bytes, at, end), origin)
    case NetlinkType.NewLink:
    case NetlinkType.SetLink:
      return changeLink(kernel, origin, bytes, at, end)
    case NetlinkType.NewAddress:
    case NetlinkType.DelAddress:
      return changeAddress(kernel, type, origin, bytes, at, end)
    default:
      return refuse(Errno.EOPNOTSUPP)
  }
}

/** Only what we ask for: a link that exists goes up or down, a pair of links is made. */
const changeLink = (
  kernel: ModelKernel,
  origin: Origin,
  bytes: Uint8Array,
  at: number,
  end: number
): Refusal | undefined => {
  if (end - at < 16) return MALFORMED
  const wanted = decodeLink(bytes, at, end)
  if (wanted.index === 0) {
    if (wanted.kind !== "veth") return refuse(Errno.EOPNOTSUPP, "Unknown device type")
    if (Array.from(kernel.links.values()).some(({ name }) => name === wanted.name)) return refuse(Errno.EEXIST)
    const end1 = { kind: "veth", loopback: false, up: false, carrier: false, mtu: 1500 }
    addLink(kernel, { ...end1, name: `${wanted.name}-peer` })
    addLink(kernel, { ...end1, name: wanted.name, carrier: true })
    return undefined
  }
  if (!kernel.links.has(wanted.index)) return refuse(Errno.ENODEV)
  if ((load32(bytes, at + 12) & LinkFlag.Up) !== 0) {
    setLinkUp(kernel, wanted.index, (wanted.flags & LinkFlag.Up) !== 0, origin)
  }
  return undefined
}

const changeAddress = (
  kernel: ModelKernel,
  type: number,
  origin: Origin,
  bytes: Uint8Array,
  at: number,
  end: number
): Refusal | undefined => {
  const { family, ifindex, local: words, length } = decodeAddressMessage(bytes, at, end)
  if (family === 0 || words.length !== (family === 4 ? 1 : 4)) return MALFORMED
  if (!kernel.links.has(ifindex)) return refuse(Errno.ENODEV)
  const address = { family, ifindex, words, length }
  if (type === NetlinkType.NewAddress) return addAddress(kernel, address, origin) ? undefined : refuse(Errno.EEXIST)
  return removeAddress(kernel, address, origin) ? undefined : refuse(Errno.EADDRNOTAVAIL)
}

/** What one event made the model say, cut out of its output. */
export interface ModelKernelAnswer {
  readonly replies: Uint8Array
  readonly dumpParts: ReadonlyArray<Uint8Array>
  /** Without what `port` caused, as our filter on the real socket leaves it out. */
  readonly notifications: Uint8Array
  readonly overran: boolean
}

/** One step with its effects as bytes, for those who do not keep an OpBuffer. */
export const askModelKernel = (kernel: ModelKernel, event: ModelKernelEvent, ownPort = -1): ModelKernelAnswer => {
  const out = new OpBuffer(16)
  modelKernel.step(kernel, event, out)
  const effects = modelKernelEffects.decode(out)
  const bytes = kernel.output.bytes
  const cut = (tag: "Replied" | "DumpReplied" | "Notified"): ReadonlyArray<Uint8Array> =>
    effects.flatMap((effect) =>
      effect._tag === tag && !(tag === "Notified" && effect.port === ownPort)
        ? [bytes.slice(effect.from, effect.to)]
        : []
    )
  return {
    replies: joined(cut("Replied")),
    dumpParts: cut("DumpReplied"),
    notifications: joined(cut("Notified")),
    overran: effects.some(({ _tag }) => _tag === "Overran")
  }
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
