// A deep copy of owned state, so that every machine can be cloned without each class writing its own copy: typed arrays, arrays,
// maps, sets, plain objects and instances of classes. What is shared inside the state stays shared inside the copy. Functions are
// code, not state, and are shared with the original.

export const deepClone = <State>(state: State): State => copy(state, new Map()) as State

const copy = (value: unknown, seen: Map<object, unknown>): unknown => {
  if (typeof value !== "object" || value === null) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  if (ArrayBuffer.isView(value)) return remember(value, (value as Uint8Array).slice(), seen)
  if (Array.isArray(value)) return copyArray(value, seen)
  if (value instanceof Map) {
    const made = remember(value, emptyLike(value), seen)
    for (const [key, item] of value) made.set(copy(key, seen), copy(item, seen))
    return made
  }
  if (value instanceof Set) {
    const made = remember(value, emptyLike(value), seen)
    for (const item of value) made.add(copy(item, seen))
    return made
  }
  const made = remember(value, Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>, seen)
  for (const key of Object.keys(value)) made[key] = copy((value as Record<string, unknown>)[key], seen)
  return made
}

/** A map or set of the same class, which may have methods of its own. */
const emptyLike = <Collection extends Map<unknown, unknown> | Set<unknown>>(value: Collection): Collection =>
  new (value.constructor as new () => Collection)()

const copyArray = (value: ReadonlyArray<unknown>, seen: Map<object, unknown>): unknown => {
  const made = remember(value, new Array<unknown>(value.length), seen)
  for (let index = 0; index < value.length; index++) made[index] = copy(value[index], seen)
  return made
}

const remember = <Made>(original: object, made: Made, seen: Map<object, unknown>): Made => {
  seen.set(original, made)
  return made
}
