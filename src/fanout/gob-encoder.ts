// Writes values of our types. A stream's encoder remembers which types it has defined and defines the others where Go would: in messages of
// their own before a value, and inside interfaces in the middle of one. All types can be defined in advance instead (`define`); after that
// no value defines anything, and equal values give equal bytes. What cannot be written is our own mistake, so it is asserted.
import { assert } from "../machine/index.ts"
import { encodeGoTime, type GoTime, isZeroTime } from "./go-time.ts"
import {
  baseOf,
  type Complex,
  type GobInterface,
  type GobRecord,
  type GobRegistry,
  type GobType,
  type GobValue,
  registryOf,
  type StructType
} from "./gob-type.ts"
import { GobWriter } from "./gob-writer.ts"
import { partsOf, TypeIds } from "./type-ids.ts"
import { basicId } from "./wire-type.ts"

export interface GobEncoderOptions {
  readonly registry?: GobRegistry
  readonly ids?: TypeIds
}

export class GobEncoder {
  readonly ids: TypeIds
  readonly #registry: GobRegistry
  readonly #defined = new Set<GobType>()

  constructor(options: GobEncoderOptions = {}) {
    this.ids = options.ids ?? new TypeIds()
    this.#registry = options.registry ?? registryOf()
  }

  /** The messages that define `types` and all they are made of, as far as that has not been done. */
  define(types: ReadonlyArray<GobType>): Uint8Array {
    const stream = new GobWriter()
    const message = new GobWriter()
    for (const type of types) this.#describe(stream, message, type)
    return stream.take()
  }

  /** The messages of one value: definitions that are still missing, and the value. */
  encode(type: GobType, value: GobValue): Uint8Array {
    const stream = new GobWriter(1024)
    const message = new GobWriter(1024)
    this.#describe(stream, message, type)
    message.int(this.ids.of(type))
    this.#whole(stream, message, type, value)
    close(stream, message)
    return stream.take()
  }

  /** An interface inside a message that somebody else writes; its type must need no definition any more. */
  writeInterface(message: GobWriter, value: GobInterface): void {
    const stream = new GobWriter()
    this.#interface(stream, message, value)
    assert(stream.length === 0, `${value.name} is defined before it is used`)
  }

  /** A value at top level or in an interface: a lone one has a marker in front, and is written even if it is zero. */
  #whole(stream: GobWriter, message: GobWriter, type: GobType, value: GobValue): void {
    if (baseOf(type).kind !== "struct") message.byte(0)
    this.#value(stream, message, type, value)
  }

  /** Goes out as soon as it is written, with whatever of a value stands before it. */
  #describe(stream: GobWriter, message: GobWriter, type: GobType): void {
    const base = baseOf(type)
    if (basicId(base) !== undefined || this.#defined.has(base)) return
    message.int(-this.ids.of(base))
    writeDefinition(message, base, this.ids)
    close(stream, message)
    this.#defined.add(base)
    for (const part of partsOf(base)) this.#describe(stream, message, part)
  }

  #value(stream: GobWriter, message: GobWriter, type: GobType, value: GobValue): void {
    const base = baseOf(type)
    switch (base.kind) {
      case "interface":
        this.#interface(stream, message, value as GobInterface | null)
        break
      case "struct":
        this.#struct(stream, message, base, value as GobRecord)
        break
      case "array":
        assert((value as ReadonlyArray<GobValue>).length === base.length, "an array has the length of its type")
        this.#list(stream, message, base.element, value as ReadonlyArray<GobValue>)
        break
      case "slice":
        this.#list(stream, message, base.element, (value ?? []) as ReadonlyArray<GobValue>)
        break
      case "map": {
        const entries = (value ?? new Map()) as ReadonlyMap<GobValue, GobValue>
        message.uint(entries.size)
        for (const [key, element] of entries) {
          this.#value(stream, message, base.key, key)
          this.#value(stream, message, base.element, element)
        }
        break
      }
      default:
        writeScalar(message, base, value)
    }
  }

  #struct(stream: GobWriter, message: GobWriter, base: StructType, value: GobRecord): void {
    let last = -1
    for (let index = 0; index < base.fields.length; index++) {
      const field = base.fields[index]
      const own = value[field.name] ?? null
      if (isLeftOut(field.type, own)) continue
      message.uint(index - last)
      last = index
      this.#value(stream, message, field.type, own)
    }
    message.byte(0)
  }

  #list(stream: GobWriter, message: GobWriter, element: GobType, list: ReadonlyArray<GobValue>): void {
    message.uint(list.length)
    for (const value of list) this.#value(stream, message, element, value)
  }

  #interface(stream: GobWriter, message: GobWriter, value: GobInterface | null): void {
    if (value === null) {
      message.byte(0)
      return
    }
    const type = this.#registry(value.name)
    assert(type !== undefined, `${value.name} is registered`)
    message.text(value.name)
    this.#describe(stream, message, type)
    message.int(this.ids.of(type))
    // What a nested interface defines goes into this value: its stream is our message.
    const inner = new GobWriter()
    this.#whole(message, inner, type, value.value)
    close(message, inner)
  }
}

const writeScalar = (message: GobWriter, base: GobType, value: GobValue): void => {
  switch (base.kind) {
    case "bool":
      message.byte(value === true ? 1 : 0)
      break
    case "int":
      message.int(value as number | bigint)
      break
    case "uint":
      message.uint(value as number | bigint)
      break
    case "float":
      message.float(value as number)
      break
    case "complex":
      message.float((value as Complex).real)
      message.float((value as Complex).imaginary)
      break
    case "string":
      message.text(value as string)
      break
    case "bytes":
    case "opaque":
      message.span(value as Uint8Array)
      break
    case "time":
      message.span(encodeGoTime(value as GoTime))
      break
    default:
      assert(false, `a value is not written as ${base.kind}`)
  }
}

/** Puts a message behind the others of its stream, with its length in front. */
const close = (stream: GobWriter, message: GobWriter): void => {
  stream.uint(message.length)
  stream.append(message.bytes, 0, message.length)
  message.clear()
}

/** Go leaves zeros out of structures, but not inner structures, arrays and maps that are there. */
const isLeftOut = (type: GobType, value: GobValue): boolean => {
  if (value === null) return baseOf(type).kind !== "struct" || type.kind === "pointer"
  const base = baseOf(type)
  switch (base.kind) {
    case "bool":
      return value === false
    case "int":
    case "uint":
      return value === 0 || value === 0n
    case "float":
      return value === 0
    case "complex":
      return (value as Complex).real === 0 && (value as Complex).imaginary === 0
    case "string":
    case "bytes":
    case "slice":
      return (value as { readonly length: number }).length === 0
    case "time":
      return isZeroTime(value as GoTime)
    default:
      return false
  }
}

/** A value of wireType: the one field that says the kind, holding what the kind needs (Go's encoding/gob, type.go). */
const writeDefinition = (message: GobWriter, base: GobType, ids: TypeIds): void => {
  const id = ids.of(base)
  switch (base.kind) {
    case "array":
      writeCommon(message, 1, base.name, id)
      writePart(message, ids.of(base.element), 1)
      // Left out when zero, like everything.
      if (base.length !== 0) writePart(message, base.length, 1)
      break
    case "slice":
      writeCommon(message, 2, base.name, id)
      writePart(message, ids.of(base.element), 1)
      break
    case "struct":
      writeCommon(message, 3, base.name, id)
      if (base.fields.length > 0) {
        message.uint(1)
        message.uint(base.fields.length)
      }
      for (const field of base.fields) {
        message.uint(1)
        message.text(field.name)
        writePart(message, ids.of(field.type), 1)
        message.byte(0)
      }
      break
    case "map":
      writeCommon(message, 4, base.name, id)
      writePart(message, ids.of(base.key), 1)
      writePart(message, ids.of(base.element), 1)
      break
    case "opaque":
      writeCommon(message, OPAQUE_KINDS[base.encoding], base.name, id)
      break
    case "time":
      writeCommon(message, OPAQUE_KINDS.gob, base.name, id)
      break
    default:
      assert(false, `${base.kind} needs no definition`)
  }
  message.byte(0)
  message.byte(0)
}

const OPAQUE_KINDS = { gob: 5, binary: 6, text: 7 } as const

/** The kind, then the part that all kinds have in common. */
const writeCommon = (message: GobWriter, kind: number, name: string, id: number): void => {
  message.uint(kind)
  message.uint(1)
  if (name !== "") {
    message.uint(1)
    message.text(name)
  }
  writePart(message, id, name === "" ? 2 : 1)
  message.byte(0)
}

const writePart = (message: GobWriter, value: number, step: number): void => {
  message.uint(step)
  message.int(value)
}
