// The rooms in the order in which data flows through them, as docs/ARCHITECTURE.md lists them, and what each may import from outside.
// A room imports only rooms that stand before it.

/** Everything in these is pure: no npm, no `node:`, no clock, no chance, no socket. */
export const PURE_ROOMS = [
  "machine",
  "buffers",
  "wire",
  "session",
  "rib",
  "fib",
  "ksync",
  "netlink",
  "fanout",
  "eventlog",
  "router"
] as const

/** The whole order. `testing` is the library's second door: it stands beside the daemon and nobody in `src` imports it. */
export const ROOMS: ReadonlyArray<string> = [...PURE_ROOMS, "config", "runtime", "api", "cli", "testing"]

/** Which files of `src` stand outside the rooms, and which rooms each may import. */
export const DOORS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "src/index.ts": PURE_ROOMS,
  "src/main.ts": ["cli"],
  "src/testing.ts": ["testing"]
}

/** Rooms whose reach is shorter than the order says. */
export const NARROWED: Readonly<Record<string, ReadonlyArray<string>>> = {
  testing: PURE_ROOMS,
  config: PURE_ROOMS
}

/** Packages that a room may import; a pure room none. */
export const PACKAGES: Readonly<Record<string, RegExp>> = {
  config: /^(effect|@effect|yaml|node:)(\/|$|\w)/,
  runtime: /^(effect|@effect|snappy|node:)(\/|$|\w)/,
  api: /^(effect|@effect|node:)(\/|$|\w)/,
  cli: /^(effect|@effect|node:)(\/|$|\w)/,
  testing: /^fast-check$/,
  "main.ts": /^(effect|@effect|node:)(\/|$|\w)/
}

/** Where a reader or a program enters: what none of these reaches is dead. */
export const ENTRY_POINTS = [
  "src/index.ts",
  "src/main.ts",
  "src/testing.ts",
  "src/config/index.ts",
  "test/run.ts",
  "test/explore.ts",
  "test/support/seed.ts",
  "test/vectors/run.ts",
  "test/fuzz/run.ts",
  "test/fuzz/thread.ts",
  "test/fuzz/capture.ts",
  "bench/session-peers.ts",
  "bench/fanout-hub.ts",
  "bench/fanout-readers.ts",
  "bench/followers-hub.ts",
  "bench/followers-many.ts",
  "test/package/tarball.ts",
  "bench/run.ts",
  "docs/generate.ts",
  "docs/interop-page.ts"
] as const

/** Words that no pure room uses as code: they read a clock, chance or the world, or they wait. */
export const BANNED_WORDS = [
  "Date",
  "performance",
  "Math.random",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "process",
  "async",
  "await",
  "Promise",
  "Buffer",
  "TextEncoder",
  "TextDecoder",
  "console",
  "crypto",
  "fetch",
  "require",
  "globalThis",
  "WeakRef",
  "FinalizationRegistry"
] as const

/** Chance that no seed decides: a test that asks for it may fail once and never again (ADR-0055). */
export const CHANCE = [
  "Math.random",
  "randomBytes",
  "randomInt",
  "randomUUID",
  "randomFill",
  "getRandomValues"
] as const

/** Names that say nothing about what is inside, of files and of folders. */
export const EMPTY_NAMES = ["common", "utils", "util", "types", "helpers", "helper", "misc"] as const

/** Names that no folder has: everything would fit. */
export const EMPTY_FOLDERS = [...EMPTY_NAMES, "core", "shared", "lib"] as const

/** Files longer than the limit, each with the reason. Empty is the aim. */
export const LONG_FILES: Readonly<Record<string, string>> = {}

export const LINES_MAX = 400
