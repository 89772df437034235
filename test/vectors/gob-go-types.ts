// Go's types by their Go text, built as Go builds them for the wire: each once, and called as where it was met first (a field's type by its
// text, an element of an array or a map not at all). The named ones are those of the vectors and of both generations of the messages.
import {
  BOOL,
  BYTES,
  COMPLEX64,
  COMPLEX128,
  FLOAT32,
  FLOAT64,
  type GobField,
  type GobType,
  INT,
  INT8,
  INT16,
  INT32,
  INTERFACE,
  type OpaqueType,
  pointer,
  STRING,
  UINT,
  UINT8,
  UINT16,
  UINT32
} from "../../src/fanout/index.ts"

export type Generation = "v325" | "modern"

const BASICS: Readonly<Record<string, GobType>> = {
  bool: BOOL,
  int: INT,
  int8: INT8,
  int16: INT16,
  int32: INT32,
  int64: INT,
  uint: UINT,
  uint8: UINT8,
  uint16: UINT16,
  uint32: UINT32,
  uint64: UINT,
  uintptr: UINT,
  float32: FLOAT32,
  float64: FLOAT64,
  complex64: COMPLEX64,
  complex128: COMPLEX128,
  string: STRING,
  "interface{}": INTERFACE,
  "interface {}": INTERFACE,
  "[]uint8": BYTES,
  "[]byte": BYTES
}

const NAMED: Readonly<Record<string, string>> = {
  Name: "string",
  "time.Duration": "int64",
  Duration: "int64",
  Point: "struct { X int; Y int }",
  Empty: "struct { }",
  Scalars:
    "struct { B bool; I int; I8 int8; I16 int16; I32 int32; I64 int64; U uint; U8 uint8; U16 uint16; U32 uint32; U64 uint64; F32 float32; F64 float64; C complex128; S string; By []uint8 }",
  Nested:
    "struct { Name string; In Point; P *Point; L []Point; LP []*Point; M map[string]Point; Arr [2]Point; MM map[string]map[string]int; LL [][]string }",
  Tree: "struct { V int; L *Tree; R *Tree }",
  Family: "struct { Name string; Kids []Family }",
  MapRec: "map[string]MapRec",
  Gaps: "struct { A int; B string }",
  Embedded: "struct { Point Point; Z int }",
  Ifaces: "struct { A interface {}; B interface {}; C interface {}; L []interface {}; M map[string]interface {} }",
  Times: "struct { T time.Time; D time.Duration; P *time.Time }",
  Ptrs: "struct { I *int; S *string; PP **int; B *bool }",
  Coded: "struct { G GobThing; B BinThing; N *big.Int; IP netip.Addr; URL *url.URL; L []GobThing }",
  Old: "struct { A int; B string; C []int; D Point; E map[string]int; F interface {}; G [2]int; T time.Time; H []uint8; J []Point; K float64; L bool }",
  Envelope: "struct { Message interface {} }",
  MsgSyncStatus: "struct { SyncStatus uint8 }",
  MsgPing: "struct { Timestamp time.Time }",
  MsgPong: "struct { PingTimestamp time.Time; PongTimestamp time.Time }",
  MsgKVs: "struct { KVs []syncproto.SerializedUpdate }",
  MsgDecoderRestart: "struct { Message string; CompressionAlgorithm string }",
  MsgACK: "struct { }"
}

const BY_GENERATION: Readonly<Record<Generation, Readonly<Record<string, string>>>> = {
  v325: {
    MsgClientHello: "struct { Hostname string; Info string; Version string }",
    MsgServerHello: "struct { Version string }",
    SerializedUpdate: "struct { Key string; Value []uint8; Revision interface {}; TTL time.Duration; UpdateType uint8 }"
  },
  modern: {
    MsgClientHello:
      "struct { Hostname string; Info string; Version string; SyncerType string; SupportsDecoderRestart bool; SupportedCompressionAlgorithms []syncproto.CompressionAlgorithm; SupportsModernPolicyKeys bool; ClientConnID uint64 }",
    MsgServerHello:
      "struct { Version string; SyncerType string; SupportsNodeResourceUpdates bool; ServerConnID uint64 }",
    SerializedUpdate:
      "struct { Key string; Value []uint8; Revision interface {}; V3ResourceVersion string; TTL time.Duration; UpdateType uint8 }",
    CompressionAlgorithm: "string"
  }
}

/** Types that turn themselves into bytes, how, and what they refuse. */
const OPAQUE: Readonly<Record<string, Pick<OpaqueType, "encoding"> & Required<Pick<OpaqueType, "check">>>> = {
  GobThing: { encoding: "gob", check: (bytes) => (bytes.length === 4 ? undefined : "want four bytes") },
  BinThing: { encoding: "binary", check: () => undefined },
  Int: {
    encoding: "gob",
    check: (bytes) => (bytes.length === 0 || bytes[0] >> 1 === 1 ? undefined : "a big integer of another version")
  },
  Addr: {
    encoding: "binary",
    check: ({ length }) => (length === 0 || length === 4 || length >= 16 ? undefined : "an address of another size")
  },
  URL: { encoding: "binary", check: () => undefined }
}

export const MESSAGE_PREFIX = "github.com/projectcalico/typha/pkg/syncproto."

const MESSAGES: Readonly<Record<Generation, ReadonlyArray<string>>> = {
  v325: ["MsgClientHello", "MsgServerHello", "MsgSyncStatus", "MsgPing", "MsgPong", "MsgKVs"],
  modern: [
    "MsgClientHello",
    "MsgServerHello",
    "MsgSyncStatus",
    "MsgPing",
    "MsgPong",
    "MsgKVs",
    "MsgDecoderRestart",
    "MsgACK"
  ]
}

/** What the makers of the vectors registered besides the messages. */
const REGISTERED: Readonly<Record<string, string>> = {
  "gobpeer.Point": "Point",
  "gobpeer.Tree": "*Tree",
  "gobpeer.Scalars": "Scalars",
  "gobpeer.Time": "time.Time",
  "gobpeer.GobThing": "GobThing",
  "gobpeer.MapSI": "map[string]int",
  "gobpeer.Iface": "Ifaces",
  "gobpeer.AnyList": "[]interface {}",
  "gobpeer.Empty": "Empty",
  "gobpeer.Arr3": "[3]int",
  "gobpeer.Name": "Name"
}

/** The types of one Go program. */
export class GoTypes {
  readonly #generation: Generation
  readonly #built = new Map<string, GobType>()

  constructor(generation: Generation) {
    this.#generation = generation
  }

  /** Called by its own name, if it has one, unless `name` says how. */
  build(given: string, name = ownName(given)): GobType {
    const text = given.trim().replace(/^(main|syncproto)\./, "")
    if (text.startsWith("*")) return pointer(this.build(text.slice(1), name))
    const known = BASICS[text] ?? this.#built.get(text)
    if (known !== undefined) return known
    const opaque = OPAQUE[text.split(".").at(-1)!]
    if (opaque !== undefined) return this.#keep(text, { kind: "opaque", name, ...opaque })
    if (text === "time.Time" || text === "Time") return this.#keep("time.Time", { kind: "time", name })
    const named = BY_GENERATION[this.#generation][text] ?? NAMED[text]
    return named === undefined ? this.#composite(text, text, name) : this.#composite(named, text, name)
  }

  readonly registry = (name: string): GobType | undefined => {
    const own = name.startsWith(MESSAGE_PREFIX) ? name.slice(MESSAGE_PREFIX.length) : ""
    if (MESSAGES[this.#generation].includes(own)) return this.build(own)
    if (name in REGISTERED) return this.build(REGISTERED[name])
    const basic = /^\[\](u?int(8|16|32|64)?|uintptr|float(32|64)|complex(64|128)|bool|string)$/
    return name in BASICS || basic.test(name) ? this.build(name) : undefined
  }

  isNamed(name: string): boolean {
    return name in NAMED || name in BY_GENERATION[this.#generation] || name in OPAQUE
  }

  #keep<T extends GobType>(text: string, type: T): T {
    this.#built.set(text, type)
    return type
  }

  /** Kept before its parts are built, which may contain it. */
  #composite(spec: string, text: string, name: string): GobType {
    if (spec in BASICS) return BASICS[spec]
    const list = /^\[(\d*)\](.*)$/s.exec(spec)
    if (list !== null) {
      const type = this.#keep(text, {
        kind: list[1] === "" ? "slice" : "array",
        name,
        element: INT,
        length: 0
      } as GobType)
      const element = this.build(list[2], list[1] === "" ? elementName(list[2]) : "")
      return Object.assign(type, list[1] === "" ? { element } : { element, length: Number(list[1]) })
    }
    const map = mapParts(spec)
    if (map !== undefined) {
      const type = this.#keep(text, { kind: "map", name, key: INT, element: INT })
      return Object.assign(type, { key: this.build(map[0], ""), element: this.build(map[1], "") })
    }
    const struct = /^struct \{(.*)\}$/s.exec(spec)
    if (struct === null) throw new Error(`no Go type: ${spec}`)
    const fields: Array<GobField> = []
    const type = this.#keep(text, { kind: "struct", name, fields })
    for (const line of splitFields(struct[1])) {
      const [, own, of] = /^(\w+) (.*)$/s.exec(line.trim())!
      fields.push({ name: own, type: this.build(of, fieldTypeName(of)) })
    }
    return type
  }
}

/** Key and element of a map: the key may have brackets of its own. */
const mapParts = (spec: string): readonly [key: string, element: string] | undefined => {
  if (!spec.startsWith("map[")) return undefined
  let end = 4
  for (let depth = 1; end < spec.length; end++) {
    if (spec[end] === "[") depth++
    if (spec[end] === "]" && --depth === 0) break
  }
  return [spec.slice(4, end), spec.slice(end + 1)]
}

/** Semicolons of inner structures do not count. */
const splitFields = (text: string): ReadonlyArray<string> => {
  const lines = [""]
  let depth = 0
  for (const character of text) {
    if (character === "{") depth++
    if (character === "}") depth--
    if (character === ";" && depth === 0) lines.push("")
    else lines[lines.length - 1] += character
  }
  return lines.filter((line) => line.trim() !== "")
}

const ownName = (text: string): string => {
  const base = text.trim().replace(/^\*+/, "")
  return /^[\w.]+$/.test(base) ? base.split(".").at(-1)! : ""
}

/** Go asks the element itself, so that a pointer has no name. */
const elementName = (text: string): string => (text.startsWith("*") ? "" : ownName(text))

/** A type without a name is called by its text, in which types of the program carry their package. */
const fieldTypeName = (text: string): string => {
  const base = text.replace(/^\*+/, "")
  return ownName(base) || base.replace(/(?<![\w.])([A-Z]\w*)/g, "main.$1").replaceAll("main.syncproto", "syncproto")
}
