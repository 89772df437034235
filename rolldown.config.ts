// One file for the daemon: an Effect program starts three times faster from a bundle than from its modules.
import { defineConfig } from "rolldown"

export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  output: { file: "dist/backwalk.mjs", format: "esm", minify: false, sourcemap: true }
})
