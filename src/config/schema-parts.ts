// What the sections of the configuration's schema are made of: texts, numbers and lists with words for whoever got them wrong.
import * as Schema from "effect/Schema"
import { type Parsed, problemOf } from "./values.ts"

export const text = (expected: string) =>
  Schema.String.annotate({ message: `expected ${expected}, as text`, description: expected })

export const parsedText = (expected: string, parse: (text: string) => Parsed<unknown>) =>
  text(expected).check(Schema.makeFilter((value: string) => problemOf(parse(value))))

/** Numbers may be written with a unit, as text. */
export const parsedScalar = (expected: string, parse: (value: number | string) => Parsed<unknown>) =>
  Schema.Union([Schema.Finite, Schema.String])
    .annotate({ message: `expected ${expected}`, description: expected })
    .check(Schema.makeFilter((value: number | string) => problemOf(parse(value))))

export const integer = (expected: string, least: number, most: number) =>
  Schema.Finite.annotate({
    message: `expected ${expected}: a whole number from ${least} to ${most}`,
    description: expected
  }).check(
    Schema.makeFilter((value: number) =>
      Number.isInteger(value) && value >= least && value <= most
        ? undefined
        : `expected ${expected}: a whole number from ${least} to ${most}, not ${value}`
    )
  )

export const flag = (description: string) => Schema.Boolean.annotate({ message: "expected true or false", description })

export const oneOf = <const Names extends ReadonlyArray<string>>(what: string, names: Names) =>
  Schema.Literals(names).annotate({ message: `expected ${what}: one of ${names.join(", ")}`, description: what })

export const section = <Fields extends Schema.Struct.Fields>(what: string, fields: Fields) =>
  Schema.Struct(fields).annotate({ message: `expected ${what}: keys and values`, description: what })

export const list = <Item extends Schema.Top>(what: string, item: Item) =>
  Schema.Array(item).annotate({ message: `expected a list of ${what}`, description: `list of ${what}` })
