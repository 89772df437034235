// Where the types of the sender meet ours. For each pair that occurs a plan is made once: fields are matched by name, those we do not have
// are skipped whole, those the sender does not have stay zero, kinds must agree (Go's compatibility rules: the signed and the unsigned never
// mix, sizes need only fit). Plans live as long as the stream, for a number means one type in it.
import type { Cursor } from "./cursor.ts"
import { GobReason } from "./fault.ts"
import {
  ANY,
  baseOf,
  type CustomValue,
  FLOAT64,
  type GobRecord,
  type GobRegistry,
  type GobType,
  type GobValue,
  INTERFACE,
  type StructType
} from "./gob-type.ts"
import { NAME_BYTES_MAX, TYPE_NESTING_MAX } from "./limits.ts"
import {
  type Plan,
  readBool,
  readBytes,
  readComplex,
  readComplex64,
  readFloat,
  readFloat32,
  readInt,
  readList,
  readMap,
  readOpaque,
  readString,
  readStruct,
  readTime,
  readUint,
  zeroOf
} from "./read-value.ts"
import { skipBytes, skipComplex, skipEntries, skipFields, skipList, skipNumber } from "./skip-value.ts"
import { decodeText } from "./text.ts"
import { basicId, TypeId, type WireType, type WireTypes } from "./wire-type.ts"

/** Reads a type in its own way, where the wire's fits. */
export interface CustomReader {
  readonly zero: CustomValue
  readonly compile: (plans: Plans, cursor: Cursor, id: number) => Plan
}

interface Slot {
  plan: Plan
}

export class Plans {
  readonly types: WireTypes
  readonly #registry: GobRegistry
  readonly #made = new Map<GobType, Map<number, Slot>>()
  /** Plans that are being made, each for a part of the one before. */
  #making = 0
  readonly #readInterface: Plan = (cursor) => this.#interface(cursor)
  readonly #skipInterface: Plan = (cursor) => this.#skippedInterface(cursor)

  constructor(types: WireTypes, registry: GobRegistry) {
    this.types = types
    this.#registry = registry
  }

  /** Reads a whole value of the type `id`: at top level and inside interfaces, where a lone value has a marker in front. */
  read(cursor: Cursor, id: number, target: GobType): GobValue {
    const plan = this.plan(cursor, id, target, "a value")
    if (cursor.isStopped) return null
    const base = baseOf(target)
    const wire = this.types.get(id)
    if (base.kind === "struct" && wire?.kind === "struct" && !hasCommonField(base, wire)) {
      cursor.fail(GobReason.Mismatch, `${wire.name || "a structure"} without any field of ours`)
    }
    if (wire?.kind !== "struct" && cursor.uint() !== 0)
      cursor.fail(GobReason.Corrupt, "a lone value without its marker")
    return cursor.isStopped ? null : plan(cursor)
  }

  /** Definitions as far as there are any, then the number of the type of the value that follows. */
  typeSequence(cursor: Cursor, isNested: boolean, defined?: () => void): number {
    while (cursor.at < cursor.limit || cursor.nextMessage()) {
      const id = cursor.typeId()
      if (cursor.isStopped || id >= 0) return id
      this.types.define(cursor, -id)
      if (cursor.isStopped) return 0
      if (cursor.at === cursor.limit) defined?.()
      // The writer of an interface inside an interface puts its messages into the outer value; the length of the next is in the way.
      else if (isNested) cursor.uint()
      else cursor.fail(GobReason.Corrupt, "something behind a definition")
    }
    return 0
  }

  /** How the sender's type `id` is read as `target`. Types that do not fit stop the cursor. */
  plan(cursor: Cursor, id: number, target: GobType, what: string): Plan {
    const base = baseOf(target)
    const basic = basicId(base)
    if (basic !== undefined) return id === basic ? this.#basic(base) : this.#mismatch(cursor, id, base, what)
    return this.#once(cursor, id, base, () => this.#composite(cursor, id, base, what))
  }

  /** How a value of the type `id` is passed over. */
  skip(cursor: Cursor, id: number): Plan {
    return this.#once(cursor, id, SKIPPED, () => this.#skipped(cursor, id))
  }

  #composite(cursor: Cursor, id: number, base: GobType, what: string): Plan {
    if (base.kind === "any") return this.#any(cursor, id)
    if (base.kind === "custom") {
      this.plan(cursor, id, base.as, what)
      return cursor.isStopped ? NOTHING : base.reader.compile(this, cursor, id)
    }
    const wire = this.types.get(id)
    if (wire === undefined) return this.#mismatch(cursor, id, base, what)
    if (base.kind === "time") return isOpaque(wire, "gob") ? readTime : this.#mismatch(cursor, id, base, what)
    if (base.kind === "opaque")
      return isOpaque(wire, base.encoding) ? readOpaque(base.check) : this.#mismatch(cursor, id, base, what)
    if (base.kind === "slice" && wire.kind === "slice")
      return readList(this.plan(cursor, wire.element, base.element, what))
    if (base.kind === "array" && wire.kind === "array" && wire.length === base.length) {
      return readList(this.plan(cursor, wire.element, base.element, what), base.length)
    }
    if (base.kind === "map" && wire.kind === "map") {
      return readMap(this.plan(cursor, wire.key, base.key, what), this.plan(cursor, wire.element, base.element, what))
    }
    if (base.kind === "struct" && wire.kind === "struct") return this.#struct(cursor, wire, base)
    return this.#mismatch(cursor, id, base, what)
  }

  #struct(cursor: Cursor, wire: WireType & { kind: "struct" }, base: StructType): Plan {
    const own = new Map(base.fields.map((field) => [field.name, field.type]))
    const plans = wire.fields.map(({ name, id }) => {
      const type = own.get(name)
      return type === undefined ? this.skip(cursor, id) : this.plan(cursor, id, type, `the field ${wire.name}.${name}`)
    })
    const names = wire.fields.map(({ name }) => (own.has(name) ? name : undefined))
    return readStruct(names, plans, zeroOf(base) as GobRecord)
  }

  #any(cursor: Cursor, id: number): Plan {
    if (id in WIDEST) return this.#basic(WIDEST[id])
    const wire = this.types.get(id)
    switch (wire?.kind) {
      case undefined:
        return this.#undefined(cursor, id)
      case "slice":
        return readList(this.plan(cursor, wire.element, ANY, ""))
      case "array":
        return readList(this.plan(cursor, wire.element, ANY, ""), wire.length)
      case "map":
        return readMap(this.plan(cursor, wire.key, ANY, ""), this.plan(cursor, wire.element, ANY, ""))
      case "opaque":
        return readBytes
      case "struct":
        return readStruct(
          wire.fields.map(({ name }) => name),
          wire.fields.map((field) => this.plan(cursor, field.id, ANY, "")),
          Object.create(null)
        )
    }
  }

  #skipped(cursor: Cursor, id: number): Plan {
    if (id === TypeId.Interface) return this.#skipInterface
    if (id === TypeId.Bytes || id === TypeId.String) return skipBytes
    if (id === TypeId.Complex) return skipComplex
    if (id in WIDEST) return skipNumber
    const wire = this.types.get(id)
    switch (wire?.kind) {
      case undefined:
        return this.#undefined(cursor, id)
      case "slice":
        return skipList(this.skip(cursor, wire.element))
      case "array":
        return skipList(this.skip(cursor, wire.element), wire.length)
      case "map":
        return skipEntries(this.skip(cursor, wire.key), this.skip(cursor, wire.element))
      case "opaque":
        return skipBytes
      case "struct":
        return skipFields(wire.fields.map((field) => this.skip(cursor, field.id)))
    }
  }

  #basic(base: GobType): Plan {
    switch (base.kind) {
      case "bool":
        return readBool
      case "int":
        return readInt(base.bits)
      case "uint":
        return readUint(base.bits)
      case "float":
        return base.bits === 32 ? readFloat32 : readFloat
      case "complex":
        return base.bits === 64 ? readComplex64 : readComplex
      case "bytes":
        return readBytes
      case "string":
        return readString
      default:
        return this.#readInterface
    }
  }

  #interface(cursor: Cursor): GobValue {
    const end = cursor.span("the name of a type")
    if (cursor.isStopped || end === cursor.at) return null
    if (end - cursor.at > NAME_BYTES_MAX) cursor.fail(GobReason.BadLength, `a name of ${end - cursor.at} bytes`)
    if (cursor.isStopped) return null
    const name = decodeText(cursor.bytes, cursor.at, end)
    const type = this.#registry(name)
    if (type === undefined)
      cursor.fail(GobReason.Unregistered, `the type ${JSON.stringify(name)}, which is not registered`)
    if (cursor.isStopped) return null
    cursor.at = end
    cursor.enter()
    const id = this.typeSequence(cursor, true)
    // The length of what follows: only good for skipping, and not even that where types are defined on the way.
    cursor.uint()
    const value = cursor.isStopped ? null : this.read(cursor, id, type!)
    cursor.leave()
    return { name, value }
  }

  /** By the structure of the value, not by its length, which ends at the first definition inside. */
  #skippedInterface(cursor: Cursor): GobValue {
    const end = cursor.span("the name of a type")
    if (cursor.isStopped || end === cursor.at) return null
    cursor.at = end
    cursor.enter()
    const id = this.typeSequence(cursor, true)
    cursor.uint()
    if (!cursor.isStopped) {
      const plan = this.skip(cursor, id)
      if (this.types.get(id)?.kind !== "struct" && cursor.uint() !== 0) {
        cursor.fail(GobReason.Corrupt, "a lone value without its marker")
      }
      if (!cursor.isStopped) plan(cursor)
    }
    cursor.leave()
    return null
  }

  /** One plan per pair; a type that contains itself finds the one that is being made. */
  #once(cursor: Cursor, id: number, base: GobType, make: () => Plan): Plan {
    let byId = this.#made.get(base)
    if (byId === undefined) {
      byId = new Map()
      this.#made.set(base, byId)
    }
    const known = byId.get(id)
    if (known !== undefined) return known.plan === NOTHING ? (cursor) => known.plan(cursor) : known.plan
    const slot: Slot = { plan: NOTHING }
    byId.set(id, slot)
    if (++this.#making > TYPE_NESTING_MAX)
      cursor.fail(GobReason.TooMuch, `types nested deeper than ${TYPE_NESTING_MAX}`)
    if (!cursor.isStopped) slot.plan = make()
    this.#making--
    return slot.plan
  }

  #mismatch(cursor: Cursor, id: number, base: GobType, what: string): Plan {
    const wire = this.types.get(id)?.kind ?? BASIC_NAMES[id]
    if (wire === undefined) return this.#undefined(cursor, id)
    cursor.fail(GobReason.Mismatch, `${what} is of the kind ${wire}, not ${base.kind}`)
    return NOTHING
  }

  #undefined(cursor: Cursor, id: number): Plan {
    cursor.fail(GobReason.BadType, `the type ${id}, which is not defined`)
    return NOTHING
  }
}

const NOTHING: Plan = () => null

/** Stands in the table of plans for "passed over". */
const SKIPPED: GobType = { kind: "any" }

/** What a basic type is read as where the sender decides. */
const WIDEST: Readonly<Record<number, GobType>> = {
  [TypeId.Bool]: { kind: "bool" },
  [TypeId.Int]: { kind: "int", bits: 64 },
  [TypeId.Uint]: { kind: "uint", bits: 64 },
  [TypeId.Float]: FLOAT64,
  [TypeId.Bytes]: { kind: "bytes" },
  [TypeId.String]: { kind: "string" },
  [TypeId.Complex]: { kind: "complex", bits: 128 },
  [TypeId.Interface]: INTERFACE
}

const BASIC_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(WIDEST).map(([id, type]) => [id, type.kind])
)

const isOpaque = (wire: WireType, encoding: string): boolean => wire.kind === "opaque" && wire.encoding === encoding

/** Structures without any fields have nothing to disagree about. */
const hasCommonField = (base: StructType, wire: WireType & { kind: "struct" }): boolean =>
  base.fields.length === 0 ||
  wire.fields.length === 0 ||
  wire.fields.some(({ name }) => base.fields.some((own) => own.name === name))
