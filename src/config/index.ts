// config: the configuration file, from Schema to plain data. It reads YAML or a TypeScript module, reports every problem with its line
// and column, and gives what the router takes with groups merged and defaults filled in. Also the public entry `backwalk/config`.

export { defineConfig } from "./define.ts"
export type { ConfigFile } from "./file-schema.ts"
export { configJsonSchema } from "./json-schema.ts"
export { decodeConfig, loadConfig, parseConfig } from "./load.ts"
export type {
  ApiSettings,
  DaemonSettings,
  FanoutFollowSettings,
  FanoutServeSettings,
  FanoutSettings,
  FanoutStoreSettings,
  LoadedConfig,
  LogSettings,
  TlsFiles
} from "./loaded.ts"
export { ConfigError, type PlacedProblem } from "./problems.ts"
export { DEFAULT_SOCKET } from "./resolve.ts"
