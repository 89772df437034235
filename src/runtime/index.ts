// runtime: the world. Sockets, the kernel, files, the clock, timers; it performs what the router asks for, reports what happens as
// records, and decides nothing. The daemon is the loop between the two.

export { type DaemonOptions, runDaemon } from "./daemon.ts"
export { runDemo } from "./demo.ts"
export type { DemoOptions } from "./demo-run.ts"
export { FanoutClient, type FollowHub, type FollowNews, type FollowOptions, follow } from "./fanout-client.ts"
export { FanoutServer, type FanoutServerOptions } from "./fanout-server.ts"
export type { FanoutTls } from "./fanout-tls.ts"
export type { Daemon, OrderResult } from "./orders.ts"
export { DaemonFailed } from "./outfit.ts"
export { fileChunks } from "./recorder-files.ts"
export { ListenFailed } from "./transport.ts"
