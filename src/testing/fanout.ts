// Arbitraries for what hubs and followers say: Go types of every kind with values that fit, updates, messages; and ways to hurt a stream.
import fc from "fast-check"
import {
  array,
  BOOL,
  BYTES,
  COMPLEX128,
  FLOAT32,
  FLOAT64,
  field,
  type GobType,
  type GobValue,
  type GoTime,
  INT,
  INT8,
  INT16,
  INT32,
  INTERFACE,
  map,
  opaque,
  pointer,
  type SmallMessage,
  STRING,
  type StorePublishEvent,
  type StoreWatchEvent,
  slice,
  struct,
  TIME,
  UINT,
  UINT8,
  UINT16,
  UINT32,
  type Update
} from "../fanout/index.ts"

export interface TypedValue {
  readonly type: GobType
  readonly value: GobValue
}

/** Text of all sorts, with bytes that are no text. */
export const arbitraryGobText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 8 }),
      fc.integer({ min: 0xdc80, max: 0xdcff }).map((unit) => String.fromCharCode(unit))
    ),
    {
      maxLength: 4
    }
  )
  .map((parts) => parts.join(""))
  // Escaped bytes that happen to be UTF-8 when they meet come back as the character.
  .filter((text) => !/[\udc80-\udcff]{2}/.test(text))

export const arbitraryGoTime: fc.Arbitrary<GoTime> = fc.record({
  seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  nanoseconds: fc.nat({ max: 999_999_999 }),
  zone: fc.oneof(
    fc.constant("utc" as const),
    // An offset of minus one minute means UTC and cannot be written as itself, nor one with seconds that begins so.
    fc.integer({ min: -86_400, max: 86_400 }).filter((zone) => zone > -60 || zone <= -120)
  )
})

const signed = (bits: number): fc.Arbitrary<number> => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
const unsigned = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 })
/** A number where it is exact. */
const canonical = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
const bytes = fc.uint8Array({ maxLength: 300 })
/** Zero has one sign: Go leaves both out of structures. */
const unsignedZero = (value: number): number => (value === 0 ? 0 : value)
const real = fc.double().map(unsignedZero)

const scalars: ReadonlyArray<readonly [GobType, fc.Arbitrary<GobValue>]> = [
  [BOOL, fc.boolean()],
  [INT8, signed(8)],
  [INT16, signed(16)],
  [INT32, signed(32)],
  [INT, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(canonical)],
  [UINT8, unsigned(8)],
  [UINT16, unsigned(16)],
  [UINT32, unsigned(32)],
  [UINT, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(canonical)],
  [FLOAT32, fc.float().map(unsignedZero)],
  [FLOAT64, real],
  [COMPLEX128, fc.record({ real, imaginary: real })],
  [STRING, arbitraryGobText],
  [BYTES, bytes],
  [TIME, arbitraryGoTime],
  [opaque("Thing", "gob"), bytes],
  [opaque("Other", "binary"), bytes]
]

/** What interfaces hold, by registered name. */
export const GOB_REGISTERED: ReadonlyMap<string, GobType> = new Map<string, GobType>([
  ["test.Point", struct("Point", [field("X", INT), field("Y", INT)])],
  ["test.Box", struct("Box", [field("Name", STRING), field("Inside", INTERFACE)])],
  ["test.Time", TIME]
])

interface Level {
  readonly typed: (depth: number) => fc.Arbitrary<readonly [GobType, fc.Arbitrary<GobValue>]>
}

const interfaceValue = (depth: number): fc.Arbitrary<GobValue> => {
  const basic = fc.constantFrom<readonly [string, fc.Arbitrary<GobValue>]>(
    ["string", arbitraryGobText],
    ["int", INTEGER],
    ["bool", fc.boolean()],
    ["[]uint8", bytes],
    ["[]string", fc.array(arbitraryGobText, { maxLength: 3 })],
    ["test.Time", arbitraryGoTime],
    ["test.Point", fc.record({ X: INTEGER, Y: INTEGER })]
  )
  const held = basic.chain(([name, value]) => value.map((inner): GobValue => ({ name, value: inner })))
  if (depth <= 0) return fc.oneof(fc.constant(null), held)
  const box = fc
    .record({ Name: arbitraryGobText, Inside: interfaceValue(depth - 1) })
    .map((value): GobValue => ({ name: "test.Box", value }))
  return fc.oneof(fc.constant(null), held, box)
}

const INTEGER = signed(32)

const levels: Level = {
  typed: (depth) => {
    const leaf = fc.oneof(
      fc.constantFrom(...scalars),
      fc.constant([INTERFACE, interfaceValue(1)] as readonly [GobType, fc.Arbitrary<GobValue>])
    )
    if (depth <= 0) return leaf
    const inner = levels.typed(depth - 1)
    const lists = inner.map(
      ([type, value]) => [slice(type), fc.array(value, { maxLength: 4 })] as readonly [GobType, fc.Arbitrary<GobValue>]
    )
    const arrays = fc
      .tuple(inner, fc.nat(3))
      .map(([[type, value], length]): readonly [GobType, fc.Arbitrary<GobValue>] => [
        array(length, type),
        fc.array(value, { minLength: length, maxLength: length })
      ])
    const maps = inner.map(([type, value]): readonly [GobType, fc.Arbitrary<GobValue>] => [
      map(STRING, type),
      fc.array(fc.tuple(arbitraryGobText, value), { maxLength: 3 }).map((entries) => new Map(entries))
    ])
    return fc.oneof(leaf, lists, arrays, maps, structs(inner))
  }
}

const structs = (
  inner: fc.Arbitrary<readonly [GobType, fc.Arbitrary<GobValue>]>
): fc.Arbitrary<readonly [GobType, fc.Arbitrary<GobValue>]> =>
  fc.array(fc.tuple(inner, fc.boolean()), { maxLength: 5 }).map((parts) => {
    const own = parts.map(([[type, value], isPointer], index) => {
      // An opaque value that is left out is null, like a pointer that is.
      const isNullable = isPointer && type.kind === "struct"
      return {
        field: field(`F${index}`, isNullable ? pointer(type) : type),
        value: isNullable ? fc.oneof(fc.constant(null), value) : value
      }
    })
    const record = Object.fromEntries(own.map(({ field: { name }, value }) => [name, value]))
    return [
      struct(
        "S",
        own.map((part) => part.field)
      ),
      fc.record(record)
    ]
  })

/** A type of any kind and a value of it. */
export const arbitraryTypedValue: fc.Arbitrary<TypedValue> = levels
  .typed(3)
  .chain(([type, value]) => value.map((own) => ({ type, value: own })))

export const arbitraryUpdate: fc.Arbitrary<Update> = fc.record({
  key: arbitraryGobText,
  value: fc.oneof(fc.constant(null), fc.uint8Array({ minLength: 1, maxLength: 300 })),
  revision: fc.oneof(
    fc.constant(null),
    fc
      .oneof(arbitraryGobText, fc.string({ minLength: 100, maxLength: 200 }))
      .map((value) => ({ name: "string", value })),
    fc.nat().map((value) => ({ name: "uint64", value }))
  ),
  v3ResourceVersion: fc.oneof(fc.constant(""), arbitraryGobText),
  ttlNanoseconds: fc.oneof(fc.constant(0), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(canonical)),
  updateType: fc.nat(3)
})

const connId = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(canonical)

/** Every message except the one with updates. */
export const arbitrarySmallMessage: fc.Arbitrary<SmallMessage> = fc.oneof(
  fc.record({
    _tag: fc.constant("ClientHello" as const),
    hostname: arbitraryGobText,
    info: arbitraryGobText,
    version: arbitraryGobText,
    syncerType: fc.constantFrom("", "felix", "bgp"),
    supportsDecoderRestart: fc.boolean(),
    supportedCompressionAlgorithms: fc.array(fc.constantFrom("snappy", "zstd"), { maxLength: 2 }),
    supportsModernPolicyKeys: fc.boolean(),
    clientConnId: connId
  }),
  fc.record({
    _tag: fc.constant("ServerHello" as const),
    version: arbitraryGobText,
    syncerType: fc.constantFrom("", "felix", "bgp"),
    supportsNodeResourceUpdates: fc.boolean(),
    serverConnId: connId
  }),
  fc.record({ _tag: fc.constant("SyncStatus" as const), status: fc.nat(255) }),
  fc.record({ _tag: fc.constant("Ping" as const), timestamp: arbitraryGoTime }),
  fc.record({ _tag: fc.constant("Pong" as const), pingTimestamp: arbitraryGoTime, pongTimestamp: arbitraryGoTime }),
  fc.record({
    _tag: fc.constant("DecoderRestart" as const),
    message: arbitraryGobText,
    compressionAlgorithm: fc.constantFrom("", "snappy")
  }),
  fc.record({ _tag: fc.constant("Acknowledgement" as const) })
)

/** `bytes` with a few of them changed, left out, doubled, or cut off. */
export const arbitraryMutation = (given: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom("set", "flip", "drop", "repeat", "cut"),
        fc.nat(Math.max(0, given.length - 1)),
        fc.nat(255)
      ),
      {
        minLength: 1,
        maxLength: 4
      }
    )
    .map((steps) => steps.reduce(mutate, given))

const mutate = (
  given: Uint8Array,
  [how, place, amount]: readonly [how: string, place: number, amount: number]
): Uint8Array => {
  const at = place % Math.max(1, given.length)
  if (how === "drop") return join(given.subarray(0, at), given.subarray(at + 1 + (amount % 8)))
  if (how === "repeat") return join(given.subarray(0, at + 1 + (amount % 40)), given.subarray(at))
  if (how === "cut") return given.slice(0, at)
  const changed = given.slice()
  changed[at] = how === "set" ? amount : changed[at] ^ (1 << (amount % 8))
  return changed
}

const join = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

const arbitraryToken = fc.nat({ max: 3 })

/** Tokens are small, so that some are those of the operation under way. */
export const arbitraryStoreWatchEvent: fc.Arbitrary<StoreWatchEvent<number>> = fc.oneof(
  fc.constantFrom<StoreWatchEvent<number>>({ _tag: "Started" }, { _tag: "Stopped" }),
  fc.record({
    _tag: fc.constant("PageRead" as const),
    token: arbitraryToken,
    revision: fc.nat({ max: 9 }),
    updates: fc.array(fc.nat(), { maxLength: 2 }),
    nextAfter: fc.option(fc.constant("key"), { nil: undefined })
  }),
  fc.record({
    _tag: fc.constant("Changed" as const),
    token: arbitraryToken,
    revision: fc.nat({ max: 9 }),
    updates: fc.array(fc.nat(), { maxLength: 2 })
  }),
  fc.record({ _tag: fc.constant("BarrierWritten" as const), token: arbitraryToken, revision: fc.nat({ max: 9 }) }),
  fc.record({ _tag: fc.constant("Failed" as const), token: arbitraryToken, reason: fc.constant("cut off") }),
  fc.record({
    _tag: fc.constantFrom("WatchOpened" as const, "Compacted" as const, "TimerExpired" as const),
    token: arbitraryToken
  })
)

/** Tokens are small, so that some are those of the operation under way. */
export const arbitraryStorePublishEvent: fc.Arbitrary<StorePublishEvent> = fc.oneof(
  fc.constantFrom<StorePublishEvent>({ _tag: "Started" }, { _tag: "Stopped" }, { _tag: "Wanted" }),
  fc.record({
    _tag: fc.constant("LeaseGranted" as const),
    token: arbitraryToken,
    lease: fc.constantFrom("1", "2"),
    ttlS: fc.constant(30)
  }),
  fc.record({ _tag: fc.constantFrom("Fenced" as const, "TimerExpired" as const), token: arbitraryToken }),
  fc.record({ _tag: fc.constant("KeptAlive" as const), token: arbitraryToken, ttlS: fc.constantFrom(0, 30) }),
  fc.record({ _tag: fc.constant("Written" as const), token: arbitraryToken, isMore: fc.boolean() }),
  fc.record({ _tag: fc.constant("Failed" as const), token: arbitraryToken, reason: fc.constant("cut off") })
)
