// The same envelopes through the decoder of the protocol's messages, in the vectors' JSON form: with the fields of the newest generation,
// of which the line's generation may have fewer.
import {
  CLIENT_LIMITS,
  type GobInterface,
  MessageDecoder,
  type ReceivedMessage,
  registryOf,
  type UpdateBatch
} from "../../src/fanout/index.ts"
import { MESSAGE_PREFIX } from "./gob-go-types.ts"
import { type Json, textJson, timeJson, toHex, toJson } from "./gob-json.ts"

/** In pieces of `step` bytes. Text: what is wrong. */
export const decodeMessages = (bytes: Uint8Array, step: number): ReadonlyArray<ReceivedMessage> | string => {
  const decoder = new MessageDecoder(CLIENT_LIMITS)
  const messages: Array<ReceivedMessage> = []
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.slice(at, at + step))
    let next = decoder.next()
    for (; next._tag === "Message"; next = decoder.next()) messages.push(next.message)
    if (next._tag === "GobFault") return next.detail
  }
  return decoder.finish()?.detail ?? messages
}

/** `undefined`: the message is none of the protocol's. */
export const messageJson = (message: ReceivedMessage): Json | undefined => {
  switch (message._tag) {
    case "ClientHello":
      return named("MsgClientHello", {
        Hostname: textJson(message.hostname),
        Info: textJson(message.info),
        Version: textJson(message.version),
        SyncerType: textJson(message.syncerType),
        SupportsDecoderRestart: message.supportsDecoderRestart,
        SupportedCompressionAlgorithms: orNull(message.supportedCompressionAlgorithms.map(textJson)),
        SupportsModernPolicyKeys: message.supportsModernPolicyKeys,
        ClientConnID: integer(message.clientConnId)
      })
    case "ServerHello":
      return named("MsgServerHello", {
        Version: textJson(message.version),
        SyncerType: textJson(message.syncerType),
        SupportsNodeResourceUpdates: message.supportsNodeResourceUpdates,
        ServerConnID: integer(message.serverConnId)
      })
    case "SyncStatus":
      return named("MsgSyncStatus", { SyncStatus: message.status })
    case "Ping":
      return named("MsgPing", { Timestamp: timeJson(message.timestamp) })
    case "Pong":
      return named("MsgPong", {
        PingTimestamp: timeJson(message.pingTimestamp),
        PongTimestamp: timeJson(message.pongTimestamp)
      })
    case "DecoderRestart":
      return named("MsgDecoderRestart", {
        Message: textJson(message.message),
        CompressionAlgorithm: textJson(message.compressionAlgorithm)
      })
    case "Acknowledgement":
      return named("MsgACK", {})
    case "Updates":
      return named("MsgKVs", { KVs: orNull(updatesJson(message.updates)) })
    case "NoMessage":
      return undefined
  }
}

/** Without the fields that `expected` does not have. */
export const restricted = (expected: Json, found: Json): Json => {
  if (Array.isArray(expected) && Array.isArray(found)) {
    return found.map((one, index) => (index < expected.length ? restricted(expected[index], one) : one))
  }
  if (!isRecord(expected) || !isRecord(found)) return found
  return Object.fromEntries(
    Object.entries(found).flatMap(([key, one]) => (key in expected ? [[key, restricted(expected[key], one)]] : []))
  )
}

const isRecord = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const named = (name: string, value: Json): Json => ({ $iface: MESSAGE_PREFIX + name, value })

const integer = (value: number | bigint): Json => (typeof value === "bigint" ? { $int: String(value) } : value)

const orNull = (list: ReadonlyArray<Json>): Json => (list.length === 0 ? null : list)

const updatesJson = (updates: UpdateBatch): ReadonlyArray<Json> =>
  Array.from({ length: updates.count }, (_, index) => {
    const { key, value, revision, v3ResourceVersion, ttlNanoseconds, updateType } = updates.at(index)
    return {
      Key: textJson(key as string),
      Value: value === null ? null : { $bytes: toHex(value) },
      Revision: revisionJson(revision as GobInterface | null),
      V3ResourceVersion: textJson(v3ResourceVersion),
      TTL: integer(ttlNanoseconds),
      UpdateType: updateType
    }
  })

const revisionJson = (revision: GobInterface | null): Json => toJson({ kind: "interface" }, revision, registryOf())
