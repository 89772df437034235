// Received updates as offsets into the bytes they came in: a snapshot's hundred thousand keys and values become neither strings nor objects
// until somebody asks for one. Ten numbers per update, whatever its size; the bytes stay alive as long as the batch.
import type { Cursor } from "./cursor.ts"
import { GobReason } from "./fault.ts"
import { type CustomValue, type GobInterface, type GobType, type GobValue, INT, INTERFACE, UINT8 } from "./gob-type.ts"
import type { CustomReader, Plans } from "./plan.ts"
import type { Plan } from "./read-value.ts"
import { decodeText } from "./text.ts"

/** One change of one key, as it is sent. */
export interface Update {
  readonly key: string | Uint8Array
  /** Null or empty: the key is gone. The wire does not tell the two apart. */
  readonly value: Uint8Array | null
  /** A text; old senders had other basic types. Null: none. */
  readonly revision: string | GobInterface | null
  readonly v3ResourceVersion: string
  readonly ttlNanoseconds: number | bigint
  readonly updateType: number
}

export class UpdateBatch implements CustomValue {
  readonly isCustom = true
  readonly bytes: Uint8Array
  count = 0
  #columns: Int32Array
  #others: Map<number, GobValue> | undefined
  #ttls: Map<number, number | bigint> | undefined

  constructor(bytes: Uint8Array, capacity: number) {
    this.bytes = bytes
    this.#columns = new Int32Array(capacity * STRIDE)
  }

  key(index: number): string {
    return this.#text(index, Column.Key)
  }

  /** A view. */
  keyBytes(index: number): Uint8Array {
    return this.#view(index, Column.Key)
  }

  /** A view, or null where the key is gone. */
  value(index: number): Uint8Array | null {
    const view = this.#view(index, Column.Value)
    return view.length === 0 ? null : view
  }

  revision(index: number): GobInterface | null {
    const other = this.#others?.get(index)
    if (other !== undefined) return other as GobInterface | null
    if (this.#columns[index * STRIDE + Column.HasRevision] === 0) return null
    return { name: "string", value: this.#text(index, Column.Revision) }
  }

  /** Empty where there is none. */
  v3ResourceVersion(index: number): string {
    return this.#text(index, Column.V3ResourceVersion)
  }

  ttlNanoseconds(index: number): number | bigint {
    return this.#ttls?.get(index) ?? 0
  }

  updateType(index: number): number {
    return this.#columns[index * STRIDE + Column.UpdateType]
  }

  /** All of one update. */
  at(index: number): Update {
    return {
      key: this.key(index),
      value: this.value(index),
      revision: this.revision(index),
      v3ResourceVersion: this.v3ResourceVersion(index),
      ttlNanoseconds: this.ttlNanoseconds(index),
      updateType: this.updateType(index)
    }
  }

  /** For the reader: another update, all zero. */
  add(): number {
    if ((this.count + 1) * STRIDE > this.#columns.length) {
      const grown = new Int32Array(Math.max(8 * STRIDE, 2 * this.#columns.length))
      grown.set(this.#columns)
      this.#columns = grown
    }
    return this.count++
  }

  /** For the reader: where a part of an update lies. */
  setSpan(index: number, column: number, at: number, end: number): void {
    this.#columns[index * STRIDE + column] = at
    this.#columns[index * STRIDE + column + 1] = end
  }

  setNumber(index: number, column: number, value: number): void {
    this.#columns[index * STRIDE + column] = value
  }

  setTtl(index: number, ttlNanoseconds: number | bigint): void {
    this.#ttls ??= new Map()
    this.#ttls.set(index, ttlNanoseconds)
  }

  setRevision(index: number, revision: GobValue): void {
    this.#others ??= new Map()
    this.#others.set(index, revision)
  }

  #text(index: number, column: number): string {
    const at = index * STRIDE + column
    return decodeText(this.bytes, this.#columns[at], this.#columns[at + 1])
  }

  #view(index: number, column: number): Uint8Array {
    const at = index * STRIDE + column
    return this.bytes.subarray(this.#columns[at], this.#columns[at + 1])
  }
}

/** The start of each span is followed by its end. */
const Column = { Key: 0, Value: 2, Revision: 4, V3ResourceVersion: 6, UpdateType: 8, HasRevision: 9 } as const
const STRIDE = 10

/** Counted against the cap on values: what an update's numbers weigh, in elements of a list. */
const UPDATE_COST = 6

/** Instead of the list that `list` describes. */
export const updatesType = (list: GobType): GobType => ({ kind: "custom", as: list, reader: UPDATES })

const UPDATES: CustomReader = {
  zero: new UpdateBatch(new Uint8Array(0), 0),
  compile: (plans, cursor, id) => {
    const slice = plans.types.get(id)
    const struct = slice?.kind === "slice" ? plans.types.get(slice.element) : undefined
    // The list was found compatible with ours before.
    const fields = struct?.kind === "struct" ? struct.fields : []
    return readUpdates(fields.map((field) => readField(plans, cursor, field.name, field.id)))
  }
}

type FieldReader = (cursor: Cursor, batch: UpdateBatch, index: number) => void

const readUpdates =
  (fields: ReadonlyArray<FieldReader>): Plan =>
  (cursor) => {
    const count = cursor.uint()
    // At least a dozen bytes make an update; a sender of shorter ones pays with growing.
    const batch = new UpdateBatch(cursor.bytes, Math.min(count, 1 + (cursor.left() >> 4)))
    cursor.enter()
    for (let read = 0; read < count && !cursor.isStopped && cursor.hasElement("a list of updates"); read++) {
      cursor.spend(UPDATE_COST)
      readUpdate(cursor, batch, batch.add(), fields)
    }
    cursor.leave()
    return batch
  }

const readUpdate = (cursor: Cursor, batch: UpdateBatch, index: number, fields: ReadonlyArray<FieldReader>): void => {
  let field = -1
  while (cursor.at < cursor.limit) {
    const step = cursor.uint()
    if (step === 0) return
    field += step
    if (field >= fields.length) {
      cursor.fail(GobReason.Corrupt, `field ${field} of an update of ${fields.length}`)
      return
    }
    fields[field](cursor, batch, index)
  }
}

const readField = (plans: Plans, cursor: Cursor, name: string, id: number): FieldReader => {
  switch (name) {
    case "Key":
      return readSpan(Column.Key)
    case "Value":
      return readSpan(Column.Value)
    case "V3ResourceVersion":
      return readSpan(Column.V3ResourceVersion)
    case "Revision":
      return readRevision(plans.plan(cursor, id, INTERFACE, name))
    case "TTL": {
      const plan = plans.plan(cursor, id, INT, name)
      return (own, batch, index) => batch.setTtl(index, plan(own) as number | bigint)
    }
    case "UpdateType": {
      const plan = plans.plan(cursor, id, UINT8, name)
      return (own, batch, index) => batch.setNumber(index, Column.UpdateType, plan(own) as number)
    }
    default: {
      const skip = plans.skip(cursor, id)
      return (own) => {
        skip(own)
      }
    }
  }
}

const readSpan =
  (column: number): FieldReader =>
  (cursor, batch, index) => {
    const end = cursor.span("a part of an update")
    batch.setSpan(index, column, cursor.at, end)
    cursor.at = end
  }

/** Nearly always a text: its interface's name and type are compared as bytes, and it stays where it is. */
const readRevision =
  (plan: Plan): FieldReader =>
  (cursor, batch, index) => {
    if (!isText(cursor)) {
      batch.setRevision(index, plan(cursor))
      return
    }
    cursor.at += TEXT_HEAD.length
    // The length of what follows is in the value again.
    cursor.uint()
    if (cursor.uint() !== 0) cursor.fail(GobReason.Corrupt, "a lone value without its marker")
    batch.setNumber(index, Column.HasRevision, 1)
    readSpan(Column.Revision)(cursor, batch, index)
  }

const isText = (cursor: Cursor): boolean => {
  if (cursor.left() < TEXT_HEAD.length) return false
  for (let index = 0; index < TEXT_HEAD.length; index++) {
    if (cursor.bytes[cursor.at + index] !== TEXT_HEAD[index]) return false
  }
  return true
}

/** The name "string" and the number of the type, 6. */
const TEXT_HEAD = [6, 0x73, 0x74, 0x72, 0x69, 0x6e, 0x67, 0x0c]

/** A revision as text, as the original prints it (Go's %v). */
export const revisionText = (revision: GobInterface | null): string =>
  revision === null ? "<nil>" : goText(revision.value)

const goText = (value: GobValue): string => {
  if (Array.isArray(value) || value instanceof Uint8Array)
    return `[${Array.from(value as ReadonlyArray<GobValue>, goText).join(" ")}]`
  if (typeof value === "object" && value !== null && "real" in value) {
    const { real, imaginary } = value as { readonly real: number; readonly imaginary: number }
    return `(${real}${imaginary < 0 ? "" : "+"}${imaginary}i)`
  }
  return String(value)
}
