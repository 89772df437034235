// Assertions are about us, never about bytes from outside: those are judged, and the verdict is data. An assertion that fails
// stops the daemon and names what we believed, so that the recorded batch can be replayed up to it.

export class AssertionError extends Error {
  override readonly name = "AssertionError"
}

/** States what must hold. Costs a branch, stays on in production. */
export function assert(holds: boolean, belief: string): asserts holds {
  if (!holds) throw new AssertionError(belief)
}

/** The end of a `switch` whose cases are all meant: adding a case without handling it does not compile. */
export const unreachable = (value: never): never => {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
