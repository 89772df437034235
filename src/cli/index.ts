// cli: the command line. Parses, asks the daemon or runs it, prints text for people and JSON for programs, and ends with the exit
// statuses that scripts rely on.

export { holdHangups } from "./early-hangup.ts"
export { ExitStatus, Failure } from "./failure.ts"
export { runCli } from "./main.ts"
