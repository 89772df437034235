// The model layer of the Kernel service: the model kernel of `netlink` behind the interface of the real one, so that nothing above can
// tell. By default it has the links and addresses of the machine that it runs on.
import { networkInterfaces } from "node:os"
import { Effect } from "effect"
import { type EventRecord, KernelChannel } from "../eventlog/index.ts"
import { askModelKernel, createModelKernel, type ModelAddress, type ModelKernelEvent } from "../netlink/index.ts"
import { parseAddress } from "../wire/index.ts"
import type { KernelService } from "./kernel.ts"

export interface KernelModelOptions {
  readonly offer: (record: EventRecord) => Effect.Effect<void>
  /** What happens to the model before anything else: its links and addresses. Absent: those of this machine. */
  readonly setup?: ReadonlyArray<ModelKernelEvent>
  /** Receives the means to make things happen to the model later: a carrier that goes, a fault, a foreign change. */
  readonly control?: (apply: (event: ModelKernelEvent) => Effect.Effect<void>) => void
}

/** Any number: it only has to be ours. */
const OWN_PORT = 1

export const modelKernelService = (options: KernelModelOptions): Effect.Effect<KernelService> =>
  Effect.sync(() => {
    const kernel = createModelKernel()
    for (const event of options.setup ?? linksOfThisMachine()) askModelKernel(kernel, event)
    const tell = (channel: KernelChannel, bytes: Uint8Array): Effect.Effect<void> =>
      options.offer({ _tag: "Kernel", channel, bytes })
    const apply = Effect.fnUntraced(function* (event: ModelKernelEvent) {
      const { replies, dumpParts, notifications, overran } = askModelKernel(kernel, event, OWN_PORT)
      if (overran) yield* tell(KernelChannel.Overrun, NOTHING)
      if (notifications.length > 0) yield* tell(KernelChannel.Notification, notifications)
      for (const part of dumpParts) yield* tell(KernelChannel.Dump, part)
      return replies
    })
    options.control?.((event) => Effect.asVoid(apply(event)))
    return {
      kind: "model",
      send: Effect.fnUntraced(function* (bytes: Uint8Array) {
        const replies = yield* apply({ _tag: "Requested", port: OWN_PORT, bytes })
        yield* replies.length === 0 ? tell(KernelChannel.ReplyLost, NOTHING) : tell(KernelChannel.Reply, replies)
      }),
      dump: (bytes) => Effect.asVoid(apply({ _tag: "Requested", port: OWN_PORT, bytes })),
      prepare: () => Effect.succeed(undefined)
    }
  })

const NOTHING = new Uint8Array(0)

const FIRST_LINK_INDEX = 2

/** The links and addresses that the operating system reports, as events; the loopback interface is there from the start. */
export const linksOfThisMachine = (): ReadonlyArray<ModelKernelEvent> => {
  const events: Array<ModelKernelEvent> = []
  let next = FIRST_LINK_INDEX
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const loopback = addresses.some(({ internal }) => internal)
    const index = loopback ? 1 : next++
    if (!loopback) events.push({ _tag: "LinkAdded", name, index, up: true, carrier: true })
    for (const { cidr } of addresses) {
      const address = cidr === null ? undefined : modelAddress(cidr, index)
      if (address !== undefined) events.push({ _tag: "AddressAdded", ...address })
    }
  }
  return events
}

const modelAddress = (cidr: string, ifindex: number): ModelAddress | undefined => {
  const [text = "", length = ""] = cidr.split("/")
  const address = parseAddress(text)
  return address === undefined
    ? undefined
    : { family: address.family, ifindex, words: address.words, length: Number(length) }
}
