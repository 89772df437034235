// The demonstration's private network: a namespace in which we may change everything, with a link that the speakers' next hops are on.
// Made with the same netlink bytes as everything else, because the machine may have no `ip`. Where there can be no namespace, the model
// kernel gets the same link and the same address.
import * as fs from "node:fs"
import { Effect, Layer } from "effect"
import {
  decodeError,
  decodeLink,
  eachMessage,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putAddress,
  putDump,
  putLinkState,
  putVethPair
} from "../netlink/index.ts"
import { Inbox } from "./inbox.ts"
import { Kernel } from "./kernel.ts"
import { isFailure, openSocket, readNow, writeNow } from "./kernel-socket.ts"
import { DaemonFailed } from "./outfit.ts"

/** 192.0.2.1/24 (RFC 5737), on a link of our own. */
export const DEMO_NETWORK = 0xc000_0200
const OWN_ADDRESS: number = DEMO_NETWORK + 1
const PREFIX_LENGTH = 24
const LINK = "demo0"
const FAR_END = "demo1"

/** Brings up loopback, and a link with our address. In a fresh namespace only. */
export const makeNetwork: Effect.Effect<void, DaemonFailed> = Effect.try({
  try: () => {
    const { fd } = openSocket({ blocking: false, receiveBufferBytes: 1024 * 1024 })
    try {
      const flags = NetlinkFlag.Ack
      ask(fd, (w) => putLinkState(w, { seq: 1, flags, ifindex: LOOPBACK_INDEX, up: true }))
      ask(fd, (w) => putVethPair(w, { seq: 1, flags, name: LINK, peer: FAR_END }))
      for (const name of [LINK, FAR_END]) {
        const ifindex = indexOfLink(fd, name)
        ask(fd, (w) => putLinkState(w, { seq: 1, flags, ifindex, up: true }))
      }
      const ifindex = indexOfLink(fd, LINK)
      const address = { seq: 1, flags, family: 4, words: [OWN_ADDRESS], length: PREFIX_LENGTH, ifindex } as const
      ask(fd, (w) => putAddress(w, address))
    } finally {
      fs.closeSync(fd)
    }
  },
  catch: (cause) => {
    const message = `the private network cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`
    return new DaemonFailed({ message, status: 1 })
  }
})

const LOOPBACK_INDEX = 1

const ask = (fd: number, put: (w: NetlinkWriter) => void): void => {
  for (const bytes of exchange(fd, put)) {
    eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
      if (type !== NetlinkType.Error) return
      const { errno, text } = decodeError(bytes, at, end)
      if (errno !== 0) throw new Error(text === "" ? `errno ${errno}` : text)
    })
  }
}

const indexOfLink = (fd: number, name: string): number => {
  let index: number | undefined
  for (const bytes of exchange(fd, (w) => putDump(w, { seq: 1, kind: "link", family: 0 }))) {
    eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
      if (type !== NetlinkType.NewLink) return
      const link = decodeLink(bytes, at, end)
      if (link.name === name) index = link.index
    })
  }
  if (index === undefined) throw new Error(`there is no link ${name}`)
  return index
}

/** One request and everything that it answers: rtnetlink has answered when the write returns. */
const exchange = (fd: number, put: (w: NetlinkWriter) => void): ReadonlyArray<Uint8Array> => {
  const w = new NetlinkWriter(new Uint8Array(512))
  put(w)
  const written = writeNow(fd, w.bytes.subarray(0, w.length))
  if (isFailure(written)) throw new Error(written.code)
  const answers: Array<Uint8Array> = []
  for (;;) {
    const buffer = new Uint8Array(64 * 1024)
    const count = readNow(fd, buffer, 0)
    if (isFailure(count)) return answers
    answers.push(buffer.subarray(0, count))
  }
}

/** The model with the same network. */
export const modelOfNetwork: Layer.Layer<Kernel, never, Inbox> = Layer.unwrap(
  Effect.map(Inbox, ({ offer }) =>
    Kernel.model({
      offer,
      setup: [
        { _tag: "LinkAdded", name: LINK, index: 2, up: true, carrier: true },
        { _tag: "AddressAdded", family: 4, ifindex: 2, words: [OWN_ADDRESS], length: PREFIX_LENGTH }
      ]
    })
  )
)
