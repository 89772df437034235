// Freezes a value with everything in it, so that a reducer that writes to its arguments throws. Bytes cannot be frozen; what holds them
// is.

export const freeze = <Value>(value: Value): Value => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
  return value
}
