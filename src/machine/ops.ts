// Operations (effects, and events on hot paths) are declared once and have two faces: four words in a Uint32Array where a million
// of them pass, a tagged union where a person or a test reads them (ADR-0002). Anything that needs more than three words is a handle.
import { assert } from "./assert.ts"

const WORDS = 4

/** A growing list of four-word operations, filled by machines, read by the interpreter, cleared between batches. */
export class OpBuffer {
  words: Uint32Array
  /** Operations held, not words. */
  length = 0

  constructor(capacity = 64) {
    this.words = new Uint32Array(capacity * WORDS)
  }

  /** Appends one operation. Words are taken modulo 2^32. */
  put(code: number, a = 0, b = 0, c = 0): void {
    const at = this.length * WORDS
    if (at === this.words.length) this.grow()
    const words = this.words
    words[at] = code
    words[at + 1] = a
    words[at + 2] = b
    words[at + 3] = c
    this.length++
  }

  code(index: number): number {
    return this.words[index * WORDS]
  }
  a(index: number): number {
    return this.words[index * WORDS + 1]
  }
  b(index: number): number {
    return this.words[index * WORDS + 2]
  }
  c(index: number): number {
    return this.words[index * WORDS + 3]
  }

  clear(): void {
    this.length = 0
  }

  private grow(): void {
    const larger = new Uint32Array(this.words.length * 2)
    larger.set(this.words)
    this.words = larger
  }
}

/** One operation: its code (1 to 255), then the names of at most three words. */
export type OpShape =
  | readonly [code: number]
  | readonly [code: number, string]
  | readonly [code: number, string, string]
  | readonly [code: number, string, string, string]

export type OpShapes = Readonly<Record<string, OpShape>>

type Words<Shape extends OpShape> = Shape extends readonly [number, ...infer Names]
  ? { readonly [Name in Names[number] & string]: number }
  : never

/** The tagged face of an operation. */
export type OpUnion<Shapes extends OpShapes> = {
  [Tag in keyof Shapes & string]: { readonly _tag: Tag } & Words<Shapes[Tag]>
}[keyof Shapes & string]

export interface Ops<Shapes extends OpShapes> {
  /** Opcode by name. */
  readonly code: { readonly [Tag in keyof Shapes]: number }
  /** Name by opcode; `undefined` where there is none. */
  readonly nameOf: (code: number) => string | undefined
  readonly decode: (out: OpBuffer) => Array<OpUnion<Shapes>>
  readonly encode: (op: OpUnion<Shapes>, out: OpBuffer) => void
}

/** The tagged union that belongs to a declaration: `type Effect = OpOf<typeof effects>`. */
export type OpOf<Declared> = Declared extends Ops<infer Shapes> ? OpUnion<Shapes> : never

export const defineOps = <const Shapes extends OpShapes>(shapes: Shapes): Ops<Shapes> => {
  const byCode: Array<{ readonly tag: string; readonly names: ReadonlyArray<string> } | undefined> = []
  const code: Record<string, number> = {}
  for (const [tag, [number, ...names]] of Object.entries(shapes)) {
    assert(byCode[number] === undefined, `two operations with code ${number}`)
    byCode[number] = { tag, names }
    code[tag] = number
  }
  const decodeAt = (out: OpBuffer, index: number): OpUnion<Shapes> => {
    const shape = byCode[out.code(index)]
    assert(shape !== undefined, `operation with unknown code ${out.code(index)}`)
    const op: Record<string, unknown> = { _tag: shape.tag }
    shape.names.forEach((name, word) => {
      op[name] = out.words[index * WORDS + 1 + word]
    })
    return op as OpUnion<Shapes>
  }
  return {
    code: code as Ops<Shapes>["code"],
    nameOf: (number) => byCode[number]?.tag,
    decode: (out) => Array.from({ length: out.length }, (_, index) => decodeAt(out, index)),
    encode: (op, out) => {
      const { tag, names } = byCode[code[op._tag]]!
      assert(tag === op._tag, `operation ${op._tag} is not declared`)
      const words = op as unknown as Record<string, number>
      out.put(code[tag], words[names[0]!] ?? 0, words[names[1]!] ?? 0, words[names[2]!] ?? 0)
    }
  }
}
