// backwalk: the pure rooms, each under its name, and the contract of a machine without a prefix, because every other line needs it.
// Nothing here imports a package: it runs in a test, a worker, a browser. docs/LIBRARY.md shows how.

export * as buffers from "./buffers/index.ts"
export * as eventlog from "./eventlog/index.ts"
export * as fanout from "./fanout/index.ts"
export * as fib from "./fib/index.ts"
export * as ksync from "./ksync/index.ts"
export * from "./machine/index.ts"
export * as netlink from "./netlink/index.ts"
export * as rib from "./rib/index.ts"
export * as router from "./router/index.ts"
export * as session from "./session/index.ts"
export * as wire from "./wire/index.ts"
