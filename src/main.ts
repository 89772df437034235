// The program: one command line, run to its exit status. A signal ends the daemon cleanly, which is success for it; a client that is
// interrupted says so, as shells expect.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { holdHangups, runCli } from "./cli/index.ts"

const args = process.argv.slice(2)
const isDaemon = args.some((arg) => arg === "run" || arg === "demo")
const INTERRUPTED = 130

if (args.includes("run")) holdHangups()

const program = Effect.map(runCli(args), (status) => {
  process.exitCode = status
})

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? Number(process.exitCode) : isDaemon ? 0 : INTERRUPTED)
})
