// Messages of the protocol to bytes. All types have fixed numbers and are defined once per stream, in its preamble; a message's bytes then
// depend on the message alone, so that it is encoded once and the same bytes go to every client whatever each has received before. The
// original cannot do that: its encoders remember what they have defined, one for each client.
import { GobEncoder } from "./gob-encoder.ts"
import type { GobRecord, GobType } from "./gob-type.ts"
import { GobWriter } from "./gob-writer.ts"
import { keepBytes } from "./kept-bytes.ts"
import { MESSAGE_PREFIX, messageTypesOf, type SentMessage, type SmallMessage } from "./message.ts"
import { TypeIds } from "./type-ids.ts"
import type { Update } from "./updates.ts"

export type Role = "server" | "client"

/** The definitions that a stream begins with, before its first message and again after each decoder restart. Shared: not to be changed. */
export const preambleOf = (role: Role): Uint8Array => PREAMBLES[role]

/** A message as it goes out behind the preamble of its sender's role. */
export const encodeMessage = (message: SentMessage): Uint8Array =>
  message._tag === "Updates" ? encodeUpdates(message.updates) : encodeSmall(message)

/** One update as it stands inside the messages that carry it: kept, it never has to be encoded again. */
export const encodeUpdate = (update: Update): Uint8Array => encodeStored(update).body

export interface StoredUpdate {
  readonly body: Uint8Array
  /** Where its value ends in it; 0 where it has none. */
  readonly valueEnd: number
}

/** As `encodeUpdate`, for who wants to find the value again. */
export const encodeStored = (update: Update): StoredUpdate => {
  single.clear()
  const valueEnd = writeUpdate(single, update)
  return { body: keepBytes(single.bytes, 0, single.length), valueEnd }
}

/** The message that carries updates which are encoded already. */
export const joinUpdates = (bodies: ReadonlyArray<Uint8Array>): Uint8Array => {
  scratch.clear()
  if (bodies.length > 0) {
    scratch.byte(1)
    scratch.uint(bodies.length)
  }
  for (const body of bodies) scratch.append(body, 0, body.length)
  scratch.byte(0)
  return envelopeOf(scratch)
}

const encodeUpdates = (updates: ReadonlyArray<Update>): Uint8Array => {
  scratch.clear()
  if (updates.length > 0) {
    scratch.byte(1)
    scratch.uint(updates.length)
  }
  for (const update of updates) writeUpdate(scratch, update)
  scratch.byte(0)
  return envelopeOf(scratch)
}

/** Where its value ends. */
const writeUpdate = (to: GobWriter, update: Update): number => {
  let last = -1
  let valueEnd = 0
  if (update.key.length > 0) {
    to.byte(1)
    if (typeof update.key === "string") to.text(update.key)
    else to.span(update.key)
    last = 0
  }
  if (update.value !== null && update.value.length > 0) {
    to.byte(1 - last)
    to.span(update.value)
    valueEnd = to.length
    last = 1
  }
  if (update.revision !== null) {
    to.byte(2 - last)
    if (typeof update.revision === "string") writeTextRevision(to, update.revision)
    else ENCODER.writeInterface(to, update.revision)
    last = 2
  }
  if (update.v3ResourceVersion !== "") {
    to.byte(3 - last)
    to.text(update.v3ResourceVersion)
    last = 3
  }
  if (update.ttlNanoseconds !== 0) {
    to.byte(4 - last)
    to.int(update.ttlNanoseconds)
    last = 4
  }
  if (update.updateType !== 0) {
    to.byte(5 - last)
    to.uint(update.updateType)
  }
  to.byte(0)
  return valueEnd
}

/** An interface: the name of the type, its number, how long the value is, the value behind the marker of lone ones. */
const writeTextRevision = (to: GobWriter, revision: string): void => {
  to.append(TEXT_HEAD, 0, TEXT_HEAD.length)
  // The length comes first and depends on the text's, which is short as a rule.
  const at = to.length
  to.byte(0)
  to.byte(0)
  to.text(revision)
  const size = to.length - at - 1
  if (size < 0x80) to.bytes[at] = size
  else {
    const text = to.bytes.slice(at + 2, to.length)
    to.length = at
    to.uint(size)
    to.byte(0)
    to.append(text, 0, text.length)
  }
}

/** Name and number of the type of a text in an interface. */
const TEXT_HEAD = Uint8Array.of(6, 0x73, 0x74, 0x72, 0x69, 0x6e, 0x67, 0x0c)

const envelopeOf = (body: GobWriter): Uint8Array => {
  head.clear()
  head.append(UPDATES_HEAD, 0, UPDATES_HEAD.length)
  head.uint(body.length)
  const size = head.length + body.length + 1
  frame.clear()
  frame.uint(size)
  const message = new Uint8Array(frame.length + size)
  message.set(frame.bytes.subarray(0, frame.length))
  message.set(head.bytes.subarray(0, head.length), frame.length)
  message.set(body.bytes.subarray(0, body.length), frame.length + head.length)
  return message
}

const encodeSmall = (message: SmallMessage): Uint8Array => {
  const [name, value] = recordOf(message)
  return ENCODER.encode(TYPES.envelope, { Message: { name: MESSAGE_PREFIX + name, value } })
}

const recordOf = (message: SmallMessage): readonly [name: string, value: GobRecord] => {
  switch (message._tag) {
    case "ClientHello":
      return [
        "MsgClientHello",
        {
          Hostname: message.hostname,
          Info: message.info,
          Version: message.version,
          SyncerType: message.syncerType,
          SupportsDecoderRestart: message.supportsDecoderRestart,
          SupportedCompressionAlgorithms: message.supportedCompressionAlgorithms,
          SupportsModernPolicyKeys: message.supportsModernPolicyKeys,
          ClientConnID: message.clientConnId
        }
      ]
    case "ServerHello":
      return [
        "MsgServerHello",
        {
          Version: message.version,
          SyncerType: message.syncerType,
          SupportsNodeResourceUpdates: message.supportsNodeResourceUpdates,
          ServerConnID: message.serverConnId
        }
      ]
    case "SyncStatus":
      return ["MsgSyncStatus", { SyncStatus: message.status }]
    case "Ping":
      return ["MsgPing", { Timestamp: message.timestamp }]
    case "Pong":
      return ["MsgPong", { PingTimestamp: message.pingTimestamp, PongTimestamp: message.pongTimestamp }]
    case "DecoderRestart":
      return ["MsgDecoderRestart", { Message: message.message, CompressionAlgorithm: message.compressionAlgorithm }]
    case "Acknowledgement":
      return ["MsgACK", {}]
  }
}

const TYPES = messageTypesOf("v3.32")

const typeOf = (name: string): GobType => TYPES.named.get(MESSAGE_PREFIX + name)!

/** Who may send what; each stream defines no more than it can need. */
const SENT: Readonly<Record<Role, ReadonlyArray<string>>> = {
  server: ["MsgServerHello", "MsgKVs", "MsgSyncStatus", "MsgPing", "MsgDecoderRestart"],
  client: ["MsgClientHello", "MsgPong", "MsgACK"]
}

/** Numbers in the order of the roles; what both send has one number. */
const createIds = (): TypeIds => {
  const ids = new TypeIds()
  ids.of(TYPES.envelope)
  for (const name of [...SENT.server, ...SENT.client]) ids.of(typeOf(name))
  return ids
}

const IDS = createIds()

const createPreamble = (role: Role): Uint8Array =>
  new GobEncoder({ registry: TYPES.registry, ids: IDS }).define([TYPES.envelope, ...SENT[role].map(typeOf)])

const PREAMBLES: Readonly<Record<Role, Uint8Array>> = {
  server: createPreamble("server"),
  client: createPreamble("client")
}

/** Has defined everything, so that it never defines anything. */
const createEncoder = (): GobEncoder => {
  const encoder = new GobEncoder({ registry: TYPES.registry, ids: IDS })
  encoder.define([TYPES.envelope, ...[...SENT.server, ...SENT.client].map(typeOf)])
  return encoder
}

const ENCODER = createEncoder()

/** What stands in front of the list of updates: the envelope, its field, the message's name and type. */
const createUpdatesHead = (): Uint8Array => {
  const writer = new GobWriter()
  writer.int(IDS.of(TYPES.envelope))
  writer.byte(1)
  writer.text(`${MESSAGE_PREFIX}MsgKVs`)
  writer.int(IDS.of(typeOf("MsgKVs")))
  return writer.take()
}

const UPDATES_HEAD = createUpdatesHead()

const scratch = new GobWriter(64 * 1024)
const single = new GobWriter(1024)
const head = new GobWriter(128)
const frame = new GobWriter(16)
