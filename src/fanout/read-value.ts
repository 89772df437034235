// How a value of each kind is read, once it is known that the wire's type fits: one function per kind, made when types meet and used for
// each value. A reader trusts nothing: counts are checked element by element, and memory grows with what was read, not what was announced.
import type { Cursor } from "./cursor.ts"
import { GobReason } from "./fault.ts"
import { decodeGoTime, ZERO_TIME } from "./go-time.ts"
import { baseOf, type GobRecord, type GobType, type GobValue } from "./gob-type.ts"
import { decodeText } from "./text.ts"

/** Reads one value; whatever it gives after the cursor has stopped means nothing. */
export type Plan = (cursor: Cursor) => GobValue

export const readBool: Plan = (cursor) => cursor.uint() !== 0

export const readString: Plan = (cursor) => {
  const end = cursor.span("a string")
  const text = decodeText(cursor.bytes, cursor.at, end)
  cursor.at = end
  return text
}

/** A view: nothing is copied. */
export const readBytes: Plan = (cursor) => {
  const end = cursor.span("a byte string")
  const bytes = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return bytes
}

export const readOpaque =
  (check: ((bytes: Uint8Array) => string | undefined) | undefined): Plan =>
  (cursor) => {
    const bytes = readBytes(cursor) as Uint8Array
    const problem = cursor.isStopped ? undefined : check?.(bytes)
    if (problem !== undefined) cursor.fail(GobReason.Corrupt, problem)
    return bytes
  }

export const readTime: Plan = (cursor) => {
  const end = cursor.span("a time")
  if (cursor.isStopped) return ZERO_TIME
  const time = decodeGoTime(cursor.bytes, cursor.at, end)
  if (typeof time === "string") {
    cursor.fail(GobReason.Corrupt, time)
    return ZERO_TIME
  }
  cursor.at = end
  return time
}

export const readComplex: Plan = (cursor) => ({ real: cursor.float(), imaginary: cursor.float() })

export const readComplex64: Plan = (cursor) => ({ real: float32(cursor), imaginary: float32(cursor) })

export const readFloat: Plan = (cursor) => cursor.float()

export const readFloat32: Plan = (cursor) => float32(cursor)

export const readInt = (bits: number): Plan => {
  if (bits === 64) return (cursor) => cursor.exactInt()
  const max = 2 ** (bits - 1)
  return (cursor) => {
    const value = cursor.exactInt()
    if (typeof value === "number" && value < max && value >= -max) return value
    cursor.fail(GobReason.OutOfRange, `${value} where an int${bits} is expected`)
    return 0
  }
}

export const readUint = (bits: number): Plan => {
  if (bits === 64) return (cursor) => cursor.exactUint()
  const max = 2 ** bits
  return (cursor) => {
    const value = cursor.exactUint()
    if (typeof value === "number" && value < max) return value
    cursor.fail(GobReason.OutOfRange, `${value} where a uint${bits} is expected`)
    return 0
  }
}

/** `length`: what an array must have; a slice has none. */
export const readList =
  (element: Plan, length?: number): Plan =>
  (cursor) => {
    const list: Array<GobValue> = []
    const count = cursor.uint()
    if (length !== undefined && count !== length) {
      cursor.fail(GobReason.BadLength, `an array of ${count} where ${length} are defined`)
    }
    cursor.enter()
    for (let index = 0; index < count && !cursor.isStopped && cursor.hasElement("a list"); index++) {
      cursor.spend(1)
      list.push(element(cursor))
    }
    cursor.leave()
    return list
  }

/** The last of two equal keys wins. */
export const readMap =
  (key: Plan, element: Plan): Plan =>
  (cursor) => {
    const entries = new Map<GobValue, GobValue>()
    const compound = new Map<string, GobValue>()
    const count = cursor.uint()
    cursor.enter()
    for (let index = 0; index < count && !cursor.isStopped && cursor.hasElement("a map"); index++) {
      cursor.spend(2)
      const read = key(cursor)
      const value = element(cursor)
      if (typeof read === "object" && read !== null) {
        const text = keyText(read)
        entries.delete(compound.get(text) ?? null)
        compound.set(text, read)
      }
      entries.set(read, value)
    }
    cursor.leave()
    return entries
  }

/** `names`: the field of the result for each field of the wire; none where it is skipped. */
export const readStruct = (
  names: ReadonlyArray<string | undefined>,
  plans: ReadonlyArray<Plan>,
  zero: GobRecord
): Plan => {
  const cost = 1 + Object.keys(zero).length
  const isDynamic = Object.getPrototypeOf(zero) === null
  return (cursor) => {
    cursor.enter()
    cursor.spend(cost)
    // A sender chooses the names of a dynamic structure; none of them may mean anything to JavaScript.
    const record: Record<string, GobValue> = isDynamic ? Object.create(null) : { ...zero }
    eachField(cursor, plans.length, (field) => {
      const value = plans[field](cursor)
      const name = names[field]
      if (name !== undefined) record[name] = value
    })
    cursor.leave()
    return record
  }
}

/** The fields of a structure in ascending order, each told by its distance from the one before; a zero ends it, or the message does. */
export const eachField = (cursor: Cursor, count: number, read: (field: number) => void): void => {
  let field = -1
  while (cursor.at < cursor.limit) {
    const step = cursor.uint()
    if (step === 0) return
    field += step
    if (field >= count) {
      cursor.fail(GobReason.Corrupt, `field ${field} of a structure of ${count}`)
      return
    }
    read(field)
  }
}

/** Go's zero value: what a field that was left out has. */
export const zeroOf = (type: GobType): GobValue => {
  const base = type
  switch (base.kind) {
    case "bool":
      return false
    case "int":
    case "uint":
    case "float":
      return 0
    case "complex":
      return { real: 0, imaginary: 0 }
    case "string":
      return ""
    case "bytes":
      return NO_BYTES
    case "slice":
      return NO_ELEMENTS
    case "time":
      return ZERO_TIME
    case "array":
      return new Array<GobValue>(base.length).fill(zeroOf(base.element))
    case "struct":
      return Object.fromEntries(base.fields.map(({ name, type: own }) => [name, zeroOf(own)]))
    case "custom":
      return base.reader.zero
    default:
      return null
  }
}

const NO_BYTES = new Uint8Array(0)
const NO_ELEMENTS: ReadonlyArray<GobValue> = []

/** Rounded as Go does; what is beyond a float32 and not infinite is refused. */
const float32 = (cursor: Cursor): number => {
  const value = cursor.float()
  const size = Math.abs(value)
  if (size > FLOAT32_MAX && size !== Number.POSITIVE_INFINITY) {
    cursor.fail(GobReason.OutOfRange, `${value} where a float32 is expected`)
  }
  return Math.fround(value)
}

const FLOAT32_MAX = 3.4028234663852886e38

/** Equal for equal keys. */
const keyText = (key: GobValue): string =>
  JSON.stringify(key, (_, value) =>
    typeof value === "bigint" ? `${value}n` : value instanceof Map ? [...value] : value
  )

/** Pointers are transparent on the wire. */
export const isStruct = (type: GobType): boolean => baseOf(type).kind === "struct"
