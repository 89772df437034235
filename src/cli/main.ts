// Runs one command line to its exit status. Usage errors are short and go to stderr: help is a question away. Every failure that has
// an exit status of its own keeps it; what nobody foresaw is 1, with its cause.
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import { ExitStatus } from "./failure.ts"
import { print, warn } from "./output.ts"
import { backwalk } from "./tree.ts"
import { VERSION } from "./version.ts"

/** Interruption passes through: only whoever received the signal knows what it means. */
export const runCli = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Command.runWith(backwalk, { version: VERSION })(args).pipe(
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(CliConfig.CliConfig, CliConfig.make({ builtIns: BUILT_INS })),
    Effect.provide(NodeServices.layer),
    Effect.as<number>(ExitStatus.Done),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.interrupt : report(Cause.squash(cause), cause)
    )
  )

/** No wizard: what is asked for here is asked again by a script tomorrow. */
const BUILT_INS = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] as const

const report = (error: unknown, cause: Cause.Cause<unknown>): Effect.Effect<number> => {
  const { _tag, message } = (error ?? {}) as { readonly _tag?: unknown; readonly message?: unknown }
  if (_tag === "ShowHelp") return Effect.succeed(ExitStatus.Usage)
  const isForeseen = typeof error === "object" && error !== null && Runtime.errorExitCode in error
  const text = isForeseen && typeof message === "string" ? message : Cause.pretty(cause)
  return Effect.as(text === "" ? Effect.void : warn(text), Runtime.getErrorExitCode(error))
}

const presenter: CliOutput.Presenter = {
  present: (event): Effect.Effect<void> => {
    const formatter = CliOutput.defaultFormatter({ colors: false })
    switch (event._tag) {
      case "Help": {
        const help = formatter.formatHelpDoc(event.helpDoc)
        return event.reason === "Requested" ? Effect.promise(() => print(`${help}\n`)) : warn(help)
      }
      case "InvalidInvocation":
        return warn(usage(event.commandPath, event.errors))
      case "Version":
        return Effect.promise(() => print(`${event.name} ${event.version}\n`))
    }
  }
}

const usage = (path: ReadonlyArray<string>, errors: ReadonlyArray<CliError.NonShowHelpErrors>): string => {
  const command = path.join(" ")
  return [...errors.map((error) => `${command}: ${error.message}`), `Try: ${command} --help`].join("\n")
}
