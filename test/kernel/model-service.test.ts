// The model layer of the Kernel service: what it offers is what the real layer would.
import { Context, Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { type EventRecord, KernelChannel } from "../../src/eventlog/index.ts"
import {
  decodeAddressMessage,
  decodeError,
  type ModelKernelEvent,
  messagesOf,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putDump,
  putNexthopDelete
} from "../../src/netlink/index.ts"
import { Kernel } from "../../src/runtime/kernel.ts"
import { linksOfThisMachine } from "../../src/runtime/kernel-model.ts"

const link = { _tag: "LinkAdded", name: "model0", index: 2, up: true, carrier: true } as const

const service = async (setup?: ReadonlyArray<ModelKernelEvent>) => {
  const records: Array<EventRecord & { readonly _tag: "Kernel" }> = []
  let apply: (event: ModelKernelEvent) => Effect.Effect<void> = () => Effect.void
  const layer = Kernel.model({
    offer: (record) => Effect.sync(() => void (record._tag === "Kernel" && records.push(record))),
    control: (given) => {
      apply = given
    },
    ...(setup === undefined ? {} : { setup })
  })
  const context = await Effect.runPromise(Effect.scoped(Layer.build(layer)))
  return {
    kernel: Context.get(context, Kernel),
    records,
    apply: (event: ModelKernelEvent) => Effect.runPromise(apply(event))
  }
}

const request = (put: (w: NetlinkWriter) => void): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(256))
  put(w)
  return w.bytes.slice(0, w.length)
}

describe("the Kernel service on the model", () => {
  it("offers one reply record per send", async () => {
    const { kernel, records } = await service([link])
    await Effect.runPromise(
      kernel.send(
        request((w) => putNexthopDelete(w, 3, 1, NetlinkFlag.Ack)),
        3
      )
    )
    expect(records.map(({ channel }) => channel)).toEqual([KernelChannel.Reply])
    const [{ at, end }] = messagesOf(records[0].bytes)
    expect(decodeError(records[0].bytes, at, end)).toMatchObject({ seq: 3, errno: 2 })
  })

  it("offers a dump that ends with DONE", async () => {
    const { kernel, records } = await service([link])
    await Effect.runPromise(
      kernel.dump(
        request((w) => putDump(w, { seq: 4, kind: "link", family: 0 })),
        4
      )
    )
    expect(records.every(({ channel }) => channel === KernelChannel.Dump)).toBe(true)
    expect(messagesOf(records[0].bytes).map(({ type }) => type)).toEqual([
      NetlinkType.NewLink,
      NetlinkType.NewLink,
      NetlinkType.Done
    ])
  })

  it("tells what happens to it", async () => {
    const { records, apply } = await service([link])
    await apply({ _tag: "CarrierChanged", index: 2, carrier: false })
    expect(records.map(({ channel }) => channel)).toEqual([KernelChannel.Notification])
  })

  it("has the addresses of this machine unless told otherwise", async () => {
    const { kernel, records } = await service()
    await Effect.runPromise(
      kernel.dump(
        request((w) => putDump(w, { seq: 4, kind: "address", family: 0 })),
        4
      )
    )
    const found = records.flatMap(({ bytes }) =>
      messagesOf(bytes).flatMap(({ type, at, end }) =>
        type === NetlinkType.NewAddress ? [decodeAddressMessage(bytes, at, end).local] : []
      )
    )
    expect(found).toHaveLength(linksOfThisMachine().filter(({ _tag }) => _tag === "AddressAdded").length)
    expect(found).toContainEqual([0x7f000001])
  })
})
