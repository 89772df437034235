// The types we read into and write from: what a Go program would say with its struct definitions. The wire has types of its own
// (wire-type.ts); a value passes when the two are compatible, field by name. Values are plain data:
//   bool → boolean, float → number, string → string (text.ts), []byte → a view of the received bytes, time.Time → GoTime;
//   int and uint → a number where it is exact, else a bigint: never both for one value, so that equal is ===;
//   struct → an object by field name, slice and array → array, map → Map, interface → its name and value, or null;
//   a GobEncoder or BinaryMarshaler → its bytes; nil pointer, nil map, left-out opaque value → null.
import type { GoTime } from "./go-time.ts"
import type { CustomReader } from "./plan.ts"

export type GobType =
  | { readonly kind: "bool" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64 }
  | { readonly kind: "uint"; readonly bits: 8 | 16 | 32 | 64 }
  | { readonly kind: "float"; readonly bits: 32 | 64 }
  | { readonly kind: "complex"; readonly bits: 64 | 128 }
  | { readonly kind: "bytes" }
  | { readonly kind: "string" }
  | { readonly kind: "interface" }
  | { readonly kind: "time"; readonly name: string }
  | { readonly kind: "pointer"; readonly to: GobType }
  | OpaqueType
  | { readonly kind: "slice"; readonly name: string; readonly element: GobType }
  | { readonly kind: "array"; readonly name: string; readonly element: GobType; readonly length: number }
  | { readonly kind: "map"; readonly name: string; readonly key: GobType; readonly element: GobType }
  | StructType
  /** Whatever the sender says it is. Only for reading: tools and tests; what is left out on the wire is left out of the object. */
  | { readonly kind: "any" }
  /** Read by code of its own where the wire's type is compatible with `as`: for lists that must not become objects. */
  | { readonly kind: "custom"; readonly as: GobType; readonly reader: CustomReader }

/** A type that turns itself into bytes. `check` says what is wrong with bytes that are none of its own. */
export interface OpaqueType {
  readonly kind: "opaque"
  readonly name: string
  readonly encoding: OpaqueEncoding
  readonly check?: (bytes: Uint8Array) => string | undefined
}

export interface StructType {
  readonly kind: "struct"
  readonly name: string
  readonly fields: ReadonlyArray<GobField>
}

export interface GobField {
  readonly name: string
  readonly type: GobType
}

/** Which of Go's interfaces turned the value into bytes. */
export type OpaqueEncoding = "gob" | "binary" | "text"

export interface Complex {
  readonly real: number
  readonly imaginary: number
}

/** What an interface holds: the registered name of its concrete type, and the value. */
export interface GobInterface {
  readonly name: string
  readonly value: GobValue
}

/** The result of a custom reader. */
export interface CustomValue {
  readonly isCustom: true
}

export type GobRecord = { readonly [field: string]: GobValue }

export type GobValue =
  | boolean
  | number
  | bigint
  | string
  | null
  | Uint8Array
  | Complex
  | GoTime
  | GobInterface
  | GobRecord
  | CustomValue
  | ReadonlyArray<GobValue>
  | ReadonlyMap<GobValue, GobValue>

export const BOOL: GobType = { kind: "bool" }
export const INT: GobType = { kind: "int", bits: 64 }
export const INT8: GobType = { kind: "int", bits: 8 }
export const INT16: GobType = { kind: "int", bits: 16 }
export const INT32: GobType = { kind: "int", bits: 32 }
export const UINT: GobType = { kind: "uint", bits: 64 }
export const UINT8: GobType = { kind: "uint", bits: 8 }
export const UINT16: GobType = { kind: "uint", bits: 16 }
export const UINT32: GobType = { kind: "uint", bits: 32 }
export const FLOAT32: GobType = { kind: "float", bits: 32 }
export const FLOAT64: GobType = { kind: "float", bits: 64 }
export const COMPLEX64: GobType = { kind: "complex", bits: 64 }
export const COMPLEX128: GobType = { kind: "complex", bits: 128 }
export const BYTES: GobType = { kind: "bytes" }
export const STRING: GobType = { kind: "string" }
export const INTERFACE: GobType = { kind: "interface" }
export const TIME: GobType = { kind: "time", name: "Time" }
export const ANY: GobType = { kind: "any" }

export const pointer = (to: GobType): GobType => ({ kind: "pointer", to })
export const slice = (element: GobType, name = ""): GobType => ({ kind: "slice", name, element })
export const array = (length: number, element: GobType, name = ""): GobType => ({
  kind: "array",
  name,
  element,
  length
})
export const map = (key: GobType, element: GobType, name = ""): GobType => ({ kind: "map", name, key, element })
export const opaque = (name: string, encoding: OpaqueEncoding): GobType => ({ kind: "opaque", name, encoding })

/** The fields as a list, or as a function of the type itself where it refers to itself. */
export const struct = (
  name: string,
  fields: ReadonlyArray<GobField> | ((self: GobType) => ReadonlyArray<GobField>)
): StructType => {
  if (typeof fields !== "function") return { kind: "struct", name, fields }
  const list: Array<GobField> = []
  const self: StructType = { kind: "struct", name, fields: list }
  list.push(...fields(self))
  return self
}

export const field = (name: string, type: GobType): GobField => ({ name, type })

/** Pointers are flattened on the wire. */
export const baseOf = (type: GobType): GobType => (type.kind === "pointer" ? baseOf(type.to) : type)

/** Names under which concrete types travel inside interfaces. */
export type GobRegistry = (name: string) => GobType | undefined

/** Go registers the basic types and slices of them by itself. */
export const BASIC_TYPES: ReadonlyMap<string, GobType> = new Map<string, GobType>([
  ["int", INT],
  ["int8", INT8],
  ["int16", INT16],
  ["int32", INT32],
  ["int64", INT],
  ["uint", UINT],
  ["uint8", UINT8],
  ["uint16", UINT16],
  ["uint32", UINT32],
  ["uint64", UINT],
  ["uintptr", UINT],
  ["float32", FLOAT32],
  ["float64", FLOAT64],
  ["complex64", COMPLEX64],
  ["complex128", COMPLEX128],
  ["bool", BOOL],
  ["string", STRING],
  ["[]uint8", BYTES],
  ["[]int", slice(INT)],
  ["[]int8", slice(INT8)],
  ["[]int16", slice(INT16)],
  ["[]int32", slice(INT32)],
  ["[]int64", slice(INT)],
  ["[]uint", slice(UINT)],
  ["[]uint16", slice(UINT16)],
  ["[]uint32", slice(UINT32)],
  ["[]uint64", slice(UINT)],
  ["[]uintptr", slice(UINT)],
  ["[]float32", slice(FLOAT32)],
  ["[]float64", slice(FLOAT64)],
  ["[]complex64", slice(COMPLEX64)],
  ["[]complex128", slice(COMPLEX128)],
  ["[]bool", slice(BOOL)],
  ["[]string", slice(STRING)]
])

/** The basic types and `named` ones. */
export const registryOf = (
  named: ReadonlyMap<string, GobType> | Readonly<Record<string, GobType>> = {}
): GobRegistry => {
  const own = new Map(named instanceof Map ? named : Object.entries(named))
  return (name) => own.get(name) ?? BASIC_TYPES.get(name)
}
