// The kinds of vectors and what checks a case of each.
import { checkBgpFsm } from "./bgp-fsm.ts"
import { checkFibCase } from "./fib-cases.ts"
import { checkFibWalk } from "./fib-walk.ts"
import { checkGob } from "./gob.ts"
import { checkKsyncCase } from "./ksync-cases.ts"
import { checkKsyncTransition } from "./ksync-transitions.ts"

export interface Outcome {
  readonly name: string
  /** Empty: the case is met. */
  readonly problems: ReadonlyArray<string>
}

/** Checks one case, as it stands in a line of the file. Never throws: what is wrong with a case is a problem of that case. */
export type Check = (value: unknown) => Outcome

export const KINDS: Readonly<Record<string, Check>> = {
  "bgp-fsm": checkBgpFsm,
  "fib-cases": checkFibCase,
  "fib-walk": checkFibWalk,
  gob: checkGob,
  "ksync-cases": checkKsyncCase,
  "ksync-transitions": checkKsyncTransition
}
