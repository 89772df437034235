// One line of the gob vectors: bytes that Go wrote (or that nobody should) and what Go's decoder makes of them. Each stream is decoded whole
// and byte by byte; what a fresh Go process wrote is encoded again from the decoded values and must be the same bytes; and whatever is in
// an envelope goes through the decoder of the protocol's messages as well, which must see the same.
import {
  ANY,
  describeGobFault,
  GobDecoder,
  GobEncoder,
  type GobFault,
  type GobRegistry,
  type GobType,
  type GobValue,
  SnappyReader,
  type WireType,
  writeSnappy
} from "../../src/fanout/index.ts"
import { snappyBlocks } from "../support/snappy-blocks.ts"
import { type Generation, GoTypes, MESSAGE_PREFIX } from "./gob-go-types.ts"
import { difference, fromHex, type Json, toHex, toJson } from "./gob-json.ts"
import { decodeMessages, messageJson, restricted } from "./gob-messages.ts"
import type { Outcome } from "./kinds.ts"

interface GobCase {
  readonly name: string
  readonly group: string
  readonly hex: string
  readonly json?: Json
  readonly n?: number
  readonly parts?: ReadonlyArray<string>
  readonly goType?: string
  readonly target?: string
  readonly source?: string
  readonly error?: string
  readonly plain?: string
  readonly segments?: ReadonlyArray<{ readonly codec: "plain" | "snappy"; readonly hex: string }>
}

export const checkGob = (value: unknown): Outcome => {
  const row = value as GobCase
  const check = GROUPS[row.group]
  if (check === undefined) return { name: row.name, problems: [`no such group: ${row.group}`] }
  return { name: row.name, problems: check(row) }
}

type Problems = ReadonlyArray<string>

/** An envelope on every line, as one generation reads it. */
const checkMessages =
  (generation: Generation) =>
  (row: GobCase): Problems => {
    const types = new GoTypes(generation)
    const stream = readAll(row, [types.build("Envelope")], types.registry)
    const expected = Array.isArray(row.json) && row.n !== 1 ? (row.json as ReadonlyArray<Json>) : [row.json!]
    return [
      ...compare(row, stream),
      ...checkPieces(row, stream),
      ...checkEncoding(row, stream, generation),
      ...checkReceived(expected, fromHex(row.hex))
    ]
  }

/** What one generation wrote, read by the other: the message without its envelope, and its name. */
const checkCross = (row: GobCase): Problems => {
  const types = new GoTypes(row.target as Generation)
  const stream = readAll(row, [types.build("Envelope")], types.registry)
  if (row.error !== undefined) return refused(stream)
  const expected = unwrapped(row.json!)
  return [
    ...compare({ ...row, json: expected, n: 2 }, stream),
    ...checkPieces(row, stream),
    ...checkReceived(expected, fromHex(row.hex))
  ]
}

/** Envelopes as messages of the protocol, whole and in pieces. */
const checkReceived = (expected: ReadonlyArray<Json>, bytes: Uint8Array): Problems =>
  [bytes.length, bytes.length > 5000 ? 89 : 1].flatMap((step) => {
    const messages = decodeMessages(bytes, step)
    if (typeof messages === "string") return [`messages in pieces of ${step}: ${messages}`]
    if (messages.length !== expected.length) return [`${messages.length} messages in pieces of ${step}`]
    return messages.flatMap((message, index) => {
      const there = (expected[index] as { readonly Message?: Json } | null)?.Message ?? null
      const here = messageJson(message)
      const found = here === undefined ? undefined : difference(there, restricted(there, here), `message ${index}`)
      const isNone = !JSON.stringify(there).startsWith(`{"$iface":"${MESSAGE_PREFIX}`)
      if (isNone !== (here === undefined)) return [`message ${index} is ${message._tag}`]
      return found === undefined ? [] : [found]
    })
  })

/** `{msg, type}` as the envelopes they were in. */
const unwrapped = (list: Json): ReadonlyArray<Json> =>
  (list as ReadonlyArray<{ readonly msg: Json; readonly type: string }>).map(({ msg, type }) => ({
    Message: { $iface: MESSAGE_PREFIX + type, value: msg }
  }))

/** One value, or many, of Go types of all kinds. */
const checkTyped = (row: GobCase): Problems => {
  const types = new GoTypes("v325")
  const given = row.goType ?? row.target
  const stream =
    given === undefined
      ? readAll(row, discovered(row, types), types.registry)
      : readAll(row, [types.build(given.replace(/^interface\{\}$/, "interface {}"))], types.registry)
  if (row.error !== undefined || row.group === "malformed") return refused(stream)
  const encoded = row.goType === undefined ? [] : checkEncoding(row, stream, "v325")
  return [...compare(row, stream), ...checkPieces(row, stream), ...encoded]
}

/** Decoder restarts: each segment is a gob stream of its own, and all but the first are compressed. */
const checkSegments = (row: GobCase): Problems => {
  const types = new GoTypes("modern")
  const values: Array<GobValue> = []
  for (const { codec, hex } of row.segments!) {
    const plain = codec === "plain" ? fromHex(hex) : unframed(fromHex(hex))
    if (typeof plain === "string") return [plain]
    const stream = readAll({ ...row, hex: toHex(plain) }, [types.build("Envelope")], types.registry)
    if (stream.fault !== undefined) return [describeGobFault(stream.fault)]
    values.push(...stream.values)
  }
  const stream = { types: [types.build("Envelope")], registry: types.registry, values, fault: undefined }
  return compare({ ...row, json: unwrapped(row.json!), n: values.length === 1 ? 2 : values.length }, stream)
}

/** A block, and back. */
const checkBlock = (row: GobCase): Problems => {
  const plain = snappyBlocks.uncompress(fromHex(row.hex))
  if (plain === undefined || toHex(plain) !== row.plain) return ["uncompressed otherwise"]
  const again = snappyBlocks.uncompress(snappyBlocks.compress(plain))
  return again !== undefined && toHex(again) === row.plain ? [] : ["compressed and uncompressed otherwise"]
}

const checkFrames = (row: GobCase): Problems => {
  const plain = unframed(fromHex(row.hex))
  if (typeof plain === "string") return [plain]
  const again = unframed(writeSnappy(snappyBlocks, plain, true))
  return [toHex(plain), typeof again === "string" ? again : toHex(again)].flatMap((hex) =>
    hex === row.plain ? [] : [`${hex.slice(0, 2000)} here`]
  )
}

/** Whole and byte by byte. */
const unframed = (bytes: Uint8Array): Uint8Array | string => {
  const whole = new SnappyReader(snappyBlocks).push(bytes)
  const reader = new SnappyReader(snappyBlocks)
  const single = Array.from(bytes, (byte) => reader.push(Uint8Array.of(byte)))
  if (typeof whole === "string") return whole
  const pieces = single.flatMap((pushed) => (typeof pushed === "string" ? [] : pushed))
  const plain = new Uint8Array(Buffer.concat(whole))
  return toHex(Buffer.concat(pieces)) === toHex(plain) && reader.isBetweenChunks
    ? plain
    : "other bytes when it comes in pieces"
}

const GROUPS: Readonly<Record<string, (row: GobCase) => Problems>> = {
  v325: checkMessages("v325"),
  "v325-session": checkMessages("v325"),
  modern: checkMessages("modern"),
  "modern-session": checkMessages("modern"),
  cross: checkCross,
  gob: checkTyped,
  "gob-session": checkTyped,
  compat: checkTyped,
  ids: checkTyped,
  odd: checkTyped,
  malformed: checkTyped,
  "snappy-session": checkSegments,
  "snappy-block": checkBlock,
  "snappy-frames": checkFrames
}

interface Stream {
  readonly types: ReadonlyArray<GobType>
  readonly registry: GobRegistry
  readonly values: ReadonlyArray<GobValue>
  readonly fault: GobFault | undefined
}

/** The last of `types` is that of all further values. */
const readAll = (row: GobCase, types: ReadonlyArray<GobType>, registry: GobRegistry): Stream => {
  const decoder = new GobDecoder({ registry })
  decoder.push(fromHex(row.hex))
  const values: Array<GobValue> = []
  for (;;) {
    const next = decoder.next(types[Math.min(values.length, types.length - 1)])
    if (next._tag !== "Value") break
    values.push(next.value)
  }
  return { types, registry, values, fault: decoder.finish() }
}

const typeAt = (stream: Stream, index: number): GobType => stream.types[Math.min(index, stream.types.length - 1)]

const refused = (stream: Stream): Problems =>
  stream.fault === undefined ? [`accepted here: ${stream.values.length} values`] : []

const compare = (row: GobCase, stream: Stream): Problems => {
  if (stream.fault !== undefined) return [`refused here: ${describeGobFault(stream.fault)}`]
  const here = stream.values.map((value, index) => toJson(typeAt(stream, index), value, stream.registry))
  const found = difference(row.json!, row.n === 1 ? here[0] : here)
  return found === undefined ? [] : [found]
}

/** The same stream in pieces: a byte at a time, and as it was written, one value per piece. */
const checkPieces = (row: GobCase, stream: Stream): Problems => {
  const bytes = fromHex(row.hex)
  const step = bytes.length > 5000 ? 97 : 1
  const single = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
    bytes.slice(index * step, (index + 1) * step)
  )
  const counts = countInPieces(single, stream)
  const problems: Array<string> = []
  if (counts === undefined || counts.reduce((sum, count) => sum + count, 0) !== stream.values.length) {
    problems.push("gives other values when it comes in small pieces")
  }
  if (
    row.parts !== undefined &&
    countInPieces(row.parts.map(fromHex), stream)?.some((count) => count !== 1) !== false
  ) {
    problems.push("a part is not exactly one value")
  }
  return problems
}

const countInPieces = (pieces: ReadonlyArray<Uint8Array>, stream: Stream): ReadonlyArray<number> | undefined => {
  const decoder = new GobDecoder({ registry: stream.registry })
  let read = 0
  const counts = pieces.map((piece) => {
    decoder.push(piece)
    const before = read
    while (decoder.next(typeAt(stream, read))._tag === "Value") read++
    return read - before
  })
  return decoder.finish() === undefined ? counts : undefined
}

/** A process that has written nothing before: the bytes depend on the values alone. */
const checkEncoding = (row: GobCase, stream: Stream, generation: Generation): Problems => {
  if (stream.fault !== undefined) return []
  const types = new GoTypes(generation)
  const encoder = new GobEncoder({ registry: types.registry })
  const type = types.build(row.goType ?? "Envelope")
  const written = stream.values.map((value) => toHex(encoder.encode(type, value)))
  if (written.join("") === row.hex) return []
  return [`encoded otherwise: ${written.join("").slice(0, 2000)} for ${row.hex.slice(0, 2000)}`]
}

/** The types of a stream whose line does not name them: as the stream itself calls them. */
const discovered = (row: GobCase, types: GoTypes): ReadonlyArray<GobType> => {
  const decoder = new GobDecoder({ registry: () => ANY })
  decoder.push(fromHex(row.hex))
  const ids: Array<number> = []
  for (let next = decoder.next(ANY); next._tag === "Value"; next = decoder.next(ANY)) ids.push(next.id)
  const definitions = new Map(decoder.definitions())
  return ids.map((id) => types.build(goText(id, definitions, types)))
}

const goText = (id: number, definitions: ReadonlyMap<number, WireType>, types: GoTypes): string => {
  const wire = definitions.get(id)
  if (wire !== undefined && types.isNamed(wire.name)) return wire.name
  switch (wire?.kind) {
    case undefined:
      return BASIC_TEXT[id]
    case "slice":
      return `[]${goText(wire.element, definitions, types)}`
    case "array":
      return `[${wire.length}]${goText(wire.element, definitions, types)}`
    case "map":
      return `map[${goText(wire.key, definitions, types)}]${goText(wire.element, definitions, types)}`
    default:
      return wire!.name
  }
}

const BASIC_TEXT = ["", "bool", "int64", "uint64", "float64", "[]uint8", "string", "complex128", "interface {}"]
