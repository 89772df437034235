// How a command fails: a sentence for stderr, and one of the exit statuses that scripts rely on.
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"

export const ExitStatus = {
  Done: 0,
  /** The answer is no: not found, differs, failed. */
  No: 1,
  /** Wrong usage, or a configuration with errors. */
  Usage: 2,
  /** The daemon cannot be reached. */
  Unreachable: 3,
  /** A permission is missing; the message names it. */
  Permission: 4
} as const
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus]

/** An empty message says nothing: what there was to say has been said on stdout. */
export class Failure extends Data.TaggedError("Failure")<{ readonly status: ExitStatus; readonly message: string }> {
  override readonly [Runtime.errorExitCode] = this.status
}

export const fail = (status: ExitStatus, message: string): Failure => new Failure({ status, message })
