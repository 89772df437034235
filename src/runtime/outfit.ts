// From the configuration to the layers that a daemon runs with: which kernel, and whether the run is recorded.
import { Data, Effect, Layer, Runtime } from "effect"
import type { LogSettings } from "../config/index.ts"
import type { RouterConfig } from "../router/index.ts"
import { Inbox } from "./inbox.ts"
import { Kernel, type KernelUnavailable } from "./kernel.ts"
import { Recorder } from "./recorder.ts"

/** The daemon cannot start. The message is one sentence with what to do, `status` what the process ends with. */
export class DaemonFailed extends Data.TaggedError("DaemonFailed")<{
  readonly message: string
  readonly status: 1 | 4
}> {
  override readonly [Runtime.errorExitCode] = this.status
}

export const kernelOf = ({ kernel }: RouterConfig): Layer.Layer<Kernel, DaemonFailed, Inbox> => {
  if (kernel === undefined) return noKernel
  return withInbox(({ offer }) => (kernel.model ? Kernel.model({ offer }) : refusing(Kernel.real({ offer }))))
}

/** A kernel of a network namespace that is not ours. */
export const kernelOfNamespace = (namespace: string): Layer.Layer<Kernel, DaemonFailed, Inbox> =>
  withInbox(({ offer }) => refusing(Kernel.real({ offer, namespace })))

const withInbox = <E>(make: (inbox: Inbox["Service"]) => Layer.Layer<Kernel, E>): Layer.Layer<Kernel, E, Inbox> =>
  Layer.unwrap(Effect.map(Inbox, make))

const refusing = (layer: Layer.Layer<Kernel, KernelUnavailable>): Layer.Layer<Kernel, DaemonFailed> =>
  layer.pipe(
    Layer.catchTag("KernelUnavailable", ({ message, capability }) =>
      Layer.effect(Kernel, Effect.fail(new DaemonFailed({ message, status: capability === "" ? 1 : 4 })))
    )
  )

/** Without `kernel` in the configuration the router asks for nothing here. */
const noKernel: Layer.Layer<Kernel> = Layer.succeed(Kernel, {
  kind: "model",
  send: () => Effect.void,
  dump: () => Effect.void,
  prepare: () => Effect.succeed(undefined)
})

export const recorderOf = (log: LogSettings | undefined, seed: number, programVersion = ""): Layer.Layer<Recorder> =>
  log === undefined
    ? Recorder.none
    : Recorder.directory({ directory: log.directory, keepBytes: log.keepBytes, seed, programVersion })
