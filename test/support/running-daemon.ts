// Daemons in this process, with the kernel's model: for tests of what several of them do together.
import { Deferred, Effect, Fiber, Logger } from "effect"
import { parseConfig } from "../../src/config/index.ts"
import { type Daemon, runDaemon } from "../../src/runtime/index.ts"

export interface RunningDaemon {
  readonly daemon: Daemon
  /** Cleanly. */
  readonly stop: () => Promise<void>
}

export const startDaemon = async (text: string): Promise<RunningDaemon> => {
  const up = Deferred.makeUnsafe<Daemon, unknown>()
  const program = Effect.flatMap(parseConfig(text, "test.yaml"), (config) =>
    runDaemon(config, {
      surface: (daemon) => Deferred.succeed(up, daemon),
      programVersion: "test",
      diary: Logger.layer([])
    })
  ).pipe(Effect.tapCause((cause) => Deferred.failCause(up, cause)))
  const running = Effect.runFork(program as Effect.Effect<void>)
  const daemon = await Effect.runPromise(Deferred.await(up))
  return { daemon, stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(running))) }
}

/** Looks again and again, for what other processes and sockets bring about in their own time. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, seconds = 30): Promise<void> => {
  const end = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
