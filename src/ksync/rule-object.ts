// One rule of policy routing: what is wanted, what is there as far as we know, and the request under way. Rules are few: plain objects.
import { fold, hashText } from "../machine/index.ts"
import { classify, Errno, ErrorClass, type Failure } from "./errors.ts"
import { KernelObject } from "./objects.ts"
import type { Meddling } from "./route-doubts.ts"
import type { RuleContent } from "./rule-content.ts"

/** Who writes requests down. Each call is one message, whose number it returns. */
export interface RuleRequests {
  hasRoom(): boolean
  putRule(rule: RuleContent): number
  deleteRule(rule: RuleContent): number
}

export type RuleOperation = "add" | "delete"

export class RuleObject extends KernelObject {
  readonly kind = "rule"
  readonly key: string
  readonly content: RuleContent
  wanted = false
  /** Number of the request under way; 0: none. */
  seq = 0
  operation: RuleOperation = "add"
  /** Requests about it without an answer, one after another. */
  silences = 0
  /** What another program did to it in our name while a request about it was under way: before or after that nobody knows. */
  meddling: Meddling | undefined = undefined

  constructor(key: string, content: RuleContent) {
    super(content.priority)
    this.key = key
    this.content = content
  }
}

/** It is there, because it was asked for or seen before, or is not there. */
export const isSo = ({ operation, unknown }: RuleObject, errno: number): boolean =>
  operation === "add" ? errno === Errno.EEXIST && unknown : classify("delete", errno, false) === ErrorClass.Success

export const hashOf = ({ key }: RuleObject): number => fold(hashText("rule"), hashText(key))

export const conflictWith = ({ priority, table }: RuleContent): Failure => ({
  errno: Errno.EEXIST,
  errorClass: ErrorClass.Conflict,
  text: `another program's rule ${priority} asks the same first, and looks in table ${table}`
})
