// The demonstration: a daemon with two built-in speakers that play a table, and the kernel of a private network namespace, so that
// nothing of this machine is touched. The namespace is entered by running ourselves again inside; what runs outside then only passes on
// the looking glass and the signals. Where there can be no namespace, everything runs here with the model kernel.
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { bridgeFromTcp } from "./demo-bridge.ts"
import { makeNetwork } from "./demo-network.ts"
import { type DemoOptions, runInside } from "./demo-run.ts"
import { DaemonFailed } from "./outfit.ts"
import type { ListenFailed } from "./transport.ts"

/** Runs until interrupted; with `once`, until everything is learned and programmed. */
export const runDemo = <E, R>(
  options: DemoOptions<E, R>
): Effect.Effect<void, E | DaemonFailed | ListenFailed, Exclude<R, Scope.Scope>> => {
  const directory = process.env[INSIDE]
  if (directory !== undefined) return insideNamespace(options, directory)
  return Effect.suspend(() => {
    const fresh = mkdtempSync(join(tmpdir(), "backwalk-demo-"))
    const way = WAYS.find((flags) => canUnshare(flags))
    if (way === undefined) return runInside(options, { directory: fresh, mode: "model", lookingGlass: "" })
    return Effect.flatMap(Effect.scoped(outside(way, fresh)), (code) => {
      if (code === NO_NETWORK) return runInside(options, { directory: fresh, mode: "model", lookingGlass: "" })
      if (code === 0) return Effect.void
      return Effect.fail(new DaemonFailed({ message: "", status: 1 }))
    })
  })
}

/** Set for the run inside the namespace: the directory of the demonstration. */
const INSIDE = "BACKWALK_DEMO_DIRECTORY"
const LOOKING_GLASS = "BACKWALK_DEMO_LOOKING_GLASS"
/** The exit status with which the inner run says that it could not make its network. */
const NO_NETWORK = 75

/** As root a network namespace is enough; anybody else needs a user namespace around it. */
const WAYS: ReadonlyArray<ReadonlyArray<string>> = [["-n"], ["-U", "-r", "-n"]]

const canUnshare = (flags: ReadonlyArray<string>): boolean =>
  spawnSync("unshare", [...flags, "true"], { stdio: "ignore" }).status === 0

const insideNamespace = <E, R>(options: DemoOptions<E, R>, directory: string) =>
  makeNetwork.pipe(
    Effect.catchTag("DaemonFailed", ({ message }) =>
      Effect.sync(() => {
        process.stderr.write(`${message}; going on with the model kernel\n`)
        process.exit(NO_NETWORK)
      })
    ),
    Effect.flatMap(() =>
      runInside(options, { directory, mode: "netlink", lookingGlass: process.env[LOOKING_GLASS] ?? "" })
    )
  )

/** Runs ourselves in a namespace; gives the exit status. Interrupting it ends the inner run and waits for it. */
const outside = Effect.fnUntraced(function* (way: ReadonlyArray<string>, directory: string) {
  const lookingGlass = yield* bridgeFromTcp(glassSocket(directory))
  return yield* Effect.callback<number>((resume) => {
    const command = [...way, process.execPath, ...process.execArgv, ...process.argv.slice(1)]
    const child = spawn("unshare", command, {
      stdio: "inherit",
      env: { ...process.env, [INSIDE]: directory, [LOOKING_GLASS]: lookingGlass }
    })
    let isOver = false
    const over = (code: number): void => {
      isOver = true
      resume(Effect.succeed(code))
    }
    child.once("error", () => over(NO_NETWORK))
    child.once("exit", (code) => over(code ?? 1))
    return Effect.callback<void>((ended) => {
      if (isOver) return ended(Effect.void)
      child.once("exit", () => ended(Effect.void))
      child.kill("SIGTERM")
    })
  })
})

/** Where the inner run passes on connections to its looking glass. */
export const glassSocket = (directory: string): string => join(directory, "looking-glass.sock")
