// Received bytes to messages of the protocol: every envelope is read with the newest generation's types, whatever the sender's are.
import { type GobFault, GobReason } from "./fault.ts"
import type { GoTime } from "./go-time.ts"
import { GobDecoder } from "./gob-decoder.ts"
import type { GobInterface, GobRecord } from "./gob-type.ts"
import { CLIENT_LIMITS, type GobLimits } from "./limits.ts"
import { MESSAGE_PREFIX, messageTypesOf, type ReceivedMessage } from "./message.ts"
import { type UpdateBatch, updatesType } from "./updates.ts"

export type MessageNext =
  | { readonly _tag: "Message"; readonly message: ReceivedMessage }
  | { readonly _tag: "NeedMore" }
  | GobFault

/** One direction of one connection. After a decoder restart the stream begins anew: another decoder, with what `takeRest` gives. */
export class MessageDecoder {
  readonly #decoder: GobDecoder
  #isChecked = false
  #fault: GobFault | undefined = undefined

  constructor(limits: GobLimits = CLIENT_LIMITS) {
    this.#decoder = new GobDecoder({ limits, registry: TYPES.registry })
  }

  /** See GobDecoder.push: the bytes must stay as they are while an update is used. */
  push(bytes: Uint8Array): void {
    this.#decoder.push(bytes)
  }

  next(): MessageNext {
    if (!this.#isChecked && this.#decoder.fault === undefined) this.#checkStart()
    if (this.#fault !== undefined) return this.#fault
    const next = this.#decoder.next(TYPES.envelope)
    if (next._tag !== "Value") return next
    return { _tag: "Message", message: messageOf((next.value as GobRecord)["Message"] as GobInterface | null) }
  }

  /** No more bytes come; between two messages that is no fault. */
  finish(): GobFault | undefined {
    return this.#fault ?? this.#decoder.finish()
  }

  get bufferedBytes(): number {
    return this.#decoder.bufferedBytes
  }

  takeRest(): Uint8Array {
    return this.#decoder.takeRest()
  }

  /** Text or TLS where gob should be looks like a message that is still to come. The first must be a definition. */
  #checkStart(): void {
    const verdict = this.#decoder.beginsWithDefinition()
    this.#isChecked = verdict !== undefined
    if (verdict !== false) return
    this.#fault = { _tag: "GobFault", reason: GobReason.Corrupt, detail: "a stream that is no gob", offset: 0 }
  }
}

const TYPES = messageTypesOf("v3.32", updatesType)

const messageOf = (given: GobInterface | null): ReceivedMessage => {
  if (given === null) return { _tag: "NoMessage", name: "" }
  const value = given.value as GobRecord
  const read = given.name.startsWith(MESSAGE_PREFIX) ? READERS[given.name.slice(MESSAGE_PREFIX.length)] : undefined
  return read === undefined ? { _tag: "NoMessage", name: given.name } : read(value)
}

const READERS: Readonly<Record<string, (value: GobRecord) => ReceivedMessage>> = {
  MsgClientHello: (value) => ({
    _tag: "ClientHello",
    hostname: value["Hostname"] as string,
    info: value["Info"] as string,
    version: value["Version"] as string,
    syncerType: value["SyncerType"] as string,
    supportsDecoderRestart: value["SupportsDecoderRestart"] as boolean,
    supportedCompressionAlgorithms: value["SupportedCompressionAlgorithms"] as ReadonlyArray<string>,
    supportsModernPolicyKeys: value["SupportsModernPolicyKeys"] as boolean,
    clientConnId: value["ClientConnID"] as number | bigint
  }),
  MsgServerHello: (value) => ({
    _tag: "ServerHello",
    version: value["Version"] as string,
    syncerType: value["SyncerType"] as string,
    supportsNodeResourceUpdates: value["SupportsNodeResourceUpdates"] as boolean,
    serverConnId: value["ServerConnID"] as number | bigint
  }),
  MsgSyncStatus: (value) => ({ _tag: "SyncStatus", status: value["SyncStatus"] as number }),
  MsgPing: (value) => ({ _tag: "Ping", timestamp: value["Timestamp"] as GoTime }),
  MsgPong: (value) => ({
    _tag: "Pong",
    pingTimestamp: value["PingTimestamp"] as GoTime,
    pongTimestamp: value["PongTimestamp"] as GoTime
  }),
  MsgKVs: (value) => ({ _tag: "Updates", updates: value["KVs"] as UpdateBatch }),
  MsgDecoderRestart: (value) => ({
    _tag: "DecoderRestart",
    message: value["Message"] as string,
    compressionAlgorithm: value["CompressionAlgorithm"] as string
  }),
  MsgACK: () => ({ _tag: "Acknowledgement" })
}
