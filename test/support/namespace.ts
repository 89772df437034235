// Network namespaces for tests against the real kernel. Each has a name of its own, so that tests may run beside each other, and goes
// when the test ends, whatever happened. Sockets are opened in it from this process; commands run in it through `ip netns exec`.
import { execFileSync } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { isAvailable } from "./available.ts"

/** A network namespace that exists while the function given to `withNamespace` runs. */
export interface Namespace {
  readonly name: string
  /** For `setns`. */
  readonly path: string
  /** Runs a shell command in it; its standard output. Throws with what it wrote to standard error. */
  readonly sh: (command: string) => string
}

/** Whether this process can make named namespaces and open sockets in them: root, or re-executed as root of a user namespace. */
export const namespacesAvailable = (): boolean =>
  isAvailable("namespaces") && isAvailable("root") && isAvailable("ip") && canOpenOwn()

/** Runs a shell command in the tests' own namespace. */
export const sh = (command: string): string =>
  execFileSync("sh", ["-ec", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

let counter = 0

/** Makes a namespace called after `tag`, runs `use` with it, and removes it. */
export const withNamespace = async <A>(tag: string, use: (namespace: Namespace) => A | Promise<A>): Promise<A> => {
  const name = `bw-${tag}-${process.pid}-${counter++}`
  sh(`ip netns add ${name}`)
  try {
    const inside = (command: string): string => sh(`ip netns exec ${name} sh -ec '${command.replaceAll("'", "'\\''")}'`)
    inside("ip link set lo up")
    return await use({ name, path: `/run/netns/${name}`, sh: inside })
  } finally {
    sh(`ip netns del ${name}`)
  }
}

const canOpenOwn = (): boolean => {
  try {
    closeSync(openSync("/proc/thread-self/ns/net", "r"))
    return true
  } catch {
    return false
  }
}
