// runtime: the world. Sockets, the kernel, files, the clock, timers; it performs what the router asks for, reports what happens as
// records, and decides nothing. The daemon is the loop between the two.

export { type DaemonOptions, runDaemon } from "./daemon.ts"
export { runDemo } from "./demo.ts"
export type { DemoOptions } from "./demo-run.ts"
export type { Daemon, OrderResult } from "./orders.ts"
export { DaemonFailed } from "./outfit.ts"
export { ListenFailed } from "./transport.ts"
