// What this machine has of what the tests need: programs, root, network namespaces; and where what is missing is written down. Used
// inside vitest (requirements.ts) and outside of it (test/run.ts).
import { spawnSync } from "node:child_process"
import { accessSync, appendFileSync, constants, existsSync, mkdirSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"

/** Where each program lies when PATH does not name it: daemons often live in directories that users do not search. */
const DAEMON_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin", "/usr/local/go/bin"]

/** The programs, by the name under which they are reported: each entry is a set of files that must all be there. */
const PROGRAMS = {
  bird: ["bird", "birdc"],
  frr: ["/usr/lib/frr/bgpd", "/usr/lib/frr/zebra", "vtysh"],
  gobgp: ["gobgpd", "gobgp"],
  openbgpd: ["/usr/sbin/bgpd", "/usr/sbin/bgpctl"],
  exabgp: ["exabgp"],
  etcd: ["etcd"],
  go: ["go"],
  openssl: ["openssl"],
  tshark: ["tshark"],
  ip: ["ip"],
  nix: ["nix", "nix-instantiate"]
} as const

export type ProgramName = keyof typeof PROGRAMS

/** `root`: user id 0. `namespaces`: may make a network namespace, as root or through a user namespace.
 * `dev-full`: the device that is always full. `gobpeer`: the sources of the Go program that speaks the followers' protocol. */
export type RequirementName = ProgramName | "root" | "namespaces" | "dev-full" | "gobpeer"

/** Whether everything must be there. */
export const requireAll = (): boolean => process.env["BACKWALK_REQUIRE_ALL"] === "1"

/** The file of a program, looked for in PATH and where daemons live; `undefined` when it is not installed. */
export const executable = (file: string): string | undefined => {
  const found = foundFiles.get(file) ?? candidates(file).find(isExecutable)
  if (found !== undefined) foundFiles.set(file, found)
  return found
}

/** The same for callers that have already stated their requirement. */
export const executableOf = (file: string): string => {
  const path = executable(file)
  if (path === undefined) throw new Error(`${file} is not installed`)
  return path
}

export const isAvailable = (name: RequirementName): boolean => {
  if (name === "root") return process.getuid?.() === 0
  if (name === "namespaces") return namespaces() !== undefined
  if (name === "dev-full") return existsSync("/dev/full")
  if (name === "gobpeer") return existsSync(GOBPEER_SOURCES)
  return PROGRAMS[name].every((file) => executable(file) !== undefined)
}

/** How a network namespace can be made here: as ourselves (root), through a user namespace, or not at all. */
export const namespaces = (): "direct" | "user" | undefined => {
  namespacesProbed ??= { way: probe(["-n"]) ? "direct" : probe(["-U", "-r", "-n"]) ? "user" : undefined }
  return namespacesProbed.way
}

/** One name a line, as often as it is met: `test/run.ts` empties it before a run and reports it afterwards. */
export const missingFile = (): string =>
  process.env["BACKWALK_MISSING_FILE"] ?? join(import.meta.dirname, "../../.cache/requirements-missing.txt")

/** Recorded for the report at the end of `npm test`. */
export const recordMissing = (name: string): void => {
  mkdirSync(dirname(missingFile()), { recursive: true })
  appendFileSync(missingFile(), `${name}\n`)
}

/** One sentence on what to do about something missing. */
export const remedy = (name: string): string => REMEDIES[name] ?? `${name} is missing`

const foundFiles = new Map<string, string>()
let namespacesProbed: { readonly way: "direct" | "user" | undefined } | undefined

const candidates = (file: string): ReadonlyArray<string> =>
  file.startsWith("/")
    ? [file]
    : [...(process.env["PATH"] ?? "").split(delimiter), ...DAEMON_DIRECTORIES].map((folder) => join(folder, file))

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const probe = (flags: ReadonlyArray<string>): boolean =>
  spawnSync("unshare", [...flags, "true"], { stdio: "ignore" }).status === 0

/** Beside the checkout. */
export const GOBPEER_SOURCES = join(import.meta.dirname, "../../../shared/gobpeer")

const REMEDIES: Readonly<Record<string, string>> = {
  bird: "bird is missing: apt-get install bird2",
  frr: "frr is missing: apt-get install frr",
  gobgp: "gobgp is missing: apt-get install gobgpd",
  openbgpd: "openbgpd is missing: apt-get install openbgpd",
  exabgp: "exabgp is missing: apt-get install exabgp",
  etcd: "etcd is missing: apt-get install etcd-server",
  go: "go is missing: apt-get install golang-go",
  openssl: "openssl is missing: apt-get install openssl",
  tshark: "tshark is missing: apt-get install tshark",
  ip: "ip is missing: apt-get install iproute2",
  nix: "nix is missing: apt-get install nix-bin",
  gobpeer: "gobpeer is missing: its sources belong beside this checkout, as ../shared/gobpeer",
  "dev-full": "dev-full is missing: there is no /dev/full",
  biome: "biome is missing: npx could not fetch @biomejs/biome (is there a network?)",
  root: "root is missing: run the tests as root",
  namespaces: "namespaces are missing: run as root, or allow unprivileged user namespaces"
}
