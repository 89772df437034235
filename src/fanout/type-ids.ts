// Which number each of our types has on the wire. Any will do (a decoder must not guess them), but they must not change: with fixed numbers
// the bytes of a message depend on its content alone, and one encoding serves every client. Numbers are given in the order in which Go
// gives them (a structure before its fields, other types after their parts), so that what we write can be compared with it byte by byte.
import { baseOf, type GobType } from "./gob-type.ts"
import { basicId, TypeId } from "./wire-type.ts"

export class TypeIds {
  readonly #ids = new Map<GobType, number>()
  #next: number

  /** `first`: 65 in Go before 1.21, 64 after. */
  constructor(first: number = TypeId.FirstOwn + 1) {
    this.#next = first
  }

  /** Sets a number by hand, before it is asked for. */
  fix(type: GobType, id: number): void {
    this.#ids.set(baseOf(type), id)
  }

  of(type: GobType): number {
    const base = baseOf(type)
    const known = basicId(base) ?? this.#ids.get(base)
    if (known !== undefined) return known
    if (base.kind === "struct") this.#give(base)
    for (const part of partsOf(base)) this.of(part)
    return this.#ids.get(base) ?? this.#give(base)
  }

  #give(base: GobType): number {
    const id = this.#next++
    this.#ids.set(base, id)
    return id
  }
}

/** The types that a type is made of, in the order of its definition. */
export const partsOf = (base: GobType): ReadonlyArray<GobType> => {
  switch (base.kind) {
    case "struct":
      return base.fields.map((field) => field.type)
    case "slice":
    case "array":
      return [base.element]
    case "map":
      return [base.key, base.element]
    default:
      return []
  }
}
