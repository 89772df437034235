// The types that a stream defines for itself: read from definitions, kept by number, written for our own. A definition is a value of a
// structure known in advance (wireType, of Go's encoding/gob), so reading one needs no types. What a definition refers to may be defined
// later; it must be there when a value of the type is read.
import type { Cursor } from "./cursor.ts"
import { GobReason } from "./fault.ts"
import { baseOf, type GobType, type OpaqueEncoding } from "./gob-type.ts"
import { type GobLimits, NAME_BYTES_MAX } from "./limits.ts"
import { decodeText } from "./text.ts"

/** Numbers of the types that need no definition. */
export const TypeId = {
  Bool: 1,
  Int: 2,
  Uint: 3,
  Float: 4,
  Bytes: 5,
  String: 6,
  Complex: 7,
  Interface: 8,
  /** Below are Go's own; newer Go starts here, older at 65. */
  FirstOwn: 64
} as const

export type WireType =
  | { readonly kind: "slice"; readonly name: string; readonly element: number }
  | { readonly kind: "array"; readonly name: string; readonly element: number; readonly length: number }
  | { readonly kind: "map"; readonly name: string; readonly key: number; readonly element: number }
  | { readonly kind: "struct"; readonly name: string; readonly fields: ReadonlyArray<WireField> }
  | { readonly kind: "opaque"; readonly name: string; readonly encoding: OpaqueEncoding }

export interface WireField {
  readonly name: string
  readonly id: number
}

/** The definitions of one stream, with a way back to how many there were. */
export class WireTypes {
  readonly #limits: GobLimits
  readonly #types = new Map<number, WireType>()
  readonly #order: Array<{ readonly id: number; readonly bytes: number }> = []
  #bytes = 0

  constructor(limits: GobLimits) {
    this.#limits = limits
  }

  get(id: number): WireType | undefined {
    return this.#types.get(id)
  }

  /** As they were defined. */
  entries(): ReadonlyArray<readonly [number, WireType]> {
    return this.#order.map(({ id }) => [id, this.#types.get(id)!])
  }

  get count(): number {
    return this.#order.length
  }

  /** Forgets what was defined since there were `count`. */
  undo(count: number): void {
    while (this.#order.length > count) {
      const { id, bytes } = this.#order.pop()!
      this.#types.delete(id)
      this.#bytes -= bytes
    }
  }

  /** Reads the definition of `id`. */
  define(cursor: Cursor, id: number): void {
    if (id < TypeId.FirstOwn) cursor.fail(GobReason.BadType, `a definition of the type ${id}`)
    if (this.#types.has(id)) cursor.fail(GobReason.BadType, `a second definition of the type ${id}`)
    const from = cursor.at
    const type = readWireType(cursor)
    const bytes = cursor.at - from
    if (this.#order.length >= this.#limits.definitions || this.#bytes + bytes > this.#limits.definitionBytes) {
      cursor.fail(GobReason.TooMuch, `more than ${this.#limits.definitions} types or too long ones`)
    }
    if (type === undefined || cursor.isStopped) return
    this.#types.set(id, type)
    this.#order.push({ id, bytes })
    this.#bytes += bytes
  }
}

/** `undefined`: the cursor has stopped. */
const readWireType = (cursor: Cursor): WireType | undefined => {
  let type: WireType | undefined
  readFields(cursor, KINDS.length, (kind) => {
    if (type !== undefined) cursor.fail(GobReason.BadType, "a definition of two kinds")
    type = KINDS[kind](cursor)
  })
  if (type === undefined) cursor.fail(GobReason.BadType, "a definition of no kind")
  return cursor.isStopped ? undefined : type
}

/** A structure: differences of field numbers, each followed by the field; ends with a zero, or with its message. */
const readFields = (cursor: Cursor, count: number, read: (field: number) => void): void => {
  let field = -1
  while (cursor.at < cursor.limit) {
    const step = cursor.uint()
    if (step === 0) return
    field += step
    if (field < count) read(field)
    else cursor.fail(GobReason.Corrupt, "a field number out of bounds in a definition")
  }
}

/** The fields of wireType, in its order. The readers have all the name in common and differ in what follows. */
const KINDS: ReadonlyArray<(cursor: Cursor) => WireType> = [
  (cursor) => {
    const parts = readParts(cursor, 3)
    return { kind: "array", name: parts.name, element: parts.first, length: parts.second }
  },
  (cursor) => {
    const parts = readParts(cursor, 2)
    return { kind: "slice", name: parts.name, element: parts.first }
  },
  (cursor) => readStruct(cursor),
  (cursor) => {
    const parts = readParts(cursor, 3)
    return { kind: "map", name: parts.name, key: parts.first, element: parts.second }
  },
  (cursor) => ({ kind: "opaque", name: readParts(cursor, 1).name, encoding: "gob" }),
  (cursor) => ({ kind: "opaque", name: readParts(cursor, 1).name, encoding: "binary" }),
  (cursor) => ({ kind: "opaque", name: readParts(cursor, 1).name, encoding: "text" })
]

/** The common part, then one or two numbers. */
const readParts = (cursor: Cursor, count: number): { name: string; first: number; second: number } => {
  const parts = { name: "", first: 0, second: 0 }
  readFields(cursor, count, (field) => {
    if (field === 0) parts.name = readCommon(cursor)
    else if (field === 1) parts.first = cursor.typeId()
    else parts.second = cursor.typeId()
  })
  return parts
}

const readStruct = (cursor: Cursor): WireType => {
  let name = ""
  const fields: Array<WireField> = []
  readFields(cursor, 2, (part) => {
    if (part === 0) name = readCommon(cursor)
    else {
      const count = cursor.uint()
      if (count > cursor.limits.fieldsPerStruct) {
        cursor.fail(
          GobReason.TooMuch,
          `a structure of ${count} fields; at most ${cursor.limits.fieldsPerStruct} are taken`
        )
      }
      for (let index = 0; index < count && !cursor.isStopped && cursor.hasElement("a list of fields"); index++) {
        fields.push(readField(cursor))
      }
    }
  })
  return { kind: "struct", name, fields }
}

const readField = (cursor: Cursor): WireField => {
  let name = ""
  let id = 0
  readFields(cursor, 2, (part) => {
    if (part === 0) name = readName(cursor)
    else id = cursor.typeId()
  })
  if (name === "") cursor.fail(GobReason.BadType, "a field without a name")
  return { name, id }
}

/** Name and number of the type itself; the number says nothing new. */
const readCommon = (cursor: Cursor): string => {
  let name = ""
  readFields(cursor, 2, (part) => {
    if (part === 0) name = readName(cursor)
    else cursor.typeId()
  })
  return name
}

/** A type's name carries no meaning, so a long one is cut; that of a field is compared, and cannot be as long. */
const readName = (cursor: Cursor): string => {
  const end = cursor.span("a name")
  const name = decodeText(cursor.bytes, cursor.at, Math.min(end, cursor.at + NAME_BYTES_MAX))
  cursor.at = end
  return name
}

/** The number of a type that needs no definition. */
export const basicId = (type: GobType): number | undefined => {
  const base = baseOf(type)
  switch (base.kind) {
    case "bool":
      return TypeId.Bool
    case "int":
      return TypeId.Int
    case "uint":
      return TypeId.Uint
    case "float":
      return TypeId.Float
    case "bytes":
      return TypeId.Bytes
    case "string":
      return TypeId.String
    case "complex":
      return TypeId.Complex
    case "interface":
      return TypeId.Interface
    default:
      return undefined
  }
}
