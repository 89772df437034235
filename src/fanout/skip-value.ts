// How a value that we have no field for is passed over: by its structure, as it was defined, with the same checks as if it were kept.
import type { Cursor } from "./cursor.ts"
import { GobReason } from "./fault.ts"
import { eachField, type Plan } from "./read-value.ts"

export const skipNumber: Plan = (cursor) => {
  cursor.uint()
  return null
}

export const skipComplex: Plan = (cursor) => {
  cursor.uint()
  cursor.uint()
  return null
}

export const skipBytes: Plan = (cursor) => {
  cursor.at = cursor.span("something skipped")
  return null
}

export const skipList =
  (element: Plan, length?: number): Plan =>
  (cursor) => {
    const count = cursor.uint()
    if (length !== undefined && count !== length) {
      cursor.fail(GobReason.BadLength, `an array of ${count} where ${length} are defined`)
    }
    return repeat(cursor, count, element)
  }

export const skipEntries = (key: Plan, element: Plan): Plan => {
  const entry: Plan = (cursor) => {
    key(cursor)
    return element(cursor)
  }
  return (cursor) => repeat(cursor, cursor.uint(), entry)
}

export const skipFields =
  (plans: ReadonlyArray<Plan>): Plan =>
  (cursor) => {
    cursor.enter()
    eachField(cursor, plans.length, (field) => plans[field](cursor))
    cursor.leave()
    return null
  }

const repeat = (cursor: Cursor, count: number, element: Plan): null => {
  cursor.enter()
  for (let index = 0; index < count && !cursor.isStopped && cursor.hasElement("a list"); index++) element(cursor)
  cursor.leave()
  return null
}
