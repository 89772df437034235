// For configurations written in TypeScript: the identity function, which gives the editor the type to complete and check against.
import type { ConfigFile } from "./file-schema.ts"

export const defineConfig = (config: ConfigFile): ConfigFile => config
